"""What particular formats say, in a few lines, for the forms of a report that have no tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from athena_lab.report.display import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.contents import Android, Bundle, Contents, Dex, Installer, Java, Python
    from athena_lab.report.facts import Container

Row: TypeAlias = tuple[str, str, str]


def contents_rows(contents: Contents, most: int) -> Iterator[Row]:
    """Kind, hostile text, and sentence, which may be empty; `most` of each list. A shortcut has a line of its own."""
    if contents.bundle:
        yield _bundle(contents.bundle)
    if contents.installer:
        yield from _installer(contents.installer, most)
    if contents.android:
        yield from _android(contents.android, most)
    if contents.dex:
        yield from _dex(contents.dex, most)
    if contents.java:
        yield from _java(contents.java, most)
    if contents.python:
        yield from _python(contents.python, most)


def container_rows(container: Container) -> Iterator[Row]:
    """Its label, comment, compression ..."""
    for name, value in container.properties.items():
        yield f"{container.kind} {name}", value, ""


def _listed(kind: str, texts: tuple[str, ...], most: int) -> Iterator[Row]:
    if texts:
        left = len(texts) - most
        yield kind, ", ".join(texts[:most]), f"and {left} more" if left > 0 else ""


def _bundle(bundle: Bundle) -> Row:
    properties = ", ".join(f"{name} {value}" for name, value in bundle.properties.items())
    return f"{bundle.kind} {bundle.version}".rstrip(), bundle.entry, properties


def _installer(installer: Installer, most: int) -> Iterator[Row]:
    for name in ("ProductName", "Manufacturer"):
        if value := installer.properties.get(name):
            yield f"Installer's {name}", value, ""
    for action in installer.actions[:most]:
        yield f"Action {action.name}", f"{action.source} {action.target}".strip(), action.runs
    yield from _listed("Installs", installer.files, most)


def _android(android: Android, most: int) -> Iterator[Row]:
    yield "Android package", android.package, f"version {android.version_name or '?'}"
    yield from _listed("Permissions", android.permissions, most)
    exported = tuple(component.name for component in android.components if component.is_exported)
    yield from _listed("Exported", exported, most)


def _dex(dex: Dex, most: int) -> Iterator[Row]:
    yield (
        "Dalvik executable",
        dex.version,
        f"{counted(dex.class_count, 'class', 'classes')}, {counted(dex.methods, 'method')}",
    )
    yield from _listed("Calls of note", dex.apis, most)


def _java(java: Java, most: int) -> Iterator[Row]:
    if java.main_class:
        yield "Main class", java.main_class, ""
    if java.name:
        yield "Java class", java.name, f"version {java.version}" if java.version else ""
    yield from _listed("Classes named", java.references, most)


def _python(python: Python, most: int) -> Iterator[Row]:
    yield "Compiled Python", python.source, f"version {python.version}"
    yield from _listed("Imports", python.imports, most)
    yield from _listed("Functions", python.functions, most)
