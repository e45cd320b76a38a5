"""Containers that the packages of others make or read: what they say of them is what we say."""

from __future__ import annotations

import binascii
import dis
import importlib
import io
import marshal
import os
import subprocess
import sys
import sysconfig
import types
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import TYPE_CHECKING, Any

import containers
import executables
import msgspec
import oracles
import pytest
import suites

from athena_lab.extraction import Part
from athena_lab.report.facts import FileFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness import Guest

CONTENTS = {
    "a.txt": b"words and words " * 4_000,
    "program.exe": executables.console_program() * 20,
    "noise.bin": executables.noise(150_000),
}


@pytest.fixture
def module(guest: Callable[[str], Guest]) -> Guest:
    return guest("file-processor")


@pytest.fixture(scope="module", autouse=True)
def others() -> Iterator[None]:
    folder = str(oracles.fetch())
    sys.path.append(folder)
    yield
    sys.path.remove(folder)


def other(name: str) -> Any:
    """A package that can be imported only once it was fetched."""
    return importlib.import_module(name)


def facts_of(module: Guest, sample: bytes) -> FileFacts:
    return msgspec.json.decode(module.call("analyze", sample).data, type=FileFacts)


def taken_out(module: Guest, sample: bytes) -> dict[str, bytes]:
    """The files in the sample, without those in them."""
    children = [child for child in facts_of(module, sample).children if child.depth == 1]
    parts = (module.call("extract", sample, index=child.index) for child in children)
    return {
        child.name: msgspec.json.decode(part.data, type=Part).content
        for child, part in zip(children, parts, strict=True)
    }


# -- 7z by py7zr


def chains() -> dict[str, list[dict[str, int]]]:
    py7zr = other("py7zr")

    return {
        "LZMA2": [{"id": py7zr.FILTER_LZMA2, "preset": 6}],
        "LZMA2 x86": [{"id": py7zr.FILTER_X86}, {"id": py7zr.FILTER_LZMA2, "preset": 6}],
        "LZMA": [{"id": py7zr.FILTER_LZMA, "preset": 5}],
        "delta": [{"id": py7zr.FILTER_DELTA}, {"id": py7zr.FILTER_LZMA2, "preset": 3}],
        "deflate": [{"id": py7zr.FILTER_DEFLATE}],
        "bzip2": [{"id": py7zr.FILTER_BZIP2}],
        "zstd": [{"id": py7zr.FILTER_ZSTD, "level": 3}],
        "copy": [{"id": py7zr.FILTER_COPY}],
    }


@pytest.mark.parametrize("name", ["LZMA2", "LZMA2 x86", "LZMA", "delta", "deflate", "bzip2", "zstd", "copy"])
def test_7z(module: Guest, name: str) -> None:
    py7zr = other("py7zr")

    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", filters=chains()[name]) as target:
        for key, content in CONTENTS.items():
            target.writestr(content, key)
    assert taken_out(module, buffer.getvalue()) == CONTENTS


def test_7z_encrypted(module: Guest) -> None:
    py7zr = other("py7zr")

    for header_too in (False, True):
        buffer = io.BytesIO()
        with py7zr.SevenZipFile(buffer, "w", password="secret", header_encryption=header_too) as target:
            target.writestr(b"x" * 99, "inner.exe")
        output = module.call("analyze", buffer.getvalue())
        found = {finding.id: finding.severity for finding in output.findings}
        assert found["encrypted-entries"] == "low"
        assert found.get("encrypted-executable") == (None if header_too else "medium")


# -- cabinets by cabarchive


def test_cabinets(module: Guest) -> None:
    cabarchive = other("cabarchive")

    archive = cabarchive.CabArchive()
    for name, content in CONTENTS.items():
        archive[name] = cabarchive.CabFile(content)
    assert taken_out(module, archive.save(compress=True)) == CONTENTS
    assert taken_out(module, archive.save(compress=False)) == CONTENTS
    assert dict(cabarchive.CabArchive(containers.cabinet(containers.FILES)).items()).keys() == containers.FILES.keys()


# -- cabinets of LZX that others made


def cabinet_of_libarchive(name: str) -> bytes:
    file = suites.debian_source("libarchive") / "libarchive" / "test" / f"test_read_format_{name}.cab.uu"
    _, *lines, _ = file.read_bytes().splitlines()
    return b"".join(binascii.a2b_uu(line) for line in lines)


def test_cabinets_of_lzx_have_what_those_of_mszip_have(module: Guest) -> None:
    """Four files over a whole block and a short one, packed both ways by Microsoft's own tool."""
    found = taken_out(module, cabinet_of_libarchive("cab_3"))
    assert found == taken_out(module, cabinet_of_libarchive("cab_2"))
    assert {len(content) for content in found.values()} == {0, 60, 78, 33_000}


def test_folders_packed_in_other_ways_stand_beside_each_other(module: Guest) -> None:
    folder = suites.debian_source("libmspack") / "test" / "test_files" / "cabd"
    found = taken_out(module, (folder / "mszip_lzx_qtm.cab").read_bytes())
    assert list(found) == ["mszip.txt", "lzx.txt"]
    assert b"the LZX decompressor is working" in found["lzx.txt"]


def test_cabinets_that_broke_other_unpackers_are_answered(module: Guest) -> None:
    folder = suites.debian_source("libmspack") / "test" / "test_files" / "cabd"
    cabinets = sorted(folder.glob("*.cab"))
    assert len(cabinets) > 40
    for cabinet in cabinets:
        assert facts_of(module, cabinet.read_bytes()).size == cabinet.stat().st_size


