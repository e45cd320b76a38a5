"""Triage beside pefile and LIEF, on the same PE files: headers, sections with entropy, imports, imphash."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import lief
import msgspec
import pefile

from athena_lab.bulkheads import Bulkheads
from athena_lab.client import LabClient
from athena_lab.config import LabConfig, load_config
from athena_lab.lab import open_lab
from athena_lab.report.facts import FileFacts
from athena_lab.sample import Quarantine
from athena_lab.wasm.catalog import Catalog
from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import Runtime, SampleFile
from tests.bench.table import Table, ratio
from tests.jupyter.server_process import TOKEN, jupyter_athena

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from athena_lab.ai.types import AnalysisType
    from athena_lab.protocol import LabProtocol

ROOT = Path(__file__).parent.parent.parent
MODULE = "file-processor"
BYTES = 24_000_000
"""Of PE files, at most: pefile takes some 3 s for them."""
LARGEST = 4_000_000


class Result(NamedTuple):
    """Seconds by the clock, and of this process's threads on the processor: 0 where another process does the work."""

    name: str
    seconds: float
    cpu: float


def pe_files() -> list[Path]:
    """Real PE files, always the same ones: of the corpus if it was fetched, else those that packages brought."""
    corpus = Path(os.environ.get("ATHENA_CORPUS", ROOT / ".cache" / "corpus"))
    found = sorted(corpus.iterdir()) if corpus.is_dir() else sorted(Path(sys.prefix).rglob("*.exe"))
    chosen: list[Path] = []
    room = BYTES
    for path in found:
        size = path.stat().st_size
        if size <= min(room, LARGEST) and _is_pe(path):
            chosen.append(path)
            room -= size
    return chosen


def _is_pe(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"MZ"


def by_pefile(path: Path) -> object:
    pe = pefile.PE(str(path))
    sections = [(s.Name, s.VirtualAddress, s.SizeOfRawData, s.get_entropy()) for s in pe.sections]
    imports = [(e.dll, [i.name for i in e.imports]) for e in getattr(pe, "DIRECTORY_ENTRY_IMPORT", ())]
    return pe.FILE_HEADER.TimeDateStamp, sections, imports, pe.get_imphash()


def by_lief(path: Path) -> object:
    pe = lief.PE.parse(str(path))
    sections = [(s.name, s.virtual_address, s.sizeof_raw_data, s.entropy) for s in pe.sections]
    imports = [(i.name, [e.name for e in i.entries]) for i in pe.imports]
    return pe.header.time_date_stamps, sections, imports, lief.PE.get_imphash(pe, lief.PE.IMPHASH_MODE.PEFILE)


def native(name: str, read: Callable[[Path], object], files: Sequence[Path]) -> Result:
    began, cpu = time.perf_counter(), time.process_time()
    for path in files:
        read(path)
    return Result(name, time.perf_counter() - began, time.process_time() - cpu)


async def each(name: str, task: Callable[[Path], Awaitable[object]], files: Sequence[Path], concurrent: int) -> Result:
    """The task for each file, by so many at a time."""
    waiting = iter(files)

    async def work() -> None:
        for path in waiting:
            await task(path)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(concurrent)))
    return Result(name, time.perf_counter() - began, time.process_time() - cpu)


def config(folder: Path, workers: int) -> LabConfig:
    environ = {"ATHENA_SAMPLES__FOLDER": str(folder), "ATHENA_BULKHEADS__CPU__WORKERS": str(workers)}
    return load_config(environ, cwd=folder)


def sandbox(settings: LabConfig) -> Runtime:
    places = Bulkheads(settings.bulkheads)
    return Runtime(Catalog(settings.components), settings.wasm, cache=settings.code_cache, bulkheads=places)


async def sandbox_alone(files: Sequence[Path], folder: Path, workers: int, args: dict[str, Any]) -> Result:
    settings = config(folder, workers)
    with sandbox(settings) as runtime:
        await runtime.load((MODULE,))

        async def task(path: Path) -> object:
            return await runtime.call(MODULE, "analyze", args, sample=sample_of(path))

        await asyncio.gather(*(task(files[0]) for _ in range(2 * workers)))  # every worker loads the component
        kind = "quick" if args else "full"
        return await each(f"the sandbox alone, {kind}, {_workers(workers)}", task, files, 2 * workers)


