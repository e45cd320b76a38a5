"""API keys, and what of a provider's words may be repeated.

A key lives in a `Secret` from the environment to the header, and nowhere else. What a provider says in an error is
quoted only through `quotable`, since providers repeat keys and prompts in their messages.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NoReturn

from athena_lab.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MASK: Final = "***"
MAX_QUOTE: Final = 300
"""Characters of a provider's message that are repeated."""

_KEY_FORMATS: Final = re.compile(r"\b(?:(?:sk|gsk|pk|rk|key)[-_]|AIza)[\w*.\-]{6,}|(?i:\bbearer\s+\S+)")
_KEY_PART: Final = 8
"""So many characters of a key in a row are already too many."""
_PRIVATE_PART: Final = 24
"""So many characters in a row in common with a prompt mean that the message repeats it."""


class Secret:
    """A value that shows itself only when asked to, and that refuses to be pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A Secret is not pickled.")


def read_key(variables: Sequence[str], environ: Mapping[str, str]) -> Secret | None:
    """The first of the variables that is set; None if none is.

    Raises ConfigError, which names the variable, for a value that cannot stand in a header: the HTTP library's own
    complaint would hold the key.
    """
    for variable in variables:
        value = environ.get(variable, "").strip()
        if not value:
            continue
        if not (value.isascii() and value.isprintable()) or " " in value:
            raise ConfigError(f"{variable} holds a space, a control character or a letter that no key has.")
        return Secret(value)
    return None


def quotable(message: str, *, secrets: Iterable[Secret | None] = (), private: Iterable[str] = ()) -> str:
    """A provider's message as one printable line of at most `MAX_QUOTE` characters, without keys.

    A message that repeats part of ``private`` (the prompt, and with it perhaps the sample) is withheld whole.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in message[: 8 * MAX_QUOTE]).split())
    for secret in secrets:
        if secret is not None:
            line = _without_parts(line, secret.reveal())
    line = _KEY_FORMATS.sub(MASK, line)[:MAX_QUOTE]
    if any(_overlaps(line, text) for text in private):
        return "(message withheld: it repeats the prompt)"
    return line


def _without_parts(line: str, key: str) -> str:
    """The line with every stretch of the key of `_KEY_PART` or more characters masked."""
    if len(key) <= _KEY_PART:
        return line.replace(key, MASK)
    hidden = {
        at + offset
        for start in range(len(key) - _KEY_PART + 1)
        for at in _places(line, key[start : start + _KEY_PART])
        for offset in range(_KEY_PART)
    }
    return re.sub("\0+", MASK, "".join("\0" if at in hidden else c for at, c in enumerate(line)))


def _places(line: str, part: str) -> list[int]:
    return [match.start() for match in re.finditer(f"(?={re.escape(part)})", line)]


def _overlaps(line: str, text: str) -> bool:
    flat = " ".join(text.split())
    return any(line[start : start + _PRIVATE_PART] in flat for start in range(len(line) - _PRIVATE_PART + 1))
