"""The facts of file-processor as HTML."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from athena_lab.report.code_lines import code_directory
from athena_lab.report.display import counted, shown, size_text, time_text
from athena_lab.report.html_code import code_html
from athena_lab.report.html_contents import children_html, contents_html
from athena_lab.report.markup import Html, Row, code, details, meter, pairs, table, take
from athena_lab.report.svg import PACKED, entropy_plot

if TYPE_CHECKING:
    from athena_lab.report.facts import (
        Container,
        EntropyProfile,
        Entry,
        Executable,
        Export,
        FileFacts,
        Import,
        Resource,
        Section,
        Segment,
        StringItem,
        Strings,
    )

OVERVIEW_BUDGET = 12_000
EXECUTABLES_BUDGET = 186_000
SECTIONS_BUDGET = 24_000
IMPORTS_BUDGET = 30_000
EXPORTS_BUDGET = 12_000
RESOURCES_BUDGET = 16_000
CONTAINER_BUDGET = 24_000
STRINGS_BUDGET = 45_000
"""All in characters of HTML. One image alone, with all its parts, fits into `EXECUTABLES_BUDGET`."""
MAX_STRINGS = 300

Pairs = Iterator[tuple[str, str | Html]]


def facts_html(facts: FileFacts) -> str:
    """Everything that file-processor says, the telling things open and the long lists folded."""
    executables, left = take(facts.executables, lambda image: _executable(image, facts), 16, EXECUTABLES_BUDGET)
    return (
        "<h4>File</h4>"
        + pairs(tuple(_overview(facts)), OVERVIEW_BUDGET)
        + _entropy(facts.entropy)
        + "".join(executables)
        + (f"<p>{left} more images are not shown here; <code>report.facts</code> has them.</p>" if left else "")
        + (contents_html(facts.contents) if facts.contents else "")
        + (_container(facts.container) if facts.container else "")
        + children_html(facts.children)
        + (_strings(facts.strings) if facts.strings else "")
    )


def _overview(facts: FileFacts) -> Pairs:
    yield "Format", f"{facts.format.name} ({facts.format.category})"
    yield "MIME type", code(facts.format.mime)
    exact, rounded = f"{facts.size:,} bytes", size_text(facts.size)
    yield "Size", exact if rounded == exact else f"{exact} ({rounded})"
    yield "MD5", code(facts.hashes.md5)
    yield "SHA-1", code(facts.hashes.sha1)
    yield "SHA-256", code(facts.hashes.sha256)
    if facts.similarity:
        yield "ssdeep", code(facts.similarity.ssdeep)
        if facts.similarity.tlsh:
            yield "TLSH", code(facts.similarity.tlsh)


def _entropy(entropy: EntropyProfile) -> str:
    plot = entropy_plot(entropy)
    if not plot:
        return ""
    caption = f"{PACKED} and above (dashed): compressed or encrypted content is likely."
    return f"<figure>{plot}<figcaption><small>{caption}</small></figcaption></figure>"


def _executable(image: Executable, facts: FileFacts) -> str:
    at = f" at {image.slice_offset:#x}" if len(facts.executables) > 1 else ""
    libraries = counted(len(image.libraries), "library", "libraries")
    return (
        f"<h4>{escape(shown(f'{image.kind.upper()} {image.type}, {image.arch}', 120))}{at}</h4>"
        + pairs(tuple(_image(image)), OVERVIEW_BUDGET)
        + code_html(image)
        + details(f"Sections: {len(image.sections)}", _sections(image.sections), opened=True)
        + details(f"Segments: {len(image.segments)}", _segments(image.segments))
        + details(f"Imports: {image.import_count:,} from {libraries}", _imports(image))
        + details(f"Exports: {image.export_count}", _exports(image.exports))
        + details(f"Resources: {image.resource_count}", _resources(image.resources))
        + details("Version information", _properties(image.version_info))
    )


def _image(image: Executable) -> Pairs:
    yield "Type", f"{image.type}, {image.bits}-bit, {image.endian} endian" + _prefixed(", ", image.subsystem)
    yield "Entry point", code(f"{image.entry_point:#x}")
    if image.compile_time is not None:
        yield "Compile time", f"{time_text(image.compile_time)} (as the file claims)"
    for name, text in _names(image):
        if text:
            yield name, code(text)
    yield from _linker(image)
    yield from _protection(image)


def _names(image: Executable) -> tuple[tuple[str, str], ...]:
    return (
        ("Imphash", image.imphash),
        ("Authentihash", image.authentihash.sha256 if image.authentihash else ""),
        ("Telfhash", image.telfhash),
        ("Own name", image.export_name),
        ("Interpreter", image.interpreter),
        ("Build id", image.build_id),
        ("Library path", ":".join(image.rpath)),
    )


def _linker(image: Executable) -> Pairs:
    for debug in image.debug:
        if debug.pdb_path:
            yield "PDB path", code(debug.pdb_path)
    if image.rich:
        valid = "valid" if image.rich.checksum_valid else "INVALID"
        yield "Rich header", f"{image.rich.hash}, checksum {valid}, {counted(len(image.rich.entries), 'tool')}"
    if image.dotnet:
        yield ".NET", f"{image.dotnet.runtime_version}, {image.dotnet.assembly_name or image.dotnet.module_name}"
    if image.overlay:
        kind = _prefixed(", ", image.overlay.format)
        where = f"{size_text(image.overlay.size)} at {image.overlay.offset:#x}, entropy {image.overlay.entropy:.2f}"
        yield "Overlay", where + kind
    if image.tls_callbacks:
        yield "TLS callbacks", code(", ".join(f"{address:#x}" for address in image.tls_callbacks[:16]))


def _protection(image: Executable) -> Pairs:
    if image.signature:
        subjects = ", ".join(image.signature.subjects[:4]) or "no certificate read"
        yield "Signature", f"{image.signature.kind} present: {subjects}"
        if image.signature.directory:
            yield "Code directory", code(code_directory(image.signature.directory))
    if image.checksum:
        yield "Checksum", f"{image.checksum:#x}, {_compared(image.checksum, image.checksum_computed)}"
    if image.mitigations:
        on = ", ".join(name for name, present in image.mitigations.items() if present) or "none"
        off = ", ".join(name for name, present in image.mitigations.items() if not present) or "none"
        yield "Mitigations", f"on: {on}; off: {off}"


def _compared(checksum: int, computed: int | None) -> str:
    if computed is None:
        return "not computed"
    return "as computed" if checksum == computed else f"computed {computed:#x}"


def _sections(sections: tuple[Section, ...]) -> str:
    head = ("Name", "Offset", "Size", "Virtual", "Access", "Entropy", "Anomalies")
    return table(head, sections, _section, SECTIONS_BUDGET)


def _section(section: Section) -> Row:
    cells = (
        code(section.name, 80),
        code(f"{section.offset:#x}"),
        f"{section.size:,}",
        f"{section.virtual_size:,}",
        code(section.permissions, 8),
        meter(section.entropy),
        ", ".join(section.anomalies),
    )
    return Row(cells, "athena-odd" if section.anomalies else "")


def _segments(segments: tuple[Segment, ...]) -> str:
    return table(("Kind", "Offset", "Size", "Address", "Access"), segments, _segment, EXPORTS_BUDGET)


def _segment(segment: Segment) -> Row:
    where = code(f"{segment.offset:#x}"), f"{segment.size:,}", code(f"{segment.address:#x}")
    return Row((segment.kind, *where, code(segment.permissions, 8)))


def _imports(image: Executable) -> str:
    libraries: dict[str, list[Import]] = {library: [] for library in image.libraries}
    for item in image.imports:
        libraries.setdefault(item.library, []).append(item)
    return table(("Library", "Count", "Names"), libraries.items(), _library, IMPORTS_BUDGET)


def _library(library: tuple[str, list[Import]]) -> Row:
    name, items = library
    return Row((code(name or "(not said)", 80), f"{len(items)}", _symbols(items)))


def _symbols(items: list[Import]) -> Html:
    names, left = take(items, _symbol, 400, IMPORTS_BUDGET // 3)
    return Html(f"<code>{' '.join(names)}</code>" + (f" and {left} more" if left else ""))


def _symbol(item: Import) -> str:
    name = item.name if item.name is not None else f"#{item.ordinal}"
    return escape(shown(name, 80)) + (" (delayed)" if item.delayed else "")


def _exports(exports: tuple[Export, ...]) -> str:
    return table(("Name", "Ordinal", "Address", "Forwarded to"), exports, _export, EXPORTS_BUDGET)


def _export(export: Export) -> Row:
    return Row((code(export.name or ""), f"{export.ordinal or ''}", code(f"{export.address:#x}"), export.forward or ""))


def _resources(resources: tuple[Resource, ...]) -> str:
    head = ("Kind", "Name", "Language", "Offset", "Size", "Entropy", "Content")
    return table(head, resources, _resource, RESOURCES_BUDGET)


def _resource(resource: Resource) -> Row:
    where = code(f"{resource.offset:#x}"), f"{resource.size:,}"
    return Row(
        (resource.kind, resource.name, f"{resource.language:#x}", *where, meter(resource.entropy), resource.format)
    )


def _container(container: Container) -> str:
    listing = table(("Name", "Kind", "Size", "Packed", "Content"), container.entries, _entry, CONTAINER_BUDGET)
    return (
        f"<h4>Container: {escape(shown(container.kind, 80))}</h4>"
        + _properties(container.properties)
        + details(f"Entries: {container.count}", listing, opened=container.count <= 20)  # noqa: PLR2004 - a screenful
    )


def _entry(entry: Entry) -> Row:
    packed = "" if entry.compressed_size is None else f"{entry.compressed_size:,}"
    kind = entry.kind + (", encrypted" if entry.encrypted else "")
    return Row(
        (code(entry.name), kind, f"{entry.size:,}", packed, entry.format), "athena-odd" if entry.encrypted else ""
    )


def _properties(properties: dict[str, str]) -> str:
    return pairs(properties.items(), OVERVIEW_BUDGET)


def _strings(strings: Strings) -> str:
    listing = table(("Offset", "Encoding", "Text"), strings.items, _string, STRINGS_BUDGET, MAX_STRINGS)
    return details(f"Strings: {strings.total:,} of {strings.min_length} or more characters", listing)


def _string(item: StringItem) -> Row:
    return Row((code(f"{item.offset:#x}"), item.encoding, code(item.text)))


def _prefixed(prefix: str, text: str) -> str:
    return f"{prefix}{text}" if text else ""
