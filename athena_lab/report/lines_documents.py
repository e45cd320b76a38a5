"""A document in a few lines, for the forms of a report that have no tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.document import DocumentFacts, MacroProject, MacroSheet, Mail


def document_rows_of_text(document: DocumentFacts, most: int) -> Iterator[tuple[str, str, str]]:
    """What is in it, as kind, hostile text, and sentence, which may be empty; `most` of each list."""
    if document.mail:
        yield from _mail(document.mail, most)
    for project in document.macros[:most]:
        yield from _macros(project, most)
    for sheet in document.macro_sheets[:most]:
        yield from _sheet(sheet, most)
    for script in document.scripts[:most]:
        yield "Script", script.place, _size_and_hash(script.size, script.sha256)
    for link in document.links[:most]:
        yield f"Link ({link.kind})", link.target, ""
    for item in document.objects[:most]:
        yield f"Object ({item.kind})", item.name or item.class_, f"{counted(item.size, 'byte')} {item.format}".rstrip()


def _mail(mail: Mail, most: int) -> Iterator[tuple[str, str, str]]:
    yield "Message", mail.subject, ""
    yield "From", mail.sender, ""
    if mail.recipients:
        yield "To", ", ".join(mail.recipients[:most]), ""
    if mail.received:
        yield "Received", mail.received[-1], "the first on its way"


def _macros(project: MacroProject, most: int) -> Iterator[tuple[str, str, str]]:
    if not project.modules:
        yield "Macros", project.place, "which cannot be read"
    for module in project.modules[:most]:
        yield "Macro module", module.name, _size_and_hash(module.size, module.sha256)
        if module.automatic:
            yield "Runs by itself", ", ".join(module.automatic), ""


def _sheet(sheet: MacroSheet, most: int) -> Iterator[tuple[str, str, str]]:
    yield "Excel 4.0 macros", sheet.name, f"{sheet.state}, {counted(sheet.count, 'formula')}"
    if sheet.automatic:
        yield "Runs by itself", ", ".join(sheet.automatic), ""
    for formula in sheet.formulas[:most]:
        yield "Formula", f"{formula.cell} {formula.text}", ""


def _size_and_hash(size: int, sha256: str) -> str:
    return f"{counted(size, 'byte')}, SHA-256 {sha256}"
