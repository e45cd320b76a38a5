"""Files inside the sample, and what particular formats say, as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from athena_lab.report.display import counted, shown, size_text, time_text
from athena_lab.report.markup import Html, Row, code, details, pairs, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from athena_lab.report.children import Child
    from athena_lab.report.contents import (
        Android,
        Bundle,
        Component,
        Contents,
        CustomAction,
        Dex,
        Installer,
        Java,
        Python,
        Shortcut,
    )

CHILDREN_BUDGET = 16_000
PAIRS_BUDGET = 8_000
LIST_BUDGET = 4_000
"""All in characters of HTML."""
_SCREENFUL = 20


def children_html(children: tuple[Child, ...]) -> str:
    """The tree, each level further in."""
    if not children:
        return ""
    head = ("Number", "Name", "How", "Size", "Content", "SHA-256")
    listing = table(head, children, _child, CHILDREN_BUDGET)
    return "<h4>Files inside</h4>" + details(
        f"{counted(len(children), 'file')}: lab.extract(sample, number) takes one out",
        listing,
        opened=len(children) <= _SCREENFUL,
    )


def _child(child: Child) -> Row:
    indent = "\u2003" * (min(child.depth, 12) - 1)
    name = Html(escape(indent) + code(child.name).markup)
    size = f"more than {child.size:,}" if child.cut else f"{child.size:,}"
    return Row((f"{child.index}", name, child.kind, size, child.format, code(child.sha256)))


def contents_html(contents: Contents) -> str:
    parts = (
        ("Shortcut", _shortcut(contents.shortcut) if contents.shortcut else ""),
        ("Windows Installer package", _installer(contents.installer) if contents.installer else ""),
        ("Android package", _android(contents.android) if contents.android else ""),
        ("Dalvik executable", _dex(contents.dex) if contents.dex else ""),
        ("Java", _java(contents.java) if contents.java else ""),
        ("Python", _python(contents.python) if contents.python else ""),
        ("Bundle", _bundle(contents.bundle) if contents.bundle else ""),
    )
    return "".join(f"<h4>{title}</h4>{part}" for title, part in parts if part)


def _pairs(rows: Sequence[tuple[str, str | Html]]) -> str:
    return pairs([(name, value) for name, value in rows if value], PAIRS_BUDGET)


def _code(text: str) -> str | Html:
    return code(text, 1_000) if text else ""


def _time(stamp: int | None) -> str:
    return "" if stamp is None else f"{time_text(stamp)} (as the file claims)"


def _list(title: str, texts: Sequence[str]) -> str:
    return details(f"{title}: {len(texts)}", table((title,), texts, lambda text: Row((code(text),)), LIST_BUDGET))


def _shortcut(shortcut: Shortcut) -> str:
    icon = shortcut.icon + (f", {shortcut.icon_index}" if shortcut.icon and shortcut.icon_index else "")
    volume = " ".join(part for part in (shortcut.drive, shortcut.volume_serial, shortcut.volume_label) if part)
    rows: list[tuple[str, str | Html]] = [
        ("Target", _code(shortcut.target)),
        ("Arguments", _code(shortcut.arguments)),
        ("Working folder", _code(shortcut.working_folder)),
        ("Relative path", _code(shortcut.relative_path)),
        ("Description", _code(shortcut.description)),
        ("Icon", _code(icon)),
        ("Window", shortcut.window),
        *((f"Target by {place}", _code(target)) for place, target in shortcut.targets.items()),
        ("Target created", _time(shortcut.created)),
        ("Target modified", _time(shortcut.modified)),
        ("Target accessed", _time(shortcut.accessed)),
        ("Target size", size_text(shortcut.target_size) if shortcut.target_size else ""),
        ("Volume", _code(volume)),
        ("Machine", _code(shortcut.machine)),
        ("Network card", _code(shortcut.mac)),
        ("Known folder", _code(shortcut.known_folder)),
        ("Extra data", ", ".join(shortcut.blocks)),
        ("Appended", size_text(shortcut.appended) if shortcut.appended else ""),
    ]
    return _pairs(rows)


def _installer(installer: Installer) -> str:
    tables = [f"{name}: {rows}" for name, rows in installer.tables.items()]
    actions = table(("Action", "Runs", "Source", "Target"), installer.actions, _action, LIST_BUDGET)
    return (
        _pairs([(name, _code(value)) for name, value in installer.properties.items()])
        + details(f"Custom actions: {len(installer.actions)}", actions, opened=len(installer.actions) <= _SCREENFUL)
        + _list("Files", installer.files)
        + _list("Tables", tables)
    )


def _action(action: CustomAction) -> Row:
    return Row((code(action.name), action.runs, code(action.source), code(action.target)))


def _android(android: Android) -> str:
    rows: list[tuple[str, str | Html]] = [
        ("Package", _code(android.package)),
        ("Version", _code(f"{android.version_name} ({android.version_code})")),
        ("SDK", f"from {android.min_sdk or '?'}, made for {android.target_sdk or '?'}"),
        ("Signed", ", ".join(android.signatures) or "no"),
        ("Certificates", _code(", ".join(android.certificates))),
        ("Can be debugged", "yes" if android.is_debuggable else ""),
    ]
    components = table(("Kind", "Name", "Exported", "Actions"), android.components, _component, LIST_BUDGET)
    return (
        _pairs(rows)
        + _list("Permissions", android.permissions)
        + details(f"Components: {len(android.components)}", components)
    )


def _component(component: Component) -> Row:
    exported = "yes" if component.is_exported else ""
    return Row((component.kind, code(component.name), exported, code(", ".join(component.actions))))


def _dex(dex: Dex) -> str:
    checksum = "as computed" if dex.is_checksum_valid else "WRONG"
    counts = f"{dex.class_count:,} classes, {dex.methods:,} methods, {dex.strings:,} texts"
    return (
        _pairs([("Version", dex.version), ("Checksum", checksum), ("Holds", counts)])
        + _list("Calls of note", dex.apis)
        + _list("Classes", dex.classes)
    )


def _java(java: Java) -> str:
    rows: list[tuple[str, str | Html]] = [
        ("Main class", _code(java.main_class)),
        ("Class", _code(java.name)),
        ("Extends", _code(java.parent)),
        ("Version", java.version),
        *((name, _code(value)) for name, value in java.manifest.items()),
    ]
    return _pairs(rows) + _list("Classes named", java.references) + _list("Texts", java.strings)


def _python(python: Python) -> str:
    rows: list[tuple[str, str | Html]] = [
        ("Python", python.version),
        ("Source", _code(python.source)),
        ("Source modified", _time(python.modified)),
        ("Code objects", f"{python.code_objects:,}"),
    ]
    lists = (("Imports", python.imports), ("Functions", python.functions), ("Names", python.names))
    return _pairs(rows) + "".join(_list(*named) for named in lists) + _list("Texts", python.strings)


def _bundle(bundle: Bundle) -> str:
    rows: list[tuple[str, str | Html]] = [
        ("Kind", bundle.kind),
        ("Version", shown(bundle.version, 120)),
        ("Starts", _code(bundle.entry)),
        *((name, _code(value)) for name, value in bundle.properties.items()),
    ]
    return _pairs(rows)