# -- images by pycdlib


@pytest.mark.parametrize("names", ["plain", "joliet", "rock ridge"])
def test_images(module: Guest, names: str) -> None:
    pycdlib = other("pycdlib")

    image = pycdlib.PyCdlib()
    options = {"joliet": {"joliet": 3}, "rock ridge": {"rock_ridge": "1.09"}, "plain": {}}[names]
    image.new(vol_ident="LABEL", **options)
    folder = {"joliet": {"joliet_path": "/a folder"}, "rock ridge": {"rr_name": "a folder"}, "plain": {}}[names]
    image.add_directory("/FOLDER", **folder)
    expected = {}
    for index, (name, content) in enumerate(CONTENTS.items()):
        own = {"joliet": {"joliet_path": f"/a folder/{name}"}, "rock ridge": {"rr_name": name}, "plain": {}}[names]
        image.add_fp(io.BytesIO(content), len(content), f"/FOLDER/F{index}.;1", **own)
        expected[f"FOLDER/F{index}." if names == "plain" else f"a folder/{name}"] = content
    boot = b"boot" * 512
    image.add_fp(io.BytesIO(boot), len(boot), "/BOOT.;1", **({"rr_name": "boot"} if names == "rock ridge" else {}))
    image.add_eltorito(
        "/BOOT.;1", bootcatfile="/CAT.;1", **({"rr_bootcatname": "cat"} if names == "rock ridge" else {})
    )
    buffer = io.BytesIO()
    image.write_fp(buffer)
    facts = facts_of(module, buffer.getvalue())
    assert facts.container.properties == {"label": "LABEL", "names": names, "boot": "el torito"}
    found = taken_out(module, buffer.getvalue())
    assert {name: found.get(name) for name in expected} == expected


# -- shortcuts by LnkParse3


SHORTCUTS: dict[str, bytes] = {
    "command": containers.MALICIOUS_SHORTCUT,
    "plain": containers.shortcut(),
    "network": containers.shortcut(network=r"\\server\share\a.docx"),
    "icon": containers.shortcut(arguments="a b c", icon=r"%SystemRoot%\shell32.dll"),
}


@pytest.mark.parametrize("name", SHORTCUTS)
def test_shortcuts(module: Guest, name: str) -> None:
    lnk_parse = other("LnkParse3")

    theirs = lnk_parse.lnk_file(io.BytesIO(SHORTCUTS[name])).get_json(get_all=True)
    ours = facts_of(module, SHORTCUTS[name]).contents.shortcut
    data, info, tracker = theirs["data"], theirs["link_info"], theirs["extra"]["DISTRIBUTED_LINK_TRACKER_BLOCK"]
    assert ours.arguments == data.get("command_line_arguments", "")
    assert ours.icon == data.get("icon_location", "")
    assert ours.machine == tracker["machine_identifier"]
    assert ours.created == int(theirs["header"]["creation_time"].timestamp())
    if name == "network":
        assert ours.targets["network"].startswith(info["location_info"]["net_name"])
    else:
        assert ours.target == info["local_base_path"]
        assert int(ours.volume_serial.replace("-", ""), 16) == int(info["location_info"]["drive_serial_number"], 16)


# -- bytecode by dis


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)
    yield code


def imports(code: types.CodeType) -> set[str]:
    return {step.argval for each in codes(code) for step in dis.get_instructions(each) if step.opname == "IMPORT_NAME"}


def test_bytecode_of_the_standard_library(module: Guest) -> None:
    """Every eighth module: as many code objects, the same names of functions, the same imports."""
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))[::8]
    assert len(files) > 15
    for file in files:
        code = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
        sample = MAGIC_NUMBER + b"\0" * 12 + marshal.dumps(code)
        python = facts_of(module, sample).contents.python
        assert python.version == f"{sys.version_info.major}.{sys.version_info.minor}"
        assert python.source == str(file)
        all_codes = list(codes(code))
        assert python.code_objects == len(all_codes), file
        assert set(python.functions) == set(list(dict.fromkeys(each.co_name for each in all_codes))[:1_000]), file
        assert set(python.imports) == imports(code), file


# -- a program by PyInstaller


def test_a_program_made_by_pyinstaller(module: Guest, tmp_path: Path) -> None:
    (tmp_path / "helper_of_ours.py").write_text("import json\nVALUE = 'a text of note'\n")
    (tmp_path / "program.py").write_text("import helper_of_ours\nprint(helper_of_ours.VALUE)\n")
    command = [sys.executable, "-m", "PyInstaller", "--onefile", "--log-level", "ERROR", "program.py"]
    environment = os.environ | {"PYTHONPATH": str(oracles.FOLDER), "PYINSTALLER_CONFIG_DIR": str(tmp_path / "config")}
    done = subprocess.run(
        command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    sample = (tmp_path / "dist" / "program").read_bytes()
    facts = facts_of(module, sample)
    bundle: Any = facts.contents.bundle
    assert (bundle.kind, bundle.entry) == ("pyinstaller", "program")
    assert bundle.version == f"{sys.version_info.major}.{sys.version_info.minor}"
    by_name = {child.name: child for child in facts.children}
    helper = by_name["helper_of_ours.pyc"]
    assert facts.children[helper.parent].format == "pyz"
    content = msgspec.json.decode(module.call("extract", sample, index=helper.index).data, type=Part).content
    assert content[:4] == MAGIC_NUMBER
    assert "a text of note" in marshal.loads(content[16:]).co_consts
