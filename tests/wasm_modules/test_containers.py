"""Files inside files: listed as they are, taken out as they were, and never a bomb that goes off."""

from __future__ import annotations

import base64
import bz2
import hashlib
import io
import lzma
import random
import struct
import sys
import tarfile
import time
import zipfile
from typing import TYPE_CHECKING, Any

import containers
import executables
import lzx
import msgspec
import pytest
import samples
from harness import Refused

from athena_lab.extraction import Part
from athena_lab.report.facts import FileFacts
from tests import documents

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Guest

SECONDS = 20
"""Of processor time: unpacking all that may be unpacked takes some two."""
MAX_ANSWER = 16 << 20
MEMORY = 320 << 20
"""Bytes: a file of 64 MiB, and twice as much while it grows; the sandbox has 768 MiB."""


@pytest.fixture
def module(guest: Callable[[str], Guest]) -> Guest:
    return guest("file-processor")


def analyze(module: Guest, sample: bytes, **args: Any) -> tuple[FileFacts, set[str]]:
    output = module.call("analyze", sample, **args)
    return msgspec.json.decode(output.data, type=FileFacts), {finding.id for finding in output.findings}


def extract(module: Guest, sample: bytes, index: int, **args: int) -> Part:
    return msgspec.json.decode(module.call("extract", sample, index=index, **args).data, type=Part)


def check_children(module: Guest, sample: bytes) -> dict[str, bytes]:
    """The content of every child, which is to be what the listing says; by name."""
    facts, _ = analyze(module, sample)
    contents = {}
    for child in facts.children:
        part = extract(module, sample, child.index)
        assert (part.child.name, part.child.size) == (child.name, child.size)
        assert (len(part.content), hashlib.sha256(part.content).hexdigest()) == (child.size, child.sha256)
        parent = None if child.parent is None else facts.children[child.parent]
        assert child.depth == (1 if parent is None else parent.depth + 1)
        if child.offset is not None:
            outer = sample if parent is None else extract(module, sample, parent.index).content
            assert outer[child.offset : child.offset + child.size] == part.content
        contents[child.name] = part.content
    return contents


FILES = containers.FILES
WITH_FILES: dict[str, Callable[[], bytes]] = {
    "7z": lambda: containers.seven_zip(FILES),
    "7z-packed-header": lambda: containers.seven_zip(FILES, packed_header=True),
    "asar": lambda: containers.asar(FILES),
    "cab": lambda: containers.cabinet(FILES),
    "cab-lzx": lambda: containers.lzx_cabinet(FILES),
    "cab-lzx-translated": lambda: containers.lzx_cabinet(FILES, translated=True),
    "cab-lzx-uncompressed": lambda: containers.lzx_cabinet(FILES, verbatim=False),
    "cab-stored": lambda: containers.cabinet(FILES, packed=False),
    "cpio": lambda: containers.cpio(FILES),
    "iso": lambda: containers.iso(FILES),
    "msi": containers.installer,
    "rar4": lambda: containers.rar4(FILES),
    "rpm": lambda: containers.rpm(FILES),
    "tar": lambda: documents.tar(FILES),
    "tar.bz2": lambda: bz2.compress(documents.tar(FILES)),
    "tar.gz": lambda: documents.gzipped(documents.tar(FILES)),
    "tar.lzma": lambda: lzma.compress(documents.tar(FILES), lzma.FORMAT_ALONE),
    "tar.xz": lambda: lzma.compress(documents.tar(FILES)),
    "tar.zst": lambda: containers.zstd_frame(documents.tar(FILES)),
    "zip": lambda: documents.archive(FILES),
    "zip-behind-a-program": lambda: executables.console_program() + documents.archive(FILES),
    "zip-in-zip": lambda: containers.nested(documents.archive(FILES), 6),
}


@pytest.mark.parametrize("name", WITH_FILES)
def test_files_come_out_as_they_went_in(module: Guest, name: str) -> None:
    contents = check_children(module, WITH_FILES[name]())
    assert {key: contents.get(key) for key in FILES} == FILES


def test_what_is_quick_unpacks_nothing(module: Guest) -> None:
    facts, _ = analyze(module, documents.archive(FILES), quick=True)
    assert facts.children == ()
    assert facts.container.count == 2


