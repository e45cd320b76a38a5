"""Functions over the report: all that it holds, where the prompt had room for a part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from athena_lab.tools.tool import LookTool, Unfit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.facts import Executable
    from athena_lab.report.findings import Finding
    from athena_lab.tools.tool import Desk

_NONE = "The report tells of no executable: the file is none, or its headers were not read."


class NoArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Of a function that takes none."""


class ImportArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    library: (
        Annotated[str, Meta(max_length=256, description="Only of libraries with this in their name.")] | UnsetType
    ) = UNSET
    name: Annotated[str, Meta(max_length=256, description="Only imports with this in their name.")] | UnsetType = UNSET


class FindingArguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Annotated[str, Meta(min_length=1, max_length=256, description="As in the list: module/finding.")]


async def _imports(desk: Desk, wanted: ImportArguments) -> Iterator[str]:
    return _import_lines(_executables(desk), _lower(wanted.library), _lower(wanted.name))


def _lower(text: str | UnsetType) -> str:
    return "" if text is UNSET else text.lower()


def _executables(desk: Desk) -> tuple[Executable, ...]:
    facts = desk.report.facts
    return facts.executables if facts is not None else ()


def _import_lines(executables: tuple[Executable, ...], library: str, name: str) -> Iterator[str]:
    if not executables:
        yield _NONE
    for number, executable in enumerate(executables):
        found = [
            item
            for item in executable.imports
            if library in item.library.lower() and name in (item.name or f"#{item.ordinal}").lower()
        ]
        listed, in_all = len(executable.imports), executable.import_count
        more = f"; {in_all - listed} more are not listed in the report" if in_all > listed else ""
        yield f"executable {number}: {len(found)} of {in_all} imports fit{more}"
        yield from (f"{item.library}: {item.name or f'#{item.ordinal}'}" for item in found)


async def _sections(desk: Desk, _wanted: NoArguments) -> Iterator[str]:
    return _section_lines(_executables(desk))


def _section_lines(executables: tuple[Executable, ...]) -> Iterator[str]:
    if not executables:
        yield _NONE
    for number, executable in enumerate(executables):
        yield f"executable {number}: {executable.kind}, {executable.arch}, {len(executable.sections)} sections"
        yield f"entry point {executable.entry_point:#x}, image base {executable.image_base:#x}"
        for section in executable.sections:
            anomalies = f", {'; '.join(section.anomalies)}" if section.anomalies else ""
            yield (
                f"{section.name}: address {section.address:#x}, {section.virtual_size} bytes in memory; "
                f"offset {section.offset:#x}, {section.size} bytes in the file; "
                f"{section.permissions}, entropy {section.entropy:.2f}{anomalies}"
            )


async def _finding(desk: Desk, wanted: FindingArguments) -> Iterator[str]:
    for finding in desk.report.findings:
        if finding.id == wanted.id:
            return _finding_lines(finding)
    raise Unfit("There is no finding with that id. Ids are those in square brackets in the list of findings.")


def _finding_lines(finding: Finding) -> Iterator[str]:
    yield f"{finding.id}: {finding.severity}, {finding.confidence} % sure"
    yield f"title: {finding.title}"
    if finding.techniques:
        yield f"techniques: {', '.join(finding.techniques)}"
    yield from (f"detail: {line}" for line in finding.detail.splitlines())
    for evidence in finding.evidence:
        where = "" if evidence.offset is None else f" at {evidence.offset:#x}"
        length = "" if evidence.length is None else f", {evidence.length} bytes"
        what = "" if evidence.text is None else f": {evidence.text}"
        yield f"evidence{where}{length}{what}"


TOOLS = (
    LookTool(
        "look_up_finding", "All that the report says of one finding, with all its evidence.", FindingArguments, _finding
    ),
    LookTool("list_imports", "What the executable imports, all of it or what fits.", ImportArguments, _imports),
    LookTool("list_sections", "The executable's sections: addresses, offsets, sizes, entropy.", NoArguments, _sections),
)
