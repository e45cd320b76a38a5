"""A reader of events that no longer reads: nothing piles up for it, and it does not hold the provider for ever."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from athena_lab.jupyter.handlers import base
from tests.jupyter.conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "peers"))

from scripted_server import ScriptedServer, sse

MIB = 1 << 20
PIECE = {"choices": [{"index": 0, "delta": {"content": "x" * 16_384}, "finish_reason": None}]}


class Endless:
    """Streams an answer for as long as it is read; `sent` counts the bytes."""

    sent = 0

    async def __call__(self, exchange):
        await exchange.head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        while True:
            event = sse(PIECE)
            await exchange.chunk(event)
            self.sent += len(event)


@pytest.fixture
def endless():
    return Endless()


@pytest.fixture
def provider(jp_asyncio_loop, monkeypatch, endless):
    server = ScriptedServer(endless)
    jp_asyncio_loop.run_until_complete(server.__aenter__())
    monkeypatch.setenv("ATHENA_LOCAL_URL", server.url)
    yield server
    jp_asyncio_loop.run_until_complete(server.__aexit__())


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(base, "STALLED_SECONDS", 1.0)
    monkeypatch.setenv("ATHENA_AI__JOBS__GRACE", "0.2")  # for which the answer waits for it to come back


@pytest.mark.usefixtures("provider", "http_server")  # in this order
async def test_a_stalled_reader_is_cut_off(provider, endless, jp_serverapp, http_server_port):
    token = jp_serverapp.web_app.settings["athena_kernel_token"]
    body = json.dumps({"question": "Go on for ever.", "provider": "local", "model": "m"}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", http_server_port[1], limit=1_024)
    writer.write(
        f"POST {jp_serverapp.base_url}api/v1/ai/analyze HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: token {token}\r\n"
        f"Content-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    assert b" 200 " in await reader.readline()
    async with asyncio.timeout(30):
        await provider.until(lambda: provider.connections > 0 and provider.live == 0)
    assert 0 < endless.sent < 24 * MIB  # the buffers of four sockets, not the 32 MiB at which an answer is cut
    writer.close()
