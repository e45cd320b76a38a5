"""What file-processor says of code beyond its headers: likeness, signatures, .NET, and what it was built with.

Units and text are those of `athena_lab.report.facts`. Of signatures it is said what was verified: whom to trust is not
known here, since there are no root certificates and nobody is asked whether one was revoked.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from athena_lab.report.fact import Fact

Check = Literal["valid", "invalid", "not-checked"]
"""Of a digest or a signature; ``not-checked`` in a quick analysis, or by an algorithm that is not known."""


class Similarity(Fact, frozen=True):
    """Hashes that similar files have alike. TLSH is empty for data that is short or too even."""

    ssdeep: str = ""
    tlsh: str = ""


class Authentihash(Fact, frozen=True):
    """The digests that Authenticode signs, of every PE file, signed or not."""

    sha1: str
    sha256: str


class Certificate(Fact, frozen=True):
    """One of a chain. ``signature`` says whether the next one signed it, ``in_time`` whether it was valid then."""

    subject: str
    issuer: str
    serial: str
    not_before: int
    not_after: int
    sha1: str
    """Thumbprint."""
    sha256: str
    key: str
    """``RSA 2048``, ``RSA-PSS 2048`` (signs by nothing else), ``ECDSA P-256``, or the number of an algorithm."""
    digest: str
    self_issued: bool = False
    signature: Check = "not-checked"
    in_time: bool | None = None
    """At the time of the timestamp, else now; None if neither is known."""


class Timestamp(Fact, frozen=True):
    """A countersignature that says when the signature was there."""

    kind: Literal["rfc3161", "pkcs9"]
    digest_algorithm: str
    content: Check
    """It is of this signature."""
    signature: Check
    time: int | None = None
    chain: tuple[Certificate, ...] = ()


class Signer(Fact, frozen=True):
    """One signature; ``nested`` counts the signatures that it stands in."""

    digest_algorithm: str
    file: Check
    """The signed digest is that of the file."""
    content: Check
    """What is signed is what the signer's attributes name."""
    signature: Check
    """The key of the signer's certificate made the signature."""
    digest: str = ""
    """As it was signed."""
    program_name: str = ""
    more_info: str = ""
    """An address. Nobody checks it, or the name."""
    signing_time: int | None = None
    """As the signer claims."""
    nested: int = 0
    chain: tuple[Certificate, ...] = ()
    """From the signer's certificate upwards, as far as they are in the file."""
    chain_complete: bool = False
    """It ends in a certificate that is its own issuer. That does not mean that anybody trusts it."""
    timestamp: Timestamp | None = None


class CodeDirectory(Fact, frozen=True):
    """What the code signature of a Mach-O says of the code. ``adhoc``: nobody signed it."""

    identifier: str
    cdhash: str
    digest: str
    pages: Check
    """The pages of the image have the hashes that stand in it."""
    team: str = ""
    adhoc: bool = False


class AssemblyReference(Fact, frozen=True):
    name: str
    version: str
    public_key_token: str = ""


class PInvoke(Fact, frozen=True):
    """A function of a native library that .NET code calls."""

    library: str
    name: str


class ManifestResource(Fact, frozen=True):
    """A resource of .NET. ``offset`` is None for one in another file."""

    name: str
    offset: int | None = None
    size: int = 0
    entropy: float = 0.0
    format: str = ""


class Attribute(Fact, frozen=True):
    """What an assembly says of itself: ``TargetFramework``, ``AssemblyTitle`` ..."""

    name: str
    value: str


class DotNet(Fact, frozen=True):
    """CLI header and metadata (ECMA-335 II.22 - II.25). Lists are cut at a limit; the counts are not."""

    runtime_version: str
    flags: int
    entry_point_token: int
    streams: tuple[str, ...] = ()
    module_name: str = ""
    assembly_name: str = ""
    mvid: str = ""
    version: str = ""
    public_key_token: str = ""
    entry_point: str = ""
    """``Namespace.Type.Method``; empty without, and where it is native."""
    typelib_id: str = ""
    references: tuple[AssemblyReference, ...] = ()
    types: tuple[str, ...] = ()
    type_count: int = 0
    method_count: int = 0
    p_invokes: tuple[PInvoke, ...] = ()
    p_invoke_count: int = 0
    resources: tuple[ManifestResource, ...] = ()
    resource_count: int = 0
    user_strings: tuple[str, ...] = ()
    """Texts that the code loads; a quick analysis leaves them out."""
    user_string_count: int = 0
    attributes: tuple[Attribute, ...] = ()
    obfuscators: tuple[str, ...] = ()
    """Tools that left a mark."""


class Dependency(Fact, frozen=True):
    name: str
    version: str


class GoBuild(Fact, frozen=True):
    """As ``go version -m`` shows it."""

    version: str = ""
    path: str = ""
    module: Dependency | None = None
    dependencies: tuple[Dependency, ...] = ()
    settings: dict[str, str] = msgspec.field(default_factory=dict)
    line_table: str = ""
    """The version of Go that brought the format of the table of lines: ``1.2``, ``1.16``, ``1.18``, ``1.20``."""


class RustBuild(Fact, frozen=True):
    version: str = ""
    commit: str = ""
    """Of the compiler."""
    crates: tuple[Dependency, ...] = ()
    audited: bool = False
    """The list is cargo-auditable's; else it is of the crates that paths of sources happen to name."""


class BuildInfo(Fact, frozen=True):
    """What a program was built with; a quick analysis leaves it out."""

    go: GoBuild | None = None
    rust: RustBuild | None = None
    compilers: tuple[str, ...] = ()
