"""Files for the fuzzers to begin with: loops, bombs and overlaps, and every golden sample cut where one of its parts
begins or ends.

    PYTHONPATH=. python tests/wasm_modules/crafted.py FOLDER     writes them, each by its hash
"""

from __future__ import annotations

import hashlib
import io
import struct
import sys
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import executables
import golden

from tests import documents

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACES = {"offset", "file_offset", "raw_offset", "raw_address", "start", "at", "end"}
SIZES = {"size", "length", "raw_size", "file_size"}
HEADERS = 256
"""Bytes from the start that a sample is cut in, at each fourth."""
MIB = 1 << 20


def loops() -> Iterator[bytes]:
    """What leads back to itself."""
    compound = bytearray(documents.macro_document())
    for sector in range(3, 9):  # a chain that goes on at its own start
        compound[512 + 4 * sector : 516 + 4 * sector] = struct.pack("<I", 3)
    yield bytes(compound)
    right = bytearray(documents.compound({"a": b"", "b": b""}))
    directory = 512 * (1 + struct.unpack_from("<I", right, 44)[0])
    right[directory + 128 + 72 : directory + 128 + 76] = struct.pack("<I", 1)  # the entry's sibling is itself
    yield bytes(right)
    tree = bytearray(executables.resource_tree(0x2000, [(10, 1, b"x")]))
    tree[20:24] = struct.pack("<I", 1 << 31)  # a directory of resources in itself
    yield program(tree, 2)
    yield b"%PDF-1.4\n1 0 obj << /Kids [1 0 R] /Parent 1 0 R /Prev 9 >> endobj\nxref\n0 1\ntrailer << /Prev 0 >>\n%%EOF"
    yield struct.pack(">IIIIIII", 0xCAFEBABE, 1, 0x01000007, 3, 0, 4_096, 12).ljust(4_096, b"\0")
    yield b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 0, 0, 0, 64, 56, 65, 64, 65, 0)


def program(directory: bytes, index: int) -> bytes:
    image = executables.Pe()
    image.sections = [
        executables.PeSection(b".text", executables.CODE, b"\xc3" * 16),
        executables.PeSection(b".data", executables.READ, bytes(directory)),
    ]
    image.directories[index] = (0x2000, len(directory))
    return image.build()


def overlaps() -> Iterator[bytes]:
    """Parts that lie on each other, and tables that are read again and again."""
    image = bytearray(executables.console_program())
    table = image.find(b".text")
    for section in range(struct.unpack_from("<H", image, image.find(b"PE\0\0") + 6)[0]):
        struct.pack_into("<IIII", image, table + 40 * section + 8, 0xFFFFFF00, 0x1000, len(image), 0)
    yield bytes(image)
    descriptor = struct.pack("<IIIII", 0x2000, 0, 0, 0x2000, 0x2000)
    yield program(descriptor * 4_000, 1)  # imports whose names are imports
    exports = struct.pack("<IIHHIIIIIII", 0, 0, 0, 0, 0x2000, 1, 0xFFFFFF, 0xFFFFFF, 0x2000, 0x2000, 0x2000)
    yield program(exports.ljust(512, b"A"), 0)
    one = documents.archive({"a": b"b" * 64})
    directory = struct.unpack_from("<I", one, one.rfind(b"PK\5\6") + 16)[0]
    entries = one[directory : one.rfind(b"PK\5\6")] * 2_000
    yield (
        one[:directory] + entries + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 2_000, 2_000, len(entries), directory, 0)
    )
    yield executables.fat(*[(0x01000007, executables.macho())] * 30)


def bombs() -> Iterator[bytes]:
    """Little that becomes much."""
    zeros = bytes(16 * MIB)
    yield documents.archive({"zeros": zeros})
    yield documents.gzipped(zeros)
    inner = documents.archive({f"{index}": bytes(MIB) for index in range(16)})
    for _ in range(4):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
            for index in range(8):
                target.writestr(f"{index}.zip", inner)
        inner = buffer.getvalue()
    yield inner
    stream = b"<< /Filter [/FlateDecode /FlateDecode] /Length 1 >> stream\n"
    yield b"%PDF-1.7\n" + (b"1 0 obj " + stream + zlib.compress(zlib.compress(zeros)) + b"\nendstream endobj\n") * 4
    yield b"{\\rtf1" + b"{" * 60_000
    yield b"<a " * 40_000
    yield b"[" * 60_000
    yield b"\x30\x80" * 20_000
    yield b"\x30\x84\xff\xff\xff\xff" * 5_000
    yield b"(" * 60_000
    yield "a.".encode("utf-16le") * 20_000
    yield b"http://" * 8_000


def captures() -> Iterator[bytes]:
    """Captures whose packets say other lengths than they have."""
    for magic, order in ((0xA1B2C3D4, "<"), (0xA1B23C4D, ">")):
        header = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65_535, 1)
        ethernet = bytes(12) + b"\x08\0"
        ip = struct.pack(">BBHHHBBHII", 0x4F, 0, 0xFFFF, 1, 0x2000, 64, 6, 0, 0x7F000001, 0x7F000002)
        packet = ethernet + ip + struct.pack(">HHIIBBHHH", 80, 80, 0, 0, 0xF0, 0x18, 0, 0, 0) + b"GET / HTTP/1.1\r\n"
        for length in (len(packet), 0, 0xFFFFFFFF):
            yield header + struct.pack(f"{order}IIII", 0, 0, length, len(packet)) + packet
    block = struct.pack("<IIIHHq", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1) + struct.pack("<I", 28)
    yield block + struct.pack("<III", 6, 0xFFFFFFFC, 0) + bytes(64)
    yield block * 2_000


def crafted() -> Iterator[bytes]:
    for family in (loops, overlaps, bombs, captures):
        yield from family()


def boundaries(facts: Any) -> Iterator[int]:
    """Offsets that a module names, and where what begins there ends."""
    if isinstance(facts, dict):
        numbers = {name: value for name, value in facts.items() if isinstance(value, int)}
        starts = [value for name, value in numbers.items() if name in PLACES]
        yield from starts
        yield from (start + size for start in starts for name, size in numbers.items() if name in SIZES)
        facts = list(facts.values())
    if isinstance(facts, list):
        for fact in facts:
            yield from boundaries(fact)


def cut() -> Iterator[bytes]:
    """Golden samples cut within their headers, and at and before every boundary."""
    for module in golden.modules():
        for name in golden.names(module):
            content = golden.sample(name, module)
            ends = set(range(4, HEADERS, 4))
            for end in boundaries(golden.expected(name, module)):
                ends |= {end - 1, end, end + 1}
            yield from (content[:end] for end in sorted(ends) if 0 < end < len(content))
            yield content


def write(folder: Path, contents: Iterator[bytes], ending: bytes = b"") -> int:
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for content in contents:
        whole = content + ending
        (folder / hashlib.sha256(whole).hexdigest()[:32]).write_bytes(whole)
        count += 1
    return count


def main() -> None:
    folder = Path(sys.argv[1])
    count = write(folder, crafted()) + write(folder, cut())
    print(f"{count} files in {folder}")  # noqa: T201  # a script talks to its terminal


if __name__ == "__main__":
    main()
