"""A real `jupyter athena`, a local model server, and a real browser that looks at them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent.parent
ARTEFACTS = ROOT / "artefacts"
TOKEN = "browser-test"
CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def model_url():
    command = [sys.executable, ROOT / "tests" / "peers" / "model_server.py", "--port", "0", "--rate", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield server.stdout.readline().split()[-1]
        server.send_signal(signal.SIGTERM)


@pytest.fixture(scope="session")
def start_athena(tmp_path_factory):
    """Starts servers over a copy of the notebooks; gives their URL."""
    started = []

    def start(**environment):
        home = tmp_path_factory.mktemp("home")
        shutil.copytree(ROOT / "notebooks", home / "notebooks")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("ATHENA_") and not k.endswith("_API_KEY")}
        paths = {name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "XDG_DATA_HOME")}
        port = free_port()
        command = [
            Path(sys.executable).with_name("jupyter"), "athena", "--no-browser", "--allow-root", f"--port={port}",
            f"--IdentityProvider.token={TOKEN}", "--LabApp.expose_app_in_browser=True",
        ]  # fmt: skip
        ARTEFACTS.mkdir(exist_ok=True)
        log = (ARTEFACTS / f"server-{len(started)}.log").open("w")
        process = subprocess.Popen(
            command, cwd=home, env=inherited | paths | environment, stdout=log, stderr=subprocess.STDOUT
        )
        started.append((process, log))
        wait_until_healthy(port, process)
        return f"http://127.0.0.1:{port}"

    yield start
    for process, log in started:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        log.close()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until_healthy(port, process):
    transport = httpx.HTTPTransport(retries=50)  # connects again, with growing pauses, until the server listens
    with httpx.Client(transport=transport, timeout=30, trust_env=False) as client:
        assert client.get(f"http://127.0.0.1:{port}/health").status_code == 200
    assert process.poll() is None


@pytest.fixture(scope="session")
def athena(start_athena, model_url):
    return start_athena(ATHENA_LOCAL_URL=model_url)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, request):
    """Opens pages whose console errors fail the test; keeps a screenshot of each at its end."""
    pages = []

    def open_page(url, **options):
        page = browser.new_context(viewport={"width": 1440, "height": 900}, **options).new_page()
        page.errors = []
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.set_default_timeout(30_000)
        page.goto(url)
        pages.append(page)
        return page

    yield open_page
    name = re.sub(r"\W+", "_", request.node.name)
    for number, page in enumerate(pages):
        page.screenshot(path=ARTEFACTS / f"{name}-{number}.png")
        page.context.close()
        assert page.errors == []
