"""The module against independent oracles: pefile for PE, LIEF for ELF and Mach-O, on real files (see corpus.py).

Prints the agreement per field. Where the oracle means something else by a field, the comparison says so.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import corpus
import lief
import msgspec
import pefile
import pytest
from harness import Guest

from athena_lab.report.facts import Executable, FileFacts

MIN_FILES = 300
FLOOR = 1.0
"""Every field agrees on every file, but for the exceptions that the comparisons themselves name."""

Fields = Iterator[tuple[str, Any, Any]]


def pe_fields(content: bytes, ours: Executable) -> Fields:
    """Field, ours, pefile's."""
    theirs = pefile.PE(data=content, fast_load=True, max_symbol_exports=1 << 16, max_repeated_symbol=1 << 16)
    theirs.parse_data_directories()
    header = theirs.OPTIONAL_HEADER
    base = header.ImageBase
    yield "machine", MACHINES[ours.arch], theirs.FILE_HEADER.Machine
    yield "bits", ours.bits, 64 if header.Magic == 0x20B else 32
    yield "entry point", ours.entry_point, header.AddressOfEntryPoint and base + header.AddressOfEntryPoint
    yield "image base", ours.image_base, base
    yield "compile time", ours.compile_time, theirs.FILE_HEADER.TimeDateStamp
    yield "checksum", ours.checksum, header.CheckSum
    yield "checksum computed", ours.checksum_computed, theirs.generate_checksum()
    # pefile does not look long names (/123) up.
    names = [(s.name, pefile_name(t)) for s, t in zip(ours.sections, theirs.sections, strict=True)]
    yield "section names", [own for own, other in names if other[:1] != "/"], [t for _, t in names if t[:1] != "/"]
    yield "sections", [section_of(s) for s in ours.sections], [pefile_section(s, base) for s in theirs.sections]
    yield "section md5", [s.md5 for s in ours.sections], [s.get_hash_md5() for s in theirs.sections]
    entropies = [s.get_entropy() for s in theirs.sections]
    yield "section entropy", [s.entropy for s in ours.sections], pytest.approx(entropies, abs=1e-4)
    yield "imphash", ours.imphash, theirs.get_imphash()
    yield "imports", [import_of(i) for i in ours.imports if not i.delayed], pefile_imports(theirs, "IMPORT")
    yield "delayed imports", [import_of(i) for i in ours.imports if i.delayed], pefile_imports(theirs, "DELAY_IMPORT")
    # Lists of ours are cut at a limit; the counts are not.
    exports, resources = pefile_exports(theirs), pefile_resources(theirs)
    yield "exports", {(e.ordinal, e.name, e.address - base, e.forward) for e in ours.exports} - exports, set()
    yield "export count", ours.export_count, len(exports)
    yield "resources", [(r.offset, r.size, r.language) for r in ours.resources], resources[: len(ours.resources)]
    yield "resource count", ours.resource_count, len(resources)
    yield "version info", ours.version_info, pefile_version(theirs)
    yield "rich header", ours.rich and (ours.rich.key, ours.rich.hash), pefile_rich(theirs)
    yield "pdb path", [d.pdb_path for d in ours.debug if d.pdb_path is not None], pefile_pdb(theirs)
    yield "tls callbacks", list(ours.tls_callbacks), pefile_tls(theirs)
    yield "overlay", ours.overlay and ours.overlay.offset, pefile_overlay(theirs, content, ours)
    security = header.DATA_DIRECTORY[4] if len(header.DATA_DIRECTORY) > 4 else None
    signature = (security.VirtualAddress, security.Size) if security and security.Size else None
    yield "signature", ours.signature and (ours.signature.offset, ours.signature.size), signature


MACHINES = {"x86": 0x14C, "x86-64": 0x8664, "arm64": 0xAA64, "arm": 0x1C4, "arm64ec": 0xA641, "arm64x": 0xA64E}


def pefile_name(section: Any) -> str:
    return section.Name.rstrip(b"\0").decode(errors="replace")


def section_of(section: Any) -> tuple[Any, ...]:
    return section.address, section.virtual_size, section.offset, section.size


def pefile_section(section: Any, base: int) -> tuple[Any, ...]:
    return base + section.VirtualAddress, section.Misc_VirtualSize, section.PointerToRawData, section.SizeOfRawData


def import_of(symbol: Any) -> tuple[Any, ...]:
    return symbol.library, symbol.name, symbol.ordinal


def pefile_imports(theirs: pefile.PE, which: str) -> list[tuple[Any, ...]]:
    """pefile names known ordinals itself; the ordinal is what the file says."""
    found = []
    for entry in getattr(theirs, f"DIRECTORY_ENTRY_{which}", []):
        for symbol in entry.imports:
            name = None if symbol.import_by_ordinal else symbol.name.decode()
            found.append((entry.dll.decode(), name, symbol.ordinal if symbol.import_by_ordinal else None))
    return found


