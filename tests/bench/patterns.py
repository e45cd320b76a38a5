"""YARA rules in the sandbox beside yara-python, natively: the same rules on the same files, with the same matches."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import msgspec
import yara

from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import Runtime, SampleFile
from tests.bench.table import Table, ratio
from tests.bench.triage import ROOT, config, pe_files, sandbox

MODULE = "pattern-matcher"
RULES = ROOT / "wasm" / "modules" / MODULE / "rules"
TIMES = 5
"""How often compiling is measured; the best counts."""


def sources() -> list[dict[str, str]]:
    return [{"text": file.read_text(), "namespace": file.stem} for file in sorted(RULES.glob("*.yar"))]


def by_yara(files: list[Path], rules: yara.Rules) -> tuple[float, int]:
    began, found = time.perf_counter(), 0
    for path in files:
        found += len(rules.match(str(path)))
    return time.perf_counter() - began, found


async def in_sandbox(files: list[Path], folder: Path, workers: int) -> tuple[float, float, int]:
    """Seconds to compile, seconds to match all files, matches."""
    with sandbox(config(folder, workers)) as runtime:
        await runtime.load((MODULE,))
        compiled, state = await compile_in(runtime)
        waiting, found = iter(files), 0

        async def work() -> None:
            nonlocal found
            for path in waiting:
                sample = SampleFile(path, SampleInfo(path.stat().st_size))
                done = await runtime.call(MODULE, "analyze", sample=sample, state=state)
                found += len(msgspec.json.decode(done.output.data)["matches"])

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(workers)))
        return compiled, time.perf_counter() - began, found


async def compile_in(runtime: Runtime) -> tuple[float, str]:
    best, state = float("inf"), ""
    for _ in range(TIMES):
        began = time.perf_counter()
        done = await runtime.call(MODULE, "compile", {"sources": sources()})
        best, state = min(best, time.perf_counter() - began), done.output.state or ""
    return best, state


def run() -> list[Table]:
    files = pe_files()
    total = sum(path.stat().st_size for path in files)
    began = time.perf_counter()
    rules = yara.compile(sources={it["namespace"]: it["text"] for it in sources()})
    compiled = time.perf_counter() - began
    by_yara(files, rules)  # into the page cache
    seconds, found = by_yara(files, rules)
    rows = [["yara-python, one thread", f"{compiled * 1e3:.1f}", f"{total / seconds / 1e6:,.1f}", "1.0x", str(found)]]
    with tempfile.TemporaryDirectory() as name:
        for workers in (1, 2):
            made, took, matches = asyncio.run(in_sandbox(files, Path(name), workers))
            speed = f"{total / took / 1e6:,.1f}"
            kind = f"the sandbox, {workers} worker{'s' * (workers > 1)}"
            rows.append([kind, f"{made * 1e3:.1f}", speed, ratio(seconds, took), str(matches)])
    note = (
        f"{len(files)} PE files, {total / 1e6:.0f} MB, {len(list(rules))} rules of ours. In the sandbox each file "
        "gets a Store of its own and the compiled set handed in."
    )
    return [Table("YARA rules", note, ["", "compile, ms", "MB/s", "beside yara-python", "matches"], rows)]
