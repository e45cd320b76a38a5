"""What providers say when asked."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import httpx_aiohttp  # noqa: F401 - here, so that no request of a test has to wait for its import
import pytest

from athena_lab.ai import AIManager
from athena_lab.ai.health import HealthBoard
from athena_lab.ai.providers.provider import Provider
from athena_lab.ai.send import Tools
from athena_lab.ai.transports.http import AiohttpClients
from tests.ai.conftest import KEY, row
from tests.peers.scripted_server import ScriptedServer, drop, hang, reply

MODELS = {"object": "list", "data": [{"id": "m-1", "max_input_tokens": 9}, {"id": "m-2"}]}


@pytest.mark.parametrize("wire", ["openai-chat", "anthropic"])
async def test_available(server, manager_for, wire):
    server.will(reply(200, MODELS))
    (status,) = await manager_for(wire).providers()
    assert (status.name, status.state, status.model, status.models) == ("peer", "available", "m-1", ("m-1", "m-2"))
    assert status.latency is not None
    assert status.checked_at is not None
    (sent,) = server.requests
    assert (sent.method, sent.path) == ("GET", "/v1/models")
    assert sent.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        (reply(401), "unauthorized", "Set a valid key"),
        (reply(403), "unauthorized", "access"),
        (reply(429, "", {"retry-after": "7"}), "rate_limited", "Wait"),
        (reply(500), "error", "HTTP 500"),
        (reply(504), "timeout", "HTTP 504"),
        (reply(200, "<html>", {"content-type": "text/html"}), "error", "web page"),
        (reply(200, "[]"), "error", "format"),
        (drop, "error", "closed the connection"),
        (reply(200, {"data": []}), "available", "Ready"),
        (reply(200, {"data": [{"id": "other"}]}), "available", "does not list the model m-1"),
    ],
)
async def test_states(server, manager_for, script, state, words):
    server.will(script)
    (status,) = await manager_for().providers()
    assert status.state == state
    assert words in status.detail


async def test_no_key_means_no_request(server):
    async with AIManager([row(server), row(server, name="local", base_url_env="URL")], environ={}) as manager:
        statuses = await manager.providers()
    assert [(status.name, status.state) for status in statuses] == [("local", "no_api_key"), ("peer", "no_api_key")]
    assert "Set PEER_KEY" in statuses[0].detail
    assert server.requests == []
    assert statuses[0].checked_at is None


async def test_one_that_hangs_holds_up_nobody_for_longer_than_its_time(server):
    server.will(reply(200, MODELS))
    async with ScriptedServer(hang) as silent, AsyncExitStack() as stack:
        rows = [row(server, name="good"), *(row(silent, name=f"silent-{n}") for n in range(5))]
        providers = [Provider(row, {"PEER_KEY": KEY}, AiohttpClients()) for row in rows]
        for provider in providers:
            stack.push_async_callback(provider.aclose)
        async with asyncio.timeout(5):
            statuses = await HealthBoard(providers, time.monotonic, timeout=0.5).statuses()
        assert [status.state for status in statuses] == ["available", *["timeout"] * 5]
        assert "within 0.5 s" in statuses[1].detail
        await silent.until(lambda: silent.live == 0)


async def test_answers_are_believed_for_30_seconds(server, patience):
    server.will(reply(200, MODELS))
    async with AIManager(
        [row(server)], environ={"PEER_KEY": KEY}, tools=Tools(patience.clock, patience.sleep, patience.chance)
    ) as manager:
        await asyncio.gather(*(manager.providers() for _ in range(10)))
        assert len(server.requests) == 1
        patience.now += 29.9
        await manager.providers()
        assert len(server.requests) == 1
        await manager.providers(refresh=True)
        assert len(server.requests) == 2
        patience.now += 30.0
        await manager.providers()
        assert len(server.requests) == 3


async def test_a_caller_that_goes_away_spoils_nothing_for_the_others(server, manager_for):
    release = asyncio.Event()

    async def late(exchange):
        await release.wait()
        await reply(200, MODELS)(exchange)

    server.will(late)
    manager = manager_for()
    first = asyncio.create_task(manager.providers())
    await server.until(lambda: len(server.requests) == 1)
    second = asyncio.create_task(manager.providers())
    first.cancel()
    release.set()
    (status,) = await second
    assert status.state == "available"