def test_a_child_comes_in_parts(module: Guest) -> None:
    content = executables.noise(9 << 20)
    sample = documents.archive({"big": content})
    first, second = extract(module, sample, 0), extract(module, sample, 0, offset=8 << 20)
    assert first.content + second.content == content
    assert extract(module, sample, 0, offset=5, length=3).content == content[5:8]
    assert extract(module, sample, 0, offset=1 << 40).content == b""


def test_what_is_not_there_is_refused(module: Guest) -> None:
    for args in ({"index": 2}, {"index": -1}, {}, {"index": 0, "length": (8 << 20) + 1}):
        with pytest.raises(Refused) as refused:
            module.call("extract", documents.archive(FILES), **args)
        assert refused.value.args[0].code == "invalid_args"


def test_findings_of_a_child_say_whose_they_are(module: Guest) -> None:
    sample = documents.gzipped(documents.tar({"letter.doc": documents.macro_document()}))
    output = module.call("analyze", sample)
    found = {finding.id: finding for finding in output.findings}
    assert found["child/suspicious-macros"].severity == "high"
    assert found["child/suspicious-macros"].detail.startswith('In child 1, "letter.doc"')
    assert all(evidence.offset is None for evidence in found["child/suspicious-macros"].evidence)


# -- bombs and loops


def image_in_itself() -> bytes:
    """A disk image with a file that is, by its sector and size, all of the image."""
    data = bytearray(containers.iso(FILES))
    name = data.index(b"FILE0.;1") - 33
    data[name + 2 : name + 18] = containers.both(0, "I") + containers.both(len(data), "I")
    return bytes(data)


def deep() -> bytes:
    return containers.nested(documents.archive({"x": b"y"}), 30)


def many_small() -> bytes:
    return documents.archive({f"{index}": b"%d" % index for index in range(10_000)})


def many_gzips() -> bytes:
    packed = documents.gzipped(b"\0" * (1 << 20))
    return documents.tar({f"{index}.gz": packed + b"%d" % index for index in range(2_000)})


def empty_blocks() -> bytes:
    """Deflate data of nothing but empty stored blocks, shared by a thousand entries."""
    block = b"\0\0\0\xff\xff" * 1_000_000 + b"\1\0\0\xff\xff"
    name = b"a"
    local = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, 0, 8, 0, 0x21, 0, len(block), 0, 1, 0) + name + block
    entry = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 8, 0, 0x21, 0, len(block), 0, 1, 0, 0, 0, 0, 0, 0)
    central = b"".join(entry + bytes([97 + index % 26]) for index in range(1_000))
    return local + central + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1_000, 1_000, len(central), len(local), 0)


