"""Scripts that are run in the sandbox: what the field takes a process of Node.js and seconds for."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import SampleFile
from tests.bench.table import Table
from tests.bench.triage import ROOT, config, sandbox

sys.path.insert(0, str(ROOT / "tests" / "wasm_modules"))

import scripts_made  # its folder is on the path only now

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULE = "sandbox"
TURNS = 10
ENDLESS = b"for (;;) {}"
"""It takes all of its 20 million steps."""


async def in_sandbox(samples: Sequence[tuple[str, bytes]], folder: Path) -> list[float]:
    """Seconds of one call, the median, for each sample; the module is warm."""
    taken = []
    with sandbox(config(folder, 1)) as runtime:
        await runtime.load((MODULE,))
        for name, content in samples:
            file = folder / "sample"
            file.write_bytes(content)
            times = []
            for _ in range(TURNS + 1):
                began = time.perf_counter()
                await runtime.call(MODULE, "analyze", {}, sample=SampleFile(file, SampleInfo(len(content), name)))
                times.append(time.perf_counter() - began)
            taken.append(sorted(times[1:])[TURNS // 2])
    return taken


def run() -> list[Table]:
    samples = [
        ("obfuscated.js", scripts_made.obfuscated(100_000)),
        ("endless.js", ENDLESS),
        *scripts_made.samples().items(),
    ]
    with tempfile.TemporaryDirectory() as folder:
        taken = asyncio.run(in_sandbox(samples, Path(folder)))
    small = sorted(taken[2:])
    rows = [
        ("an obfuscated script of 100 KB, three layers", f"{taken[0] * 1_000:.0f} ms", "1 s, deobfuscator included"),
        ("a script without end, 20 million steps", f"{taken[1] * 1_000:.0f} ms", ""),
        ("the golden scripts, the median", f"{small[len(small) // 2] * 1_000:.1f} ms", ""),
    ]
    note = f"The median of {TURNS} calls of the warm module, with a store of its own each."
    return [Table("Scripts that are run", note, ("what", "taken", "asked"), rows)]
