"""What `import` costs, in interpreters of their own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from tempfile import TemporaryDirectory

from tests.bench.table import Table

RUNS = 11
WHAT = (
    ("athena_lab", "import athena_lab"),
    ("connect", "from athena_lab import connect"),
    ("open_lab: the whole lab", "from athena_lab import open_lab"),
    ("athena_lab.ai", "import athena_lab.ai"),
    ("openai", "import openai"),
    ("anthropic", "import anthropic"),
    ("httpx", "import httpx"),
    ("pefile", "import pefile"),
    ("lief", "import lief"),
)
SCRIPT = """
import sys, time
before = set(sys.modules)
began = time.perf_counter()
{statement}
taken = time.perf_counter() - began
new = set(sys.modules) - before
jupyter = any(name.partition(".")[0] in {{"jupyter_server", "IPython", "ipywidgets", "tornado"}} for name in new)
print(taken, len(new), "yes" if jupyter else "no")
"""


def run() -> list[Table]:
    with TemporaryDirectory() as cache:
        return [_table(cache)]


def _table(cache: str) -> Table:
    rows = []
    for name, statement in WHAT:
        _once(statement, cache)  # writes the bytecode that an installed package has
        runs = [_once(statement, cache) for _ in range(RUNS)]
        times = [float(run[0]) * 1_000 for run in runs]
        rows.append([name, f"{statistics.median(times):.0f}", f"{min(times):.0f}", runs[0][1], runs[0][2]])
    note = (
        f"From the statement to the next, without the interpreter's own start, with bytecode; {RUNS} new interpreters "
        "each."
    )
    columns = ["import", "median, ms", "least, ms", "modules loaded", "Jupyter among them"]
    return Table("Import time", note, columns, rows)


def _once(statement: str, cache: str) -> list[str]:
    command = [sys.executable, "-c", SCRIPT.format(statement=statement)]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environ["PYTHONPYCACHEPREFIX"] = cache
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environ).stdout.split()
