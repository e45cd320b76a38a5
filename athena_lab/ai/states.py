"""The states of a stream, and which may follow which.

``idle`` before anything is sent, ``connecting`` until the provider's response begins, ``connected`` until its first
piece, ``streaming``, ``buffering`` (the reader is behind, so nothing is read from the provider), ``paused`` (by whoever
asked), ``error`` (an attempt failed), ``reconnecting`` (waiting for the next one); at the end ``completed`` or
``failed``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

State = Literal[
    "idle",
    "connecting",
    "connected",
    "streaming",
    "buffering",
    "paused",
    "completed",
    "error",
    "reconnecting",
    "failed",
]

TRANSITIONS: Final[Mapping[State, frozenset[State]]] = {
    "idle": frozenset({"connecting", "completed", "error", "failed"}),
    "connecting": frozenset({"connected", "error", "failed"}),
    "connected": frozenset({"streaming", "paused", "completed", "error", "failed"}),
    "streaming": frozenset({"buffering", "paused", "completed", "error", "failed"}),
    "buffering": frozenset({"streaming", "paused", "error", "failed"}),
    "paused": frozenset({"connected", "streaming", "buffering", "completed", "error", "failed"}),
    "error": frozenset({"reconnecting", "completed", "failed"}),
    "reconnecting": frozenset({"connecting", "error", "failed"}),
    "completed": frozenset(),
    "failed": frozenset(),
}
"""``idle`` to ``completed`` is the summary written without AI: it asks nobody. An attempt may fail unconnected.
``error`` to ``completed`` is what stands in for an answer that nobody gave."""


class IllegalTransition(RuntimeError):
    """A state was to follow one that it may not follow: a bug of ours."""


class StreamState:
    """Where one stream is. ``on_change`` is told of every new state, on the event loop."""

    __slots__ = ("_on_change", "value")

    def __init__(self, on_change: Callable[[State], None] | None = None) -> None:
        self.value: State = "idle"
        self._on_change = on_change

    def move(self, to: State) -> None:
        """Raises IllegalTransition. Moving to the state that it is in already changes nothing."""
        if to == self.value:
            return
        if to not in TRANSITIONS[self.value]:
            raise IllegalTransition(f"A stream that is {self.value} cannot become {to}.")
        self.value = to
        if self._on_change is not None:
            self._on_change(to)

    @property
    def ended(self) -> bool:
        return not TRANSITIONS[self.value]
