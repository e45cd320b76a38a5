"""The user guide runs from the first cell to the last, against a local model server that streams."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parent.parent.parent
LONG = {"20_own_module", "21_looking_again"}
"""Run once, by the test that looks at what they show."""
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def model_url():
    command = [sys.executable, ROOT / "tests" / "peers" / "model_server.py", "--port", "0", "--rate", "500"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield server.stdout.readline().split()[-1]
        server.send_signal(signal.SIGTERM)


pytestmark = pytest.mark.timeout(900)  # one of them builds a component


REBUILT = {"ATHENA_WASM__COMPONENTS": os.environ["ATHENA_COMPONENTS"]} if "ATHENA_COMPONENTS" in os.environ else {}
"""Modules that were rebuilt elsewhere. Read before the environment of the tests is cleared."""


def execute(path, **environment):
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(ROOT / "notebooks")}})
    client.execute(env=os.environ | REBUILT | environment)
    return {cell.id: cell for cell in notebook.cells}


def html_of(cell):
    return "\n".join(output.data["text/html"] for output in cell.outputs if "text/html" in output.get("data", {}))


def text_of(cell):
    return "\n".join(
        output.get("text", "") + str(output.get("data", {}).get("text/plain", "")) for output in cell.outputs
    )


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path.stem not in LONG], ids=lambda path: path.stem)
def test_a_notebook_runs(path, model_url):
    execute(path, ATHENA_LOCAL_URL=model_url)


def test_a_module_is_written_built_loaded_and_finds_what_it_looks_for():
    cells = execute(ROOT / "notebooks" / "20_own_module.ipynb")
    assert "Built " in text_of(cells["build"])
    assert "Imports   wasi:cli/stdin" in text_of(cells["build"])
    assert "Added config-extractor 0.1.0." in text_of(cells["load"])
    html = html_of(cells["triage"])
    assert "says your module config-extractor" in html
    assert "hxxp[://]c2[.]example/gate" in html
    assert "('config-extractor/configuration-0', 'high', 'config-extractor')" in text_of(cells["data"])
    assert "http://c2.example/gate" in text_of(cells["values"])
    assert text_of(cells["fails"]).startswith("('partial', ")
    assert "Removed config-extractor." in text_of(cells["remove"])


def test_the_quickstart_shows_a_report_and_an_answer_that_cites_it(model_url):
    cells = execute(ROOT / "notebooks" / "00_quickstart.ipynb", ATHENA_LOCAL_URL=model_url)
    report = html_of(cells["triage"])
    assert "cli-64.exe" in report
    assert "e694a8a11a715c6300d85bced2e15faa" in report  # the imphash that pefile computes
    answer = html_of(cells["ask"])
    assert "file-processor/format" in answer
    assert "<script" not in answer
    assessed = html_of(cells["assess"])
    assert "The model&#x27;s verdict: " in assessed
    assert "no valid assessment" not in assessed


def test_the_quickstart_says_what_to_do_without_a_model():
    cells = execute(ROOT / "notebooks" / "00_quickstart.ipynb")
    assert "ANTHROPIC_API_KEY" in html_of(cells["ask"])


def test_a_model_looks_again_and_cites_what_the_report_does_not_hold(model_url):
    cells = execute(
        ROOT / "notebooks" / "21_looking_again.ipynb",
        ATHENA_LOCAL_URL=model_url,
        ATHENA_PROVIDERS__LOCAL__FEATURES__FUNCTION_CALLING="true",
    )
    answer = html_of(cells["ask"])
    assert "The model looked at the file again: 4 calls" in answer
    assert 'decoded: <code>{"servers": ["hxxp[://]c2[.]example/gate"]' in answer
    assert "no such finding" not in answer
    data = text_of(cells["data"])
    assert "'call/1', 'call/2', 'call/3', 'call/4'" in data
    assert data.split()[-1] == "4)", "four requests: three turns that looked, and the answer"
    assert "http://c2.example/gate" in data
    assert text_of(cells["new"]) == "(True, False)"
    assert "(0, 1)" in text_of(cells["without"])
