"""Some 540 YARA rules that others wrote, from wheels on PyPI: fetched into ``.cache/rules``, outside of git."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "rules"
WHEELS = ("badfiles==0.3.0", "guarddog==3.2.0", "pdfalyzer==1.19.6", "quicksand==2.1.4")
"""Under the licences MIT, Apache-2.0, GPL-3.0 and MIT; only read here."""
_INCLUDE = re.compile(r"^include\s", re.MULTILINE)


def sources() -> dict[str, str]:
    """Texts by namespace; those that include files of another ending are left out."""
    folders = [fetched(wheel) for wheel in WHEELS]
    files = sorted(file for folder in folders for file in folder.rglob("*.ya*") if file.suffix in {".yar", ".yara"})
    texts = {file.relative_to(FOLDER).as_posix(): file.read_bytes() for file in files}
    # A byte that is no UTF-8 becomes the escape that YARA reads it by.
    decoded = {name: text.decode("utf-8", "backslashreplace") for name, text in texts.items()}
    return {name: text for name, text in decoded.items() if not _INCLUDE.search(text)}


def fetched(requirement: str) -> Path:
    target = FOLDER / requirement
    if not target.is_dir():
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*command, "--only-binary=:all:", "--dest", folder, requirement], check=True, timeout=300)
            (wheel,) = Path(folder).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                rules = [name for name in archive.namelist() if name.endswith((".yar", ".yara"))]
                archive.extractall(target, rules)
    return target
