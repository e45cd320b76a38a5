"""The lab's bulkheads: one for each service, one for everything, one for each class of resource.

Who does something holds a place in each that it needs, and takes them in one order: the service's, then everything's,
then the resource's. Nobody who holds a place therefore waits for somebody who waits for it, and a service that is
stuck has taken no more of what is shared than its own places.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Literal

import msgspec

from athena_lab.bulkhead import Bulkhead, BulkheadOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Service = Literal["ai", "container", "cache"]
Resource = Literal["cpu", "memory", "network"]


class BulkheadsOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[bulkheads]``: of each, ``workers`` (1 - 10,000) at once and a ``queue`` (0 - 100,000) of those who wait.

    The queue of what several services share has room for all their workers by default: so who has waited for the
    service's place is not refused for want of the resource's.
    """

    ai: BulkheadOptions = BulkheadOptions(20, 100)
    """Attempts to have an answer from a provider; one that sleeps before it tries again is none."""
    container: BulkheadOptions = BulkheadOptions(10, 50)
    """Calls into modules, and modules that are loaded."""
    cache: BulkheadOptions = BulkheadOptions(30, 200)
    """Reads and writes of answers that are kept on disk."""
    everything: BulkheadOptions = BulkheadOptions(100, 400)
    """All services together. Fewer workers than theirs together let one service keep another waiting."""
    cpu: BulkheadOptions = BulkheadOptions(5, 50)
    """Calls into modules: each has a thread, and memory up to ``[wasm] memory_bytes``."""
    memory: BulkheadOptions = BulkheadOptions(3, 50)
    """Modules that are compiled, which may take gigabytes each."""
    network: BulkheadOptions = BulkheadOptions(50, 200)
    """Requests to providers."""


class Places:
    """A place in each of some bulkheads, held by one task at a time: ``async with``, or `enter` and `leave`."""

    __slots__ = ("_bulkheads", "_seconds")

    def __init__(self, bulkheads: tuple[Bulkhead, ...], seconds: float | None) -> None:
        self._bulkheads = bulkheads
        self._seconds = seconds

    async def enter(self) -> None:
        """Raises BulkheadFull at once where a queue is full, TimeoutError when the time is over; then none is held."""
        for number, bulkhead in enumerate(self._bulkheads):
            if not bulkhead.take():
                await self._wait(number)
                return

    async def _wait(self, entered: int) -> None:
        """For the places behind the first so many, which are held."""
        try:
            async with asyncio.timeout(self._seconds):
                for bulkhead in self._bulkheads[entered:]:
                    await bulkhead.enter()
                    entered += 1
        except BaseException:
            _leave(self._bulkheads[:entered])
            raise

    def leave(self) -> None:
        """Give all back, the last that was taken first."""
        _leave(self._bulkheads)

    __aenter__ = enter

    async def __aexit__(self, *_: object) -> None:
        _leave(self._bulkheads)


class Bulkheads:
    """Belongs to one event loop. ``clock`` gives monotonic seconds."""

    def __init__(self, options: BulkheadsOptions | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.options = options or BulkheadsOptions()
        self._by_name = {
            name: Bulkhead(name, getattr(self.options, name), clock) for name in self.options.__struct_fields__
        }

    def of(self, service: Service, resource: Resource | None = None) -> tuple[Bulkhead, ...]:
        """Those in which one piece of work needs a place, in the order in which they are entered."""
        by_name = self._by_name
        if resource is None:
            return by_name[service], by_name["everything"]
        return by_name[service], by_name["everything"], by_name[resource]

    def hold(self, service: Service, resource: Resource | None = None, *, seconds: float | None = None) -> Places:
        """Places for one piece of work, not yet taken. ``seconds`` is how long to wait for all of them together."""
        return Places(self.of(service, resource), seconds)

    def __getitem__(self, name: str) -> Bulkhead:
        return self._by_name[name]

    def __iter__(self) -> Iterator[Bulkhead]:
        return iter(self._by_name.values())


def _leave(bulkheads: tuple[Bulkhead, ...]) -> None:
    for bulkhead in reversed(bulkheads):
        bulkhead.leave()
