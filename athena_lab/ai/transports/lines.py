"""An answer of lines, each of which is one piece of JSON (JSON Lines)."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from athena_lab.ai.transports import MAX_LINE, NO_TAP, Message, Tap, whole_message

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from athena_lab.ai.transports import HttpRequest
    from athena_lab.ai.transports.http import HttpClient

_ACCEPT: Final = "application/x-jsonl, application/jsonl, application/octet-stream, application/json, text/plain"


class LineDecoder:
    """Bytes in, lines out; cut the bytes wherever you like. A line over ``limit`` bytes is left out, blank ones too."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The lines that this chunk ends."""
        *lines, rest = chunk.split(b"\n")
        for line in lines:
            self._add(line)
            yield from self.end()
        self._add(rest)

    def end(self) -> Iterator[Message]:
        """The last line, which nothing need end."""
        line = whole_message(b"".join(self._parts))
        if line.data and self._size <= self._limit:
            yield line
        self._parts, self._size = [], 0

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= self._limit:
            self._parts.append(part)
        else:
            self._parts = []


class LineTransport:
    """A message for each line, as they come."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def stream(self, request: HttpRequest, tap: Tap = NO_TAP) -> AsyncGenerator[Message, None]:
        decoder = LineDecoder()
        async with aclosing(self._client.chunks(request, accept=_ACCEPT, tap=tap)) as chunks:
            async for chunk in chunks:
                for message in decoder.feed(chunk):
                    yield message
        for message in decoder.end():
            yield message

    async def aclose(self) -> None:
        await self._client.aclose()
