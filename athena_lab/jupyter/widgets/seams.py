"""Where one provider went on with another's text: a mark in the answer, at that place.

The text is Markdown, and a mark in the middle of it may change what it means. So a place is taken only where the answer
with the mark is, but for the mark, the answer without it; where there is none such, the mark stands behind the answer.
"""

from __future__ import annotations

import re
import secrets
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

import msgspec

from athena_lab.jupyter.widgets.markdown import render_markdown
from athena_lab.report.display import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from athena_lab.jupyter.widgets.markdown import Citations

MAX_SEAMS = 16
_MAX_MARKED = 100_000
"""Characters of an answer for which places are tried: each try renders it once more."""
_WORD = re.compile(r"\S*[ \t]?")
_LINE = re.compile(r".*")


class Seam(msgspec.Struct, frozen=True):
    """``provider`` goes on behind the first ``at`` characters, where ``left`` broke off."""

    at: int
    provider: str
    model: str
    left: str
    left_model: str


def named(provider: str, model: str) -> str:
    """``claude / opus``, as it may be shown; still to be escaped."""
    return shown(" / ".join(part for part in (provider, model) if part), 200)


def authors(seams: Sequence[Seam], provider: str, model: str) -> str:
    """``claude / opus, then openai / gpt``: whoever wrote a part, each time it took over from another."""
    names = [*(named(seam.left, seam.left_model) for seam in seams), named(provider, model)]
    return ", then ".join(name for name, _ in groupby(names) if name)


def render_with_seams(text: str, seams: Sequence[Seam], citations: Citations) -> str:
    """The text as sanitised HTML, with a mark at each seam."""
    plain = render_markdown(text, citations)
    if not seams:
        return plain
    marks = [f'<small class="athena-seam">{escape(_label(seam))}</small>' for seam in seams]
    pieces = _pieces(text, seams, citations, plain) if len(text) <= _MAX_MARKED else None
    if pieces is None:
        return f"{plain}<p>{' '.join(marks)}</p>"
    return pieces[0] + "".join(mark + piece for mark, piece in zip(marks, pieces[1:], strict=True))


def plain_with_seams(text: str, seams: Sequence[Seam]) -> str:
    """The text with the marks as text."""
    ends = [*(seam.at for seam in seams[1:]), len(text)]
    parts = (f"{_label(seam)}{text[seam.at : end]}" for seam, end in zip(seams, ends, strict=True))
    return text[: seams[0].at] + "".join(parts) if seams else text


def _label(seam: Seam) -> str:
    return f"[continued by {named(seam.provider, seam.model)}]"


def _pieces(text: str, seams: Sequence[Seam], citations: Citations, plain: str) -> list[str] | None:
    """The HTML, cut at the seams; None where a seam has no place."""
    word = f"seam{secrets.token_hex(8)}"  # a word that no model can know

    def cut(places: list[int]) -> list[str] | None:
        marked, last = [], 0
        for place in places:
            marked += [text[last:place], word]
            last = place
        pieces = render_markdown("".join((*marked, text[last:])), citations).split(word)
        return pieces if len(pieces) == len(places) + 1 and "".join(pieces) == plain else None

    places: list[int] = []
    for seam in seams:
        place = next((place for place in _candidates(text, seam.at) if cut([place])), None)
        if place is None:
            return None
        places.append(place)
    return cut(places)


def _candidates(text: str, at: int) -> Iterator[int]:
    """The seam itself, then behind its word, then the end of its line."""
    yield at
    for pattern in (_WORD, _LINE):
        if (found := pattern.match(text, at)) is not None and found.end() != at:
            yield found.end()
