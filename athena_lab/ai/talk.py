"""A talk: a model's turns that asked for functions, and what those came to, told to whoever goes on.

A turn is kept in words of ours. What its provider wants to have back as it came (reasoning with its signature) is
carried along for that provider and model alone; everybody else is given text, calls and results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding JSON from outside may raise."""
MAX_CARRIED: Final = 1 << 20
"""Characters of what a provider wants to have back of one turn; of more, nothing is carried."""


class Called(Value, frozen=True):
    """One call of a turn. ``arguments`` is a JSON object as text; ``result`` is what the model reads, fenced."""

    hidden = frozenset({"arguments", "result"})

    number: int
    """Counted from 1 in the whole talk."""
    id: str
    """The provider's, or one of ours: no two calls of a talk have the same."""
    name: str
    arguments: str
    result: str
    failed: bool = False

    @property
    def neutral_id(self) -> str:
        """An id that every provider takes: nine letters and digits is what the strictest of them wants."""
        return f"call{self.number:05d}"


class Turn(Value, frozen=True):
    """One turn that asked for functions. ``carried``: what the wire that read it wants to have back, in its order."""

    hidden = frozenset({"text", "carried"})

    provider: str
    model: str
    text: str
    calls: tuple[Called, ...]
    carried: Any = None

    def of(self, provider: str, model: str) -> bool:
        """Whether it is their own, to be given back as it came."""
        return (self.provider, self.model) == (provider, model)

    @property
    def size(self) -> int:
        """Characters that it adds to a request, about."""
        calls = sum(len(call.name) + len(call.arguments) + len(call.result) for call in self.calls)
        return len(self.text) + calls + carried_size(self.carried)


def ids(turn: Turn, provider: str, model: str) -> list[str]:
    """Of its calls, for a request to that provider: its own, else ids that everybody takes."""
    own = turn.of(provider, model)
    return [call.id if own else call.neutral_id for call in turn.calls]


def carried_size(carried: Any) -> int:
    return 0 if carried is None else len(msgspec.json.encode(carried))


def object_text(arguments: str, most: int) -> str | None:
    """Arguments that are a JSON object of at most so many characters; None for any others."""
    if len(arguments) > most:
        return None
    try:
        found = msgspec.json.decode(arguments)
    except UNREADABLE:
        return None
    return arguments if isinstance(found, dict) else None


def raw(call: Called) -> msgspec.Raw:
    """Its arguments, to stand in JSON as an object."""
    return msgspec.Raw(call.arguments.encode())


def private(talk: Iterable[Turn]) -> list[str]:
    """What no error may quote."""
    return [text for turn in talk for call in turn.calls for text in (call.arguments, call.result)]


def distinct(asked: Sequence[str], taken: set[str]) -> list[bool]:
    """Of each id whether it can be used: it is one, and nobody has it already. Adds them to those that are taken."""
    usable = []
    for id_ in asked:
        usable.append(bool(id_) and id_ not in taken)
        taken.add(id_)
    return usable
