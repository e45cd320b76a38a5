"""Fixtures of the modules' tests."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

# Tests are not a package: the helpers beside them are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

from harness import Guest  # its folder is on the path only now


@pytest.fixture(scope="session")
def guest() -> Callable[[str], Guest]:
    """A compiled component by its name, compiled once a session."""
    return cache(Guest)
