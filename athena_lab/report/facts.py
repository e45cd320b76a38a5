"""The facts that the file-processor module reports, typed: its `Output.data`.

All offsets and sizes are bytes from the start of the sample (of the slice, in a fat Mach-O), all addresses are
virtual, all times are Unix seconds, all entropies are Shannon entropies in bits per byte (0 - 8). Text from the
sample is hostile: the module has replaced what is not UTF-8, and control characters may be in it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from athena_lab.report.children import Child
from athena_lab.report.code import Authentihash, BuildInfo, CodeDirectory, DotNet, Signer, Similarity
from athena_lab.report.contents import Contents
from athena_lab.report.document import DocumentFacts
from athena_lab.report.fact import Fact


class Hashes(Fact, frozen=True):
    """Lower-case hexadecimal."""

    md5: str
    sha1: str
    sha256: str


class Format(Fact, frozen=True):
    """What the content says that the file is, whatever its name."""

    id: str
    """Short and stable: ``pe``, ``elf``, ``macho``, ``macho-fat``, ``docx``, ``pdf``, ``text``, ``data`` ..."""
    name: str
    """For people: ``PE32+ executable (console) x86-64``."""
    mime: str
    """As libmagic gives it, where it has one: of ELF ``application/x-executable``, ``x-pie-executable``,
    ``x-sharedlib``, ``x-object`` or ``x-coredump``."""
    category: Literal[
        "executable", "script", "document", "archive", "image", "installer", "disk-image", "mail",
        "audio-video", "font", "certificate", "bytecode", "database", "capture", "text", "data",
    ]  # fmt: skip
    extension: str = ""
    """Customary, without the dot."""


class EntropyProfile(Fact, frozen=True):
    """``profile`` has up to 256 points, each the entropy of one of as many equal blocks of ``block_size`` bytes, 256
    or more."""

    overall: float
    block_size: int
    profile: tuple[float, ...]


class StringItem(Fact, frozen=True):
    offset: int
    encoding: Literal["ascii", "utf-16le"]
    text: str
    """Cut at 1,024 characters."""


class Strings(Fact, frozen=True):
    """``total`` counts all that were found; ``items`` holds the first ones by offset, as many as asked for."""

    total: int
    items: tuple[StringItem, ...]
    min_length: int = 5


class Section(Fact, frozen=True):
    """A PE section, an ELF section or a Mach-O section (``__TEXT,__text``)."""

    name: str
    address: int
    virtual_size: int
    offset: int
    size: int
    entropy: float
    permissions: str
    """``rwx`` with dashes for what is missing."""
    flags: int = 0
    md5: str = ""
    anomalies: tuple[str, ...] = ()


class Segment(Fact, frozen=True):
    """An ELF program header or a Mach-O segment."""

    kind: str
    address: int
    virtual_size: int
    offset: int
    size: int
    permissions: str


class Import(Fact, frozen=True):
    library: str
    """Empty where the format does not say (ELF)."""
    name: str | None = None
    ordinal: int | None = None
    delayed: bool = False


class Export(Fact, frozen=True):
    name: str | None = None
    ordinal: int | None = None
    address: int = 0
    forward: str | None = None


class Resource(Fact, frozen=True):
    kind: str
    """``RT_ICON`` ... for the standard types, else the name or number."""
    name: str
    language: int
    offset: int
    size: int
    entropy: float
    format: str = ""
    """`Format.id` of its content."""


class Overlay(Fact, frozen=True):
    """Bytes behind the end of the image that no header accounts for; an Authenticode signature is not overlay."""

    offset: int
    size: int
    entropy: float
    format: str = ""


class RichEntry(Fact, frozen=True):
    product: int
    build: int
    count: int


class RichHeader(Fact, frozen=True):
    """Linker's record of tools. ``hash`` is MD5 over the decoded header up to ``Rich`` (richhash)."""

    key: int
    checksum_valid: bool
    hash: str
    entries: tuple[RichEntry, ...] = ()


class DebugInfo(Fact, frozen=True):
    kind: str
    pdb_path: str | None = None
    guid: str | None = None
    age: int | None = None
    timestamp: int | None = None


