"""An answer of lines, each of which is one piece of JSON (JSON Lines)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.ai.transports import MAX_LINE, Message, whole_message
from athena_lab.ai.transports.decoding import DecodingTransport

if TYPE_CHECKING:
    from collections.abc import Iterator


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


class LineTransport(DecodingTransport):
    """A message for each line, as they come."""

    accept = "application/x-jsonl, application/jsonl, application/octet-stream, application/json, text/plain"
    decoder = LineDecoder
