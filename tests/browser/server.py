"""Starts and ends real Jupyter servers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import nbformat

ROOT = Path(__file__).parent.parent.parent
ARTEFACTS = ROOT / "artefacts"
TOKEN = "browser-test"
JUPYTER = Path(sys.executable).with_name("jupyter")


@dataclass
class Server:
    """A server that runs over ``home``, a folder with a copy of the notebooks."""

    process: subprocess.Popen[bytes]
    home: Path
    port: int
    base_url: str
    command: list[str]
    environment: dict[str, str]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.base_url}"

    def page(self, notebook: str = "") -> str:
        """The workbench's address, without what an earlier page had open."""
        return f"{self.url}lab{f'/tree/{notebook}' if notebook else ''}?token={TOKEN}&reset"

    def write(self, name: str, *cells: str) -> str:
        """A notebook of these cells of code; gives its name."""
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.home / name)
        return name

    def kill(self) -> None:
        """At once, as a machine that fails does it. Its kernels notice, and end."""
        self.process.kill()
        self.process.wait(20)

    def start(self) -> None:
        """Again, after its end."""
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                self.command, cwd=self.home, env=self.environment, stdout=log, stderr=subprocess.STDOUT
            )
        self._wait_until_healthy()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:  # an AnyIO thread of Jupyter's outlives it at times: jupyterlab#10442
                self.kill()

    def _wait_until_healthy(self) -> None:
        transport = httpx.HTTPTransport(retries=50)  # connects again, with growing pauses, until the server listens
        with httpx.Client(transport=transport, timeout=90, trust_env=False) as client:
            assert client.get(f"{self.url}health").status_code in {200, 503}
        assert self.process.poll() is None


def start_server(home: Path, log: Path, *arguments: str, base_url: str = "/", **environment: str) -> Server:
    """``arguments`` begin with the program: ``athena`` or ``lab``."""
    shutil.copytree(ROOT / "notebooks", home / "notebooks")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("ATHENA_") and not k.endswith("_API_KEY")}
    paths = {name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "XDG_DATA_HOME")}
    port = free_port()
    program, *options = arguments
    command = [
        str(JUPYTER), program, "--no-browser", "--allow-root", f"--port={port}", f"--ServerApp.base_url={base_url}",
        f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True", *options,
    ]  # fmt: skip
    server = Server(None, home, port, base_url, command, inherited | paths | environment, log)  # type: ignore[arg-type]
    log.unlink(missing_ok=True)
    server.start()
    return server


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
