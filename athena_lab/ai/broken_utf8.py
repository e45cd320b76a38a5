"""Characters of which a stream carries one half in one event and the other half in the next.

A server that cuts a model's output into tokens of bytes does so. Inside JSON text the bytes are recovered exactly:
`decode` keeps each byte that is not UTF-8 as a character of its own, at the end of the second private use plane, JSON's
syntax is ASCII and stays as it was, and `Mender` makes bytes of them again and decodes them where they belong together.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, Final

from athena_lab.ai.send import PROGRESS
from athena_lab.events import Finished, Token, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from athena_lab.ai.send import Item

_FIRST: Final = 0x10FF80
_KEPT: Final = re.compile("[\U0010ff80-\U0010ffff]")
_ESCAPED: Final = {0xDC80 + byte: _FIRST + byte for byte in range(0x80)}
_BYTES: Final = {_FIRST + byte: 0xDC80 + byte for byte in range(0x80)}


def decode(data: bytes) -> str:
    """UTF-8, in which bytes that are none are kept.

    Where the text itself has such characters, which no writing has, they are replaced instead, by U+FFFD.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        kept = data.decode("utf-8", "surrogateescape")
        return data.decode("utf-8", "replace") if _KEPT.search(kept) else kept.translate(_ESCAPED)
    return _KEPT.sub("\ufffd", text) if not text.isascii() else text


class Mender:
    """Joins the halves, in the texts of one answer in their order."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._waiting = False

    @property
    def idle(self) -> bool:
        """Whether items of ASCII text need not pass here."""
        return not self._waiting

    def items(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items with whole characters."""
        for item in items:
            match item:
                case Token():
                    text = self._text(item.text)
                    yield item if text is item.text else Token(text) if text else PROGRESS
                case ToolCall():
                    yield item if item.arguments.isascii() else ToolCall(item.id, item.name, _mended(item.arguments))
                case Usage() | Finished() if self._waiting:
                    yield Token(self._end())
                    yield item
                case _:
                    yield item

    def _text(self, text: str) -> str:
        """The text with what was waiting before it; a half at its end waits. May be empty."""
        if not self._waiting and (text.isascii() or not _KEPT.search(text)):
            return text
        whole = self._decoder.decode(text.translate(_BYTES).encode("utf-8", "surrogateescape"))
        self._waiting = bool(self._decoder.getstate()[0])
        return whole

    def _end(self) -> str:
        """What is left of a character whose second half never came."""
        self._waiting = False
        return self._decoder.decode(b"", final=True)


def _mended(text: str) -> str:
    return text.translate(_BYTES).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
