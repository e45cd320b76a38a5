"""What documents hold as HTML: the source of macros and scripts folded, the lists open."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from athena_lab.report.display import counted, shown
from athena_lab.report.markup import Row, code, details, pairs, table, take

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from athena_lab.report.document import (
        DocumentFacts,
        EmbeddedObject,
        Formula,
        Link,
        MacroModule,
        MacroProject,
        MacroSheet,
        Mail,
        Script,
    )
    from athena_lab.report.markup import Html

BUDGET = 64_000
SOURCE_BUDGET = 16_000
LIST_BUDGET = 8_000
MAIL_BUDGET = 6_000
"""All in characters of HTML."""
MAX_LINE = 400
"""Characters of one line of source."""
MAX_BODY = 4_000
"""Characters of a message's text."""


def documents_html(documents: Sequence[DocumentFacts]) -> str:
    """Nothing where there is no document."""
    parts, left = take(documents, _document, 64, BUDGET)
    more = f"<p>{left} more documents are not shown here; <code>report.facts</code> has them.</p>" if left else ""
    return "".join(parts) + more


def _document(document: DocumentFacts) -> str:
    place = "" if document.child is None else f" in child {document.child}"
    body = (
        (_mail(document.mail) if document.mail else "")
        + "".join(take(document.macros, _project, 16, 2 * SOURCE_BUDGET)[0])
        + "".join(take(document.macro_sheets, _sheet, 32, SOURCE_BUDGET)[0])
        + "".join(take(document.scripts, _script, 32, SOURCE_BUDGET)[0])
        + details(
            counted(len(document.links), "link"),
            table(("Kind", "Target", "Place"), document.links, _link, LIST_BUDGET),
            opened=True,
        )
        + details(
            counted(len(document.objects), "object"),
            table(("Kind", "Class", "Name", "Size", "Content"), document.objects, _object, LIST_BUDGET),
            opened=True,
        )
    )
    return f"<h4>Document{place}</h4>{body}"


def source_html(source: str, budget: int = SOURCE_BUDGET) -> str:
    """Source text with its lines, each as visible text; says how many lines it leaves out."""
    lines, left = take(source.splitlines(), lambda line: escape(shown(line, MAX_LINE)) + "\n", 10_000, budget)
    more = f"<p>{left} more lines; <code>report.facts</code> has what was kept.</p>" if left else ""
    return f"<pre>{''.join(lines)}</pre>{more}"


def _project(project: MacroProject) -> str:
    rows: list[tuple[str, str | Html]] = [("Place", code(project.place))] if project.place else []
    rows += [("Code page", str(project.code_page))] if project.code_page else []
    rows += [("Reference", code(reference)) for reference in project.references[:8]]
    modules, left = take(project.modules, _module, 64, 2 * SOURCE_BUDGET - LIST_BUDGET)
    more = f"<p>{left} more modules are not shown here.</p>" if left else ""
    name = f" {escape(shown(project.name, 80))}" if project.name else ""
    return f"<h5>Macros (VBA){name}</h5>{pairs(rows, LIST_BUDGET)}{''.join(modules)}{more}"


def _module(module: MacroModule) -> str:
    calls = table(
        ("Line", "Word", "Text"),
        module.calls,
        lambda call: Row((str(call.line), call.word, code(call.text))),
        LIST_BUDGET // 2,
    )
    automatic = f", runs by itself: {', '.join(module.automatic)}" if module.automatic else ""
    summary = f"{module.name} ({module.kind}, {module.size:,} bytes{automatic})"
    return details(summary, calls + source_html(module.source, SOURCE_BUDGET // 2))


def _sheet(sheet: MacroSheet) -> str:
    automatic = f", runs by itself: {', '.join(sheet.automatic)}" if sheet.automatic else ""
    summary = f"Excel 4.0 macros: {sheet.name} ({sheet.state}, {counted(sheet.count, 'formula')}{automatic})"
    return details(summary, table(("Cell", "Formula"), sheet.formulas, _formula, LIST_BUDGET), opened=True)


def _formula(formula: Formula) -> Row:
    return Row((code(formula.cell, 16), code(formula.text)))


def _script(script: Script) -> str:
    summary = f"{script.language} in {script.place} ({script.size:,} bytes)"
    return details(summary, source_html(script.source, SOURCE_BUDGET // 2))


def _link(link: Link) -> Row:
    return Row((link.kind, code(link.target), code(link.place, 80)))


def _object(item: EmbeddedObject) -> Row:
    names = " | ".join(filter(None, (item.name, item.path, item.temporary_path)))
    return Row((item.kind, code(item.class_, 80), code(names), f"{item.size:,}", item.format))


def _mail(mail: Mail) -> str:
    text = source_html(mail.text[:MAX_BODY], LIST_BUDGET) if mail.text else ""
    html = source_html(mail.html[:MAX_BODY], LIST_BUDGET) if mail.html else ""
    return (
        "<h5>Message</h5>"
        + pairs(tuple(_fields(mail)), MAIL_BUDGET)
        + details("Text", text)
        + details("HTML, as it is written", html)
    )


def _fields(mail: Mail) -> Iterator[tuple[str, str | Html]]:
    fields = (
        ("Subject", mail.subject),
        ("From", mail.sender),
        ("Reply to", mail.reply_to),
        ("Return path", mail.return_path),
        *(("To", recipient) for recipient in mail.recipients[:8]),
        ("Date", mail.date),
        ("Message id", mail.message_id),
        *(("Authentication", line) for line in mail.authentication[:8]),
        *(("Received", line) for line in mail.received[:8]),
    )
    for name, value in fields:
        if value:
            yield name, code(value)
