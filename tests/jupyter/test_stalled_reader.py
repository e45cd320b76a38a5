"""A reader of events that no longer reads: nothing piles up for it, and it does not hold the provider for ever."""

from __future__ import annotations

import asyncio
import json
import socket
import struct

import pytest
from tornado.iostream import IOStream

from athena_lab.jupyter.handlers import base, stream
from tests.peers.answers import QUESTION, Endless


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(base, "STALLED_SECONDS", 1.0)
    monkeypatch.setenv("ATHENA_AI__JOBS__GRACE", "0.2")  # for which the answer waits for it to come back


def post(served):
    body = json.dumps(QUESTION).encode()
    head = (
        f"POST {served.base}api/v1/ai/analyze HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: token {served.token}\r\n"
        f"Content-Type: application/json\r\nAccept: text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def upgrade(served):
    body = json.dumps({"type": "ask", "request": QUESTION}).encode()
    head = (
        f"GET {served.base}api/v1/ai/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: token {served.token}\r\n"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert len(body) < 126
    return head.encode() + struct.pack("!BBI", 0x81, 0x80 | len(body), 0) + body  # one text, masked with zeros


@pytest.mark.parametrize(("request_of", "status"), [(post, b" 200 "), (upgrade, b" 101 ")])
async def test_a_stalled_reader_is_cut_off(provider, served, monkeypatch, request_of, status):
    for module in (base, stream):  # else the system may be the first to do it
        monkeypatch.setattr(module, "limit_unacknowledged", lambda _: None)
    endless = Endless()
    provider.will(endless)
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1_024)
    writer.write(request_of(served))
    assert status in await reader.readline()
    async with asyncio.timeout(30):
        await provider.until(lambda: provider.connections > 0 and provider.live == 0)
    assert 0 < endless.sent * 16_384 < 24 << 20  # the buffers of four sockets, not the 32 MiB at which an answer is cut
    [job] = served.jobs
    await job.wait_closed()
    assert not job.being_read
    assert json.loads(job._log[-1].data)["error"]["code"] == "analysis_cancelled"
    writer.close()


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="this system has no such option")
async def test_the_system_is_told_how_long_a_peer_may_be_gone():
    with socket.create_server(("127.0.0.1", 0)) as server:
        connection = IOStream(socket.create_connection(server.getsockname()))
        base.limit_unacknowledged(connection)
        assert connection.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 1_000
        connection.close()


async def test_a_vanished_reader_may_come_back_within_the_grace_time(provider, served):
    served.lab.jobs.options = type(served.lab.jobs.options)(grace=60)
    provider.will(Endless())
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1_024)
    writer.write(post(served))
    assert b" 200 " in await reader.readline()
    async with asyncio.timeout(30):
        await provider.until(lambda: len(served.jobs) == 1)
        [job] = served.jobs
        while job.state != "buffering":
            await job.changed()
        while job.being_read:  # noqa: ASYNC110 - nothing tells when it is cut
            await asyncio.sleep(0)
    assert provider.live == 1
    assert not job.done
    writer.close()