def shared_blocks(chunk: bytes, unpacked: int) -> bytes:
    """A thousand folders of LZX data that are all the same."""
    count = 1_000
    files = b"".join(struct.pack("<IIHHHH", 32_768, 0, index, 0, 0, 0) + b"%d\0" % index for index in range(count))
    first = 36 + 8 * count
    folder = struct.pack("<IHH", first + len(files), 1, lzx.TYPE)
    block = struct.pack("<IHH", 0, len(chunk), unpacked) + chunk
    head = b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, 0, 0, first, 0, 3, 1, count, count, 0, 0, 0)
    return head + folder * count + files + block


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "nested": (containers.nested_bomb, "unpacking-bomb"),
    "overlapping": (containers.overlapping_bomb, "unpacking-bomb"),
    "bzip2": (lambda: containers.packed_bombs()["bzip2"], "unpacking-bomb"),
    "xz": (lambda: containers.packed_bombs()["xz"], "unpacking-bomb"),
    "gzip": (lambda: containers.packed_bombs()["gzip"], "unpacking-bomb"),
    "bomb in a tar": (lambda: documents.tar({"a.xz": containers.packed_bombs()["xz"]}), "unpacking-bomb"),
    "deep": (deep, "nested-deep"),
    "image in itself": (image_in_itself, "archive-quine"),
    "many": (many_small, "unread-children"),
    "many gzips": (many_gzips, "unread-children"),
    "empty blocks": (empty_blocks, "unread-children"),
    "LZX tables": (lambda: shared_blocks(lzx.tables(38_000), 38_000 // 96), "malformed-cab-data"),
    "LZX copies": (lambda: shared_blocks(lzx.copies(), 32_768), "malformed-cab-data"),
    "directory in itself": (lambda: containers.iso(FILES, loop=True), "malformed-iso-directory"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_do_not_go_off(module: Guest, name: str) -> None:
    build, finding = BOMBS[name]
    sample = build()
    started = time.process_time()
    output = module.call("analyze", sample)
    taken = time.process_time() - started
    sys.stdout.write(f"{name}: {len(sample):,} bytes, {taken:.2f} s, {output.memory_bytes >> 20} MiB\n")
    assert finding in {found.id for found in output.findings}
    assert taken < SECONDS
    assert output.memory_bytes < len(sample) + MEMORY
    assert len(bytes(output.data)) < MAX_ANSWER


def test_lzx_goes_on_over_all_blocks_of_a_folder(module: Guest) -> None:
    """Four blocks and a short one; matches, calls and what is merely copied reach from one into the next."""
    calls = b"\xe8\0\0\0\0x" * 9_000 + b"\xe8\x10\0\0\0abcde\xe8\xf0\xff\xff\xff\x90" * 500
    files = {"words": b"words and words " * 4_000, "noise": executables.noise(20_001), "calls": calls}
    for options in ({}, {"verbatim": False}, {"translated": True}):
        assert check_children(module, containers.lzx_cabinet(files, **options)) == files


@pytest.mark.parametrize("bits", [0, 14, 22, 25, 31])
def test_windows_that_lzx_does_not_have_are_refused(module: Guest, bits: int) -> None:
    facts, found = analyze(module, containers.lzx_cabinet(FILES, bits << 8 | 3))
    assert facts.children == ()
    assert facts.container.properties["compression"] == "lzx"
    assert "unread-parts" in found


def test_lzx_data_that_are_cut_off_are_said_to_be(module: Guest) -> None:
    sample = containers.lzx_cabinet({"one": executables.noise(30_000), "two": executables.noise(40_000)})
    facts, found = analyze(module, sample[:-1_000])
    assert "malformed-cab-data" in found
    assert [child.name for child in facts.children] == ["one"]


# -- fuzz: what is damaged is answered


@pytest.mark.parametrize("name", WITH_FILES)
def test_damaged_containers_are_answered(module: Guest, name: str) -> None:
    sample, chance = WITH_FILES[name](), random.Random(name)
    for _ in range(12):
        data = bytearray(sample)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        del data[chance.randrange(1, len(data) + 1) if chance.random() < 0.3 else len(data) :]
        facts, _ = analyze(module, bytes(data))
        for child in facts.children[-1:]:
            content = extract(module, bytes(data), child.index).content
            assert hashlib.sha256(content).hexdigest() == child.sha256


def test_the_part_s_content_is_base64(module: Guest) -> None:
    raw = msgspec.json.decode(module.call("extract", documents.archive(FILES), index=0).data)
    assert base64.b64decode(raw["content"]) == FILES["readme.txt"]


# -- the standard library as the other reader


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_methods(module: Guest, method: int) -> None:
    contents = {"a.txt": b"words " * 5_000, "b.bin": executables.noise(300_000), "empty": b""}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as target:
        for name, content in contents.items():
            target.writestr(name, content)
    assert check_children(module, buffer.getvalue()) == contents


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("packing", ["", "gz", "bz2", "xz"])
def test_tars(module: Guest, form: int, packing: str) -> None:
    name = "folder/" * 12 + "a name that is longer than ustar's hundred.txt"
    contents = {name: b"text\n" * 99, "b.bin": executables.noise(1_000_000)}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{packing}", format=form) as target:
        for key, content in contents.items():
            info = tarfile.TarInfo(key)
            info.size = len(content)
            target.addfile(info, io.BytesIO(content))
    found = check_children(module, buffer.getvalue())
    assert {key: found.get(key) for key in contents} == contents


@pytest.mark.parametrize("level", [1, 9])
def test_bzip2_of_every_kind(module: Guest, level: int) -> None:
    contents = [
        b"a" * 1_000_000,
        bytes(range(256)) * 4_000,
        executables.noise(2_000_000),
        b"".join(b"%d " % n for n in range(200_000)),
        b"aaaa" + b"\0" * 255 + b"bbbbb",
        b"x",
    ]
    for content in contents:
        assert check_children(module, bz2.compress(content, level)) == {"content": content}
    joined = bz2.compress(contents[3]) + bz2.compress(contents[4])
    assert check_children(module, joined) == {"content": contents[3] + contents[4]}


FILTERS: dict[str, list[dict[str, int]]] = {
    "x86": [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 6}],
    "delta": [{"id": lzma.FILTER_DELTA, "dist": 4}, {"id": lzma.FILTER_LZMA2, "preset": 1}],
    "extreme": [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME}],
}


@pytest.mark.parametrize("name", FILTERS)
def test_xz_filters(module: Guest, name: str) -> None:
    content = executables.console_program() * 50 + executables.noise(100_000)
    packed = lzma.compress(content, filters=FILTERS[name], check=lzma.CHECK_SHA256)
    assert check_children(module, packed)["content"] == content
    assert check_children(module, packed + packed)["content"] == content * 2


# -- what particular formats say


def contents(module: Guest, sample: bytes) -> Any:
    facts, _ = analyze(module, sample)
    return facts.contents


COMMANDS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({}, {}),
    ({"target": r"C:\Program Files\Example\example.exe", "arguments": "--profile work"}, {}),
    ({"target": r"C:\Windows\System32\cmd.exe", "arguments": r'/k "C:\Tools\vars.bat"'}, {"shortcut-command": "low"}),
    ({"arguments": "-nop -w hidden -enc AAAA"}, {"shortcut-command": "high"}),
    ({"target": r"C:\Windows\System32\mshta.exe", "arguments": "x.hta"}, {"shortcut-command": "medium"}),
    ({"arguments": "-c calc", "icon": r"C:\a\report.pdf"}, {"shortcut-disguise": "medium"}),
    ({"arguments": " " * 64 + "x"}, {"shortcut-padding": "high"}),
    ({"network": r"\\server.invalid@SSL\DavWWWRoot\a.exe"}, {"remote-target": "high"}),
    ({"network": r"\\fileserver\share\a.docx"}, {"remote-target": "low"}),
    ({"icon": r"\\server.invalid\icon.ico"}, {"remote-icon": "medium"}),
    ({"appended": b"MZ" + b"\1" * 100}, {"appended-data": "medium"}),
]


