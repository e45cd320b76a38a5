#!/usr/bin/env python3
"""Fuzzes the modules natively with libFuzzer: builds the targets, makes what they begin with, runs one by one.

    python wasm/fuzz/run.py [MODULE ...] [--seconds N]

An input that breaks the contract, that a module panics on, or that takes too long ends the run with 1 and
is kept in ``artifacts/``; what is found is mended and becomes a golden case. ``corpus/`` keeps what was learnt.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

FUZZ = Path(__file__).resolve().parent
WASM = FUZZ.parent
sys.path[:0] = [str(WASM.parent), str(WASM.parent / "tests" / "wasm_modules")]

import crafted  # noqa: E402  # its folder is on the path only now
import disguised  # noqa: E402
import scripts_made  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULES = ("analysis-engine", "crypto", "deobfuscator", "file-processor", "network", "pattern-matcher", "sandbox")
HOST = "x86_64-unknown-linux-gnu"
COVERAGE = (
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
)
"""What cargo-fuzz passes, too. Sanitizers would need a nightly compiler, and find nothing in safe code."""
SLOWEST = 5
"""Seconds for one input: a triage has 30, and fuzzed code is some 5 times slower."""
LONGEST = 1 << 18
"""Bytes of an input."""
MEMORY = 2_048
"""MiB."""
PLAIN = b"\0\0"
"""Behind a sample: no decisions, `analyze`; see ``harness/src/probe.rs``."""
RULES = ((b"\0\0\0\1\1\0\0\0", 2), (b"\0\0\1\0\0\0", 3), (b"\0\0\1\0\0\0", 4))
"""Decisions by which pattern-matcher's scan, compile and check take the sample as their rules."""


def build() -> Path:
    env = os.environ | {"RUSTFLAGS": " ".join(("--cfg fuzzing", *COVERAGE))}
    target = WASM / "target" / "fuzz"
    # With a target named, build scripts and macros are not instrumented.
    command = ["cargo", "build", "--locked", "--release", "--target", HOST, "--target-dir", str(target)]
    subprocess.run(command, cwd=FUZZ, env=env, check=True)  # noqa: S603  # our own tools
    return target / HOST / "release"


def seeds(module: str) -> Path:
    """What a module's fuzzer begins with, made anew: crafted files, cut ones, and calls of its functions."""
    folder = FUZZ / "corpus" / "seeds" / module
    if module == "analysis-engine":
        crafted.write(folder, results(), b"")
        return folder
    crafted.write(folder, crafted.crafted(), PLAIN)
    crafted.write(folder, crafted.cut(), PLAIN)
    for function in range(1, 17):
        decisions = bytes((function * 37 + index * 73) % 251 for index in range(64))
        crafted.write(folder, iter([b"secret key or text " * 4]), decisions + bytes([len(decisions), function]))
    if module == "deobfuscator":
        crafted.write(folder, (make() for make in disguised.SAMPLES.values()), PLAIN)
    if module == "sandbox":
        crafted.write(folder, iter(scripts_made.samples().values()), PLAIN)
    if module == "pattern-matcher":
        rules = sorted((WASM / "modules" / module / "rules").glob("*.yar"))
        texts = [part for file in rules for part in file.read_bytes().split(b"\n\n")]
        for decisions, function in RULES:
            crafted.write(folder, iter(texts), decisions + bytes([len(decisions), function]))
    return folder


def results() -> Iterator[bytes]:
    """What the other modules say of their golden samples, as analysis-engine is given it."""
    for file in sorted((WASM / "modules").glob("*/tests/golden/*.json")):
        said = {"module": file.parents[2].name, "status": "ok", **json.loads(file.read_bytes())}
        yield json.dumps({"results": [said], "children": []}).encode()


def fuzz(binary: Path, seconds: int, slowest: int) -> bool:
    corpus, artifacts = FUZZ / "corpus" / binary.name, FUZZ / "artifacts" / binary.name
    for folder in (corpus, artifacts):
        folder.mkdir(parents=True, exist_ok=True)
    command = [binary, f"-max_total_time={seconds}", f"-timeout={slowest}", f"-max_len={LONGEST}"]
    command += [f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={artifacts}/", "-report_slow_units=5", "-verbosity=1"]
    command += [corpus, seeds(binary.name)]
    return subprocess.run(command, cwd=FUZZ, check=False).returncode == 0  # noqa: S603  # what was built here


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", choices=[*MODULES, []], help="all by default")
    parser.add_argument("--seconds", type=int, default=600, help="for each module")
    parser.add_argument("--slowest", type=int, default=SLOWEST, help="seconds for one input; more on a busy machine")
    arguments = parser.parse_args()
    folder = build()
    outcomes = {
        name: fuzz(folder / name, arguments.seconds, arguments.slowest) for name in arguments.modules or MODULES
    }
    for name, ok in outcomes.items():
        print(f"fuzz: {name}: {'nothing found' if ok else 'FAILED, see wasm/fuzz/artifacts'}", flush=True)  # noqa: T201  # a script talks to its terminal
    return 0 if all(outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
