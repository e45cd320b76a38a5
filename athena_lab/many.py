"""Many samples, some at a time, by any lab's `triage`."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, NamedTuple

from athena_lab.errors import AthenaError, InvalidField, QueueFull

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator

    from athena_lab.protocol import Source
    from athena_lab.report import Report

MOST: Final = 64
"""Samples at once."""
_AGAIN: Final = 0.2
"""Seconds after which a full queue is tried again: a quick triage takes less than a tenth of that."""


class Triaged(NamedTuple):
    """One of many samples: its report, or why there is none."""

    source: Source
    report: Report | None
    error: AthenaError | None


@contextlib.asynccontextmanager
async def triage_many(
    triage: Callable[[Source], Awaitable[Report]],
    sources: Iterable[Source],
    at_once: int,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[AsyncIterator[Triaged]]:
    """See `LabProtocol.triage_many`; ``triage`` does one."""
    if not 1 <= at_once <= MOST:
        raise InvalidField(f"`at_once` is {at_once}; it must be from 1 to {MOST}.")

    async def one(source: Source) -> Triaged:
        while True:
            try:
                return Triaged(source, await triage(source), None)
            except QueueFull:
                await sleep(_AGAIN)
            except AthenaError as error:
                return Triaged(source, None, error)

    async with contextlib.aclosing(_some_at_a_time(iter(sources), one, at_once)) as triaged:
        yield triaged


async def _some_at_a_time(
    sources: Iterator[Source], one: Callable[[Source], Awaitable[Triaged]], at_once: int
) -> AsyncGenerator[Triaged]:
    running: set[asyncio.Task[Triaged]] = set()
    try:
        while True:
            while len(running) < at_once and (source := next(sources, None)) is not None:
                running.add(asyncio.ensure_future(one(source)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield await task
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
