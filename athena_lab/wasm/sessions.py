"""What modules keep between calls: a compiled rule set, a growing capture. The host keeps it and cannot read it.

A session belongs to one module, in the version with which it was opened. Calls of one session may run beside each
other; of those that want to keep something, one that began before another's was kept loses, and is told.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from athena_lab.errors import InvalidField, SessionConflict, SessionsFull, UnknownSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from athena_lab.wasm.module import Module

MIB = 1 << 20


class SessionOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[wasm.sessions]``."""

    ttl: Annotated[float, Meta(ge=1, le=86_400)] = 900.0
    """Seconds that an unused session is kept, where whoever opens it asks for no other."""
    most: Annotated[int, Meta(ge=1, le=10_000)] = 64
    """Sessions that may be open."""
    total_bytes: Annotated[int, Meta(ge=MIB, le=16_384 * MIB)] = 256 * MIB
    """Kept in all sessions together."""


class Session:
    """One session. ``used`` is when it was used last, in the clock's seconds."""

    def __init__(self, module: Module, ttl: float, now: float) -> None:
        self.id = secrets.token_urlsafe(18)
        self.module, self.ttl, self.used = module, ttl, now
        self.state: str | None = None
        self.turn = 0
        """How often something was kept."""
        self.calls = 0

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return len(self.state or "")


class Sessions:
    """Belongs to one event loop. ``clock`` gives monotonic seconds."""

    def __init__(self, options: SessionOptions | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.options = options or SessionOptions()
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def open(self, module: Module, ttl: float | None = None) -> Session:
        """Raises `SessionsFull`."""
        self._sweep()
        if len(self._sessions) >= self.options.most:
            raise SessionsFull(f"{len(self._sessions)} sessions are open.")
        session = Session(module, self.options.ttl if ttl is None else ttl, self._clock())
        self._sessions[session.id] = session
        return session

    def get(self, id_: str, module: Module | None = None) -> Session:
        """The session, used now. Raises `UnknownSession`, and `InvalidField` where it is not the module's."""
        self._sweep()
        if (session := self._sessions.get(id_)) is None:
            raise UnknownSession("There is no session of that id.")
        if module is not None:
            self._check(session, module)
        session.used = self._clock()
        return session

    def _check(self, session: Session, module: Module) -> None:
        if session.module.entry.name != module.entry.name:
            raise InvalidField(f"That session is one of {session.module.entry.name}.")
        if session.module.entry.sha256 != module.entry.sha256:
            self.close(session.id)
            raise UnknownSession(f"{module.entry.name} was replaced since that session was opened.")

    def keep(self, session: Session, turn: int, state: str | None) -> None:
        """Keep what a call left that began in that turn. Raises `SessionConflict` and `SessionsFull`."""
        if state is None:
            return
        if session.turn != turn:
            raise SessionConflict("Another call of that session kept something since this one began.")
        others = sum(other.size for other in self._sessions.values() if other is not session)
        if others + len(state) > self.options.total_bytes:
            raise SessionsFull(f"The sessions may keep {self.options.total_bytes:,} bytes together.")
        session.state, session.turn = state, turn + 1

    def close(self, id_: str) -> Session:
        """Raises `UnknownSession`."""
        session = self.get(id_)
        del self._sessions[id_]
        return session

    def left(self, session: Session) -> float:
        """Seconds until it ends, if it is not used."""
        return max(0.0, session.used + session.ttl - self._clock())

    def __iter__(self) -> Iterator[Session]:
        """Those that are open, the oldest first."""
        self._sweep()
        return iter(tuple(self._sessions.values()))

    def _sweep(self) -> None:
        now = self._clock()
        for session in [s for s in self._sessions.values() if now - s.used >= s.ttl]:
            del self._sessions[session.id]
