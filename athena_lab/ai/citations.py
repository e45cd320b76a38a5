"""Which findings an answer cites, and which of those do not exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CODE: Final = re.compile(r"(`{3,}|~{3,}).*?(?:\1|\Z)|(`{1,2})[^`\n]*\2", re.DOTALL)
"""Fenced blocks and code spans: what stands there is quoted, not cited, but for a span that holds just an id."""
_BRACKETS: Final = re.compile(r"\[([^\[\]\n]{3,400})\](?!\()")
_ID: Final = re.compile(r"[a-z][a-z0-9-]*(?:/[a-z0-9._-]+)+")
_QUOTED_ID: Final = re.compile(r"`(\[[^\[\]`\n]+\])`|\[`([^\[\]`\n]+)`\]")


def find_citations(text: str, known: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The ids cited in ``text`` that are in ``known``, and those that are not; each in order of first mention.

    A bracket cites when all it holds is ids, divided by commas or semicolons. What is not known counts only if it looks
    like an id of ours, with a module that has findings or a hyphen in it: prose has its [read/write] and [n/a] too.
    """
    known = frozenset(known)
    modules = {name.partition("/")[0] for name in known}
    cited = dict.fromkeys(_cited(text, known))
    unknown = (name for name in cited if name not in known)
    return (
        tuple(name for name in cited if name in known),
        tuple(name for name in unknown if name.partition("/")[0] in modules or "-" in name),
    )


def _cited(text: str, known: frozenset[str]) -> Iterator[str]:
    plain = _CODE.sub(" ", _QUOTED_ID.sub(lambda m: m[1] or f"[{m[2]}]", text))
    for bracket in _BRACKETS.finditer(plain):
        names = [name.strip() for name in re.split("[,;]", bracket[1])]
        if all(name in known or _ID.fullmatch(name) for name in names):
            yield from names
