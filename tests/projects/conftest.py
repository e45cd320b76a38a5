"""Fixtures of the projects' tests."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

# Tests are not a package: the helpers beside them are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "foreign"))

from build import KEPT, built  # its folder is on the path only now

from tests.conftest import ROOT


@pytest.fixture(scope="session")
def component():
    """The built component of a template, by its kind."""
    return cache(built)


@pytest.fixture(autouse=True)
def _kept_caches(monkeypatch):
    """A component's machine code is made once for all tests: in Python's case that takes 10 s of the processor."""
    monkeypatch.setenv("XDG_CACHE_HOME", KEPT["XDG_CACHE_HOME"])


@pytest.fixture
def athena(tmp_path):
    """Runs the program in a process of its own, with a home of its own."""

    def run(*arguments, code=0, cwd=None, **environment):
        homes = ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "JUPYTER_RUNTIME_DIR")
        own = {name: str(tmp_path / name.lower()) for name in homes} | {"PYTHONPATH": str(ROOT)} | environment
        command = [sys.executable, "-m", "athena_lab", *map(str, arguments)]
        done = subprocess.run(
            command, cwd=cwd or tmp_path, env=os.environ | own, capture_output=True, text=True, timeout=600, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run
