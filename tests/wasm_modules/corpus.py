#!/usr/bin/env python3
"""Fetches real executables for the differential test: the binaries in wheels for several platforms.

They are kept outside git, in ``.cache/corpus`` of the repository or where ``ATHENA_CORPUS`` says, by SHA-256, with an
``index.json`` that says where each came from. A second run fetches only what is missing. Nothing of it is ever run.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

WINDOWS = ("win_amd64", "win32", "win_arm64")
LINUX = ("manylinux2014_x86_64", "manylinux2014_aarch64")
MAC = ("macosx_11_0_arm64", "macosx_10_9_x86_64")
UNIVERSAL = ("macosx_10_9_universal2",)
MAINFRAME = ("manylinux2014_s390x", "manylinux2014_ppc64le")
OLD_32_BIT = ("manylinux2014_i686",)
ANY = ("any",)

WHEELS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("pywin32==311", WINDOWS),
    ("MarkupSafe==3.0.2", ("win_amd64", "win32", *LINUX, *MAC, *UNIVERSAL)),
    ("cffi==1.17.1", ("win_amd64", "win32", *LINUX, *MAC, *MAINFRAME, *OLD_32_BIT)),
    ("psutil==7.0.0", ("win_amd64",)),
    ("lxml==5.4.0", ("win_amd64", *UNIVERSAL)),
    ("pillow==11.3.0", ("win_amd64", "win_arm64", "macosx_11_0_arm64")),
    ("msgspec==0.19.0", ("win_amd64", *LINUX, *MAC)),
    ("scikit-learn==1.6.1", ("macosx_12_0_arm64",)),
    ("debugpy==1.8.14", ("win_amd64",)),
    ("PyWavelets==1.8.0", (*LINUX, *MAC)),
    ("aiohttp==3.11.18", (*LINUX, *MAINFRAME)),
    ("greenlet==3.1.0", LINUX),
    ("pythonnet==3.0.5", ANY),
    ("clr_loader==0.2.7.post0", ANY),
    ("pywinpty==2.0.15", ("win_amd64",)),
    ("setuptools==80.9.0", ANY),
)
"""Pinned packages and the platforms of which their wheels are taken."""

BUILDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("shfmt-py==4.2.0", ("win_amd64", "manylinux2014_x86_64", "macosx_11_0_arm64")),
    ("pydantic-core==2.46.5", ("win_amd64", "manylinux2014_x86_64", "macosx_11_0_arm64")),
    ("rpds-py==0.28.0", ("win_amd64", "manylinux2014_x86_64", "manylinux2014_i686")),
    ("pymsalruntime==0.20.7", ("win_amd64",)),
    ("pywebview==5.4", ANY),
    ("pythonnet==3.0.5", ANY),
    ("clr_loader==0.2.7.post0", ANY),
)
"""The same, of programs in Go and Rust, of .NET, and of ones that are signed."""

MAGICS = (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
PYTHON_VERSION = "3.11"


def folder() -> Path:
    default = Path(__file__).resolve().parents[2] / ".cache" / "corpus"
    return Path(os.environ.get("ATHENA_CORPUS", default))


def download(requirement: str, platform: str, target: Path) -> None:
    """Fetches one wheel with pip, without its dependencies."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--python-version", PYTHON_VERSION, "--dest", str(target)]
    platforms = [] if platform == "any" else ["--platform", platform]
    subprocess.run([*command, *platforms, requirement], check=True)


def unpack(wheel: Path, origin: str, corpus: Path) -> dict[str, str]:
    """Writes the executables of a wheel and returns their SHA-256 with where they come from."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            content = archive.read(member)
            if not content.startswith(MAGICS) or member.filename.endswith(".class"):
                continue
            digest = hashlib.sha256(content).hexdigest()
            (corpus / digest).write_bytes(content)
            found[digest] = f"{origin}: {member.filename}"
    return found


def kind_of(content: bytes) -> str:
    if content.startswith(b"MZ"):
        return "PE"
    return "ELF" if content.startswith(b"\x7fELF") else "Mach-O"


def fetch() -> dict[str, str]:
    """Makes the corpus complete and returns its index: SHA-256 to origin."""
    return _fetch(WHEELS, folder())


def fetch_builds() -> dict[str, Path]:
    """As `fetch`, of `BUILDS`: origin to file. They have a folder of their own: others measure on the corpus."""
    builds = folder().with_name("builds")
    return {where: builds / digest for digest, where in _fetch(BUILDS, builds).items()}


def _fetch(wheels: tuple[tuple[str, tuple[str, ...]], ...], corpus: Path) -> dict[str, str]:
    corpus.mkdir(parents=True, exist_ok=True)
    index_file = corpus / "index.json"
    state = json.loads(index_file.read_text()) if index_file.is_file() else {"wheels": [], "files": {}}
    for requirement, platforms in wheels:
        for platform in platforms:
            origin = f"{requirement} {platform}"
            if origin in state["wheels"]:
                continue
            with tempfile.TemporaryDirectory() as temporary:
                download(requirement, platform, Path(temporary))
                wheel = next(Path(temporary).glob("*.whl"))
                for digest, where in unpack(wheel, origin, corpus).items():
                    state["files"].setdefault(digest, where)
            state["wheels"].append(origin)
            index_file.write_text(json.dumps(state, indent=1) + "\n")
    return state["files"]


def main() -> None:
    index = fetch()
    kinds = Counter(kind_of((folder() / digest).read_bytes()[:4]) for digest in index)
    size = sum((folder() / digest).stat().st_size for digest in index)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    more = len(fetch_builds())
    print(f"corpus: {len(index)} files ({counts}), {size / 1e6:.0f} MB; {more} more builds")  # noqa: T201  # a script talks to its terminal


if __name__ == "__main__":
    main()