@pytest.mark.parametrize(("arguments", "expected"), COMMANDS, ids=lambda value: next(iter(value), "none"))
def test_shortcuts_are_judged_by_what_they_do(
    module: Guest, arguments: dict[str, Any], expected: dict[str, str]
) -> None:
    output = module.call("analyze", containers.shortcut(**arguments))
    found = {finding.id: finding.severity for finding in output.findings if finding.severity != "info"}
    severities = {name: found.get(name) for name in expected}
    assert severities == expected
    # Nothing else is raised above what is expected.
    worst = {name for name, severity in found.items() if severity in {"medium", "high"}}
    assert worst <= {"shortcut-command", *expected}


def test_a_class_and_bytecode_of_another_version_are_read(module: Guest) -> None:
    java = contents(module, containers.java_class()).java
    assert (java.name, java.version) == ("invalid/example/Main", "61.0 (Java 17)")
    old = b"\x03\xf3\x0d\x0a" + b"\0" * 4 + b"c" + b"\0" * 16 + b"s\x06\0\0\0d\0\0Sxx"
    old += b"(\1\0\0\0t\3\0\0\0abc" + b"(\0\0\0\0" * 4 + b"s\4\0\0\0x.pys\1\0\0\0m\1\0\0\0s\0\0\0\0"
    python = contents(module, old).python
    assert (python.version, python.source, python.code_objects) == ("2.7", "x.py", 1)


def test_values_that_refer_to_each_other_cost_no_more_than_they_are(module: Guest) -> None:
    """Forty tuples, each of which holds the one before twice: 2^40 texts, were they followed."""
    body = b"\xa9\2" * 40 + b"zzzz" + b"r\0\0\0\0" * 40
    code = b"\xe3" + b"\0" * 20 + b"s\0\0\0\0" + body + b")\0" * 6
    sample = struct.pack("<H", 3495) + b"\r\n" + b"\0" * 12 + code
    started = time.process_time()
    analyze(module, sample)
    assert time.process_time() - started < 2


def test_what_a_format_says_is_said_of_a_file_inside_too(module: Guest) -> None:
    outer = documents.archive({"inner.zip": documents.archive({"readme.txt": samples.EICAR})})
    found = {finding.id: finding for finding in module.call("analyze", outer).findings}
    assert found["child/eicar"].severity == "high"
    assert "readme.txt" in found["child/eicar"].detail
