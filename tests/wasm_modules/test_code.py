"""Signatures, .NET and build information against independent readers: LIEF, dnfile and the files themselves."""

from __future__ import annotations

import hashlib
import re
import sys
from typing import TYPE_CHECKING, Any

import corpus
import dnfile
import lief
import msgspec
import pytest

from athena_lab.report.facts import Executable, FileFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Guest

    from athena_lab.wasm.contract import Output

NOW = 1_795_000_000
"""November 2026, Unix seconds."""


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """Origin to content, of both sets."""
    found = {where: path.read_bytes() for where, path in corpus.fetch_builds().items()}
    return found | {where: (corpus.folder() / digest).read_bytes() for digest, where in corpus.fetch().items()}


@pytest.fixture(scope="module")
def module(guest: Callable[[str], Guest]) -> Guest:
    lief.logging.disable()
    return guest("file-processor")


def analyze(module: Guest, content: bytes) -> tuple[FileFacts, Output]:
    output = module.call("analyze", content, max_strings=0, now=NOW)
    return msgspec.json.decode(output.data, type=FileFacts), output


def image_of(module: Guest, content: bytes) -> Executable:
    return analyze(module, content)[0].executables[0]


def ids(output: Output) -> set[str]:
    return {finding.id for finding in output.findings}


# -- Authenticode


def signed(files: dict[str, bytes]) -> dict[str, bytes]:
    def has_table(content: bytes) -> bool:
        return (
            content.startswith(b"MZ") and (parsed := lief.PE.parse(list(content))) is not None and parsed.has_signatures
        )

    return {where: content for where, content in files.items() if has_table(content)}


@pytest.mark.timeout(300)
def test_authentihashes_are_liefs(files: dict[str, bytes], module: Guest) -> None:
    """But for unsigned files of odd length: what signs them fills them up to eight bytes first, which LIEF does not."""
    compared = 0
    for where, content in files.items():
        theirs = lief.PE.parse(list(content)) if content.startswith(b"MZ") else None
        if theirs is None or (len(content) % 8 and not theirs.has_signatures):
            continue
        ours = image_of(module, content).authentihash
        assert ours is not None, where
        expected = theirs.authentihash(lief.PE.ALGORITHMS.SHA_1).hex(), theirs.authentihash_sha256.hex()
        assert (ours.sha1, ours.sha256) == expected, where
        compared += 1
    assert compared >= 200


@pytest.mark.timeout(300)
def test_signatures_verify_where_liefs_do(files: dict[str, bytes], module: Guest) -> None:
    certificates = 0
    for where, content in signed(files).items():
        theirs = lief.PE.parse(list(content))
        assert theirs.verify_signature() == lief.PE.Signature.VERIFICATION_FLAGS.OK, where
        facts, output = analyze(module, content)
        signature = facts.executables[0].signature
        assert signature is not None, where
        assert "signature-present" in ids(output)
        assert not ids(output) & {"signature-invalid", "signature-digest-mismatch", "malformed-signature"}, where
        known = {hashlib.sha256(bytes(c.raw)).hexdigest(): c for s in theirs.signatures for c in s.certificates}
        for signer in signature.signers:
            assert (signer.file, signer.content, signer.signature) == ("valid", "valid", "valid"), where
            for certificate in signer.chain:
                other = known.get(certificate.sha256)
                if signer.nested == 0:
                    assert other is not None, certificate
                    assert certificate.serial == bytes(other.serial_number).hex().lstrip("0").rjust(2, "0") or (
                        certificate.serial == bytes(other.serial_number).hex()
                    )
                    assert parts(certificate.subject) == parts(other.subject), where
                certificates += 1
                assert certificate.signature != "invalid", certificate
            assert signer.timestamp is None or signer.timestamp.content == "valid", where
            assert signer.timestamp is None or signer.timestamp.signature == "valid", where
    assert certificates >= 20


def parts(name: str) -> set[str]:
    """LIEF escapes commas, and shows the parts from the other end."""
    return {part.strip() for part in re.split(r"(?<!\\), ", name.replace("\\,", ","))}


@pytest.mark.timeout(300)
def test_a_changed_file_is_told(files: dict[str, bytes], module: Guest) -> None:
    """Whatever byte of the code changes, or of what is signed in the signature."""
    content = next(iter(sorted(signed(files).values(), key=len)))
    signature = image_of(module, content).signature
    assert signature is not None
    changed = bytearray(content)
    changed[0x400 + 100] ^= 1
    assert "signature-digest-mismatch" in ids(analyze(module, bytes(changed))[1])
    own = bytes.fromhex(signature.signers[0].digest)
    at = content.index(own, signature.offset)
    forged = bytearray(content)
    forged[at] ^= 1
    _, output = analyze(module, bytes(forged))
    assert {"signature-digest-mismatch", "signature-invalid"} <= ids(output)


