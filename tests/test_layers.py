"""The layers are held by import-linter; here a planted violation of each contract must fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        (None, "", None),
        ("errors.py", "import athena_lab.lab", "Dependencies point one way"),
        ("wasm/runtime.py", "import athena_lab.ai", "Dependencies point one way"),
        ("config.py", "import tornado", "Only jupyter/ knows Jupyter"),
        ("ai/providers/anthropic.py", "import athena_lab.ai.providers.openai_chat", "Wires do not know each other"),
    ],
)
def test_a_planted_violation_fails(tmp_path, file, line, contract):
    ignore = shutil.ignore_patterns("__pycache__", "labextension")
    shutil.copytree(ROOT / "athena_lab", tmp_path / "athena_lab", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    if file is not None:
        path = tmp_path / "athena_lab" / file
        path.write_text(f"{path.read_text()}\n{line}\n")
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == (0 if contract is None else 1), done.stdout
    if contract is not None:
        assert f"{contract} BROKEN" in done.stdout