def pefile_exports(theirs: pefile.PE) -> set[tuple[Any, ...]]:
    directory = getattr(theirs, "DIRECTORY_ENTRY_EXPORT", None)
    symbols = directory.symbols if directory else []
    return {
        (s.ordinal, s.name and s.name.decode(), s.address, s.forwarder.decode() if s.forwarder else None)
        for s in symbols
    }


def pefile_resources(theirs: pefile.PE) -> list[tuple[int, int, int]]:
    directory = getattr(theirs, "DIRECTORY_ENTRY_RESOURCE", None)
    found = []
    for kind in directory.entries if directory else []:
        for name in kind.directory.entries:
            for language in name.directory.entries:
                data = language.data.struct
                found.append((theirs.get_offset_from_rva(data.OffsetToData), data.Size, language.id))
    return found


def pefile_version(theirs: pefile.PE) -> dict[str, str]:
    for info in getattr(theirs, "FileInfo", []):
        for block in info:
            for table in getattr(block, "StringTable", []):
                return {key.decode(): value.decode() for key, value in table.entries.items()}
    return {}


def pefile_rich(theirs: pefile.PE) -> tuple[int, str] | None:
    rich = theirs.parse_rich_header()
    return rich and (int.from_bytes(rich["key"], "little"), hashlib.md5(rich["clear_data"]).hexdigest())


def pefile_pdb(theirs: pefile.PE) -> list[str]:
    entries = [entry.entry for entry in getattr(theirs, "DIRECTORY_ENTRY_DEBUG", [])]
    return [e.PdbFileName.rstrip(b"\0").decode() for e in entries if e is not None and hasattr(e, "PdbFileName")]


def pefile_tls(theirs: pefile.PE) -> list[int]:
    """pefile has the address of the table; the table is read here."""
    directory = getattr(theirs, "DIRECTORY_ENTRY_TLS", None)
    width = 8 if theirs.OPTIONAL_HEADER.Magic == 0x20B else 4
    table = directory.struct.AddressOfCallBacks if directory else 0
    found: list[int] = []
    while table:
        rva = table - theirs.OPTIONAL_HEADER.ImageBase + width * len(found)
        callback = int.from_bytes(theirs.get_data(rva, width), "little")
        if not callback:
            break
        found.append(callback)
    return found


def pefile_overlay(theirs: pefile.PE, content: bytes, ours: Executable) -> int | None:
    """pefile counts the signature and COFF symbols as overlay; the module does not."""
    start = theirs.get_overlay_data_start_offset()
    header = theirs.FILE_HEADER
    if start is not None and header.PointerToSymbolTable == start:
        strings = start + 18 * header.NumberOfSymbols
        start = strings + int.from_bytes(content[strings : strings + 4], "little")
    if start is not None and ours.signature and ours.signature.offset - start in range(8):
        start = ours.signature.offset + ours.signature.size
    return start if start is not None and start < len(content) else None


def elf_fields(content: bytes, ours: Executable) -> Fields:
    """Field, ours, LIEF's."""
    theirs = lief.ELF.parse(content)
    header = theirs.header
    yield "machine", ours.arch, ELF_MACHINES[header.machine_type.name]
    yield "bits", ours.bits, 64 if header.identity_class.name == "ELF64" else 32
    yield "endian", ours.endian, "big" if header.identity_data.name == "MSB" else "little"
    yield "entry point", ours.entry_point, header.entrypoint
    sections = list(theirs.sections)[1:]
    ours_sections = [(s.name, s.address, s.virtual_size, s.offset) for s in ours.sections]
    yield "sections", ours_sections, [(s.name, s.virtual_address, s.size, s.offset) for s in sections]
    segments = [(s.address, s.virtual_size, s.offset, s.size) for s in ours.segments]
    theirs_segments = [(s.virtual_address, s.virtual_size, s.file_offset, s.physical_size) for s in theirs.segments]
    yield "segments", segments, theirs_segments
    yield "libraries", list(ours.libraries), [str(name) for name in theirs.libraries]
    symbols = [s for s in theirs.dynamic_symbols if s.binding.name in {"GLOBAL", "WEAK", "GNU_UNIQUE"} and s.name]
    undefined = sorted(str(s.name) for s in symbols if s.shndx == 0)
    yield "imports", sorted(i.name or "" for i in ours.imports), undefined[: len(ours.imports)]
    yield "import count", ours.import_count, len(undefined)
    yield "exports", ours.export_count, sum(1 for s in symbols if s.shndx != 0)
    yield "interpreter", ours.interpreter, str(theirs.interpreter) if theirs.has_interpreter else ""
    yield "overlay", ours.overlay.size if ours.overlay else 0, len(theirs.overlay)
    yield "build id", ours.build_id, lief_build_id(theirs)
    yield "nx", ours.mitigations.get("nx"), theirs.has_nx
    yield "soname", ours.export_name, lief_entry(theirs, lief.ELF.DynamicEntry.TAG.SONAME)


