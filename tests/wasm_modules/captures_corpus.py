"""Captures that others made, for comparing: those of tcpdump's own tests, from Debian's source package.

They are fetched when they are needed and kept outside git, in ``.cache/captures`` of the repository. apt gets a list of
sources of its own, and nothing of the machine's is changed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "captures"
PACKAGE = "tcpdump"
SOURCE = "deb-src http://deb.debian.org/debian bookworm main\n"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def fetch() -> list[Path]:
    """The captures, smallest first; raises `LookupError` where there is no apt to fetch them with."""
    folder = FOLDER / PACKAGE
    if not folder.is_dir():
        if shutil.which("apt-get") is None:
            raise LookupError("The captures of others are fetched with apt-get, which is not here.")
        with tempfile.TemporaryDirectory() as name:
            _unpack(_download(Path(name)), folder)
    return sorted(
        (file for file in folder.iterdir() if file.is_file()), key=lambda file: (file.stat().st_size, file.name)
    )


def _download(folder: Path) -> Path:
    (folder / "lists" / "partial").mkdir(parents=True)
    (folder / "sources.list").write_text(SOURCE.replace("deb-src", f"deb-src [signed-by={KEYRING}]"), encoding="utf-8")
    options = ["-o", f"Dir::Etc::SourceList={folder / 'sources.list'}", "-o", "Dir::Etc::SourceParts=-"]
    options += ["-o", f"Dir::State::Lists={folder / 'lists'}", "-o", "APT::Sandbox::User=root", "-qq"]
    subprocess.run(["apt-get", *options, "update"], check=True, timeout=240, cwd=folder)
    subprocess.run(["apt-get", *options, "source", "--download-only", PACKAGE], check=True, timeout=240, cwd=folder)
    return next(folder.glob("*.orig.tar.*z"))


def _unpack(archive: Path, target: Path) -> None:
    made = target.with_suffix(".part")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            name = Path(member.name).name
            source = tar.extractfile(member) if member.isfile() else None
            if source is not None and re.search(r"\.(pcap|pcapng)$", name):
                (made / name).write_bytes(source.read())
    made.rename(target)