@pytest.mark.timeout(300)
def test_data_in_the_certificate_table_is_told(files: dict[str, bytes], module: Guest) -> None:
    """As it is added to signed installers: the entry grows, and nothing that is signed changes."""
    content = next(iter(sorted(signed(files).values(), key=len)))
    signature = image_of(module, content).signature
    assert signature is not None
    assert signature.hidden == 0
    added = b"campaign=7;".ljust(64, b"\0")
    header = int.from_bytes(content[0x3C:0x40], "little")
    wide = content[header + 24 : header + 26] == b"\x0b\x02"
    entry = header + 24 + (112 if wide else 96) + 8 * 4
    longer = bytearray(content + added)
    longer[entry + 4 : entry + 8] = (signature.size + len(added)).to_bytes(4, "little")
    length = int.from_bytes(content[signature.offset : signature.offset + 4], "little")
    longer[signature.offset : signature.offset + 4] = (length + len(added)).to_bytes(4, "little")
    facts, output = analyze(module, bytes(longer))
    assert "signature-extra-data" in ids(output)
    assert "signature-digest-mismatch" not in ids(output)
    assert facts.executables[0].signature
    assert facts.executables[0].signature.hidden >= len(added)


def test_a_quick_analysis_verifies_nothing(files: dict[str, bytes], module: Guest) -> None:
    content = next(iter(sorted(signed(files).values(), key=len)))
    facts = msgspec.json.decode(module.call("analyze", content, quick=True).data, type=FileFacts)
    signature = facts.executables[0].signature
    assert signature is not None
    assert {(s.file, s.content, s.signature) for s in signature.signers} == {("not-checked",) * 3}


# -- code signatures of Mach-O


@pytest.mark.timeout(300)
def test_pages_have_the_hashes_of_the_code_directory(files: dict[str, bytes], module: Guest) -> None:
    """Every image of the corpus is as it was signed; a changed byte is told."""
    signed_images = {}
    for where, content in files.items():
        if not content.startswith((b"MZ", b"\x7fELF")):
            for image in analyze(module, content)[0].executables:
                if image.signature is not None:
                    assert image.signature.directory is not None, where
                    assert image.signature.directory.pages == "valid", where
                    signed_images[where] = image
    assert len(signed_images) >= 50
    where, image = next((where, image) for where, image in signed_images.items() if image.slice_offset == 0)
    assert image.signature is not None
    assert image.signature.directory is not None
    theirs = lief.MachO.parse(list(files[where])).at(0)
    blob = bytes(theirs.code_signature.content)
    start = blob.index(bytes.fromhex("fade0c02"))
    directory = blob[start : start + int.from_bytes(blob[start + 4 : start + 8], "big")]
    digest = hashlib.new(image.signature.directory.digest.replace("-", "").lower(), directory).hexdigest()
    assert image.signature.directory.cdhash == digest[:40]
    changed = bytearray(files[where])
    changed[image.sections[0].offset] ^= 1
    assert "signature-digest-mismatch" in ids(analyze(module, bytes(changed))[1])


# -- .NET


def dotnet_fields(pe: dnfile.dnPE, ours: Any) -> dict[str, tuple[Any, Any]]:
    tables = pe.net.mdtables
    assembly = tables.Assembly.rows[0] if tables.Assembly else None
    references = [(str(row.Name), version_of(row)) for row in tables.AssemblyRef.rows] if tables.AssemblyRef else []
    native = (
        [(str(row.ImportScope.row.Name), str(row.ImportName)) for row in tables.ImplMap.rows] if tables.ImplMap else []
    )
    types = [f"{row.TypeNamespace}.{row.TypeName}".lstrip(".") for row in tables.TypeDef.rows]
    resources = [(str(row.Name)) for row in tables.ManifestResource.rows] if tables.ManifestResource else []
    sizes = [resource.size for resource in pe.net.resources if isinstance(resource, dnfile.resource.InternalResource)]
    return {
        "mvid": (ours.mvid, str(tables.Module.rows[0].Mvid)),
        "assembly": (ours.assembly_name, str(assembly.Name) if assembly else ""),
        "version": (ours.version, version_of(assembly) if assembly else ""),
        "references": ([(it.name, it.version) for it in ours.references], references),
        "types": ([name.lstrip(".") for name in ours.types], types[: len(ours.types)]),
        "type count": (ours.type_count, len(types)),
        "method count": (ours.method_count, tables.MethodDef.num_rows if tables.MethodDef else 0),
        "native functions": ([(it.library, it.name) for it in ours.p_invokes], native[: len(ours.p_invokes)]),
        "resources": ([it.name for it in ours.resources], resources),
        "resource sizes": ([it.size for it in ours.resources if it.offset is not None], sizes),
        "user strings": (list(ours.user_strings), user_strings(pe)[: len(ours.user_strings)]),
    }


