"""Small files that would hide something behind a flood, or make the answer huge or slow: what they hide is found."""

from __future__ import annotations

import io
import struct
import tarfile
import time
import zipfile
from typing import TYPE_CHECKING

import executables
import msgspec
import pytest

from athena_lab.report.facts import FileFacts
from athena_lab.wasm.contract import Call, Output, SampleInfo
from tests import documents

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Guest

MAX_ANSWER = 16 << 20
"""Bytes of an answer that the host takes."""
SECONDS = 10
"""Of processor time: far above what each takes, far below what it took before it was bounded."""

TEMPLATE = 'Id="r1" Type="http://x/attachedTemplate" Target="http://example.invalid/t.dotm" TargetMode="External"/>'
CONTENT_TYPES = {"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<document/>"}


def template_in_the_last_of_many_parts() -> bytes:
    parts = {f"word/_rels/{index}.xml.rels": b"<Relationships/>" for index in range(64)}
    last = {"word/_rels/settings.xml.rels": f"<Relationships><Relationship {TEMPLATE}".encode()}
    return documents.archive(CONTENT_TYPES | parts | last)


def template_in_utf_16() -> bytes:
    part = f"<Relationships><Relationship {TEMPLATE}".encode("utf-16")
    return documents.archive(CONTENT_TYPES | {"word/_rels/settings.xml.rels": part})


def template_behind_blanks() -> bytes:
    part = b"<Relationships>" + b" " * (5 << 20) + f"<Relationship {TEMPLATE}".encode()
    return documents.archive(CONTENT_TYPES | {"word/_rels/settings.xml.rels": part})


def macros_behind_streams() -> bytes:
    streams = {f"stream{index}": b"" for index in range(70)}
    return documents.compound({"VBA": b"", **streams, "ThisDocument": documents.vba_module(documents.MACRO)})


def macros_behind_a_decoy() -> bytes:
    project = documents.compound({"VBA": b"", "ThisDocument": documents.vba_module(documents.MACRO)})
    return documents.archive(CONTENT_TYPES | {"a/vbaProject.bin": b"x", "word/vbaProject.bin": project})


def macros_that_unpack_to_gigabytes() -> bytes:
    """Streams that share one chain, whose container unpacks to 4 MiB each."""
    chunks = [b"\0Attribut" + b"\x02a\xff\x0f", *[b"\x02a\xff\x0f"] * 1100]
    container = b"\1" + b"".join(struct.pack("<H", 0xB000 | len(chunk) - 1) + chunk for chunk in chunks)
    count = 100
    data = bytearray(documents.compound({"VBA": container, **{f"m{index}": b"" for index in range(count)}}))
    tables = struct.unpack_from("<I", data, 44)[0]
    directory = 512 * (1 + tables)
    place = data[directory + 128 + 116 : directory + 128 + 124]
    for index in range(2, 2 + count):
        data[directory + 128 * index + 116 : directory + 128 * index + 124] = place
    return bytes(data)


def traversal_behind_files() -> bytes:
    return documents.tar({f"file{index}": b"" for index in range(1_000)} | {"../../x": b"x"})


def long_names() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as target:
        for index in range(1_000):
            target.addfile(tarfile.TarInfo("\1" * 4_080 + str(index)))
    return buffer.getvalue()


def executable_behind_resources() -> bytes:
    resources = [(10, index, b"text") for index in range(600)] + [(11, 1, executables.console_program())]
    pe = executables.Pe()
    tree = executables.resource_tree(0x2000, resources)
    pe.sections = [
        executables.PeSection(b".text", executables.CODE, b"\xc3" * 64),
        executables.PeSection(b".rsrc", executables.READ, tree),
    ]
    pe.directories = {2: (0x2000, len(tree))}
    return pe.build()


def dynamic_entries(tag: int, letter: bytes) -> bytes:
    """An ELF image whose dynamic entries all name one long text."""
    count, header_size, segment_size = 4_095, 64, 56
    table_at = header_size + 2 * segment_size
    strings_at = table_at + 16 * count
    table = struct.pack("<QQ", 5, strings_at) + struct.pack("<QQ", tag, 0) * (count - 1)
    strings = letter * 4_096 + b"\0"

    def segment(kind: int, offset: int, size: int) -> bytes:
        return struct.pack("<IIQQQQQQ", kind, 6, offset, offset, offset, size, size, 8)

    header = b"\x7fELF" + bytes([2, 1, 1, 0]) + b"\0" * 8 + struct.pack("<HHIQQQI", 3, 62, 1, 0, header_size, 0, 0)
    header += struct.pack("<HHHHHH", header_size, segment_size, 2, 0, 0, 0)
    segments = segment(1, 0, strings_at + len(strings)) + segment(2, table_at, len(table))
    return header + segments + table + strings


