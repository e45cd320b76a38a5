"""A Windows program that looks bad and is not: it returns at once. Built here, so that nothing has to be fetched."""

from __future__ import annotations

import random
import struct

IMPORTS = {
    "KERNEL32.dll": ("LoadLibraryA", "GetProcAddress", "VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread"),
    "urlmon.dll": ("URLDownloadToFileA",),
}
_BASE, _PAGE, _FILE = 0x400000, 0x1000, 0x200
_WRITABLE_CODE = 0xE0000020
_RETURN = b"\x31\xc0\xc3"


def suspicious_exe(strings: tuple[str, ...] = ()) -> bytes:
    """PE32: UPX's section names, writable code of high entropy, an entry point in it, telling imports, an overlay.

    ``strings`` stand in it one after the other, in UTF-8 and in UTF-16.
    """
    noise = random.Random(1).randbytes(16 * 1024)  # the same file every time
    texts = b"\0".join(text.encode() for text in strings) + b"\0\0"
    wide = b"\0\0".join(text.encode("utf-16-le") + b"\0\0" for text in strings)
    packed = _aligned(_RETURN + noise)
    data = _aligned(_import_table(0x12000) + texts + (b"\0" if len(texts) % 2 else b"") + wide)
    start = 0x400
    sections = (
        (b"UPX0", 0x8000, 0x1000, 0, 0, 0xE0000080),
        (b"UPX1", 0x9000, 0x9000, len(packed), start, _WRITABLE_CODE),
        (b".rsrc", len(data), 0x12000, len(data), start + len(packed), 0xC0000040),
    )
    overlay = b"PK\x03\x04" + noise[:4096]
    return (_headers(sections).ljust(start, b"\0") + packed + data + overlay).ljust(32_768, b"\0")


def _headers(sections: tuple[tuple[bytes, int, int, int, int, int], ...]) -> bytes:
    dos = b"MZ".ljust(0x3C, b"\0") + struct.pack("<I", 0x40)
    coff = struct.pack("<HHIIIHH", 0x14C, len(sections), 0x7000_0000, 0, 0, 224, 0x102)
    optional = struct.pack("<HBBIIIIII", 0x10B, 9, 0, 0x9000, 0x1000, 0, 0x9000, 0x9000, 0x12000)
    optional += struct.pack("<IIIHHHHHHI", _BASE, _PAGE, _FILE, 4, 0, 0, 0, 4, 0, 0)
    optional += struct.pack("<IIIHHIIIIII", 0x14000, 0x400, 0xBAD, 2, 0, 1 << 20, 4096, 1 << 20, 4096, 0, 16)
    directories = bytearray(16 * 8)
    struct.pack_into("<II", directories, 8, 0x12000, 20 * (len(IMPORTS) + 1))
    table = b"".join(
        struct.pack("<8sIIIIIIHHI", name, *numbers, 0, 0, 0, 0, flags) for name, *numbers, flags in sections
    )
    return dos + b"PE\0\0" + coff + optional + bytes(directories) + table


def _import_table(base: int) -> bytes:
    """Descriptors, then for each library its table of addresses, the names of its functions and its own."""
    descriptors, body = b"", b""
    offset = base + 20 * (len(IMPORTS) + 1)
    for library, functions in IMPORTS.items():
        table = offset + len(body)
        names = table + 4 * (len(functions) + 1)
        entries, texts = b"", b""
        for function in functions:
            entries += struct.pack("<I", names + len(texts))
            texts += b"\0\0" + function.encode() + b"\0"
        own = names + len(texts)
        body += entries + bytes(4) + texts + library.encode() + b"\0"
        descriptors += struct.pack("<IIIII", table, 0, 0, own, table)
    return descriptors + bytes(20) + body


def _aligned(data: bytes) -> bytes:
    return data.ljust(-(-len(data) // _FILE) * _FILE, b"\0")
