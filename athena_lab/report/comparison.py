"""Two samples beside each other: what they share and what only one of them has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from athena_lab.report import indicators
from athena_lab.report.crypto import CryptoFacts
from athena_lab.report.display import time_text
from athena_lab.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from athena_lab.report.facts import FileFacts
    from athena_lab.report.model import Report

MAX_LISTED = 200
"""Elements that are listed of what is common, and of what only one has; ``counts`` are of all."""
Percent = Annotated[float, Meta(ge=0, le=100)]


class Property(msgspec.Struct, frozen=True):
    """Something that a file has one of. ``same`` is None where one of the two has none."""

    name: str
    first: str
    second: str
    same: bool | None


class Shared(msgspec.Struct, frozen=True, rename="camel"):
    """Sets of what is in both and in one. ``alike``: the share of the common among all, percent (Jaccard); None where
    neither has any.
    """

    what: str
    common_count: int
    only_first_count: int
    only_second_count: int
    alike: Percent | None
    common: tuple[str, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]


class Likeness(msgspec.Struct, frozen=True, rename="camel"):
    """By fuzzy hashes: ssdeep's score of 0 - 100, the more the more alike; TLSH's distance from 0, below 100 for files
    of the same kind; None where one of the files is too small or too even for it.
    """

    ssdeep: int | None
    tlsh: int | None


class Comparison(msgspec.Struct, frozen=True, rename="camel"):
    """``alike`` is the mean of the sets of which at least one has something, percent."""

    first: Sample
    second: Sample
    identical: bool
    alike: Percent
    likeness: Likeness
    properties: tuple[Property, ...]
    sets: tuple[Shared, ...]

    def shared(self, what: str) -> Shared:
        """``imports``, ``sections`` ... Raises `KeyError`."""
        for row in self.sets:
            if row.what == what:
                return row
        raise KeyError(what)

    def to_text(self) -> str:
        from athena_lab.report.comparison_views import to_text  # noqa: PLC0415 - who only holds it need not pay for it

        return to_text(self)

    def to_html(self) -> str:
        from athena_lab.report.comparison_views import to_html  # noqa: PLC0415 - as above

        return to_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - IPython filters
        return {"text/html": self.to_html(), "text/plain": self.to_text()}

    def __str__(self) -> str:
        return self.to_text()


def compared(first: Report, second: Report, likeness: Likeness) -> Comparison:
    """By what their reports say; of a module that failed, nothing."""
    sets = tuple(_shared(what, _elements(first, what), _elements(second, what)) for what in SETS)
    known = [row.alike for row in sets if row.alike is not None]
    identical = first.sample.sha256 == second.sample.sha256
    return Comparison(
        first.sample,
        second.sample,
        identical,
        100.0 if identical else round(sum(known) / len(known), 1) if known else 0.0,
        likeness,
        tuple(_property(name, _value(first, name), _value(second, name)) for name in PROPERTIES),
        sets,
    )


PROPERTIES = (
    "format", "size", "architecture", "subsystem", "compile time", "entry point", "imphash", "rich header", "telfhash",
    "PDB", "build ID", "signer",
)  # fmt: skip
SETS = ("imports", "exports", "sections", "resources", "strings", "rules", "findings", "indicators", "algorithms")


def _value(report: Report, name: str) -> str:
    facts = report.facts
    if facts is None:
        return ""
    if name in {"format", "size"}:
        return facts.format.name if name == "format" else str(facts.size)
    image = facts.executables[0] if facts.executables else None
    if image is None:
        return ""
    signers = image.signature.subjects if image.signature else ()
    values: dict[str, Any] = {
        "architecture": image.arch,
        "subsystem": image.subsystem,
        "compile time": time_text(image.compile_time) if image.compile_time else "",
        "entry point": hex(image.entry_point) if image.entry_point else "",
        "imphash": image.imphash,
        "rich header": image.rich.hash if image.rich else "",
        "telfhash": image.telfhash,
        "PDB": next((debug.pdb_path for debug in image.debug if debug.pdb_path), ""),
        "build ID": image.build_id,
        "signer": signers[0] if signers else "",
    }
    return str(values[name] or "")


def _elements(report: Report, what: str) -> set[str]:
    facts = report.facts
    if what == "rules":
        return {match.rule for match in report.patterns.matches} if report.patterns else set()
    if what == "findings":
        return {finding.id for finding in report.findings}
    if what == "indicators":
        return {f"{row.kind} {row.value}" for row in indicators.rows(report)}
    if what == "algorithms":
        return {one.name for one in report.crypto.algorithms} if isinstance(report.crypto, CryptoFacts) else set()
    return set(_of_file(facts, what)) if facts else set()


def _of_file(facts: FileFacts, what: str) -> Iterable[str]:
    if what == "strings":
        yield from (item.text for item in facts.strings.items) if facts.strings else ()
    for image in facts.executables:
        match what:
            case "imports":
                yield from (f"{one.library.lower()} {one.name or one.ordinal}".strip() for one in image.imports)
            case "exports":
                yield from (one.name or f"#{one.ordinal}" for one in image.exports)
            case "sections":  # by their content: the name alone says little
                yield from (f"{one.name} {one.md5}" for one in image.sections if one.md5 and one.size)
            case "resources":
                yield from (f"{one.kind} {one.name} {one.size} {one.entropy}" for one in image.resources)


def _property(name: str, first: str, second: str) -> Property:
    return Property(name, first, second, first == second if first and second else None)


def _shared(what: str, first: set[str], second: set[str]) -> Shared:
    common, every = first & second, first | second
    lists = (tuple(sorted(found)[:MAX_LISTED]) for found in (common, first - second, second - first))
    return Shared(
        what,
        len(common),
        len(first - second),
        len(second - first),
        round(100 * len(common) / len(every), 1) if every else None,
        *lists,
    )