def many_libraries() -> bytes:
    return dynamic_entries(1, b"\1")


def many_run_paths() -> bytes:
    return dynamic_entries(15, b":")


def many_slices() -> bytes:
    """16 slices, each with as many symbols, of names as bad for JSON, as are reported of one image."""
    count = 4_096
    names = [b"_" + b"\1" * 100 + str(index).encode() + b"\0" for index in range(count)]
    symbols, at = b"", 1
    for name in names:
        symbols += struct.pack("<IBBHQ", at, 1, 0, 0x100, 0)
        at += len(name)
    strings = b"\0" + b"".join(names)
    command = struct.pack("<IIIIII", 2, 24, 0x1000, count, 0x1000 + len(symbols), len(strings))
    header = struct.pack("<IIIIIIII", 0xFEEDFACF, 0x01000007, 3, 2, 1, len(command), 0x200085, 0)
    thin = (header + command).ljust(0x1000, b"\0") + symbols + strings
    return executables.fat(*[(0x01000007, thin)] * 16)


def members_that_share_a_document() -> bytes:
    """A ZIP whose 1,000 entries are one stored compound file with a long directory."""
    sectors = 3_000
    header = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 4, 0xFFFE, 12, 6) + b"\0" * 6
    header += struct.pack("<IIIIIIIII", 0, 0, 3, 3, 0, 4096, 3, 0, documents.END)
    header += struct.pack("<109I", 0, 1, 2, *[documents.FREE] * 106)
    allocation = struct.pack("<3072I", *range(1, 3073))
    entry = "abc".encode("utf-16le").ljust(64, b"\0") + struct.pack("<HBB", 8, 2, 1) + b"\0" * 48
    document = header.ljust(4096, b"\0") + allocation + (entry + struct.pack("<IQ", 3, 2000)) * 32 * sectors
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as target:
        target.writestr("a", document)
    data = buffer.getvalue()
    directory = struct.unpack_from("<I", data, data.rfind(b"PK\5\6") + 16)[0]
    member = data[directory : data.rfind(b"PK\5\6")] * 1_000
    return (
        data[:directory] + member + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1_000, 1_000, len(member), directory, 0)
    )


def objects_behind_objects() -> bytes:
    empty = b"{\\object{\\*\\objdata 01050000}}" * 256
    return b"{\\rtf1" + empty + documents.rtf().removeprefix(b"{\\rtf1") + b"}"


CASES: list[tuple[Callable[[], bytes], str]] = [
    (documents.flooded_package, "external-template"),
    (template_in_the_last_of_many_parts, "external-template"),
    (template_in_utf_16, "external-template"),
    (template_behind_blanks, "unread-parts"),
    (macros_behind_streams, "suspicious-macros"),
    (macros_behind_a_decoy, "suspicious-macros"),
    (macros_that_unpack_to_gigabytes, "unread-parts"),
    (traversal_behind_files, "path-traversal"),
    (long_names, "format"),
    (executable_behind_resources, "embedded-executable"),
    (many_libraries, "malformed-libraries"),
    (many_run_paths, "format"),
    (many_slices, "format"),
    (members_that_share_a_document, "duplicate-entries"),
    (objects_behind_objects, "unread-parts"),
]


@pytest.mark.parametrize(("build", "finding"), CASES, ids=lambda value: getattr(value, "__name__", value))
def test_floods_hide_nothing_and_do_not_swell(
    guest: Callable[[str], Guest], build: Callable[[], bytes], finding: str
) -> None:
    sample = build()
    call = Call(function="analyze", args=msgspec.Raw(b"{}"), sample=SampleInfo(size=len(sample)))
    module = guest("file-processor")  # compiled here, outside of what is measured
    started = time.process_time()
    answer = module.analyze_raw(msgspec.json.encode(call).decode(), sample)
    assert time.process_time() - started < SECONDS
    assert len(answer.encode()) < MAX_ANSWER
    output = msgspec.json.decode(answer, type=Output)
    msgspec.json.decode(output.data, type=FileFacts, strict=True)
    assert finding in {found.id for found in output.findings}
    assert output.memory_bytes < len(sample) + (128 << 20)


def test_as_many_strings_as_there_are_fit_an_answer(guest: Callable[[str], Guest]) -> None:
    sample = (b'"' * 1_023 + b"\0") * 100_000
    for function in ("analyze", "strings"):
        call = Call(
            function=function, args=msgspec.Raw(b'{"max_strings": 100000}'), sample=SampleInfo(size=len(sample))
        )
        answer = guest("file-processor").analyze_raw(msgspec.json.encode(call).decode(), sample)
        assert len(answer.encode()) < MAX_ANSWER
