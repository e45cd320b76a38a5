"""Building a module in Python: componentize-py, with all of WASI stubbed but stdin.

``--stub-wasi`` takes every import of a package called ``wasi`` away, stdin with the rest. So the project's world has
stdin in a package ``host``, which is left alone, and the built component gets the right name back: see
`binary.rename_namespace`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from athena_lab.errors import MissingPackage
from athena_lab.projects import binary

_PROGRAM: Final = "componentize-py"
_SECONDS: Final = 600
_ENTRY: Final = "component"
_BROUGHT_ALONG: Final = "vendor"


def build(folder: Path, component: Path) -> None:
    """Raises `MissingPackage`, and `subprocess.CalledProcessError` for what componentize-py says."""
    program = _program()
    paths = [".", *([_BROUGHT_ALONG] if (folder / _BROUGHT_ALONG).is_dir() else [])]
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / "made.wasm"
        command = [program, "--quiet", "--wit-path", "wit", "--world", "analyzer-module", "componentize", "--stub-wasi"]
        command += [part for path in paths for part in ("--python-path", path)]
        command += ["--output", str(made), _ENTRY]
        subprocess.run(  # noqa: S603 - the program that was found, on the user's own project
            command, cwd=folder, check=True, capture_output=True, text=True, errors="replace", timeout=_SECONDS
        )
        component.write_bytes(binary.rename_namespace(made.read_bytes(), "host", "wasi"))


def _program() -> str:
    beside = Path(sys.executable).with_name(_PROGRAM)
    found = str(beside) if beside.exists() else shutil.which(_PROGRAM)
    if found is None:
        step = "Run `pip install componentize-py` where Athena Lab is installed, or install athena-lab[modules]."
        raise MissingPackage("A module in Python is built by componentize-py, which is not installed.", next_step=step)
    return found