def version_of(row: Any) -> str:
    return f"{row.MajorVersion}.{row.MinorVersion}.{row.BuildNumber}.{row.RevisionNumber}"


def user_strings(pe: dnfile.dnPE) -> list[str]:
    found, at, heap = [], 1, pe.net.user_strings
    size = heap.sizeof() if heap else 0
    while at < size:
        item = heap.get(at)
        if item is None:
            break
        if item.raw_size > 1:
            found.append((item.value or "")[:512])
        at += item.raw_size
    return found


@pytest.mark.timeout(300)
def test_dotnet_metadata_is_dnfiles(files: dict[str, bytes], module: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    compared: dict[str, int] = {}
    differences = []
    for where, content in files.items():
        ours = image_of(module, content).dotnet if content.startswith(b"MZ") else None
        if ours is None:
            continue
        for field, (mine, theirs) in dotnet_fields(dnfile.dnPE(data=content), ours).items():
            compared[field] = compared.get(field, 0) + 1
            if mine != theirs:
                differences.append(f"{field}: {where}\n  ours   {mine!r:.300}\n  dnfile {theirs!r:.300}")
    with capsys.disabled():
        sys.stdout.write(f"\n.NET: {len(differences)} of {sum(compared.values())} fields differ from dnfile's\n")
    assert not differences, "\n".join(differences)
    assert compared["mvid"] >= 5


def test_dotnet_says_what_it_was_built_for(files: dict[str, bytes], module: Guest) -> None:
    runtime = next(content for where, content in files.items() if where.endswith("Python.Runtime.dll"))
    dotnet = image_of(module, runtime).dotnet
    assert dotnet is not None
    attributes = {it.name: it.value for it in dotnet.attributes}
    assert attributes["TargetFramework"] == ".NETStandard,Version=v2.0"
    assert attributes["AssemblyTitle"] == "Python.Runtime"
    assert ("libdl.so", "dlopen") in {(it.library, it.name) for it in dotnet.p_invokes}
    assert "interop.py" in {it.name for it in dotnet.resources}


# -- Go and Rust


@pytest.mark.timeout(300)
def test_go_programs_say_their_modules(files: dict[str, bytes], module: Guest) -> None:
    found = {where: image_of(module, content) for where, content in files.items() if where.startswith("shfmt")}
    assert {image.kind for image in found.values()} == {"pe", "elf", "macho"}
    for where, image in found.items():
        assert image.build is not None, where
        go = image.build.go
        assert go is not None, where
        assert re.fullmatch(r"go1\.\d+(\.\d+)?", go.version)
        assert go.path == "mvdan.cc/sh/v3/cmd/shfmt"
        assert go.module is not None
        assert go.module.name == "mvdan.cc/sh/v3"
        assert "golang.org/x/sys" in {it.name for it in go.dependencies}
        assert go.settings["GOOS"] in {"windows", "linux", "darwin"}
        assert go.line_table == "1.20"


@pytest.mark.timeout(300)
def test_rust_libraries_say_their_crates(files: dict[str, bytes], module: Guest) -> None:
    images = {where: image_of(module, content) for where, content in files.items() if where.startswith("pydantic")}
    assert {image.kind for image in images.values()} == {"pe", "elf", "macho"}
    for where, image in images.items():
        assert image.build is not None, where
        rust = image.build.rust
        assert rust is not None, where
        assert re.fullmatch("[0-9a-f]{40}", rust.commit), where
        crates = {it.name: it.version for it in rust.crates}
        content = files[where]
        assert {"pyo3", "jiter"} <= set(crates), where
        for name, version in crates.items():
            assert f"{name}-{version}".encode() in content


@pytest.mark.timeout(300)
def test_only_what_is_go_or_rust_is_called_so(files: dict[str, bytes], module: Guest) -> None:
    others = ("MarkupSafe", "cffi", "psutil", "setuptools", "pywin32", "greenlet")
    for where, content in files.items():
        if where.startswith(others):
            build = image_of(module, content).build
            assert build is None or (build.go is None and build.rust is None), where
