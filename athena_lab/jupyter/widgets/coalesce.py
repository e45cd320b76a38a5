"""From tokens to few messages: what a widget's stream keeps and sends.

A kernel may send some 1,000 messages a second before the server drops them, and a page repaints 60 times a second. So
tokens are gathered and leave as numbered batches. A page that misses one, or comes later, asks for a `Snapshot`.
"""

from __future__ import annotations

import msgspec

FLUSH_EVERY = 0.033
"""Seconds between batches: at most 30 messages a second."""
MAX_TEXT = 1_000_000
"""Bytes of UTF-8: one text node of a page stays quick up to about that."""


class Batch(msgspec.Struct, frozen=True):
    """The ``seq``-th batch of a run, counted from 1, in UTF-8."""

    seq: int
    data: bytes


class Snapshot(msgspec.Struct, frozen=True):
    """All text up to and with batch ``seq``, in UTF-8."""

    seq: int
    data: bytes


class Coalescer:
    """Pure state: text in, batches out. It knows no clock and no widget."""

    def __init__(self, limit: int = MAX_TEXT) -> None:
        self._sent: list[bytes] = []
        self._pending: list[bytes] = []
        self._room = limit
        self.full = False
        """True once text was cut at the limit."""

    @property
    def text(self) -> str:
        """Everything taken so far, sent or not."""
        return b"".join((*self._sent, *self._pending)).decode()

    def add(self, text: str) -> None:
        """Take a token; what does not fit under the limit is dropped at a whole character, and `full` says so."""
        data = text.encode("utf-8", "replace")
        if len(data) > self._room:
            self.full = True
            data = data[: self._room].decode("utf-8", "ignore").encode()
            self._room = 0
        else:
            self._room -= len(data)
        if data:
            self._pending.append(data)

    def take(self) -> Batch | None:
        """What came since the last batch; None if nothing did."""
        if not self._pending:
            return None
        data = b"".join(self._pending)
        self._pending.clear()
        self._sent.append(data)
        return Batch(len(self._sent), data)

    def snapshot(self) -> Snapshot:
        return Snapshot(len(self._sent), b"".join(self._sent))
