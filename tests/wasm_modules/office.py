"""Builders of small, inert Office documents and messages: compound files with storages, macros, macro sheets."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass, field
from typing import Any

from tests import documents

END, FREE = 0xFFFFFFFE, 0xFFFFFFFF
MINI = 64
CUTOFF = 4096
Storage = dict[str, Any]
"""Streams are bytes, storages are dicts."""


@dataclass
class Compound:
    """An OLE compound file with storages and a mini stream; version 3 has sectors of 512 bytes, 4 of 4,096."""

    version: int = 3
    entries: list[list[Any]] = field(default_factory=list)
    mini: bytes = b""
    mini_table: list[int] = field(default_factory=list)
    table: list[int] = field(default_factory=list)
    body: bytes = b""

    @property
    def sector(self) -> int:
        return 512 if self.version == 3 else 4096

    def chain(self, content: bytes) -> int:
        """Puts sectors into the body and returns the first."""
        if not content:
            return END
        count = -(-len(content) // self.sector)
        start = len(self.table)
        self.table += [start + index + 1 for index in range(count - 1)] + [END]
        self.body += content.ljust(count * self.sector, b"\0")
        return start

    def stream(self, content: bytes) -> int:
        if len(content) >= CUTOFF:
            return self.chain(content)
        count = -(-len(content) // MINI)
        start = len(self.mini_table)
        self.mini_table += [start + index + 1 for index in range(count - 1)] + ([END] if count else [])
        self.mini += content.ljust(count * MINI, b"\0")
        return start if count else END

    def add(self, name: str, content: bytes | Storage) -> int:
        """Name, kind, right, child, start, size; returns the entry's number."""
        number = len(self.entries)
        if isinstance(content, bytes):
            self.entries.append([name, 2, FREE, FREE, self.stream(content), len(content)])
            return number
        self.entries.append([name, 1, FREE, FREE, 0, 0])
        previous = None
        for key, value in content.items():
            child = self.add(key, value)
            if previous is None:
                self.entries[number][3] = child
            else:
                self.entries[previous][2] = child
            previous = child
        return number

    def build(self, root: Storage) -> bytes:
        self.add("Root Entry", root)
        self.entries[0][1] = 5
        self.entries[0][4:] = [self.chain(self.mini), len(self.mini)]
        mini_table = b"".join(struct.pack("<I", value) for value in self.mini_table)
        mini_start, mini_count = self.chain(mini_table), -(-len(mini_table) // self.sector)
        directory = b"".join(self.entry(*entry) for entry in self.entries)
        directory_start = self.chain(directory)
        words = self.sector // 4
        tables = 1
        while (len(self.table) + tables) > tables * words:
            tables += 1
        places = [len(self.table) + index for index in range(tables)]
        table = self.table + [0xFFFFFFFD] * tables
        allocation = struct.pack(f"<{len(table)}I", *table).ljust(tables * self.sector, b"\xff")
        shift = 9 if self.version == 3 else 12
        header = (
            bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 16 + struct.pack("<HHHHH", 0x3E, self.version, 0xFFFE, shift, 6)
        )
        header += b"\0" * 6 + struct.pack("<IIII", 0, tables, directory_start, 0)
        header += struct.pack("<IIIII", CUTOFF, mini_start, mini_count, END, 0)
        header += struct.pack("<109I", *places, *[FREE] * (109 - tables))
        return header.ljust(self.sector, b"\0") + self.body + allocation

    @staticmethod
    def entry(name: str, *numbers: int) -> bytes:
        kind, right, child, start, size = numbers
        raw = (name + "\0").encode("utf-16le")
        head = raw.ljust(64, b"\0") + struct.pack("<HBBIII", len(raw), kind, 1, FREE, right, child)
        return head + b"\0" * 16 + struct.pack("<IQQIQ", 0, 0, 0, start, size)


def record(number: int, content: bytes) -> bytes:
    return struct.pack("<HI", number, len(content)) + content


def literals(content: bytes) -> bytes:
    """A compressed container of literals ([MS-OVBA] 2.4.1)."""
    container = b"\x01"
    for at in range(0, len(content), 3000):
        part = content[at : at + 3000]
        chunk = b"".join(b"\0" + part[index : index + 8] for index in range(0, len(part), 8))
        container += struct.pack("<H", 0xB000 | len(chunk) - 1) + chunk
    return container


def compiled(*texts: bytes) -> bytes:
    """P-code of one line for each text, which the line pushes."""
    lines = [struct.pack("<HH", 0xB9, len(text)) + text + b"\0" * (len(text) % 2) for text in texts]
    table, at = b"", 0
    for line in lines:
        table += struct.pack("<IHHI", 0, len(line), 0, at)
        at += len(line)
    return (
        b"\x16\x01"
        + b"\0" * 60
        + b"\xfe\xca\x01\x00"
        + struct.pack("<H", len(lines))
        + table
        + b"\0" * 10
        + b"".join(lines)
    )


def vba_storage(modules: dict[str, tuple[str, bytes]], code_page: int = 1252, codec: str = "cp1252") -> Storage:
    """A VBA project: source and p-code by the module's name."""
    listing = record(0x01, struct.pack("<I", 1)) + record(0x02, struct.pack("<I", 0x409))
    listing += record(0x14, struct.pack("<I", 0x409)) + record(0x03, struct.pack("<H", code_page))
    listing += record(0x04, b"Project") + record(0x05, b"") + record(0x40, b"") + record(0x06, b"") + record(0x3D, b"")
    listing += record(0x07, b"\0" * 4) + record(0x08, b"\0" * 4) + struct.pack("<HIIH", 0x09, 4, 1, 2)
    listing += record(0x0C, b"") + record(0x3C, b"")
    reference = rb"*\G{00020430-0000-0000-C000-000000000046}#2.0#0#stdole2.tlb#OLE Automation"
    listing += (
        record(0x16, b"stdole")
        + record(0x3E, "stdole".encode("utf-16le"))
        + record(0x0D, struct.pack("<I", len(reference)) + reference + b"\0" * 6)
    )
    listing += record(0x0F, struct.pack("<H", len(modules))) + record(0x13, b"\xff\xff")
    streams: Storage = {}
    kinds = ""
    for name, (source, code) in modules.items():
        text = f'Attribute VB_Name = "{name}"\r\n{source}'.encode(codec)
        streams[name] = code + literals(text)
        listing += record(0x19, name.encode(codec)) + record(0x47, name.encode("utf-16le"))
        listing += record(0x1A, name.encode(codec)) + record(0x32, name.encode("utf-16le"))
        is_document = name.startswith("This")
        listing += record(0x1C, b"") + record(0x48, b"") + record(0x31, struct.pack("<I", len(code)))
        listing += record(0x1E, b"\0" * 4) + record(0x2C, b"\xff\xff")
        listing += record(0x22 if is_document else 0x21, b"") + record(0x2B, b"")
        kinds += f"Document={name}/&H00000000\r\n" if is_document else f"Module={name}\r\n"
    listing += record(0x10, b"")
    version = struct.pack("<HHBH", 0x61CC, 0x97, 0, 0xFFFF)
    vba = {"dir": literals(listing), "_VBA_PROJECT": version, **streams}
    return {"VBA": vba, "PROJECT": f'ID="{{0}}"\r\n{kinds}Name="Project"\r\n'.encode(codec)}


STOMPED = {"ThisDocument": ("' nothing\r\n", compiled(b"cmd.exe /c calc", b"AutoOpen runs"))}
HONEST = {
    "ThisDocument": (documents.MACRO, compiled(b"WScript.Shell", b"calc.exe")),
    "Modul": ("Function Add(a, b)\r\n  Add = a + b ' Größe\r\nEnd Function\r\n", b"\x01\x16\x01" + b"\0" * 30),
}


def word_document() -> bytes:
    """Version 4, with a field that starts a program."""
    field = b'\x13 DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe "/k calc.exe" \x14!\x15'
    return Compound(version=4).build({"WordDocument": b"\xec\xa5" + b"\0" * 510 + field, "Macros": vba_storage(HONEST)})


def stomped_document() -> bytes:
    project = Compound().build(vba_storage(STOMPED))
    return documents.archive(
        {
            "[Content_Types].xml": b"<Types/>",
            "word/document.xml": b'<w:p><w:fldSimple w:instr="DDE excel sheet"/></w:p>',
            "word/vbaProject.bin": project,
        }
    )


def package_object(content: bytes) -> bytes:
    """The content of a packaged file."""
    body = b"\x02\0" + b"note.txt\0" + b"C:\\note.txt\0" + struct.pack("<I", 0x30000)
    temporary = b"C:\\Temp\\note.txt\0"
    return body + struct.pack("<I", len(temporary)) + temporary + struct.pack("<I", len(content)) + content


def packaged_document() -> bytes:
    native = package_object(b"plain text in a package\n")
    native = struct.pack("<I", len(native)) + native
    storage = {"\x01Ole10Native": native, "\x01CompObj": b"\0" * 28 + struct.pack("<I", 8) + b"Package\0"}
    return Compound().build({"WordDocument": b"\xec\xa5" + b"\0" * 100, "ObjectPool": {"_1": storage}})


def biff(number: int, content: bytes) -> bytes:
    return struct.pack("<HH", number, len(content)) + content


def macro_workbook() -> bytes:
    """Excel 97: a very hidden macro sheet with `=EXEC("calc.exe")`, run by Auto_Open; and a link to a program."""

    def formula(row: int, tokens: bytes) -> bytes:
        return biff(0x06, struct.pack("<HHH", row, 0, 0) + b"\0" * 14 + struct.pack("<H", len(tokens)) + tokens)

    start = biff(0x809, struct.pack("<HHIII", 0x600, 5, 0, 0, 0))
    name = struct.pack("<HBBHHHBBBB", 0x20, 0, 1, 7, 0, 1, 0, 0, 0, 0) + b"\0\x01" + b"\x3a\0\0\0\0\0\0"
    link = biff(0x1AE, struct.pack("<HH", 0, 10) + b"\0cmd\x03/c 123")
    globals_size = len(start) + len(biff(0x85, b"\0" * 12)) + len(link) + len(biff(0x18, name)) + 4
    bound = struct.pack("<IBBB", globals_size, 2, 1, 4) + b"\0Auto"
    sheet = biff(0x809, struct.pack("<HHIII", 0x600, 0x40, 0, 0, 0))
    sheet += formula(0, b"\x17\x08\0calc.exe\x42\x01\x6e\0") + formula(1, b"\x42\0\x36\0") + biff(0x0A, b"")
    return Compound().build({"Workbook": start + biff(0x85, bound) + link + biff(0x18, name) + biff(0x0A, b"") + sheet})


def macro_package() -> bytes:
    """Excel 2007: the same in XML."""
    return documents.archive(
        {
            "[Content_Types].xml": b"<Types/>",
            "xl/workbook.xml": b'<sheets><sheet name="M&amp;M" sheetId="1" state="hidden" r:id="rId1"/></sheets>'
            b'<definedName name="_xlnm.Auto_Open">M!$A$1</definedName>',
            "xl/_rels/workbook.xml.rels": b'<Relationship Id="rId1" Target="macrosheets/sheet1.xml"/>',
            "xl/macrosheets/sheet1.xml": b'<c r="A1"><f>CALL("urlmon","URLDownloadToFileA")</f></c>'
            b'<c r="A2"><f>HALT()</f></c>',
            "xl/externalLinks/externalLink1.xml": b'<ddeLink ddeService="cmd" ddeTopic="/c calc"/>',
        }
    )


def outlook_message() -> bytes:
    def text(number: str, value: str) -> Storage:
        return {f"__substg1.0_{number}001F": value.encode("utf-16le")}

    attachment = text("3707", "note.txt") | {"__substg1.0_37010102": b"attached\n"}
    inner = text("0037", "Inner") | {
        "__attach_version1.0_#00000000": text("3704", "in.bin") | {"__substg1.0_37010102": b"MZ!"}
    }
    return Compound().build(
        text("0037", "Invoice")
        | text("0C1A", "A Sender")
        | text("5D01", "a@example.invalid")
        | text("1000", "Hello\r\n")
        | {"__properties_version1.0": b"\0" * 32}
        | {"__recip_version1.0_#00000000": text("3001", "B") | text("39FE", "b@example.invalid")}
        | {"__attach_version1.0_#00000000": attachment}
        | {"__attach_version1.0_#00000001": {"__substg1.0_3701000D": inner}}
    )


MAIL = (
    b"Received: from a.invalid\r\nAuthentication-Results: mx; spf=fail\r\n"
    b"From: =?utf-8?q?B=C3=B6ss?= <a@example.test>\r\nReply-To: c@other.invalid\r\nTo: b@example.invalid\r\n"
    b"Subject: =?iso-8859-1?B?SW52b2ljZSDk?=\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: quoted-printable\r\n\r\n<a href=3D'http://evil.invalid/'>https://bank.test</a>\r\n--x\r\n"
    b'Content-Type: application/zip; name="a.zip"\r\nContent-Transfer-Encoding: base64\r\n'
    b"Content-Disposition: attachment; filename*=utf-8''%C3%A4.zip\r\n\r\n"
)


def mail_with_archive() -> bytes:
    archive = documents.archive({"note.txt": b"text\n"})
    return MAIL + base64.encodebytes(archive).replace(b"\n", b"\r\n") + b"--x--\r\n"


def rtf_package() -> bytes:
    """A packaged file whose data is mixed with what Word ignores."""
    package = package_object(b"inert\n")
    data = struct.pack("<III", 0x501, 2, 8) + b"Package\0" + struct.pack("<III", 0, 0, len(package)) + package
    digits = data.hex().encode()
    noisy = digits[:20] + b"{\\xyz 77}"[:6] + b"}" + digits[20:41] + b"\\'aa" + digits[40:]
    field = b'{\\field{\\*\\fldinst DDEAUTO c:\\\\\\\\cmd "/c calc"}}'
    template = b"{\\*\\template http://example.invalid/t.dotm}"
    return (
        b"{\\rtf1\\ansi" + template + field + b"{\\object\\objemb{\\*\\objclass Package}{\\*\\objdata " + noisy + b"}}}"
    )


def notebook() -> bytes:
    """A OneNote section with a batch file."""
    magic = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")
    file_data = bytes.fromhex("e716e3bd65261145a4c48d4d0b7a9eac")
    content = b"@echo off\r\nrem inert\r\n"
    return magic + b"\0" * 1008 + file_data + struct.pack("<QIQ", len(content), 0, 0) + content + b"\0" * 64


def winmail() -> bytes:
    def attribute(level: int, number: int, content: bytes) -> bytes:
        return struct.pack("<BHHI", level, number, 0, len(content)) + content + struct.pack("<H", sum(content) & 0xFFFF)

    return (
        b"\x78\x9f\x3e\x22\x01\x00"
        + attribute(1, 0x8004, b"Subject\0")
        + attribute(2, 0x9002, b"\0" * 14)
        + attribute(2, 0x8010, b"note.txt\0")
        + attribute(2, 0x800F, b"attached\n")
    )


def flat_document() -> bytes:
    """Flat OPC: a macro project in base64, and a remote template."""
    project = base64.b64encode(Compound().build(vba_storage(HONEST))).decode()
    return (
        '<?xml version="1.0"?><?mso-application progid="Word.Document"?>'
        '<pkg:package xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">'
        f'<pkg:part pkg:name="/word/vbaProject.bin"><pkg:binaryData>{project}</pkg:binaryData></pkg:part>'
        '<pkg:part pkg:name="/word/_rels/settings.xml.rels"><pkg:xmlData><Relationships>'
        '<Relationship Id="r" Type="http://x/attachedTemplate" Target="http://example.invalid/t.dotm" '
        'TargetMode="External"/>'
        "</Relationships></pkg:xmlData></pkg:part></pkg:package>"
    ).encode()
