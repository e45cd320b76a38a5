"""The facts of crypto as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from athena_lab.report.display import counted, size_text, span_text
from athena_lab.report.markup import Row, code, details, meter, table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from athena_lab.report.crypto import Algorithm, Alphabet, Api, Certificate, CryptoFacts, Key, Region, XorGuess

BUDGET = 10_000
"""Characters of HTML for each table."""

_T = TypeVar("_T")


def crypto_html(facts: CryptoFacts) -> str:
    """Algorithms, keys and guesses open, the rest folded; nothing where nothing was found."""
    parts = (
        _part("Algorithms", facts.algorithms, ("Algorithm", "Kind", "Told by", "Offset", "Sure"), _algorithm),
        _part("Keys and certificates", facts.keys, ("Kind", "Encoding", "Algorithm", "Offset", "Size", "Subject"), _key,
              left=facts.keys_left_out),
        _part("XOR keys", facts.xor, ("Key", "Offset", "Program at", "Plain", "Sure"), _guess, left=facts.xor_left_out),
        _part("Alphabets", facts.alphabets, ("Offset", "Name", "Characters"), _alphabet),
        _part("Functions of cryptography", facts.apis, ("Name", "Library", "For", "Offset", "Places"), _api,
              opened=False),
        _part("Dense regions", facts.regions, ("Offset", "Size", "Entropy", "Chi-square", "Kind"), _region,
              opened=False),
    )  # fmt: skip  # a table
    body = "".join(parts)
    return f"<h4>Cryptography</h4>{body}" if body else ""


def _part(
    name: str,
    items: Collection[_T],
    head: Sequence[str],
    row: Callable[[_T], Row],
    *,
    left: int = 0,
    opened: bool = True,
) -> str:
    more = f", {left} more left out" if left else ""
    return details(f"{name}: {len(items)}{more}", table(head, items, row, BUDGET, kept="report.crypto"), opened=opened)


def _algorithm(found: Algorithm) -> Row:
    told = ", ".join(evidence.what for evidence in found.evidence[:4])
    offset = code(f"{found.evidence[0].offset:#x}") if found.evidence else ""
    return Row((found.name, found.category, told, offset, f"{found.confidence} %"))


def _key(key: Key) -> Row:
    bits = f", {key.bits} bits" if key.bits else ""
    subject = code(_certificate(key.certificate)) if key.certificate else ""
    css = "athena-odd" if key.kind == "private-key" else ""
    where = code(f"{key.offset:#x}"), size_text(key.length)
    return Row((key.kind, key.encoding, f"{key.algorithm}{bits}", *where, subject), css)


def _certificate(it: Certificate) -> str:
    return f"{it.subject}, {it.signature}, {span_text(it.not_before, it.not_after)}"


def _guess(guess: XorGuess) -> Row:
    program = "" if guess.program is None else code(f"{guess.program:#x}")
    others = f" and {len(guess.others)} more" if guess.others else ""
    cells = (
        code(guess.key, 80),
        code(f"{guess.offset:#x}{others}"),
        program,
        code(guess.plain, 120),
        f"{guess.confidence} %",
    )
    return Row(cells, "" if guess.program is None else "athena-odd")


def _alphabet(found: Alphabet) -> Row:
    name = found.name or "not a known one"
    return Row((code(f"{found.offset:#x}"), f"{name}, UTF-16" if found.wide else name, code(found.alphabet)))


def _api(api: Api) -> Row:
    return Row((code(api.name), api.library, api.purpose, code(f"{api.offset:#x}"), counted(api.places, "place")))


def _region(region: Region) -> Row:
    where = code(f"{region.offset:#x}"), size_text(region.length)
    return Row((*where, meter(region.entropy), f"{region.chi_square:.0f}", region.kind))
