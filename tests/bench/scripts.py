"""Scripts that are run in the sandbox: what the field takes a process of Node.js and seconds for."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from athena_lab.lab import open_lab
from athena_lab.report.display import counted
from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import SampleFile
from tests.bench import deobfuscation
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


async def all_of_it(samples: Sequence[tuple[str, bytes]], folder: Path) -> list[list[str]]:
    """Full triages by two workers: layers, runs, and both of what is inside. Each turn is of another file."""
    rows = []
    async with open_lab(config(folder, 2)) as lab:
        for what, content in samples:
            reports = []
            seconds = []
            for turn in range(TURNS // 2):
                sample = await lab.add(content + b"\n//%d" % turn, "a.js")
                began = time.perf_counter()
                reports.append(await lab.triage(sample))
                seconds.append(time.perf_counter() - began)
            facts = reports[-1].behaviour
            layers = len(reports[-1].deobfuscation.layers) if reports[-1].deobfuscation else 0
            run = f"{facts.ended}, {counted(facts.calls_total, 'call')}" if facts else ""
            # The first is of a module that was not used yet.
            rows.append([what, f"{len(content) / 1e3:.0f} KB", str(layers), run, f"{median(seconds[1:]) * 1e3:.0f} ms"])
    return rows


def hidden() -> list[tuple[str, bytes]]:
    made = [("in three layers, as below", scripts_made.obfuscated(100_000))]
    for encoding, texts in deobfuscation.TEXTS.items():
        what = f"javascript-obfuscator, string array {f'in {encoding}' if encoding else ''}".rstrip()
        made.append((what, deobfuscation.obfuscated(encoding, texts)))
    return made


def run() -> list[Table]:
    samples = [
        ("obfuscated.js", scripts_made.obfuscated(100_000)),
        ("endless.js", ENDLESS),
        *scripts_made.samples().items(),
    ]
    with tempfile.TemporaryDirectory() as folder:
        taken = asyncio.run(in_sandbox(samples, Path(folder)))
    with tempfile.TemporaryDirectory() as folder:
        whole = asyncio.run(all_of_it(hidden(), Path(folder)))
    small = sorted(taken[2:])
    rows = [
        ("an obfuscated script of 100 KB, three layers", f"{taken[0] * 1_000:.0f} ms", "1 s, deobfuscator included"),
        ("a script without end, 20 million steps", f"{taken[1] * 1_000:.0f} ms", ""),
        ("the golden scripts, the median", f"{small[len(small) // 2] * 1_000:.1f} ms", ""),
    ]
    note = f"The median of {TURNS} calls of the warm module, with a store of its own each."
    whole_note = (
        "Full triages with two workers, the median: all modules, the run and its calls, and the same for each layer "
        "as a file of its own. Asked is 1 s."
    )
    head = ("script", "size", "layers", "the run", "taken")
    return [
        Table("Obfuscated scripts, all layers and behaviour", whole_note, head, whole),
        Table("Scripts that are run", note, ("what", "taken", "asked"), rows),
    ]
