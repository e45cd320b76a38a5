"""`jupyter athena` as a process: its port, its ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

PROGRAM = [str(Path(sys.executable).with_name("jupyter")), "athena"]
SECONDS = 60
"""For a start on a busy machine."""


@pytest.fixture
def environment(tmp_path):
    """Of a user without any configuration."""
    folders = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "XDG_DATA_HOME")
    return os.environ | {name: str(tmp_path / name.lower()) for name in folders}


@pytest.fixture
def run(environment, tmp_path):
    def run(*arguments):
        """To its end."""
        return subprocess.run(
            [*PROGRAM, *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS,
            check=False,
        )  # fmt: skip

    return run


@contextmanager
def running(environment, folder, *arguments):
    command = [*PROGRAM, "--no-browser", "--allow-root", "--IdentityProvider.token=", *arguments]
    with subprocess.Popen(command, env=environment, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until_healthy(port):
    transport = httpx.HTTPTransport(retries=50)  # connects again, with growing pauses, until the server listens
    with httpx.Client(transport=transport, timeout=SECONDS, trust_env=False) as client:
        return client.get(f"http://127.0.0.1:{port}/health").status_code


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_help_names_the_program_and_its_options(run):
    done = run("--help")
    assert done.returncode == 0
    assert "Athena Lab" in done.stdout
    assert "--port=" in done.stdout
    everything = run("--help-all")
    assert everything.returncode == 0
    assert "--AthenaApp.config_path" in everything.stdout


def test_a_taken_port_ends_it_with_one_sentence(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run("--no-browser", "--allow-root", f"--port={port}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"Port {port} is taken. ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("by", ["flag", "file"])
def test_the_port_is_the_users_and_a_signal_ends_it(by, environment, tmp_path):
    port = free_port()
    if by == "file":
        folder = Path(environment["JUPYTER_CONFIG_DIR"])
        folder.mkdir()
        (folder / "jupyter_server_config.json").write_text(json.dumps({"ServerApp": {"port": port}}))
    with running(environment, tmp_path, *([f"--port={port}"] if by == "flag" else [])) as process:
        assert until_healthy(port) in {200, 503}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert "Traceback" not in process.stderr.read()


def test_a_setting_that_is_wrong_ends_it_with_its_name(run, environment):
    environment["ATHENA_BULKHEADS__CPU__WORKERS"] = "many"
    done = run("--no-browser", "--allow-root", f"--port={free_port()}")
    assert done.returncode == 1
    assert "ATHENA_BULKHEADS__CPU__WORKERS" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
