"""Fixtures of the tests of foreign modules."""

from __future__ import annotations

import sys
from pathlib import Path

# Tests are not a package: the helpers beside them are found by their folder.
sys.path.insert(0, str(Path(__file__).parent))

import pytest

from athena_lab.config import LabConfig
from athena_lab.wasm.catalog import Catalog
from athena_lab.wasm.foreign import ForeignOptions
from athena_lab.wasm.own import OwnModules
from athena_lab.wasm.runtime import Runtime, RuntimeOptions


@pytest.fixture
def own(tmp_path):
    return OwnModules(tmp_path / "modules")


@pytest.fixture
def open_runtime(tmp_path, own):
    """Makes runtimes over the modules that are shipped and a folder of one's own; closes them."""
    opened = []

    def make(*, slowest=10.0, **foreign):
        options = RuntimeOptions(deadline=20.0, foreign=ForeignOptions(deadline=slowest, **foreign))
        opened.append(Runtime(Catalog(LabConfig().components, own), options, cache=tmp_path / "cache"))
        return opened[-1]

    yield make
    for runtime in opened:
        runtime.close()
