"""Packages of others that make or read the same formats, from PyPI.

They are kept outside git, in ``.cache/oracles`` of the repository, and are in no environment: their own dependencies
must not change those of the tests.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "oracles"
PACKAGES = ("LnkParse3==1.6.0", "cabarchive==0.2.5", "py7zr==1.1.4", "pycdlib==1.22.0", "pyinstaller==6.22.3")


def fetch() -> Path:
    """The folder to import them from; what is there already is not fetched again."""
    mark = FOLDER / "installed.txt"
    if not mark.is_file() or mark.read_text() != "\n".join(PACKAGES):
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
        subprocess.run([*command, "--target", str(FOLDER), *PACKAGES], check=True, timeout=600)
        mark.write_text("\n".join(PACKAGES))
    return FOLDER