ELF_MACHINES = {
    "X86_64": "x86-64",
    "I386": "x86",
    "AARCH64": "arm64",
    "S390": "s390x",
    "PPC64": "powerpc64",
    "ARM": "arm",
}


def lief_entry(theirs: Any, tag: Any) -> str:
    entry = theirs.get(tag)
    return str(entry.name) if entry else ""


def lief_build_id(theirs: Any) -> str:
    note = next((note for note in theirs.notes if note.type.name == "GNU_BUILD_ID"), None)
    description = bytes(note.description) if note else b""
    if theirs.header.identity_data.name == "MSB":
        # LIEF gives the bytes of big-endian notes in swapped words of 32 bits; readelf shows them as the module does.
        description = b"".join(description[at : at + 4][::-1] for at in range(0, len(description), 4))
    return description.hex()


def macho_fields(content: bytes, executables: tuple[Executable, ...]) -> Fields:
    """Field, ours, LIEF's; every slice."""
    # The slices point into this object: it must live as long as they.
    fat = lief.MachO.parse(list(content))
    yield "slices", len(executables), fat.size
    for ours, theirs in zip(executables, fat, strict=True):
        yield from slice_fields(ours, theirs)


def slice_fields(ours: Executable, theirs: Any) -> Fields:
    yield "machine", ours.arch, MACHO_MACHINES[theirs.header.cpu_type.name]
    yield "slice offset", ours.slice_offset, theirs.fat_offset
    segments = [(s.kind, s.address, s.virtual_size, s.offset, s.size) for s in ours.segments]
    theirs_segments = [(s.name, s.virtual_address, s.virtual_size, s.file_offset, s.file_size) for s in theirs.segments]
    yield "segments", segments, theirs_segments
    sections = [(s.name, s.address, s.virtual_size, s.offset) for s in ours.sections]
    yield "sections", sections, [(f"{s.segment.name},{s.name}", s.virtual_address, s.size, s.offset) for s in theirs.sections]
    own_name = ours.export_name
    yield "libraries", [own_name] * bool(own_name) + list(ours.libraries), [str(lib.name) for lib in theirs.libraries]
    externals = [s for s in theirs.symbols if s.origin.name == "SYMTAB" and s.raw_type & 0xF1 == 1]
    undefined = sorted(str(s.name) for s in externals if s.raw_type & 0x0E == 0)
    yield "imports", sorted(i.name or "" for i in ours.imports), undefined[: len(ours.imports)]
    yield "import count", ours.import_count, len(undefined)
    yield "exports", ours.export_count, len(externals) - len(undefined)
    uuid = bytes(theirs.uuid.uuid).hex() if theirs.has_uuid else ""
    yield "uuid", ours.build_id, uuid
    signature = theirs.code_signature if theirs.has_code_signature else None
    theirs_signature = signature and (signature.data_offset, signature.data_size)
    yield "signature", ours.signature and (ours.signature.offset, ours.signature.size), theirs_signature


MACHO_MACHINES = {"X86_64": "x86-64", "ARM64": "arm64", "X86": "x86"}


def fields_of(content: bytes, facts: FileFacts) -> Fields:
    if content.startswith(b"MZ"):
        fields = pe_fields(content, facts.executables[0])
        kind = "PE"
    elif content.startswith(b"\x7fELF"):
        fields = elf_fields(content, facts.executables[0])
        kind = "ELF"
    else:
        fields = macho_fields(content, facts.executables)
        kind = "Mach-O"
    for name, ours, theirs in fields:
        yield f"{kind} {name}", ours, theirs


@pytest.fixture(scope="module")
def files() -> list[tuple[str, bytes]]:
    index = corpus.fetch()
    return [(where, (corpus.folder() / digest).read_bytes()) for digest, where in sorted(index.items())]


@pytest.mark.timeout(600)
def test_facts_agree_with_independent_parsers(
    files: list[tuple[str, bytes]], guest: Callable[[str], Guest], capsys: pytest.CaptureFixture[str]
) -> None:
    module = guest("file-processor")
    lief.logging.disable()
    agreed: dict[str, int] = defaultdict(int)
    compared: dict[str, int] = defaultdict(int)
    differences: list[str] = []
    for where, content in files:
        output = module.call("analyze", content, max_strings=0)
        facts = msgspec.json.decode(output.data, type=FileFacts)
        for field, ours, theirs in fields_of(content, facts):
            compared[field] += 1
            agreed[field] += ours == theirs
            if ours != theirs:
                differences.append(f"{field}: {where}\n    ours   {ours!r:.300}\n    theirs {theirs!r:.300}")
    with capsys.disabled():
        print(f"\nagreement with pefile and LIEF on {len(files)} files:")
        for field, total in compared.items():
            print(f"  {field:<24} {agreed[field]:>5} of {total:<5} {agreed[field] / total:.2%}")
    assert len(files) >= MIN_FILES
    assert all(agreed[field] / total >= FLOOR for field, total in compared.items()), "\n".join(differences)
