"""What was found in a sample, and its forms.

Names are loaded when they are first used: who needs a severity need not import the whole report.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from athena_lab.report.behaviour import SandboxFacts
    from athena_lab.report.conclusion import Conclusion
    from athena_lab.report.crypto import CryptoFacts
    from athena_lab.report.deobfuscation import DeobfuscationFacts
    from athena_lab.report.facts import FileFacts
    from athena_lab.report.findings import SEVERITIES, AnalysisType, Evidence, Finding, Level, Severity, Slot
    from athena_lab.report.model import (
        REPORT_MIME,
        ModuleResult,
        Performance,
        Report,
        ReportStatus,
        Verdict,
        build_report,
    )
    from athena_lab.report.network import NetworkFacts
    from athena_lab.report.patterns import PatternFacts
    from athena_lab.report.tree import Node

__all__ = [
    "REPORT_MIME",
    "SEVERITIES",
    "AnalysisType",
    "Conclusion",
    "CryptoFacts",
    "DeobfuscationFacts",
    "Evidence",
    "FileFacts",
    "Finding",
    "Level",
    "ModuleResult",
    "NetworkFacts",
    "Node",
    "PatternFacts",
    "Performance",
    "Report",
    "ReportStatus",
    "SandboxFacts",
    "Severity",
    "Slot",
    "Verdict",
    "build_report",
]

_HOMES = {
    "Conclusion": "conclusion",
    "CryptoFacts": "crypto",
    "DeobfuscationFacts": "deobfuscation",
    "FileFacts": "facts",
    "NetworkFacts": "network",
    "PatternFacts": "patterns",
    "SandboxFacts": "behaviour",
    "Node": "tree",
    **dict.fromkeys(("SEVERITIES", "AnalysisType", "Evidence", "Finding", "Level", "Severity", "Slot"), "findings"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name, "model")
    value = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
