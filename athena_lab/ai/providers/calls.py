"""Function calls, gathered from the fragments in which they stream."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from athena_lab.ai.providers.wire import Garbage
from athena_lab.events import ToolCall

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_CALLS: Final = 64
"""Of one answer."""
MAX_ARGUMENTS: Final = 1 << 20
"""Characters of all calls of an answer together."""
MAX_NAME: Final = 256
"""Characters of a call's name, or of its id."""


@dataclass(slots=True)
class _Call:
    id: str
    name: str
    arguments: list[str] = field(default_factory=list)


class Calls:
    """The calls of one answer. Raises Garbage where they grow over the caps, or have no name."""

    def __init__(self) -> None:
        self._open: list[_Call] = []
        self._at: dict[int, _Call] = {}
        self._count = 0
        self._size = 0

    def add(self, index: int | None, *, id: str = "", name: str = "", arguments: str = "") -> None:  # noqa: A002 - the wires' own word
        """A fragment of the call at ``index``; the first id and name count.

        Another id at the same place begins another call, since some servers give every call the same index. Without
        an index, a fragment without an id belongs to the call before it.
        """
        call = self._at.get(index) if index is not None else (self._open[-1] if self._open else None)
        if call is None or (id and call.id and id != call.id):
            call = _Call(id, name)
            self._open.append(call)
            self._at[len(self._open) - 1 if index is None else index] = call
            self._count += 1
        call.id, call.name = call.id or id, call.name or name
        call.arguments.append(arguments)
        self._check(call.id, call.name, arguments)

    def end(self, *, cut_off: bool) -> Iterator[ToolCall]:
        """The calls gathered, in order. In an answer that was cut off the last one is not whole, and left out."""
        first = self._count - len(self._open)
        for number, call in enumerate(self._open[:-1] if cut_off else self._open, first):
            yield _made(number, call.id, call.name, "".join(call.arguments))
        self._open, self._at = [], {}

    def whole(self, *, id: str, name: str, arguments: str) -> ToolCall:  # noqa: A002 - as above
        """A call that came in one piece."""
        self._count += 1
        self._check(id, name, arguments)
        return _made(self._count - 1, id, name, arguments)

    def _check(self, id: str, name: str, arguments: str) -> None:  # noqa: A002 - as above
        self._size += len(arguments)
        if self._count > MAX_CALLS:
            raise Garbage(f"asks for more than {MAX_CALLS} function calls")
        if self._size > MAX_ARGUMENTS or max(len(id), len(name)) > MAX_NAME:
            raise Garbage("asks for a function call that is too large")


def _made(number: int, id: str, name: str, arguments: str) -> ToolCall:  # noqa: A002 - as above
    """Local servers leave ids out; the number tells calls of one answer apart as well."""
    if not name:
        raise Garbage("asks for a function call without a name")
    return ToolCall(id or f"call_{number}", name, arguments or "{}")
