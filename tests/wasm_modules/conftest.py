"""Fixtures of the modules' tests."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest

# Tests are not a package: the helpers beside them are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from typing import TYPE_CHECKING

from harness import Guest  # its folder is on the path only now

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def guest() -> Callable[[str], Guest]:
    """A compiled component by its name, compiled once a session."""
    return cache(Guest)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Writes a line that is to be seen in a run whose output is kept: a share."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{line}\n")

    return write
