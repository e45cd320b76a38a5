"""Packages to measure beside, in an environment of their own below ``.cache/``: what they need is not what we need."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "peers"


def python(name: str, requirements: tuple[str, ...]) -> Path | None:
    """The interpreter of an environment with the packages; None where they cannot be installed."""
    folder = FOLDER / name
    interpreter = folder / "bin" / "python"
    done = folder / "installed"
    if done.is_file() and done.read_text(encoding="utf-8") == " ".join(requirements):
        return interpreter
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    if subprocess.run(install, check=False, timeout=600).returncode:
        return None
    done.write_text(" ".join(requirements), encoding="utf-8")
    return interpreter


def run(interpreter: Path, code: str, *arguments: str) -> Any:
    """What the code prints last, which is JSON."""
    done = subprocess.run(
        [interpreter, "-c", code, *arguments], check=True, capture_output=True, text=True, timeout=600
    )
    return json.loads(done.stdout.splitlines()[-1])
