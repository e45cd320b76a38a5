"""Signatures, .NET and build information as HTML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from athena_lab.report.display import counted, size_text, time_text
from athena_lab.report.markup import Html, Row, code, details, meter, pairs, table

if TYPE_CHECKING:
    from athena_lab.report.code import (
        BuildInfo,
        Certificate,
        Dependency,
        DotNet,
        ManifestResource,
        PInvoke,
        Signer,
    )
    from athena_lab.report.facts import Executable

SIGNERS_BUDGET = 2_500
CHAIN_BUDGET = 3_500
DOTNET_BUDGET = 6_000
LIST_BUDGET = 5_000
"""All in characters of HTML."""
MAX_SIGNERS = 4
CHECKS = {"valid": "yes", "invalid": "NO", "not-checked": "not checked"}

Pairs = Iterator[tuple[str, str | Html]]


def code_html(image: Executable) -> str:
    """What of an image is not in its headers; nothing for what is not known."""
    return (
        (_signature(image.signature.signers, image.signature.hidden) if image.signature else "")
        + (_dotnet(image.dotnet) if image.dotnet else "")
        + (_build(image.build) if image.build else "")
    )


def _signature(signers: tuple[Signer, ...], hidden: int) -> str:
    parts = [_signer(signer) for signer in signers[:MAX_SIGNERS]]
    if hidden:
        parts.append(f"<p>{size_text(hidden)} in the certificate table belong to no signature.</p>")
    note = "<p>Whether anybody trusts these certificates is not known here.</p>" if signers else ""
    return details(f"Signatures: {len(signers)}", "".join(parts) + note, opened=_is_wrong(signers))


def _is_wrong(signers: tuple[Signer, ...]) -> bool:
    return any("invalid" in (signer.file, signer.content, signer.signature) for signer in signers)


def _signer(signer: Signer) -> str:
    chain = signer.chain + (signer.timestamp.chain if signer.timestamp else ())
    head = ("Subject", "Issuer", "From", "To", "Key", "Signed by the next", "SHA-1")
    return pairs(tuple(_signer_pairs(signer)), SIGNERS_BUDGET) + table(head, chain, _certificate, CHAIN_BUDGET)


def _signer_pairs(signer: Signer) -> Pairs:
    nested = f", nested {signer.nested}" if signer.nested else ""
    yield "Digest", Html(f"{code(signer.digest).markup} {code(signer.digest_algorithm, 40).markup}{nested}")
    yield "It is the file's", CHECKS[signer.file]
    yield "Signature fits", f"the content: {CHECKS[signer.content]}; the signer's key: {CHECKS[signer.signature]}"
    if signer.program_name or signer.more_info:
        yield "Program, as the signer says", code(f"{signer.program_name} {signer.more_info}".strip())
    yield "Chain", "ends in a certificate that signed itself" if signer.chain_complete else "its end is not in the file"
    if signer.timestamp:
        stamp = signer.timestamp
        when = time_text(stamp.time) if stamp.time is not None else "no time"
        checks = f"of this signature: {CHECKS[stamp.content]}; by its key: {CHECKS[stamp.signature]}"
        yield "Timestamp", f"{when} ({stamp.kind}), {checks}"
    elif signer.signing_time is not None:
        yield "Signing time", f"{time_text(signer.signing_time)} (as the signer claims)"


def _certificate(certificate: Certificate) -> Row:
    names = code(certificate.subject), code(certificate.issuer)
    when = time_text(certificate.not_before), time_text(certificate.not_after)
    cells = (*names, *when, certificate.key, CHECKS[certificate.signature], code(certificate.sha1))
    return Row(cells, "athena-odd" if certificate.signature == "invalid" or certificate.in_time is False else "")


def _dotnet(dotnet: DotNet) -> str:
    parts = (
        pairs(tuple(_dotnet_pairs(dotnet)), DOTNET_BUDGET)
        + details(f"Native functions: {dotnet.p_invoke_count}", _native(dotnet.p_invokes))
        + details(f".NET resources: {dotnet.resource_count}", _resources(dotnet.resources))
        + details(f"Types: {dotnet.type_count:,}", table(("Name",), dotnet.types, _single, LIST_BUDGET))
        + details(f"Texts: {dotnet.user_string_count:,}", table(("Text",), dotnet.user_strings, _single, LIST_BUDGET))
    )
    return details(f".NET: {dotnet.assembly_name or dotnet.module_name}", parts, opened=True)


def _dotnet_pairs(dotnet: DotNet) -> Pairs:
    yield "Assembly", code(f"{dotnet.assembly_name or dotnet.module_name} {dotnet.version}".strip())
    yield "Runtime", code(dotnet.runtime_version)
    if dotnet.entry_point:
        yield "Begins with", code(dotnet.entry_point)
    yield "Module version id", code(dotnet.mvid)
    if dotnet.typelib_id:
        yield "Type library id", code(dotnet.typelib_id)
    if dotnet.public_key_token:
        yield "Public key token", code(dotnet.public_key_token)
    for attribute in dotnet.attributes:
        yield attribute.name, code(attribute.value)
    if dotnet.obfuscators:
        yield "Marks of", ", ".join(dotnet.obfuscators)
    yield "Methods", f"{dotnet.method_count:,}"
    yield "Refers to", code(", ".join(f"{it.name} {it.version}" for it in dotnet.references), 1_000)


def _native(functions: tuple[PInvoke, ...]) -> str:
    return table(("Library", "Function"), functions, lambda it: Row((code(it.library), code(it.name))), LIST_BUDGET)


def _resources(resources: tuple[ManifestResource, ...]) -> str:
    return table(("Name", "Offset", "Size", "Entropy", "Content"), resources, _resource, LIST_BUDGET)


def _resource(resource: ManifestResource) -> Row:
    where = "in another file" if resource.offset is None else code(f"{resource.offset:#x}")
    return Row((code(resource.name), where, f"{resource.size:,}", meter(resource.entropy), resource.format))


def _single(text: str) -> Row:
    return Row((code(text),))


def _build(build: BuildInfo) -> str:
    parts = pairs(tuple(_build_pairs(build)), DOTNET_BUDGET)
    if build.go:
        parts += details(f"Modules: {len(build.go.dependencies)}", _dependencies(build.go.dependencies))
    if build.rust:
        parts += details(f"Crates: {len(build.rust.crates)}", _dependencies(build.rust.crates))
    return details("Built with", parts, opened=bool(build.go or build.rust))


def _build_pairs(build: BuildInfo) -> Pairs:
    if build.go:
        yield "Go", code(f"{build.go.version or 'version removed'} {build.go.path}".strip())
        if build.go.module:
            yield "Module", code(f"{build.go.module.name} {build.go.module.version}".strip())
        for key, value in build.go.settings.items():
            yield key, code(value)
    if build.rust:
        source = "listed by cargo-auditable" if build.rust.audited else "named by paths of sources"
        crates = counted(len(build.rust.crates), "crate", "crates")
        known = f"{build.rust.version} {build.rust.commit}".strip() or "version not known"
        yield "Rust", Html(f"{code(known).markup}, {crates} {source}")
    for compiler in build.compilers:
        yield "Compiler", code(compiler)


def _dependencies(dependencies: tuple[Dependency, ...]) -> str:
    return table(("Name", "Version"), dependencies, lambda it: Row((code(it.name), code(it.version))), LIST_BUDGET)
