"""Connections of scripts that close nothing: they are closed with their event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable


async def closing(close: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
    """Something whose `aclose` calls `close`, once: at the latest the event loop does, which ends its generators."""

    async def opened() -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await close()

    generator = opened()
    await anext(generator)  # begun, so that the loop knows of it
    return generator
