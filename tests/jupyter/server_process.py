"""A real `jupyter athena` in a process of its own, for what cannot be tried from inside."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import httpx

TOKEN = "process-test"


class Server(NamedTuple):
    """`log` is what it has written so far, `home` holds all that it keeps."""

    port: int
    process: subprocess.Popen
    home: Path
    log: Path

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def quarantine(self):
        return self.home / "quarantine"


@contextlib.contextmanager
def jupyter_athena(home, *arguments, program="athena", healthy="/health", **environment):
    """Starts ``jupyter <program>`` with its folders below `home`; gives it when the path `healthy` answers; ends it."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ATHENA_") and not k.endswith("_API_KEY")}
    folders = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME")
    paths = {name: str(home / name.lower()) for name in folders} | {"ATHENA_SAMPLES__FOLDER": str(home / "quarantine")}
    port = free_port()
    command = [
        Path(sys.executable).with_name("jupyter"), program, "--no-browser", "--allow-root", f"--port={port}",
        f"--IdentityProvider.token={TOKEN}", *arguments,
    ]  # fmt: skip
    (home / "home").mkdir(exist_ok=True)
    log = home / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=home, env=inherited | paths | environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            server = Server(port, process, home, log)
            wait_until_healthy(server, healthy)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_healthy(server, path):
    """Until it answers 200; raises with its log if it ends instead."""
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
        while not _ended(server.process, within=0.02):
            with contextlib.suppress(httpx.TransportError):
                assert client.get(path).status_code == 200
                return
    raise AssertionError(server.log.read_text())


def _ended(process, within):
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        return False
    return True
