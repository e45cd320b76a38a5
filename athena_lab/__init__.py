"""Athena Lab: a malware analyst's workbench inside JupyterLab.

>>> lab = athena_lab.connect()
>>> report = await lab.triage("suspicious.exe")

Names are loaded when they are first used, so that the import stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from athena_lab.ai.types import AnalysisRequest
    from athena_lab.client import LabClient, connect
    from athena_lab.lab import Lab, open_lab
    from athena_lab.report import Finding, Report
    from athena_lab.sample import Sample
    from athena_lab.sync import ask, triage

__all__ = [
    "AnalysisRequest",
    "Finding",
    "Lab",
    "LabClient",
    "Report",
    "Sample",
    "ask",
    "connect",
    "open_lab",
    "triage",
]

_HOMES = {
    "AnalysisRequest": "athena_lab.ai.types",
    "Finding": "athena_lab.report",
    "Lab": "athena_lab.lab",
    "LabClient": "athena_lab.client",
    "Report": "athena_lab.report",
    "Sample": "athena_lab.sample",
    "ask": "athena_lab.sync",
    "connect": "athena_lab.client",
    "open_lab": "athena_lab.lab",
    "triage": "athena_lab.sync",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - costs more than all the rest of this file

        return version("athena-lab")
    if name not in _HOMES:
        raise AttributeError(f"module 'athena_lab' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from athena_lab.jupyter.app import AthenaApp  # noqa: PLC0415 - Jupyter is imported where it is asked for

    return [{"module": "athena_lab", "app": AthenaApp}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    return [{"src": "labextension", "dest": "athena-lab"}]
