"""From tokens to few messages: what a widget's stream keeps and sends.

A kernel may send some 1,000 messages a second before the server drops them, and a page repaints 60 times a second. So
tokens are gathered and leave as numbered batches. A page that misses one, or comes later, asks for a `Snapshot`.
Where the text turns out to be no part of the answer, the next message is a snapshot, which takes it back.
"""

from __future__ import annotations

import msgspec

FLUSH_EVERY = 0.033
"""Seconds between batches: at most 30 messages a second."""
MAX_TEXT = 1_000_000
"""Bytes of UTF-8: one text node of a page stays quick up to about that."""


class Batch(msgspec.Struct, frozen=True):
    """The ``seq``-th message of a run, counted from 1, in UTF-8."""

    seq: int
    data: bytes


class Snapshot(msgspec.Struct, frozen=True):
    """All text up to and with number ``seq``, in UTF-8; it takes the place of what was there."""

    seq: int
    data: bytes


class Coalescer:
    """Pure state: text in, batches out. It knows no clock and no widget."""

    def __init__(self, limit: int = MAX_TEXT) -> None:
        self._sent: list[bytes] = []
        self._pending: list[bytes] = []
        self._limit = self._room = limit
        self._seq = 0
        self._restarted = False
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

    def take(self) -> Batch | Snapshot | None:
        """What came since the last message; None if nothing did. After `restart` it takes the place of all text."""
        if not self._pending and not self._restarted:
            return None
        data = b"".join(self._pending)
        self._pending.clear()
        self._sent.append(data)
        self._seq += 1
        if self._restarted:
            self._restarted = False
            return Snapshot(self._seq, data)
        return Batch(self._seq, data)

    def snapshot(self) -> Snapshot:
        return Snapshot(self._seq, b"".join(self._sent))

    def restart(self) -> None:
        """Forget the text, sent or not: what is sent next takes its place."""
        self._restarted = self._restarted or bool(self._sent)
        self._sent.clear()
        self._pending.clear()
        self._room, self.full = self._limit, False
