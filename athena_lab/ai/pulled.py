"""An answer on its way to one reader, who may pause it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from athena_lab.events import AnyEvent


class PulledEvents:
    """Events that come as they are read, and are not read from the provider before: to pause is not to ask."""

    def __init__(self, events: AsyncIterator[AnyEvent]) -> None:
        self._events = events
        self._may_go = asyncio.Event()
        self._may_go.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnyEvent:
        await self._may_go.wait()
        return await anext(self._events)

    async def pause(self) -> None:
        self._may_go.clear()

    async def resume(self) -> None:
        self._may_go.set()
