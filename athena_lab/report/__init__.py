"""What was found in a sample, and its forms."""

from athena_lab.report.facts import FileFacts
from athena_lab.report.findings import SEVERITIES, Evidence, Finding, Severity, Slot
from athena_lab.report.model import (
    FACTS_MODULE,
    REPORT_MIME,
    AnalysisType,
    ModuleResult,
    Performance,
    Report,
    ReportStatus,
    Verdict,
    build_report,
)

__all__ = [
    "FACTS_MODULE",
    "REPORT_MIME",
    "SEVERITIES",
    "AnalysisType",
    "Evidence",
    "FileFacts",
    "Finding",
    "ModuleResult",
    "Performance",
    "Report",
    "ReportStatus",
    "Severity",
    "Slot",
    "Verdict",
    "build_report",
]
