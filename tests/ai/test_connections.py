"""A provider's connections: how many, how long, how soon given up."""

from __future__ import annotations

import asyncio
import socket

import pytest

from athena_lab.ai import AnalysisRequest, build_prompt
from athena_lab.ai.transports import Fault, HttpRequest, SocketRequest, TransportFailure, http, websocket
from athena_lab.ai.transports.http import AiohttpClients, HttpClient
from athena_lab.ai.transports.plain import JsonTransport
from athena_lab.ai.transports.websocket import WebSocketTransport
from tests.ai.recorded import OPENAI
from tests.peers.scripted_server import reply, stream

PROMPT = build_prompt("?")
REQUEST = AnalysisRequest("?")


async def test_the_pool_has_as_many_connections_as_the_row_has_workers(server, manager_for):
    go_on = asyncio.Event()

    async def wait(_number):
        await go_on.wait()

    server.will(stream([OPENAI], before=wait))
    manager = manager_for(row_changes={"workers": 3})
    tasks = [asyncio.create_task(manager.analyze(REQUEST, PROMPT)) for _ in range(12)]
    await server.until(lambda: len(server.requests) == 3)
    done, _ = await asyncio.wait(tasks, timeout=0.1)
    assert (done, len(server.requests), server.connections) == (set(), 3, 3)
    go_on.set()
    assert {result.status for result in await asyncio.gather(*tasks)} == {"completed"}
    assert (len(server.requests), server.connections) == (12, 3)


async def test_an_idle_connection_is_kept_for_a_while_and_no_longer(server, monkeypatch):
    assert http.KEEP_ALIVE == 60.0
    monkeypatch.setattr(http, "KEEP_ALIVE", 0.2)
    server.will(reply(200, "{}"))
    transport = JsonTransport(HttpClient(4, AiohttpClients()))
    request = HttpRequest("GET", f"{server.url}/models", {})
    for _ in range(3):
        assert [message async for message in transport.stream(request)]
    assert server.connections == 1
    async with asyncio.timeout(5):
        await server.until(lambda: server.live == 0)
    assert [message async for message in transport.stream(request)]
    assert server.connections == 2
    await transport.aclose()


async def test_a_provider_s_cookies_are_not_kept(server):
    server.will(reply(200, "{}", {"set-cookie": "id=1; Path=/"}))
    transport = JsonTransport(HttpClient(1, AiohttpClients()))
    for _ in range(2):
        assert [message async for message in transport.stream(HttpRequest("GET", f"{server.url}/v1", {}))]
    assert all("cookie" not in request.headers for request in server.requests)
    await transport.aclose()


async def test_a_request_says_who_asks_and_what_answer_it_takes_and_no_more(server):
    server.will(reply(200, "{}"))
    transport = JsonTransport(HttpClient(1, AiohttpClients()))
    own = {"authorization": "Bearer k", "content-type": "application/json"}
    request = HttpRequest("POST", f"{server.url}/v1", own, b"{}")
    assert [message async for message in transport.stream(request)]
    headers = {name.lower(): value for name, value in server.requests[0].headers.items()}
    assert headers.pop("host") in server.url
    assert headers == {
        **own,
        "user-agent": "athena-lab",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-length": "2",
    }
    await transport.aclose()


@pytest.fixture
def full_house():
    """The address of a port whose queue is full, so that a connection is neither taken nor refused."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.settimeout(0)
            client.connect_ex(listener.getsockname())
            waiting.append(client)
        yield "http://{}:{}".format(*listener.getsockname())
        for client in waiting:
            client.close()


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_connection_that_does_not_come_about_is_given_up(full_house, monkeypatch, kind):
    assert 0 < http.CONNECT_TIMEOUT <= 30
    for module in (http, websocket):
        monkeypatch.setattr(module, "CONNECT_TIMEOUT", 0.2)
    if kind == "http":
        transport = JsonTransport(HttpClient(1, AiohttpClients()))
        messages = transport.stream(HttpRequest("GET", full_house, {}))
    else:
        transport = WebSocketTransport(1)
        messages = transport.stream(SocketRequest(full_house, {}, ("x",)))
    async with asyncio.timeout(10):
        with pytest.raises(TransportFailure) as caught:
            await anext(messages)
    assert type(caught.value) is TransportFailure
    assert caught.value.fault is Fault.TIMEOUT
    await transport.aclose()
