"""pyelftools' own test files, of many machines and compilers, some of them broken: every one is answered, and what the
headers, sections and dynamic linking say is what pyelftools says.
"""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import suites
from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from athena_lab.report.facts import Executable, FileFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness import Guest

PYELFTOOLS = "pyelftools==0.33"
REVERSED = "lib_with_two_dynstr_sections_reversed.so.elf"
UNMAPPED = "the strings were moved to where no segment is; at run time the old, empty place counts"
KNOWN = {
    (REVERSED, "needed"): UNMAPPED,
    (REVERSED, "soname"): UNMAPPED,
    ("main.elf", "needed"): "two of that name have the section of dynamic entries, but their segment was removed",
}
"""File and field that do not agree: the reason. All others must."""
FLOOR = 0.99


def files() -> list[Path]:
    found = (path for path in suites.sdist(PYELFTOOLS).rglob("*") if path.is_file())
    return sorted(path for path in found if path.read_bytes()[:4] == b"\x7fELF")


def fields(ours: Executable, theirs: ELFFile) -> Iterator[tuple[str, Any, Any]]:
    """Field, ours, pyelftools'."""
    yield "bits", ours.bits, theirs.elfclass
    yield "endian", ours.endian, "little" if theirs.little_endian else "big"
    yield "entry point", ours.entry_point, theirs.header.e_entry
    sections = list(theirs.iter_sections())
    sections = sections[1:] if sections and sections[0]["sh_type"] == "SHT_NULL" else sections
    mine = [(s.name, s.address, s.offset, s.virtual_size, s.flags) for s in ours.sections]
    expected = [(s.name, s["sh_addr"], s["sh_offset"], s["sh_size"], s["sh_flags"]) for s in sections]
    yield "sections", mine, expected[: len(mine)]
    segments = [(s["p_vaddr"], s["p_memsz"], s["p_offset"], s["p_filesz"]) for s in theirs.iter_segments()]
    yield "segments", [(s.address, s.virtual_size, s.offset, s.size) for s in ours.segments], segments
    tags = list(dynamic_tags(theirs))
    yield "needed", list(ours.libraries), [tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"]
    yield "soname", ours.export_name, next((tag.soname for tag in tags if tag.entry.d_tag == "DT_SONAME"), "")
    interpreter = next((s.get_interp_name() for s in theirs.iter_segments() if s["p_type"] == "PT_INTERP"), "")
    yield "interpreter", ours.interpreter, interpreter
    symbols = theirs.get_section_by_name(".dynsym")
    if symbols is not None:
        undefined = [s for s in symbols.iter_symbols() if s.name and s["st_shndx"] == "SHN_UNDEF" and is_global(s)]
        yield "imports", ours.import_count, len(undefined)


def dynamic_tags(theirs: ELFFile) -> Iterator[Any]:
    segment = next((s for s in theirs.iter_segments() if s["p_type"] == "PT_DYNAMIC"), None)
    yield from segment.iter_tags() if segment is not None else ()


def is_global(symbol: Any) -> bool:
    return symbol["st_info"]["bind"] in {"STB_GLOBAL", "STB_WEAK", "STB_LOOS"}


@pytest.mark.timeout(300)
def test_every_file_is_answered_as_pyelftools_does(
    guest: Callable[[str], Guest], capsys: pytest.CaptureFixture[str]
) -> None:
    module = guest("file-processor")
    compared = agreed = unreadable = 0
    differences = []
    paths = files()
    for path in paths:
        content = path.read_bytes()
        facts = msgspec.json.decode(module.call("analyze", content, max_strings=0).data, type=FileFacts)
        try:
            theirs = list(fields(facts.executables[0], ELFFile(io.BytesIO(content)))) if facts.executables else []
        except (ELFError, UnicodeDecodeError, AttributeError, OverflowError, ValueError) as error:
            unreadable += 1
            sys.stdout.write(f"pyelftools cannot read {path.name}: {error!r:.100}\n")
            continue
        for field, mine, expected in theirs:
            compared += 1
            agreed += mine == expected
            if mine != expected and (path.name, field) not in KNOWN:
                differences.append(f"{path.name}: {field}\n  ours       {mine!r:.400}\n  pyelftools {expected!r:.400}")
    with capsys.disabled():
        share = f"{agreed} of {compared} fields agree ({agreed / compared:.2%})"
        sys.stdout.write(f"\npyelftools' {len(paths)} files: {share}, {unreadable} that it cannot read itself\n")
    assert len(paths) >= 100
    assert agreed / compared >= FLOOR
    assert unreadable <= 10
    assert not differences, "\n".join(differences)


def test_a_bogus_size_of_section_headers_is_a_finding(guest: Callable[[str], Guest]) -> None:
    """The file made goblin abort a process."""
    path = next(path for path in files() if path.name == "section_header_bogus_size.elf")
    output = guest("file-processor").call("analyze", path.read_bytes())
    assert "malformed-section-table" in {finding.id for finding in output.findings}
