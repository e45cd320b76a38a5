"""The program ``athena``, as a person uses it."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import made
import pytest

from athena_lab import cli
from athena_lab.api import Inspection, ModuleCapabilities
from tests.conftest import ROOT, TEST_COMPONENTS
from tests.jupyter.server_process import TOKEN, jupyter_athena

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.wasm"
    path.write_bytes(made.component(answer=made.answering({"seen": 1}, [made.finding()])))
    return path


def test_new_says_what_is_next_and_what_cannot_be(athena, tmp_path):
    assert "athena modules build" in athena("modules", "new", "fresh", "--python", "--in", tmp_path)
    assert (tmp_path / "fresh" / "analyzer.py").exists()
    assert "there already" in athena("modules", "new", "fresh", "--rust", "--in", tmp_path, code=1)
    assert "Athena Lab's own" in athena("modules", "new", "crypto", "--python", code=1)
    assert "one of the arguments" in athena("modules", "new", "other", code=2)
    assert "athena modules build" in athena("modules", "load", tmp_path / "fresh", code=1)


def test_without_a_command_it_says_which_there_are(athena):
    assert "modules" in athena()
    assert "build" in athena("modules")


def test_check_says_what_a_component_is_and_why_it_is_refused(athena, mine):
    said = athena("modules", "check", mine)
    assert f"Exports   {made.INTERFACE}" in said
    assert "Module    mine 1.0.0: A test's." in said
    assert "Imports   nothing" in said
    said = athena("modules", "check", TEST_COMPONENTS / "greedy.wasm", code=1)
    assert "Imports   wasi:clocks/monotonic-clock@0.2.12" in said
    assert "athena: it imports wasi:clocks" in said
    said = athena("modules", "check", "none.wasm", code=1)
    assert "'none.wasm' cannot be read: there is no such file." in said
    assert "modules check" not in said
    said = athena("modules", "check", __file__, code=1)
    assert "It is not a WebAssembly component. Name the component that `athena modules build` makes" in said


def test_what_is_no_project_is_said_to_be_none(athena, tmp_path):
    for command in ("build", "load"):
        said = athena("modules", command, str(tmp_path), code=1)
        assert f"{str(tmp_path)!r} is no module's project" in said
        assert "Errno" not in said


def test_names_of_a_component_are_cut_in_length_and_number():
    names = tuple(f"{number}\x1b[2J{'x' * 10_000}" for number in range(10_000))
    described = ModuleCapabilities("a\x1b", "1\x1b", "s", "foreign", (), ())
    lines = cli._about(Inspection("0" * 64, 1, names, names, described, None))
    assert len(lines) < 110
    assert max(map(len, lines)) < 200
    assert "\x1b" not in "".join(lines)
    assert "Imports   and 9,950 more" in lines


def test_load_list_and_remove_without_a_server(athena, mine):
    assert "Added mine 1.0.0. No server runs." in athena("modules", "load", mine)
    said = athena("modules", "list")
    assert [line.split()[:2] for line in said.splitlines() if "yours" in line] == [["mine", "yours,"]]
    mine.write_bytes(made.component(describe="unreachable"))
    assert "unreachable" in athena("modules", "load", mine, code=1)
    assert "yours" in athena("modules", "list")
    assert "Removed mine." in athena("modules", "remove", "mine")
    assert "no module of your own" in athena("modules", "remove", "mine", code=1)
    assert "yours" not in athena("modules", "list")


def test_hostile_words_are_shown_as_text(athena, mine):
    mine.write_bytes(made.component(made.describing(summary="\u202e\x1b[31m evil http://evil.example")))
    said = athena("modules", "check", mine)
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert "hxxp[://]evil[.]example" in said


def test_a_running_server_takes_it_at_once_and_lets_it_go(athena, mine, tmp_path):
    with jupyter_athena(tmp_path, JUPYTER_RUNTIME_DIR=str(tmp_path / "jupyter_runtime_dir")) as server:
        said = athena("modules", "load", mine)
        assert "Added mine 1.0.0." in said
        assert "No server" not in said
        with httpx.Client(base_url=server.url, headers={"Authorization": f"token {TOKEN}"}, timeout=60) as client:
            modules = {it["name"]: it["status"] for it in client.get("/api/v1/wasm/modules").json()["modules"]}
            assert modules["mine"] == "loaded"
            report = client.post(
                "/api/v1/wasm/analyze", content=b"x", headers={"Content-Type": "application/octet-stream"}
            ).json()
            assert report["results"]["foreign"]["mine"]["data"] == {"seen": 1}
            listed = athena("modules", "list")
            assert f":{server.port}/" in listed
            assert "yours, " in listed
            kernels = {"ATHENA_URL": server.url, "ATHENA_TOKEN": "a kernel's"}  # a terminal of JupyterLab has these
            assert "Removed mine." in athena("modules", "remove", "mine", **kernels)
            assert "mine" not in {it["name"] for it in client.get("/api/v1/wasm/modules").json()["modules"]}


def test_a_server_that_was_killed_is_not_waited_for(athena, mine, tmp_path):
    folder = tmp_path / "jupyter_runtime_dir"
    folder.mkdir()
    row = {"url": "http://127.0.0.1:1/", "token": "x", "pid": 2**22 - 1}
    (folder / "jpserver-1.json").write_text(json.dumps(row))
    (folder / "jpserver-2.json").write_text("{")
    assert "No server runs." in athena("modules", "load", mine)
    (folder / "jpserver-3.json").write_text(json.dumps(row | {"pid": os.getpid()}))
    said = athena("modules", "load", mine)
    assert "There is no answer from http://127.0.0.1:1/" in said
    assert "Added mine" in said


@pytest.mark.parametrize(
    ("url", "hostname", "told"),
    [
        ("http://127.0.0.1:8888/", "127.0.0.1", "http://127.0.0.1:8888/"),
        ("http://[::1]:8888/x/", "::1", "http://[::1]:8888/x/"),
        ("http://localhost:8888/", "localhost", "http://localhost:8888/"),
        ("http://a-name.example:8888/base/", "0.0.0.0", "http://127.0.0.1:8888/base/"),
        ("http://a-name.example:8888/", "a-name.example", None),
        ("http://127.0.0.1.evil.example:8888/", "localhost", None),
        ("http://127.0.0.1@evil.example:8888/", "localhost", None),
        ("http+unix://%2Ftmp%2Fs/", "localhost", None),
        ("http://[", "localhost", None),
    ],
)
def test_a_token_stays_on_this_machine(tmp_path, monkeypatch, url, hostname, told):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    row = {"url": url, "hostname": hostname, "token": "x", "pid": os.getpid()}
    (tmp_path / "jpserver-1.json").write_text(json.dumps(row))
    assert [server.url for server in cli.servers()] == ([told] if told else [])


def test_from_an_empty_file_to_a_finding(athena, component, tmp_path):
    """All commands, with a component that is built once for all tests."""
    athena("modules", "new", "hidden-python", "--python", "--in", tmp_path)
    folder = tmp_path / "hidden-python"
    (folder / "dist").mkdir()
    (folder / "dist" / "hidden-python.wasm").write_bytes(component("python").read_bytes())
    assert "Added hidden-python 0.1.0." in athena("modules", "load", folder)
    sample = tmp_path / "sample"
    sample.write_bytes(b"harmless" + PROGRAM)
    script = tmp_path / "script.py"
    script.write_text(f"import athena_lab; print(athena_lab.triage({str(sample)!r}))")
    said = run_script(script, tmp_path)
    assert "says your module hidden-python" in said


def run_script(script: Path, home: Path) -> str:
    own = {name: str(home / name.lower()) for name in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME")}
    environment = os.environ | own | {"PYTHONPATH": str(ROOT)}
    return subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True).stdout
