"""YARA rules in the sandbox beside YARA, YARA-X and boreal, natively: the same rules on the same files, one thread."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import boreal
import msgspec
import yara
import yara_x

from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import Runtime, SampleFile
from tests.bench import rules_of_others
from tests.bench.table import Table, ratio
from tests.bench.triage import ROOT, config, pe_files, sandbox

MODULE = "pattern-matcher"
RULES = ROOT / "wasm" / "modules" / MODULE / "rules"
TIMES = 5
"""How often compiling is measured; the best counts."""

Sources = dict[str, str]
Match = Callable[[bytes], int]
"""How many rules match."""


def ours() -> Sources:
    return {file.stem: file.read_text() for file in sorted(RULES.glob("*.yar"))}


def by_yara(sources: Sources) -> Match:
    rules = yara.compile(sources=sources)
    return lambda data: len(rules.match(data=data))


def by_yara_x(sources: Sources) -> Match:
    compiler = yara_x.Compiler()
    for namespace, text in sources.items():
        compiler.new_namespace(namespace)
        compiler.add_source(text)
    scanner = yara_x.Scanner(compiler.build())
    return lambda data: len(scanner.scan(data).matching_rules)


def by_boreal(sources: Sources) -> Match:
    scanner = boreal.compile(sources=sources)
    return lambda data: len(scanner.match(data=data))


NATIVE: dict[str, Callable[[Sources], Match]] = {
    "yara-python": by_yara,
    "boreal, natively": by_boreal,
    "yara-x": by_yara_x,
}


class Measured(NamedTuple):
    """Seconds to compile, seconds to match all files by the clock and on the processor, matches."""

    compiling: float
    seconds: float
    cpu: float
    matches: int


def natively(files: list[Path], compiled: Callable[[Sources], Match], sources: Sources) -> Measured:
    began = time.perf_counter()
    match = compiled(sources)
    made = time.perf_counter() - began
    began, cpu = time.perf_counter(), time.process_time()
    found = sum(match(path.read_bytes()) for path in files)
    return Measured(made, time.perf_counter() - began, time.process_time() - cpu, found)


async def in_sandbox(files: list[Path], folder: Path, workers: int, sources: Sources) -> Measured:
    with sandbox(config(folder, workers)) as runtime:
        await runtime.load((MODULE,))
        compiled, state = await compile_in(runtime, sources)
        waiting, found = iter(files), 0

        async def work() -> None:
            nonlocal found
            for path in waiting:
                sample = SampleFile(path, SampleInfo(path.stat().st_size))
                done = await runtime.call(MODULE, "analyze", sample=sample, state=state)
                data: dict[str, Any] = msgspec.json.decode(done.output.data)
                found += len(data["matches"]) + data["matches_left_out"]

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(work() for _ in range(workers)))
        return Measured(compiled, time.perf_counter() - began, time.process_time() - cpu, found)


async def compile_in(runtime: Runtime, sources: Sources) -> tuple[float, str]:
    """The least seconds, and the compiled set."""
    args = {"sources": [{"text": text, "namespace": name} for name, text in sources.items()]}
    best, state = float("inf"), ""
    for _ in range(TIMES):
        began = time.perf_counter()
        done = await runtime.call(MODULE, "compile", args)
        best, state = min(best, time.perf_counter() - began), done.output.state or ""
    return best, state


def table(name: str, files: list[Path], sources: Sources) -> Table:
    total = sum(path.stat().st_size for path in files)
    natively(files, by_yara, sources)  # the files into the page cache
    measured = {kind: natively(files, compiled, sources) for kind, compiled in NATIVE.items()}
    with tempfile.TemporaryDirectory() as folder:
        for workers in (1, 2):
            kind = f"the sandbox, {workers} worker{'s' * (workers > 1)}"
            measured[kind] = asyncio.run(in_sandbox(files, Path(folder), workers, sources))
    slowest = measured["yara-python"].cpu
    rows = [
        [
            kind,
            f"{it.compiling * 1e3:.1f}",
            f"{total / it.seconds / 1e6:,.1f}",
            f"{total / it.cpu / 1e6:,.1f}",
            ratio(slowest, it.cpu),
            str(it.matches),
        ]
        for kind, it in measured.items()
    ]
    count = sum(1 for _ in yara.compile(sources=sources))
    note = (
        f"{len(files)} PE files, {total / 1e6:.0f} MB, {count} rules. In the sandbox each file gets a Store of its own "
        "and the compiled set handed in."
    )
    columns = ["", "compile, ms", "MB/s", "MB a second of processor", "beside yara-python", "matches"]
    return Table(name, note, columns, rows)


def run() -> list[Table]:
    files = pe_files()
    return [table("YARA rules of ours", files, ours()), table("YARA rules of others", files, rules_of_others.sources())]
