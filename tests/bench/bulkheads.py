"""What it costs to hold a place of a service, of everything and of a resource, beside three semaphores."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import TYPE_CHECKING

from athena_lab.bulkhead import BulkheadOptions
from athena_lab.bulkheads import Bulkheads, BulkheadsOptions
from tests.bench.table import Table, ratio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ROUNDS = 7
TIMES = 20_000
WAITING = 200


async def nothing() -> None:
    """What a call and its await cost by themselves."""


class Semaphores:
    """Three of them, without a bound on who waits, and without a time."""

    def __init__(self, first: int) -> None:
        self._all = asyncio.Semaphore(first), asyncio.Semaphore(100), asyncio.Semaphore(50)

    async def hold(self) -> None:
        first, second, third = self._all
        async with first, second, third:
            pass

    async def hold_and_yield(self) -> None:
        first, second, third = self._all
        async with first, second, third:
            await asyncio.sleep(0)


class Ours:
    def __init__(self, workers: int) -> None:
        self._bulkheads = Bulkheads(BulkheadsOptions(ai=BulkheadOptions(workers, WAITING)))

    async def hold(self) -> None:
        async with self._bulkheads.hold("ai", "network", seconds=5):
            pass

    async def enter(self) -> None:
        places = self._bulkheads.hold("ai", "network", seconds=5)
        await places.enter()
        places.leave()

    async def hold_and_yield(self) -> None:
        async with self._bulkheads.hold("ai", "network", seconds=5):
            await asyncio.sleep(0)


async def each(task: Callable[[], Awaitable[None]]) -> float:
    """Microseconds, one after the other."""
    began = time.perf_counter()
    for _ in range(TIMES):
        await task()
    return (time.perf_counter() - began) / TIMES * 1e6


async def crowded(task: Callable[[], Awaitable[None]]) -> float:
    """Microseconds, where all but a few have to wait for others."""
    began = time.perf_counter()
    for _ in range(TIMES // WAITING // 4):
        await asyncio.gather(*(task() for _ in range(WAITING)))
    return (time.perf_counter() - began) / (TIMES // 4) * 1e6


async def bench() -> Table:
    ours, theirs, tight, semaphores = Ours(20), Semaphores(20), Ours(10), Semaphores(10)
    free = {
        "an empty call": nothing,
        "asyncio.Semaphore, three": theirs.hold,
        "ours: async with": ours.hold,
        "ours: enter, leave": ours.enter,
    }
    taken = {"asyncio.Semaphore, three": semaphores.hold_and_yield, "ours: async with": tight.hold_and_yield}
    times: dict[str, list[float]] = {name: [] for name in free}
    waits: dict[str, list[float]] = {name: [] for name in taken}
    for _ in range(ROUNDS):  # by turns
        for name, task in free.items():
            times[name].append(await each(task))
        for name, task in taken.items():
            waits[name].append(await crowded(task))
    base = statistics.median(times["asyncio.Semaphore, three"])
    rows = []
    for name, taken_times in times.items():
        median = statistics.median(taken_times)
        wait = f"{statistics.median(waits[name]):.1f}" if name in waits else ""
        rows.append([name, f"{median:.2f}", ratio(median, base), wait])
    note = (
        f"Median of {ROUNDS} rounds by turns; a service's place, everything's, a resource's. Crowded: {WAITING} tasks "
        "for 10 places, with a bounded queue and a time limit in ours, task and turn of the loop included."
    )
    return Table("Places in bulkheads", note, ["", "us, free", "beside semaphores", "us, crowded"], rows)


def run() -> list[Table]:
    return [asyncio.run(bench())]
