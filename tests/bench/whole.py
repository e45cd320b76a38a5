"""The whole way of a sample: all modules, what is inside, the conclusion; many samples; and what the server keeps."""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from athena_lab.lab import open_lab
from tests.bench.table import Table, ratio
from tests.bench.triage import config, pe_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from athena_lab.lab import Lab
    from athena_lab.report import Report

MIB = 1 << 20
ROUNDS = 5
MIXED = 100
DIFFERENT = 2_000
"""Full triages of different files, between which the server's memory is looked at."""


def executable() -> bytes:
    """One of about a megabyte: the largest of the corpus below that."""
    return max((path.read_bytes() for path in pe_files()), key=lambda data: (len(data) <= MIB + MIB // 8, len(data)))


async def one(folder: Path) -> list[list[str]]:
    """Each time another file: its last byte is not part of the image."""
    data = executable()
    async with open_lab(config(folder, 2)) as lab:
        await lab.triage(data)
        reports: list[Report] = []
        seconds = []
        for turn in range(ROUNDS):
            began = time.perf_counter()
            reports.append(await lab.triage(data + bytes([turn])))
            seconds.append(time.perf_counter() - began)
    rows = [[f"all of it, {len(data) / MIB:.2f} MiB", f"{median(seconds) * 1000:,.0f}"]]
    timings = [report.performance.module_timings for report in reports]
    rows += [[module, f"{median(one[module] for one in timings) * 1000:,.1f}"] for module in timings[0]]
    return rows


def mixed() -> list[Path]:
    """Programs, libraries, scripts and documents of this machine."""
    programs = pe_files()
    site = Path(os.__file__).parent
    scripts = sorted(site.glob("*.py"))
    return [*programs[: MIXED // 2], *scripts[: MIXED - len(programs[: MIXED // 2])]]


async def many(files: Sequence[Path], folder: Path, workers: int) -> float:
    async with open_lab(config(folder, workers)) as lab:
        await warm(lab)
        began = time.perf_counter()
        async with lab.triage_many(files) as triaged:
            reports = [one.report async for one in triaged]
        assert all(report is not None for report in reports)
        return time.perf_counter() - began


async def warm(lab: Lab) -> None:
    """Every worker loads its modules."""
    async with lab.triage_many([os.urandom(64) for _ in range(8)]) as first:
        _ = [one async for one in first]


def resident() -> int:
    """MiB of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // MIB


async def growth(folder: Path) -> list[list[str]]:
    """The reports that are kept have a limit of their own, which some hundred triages reach."""
    files = mixed()
    rows = []
    async with open_lab(config(folder, 2)) as lab:
        await warm(lab)
        for turn in range(DIFFERENT + 1):
            data = files[turn % len(files)].read_bytes() + turn.to_bytes(4, "little")
            if turn in {1, 100, 200, 500, 1_000, 1_500, DIFFERENT}:
                rows.append([f"after {turn:,}", f"{resident():,}"])
            if turn < DIFFERENT:
                await lab.triage(data)
    return rows


def run() -> list[Table]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        alone = Table("A full triage, warm", f"The median of {ROUNDS}.", ["", "ms"], asyncio.run(one(folder)))
        files = mixed()
        seconds: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(3):
            for workers in (1, 2):
                fresh = folder / f"{turn}-{workers}"
                fresh.mkdir()
                seconds[workers].append(asyncio.run(many(files, fresh, workers)))
        rows = [
            ["1 worker", f"{len(files) / median(seconds[1]):,.1f}", "1.0 x"],
            ["2 workers", f"{len(files) / median(seconds[2]):,.1f}", ratio(median(seconds[1]), median(seconds[2]))],
        ]
        note = f"{len(files)} files, full; the median of 3 rounds, by turns."
        together = Table("Many samples: lab.triage_many", note, ["", "files/s", "beside one"], rows)
        memory = Table(
            "Memory of a lab after full triages of different files",
            "Resident size of the process, with its 8 MiB of reports.",
            ["", "MiB"],
            asyncio.run(growth(folder)),
        )
    return [alone, together, memory]
