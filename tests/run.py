"""Runs every check and test, cheap to dear, and says at the end what ran and how many passed.

    python tests/run.py [--only NAME[,NAME...]] [--list]

What is built with Rust runs beside the rest, on one core, since the rest seldom needs more than another: what each
stage printed is shown when it ends. A stage that fails does not end the run, since the others have something to say
too; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
PYTEST = f"{sys.executable} -m pytest -q"
APART = ("jupyter", "browser", "wasm_modules", "notebooks", "projects")
CORE = " ".join(["tests", *(f"--ignore=tests/{name}" for name in APART)])
LOOPBACK = "--disable-socket --allow-unix-socket --allow-hosts=127.0.0.1,::1,localhost"


ONE_CORE = {"CARGO_BUILD_JOBS": "1", "RUST_TEST_THREADS": "1"}


class Stage(NamedTuple):
    """One command. ``group`` can be asked for with --only, as the name can; those of ``rust`` run beside the others."""

    name: str
    command: str
    group: str = "tests"
    folder: str = "."


STAGES = (
    Stage("ruff format", "ruff format --check .", "checks"),
    Stage("ruff", "ruff check .", "checks"),
    Stage("codespell", "codespell", "checks"),
    Stage("biome", "jlpm biome ci --error-on-warnings .", "checks", "labextension"),
    Stage("cargo fmt", "cargo fmt --all --check", "checks", "wasm"),
    Stage("fuzz lock", "cargo tree --locked --quiet --depth 0", "checks", "wasm/fuzz"),
    Stage("layers", "lint-imports --no-cache", "checks"),
    Stage("deptry", "deptry athena_lab", "checks"),
    Stage("vulture", "vulture", "checks"),
    Stage("mypy", "mypy", "checks"),
    Stage("tsc", "jlpm tsc --noEmit", "checks", "labextension"),
    Stage("tsc tests", "jlpm tsc --noEmit -p tests", "checks", "labextension"),
    Stage("core", f"{PYTEST} {CORE} {LOOPBACK}"),
    Stage("modules", f"{PYTEST} tests/wasm_modules"),
    Stage("projects", f"{PYTEST} tests/projects"),
    Stage("jupyter", f"{PYTEST} -c tests/jupyter/pytest.ini --rootdir=. tests/jupyter {LOOPBACK}"),
    Stage("vitest", "jlpm test", "tests", "labextension"),
    Stage("wheel", f"{sys.executable} tests/wheel.py"),
    Stage("notebooks", f"{PYTEST} tests/notebooks"),
    Stage("browser", f"{PYTEST} tests/browser"),
    Stage("components", f"{sys.executable} wasm/build.py --check", "rust"),
    Stage("clippy", "cargo clippy --workspace --all-targets --quiet -- -D warnings", "rust", "wasm"),
    Stage("cargo test", "cargo test --workspace --quiet", "rust", "wasm"),
)


class Outcome(NamedTuple):
    stage: Stage
    ok: bool
    passed: int
    failed: int
    skipped: int
    seconds: float


def run(stage: Stage, *, live: bool) -> Outcome:
    """Runs one stage, and prints what it prints at once, or in one piece at its end."""
    header = f"\n=== {stage.name}: {stage.command}"
    if live:
        print(header, flush=True)
    started = time.monotonic()
    environment = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"}
    if not live:
        environment |= ONE_CORE
    process = subprocess.Popen(
        shlex.split(stage.command),
        cwd=ROOT / stage.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines = []
    for line in process.stdout or ():
        if live:
            print(line, end="", flush=True)
        lines.append(line)
    ok = process.wait() == 0
    if not live:
        print("\n".join((header, "".join(lines))), flush=True)
    passed, failed, skipped = count(lines)
    return Outcome(stage, ok, passed, failed or int(not ok), skipped, time.monotonic() - started)


def count(lines: list[str]) -> tuple[int, int, int]:
    """Tests passed, failed and skipped, by the summaries of pytest, cargo and vitest; a check counts as one."""
    summaries = [line for line in lines if re.search(r"\d+ (passed|failed|skipped)", line) and "Test Files" not in line]
    totals = [line for line in summaries if re.search(r"test result:|^\s*Tests\s|in [\d.]+s|^\d+ passed", line)]
    passed = sum(int(number) for line in totals for number in re.findall(r"(\d+) passed", line))
    failed = sum(int(number) for line in totals for number in re.findall(r"(\d+) failed", line))
    skipped = sum(int(number) for line in totals for number in re.findall(r"(\d+) (?:skipped|ignored)", line))
    return passed, failed, skipped


def report(outcomes: list[Outcome], seconds: float) -> int:
    print("\n\nstage          result   passed  failed  skipped  seconds")
    for outcome in outcomes:
        result = "ok" if outcome.ok else "FAILED"
        counts = f"{outcome.passed:6} {outcome.failed:7} {outcome.skipped:8}"
        print(f"{outcome.stage.name:14} {result:8} {counts} {outcome.seconds:8.1f}")
    checks = sum(outcome.ok and not outcome.passed for outcome in outcomes)
    passed = sum(outcome.passed for outcome in outcomes) + checks
    failed = sum(outcome.failed for outcome in outcomes)
    print(f"\nof them {checks} checks, in {seconds:.0f} s")
    print(f"{passed} passed, {failed} failed, {sum(outcome.skipped for outcome in outcomes)} skipped")
    return int(any(not outcome.ok for outcome in outcomes))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="names or groups of stages, separated by commas")
    parser.add_argument("--list", action="store_true", help="list the stages")
    arguments = parser.parse_args()
    wanted = set(filter(None, arguments.only.split(",")))
    stages = [stage for stage in STAGES if not wanted or wanted & {stage.name, stage.group}]
    if arguments.list:
        print("\n".join(f"{stage.group:8} {stage.name}" for stage in stages))
        return 0
    if unknown := wanted - {name for stage in STAGES for name in (stage.name, stage.group)}:
        parser.error(f"no such stage: {', '.join(sorted(unknown))}")
    lanes = [[stage for stage in stages if (stage.group == "rust") is rust] for rust in (False, True)]
    live = not all(lanes)
    started = time.monotonic()
    with ThreadPoolExecutor(len(lanes)) as pool:
        outcomes = [*pool.map(lambda lane: [run(stage, live=live) for stage in lane], lanes)]
    return report([outcome for lane in outcomes for outcome in lane], time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main())
