"""Parts of a report as pandas DataFrames. pandas is not a dependency of ours and is only looked for when asked."""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from athena_lab.errors import InvalidField, MissingPackage
from athena_lab.report import indicators
from athena_lab.report.frames_capture import CAPTURE_COLUMNS, capture_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from athena_lab.report.facts import Executable
    from athena_lab.report.model import Report

Table = Literal[
    "findings", "sections", "strings", "imports", "indicators", "flows", "dns", "http", "tls", "files", "beacons",
    "domains", "credentials",
]  # fmt: skip


def to_frame(report: Report, what: Table) -> Any:
    """A ``pandas.DataFrame``, with text as it is in the sample, neither defanged nor made visible: it is for computing.

    Raises `MissingPackage` without pandas and `InvalidField` for a table that does not exist.
    """
    if what not in TABLES:
        raise InvalidField(f"There is no table {what!r}.", next_step=f"Ask for one of: {', '.join(TABLES)}.")
    columns, rows = TABLES[what]
    return _pandas().DataFrame(list(rows(report)), columns=list(columns))


def _pandas() -> Any:
    try:
        return importlib.import_module("pandas")
    except ImportError as error:
        raise MissingPackage(
            "to_dataframe() needs pandas, which is not installed.",
            next_step="Run `%pip install pandas` in the notebook, or use report.findings and report.facts.",
        ) from error


def _findings(report: Report) -> Iterator[tuple[Any, ...]]:
    for f in report.findings:
        offset = next((e.offset for e in f.evidence if e.offset is not None), None)
        yield f.id, f.severity, f.confidence, f.title, f.detail, offset, ", ".join(f.techniques)


def _sections(report: Report) -> Iterator[tuple[Any, ...]]:
    for image in _images(report):
        for s in image.sections:
            where = (s.offset, s.size, s.address, s.virtual_size)
            yield (image.arch, s.name, *where, s.permissions, s.entropy, s.md5, ", ".join(s.anomalies))


def _strings(report: Report) -> Iterator[tuple[Any, ...]]:
    strings = report.facts.strings if report.facts else None
    for item in strings.items if strings else ():
        yield item.offset, item.encoding, item.text


def _imports(report: Report) -> Iterator[tuple[Any, ...]]:
    for image in _images(report):
        for item in image.imports:
            yield image.arch, item.library, item.name, item.ordinal, item.delayed


def _indicators(report: Report) -> Iterator[tuple[Any, ...]]:
    for row in indicators.rows(report):
        yield (*row[:-2], ", ".join(row.tags), row.source)


def _images(report: Report) -> tuple[Executable, ...]:
    return report.facts.executables if report.facts else ()


TABLES: dict[str, tuple[tuple[str, ...], Callable[[Report], Iterator[tuple[Any, ...]]]]] = {
    "findings": (("id", "severity", "confidence", "title", "detail", "offset", "techniques"), _findings),
    "sections": (
        (
            "arch", "name", "offset", "size", "address", "virtual_size", "permissions", "entropy", "md5", "anomalies",
        ),
        _sections,
    ),
    "strings": (("offset", "encoding", "text"), _strings),
    "imports": (("arch", "library", "name", "ordinal", "delayed"), _imports),
    "indicators": (("kind", "value", "offset", "count", "leads_somewhere", "tags", "source"), _indicators),
    **{name: (columns, partial(capture_rows, name)) for name, columns in CAPTURE_COLUMNS.items()},
}  # fmt: skip
"""Columns and rows of each table. Sections and imports of all slices of a fat Mach-O, told apart by ``arch``;
indicators with those that only a document's links (``source``: ``document``), a layer (``layer 0``), the run (``run``)
or a file inside (``file NAME``) hold.
"""
