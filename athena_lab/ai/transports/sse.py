"""Server-sent events, decoded as they come (WHATWG HTML, 9.2.6 "Interpreting an event stream").

Beyond the standard: caps on a line and on an event; a JSON body where a stream was expected (behind blank lines or
comments too, which providers under load send to keep a connection open) is given as one whole message; JSON outside of
fields, with which Google breaks off an answer, is given as a message when the stream has ended; and of a character that
a server cut in two, one half in each of two events, no byte is lost (`broken_utf8`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from athena_lab.ai.broken_utf8 import decode
from athena_lab.ai.transports import (
    BOM,
    MAX_LINE,
    Fault,
    Message,
    TransportFailure,
    whole_message,
)
from athena_lab.ai.transports.decoding import DecodingTransport

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMENT: Final = b":"
_LINES: Final = 4
"""A whole answer may be so many times as long as a line."""
_FIELDS: Final = frozenset({b"data", b"event", b"id", b"retry", b""})
_JSON: Final = (b"{", b"[")


class SseDecoder:
    """Bytes in, messages out; cut the bytes wherever you like. Knows no socket and no provider.

    Feed every chunk, then call `end` once. Raises TransportFailure (TOO_LARGE) for a line or an event over ``limit``
    bytes.
    """

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._waiting = 0
        self._after_cr = False
        self._data: list[bytes] = []
        self._size = 0
        self._event = b""
        self._whole: list[bytes] | None = None
        self._sniffing = True
        self._stray: list[bytes] = []
        self._stray_size = 0

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The messages that this chunk completes."""
        if self._whole is not None:
            self._whole.append(chunk)
            self._size = self._capped(self._size + len(chunk), _LINES * self._limit)
            return
        lines = iter(self._lines(chunk))
        for line in lines:
            if self._sniffing and self._is_json(line := line.removeprefix(BOM)):
                self._whole = [b"\n".join([line, *lines, *self._parts])]
                return
            message = self._take(line)
            if message is not None:
                yield message

    def end(self) -> Iterator[Message]:
        """The whole message, if it was one. An event that no blank line ended is dropped, as the standard says."""
        rest = b"".join(self._parts)
        if self._whole is None and self._sniffing and self._is_json(rest.removeprefix(BOM)):
            self._whole = [rest]
        if self._whole is not None:
            yield whole_message(b"".join(self._whole))
        elif self._stray:
            stray = [*self._stray, rest] if rest and rest.partition(b":")[0] not in _FIELDS else self._stray
            yield Message(b"\n".join(stray).decode("utf-8", "replace"))

    def _lines(self, chunk: bytes) -> list[bytes]:
        """The lines that the chunk completes; its last part waits. A LF right after a CR is skipped."""
        if self._after_cr and chunk:
            chunk, self._after_cr = chunk.removeprefix(b"\n"), False
        if not chunk:
            return []
        self._after_cr = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *more = chunk.split(b"\n")
        self._parts.append(first)
        self._waiting = self._capped(self._waiting + len(first))
        if not more:
            return []
        lines = [b"".join(self._parts), *more[:-1]]
        self._parts = [more[-1]]
        self._waiting = self._capped(len(more[-1]))
        return lines

    def _is_json(self, line: bytes) -> bool:
        """Whether a JSON body begins here. The first line that is neither blank nor a comment decides."""
        text = line.strip()
        self._sniffing = not text or text.startswith(_COMMENT)
        return text.startswith(_JSON)

    def _take(self, line: bytes) -> Message | None:
        if not line:
            return self._dispatch()
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._data.append(value)
            self._size = self._capped(self._size + len(value))
        elif field == b"event":
            self._event = value
        elif field not in _FIELDS and (self._stray or line.startswith(_JSON)):
            self._stray.append(line)
            self._stray_size = self._capped(self._stray_size + len(line))
        return None

    def _capped(self, size: int, limit: int = 0) -> int:
        limit = limit or self._limit
        if size > limit:
            raise TransportFailure(Fault.TOO_LARGE, f"a piece of the answer is longer than {limit:,} bytes")
        return size

    def _dispatch(self) -> Message | None:
        data, event = self._data, self._event
        self._data, self._event, self._size = [], b"", 0
        if not data:
            return None
        text = b"\n".join(data)
        return Message(decode(text), event.decode("utf-8", "replace"))


class SseTransport(DecodingTransport):
    """Events as they come."""

    accept = "text/event-stream"
    decoder = SseDecoder
