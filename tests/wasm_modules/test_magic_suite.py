"""The formats of file-processor beside libmagic: on its own cases, and on files of every kind that this machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
import suites

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Guest

pytestmark = pytest.mark.skipif(shutil.which("file") is None, reason="the program `file` is not installed")

SAME = {
    "application/javascript": "text/javascript",
    "application/vnd.microsoft.portable-executable": "application/x-dosexec",
    "application/x-bytecode.python": "application/x-python-code",
    "application/x-java-applet": "application/java-vm",
    "font/sfnt": "font/ttf",
    "image/x-portable-greymap": "image/x-portable-graymap",
    "text/x-msdos-batch": "application/x-bat",
    "text/x-php": "application/x-httpd-php",
    "text/x-script.python": "text/x-python",
    "text/x-shellscript": "application/x-sh",
    "text/xml": "application/xml",
}
"""What libmagic calls by another name."""
MISSED = {
    "CVE-2014-1943.testfile": "four bytes are no partition map",
    "cmd1.testfile": "we tell a script of an unknown interpreter from text",
    "cmd2.testfile": "we tell a script of an unknown interpreter from text",
    "ext4.testfile": "libmagic names no type for a file system, we do",
    "gpkg-1-zst.testfile": "a package of Gentoo's is a tar archive",
    "multiple.testfile": "its magic is in a file of its own beside it",
}
"""Of libmagic's own cases, with the reason."""
OWN_FLOOR = 0.90
TYPED_FLOOR = 0.93
"""Of the machine's files that libmagic knows a type of, other than text."""
TEXT_FLOOR = 0.97
"""Of those that it calls text of some kind, which are text to us, too."""
OF_A_KIND = 8
"""Files of one extension."""
MAX_SIZE = 1 << 20
UNTYPED = {"application/octet-stream", "inode/x-empty"}
TEXTS = {
    "application/javascript", "application/json", "application/postscript", "application/rtf", "application/x-bat",
    "application/x-desktop", "application/x-httpd-php", "application/x-ndjson", "application/x-pem-file",
    "application/x-powershell", "application/x-sh", "application/x-subrip", "application/x-url", "image/svg+xml",
    "image/x-xpixmap", "message/rfc822",
}  # fmt: skip
"""Types that are text, though their names do not say so."""


def by_libmagic(files: list[Path]) -> list[str]:
    command = ["file", "--brief", "--mime-type", "--files-from", "-"]
    listed = "".join(f"{file}\n" for file in files)
    done = subprocess.run(command, input=listed, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def by_us(module: Guest, file: Path) -> str:
    data = msgspec.json.decode(module.call("analyze", file.read_bytes(), quick=True).data)
    mime: str = data["format"]["mime"]
    return mime


def same(theirs: str, ours: str) -> bool:
    return SAME.get(theirs, theirs) == SAME.get(ours, ours)


def is_text(mime: str) -> bool:
    return mime.startswith("text/") or mime in TEXTS or "script" in mime or mime.endswith("xml")


def test_libmagic_s_own_cases(guest: Callable[[str], Guest], say: Callable[[str], None]) -> None:
    module = guest("file-processor")
    files = [
        file for file in sorted((suites.debian_source("file") / "tests").glob("*.testfile")) if file.stat().st_size
    ]
    theirs = by_libmagic(files)
    missed = {
        file.name: f"{mime} is {ours} to us"
        for file, mime in zip(files, theirs, strict=True)
        if not same(mime, ours := by_us(module, file))
    }
    share = 1 - len(missed) / len(files)
    lines = [f"libmagic's own cases: {len(files) - len(missed)} of {len(files)} pass ({share:.1%})"]
    lines += [f"  {name}: {said}; {MISSED.get(name, '')}" for name, said in missed.items()]
    say("\n".join(lines))
    assert len(files) > 60
    assert share >= OWN_FLOOR
    assert set(missed) <= set(MISSED)


def of_every_kind() -> list[Path]:
    kinds: defaultdict[str, list[Path]] = defaultdict(list)
    for root in (Path(sys.prefix) / "lib", Path("/usr/share"), Path("/usr/lib"), Path("/usr/bin")):
        for folder, folders, names in os.walk(root):
            folders.sort()
            for file in (Path(folder) / name for name in sorted(names)):
                kind = kinds[file.suffix.lower()]
                if len(kind) < OF_A_KIND and file.is_file() and not file.is_symlink() and "\n" not in str(file):
                    kind += [file] * (0 < file.stat().st_size < MAX_SIZE)
    return [file for kind in kinds.values() for file in kind]


def test_files_of_every_kind_are_what_libmagic_calls_them(
    guest: Callable[[str], Guest], say: Callable[[str], None]
) -> None:
    module = guest("file-processor")
    files = of_every_kind()
    pairs = [(theirs, by_us(module, file)) for file, theirs in zip(files, by_libmagic(files), strict=True)]
    typed = [pair for pair in pairs if pair[0] not in UNTYPED and not is_text(pair[0])]
    texts = [pair for pair in pairs if is_text(pair[0])]
    named = sum(same(*pair) for pair in typed) / len(typed)
    read = sum(is_text(ours) for _, ours in texts) / len(texts)
    other = Counter(pair for pair in typed if not same(*pair))
    lines = [f"{len(files)} files: of {len(typed)} with a type {named:.1%} have it, of {len(texts)} texts {read:.1%}"]
    lines += [f"  {count} times {theirs} is {ours} to us" for (theirs, ours), count in other.most_common(20)]
    say("\n".join(lines))
    assert named >= TYPED_FLOOR
    assert read >= TEXT_FLOOR
