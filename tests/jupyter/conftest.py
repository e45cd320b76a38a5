"""The extension in a real Jupyter server, on a port of its own."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError

from tests.peers.answers import Served, says
from tests.peers.scripted_server import ScriptedServer

pytest_plugins = ["pytest_jupyter.jupyter_server"]

ROOT = Path(__file__).parent.parent.parent
TEST_COMPONENTS = ROOT / "tests" / "data" / "components"


@pytest.fixture(autouse=True)
def _environment(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("ATHENA_") or name.endswith("_API_KEY")]:
        monkeypatch.delenv(name)
    for name in ("ATHENA_URL", "ATHENA_TOKEN"):  # the extension sets them; monkeypatch takes them away again
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("ATHENA_SAMPLES__FOLDER", str(tmp_path / "quarantine"))
    monkeypatch.setenv("ATHENA_AI__LEDGER__PATH", str(tmp_path / "usage.db"))
    monkeypatch.setenv("ATHENA_AI__LATER__PATH", str(tmp_path / "questions.db"))
    monkeypatch.setenv("ATHENA_SAMPLES__MAX_BYTES", "4000000")
    monkeypatch.setenv("ATHENA_HTTP__MAX_JSON_BYTES", "1000000")
    monkeypatch.setenv("ATHENA_WASM__COMPONENTS", str(only_misbehave(tmp_path / "components")))
    monkeypatch.setenv("ATHENA_WASM__MEMORY_BYTES", str(64 << 20))
    monkeypatch.setenv("ATHENA_WASM__FOREIGN__FOLDER", str(tmp_path / "modules"))


def only_misbehave(folder):
    shutil.copytree(TEST_COMPONENTS, folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["modules"] = [module for module in manifest["modules"] if module["name"] == "misbehave"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def greedy_too(monkeypatch):
    """The catalog also has a module that imports a clock, and is refused."""
    monkeypatch.setenv("ATHENA_WASM__COMPONENTS", str(TEST_COMPONENTS))


@pytest.fixture
def jp_server_config():
    return {"ServerApp": {"jpserver_extensions": {"athena_lab": True}}}


@pytest.fixture
def call(jp_fetch):
    """Sends a request with the server's token; gives status and decoded body, whatever the status."""

    async def send(*path, body=None, raw=None, **options):
        if body is not None or raw is not None:
            options.setdefault("method", "POST")
            options["body"] = raw if raw is not None else json.dumps(body)
            options.setdefault("headers", {})
            options["headers"].setdefault("Content-Type", "application/json")
        try:
            response = await jp_fetch(*path, **options)
        except HTTPClientError as error:
            response = error.response
        return response.code, json.loads(response.body) if response.body else None

    return send


@pytest.fixture
def provider(jp_asyncio_loop, monkeypatch):
    server = ScriptedServer(says("It ", "is ", "packed."))
    jp_asyncio_loop.run_until_complete(server.__aenter__())
    monkeypatch.setenv("ATHENA_LOCAL_URL", server.url)
    yield server
    jp_asyncio_loop.run_until_complete(server.__aexit__())


@pytest.fixture
def served(provider, jp_serverapp, http_server, http_server_port):  # noqa: ARG001 - in this order
    """The server's lab, port and base URL, and the token of its kernels."""
    settings = jp_serverapp.web_app.settings
    return Served(settings["athena_lab"], http_server_port[1], jp_serverapp.base_url, settings["athena_kernel_token"])
