"""Test suites that others wrote, from the source packages on PyPI.

They are fetched when they are needed and kept outside git, in ``.cache/suites`` of the repository. Their cases are
read, the packages themselves are not installed.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import ModuleType

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "suites"


DEBIAN = "http://deb.debian.org/debian"
"""What apt takes from there is signed."""
SUITE = "bookworm"


def sdist(requirement: str) -> Path:
    """The unpacked source package of ``name==version``."""
    name, _, version = requirement.partition("==")
    spellings = [FOLDER / f"{spelling}-{version}" for spelling in (name, name.replace("-", "_"))]
    if not any(folder.is_dir() for folder in spellings):
        with tempfile.TemporaryDirectory() as folder:
            _download(requirement, Path(folder))
            (archive,) = Path(folder).iterdir()
            FOLDER.mkdir(parents=True, exist_ok=True)
            if archive.suffix == ".zip":
                with zipfile.ZipFile(archive) as packed:
                    packed.extractall(FOLDER)
            else:
                with tarfile.open(archive) as tar:
                    tar.extractall(FOLDER, filter="data")
    return next(folder for folder in spellings if folder.is_dir())


def wheel(requirement: str) -> Path:
    """The unpacked wheel of ``name==version``: a folder for the path of another process."""
    target = FOLDER / f"wheel-{requirement.replace('==', '-')}"
    if not target.is_dir():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            _download(requirement, Path(folder), kind="--only-binary=:all:")
            (archive,) = Path(folder).iterdir()
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(Path(folder) / "unpacked")
            (Path(folder) / "unpacked").rename(target)  # whole, or not at all
    return target


def _download(requirement: str, folder: Path, kind: str = "--no-binary=:all:") -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += [kind, "--dest", str(folder), requirement]
    subprocess.run(command, check=True, timeout=300)


def npm(packages: tuple[str, ...]) -> Path:
    """The folder ``node_modules`` with ``name@version`` of each package in it; none of their scripts is run."""
    digest = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    target = FOLDER / f"npm-{digest}"
    if not (target / "node_modules").is_dir():
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            quiet = ["--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder]
            subprocess.run(["npm", "install", *quiet, *packages], check=True, timeout=600)
            Path(folder).chmod(0o755)
            shutil.copytree(folder, target, symlinks=True)
    return target / "node_modules"


def debian_source(package: str) -> Path:
    """The unpacked source, as its authors made it, of a package of Debian's. Changes nothing of this machine's apt."""
    target = FOLDER / f"debian-{package}"
    if not target.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            _download_source(package, Path(folder))
            (archive,) = Path(folder).glob("*.orig.tar.*z")
            unpacked = Path(folder) / "unpacked"
            with tarfile.open(archive) as tar:
                tar.extractall(unpacked, filter="data")
            (top,) = unpacked.iterdir()
            FOLDER.mkdir(parents=True, exist_ok=True)
            shutil.copytree(top, target)
    return target


def _download_source(package: str, folder: Path) -> None:
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb-src [signed-by={keyring}] {DEBIAN} {SUITE} main\n")
    options = {
        "Dir::State": folder / "state",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::SourceList": sources,
        "Dir::Etc::SourceParts": "/dev/null",
        "APT::Sandbox::User": "",
    }
    apt = ["apt-get", "-qq", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]
    for command in (["update"], ["source", "--download-only", package]):
        subprocess.run([*apt, *command], cwd=folder, check=True, timeout=300)


def load(file: Path) -> ModuleType:
    """A file of cases as a module."""
    spec = importlib.util.spec_from_file_location(f"suite_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def literal(file: Path, name: str) -> Any:
    """What a file assigns to a name, where the file itself needs the package that it tests."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else ()
        if isinstance(node, ast.Assign) and any(isinstance(it, ast.Name) and it.id == name for it in targets):
            return ast.literal_eval(node.value)
    raise LookupError(f"{file.name} does not assign {name}.")
