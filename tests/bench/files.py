"""What file-processor does with files, beside what one would use instead: the same files, one after the other, one run.

The sandbox gets each file as it does in a triage, in a Store of its own; its answer is decoded.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import re
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import lief
import msgspec
import numpy as np
import ppdeep
import tlsh
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from athena_lab.report.facts import FileFacts, HeaderFacts
from athena_lab.sample import Hashing
from athena_lab.wasm.contract import SampleHashes, SampleInfo
from athena_lab.wasm.runtime import Runtime, SampleFile
from tests.bench.table import Table, ratio
from tests.bench.triage import ROOT, by_lief, by_pefile, config, pe_files, sandbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    Measure = Callable[[], Awaitable[float]]

MODULE = "file-processor"
BYTES = 24_000_000
LARGEST = 4_000_000
TIMES = 3
"""How often each is measured; the best counts. Once for what takes long."""
TURNS = 5
PPDEEP_BYTES = 400_000
MEGABYTE = 1_000_000
ELF, MACHO = (b"\x7fELF",), (b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


class Task(NamedTuple):
    """A function of the module with its arguments."""

    function: str
    args: dict[str, Any]
    hashes: bool = False
    """The host hands in those that it made when it stored the sample."""
    facts: Any = Any
    """What the answer is decoded into, as a lab does it."""


def corpus_files(magics: tuple[bytes, ...]) -> list[Path]:
    """Of the corpus that the differential tests fetch; none without it."""
    corpus = Path(os.environ.get("ATHENA_CORPUS", ROOT / ".cache" / "corpus"))
    chosen: list[Path] = []
    room = BYTES
    for path in sorted(corpus.iterdir()) if corpus.is_dir() else []:
        size = path.stat().st_size
        if size <= min(room, LARGEST) and path.read_bytes()[:4] in magics:
            chosen.append(path)
            room -= size
    return chosen


def elf_by_lief(path: Path) -> object:
    elf = lief.ELF.parse(str(path))
    sections = [(s.name, s.virtual_address, s.size, s.entropy) for s in elf.sections]
    return sections, [s.name for s in elf.dynamic_symbols], list(elf.libraries)


def macho_by_lief(path: Path) -> object:
    fat = lief.MachO.parse(str(path))  # the slices point into it: it must live as long as they
    return [
        ([(s.name, s.virtual_address, s.size, s.entropy) for s in image.sections], [s.name for s in image.symbols])
        for image in fat
    ]


def elf_by_pyelftools(path: Path) -> object:
    elf = ELFFile(io.BytesIO(path.read_bytes()))
    sections = [(s.name, s["sh_addr"], s["sh_size"], hashlib.md5(s.data()).digest()) for s in elf.iter_sections()]
    tables = [s for s in elf.iter_sections() if isinstance(s, SymbolTableSection) and s.name == ".dynsym"]
    return sections, [symbol.name for table in tables for symbol in table.iter_symbols()]


ASCII = re.compile(rb"[\x20-\x7e\t]{5,}")
WIDE = re.compile(rb"(?:[\x20-\x7e\t]\x00){5,}")


def strings_by_re(path: Path) -> object:
    data = path.read_bytes()
    return [m.start() for m in ASCII.finditer(data)], [m.start() for m in WIDE.finditer(data)]


def entropy_by_numpy(path: Path) -> object:
    data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    block = max(1, -(-len(data) // 256))
    profile = []
    for at in range(0, len(data), block):
        counts = np.bincount(data[at : at + block], minlength=256)
        shares = counts[counts > 0] / counts.sum()
        profile.append(float(-(shares * np.log2(shares)).sum()))
    return profile


def hashes_by_hashlib(path: Path) -> object:
    data = path.read_bytes()
    return [hashlib.new(name, data).hexdigest() for name in ("md5", "sha1", "sha256")]


def best(files: Sequence[Path], read: Callable[[Path], object], times: int = TIMES) -> float:
    """Seconds for all files."""
    took = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        for path in files:
            read(path)
        took = min(took, time.perf_counter() - began)
    return took


async def in_sandbox(
    runtime: Runtime, files: Sequence[Path], task: Task, at_once: int = 1, times: int = TIMES
) -> float:
    took = float("inf")
    samples = [_sample(path, task) for path in files]

    async def work(waiting: Iterator[SampleFile]) -> None:
        for sample in waiting:
            done = await runtime.call(MODULE, task.function, task.args, sample=sample)
            msgspec.json.decode(done.output.data, type=task.facts)

    for _ in range(times):
        began, waiting = time.perf_counter(), iter(samples)
        await asyncio.gather(*(work(waiting) for _ in range(at_once)))
        took = min(took, time.perf_counter() - began)
    return took


def _sample(path: Path, task: Task) -> SampleFile:
    hashing = Hashing()
    if task.hashes:
        hashing.update(path.read_bytes())
    hashes = SampleHashes(*hashing.result()) if task.hashes else None
    return SampleFile(path, SampleInfo(path.stat().st_size, "", hashes))


def rows(name: str, took: float, files: Sequence[Path], base: float) -> list[str]:
    total = sum(path.stat().st_size for path in files)
    each = f"{took / len(files) * 1e3:,.2f}"
    return [name, f"{len(files) / took:,.0f}", each, f"{total / took / 1e6:,.1f}", ratio(base, took)]


COLUMNS = ["", "files/s", "ms a file", "MB/s", "beside the first"]


async def natively(files: Sequence[Path], read: Callable[[Path], object]) -> float:
    return best(files, read, 1)


async def by_turns(measures: dict[str, Measure]) -> dict[str, float]:
    """The best seconds of each, so that what else the machine does at a time meets all alike."""
    took = dict.fromkeys(measures, float("inf"))
    for _ in range(TURNS):
        for name, measure in measures.items():
            took[name] = min(took[name], await measure())
    return took


def table(title: str, files: Sequence[Path], took: dict[str, float]) -> Table:
    total = sum(path.stat().st_size for path in files)
    base = next(iter(took.values()))
    lines = [rows(name, seconds, files, base) for name, seconds in took.items()]
    return Table(title, f"{len(files)} files, {total / 1e6:.0f} MB; the best of {TURNS}, by turns.", COLUMNS, lines)


async def measure(runtime: Runtime, two: Runtime) -> list[Table]:
    """``two`` has two workers, ``runtime`` one."""
    for opened in (runtime, two):
        await opened.load((MODULE,))
    headers = Task("headers", {}, facts=HeaderFacts)
    quick = Task("analyze", {"quick": True}, hashes=True, facts=FileFacts)

    pe, elf, macho = pe_files(), corpus_files(ELF), corpus_files(MACHO)
    analyses = {"headers": headers, "quick": quick, "full": Task("analyze", {}, hashes=True, facts=FileFacts)}
    kinds = {
        "PE: headers, imports, imphash, entropy": (pe, {"pefile": by_pefile, "LIEF": by_lief}),
        "ELF": (elf, {"pyelftools": elf_by_pyelftools, "LIEF": elf_by_lief}),
        "Mach-O": (macho, {"LIEF": macho_by_lief}),
    }
    tables = []
    for title, (files, native) in kinds.items():
        measures: dict[str, Measure] = {name: partial(natively, files, read) for name, read in native.items()}
        for name, task in analyses.items():
            measures[f"the sandbox, {name}"] = partial(in_sandbox, runtime, files, task, times=1)
        measures["the sandbox, headers, two at a time"] = partial(in_sandbox, two, files, headers, 4, times=1)
        if files:
            tables.append(table(title, files, await by_turns(measures)))
    return [*tables, *await over_bytes(runtime, pe)]


async def over_bytes(runtime: Runtime, pe: Sequence[Path]) -> list[Table]:
    """What goes over every byte: the same files, and one of 20 MB made of them."""
    with tempfile.TemporaryDirectory() as name:
        large = Path(name) / "large"
        large.write_bytes(b"".join(path.read_bytes() for path in pe)[: 20 * MEGABYTE])
        small = Path(name) / "small"
        small.write_bytes(large.read_bytes()[:PPDEEP_BYTES])
        per_byte = best([small], lambda path: ppdeep.hash(path.read_bytes()), 1) / PPDEEP_BYTES
        native: dict[str, tuple[float, Task]] = {
            "strings, ASCII and UTF-16: Python's re": (best([large], strings_by_re, 1), Task("strings", {})),
            "entropy profile: numpy": (best([large], entropy_by_numpy), Task("entropy", {})),
            "ssdeep: ppdeep": (per_byte * large.stat().st_size, Task("fuzzy", {"tlsh": False})),
            "TLSH: py-tlsh": (
                best([large], lambda path: tlsh.hash(path.read_bytes())),
                Task("fuzzy", {"ssdeep": False}),
            ),
            "MD5, SHA-1, SHA-256: hashlib": (best([large], hashes_by_hashlib), Task("hashes", {})),
        }
        size = large.stat().st_size / 1e6
        lines = []
        for what, (took, task) in native.items():
            mine = await in_sandbox(runtime, [large], task)
            lines.append([what, f"{size / took:,.1f}", f"{size / mine:,.1f}", ratio(took, mine)])
    note = "One file of 20 MB, made of PE files; reading it is in the figures. ppdeep's is taken from 400 KB."
    return [
        Table("Over every byte", note, ["", "natively, MB/s", "the sandbox, MB/s", "beside it"], lines),
        await triage(),
    ]


async def triage() -> Table:
    """All that a quick triage runs, on an executable of about a megabyte."""
    near = min(pe_files(), key=lambda path: abs(path.stat().st_size - MEGABYTE))
    size = near.stat().st_size
    with tempfile.TemporaryDirectory() as name, sandbox(config(Path(name), 2)) as runtime:
        modules = (MODULE, "pattern-matcher")
        await runtime.load(modules)
        task = Task("analyze", {"quick": True}, hashes=True)
        sample, alone = _sample(near, task), {}
        for module in modules:
            call = partial(runtime.call, module, "analyze", {"quick": True} if module == MODULE else {}, sample=sample)
            await call()
            alone[module] = await _best(call)

        async def both() -> None:
            plain = {"quick": True}
            calls = [runtime.call(it, "analyze", plain if it == MODULE else {}, sample=sample) for it in modules]
            await asyncio.gather(*calls)

        lines = [[name, f"{took * 1e3:,.1f}"] for name, took in alone.items()]
        lines.append(["both at once, two workers", f"{await _best(both) * 1e3:,.1f}"])
    return Table("A quick triage, warm", f"An executable of {size / 1e6:.2f} MB.", ["", "ms"], lines)


async def _best(call: Callable[[], Any]) -> float:
    took = float("inf")
    for _ in range(2 * TIMES):
        began = time.perf_counter()
        await call()
        took = min(took, time.perf_counter() - began)
    return took


def run() -> list[Table]:
    lief.logging.disable()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with sandbox(config(folder, 1)) as runtime, sandbox(config(folder, 2)) as two:
            return asyncio.run(measure(runtime, two))
