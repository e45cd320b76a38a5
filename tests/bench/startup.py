"""From the command to the first answer over HTTP, beside JupyterLab without Athena Lab."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.table import Table, ratio
from tests.jupyter.server_process import jupyter_athena

RUNS = 3
WITHOUT = "--ServerApp.jpserver_extensions={'athena_lab': False, 'jupyterlab': True}"


def run() -> list[Table]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        first = _start(home, "athena", "/health")  # compiles the modules into the cache
        ours, plain = [], []
        for _ in range(RUNS):
            plain.append(_start(home, "lab", "/api", WITHOUT))
            ours.append(_start(home, "athena", "/health"))
    base = statistics.median(plain)
    rows = [
        ["`jupyter lab` without Athena Lab, to /api", f"{base:.2f}", "1"],
        [
            "`jupyter athena`, to a healthy /health",
            f"{statistics.median(ours):.2f}",
            ratio(statistics.median(ours), base),
        ],
        ["the same, the very first time (modules are compiled)", f"{first:.2f}", ratio(first, base)],
    ]
    note = f"Seconds from the command to the first answer; median of {RUNS}, by turns. /health waits for the modules."
    return [Table("Start-up", note, ["", "s", "beside JupyterLab"], rows)]


def _start(home: Path, program: str, path: str, *arguments: str) -> float:
    began = time.perf_counter()
    with jupyter_athena(home, *arguments, program=program, healthy=path):
        return time.perf_counter() - began
