"""Two workers against one: what the second core brings, beside hashlib, which lets go of Python's lock as well."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.bench.table import Table, ratio
from tests.bench.triage import config, each, pe_files, sample_of, sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS = 5
"""By turns, so that what else the machine does meets all alike."""
HASHED = 8 << 20
"""Bytes that hashlib is given at a time."""
MODULES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("file-processor", {"quick": True}),
    ("file-processor", {}),
    ("pattern-matcher", {}),
    ("crypto", {}),
    ("network", {}),
)


def by_hashlib(workers: int) -> float:
    """Seconds for as many blocks as the files have."""
    block, count = bytes(HASHED), 24
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(hashlib.sha256, [block] * workers))  # threads begin before the clock does
        began = time.perf_counter()
        list(pool.map(hashlib.sha256, [block] * count))
        return time.perf_counter() - began


async def in_sandbox(files: Sequence[Path], folder: Path, workers: int, module: str, args: dict[str, Any]) -> float:
    """Seconds for all files."""
    with sandbox(config(folder, workers)) as runtime:
        await runtime.load((module,))

        async def task(path: Path) -> object:
            return await runtime.call(module, "analyze", args, sample=sample_of(path))

        await asyncio.gather(*(task(files[0]) for _ in range(2 * workers)))  # every worker loads the component
        return (await each(module, task, files, 2 * workers)).seconds


def run() -> list[Table]:
    files = pe_files()
    total = sum(path.stat().st_size for path in files)
    names = ["hashlib.sha256", *(f"{module}, {'quick' if args else 'full'}" for module, args in MODULES)]
    seconds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in names}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            for workers in (1, 2):
                seconds[names[0]][workers - 1].append(by_hashlib(workers))
                for name, (module, args) in zip(names[1:], MODULES, strict=True):
                    took = asyncio.run(in_sandbox(files, Path(folder), workers, module, args))
                    seconds[name][workers - 1].append(took)
    rows = []
    for name, (one, two) in seconds.items():
        speed = "" if name == names[0] else f"{total / median(one) / 1e6:,.1f}"
        rows.append([name, speed, ratio(median(one), median(two))])
    note = f"{len(files)} PE files, {total / 1e6:.0f} MB; the median of {ROUNDS} rounds, by turns."
    return [Table("Two workers against one", note, ["", "MB/s with one", "with two"], rows)]