async def lab(
    name: str, opened: LabProtocol, files: Sequence[Path], analysis_type: AnalysisType, concurrent: int
) -> Result:
    async def task(path: Path) -> None:
        report = await opened.triage(path, analysis_type=analysis_type)
        assert report.facts is not None
        assert report.facts.executables

    async with opened:
        await asyncio.gather(*(opened.triage(os.urandom(64)) for _ in range(2 * concurrent)))
        return await each(name, task, files, concurrent)


def sample_of(path: Path) -> SampleFile:
    return SampleFile(path, SampleInfo(path.stat().st_size))


def _workers(count: int) -> str:
    return f"{count} worker{'s' * (count > 1)}"


async def ours(files: Sequence[Path], folder: Path) -> list[Result]:
    results = []
    for args in ({"quick": True}, {}):
        results += [await sandbox_alone(files, folder, workers, args) for workers in (1, 2)]
    for analysis_type in ("quick", "full"):
        for workers in (1, 2):
            name = f"Lab.triage, {analysis_type}, {_workers(workers)}"
            results.append(await lab(name, open_lab(config(folder, workers)), files, analysis_type, workers))
    return results


async def over_http(files: Sequence[Path], folder: Path) -> list[Result]:
    results = []
    with jupyter_athena(folder) as server:
        for concurrent in (1, 4):
            name = f"LabClient.triage over HTTP, full, 2 workers, {concurrent} at a time"
            if concurrent > 1:  # the server remembers reports: a byte more makes them other files
                files = [_longer(path, folder) for path in files]
            results.append((await lab(name, LabClient(server.url, TOKEN), files, "full", concurrent))._replace(cpu=0.0))
    return results


def _longer(path: Path, folder: Path) -> Path:
    copy = folder / f"{path.name}.longer"
    copy.write_bytes(path.read_bytes() + b"\0")
    return copy


def host_side(files: Sequence[Path], folder: Path) -> Table:
    """What the host does around the sandbox, in its parts."""
    quarantine = Quarantine(folder / "host")
    settings = config(folder, 1)

    async def calls() -> list[bytes]:
        with sandbox(settings) as runtime:
            await runtime.load((MODULE,))
            done = [await runtime.call(MODULE, "analyze", sample=sample_of(path)) for path in files]
            return [bytes(completed.output.data) for completed in done]

    began = time.perf_counter()
    outputs = asyncio.run(calls())
    inside = time.perf_counter() - began
    decode = native("decode", lambda data: msgspec.json.decode(data, type=FileFacts), outputs).seconds  # type: ignore[arg-type]
    copy = native("copy", quarantine.add_path, files).seconds
    count = len(files)
    rows = [
        ["the call into the sandbox, full", f"{inside / count * 1e3:.2f}", "100 %"],
        ["quarantine: read, hash, write, rename", f"{copy / count * 1e3:.2f}", f"{copy / inside:.0%}"],
        ["decoding the facts", f"{decode / count * 1e3:.2f}", f"{decode / inside:.0%}"],
    ]
    size = sum(map(len, outputs)) / count / 1_024
    note = f"Mean per file, one after the other; the module's answer has {size:.0f} KiB on average."
    return Table("What the host adds to a triage", note, ["step", "ms a file", "of the call"], rows)


def run() -> list[Table]:
    files = pe_files()
    total = sum(path.stat().st_size for path in files)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in files:  # into the page cache
            path.read_bytes()
        results = [native("pefile", by_pefile, files), native("LIEF", by_lief, files)]
        results += asyncio.run(ours(files, folder))
        results += asyncio.run(over_http(files, folder))
        host = host_side(files, folder)
    rows = [_row(result, results[0], len(files), total) for result in results]
    note = (
        f"{len(files)} PE files, {total / 1e6:.0f} MB, each once. pefile and LIEF: one thread; headers, sections with "
        "entropy, imports, imphash. Ours reads these and more (resources, version, signature, strings, entropy "
        "profile, findings); quick leaves out strings, profile and containers."
    )
    columns = ["", "files/s", "MB/s", "beside pefile", "CPU ms a file", "beside pefile"]
    return [Table("Triage", note, columns, rows), host]


def _row(result: Result, base: Result, count: int, total: int) -> list[str]:
    cpu = [f"{result.cpu / count * 1e3:,.1f}", ratio(base.cpu, result.cpu)] if result.cpu else ["", ""]
    by_clock = [f"{count / result.seconds:,.0f}", f"{total / result.seconds / 1e6:,.1f}"]
    return [result.name, *by_clock, ratio(base.seconds, result.seconds), *cpu]