class Signature(Fact, frozen=True):
    """A signature. ``kind`` is ``authenticode`` or ``code-signature`` (Mach-O)."""

    kind: str
    offset: int
    size: int
    subjects: tuple[str, ...] = ()
    """Common names in the certificates found, unverified."""
    signers: tuple[Signer, ...] = ()
    hidden: int = 0
    """Bytes in the certificate table that belong to no signature."""
    directory: CodeDirectory | None = None
    """Of a Mach-O."""


class Executable(Fact, frozen=True):
    """A PE, ELF or Mach-O image; of a fat Mach-O, one slice."""

    kind: Literal["pe", "elf", "macho"]
    arch: str
    """``x86``, ``x86-64``, ``arm``, ``arm64``, ``riscv64`` ... ; ``unknown (0x1234)`` otherwise."""
    bits: int
    endian: Literal["little", "big"]
    type: str
    """PE: ``executable``, ``dll``, ``driver``, ``object``. ELF: ``executable`` (a position-independent one too, which
    its header calls a shared object), ``shared-object``, ``object``, ``core``, ``unknown``. Mach-O: ``executable``,
    ``dylib``, ``bundle``, ``object``, ``core``, ``dylinker``, ``kernel-extension`` ..."""
    entry_point: int
    """Virtual address, image base included; 0 if none."""
    image_base: int = 0
    subsystem: str = ""
    compile_time: int | None = None
    sections: tuple[Section, ...] = ()
    segments: tuple[Segment, ...] = ()
    libraries: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()
    import_count: int = 0
    """All imports; ``imports`` itself is cut at a limit."""
    exports: tuple[Export, ...] = ()
    export_count: int = 0
    resources: tuple[Resource, ...] = ()
    resource_count: int = 0
    overlay: Overlay | None = None
    imphash: str = ""
    """MD5 of the ordered imports, as pefile computes it. Empty for ELF and Mach-O, and without imports."""
    authentihash: Authentihash | None = None
    telfhash: str = ""
    """TLSH over the names of an ELF's functions; empty where there are few."""
    rich: RichHeader | None = None
    debug: tuple[DebugInfo, ...] = ()
    version_info: dict[str, str] = msgspec.field(default_factory=dict)
    tls_callbacks: tuple[int, ...] = ()
    """Virtual addresses."""
    signature: Signature | None = None
    checksum: int | None = None
    """From the header, PE only."""
    checksum_computed: int | None = None
    dll_characteristics: tuple[str, ...] = ()
    """PE: ``DYNAMIC_BASE``, ``NX_COMPAT``, ``GUARD_CF`` ..."""
    dotnet: DotNet | None = None
    build: BuildInfo | None = None
    export_name: str = ""
    """The DLL's own name in its export directory; SONAME of an ELF; install name of a Mach-O dylib."""
    interpreter: str = ""
    build_id: str = ""
    rpath: tuple[str, ...] = ()
    mitigations: dict[str, bool] = msgspec.field(default_factory=dict)
    """``aslr``, ``nx``, ``relro``, ``canary``, ``cfg``, ``pie`` ... where the format says."""
    slice_offset: int = 0
    """Offset of the slice in a fat Mach-O."""


class Entry(Fact, frozen=True):
    """A member of a container: an archive's file, an OLE stream, a PDF object of interest, an RTF object."""

    name: str
    size: int
    compressed_size: int | None = None
    offset: int | None = None
    kind: str = "file"
    encrypted: bool = False
    modified: int | None = None
    format: str = ""


class Container(Fact, frozen=True):
    """``count`` counts all entries, ``entries`` is cut. ``properties`` holds what the format says of itself."""

    kind: str
    count: int
    entries: tuple[Entry, ...] = ()
    properties: dict[str, str] = msgspec.field(default_factory=dict)


class FileFacts(Fact, frozen=True):
    """`Output.data` of file-processor for the function ``analyze``. ``executables`` has one item per fat Mach-O slice.

    A quick analysis leaves out ``strings``, ``children``, ``similarity``, ``build``, and hashes but those of the file.
    """

    size: int
    hashes: Hashes
    format: Format
    entropy: EntropyProfile
    executables: tuple[Executable, ...] = ()
    container: Container | None = None
    children: tuple[Child, ...] = ()
    contents: Contents | None = None
    documents: tuple[DocumentFacts, ...] = ()
    strings: Strings | None = None
    similarity: Similarity | None = None


class HeaderFacts(Fact, frozen=True):
    """`Output.data` of file-processor for the function ``headers``."""

    size: int
    format: Format
    executables: tuple[Executable, ...] = ()
