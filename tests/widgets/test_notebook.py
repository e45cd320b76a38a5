"""A notebook executed without a page, as nbclient, papermill and CI do it: what is saved, and needs no kernel."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from athena_lab.jupyter.widgets.ask import VIEW_MIME

ROOT = Path(__file__).parent.parent.parent
CODE = """
import sys
sys.path.insert(0, {root!r})
from tests.report.make import report
from athena_lab.events import Token
from tests.widgets.cells import FINISHED, STARTED, SayingLab
from athena_lab.jupyter.widgets import AskCell
cell = AskCell(SayingLab(STARTED, Token("It is **packed** [file-processor/packer]."), FINISHED), report())
await cell.ask("What is it?")
"""


@pytest.fixture
def executed(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE.format(root=str(ROOT)))])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return notebook


def test_the_finished_answer_is_saved_as_html_and_text(executed):
    [output] = [o for o in executed.cells[0].outputs if o.output_type == "display_data"]
    assert VIEW_MIME not in output.data
    assert "<strong>packed</strong>" in output.data["text/html"]
    assert 'href="#athena-abababababab-file-processor/packer"' in output.data["text/html"]
    assert "It is **packed**" in output.data["text/plain"]


def test_the_answer_is_in_the_saved_state_of_the_widget_too(executed):
    states = executed.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"].values()
    [state] = [s["state"] for s in states if "answer_html" in s["state"]]
    assert "<strong>packed</strong>" in state["answer_html"]
    assert state["running"] is False
