"""Disassembly from entry points beside the same code run natively, and programs of about a megabyte as a whole."""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import SampleFile
from tests.bench.table import Table
from tests.bench.triage import ROOT, config, pe_files, sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULE = "sandbox"
LARGE = 300_000
"""Bytes of a file that is worth measuring: of smaller ones, starting the module is most."""
ROUNDS = 5


class Native(NamedTuple):
    """What the example of the crate says of a file: bytes of instructions that were read, and seconds."""

    decoded: int
    seconds: float


def natively(files: Sequence[Path]) -> dict[Path, Native]:
    """The best of some runs of the same crate, built for this processor."""
    build = ["cargo", "build", "--release", "--locked", "--package", "machine-code", "--example", "disassemble"]
    subprocess.run(build, cwd=ROOT / "wasm", check=True)
    program = ROOT / "wasm" / "target" / "release" / "examples" / "disassemble"
    found: dict[Path, Native] = {}
    for _ in range(ROUNDS):
        lines = subprocess.run([program, *files], capture_output=True, text=True, check=True).stdout.splitlines()
        for line in lines:
            decoded, _, _, _, seconds, path = line.split(" ", 5)
            known = found.get(Path(path))
            best = min(float(seconds), known.seconds) if known else float(seconds)
            found[Path(path)] = Native(int(decoded), best)
    return found


async def in_sandbox(files: Sequence[Path], folder: Path, function: str, args: dict[str, Any]) -> dict[Path, float]:
    """The best of some calls for each file, all of a call counted."""
    with sandbox(config(folder, 1)) as runtime:
        await runtime.load((MODULE,))
        found: dict[Path, float] = {}
        for path in [file for file in files for _ in range(ROUNDS)]:
            sample = SampleFile(path, SampleInfo(path.stat().st_size))
            began = time.perf_counter()
            done = await runtime.call(MODULE, function, args, sample=sample)
            took = time.perf_counter() - began
            msgspec.json.decode(done.output.data)
            found[path] = min(took, found.get(path, took))
        return found


def run() -> list[Table]:
    large = [path for path in pe_files() if path.stat().st_size >= LARGE]
    native = natively(large)
    files = [path for path in large if path in native]
    with tempfile.TemporaryDirectory() as name:
        listed = asyncio.run(in_sandbox(files, Path(name), "functions", {"count": 1}))
        whole = asyncio.run(in_sandbox(files, Path(name), "analyze", {}))
    decoded = sum(native[path].decoded for path in files)
    base = sum(native[path].seconds for path in files)
    size = sum(path.stat().st_size for path in files)
    rows = [
        ["natively", f"{decoded / base / 1e6:,.1f}", "1.0x"],
        ["the sandbox, a whole call", *_beside(decoded, base, sum(listed.values()))],
        ["the sandbox, all that is said", *_beside(decoded, base, sum(whole.values()))],
    ]
    each = 1000 * sum(whole.values()) / (size / 1e6)
    note = f"{len(files)} PE files, {size / 1e6:.0f} MB with {decoded / 1e6:.0f} MB of instructions. "
    note += f"All that is said takes {each:.0f} ms a megabyte of file, at most {1000 * max(whole.values()):.0f} ms."
    return [Table("Disassembly from entry points", note, ["", "MB/s of instructions", "beside native"], rows)]


def _beside(decoded: int, base: float, took: float) -> list[str]:
    return [f"{decoded / took / 1e6:,.1f}", f"{base / took:.1f}x"]
