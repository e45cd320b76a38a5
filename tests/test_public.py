"""The names that users rely on, and what importing them costs in modules."""

from __future__ import annotations

import subprocess
import sys

import pytest

import athena_lab
from athena_lab.protocol import LabProtocol

PUBLIC = {
    "AnalysisRequest", "Finding", "Lab", "LabClient", "Report", "Sample", "ask", "connect", "open_lab", "triage",
}  # fmt: skip


def test_the_public_names_are_these():
    assert set(athena_lab.__all__) == PUBLIC
    for name in PUBLIC:
        assert getattr(athena_lab, name).__module__.startswith("athena_lab.")
    assert athena_lab.__version__


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = athena_lab.nothing


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (
            "import athena_lab",
            ["jupyter_server", "tornado", "IPython", "httpx", "wasmtime", "msgspec", "prometheus_client"],
        ),
        (
            "from athena_lab import connect",
            ["jupyter_server", "tornado", "IPython", "traitlets", "wasmtime", "aiohttp"],
        ),
        ("from athena_lab import open_lab", ["jupyter_server", "tornado", "IPython", "traitlets", "httpx", "aiohttp"]),
    ],
)
def test_what_is_not_needed_is_not_imported(statement, absent):
    code = f"{statement}; import sys; print(sorted(set(sys.modules) & set({absent!r})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("lab", [athena_lab.Lab, athena_lab.LabClient])
def test_every_method_of_a_lab_says_what_it_does(lab):
    methods = [name for name in vars(LabProtocol) if not name.startswith("_")]
    assert len(methods) > 10
    assert [name for name in methods if not getattr(lab, name).__doc__] == []
