"""Builders of small, inert executables: every byte is written here, and none of them does anything."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field


def noise(size: int, seed: str = "noise") -> bytes:
    """Bytes that look encrypted, the same on every run."""
    blocks = (hashlib.sha256(f"{seed}{at}".encode()).digest() for at in range(0, size, 32))
    return b"".join(blocks)[:size]


def padded(data: bytes, size: int) -> bytes:
    return data + b"\0" * (-len(data) % size)


@dataclass
class PeSection:
    name: bytes
    flags: int
    data: bytes
    extra_virtual: int = 0


CODE = 0x60000020
READ = 0x40000040
READ_WRITE = 0xC0000040
READ_WRITE_EXECUTE = 0xE0000060


@dataclass
class Pe:
    """A PE image; directories are RVAs and sizes by index."""

    wide: bool = False
    machine: int = 0x14C
    characteristics: int = 0x102
    subsystem: int = 3
    timestamp: int = 0x5F000000
    entry: int = 0x1000
    dll_characteristics: int = 0x140
    sections: list[PeSection] = field(default_factory=list)
    directories: dict[int, tuple[int, int]] = field(default_factory=dict)
    overlay: bytes = b""
    rich: bytes = b""

    def rva(self, index: int) -> int:
        """Where the section with that index will be in memory."""
        return 0x1000 + sum(
            len(padded(s.data + b"\0" * s.extra_virtual, 0x1000)) or 0x1000 for s in self.sections[:index]
        )

    def optional_header(self, size_of_image: int) -> bytes:
        magic = 0x20B if self.wide else 0x10B
        standard = struct.pack("<HBBIIIII", magic, 14, 0, 0x200, 0x200, 0, self.entry, 0x1000)
        base = struct.pack("<Q", 0x140000000) if self.wide else struct.pack("<II", 0x2000, 0x400000)
        versions = struct.pack("<IIHHHHHHI", 0x1000, 0x200, 6, 0, 0, 0, 6, 0, 0)
        sizes = struct.pack("<IIIHH", size_of_image, 0x400, 0, self.subsystem, self.dll_characteristics)
        stack = struct.pack("<QQQQ" if self.wide else "<IIII", 0x100000, 0x1000, 0x100000, 0x1000)
        directories = b"".join(struct.pack("<II", *self.directories.get(index, (0, 0))) for index in range(16))
        return standard + base + versions + sizes + stack + struct.pack("<II", 0, 16) + directories

    def build(self) -> bytes:
        dos = b"MZ" + b"\0" * 0x3A
        stub = b"\0" * 0x40 + self.rich
        signature = 0x40 + len(stub)
        optional = self.optional_header(self.rva(len(self.sections)))
        coff = struct.pack(
            "<HHIIIHH", self.machine, len(self.sections), self.timestamp, 0, 0, len(optional), self.characteristics
        )
        table, bodies, offset = b"", b"", 0x400
        for index, section in enumerate(self.sections):
            raw = padded(section.data, 0x200)
            virtual = len(section.data) + section.extra_virtual
            place = offset if raw else 0
            table += section.name.ljust(8, b"\0")
            table += struct.pack("<IIIIIIHHI", virtual, self.rva(index), len(raw), place, 0, 0, 0, 0, section.flags)
            bodies += raw
            offset += len(raw)
        headers = dos + struct.pack("<I", signature) + stub + b"PE\0\0" + coff + optional + table
        return headers.ljust(0x400, b"\0") + bodies + self.overlay


def import_table(rva: int, *, wide: bool, libraries: dict[str, list[str | int]]) -> tuple[bytes, int]:
    """A section's bytes with an import directory at its start, and the directory's size."""
    size = 20 * (len(libraries) + 1)
    width, flag = (8, 1 << 63) if wide else (4, 1 << 31)
    descriptors, body = b"", b""
    for library, symbols in libraries.items():
        thunks, names = [], b""
        names_at = rva + size + len(body) + width * (len(symbols) + 1)
        for symbol in symbols:
            if isinstance(symbol, int):
                thunks.append(symbol | flag)
            else:
                thunks.append(names_at + len(names))
                names += padded(b"\0\0" + symbol.encode() + b"\0", 2)
        table = b"".join(thunk.to_bytes(width, "little") for thunk in [*thunks, 0])
        table_at = rva + size + len(body)
        library_at = names_at + len(names)
        body += table + names + padded(library.encode() + b"\0", 2)
        descriptors += struct.pack("<IIIII", table_at, 0, 0, library_at, table_at)
    return descriptors + b"\0" * 20 + body, size


def rich_header(entries: list[tuple[int, int, int]]) -> bytes:
    """A Rich header (product, build, count) with its right checksum, for a DOS header as `Pe` writes it."""
    start = 0x80
    key = start + sum(byte << index % 32 for index, byte in enumerate(b"MZ"))
    for product, build, count in entries:
        identity = product << 16 | build
        key += (identity << count % 32 | identity >> (32 - count % 32)) & 0xFFFFFFFF
    key &= 0xFFFFFFFF
    words = [0x536E6144, 0, 0, 0]
    for product, build, count in entries:
        words += [product << 16 | build, count]
    clear = b"".join(struct.pack("<I", word ^ key) for word in words)
    return clear + b"Rich" + struct.pack("<I", key) + b"\0" * 8


def resource_tree(rva: int, resources: list[tuple[int, int, bytes]]) -> bytes:
    """Resources (type, name, data), each type once, all in language 1033."""
    count = len(resources)
    header = struct.pack("<IIHHHH", 0, 0, 0, 0, 0, count)
    names_at = 16 + 8 * count
    languages_at = names_at + 24 * count
    entries_at = languages_at + 24 * count
    data_at = entries_at + 16 * count
    tree, names, languages, entries, data = header, b"", b"", b"", b""
    one = struct.pack("<IIHHHH", 0, 0, 0, 0, 0, 1)
    for index, (kind, name, content) in enumerate(resources):
        tree += struct.pack("<II", kind, 1 << 31 | names_at + 24 * index)
        names += one + struct.pack("<II", name, 1 << 31 | languages_at + 24 * index)
        languages += one + struct.pack("<II", 1033, entries_at + 16 * index)
        entries += struct.pack("<IIII", rva + data_at + len(data), len(content), 0, 0)
        data += padded(content, 4)
    return tree + names + languages + entries + data


def version_info(strings: dict[str, str]) -> bytes:
    def block(key: str, value: bytes, value_length: int, kind: int, children: bytes = b"") -> bytes:
        head = padded(struct.pack("<HHH", 0, value_length, kind) + (key + "\0").encode("utf-16le"), 4)
        body = padded(head + value, 4) + children
        return struct.pack("<H", len(body)) + body[2:]

    items = b"".join(
        padded(block(key, (value + "\0").encode("utf-16le"), len(value) + 1, 1), 4) for key, value in strings.items()
    )
    table = block("040904b0", b"", 0, 1, items)
    info = block("StringFileInfo", b"", 0, 1, table)
    return block("VS_VERSION_INFO", struct.pack("<II", 0xFEEF04BD, 0x10000) + b"\0" * 44, 52, 0, info)


def console_program() -> bytes:
    """PE32 with imports, version information, a debug path, a TLS callback and a Rich header."""
    pe = Pe(rich=rich_header([(0x104, 0x6D0F, 7), (0xFF, 0x521E, 1)]))
    pe.sections = [PeSection(b".text", CODE, b"\xc3" * 64)]
    libraries = {"KERNEL32.dll": ["LoadLibraryA", "GetProcAddress", "ExitProcess"], "WS2_32.dll": [115, "connect", 3]}
    data, size = import_table(0x2000, wide=False, libraries=libraries)
    data = padded(data, 4)
    tls_at = 0x2000 + len(data)
    data += struct.pack("<IIIIII", 0, 0, 0, 0x400000 + tls_at + 24, 0, 0) + struct.pack("<II", 0x401000, 0)
    debug_at = 0x2000 + len(data)
    path = b"RSDS" + bytes(range(16)) + struct.pack("<I", 1) + b"C:\\build\\console.pdb\0"
    path_at = len(data) + 28
    data += struct.pack("<IIHHIIII", 0, 0x5F000000, 0, 0, 2, len(path), 0x2000 + path_at, 0x600 + path_at) + path
    pe.sections.append(PeSection(b".rdata", READ, data))
    version = version_info({"CompanyName": "Example", "OriginalFilename": "console.exe", "FileVersion": "1.2.3"})
    pe.sections.append(PeSection(b".rsrc", READ, resource_tree(0x3000, [(16, 1, version), (24, 1, b"<assembly/>")])))
    pe.directories = {1: (0x2000, size), 2: (0x3000, 0x400), 6: (debug_at, 28), 9: (tls_at, 24)}
    return pe.build()


def packed_program() -> bytes:
    """PE32+ like a packed one: UPX names, writable code of noise, few imports that inject, an executable behind it."""
    pe = Pe(wide=True, machine=0x8664, characteristics=0x22, timestamp=0, dll_characteristics=0, entry=0x3000)
    pe.sections = [
        PeSection(b"UPX0", READ_WRITE_EXECUTE, b"", 0x2000),
        PeSection(b"UPX1", READ_WRITE_EXECUTE, noise(8192)),
    ]
    names: list[str | int] = ["VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread"]
    rva = pe.rva(2)
    data, size = import_table(rva, wide=True, libraries={"KERNEL32.DLL": names})
    pe.sections.append(PeSection(b".rsrc", READ_WRITE, data))
    pe.directories = {1: (rva, size)}
    pe.overlay = console_program()
    return pe.build()


def built_program() -> bytes:
    """PE32+ with what Go and Rust leave: build information, the head of a table of lines, paths of crates."""
    lines = "path\texample.invalid/inert\nmod\texample.invalid/inert\tv1.2.3\t\n"
    lines += "dep\texample.invalid/part\tv0.1.0\th1:x=\nbuild\tGOOS=windows\n"
    modules = b"<" * 16 + lines.encode() + b">" * 16
    info = (b"\xff Go buildinf:" + b"\x08\x02").ljust(32, b"\0") + bytes([8]) + b"go1.22.1"
    info += bytes([len(modules) & 0x7F | 0x80, len(modules) >> 7]) + modules
    table = b"\xf1\xff\xff\xff\0\0\x01\x08".ljust(64, b"\0")
    paths = b"/rustc/" + b"0123456789abcdef" * 2 + b"01234567/library/core/src/str.rs\0"
    paths += b"/x/registry/src/index.crates.io-0123456789abcdef/inert-core-0.3.1/src/lib.rs\0Inert here\0"
    pe = Pe(wide=True, machine=0x8664, characteristics=0x22)
    pe.sections = [
        PeSection(b".text", CODE, b"\xc3" * 64),
        PeSection(b".rdata", READ, table + padded(info, 16) + paths),
    ]
    data, size = import_table(0x3000, wide=True, libraries={"KERNEL32.dll": ["ExitProcess"]})
    pe.sections.append(PeSection(b".idata", READ_WRITE, data))
    pe.directories = {1: (0x3000, size)}
    return pe.build()


def dotnet_library() -> bytes:
    """A PE32 with a CLI header and metadata that name a module and an assembly."""
    strings = b"\0<Module>\0Inert.dll\0Inert\0"
    rows = struct.pack("<HHHHH", 0, strings.index(b"Inert.dll"), 1, 0, 0)
    rows += struct.pack("<IHHHHIHHH", 0x8004, 1, 2, 3, 4, 0, 0, strings.index(b"Inert\0"), 0)
    tables = struct.pack("<IBBBBQQII", 0, 2, 0, 0, 1, 1 | 1 << 0x20, 0, 1, 1) + rows
    streams = [(b"#~", padded(tables, 4)), (b"#Strings", padded(strings, 4)), (b"#GUID", bytes(range(16)))]
    return assembly(streams, characteristics=0x2102)


def dotnet_program() -> bytes:
    """A PE32 of .NET with a native function, a resource that looks encrypted, texts, attributes and a mark."""
    names = [
        "", "<Module>", "Inert.exe", "Inert", "Program", "Inert.Space", "Main", "ConfusedByAttribute", "kernel32.dll",
        "LoadLibrary", "mscorlib", "TargetFrameworkAttribute", "System.Runtime.Versioning", ".ctor", "payload",
    ]  # fmt: skip
    places, strings = {}, b""
    for name in names:
        places[name] = len(strings)
        strings += name.encode() + b"\0"
    framework = b".NETFramework,Version=v4.8"
    token = bytes.fromhex("b77a5c561934e089")
    argument = b"\x01\0" + bytes([len(framework)]) + framework + b"\0\0"
    blobs = b"\0" + bytes([8]) + token + bytes([len(argument)]) + argument
    at = places.__getitem__
    rows = {
        0x00: [struct.pack("<HHHHH", 0, at("Inert.exe"), 1, 0, 0)],
        0x01: [struct.pack("<HHH", 1 << 2 | 2, at("TargetFrameworkAttribute"), at("System.Runtime.Versioning"))],
        0x02: [
            struct.pack("<IHHHHH", 0, at("<Module>"), 0, 0, 1, 1),
            struct.pack("<IHHHHH", 1, at("Program"), at("Inert.Space"), 0, 1, 1),
            struct.pack("<IHHHHH", 1, at("ConfusedByAttribute"), 0, 0, 1, 3),
        ],
        0x06: [
            struct.pack("<IHHHHH", 0x2050, 0, 0x16, at("Main"), 0, 1),
            struct.pack("<IHHHHH", 0, 0, 0x2016, at("LoadLibrary"), 0, 1),
        ],
        0x0A: [struct.pack("<HHH", 1 << 3 | 1, at(".ctor"), 0)],
        0x0C: [struct.pack("<HHH", 1 << 5 | 14, 1 << 3 | 3, 10)],
        0x1A: [struct.pack("<H", at("kernel32.dll"))],
        0x1C: [struct.pack("<HHHH", 0x100, 2 << 1 | 1, at("LoadLibrary"), 1)],
        0x20: [struct.pack("<IHHHHIHHH", 0x8004, 1, 2, 3, 4, 0, 0, at("Inert"), 0)],
        0x23: [struct.pack("<HHHHIHHHH", 4, 0, 0, 0, 0, 1, at("mscorlib"), 0, 0)],
        0x28: [struct.pack("<IIHH", 0, 1, at("payload"), 0)],
    }
    valid = sum(1 << table for table in rows)
    head = struct.pack("<IBBBBQQ", 0, 2, 0, 0, 1, valid, 0)
    counts = b"".join(struct.pack("<I", len(found)) for found in rows.values())
    tables = head + counts + b"".join(row for found in rows.values() for row in found)
    texts = ("{11111-22222-50001-00000}", "inert text")
    user = b"\0" + b"".join(bytes([2 * len(text) + 1]) + text.encode("utf-16le") + b"\0" for text in texts)
    streams = [
        (b"#~", padded(tables, 4)),
        (b"#Strings", padded(strings, 4)),
        (b"#US", padded(user, 4)),
        (b"#GUID", bytes(range(16))),
        (b"#Blob", padded(blobs, 4)),
    ]
    return assembly(streams, characteristics=0x102, resources=struct.pack("<I", 8192) + noise(8192))


def assembly(streams: list[tuple[bytes, bytes]], *, characteristics: int, resources: bytes = b"") -> bytes:
    """A PE32 around a CLI header and metadata of these streams."""
    version = b"v4.0.30319\0\0"
    header_size = 16 + len(version) + 4 + sum(8 + len(padded(name + b"\0", 4)) for name, _ in streams)
    headers, body = b"", b""
    for name, content in streams:
        headers += struct.pack("<II", header_size + len(body), len(content)) + padded(name + b"\0", 4)
        body += content
    root = struct.pack("<IHHII", 0x424A5342, 1, 1, 0, len(version)) + version + struct.pack("<HH", 0, len(streams))
    metadata = root + headers + body
    cli = struct.pack("<IHHIIII", 72, 2, 5, 0x1000 + 72, len(metadata), 1, 0x06000001)
    cli += struct.pack("<II", 0x1000 + 72 + len(metadata), len(resources)) if resources else b"\0" * 8
    pe = Pe(characteristics=characteristics, entry=0)
    pe.sections = [PeSection(b".text", CODE, cli + b"\0" * 40 + metadata + resources)]
    pe.directories = {14: (0x1000, 72)}
    return pe.build()


def elf(*, wide: bool, big: bool, machine: int, kind: int = 2) -> bytes:
    """An ELF program with one writable and executable segment, a stack that is executable, and two sections."""
    order = ">" if big else "<"
    word = "Q" if wide else "I"
    base, header_size, segment_size, section_size = 0x10000, 64 if wide else 52, 56 if wide else 32, 64 if wide else 40
    code = b"\x7fCODE" + bytes(59)
    names = b"\0.text\0.shstrtab\0"
    code_at = header_size + 2 * segment_size
    names_at = code_at + len(code)
    sections_at = names_at + len(padded(names, 8))
    ident = b"\x7fELF" + bytes([2 if wide else 1, 2 if big else 1, 1, 0]) + b"\0" * 8
    header = ident + struct.pack(
        f"{order}HHI{word}{word}{word}I", kind, machine, 1, base + code_at, header_size, sections_at, 0
    )
    header += struct.pack(f"{order}HHHHHH", header_size, segment_size, 2, section_size, 3, 2)

    def segment(kind: int, flags: int, offset: int, address: int, size: int) -> bytes:
        if wide:
            return struct.pack(f"{order}IIQQQQQQ", kind, flags, offset, address, address, size, size, 0x1000)
        return struct.pack(f"{order}IIIIIIII", kind, offset, address, address, size, size, flags, 0x1000)

    def section(name: int, kind: int, flags: int, *, address: int, offset: int, size: int) -> bytes:
        return struct.pack(
            f"{order}II{word}{word}{word}{word}II{word}{word}", name, kind, flags, address, offset, size, 0, 0, 1, 0
        )

    segments = segment(1, 7, 0, base, names_at) + segment(0x6474E551, 7, 0, 0, 0)
    table = section(0, 0, 0, address=0, offset=0, size=0) + section(
        1, 1, 6, address=base + code_at, offset=code_at, size=len(code)
    )
    table += section(7, 3, 0, address=0, offset=names_at, size=len(names))
    return header + segments + code + padded(names, 8) + table


def pie() -> bytes:
    """A position-independent ELF program for x86-64: a shared object with a loader and the flag that says so."""
    interpreter = b"/lib64/ld-linux-x86-64.so.2\0"
    flags_1, df_1_pie = 0x6FFFFFFB, 0x08000000
    dynamic = struct.pack("<QQQQ", flags_1, df_1_pie, 0, 0)
    header_size, segment_size = 64, 56
    interpreter_at = header_size + 4 * segment_size
    dynamic_at = interpreter_at + len(padded(interpreter, 8))
    code_at = dynamic_at + len(dynamic)
    code = b"\xc3" * 16
    size = code_at + len(code)

    def segment(kind: int, flags: int, offset: int, length: int) -> bytes:
        return struct.pack("<IIQQQQQQ", kind, flags, offset, offset, offset, length, length, 8)

    ident = b"\x7fELF" + bytes([2, 1, 1, 0]) + b"\0" * 8
    header = ident + struct.pack("<HHIQQQI", 3, 62, 1, code_at, header_size, 0, 0)
    header += struct.pack("<HHHHHH", header_size, segment_size, 4, 0, 0, 0)
    segments = segment(1, 5, 0, size) + segment(3, 4, interpreter_at, len(interpreter))
    segments += segment(2, 6, dynamic_at, len(dynamic)) + segment(0x6474E551, 6, 0, 0)
    return header + segments + padded(interpreter, 8) + dynamic + code


def macho(cpu: int = 0x01000007, *, big: bool = False) -> bytes:
    """A 64-bit Mach-O program with a text segment, a library, a main and two symbols."""
    order = ">" if big else "<"

    def command(kind: int, body: bytes) -> bytes:
        body = padded(body, 8)
        return struct.pack(f"{order}II", kind, 8 + len(body)) + body

    def symbol(name: int, kind: int, section: int, description: int, value: int) -> bytes:
        return struct.pack(f"{order}IBBHQ", name, kind, section, description, value)

    code = b"\xc3" * 32
    strings = b"\0_main\0_task_for_pid\0"
    section = b"__text".ljust(16, b"\0") + b"__TEXT".ljust(16, b"\0")
    section += struct.pack(f"{order}QQIIIIIIII", 0x100000800, len(code), 0x800, 4, 0, 0, 0x80000400, 0, 0, 0)
    segment = (
        b"__TEXT".ljust(16, b"\0")
        + struct.pack(f"{order}QQQQIIII", 0x100000000, 0x1000, 0, 0x1000, 5, 5, 1, 0)
        + section
    )
    linkedit = symbol(1, 0x0F, 1, 0, 0x100000800) + symbol(7, 0x01, 0, 0x100, 0) + strings
    linkedit_segment = b"__LINKEDIT".ljust(16, b"\0")
    linkedit_segment += struct.pack(f"{order}QQQQIIII", 0x100001000, 0x1000, 0x1000, len(linkedit), 1, 1, 0, 0)
    commands = [
        command(0x19, segment),
        command(0x19, linkedit_segment),
        command(0x0C, struct.pack(f"{order}IIII", 24, 0, 0, 0) + b"/usr/lib/libSystem.B.dylib\0"),
        command(0x80000028, struct.pack(f"{order}QQ", 0x800, 0)),
        command(0x1B, bytes(range(16))),
        command(0x02, struct.pack(f"{order}IIII", 0x1000, 2, 0x1000 + 32, len(strings))),
    ]
    body = b"".join(commands)
    header = struct.pack(f"{order}IIIIIIII", 0xFEEDFACF, cpu, 3, 2, len(commands), len(body), 0x200085, 0)
    return (header + body).ljust(0x800, b"\0") + code.ljust(0x800, b"\0") + linkedit


def fat(*slices: tuple[int, bytes]) -> bytes:
    """A universal image of Mach-O slices (processor, bytes)."""
    header, body = struct.pack(">II", 0xCAFEBABE, len(slices)), b""
    for cpu, content in slices:
        offset = 0x1000 + len(body)
        header += struct.pack(">IIIII", cpu, 3, offset, len(content), 12)
        body += padded(content, 0x1000)
    return header.ljust(0x1000, b"\0") + body
