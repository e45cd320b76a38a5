"""The lines about an image's code that reports without tables have: name and text. The text may be the sample's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import counted, time_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.code import BuildInfo, CodeDirectory, DotNet, Signer
    from athena_lab.report.facts import Executable

MAX_SIGNERS = 4
MAX_NATIVE = 12
MAX_COMPILERS = 4
CHECKS = {"valid": "as signed", "invalid": "NOT as signed", "not-checked": "not checked"}

KEYS = {"valid": "yes", "invalid": "NO", "not-checked": "not checked"}


def code_lines(image: Executable) -> Iterator[tuple[str, str]]:
    """Hashes, signatures, .NET and build information; only what is known."""
    if image.imphash:
        yield "Imphash", image.imphash
    if image.authentihash:
        yield "Authentihash", image.authentihash.sha256
    if image.telfhash:
        yield "Telfhash", image.telfhash
    for signer in image.signature.signers[:MAX_SIGNERS] if image.signature else ():
        yield "Signature", _signature(signer)
    if image.signature and image.signature.directory:
        yield "Code directory", code_directory(image.signature.directory)
    if image.dotnet:
        yield from _dotnet(image.dotnet)
    if image.build:
        yield from _build(image.build)


def code_directory(directory: CodeDirectory) -> str:
    """In one line: whose code, its hash, whether the pages have theirs."""
    who = "ad hoc" if directory.adhoc else directory.team or "no team"
    pages = f"the pages {CHECKS[directory.pages]}"
    return f"{directory.identifier} ({who}), cdhash {directory.cdhash} by {directory.digest}, {pages}"


def _signature(signer: Signer) -> str:
    subject = signer.chain[0].subject if signer.chain else "certificate not in the file"
    stamp = signer.timestamp
    when = f", timestamp {time_text(stamp.time)}" if stamp and stamp.time is not None else ""
    file, key = CHECKS[signer.file], KEYS[signer.signature]
    return f"{signer.digest_algorithm}: the file {file}, by its key: {key}{when}; {subject}"


def _dotnet(dotnet: DotNet) -> Iterator[tuple[str, str]]:
    name = f"{dotnet.assembly_name or dotnet.module_name} {dotnet.version}".strip()
    counts = f"{counted(dotnet.type_count, 'type', 'types')}, {counted(dotnet.method_count, 'method', 'methods')}"
    yield ".NET", f"{name}, runtime {dotnet.runtime_version}, {counts}"
    if dotnet.entry_point:
        yield ".NET begins with", dotnet.entry_point
    if dotnet.p_invokes:
        yield ".NET calls native", ", ".join(f"{it.library}!{it.name}" for it in dotnet.p_invokes[:MAX_NATIVE])
    if dotnet.obfuscators:
        yield ".NET marks of", ", ".join(dotnet.obfuscators)


def _build(build: BuildInfo) -> Iterator[tuple[str, str]]:
    if build.go:
        modules = counted(len(build.go.dependencies), "module", "modules")
        yield "Go", f"{build.go.version or 'version removed'} {build.go.path}, {modules}"
    if build.rust:
        crates = counted(len(build.rust.crates), "crate", "crates")
        yield "Rust", f"{build.rust.version or build.rust.commit or 'version not known'}, {crates} named"
    for compiler in build.compilers[:MAX_COMPILERS]:
        yield "Compiler", compiler
