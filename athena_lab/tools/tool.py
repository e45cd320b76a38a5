"""What a function for a model is: its name, what it says of itself, its arguments, and what it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from athena_lab.ai.prompt import Tool, inert
from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from athena_lab.report import Report

MAX_LINE: Final = 600
"""Characters of one line of a result."""
_FOR_MODELS: Final = frozenset(
    {"additionalProperties", "anyOf", "description", "enum", "items", "properties", "required", "type"}
)
"""Of a JSON Schema. Providers refuse much of the rest; our own validation sees to it."""


class Desk(Protocol):
    """What a function works on: one sample, and its report."""

    @property
    def report(self) -> Report: ...

    async def execute(self, module: str, function: str, args: Mapping[str, Any]) -> msgspec.Raw:
        """Call it in the sandbox, on this sample. Raises `AthenaError`."""


class Unfit(Exception):
    """The arguments are of the right types, and still ask for what there is not. Says what, in words of ours."""


class LookTool(Value, frozen=True):
    """``run`` gives the lines of the result. It raises `Unfit`, and `AthenaError` for what fails in the sandbox."""

    name: str
    description: str
    args: type[msgspec.Struct]
    run: Callable[[Desk, Any], Awaitable[Iterable[str]]]
    needs: tuple[str, str] | None = None
    """The module and the function that it calls; None where the report is enough."""

    def declaration(self, own: Mapping[str, Any] | None = None) -> Tool:
        """As the model is told of it. ``own``: schemas of arguments that the module itself describes better."""
        (schema,), definitions = msgspec.json.schema_components((self.args,))
        plain = _plain(schema, definitions)
        plain["properties"] |= {name: _plain(below, {}) for name, below in (own or {}).items()}
        return Tool(self.name, self.description, plain)


def _plain(node: Any, definitions: Mapping[str, Any]) -> Any:
    """Without references, and with what models are told of a value: its type and what it is for."""
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _plain(definitions[node["$ref"].rpartition("/")[2]], definitions)
    kept = {key: value for key, value in node.items() if key in _FOR_MODELS}
    return {
        key: {name: _plain(below, definitions) for name, below in value.items()}
        if key == "properties"
        else _plain(value, definitions)
        for key, value in kept.items()
    }


def broken(line: str) -> Iterable[str]:
    """A line in pieces that `fit` does not cut: for texts of which the whole counts."""
    return (line[at : at + MAX_LINE] for at in range(0, len(line) or 1, MAX_LINE))


def fit(lines: Iterable[str], characters: int) -> tuple[str, bool]:
    """As many lines as there is room for, and whether there was more. What does not print stands as an escape."""
    kept: list[str] = []
    room = characters - 40
    left_out = 0
    cut = False
    for line in lines:
        if left_out:  # there may be millions, which nobody reads
            left_out += 1
            continue
        text = inert(line, MAX_LINE)
        cut = cut or len(line) > MAX_LINE
        room -= len(text) + 1
        if room < 0:
            left_out += 1
        else:
            kept.append(text)
    if left_out:
        kept.append(f"({left_out:,} more lines left out)")
    return "\n".join(kept)[:characters], cut or bool(left_out)
