"""What all tests share."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from athena_lab.lab import open_lab

# How long an example takes is the machine's business, and no change should fail because of an example that it has
# nothing to do with: `pytest --hypothesis-profile=search` tries new ones.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("athena", settings.get_profile("search"), derandomize=True)
settings.load_profile("athena")

ROOT = Path(__file__).parent.parent
TEST_COMPONENTS = ROOT / "tests" / "data" / "components"


@pytest.fixture(autouse=True)
def _private_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing of the developer's own - keys, configuration, samples - takes part in a test, and nothing of ours stays.
    home = tmp_path_factory.mktemp("home")
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "HOME"):
        monkeypatch.setenv(variable, str(home))
    # But machine code, which depends on the modules' bytes alone, is made once for all tests: it takes seconds.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    for variable in [name for name in os.environ if name.startswith("ATHENA_") or name.endswith("_API_KEY")]:
        if variable != "ATHENA_CORPUS":  # where the test run keeps its data
            monkeypatch.delenv(variable)


@pytest.fixture
async def lab(tmp_path):
    """A lab with all that is shipped, that keeps its samples for one test."""
    async with open_lab(environ={"ATHENA_SAMPLES__FOLDER": str(tmp_path / "quarantine")}) as lab:
        yield lab


@pytest.fixture(scope="session")
def launchers() -> tuple[Path, Path]:
    """Two benign Windows programs that setuptools ships."""
    folder = Path(importlib.util.find_spec("setuptools").origin).parent
    return folder / "cli-64.exe", folder / "gui-64.exe"
