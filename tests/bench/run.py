"""The benchmarks, beside what one would use instead: ``python tests/bench/run.py [--only TOPIC[,TOPIC...]] [--write]``.

Prints a table per topic, all measured in this one run. ``--write`` also puts them into tests/bench/README.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import importlib
import os
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

TOPICS = (
    "triage",
    "whole",
    "files",
    "workers",
    "patterns",
    "crypto",
    "machine",
    "deobfuscation",
    "indicators",
    "captures",
    "scripts",
    "own_modules",
    "startup",
    "imports",
    "widget",
    "ai",
    "policies",
    "bulkheads",
)
PACKAGES = (
    "wasmtime",
    "pefile",
    "lief",
    "yara-python",
    "yara-x",
    "boreal-python",
    "jupyterlab",
    "anywidget",
    "httpx",
    "openai",
    "anthropic",
)


def machine() -> str:
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    date = dt.datetime.now(tz=dt.UTC).date()
    hardware = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    load = f"{os.getloadavg()[0]:.1f}"
    return f"{date}, {hardware}, Python {platform.python_version()}, {packages}. Load before the start: {load}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(TOPICS), help="topics, separated by commas (%(default)s)")
    parser.add_argument("--write", action="store_true", help="write tests/bench/README.md too")
    arguments = parser.parse_args()
    parts = [
        "# Benchmarks",
        "",
        "Made by `make bench`. Compare within a table; absolute figures are the machine's.",
        "",
    ]
    parts += [machine(), ""]
    print("\n".join(parts), flush=True)
    for topic in arguments.only.split(","):
        began = time.monotonic()
        for table in importlib.import_module(f"tests.bench.{topic}").run():
            parts.append(table.markdown())
            print(parts[-1], flush=True)
        print(f"({topic}: {time.monotonic() - began:.0f} s)\n", file=sys.stderr, flush=True)
    if arguments.write:
        (HERE / "README.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
