"""What providers say when asked."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import httpx_aiohttp  # noqa: F401 - here, so that no request of a test has to wait for its import
import msgspec
import pytest

from athena_lab.ai import AIManager, build_prompt
from athena_lab.ai.health import HealthBoard, HealthMonitor, HealthOptions
from athena_lab.ai.ledger import Ledger
from athena_lab.ai.pipeline import PipelineOptions
from athena_lab.ai.providers.provider import Provider
from athena_lab.ai.providers.registry import Limits
from athena_lab.ai.retry import RetryOptions
from athena_lab.ai.send import Tools
from athena_lab.ai.transports.http import AiohttpClients
from athena_lab.ai.types import Features, Model, RateLimits, RateWindow, ShownFeatures
from tests.ai.conftest import KEY, row
from tests.ai.recorded import OPENAI
from tests.peers.scripted_server import ScriptedServer, drop, hang, reply, stream

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


async def test_models_are_listed_with_what_their_row_knows(server):
    server.will(reply(200, MODELS))
    known = (Model("m-1", context=5, output=4, input_price=3.0), Model("m-2", context=7), Model("not listed"))
    provider = Provider(row(server, models=known), {"PEER_KEY": KEY}, AiohttpClients())
    assert await provider.models() == (Model("m-1", context=9, output=4, input_price=3.0), Model("m-2", context=7))
    await provider.aclose()


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
            statuses = await HealthBoard(providers, time.monotonic, 0.5).statuses()
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


PROMPT = build_prompt("?")
ONCE = PipelineOptions(RetryOptions(attempts=1))


async def test_a_status_says_what_the_provider_can_do_has_left_and_has_used(server, manager_for, request_of):
    limits = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59"}
    server.will(reply(200, MODELS), stream([OPENAI], headers=limits))
    features = ShownFeatures.of(Features(function_calling=True))
    changes = {
        "features": Features(function_calling=True),
        "models": (Model("m-1", input_price=1.0, output_price=1.0),),
    }
    manager = manager_for(row_changes=changes)
    (status,) = await manager.providers()
    assert msgspec.to_builtins(status.features)["functionCalling"] is True
    assert (status.features, status.version) == (features, manager._providers["peer"].version)
    assert status.usage.requests == 0
    await manager.analyze(request_of(), PROMPT)
    (status,) = await manager.providers()
    assert (status.rate_limits.requests.limit, status.rate_limits.requests.remaining) == (60, 59)
    assert (status.usage.requests, status.usage.tokens) == (1, 18)
    assert status.usage.cost == pytest.approx(18e-6)
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (reply(401), ("unauthorized", "Set a valid key")),
        (reply(403), ("unauthorized", "access")),
        (reply(429, "", {"retry-after": "20"}), ("rate_limited", "Wait")),
        (reply(402), ("error", "HTTP 402")),
        (reply(503), ("error", "HTTP 503")),
        (drop, ("error", "closed the connection")),
    ],
)
async def test_a_questions_failure_shows_at_once_and_an_answer_takes_it_back(
    server, manager_for, request_of, script, expected
):
    state, words = expected
    server.will(reply(200, MODELS), script, stream([OPENAI]))
    manager = manager_for(options=ONCE)
    assert [status.state for status in await manager.providers()] == ["available"]
    assert (await manager.analyze(request_of(), PROMPT)).status == "failed"
    (status,) = await manager.providers()
    assert (status.state, status.models) == (state, ("m-1", "m-2"))
    assert words in status.detail
    assert (await manager.analyze(request_of(), PROMPT)).status == "completed"
    assert [status.state for status in await manager.providers()] == ["available"]
    assert len(server.requests) == 3, "nobody was asked again"


@pytest.mark.parametrize(
    "script", [reply(400), reply(404), reply(422), reply(200, "<html>", {"content-type": "text/html"})]
)
async def test_what_is_wrong_with_a_question_says_nothing_of_the_provider(server, manager_for, request_of, script):
    server.will(reply(200, MODELS), script)
    manager = manager_for(options=ONCE)
    await manager.providers()
    assert (await manager.analyze(request_of(), PROMPT)).status == "failed"
    assert [status.state for status in await manager.providers()] == ["available"]


async def test_an_answer_takes_a_failed_check_back(server, manager_for, request_of):
    server.will(reply(500), stream([OPENAI]))
    manager = manager_for()
    assert [status.state for status in await manager.providers()] == ["error"]
    await manager.analyze(request_of(), PROMPT)
    (status,) = await manager.providers()
    assert (status.state, status.detail) == ("available", "Ready to answer with m-1.")


async def test_a_rate_limit_is_believed_until_its_time_is_over(server, manager_for, request_of, patience):
    """The list of models knows nothing of it."""
    server.will(reply(429, "", {"retry-after": "90"}), reply(200, MODELS))
    manager = manager_for(options=ONCE)
    await manager.analyze(request_of(), PROMPT)
    for _ in range(3):
        (status,) = await manager.providers(refresh=True)
        assert status.state == "rate_limited"
        assert status.detail.endswith(f"{1_090 - patience.now:.0f} s of it are left.")
        patience.now += 29.0
    patience.now += 3.0
    assert [status.state for status in await manager.providers()] == ["available"]


async def test_one_that_is_back_is_told_of_once(server):
    server.will(reply(500), reply(200, MODELS))
    told = []
    async with AIManager([row(server)], environ={"PEER_KEY": KEY}, back=told.append) as manager:
        for known in ([], ["peer"], ["peer"]):
            await manager.providers(refresh=True)
            assert told == known
        await manager.breaker("peer", "open")
        assert told == ["peer"]
        await manager.breaker("peer", "closed")
        assert told == ["peer", "peer"]


async def test_a_check_that_is_asked_for_takes_other_failures_back(server, manager_for, request_of, patience):
    server.will(reply(401), reply(200, MODELS))
    manager = manager_for(options=ONCE)
    await manager.analyze(request_of(), PROMPT)
    assert [status.state for status in await manager.providers()] == ["unauthorized"]
    patience.now += 1.0
    assert [status.state for status in await manager.providers(refresh=True)] == ["available"]


async def test_what_is_known_is_told_without_asking_and_forgotten_in_time(server, manager_for, request_of, patience):
    server.will(reply(401))
    manager = manager_for(options=ONCE)
    assert manager.outlook.able == 1
    await manager.analyze(request_of(), PROMPT)
    assert manager.outlook.able == 0
    patience.now += 31.0
    assert manager.outlook.able == 1, "a question's failure is believed for a while, and nothing else is known"
    await manager.providers()
    assert manager.outlook.able == 0
    patience.now += 901.0
    assert manager.outlook.able == 1
    assert len(server.requests) == 2


# -- a provider without a list of models


async def test_without_a_list_of_models_the_smallest_question_is_asked_and_counted(server, manager_for):
    server.will(stream([OPENAI]))
    ledger = Ledger()
    (status,) = await manager_for(row_changes={"health": ""}, ledger=ledger).providers()
    assert (status.state, status.model, status.models) == ("available", "m-1", ())
    (sent,) = server.requests
    assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
    assert sent.json()["max_tokens"] == 1
    assert ledger.today("peer").tokens == 18


@pytest.mark.parametrize(
    ("script", "state"), [(reply(401), "unauthorized"), (reply(429), "rate_limited"), (hang, "timeout")]
)
async def test_the_smallest_question_may_fail(server, script, state):
    server.will(script)
    provider = Provider(row(server, health=""), {"PEER_KEY": KEY}, AiohttpClients())
    (status,) = await HealthBoard([provider], time.monotonic, 0.2).statuses()
    assert status.state == state
    await provider.aclose()


# -- the interface of one provider


async def test_a_provider_can_be_asked_alone(server):
    provider = Provider(row(server), {"PEER_KEY": KEY}, AiohttpClients())
    server.will(reply(200, MODELS))
    assert (await provider.health_check()).state == "available"
    server.will(reply(401))
    assert (await provider.health_check()).state == "unauthorized"
    assert not await provider.validate_key()
    await provider.aclose()


# -- the monitor


class Ticks:
    """A clock for a monitor: sleeps end when they are told to."""

    def __init__(self):
        self.now = 0.0
        self.sleeping = asyncio.Queue()

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        woken = asyncio.Event()
        self.sleeping.put_nowait((seconds, woken))
        await woken.wait()


@pytest.fixture
async def monitored():
    """A monitor over providers of these rows, and its clock."""
    async with AsyncExitStack() as stack:

        def make(*rows, chance=0.5, environ=None, **options):
            environ = {"PEER_KEY": KEY} if environ is None else environ
            providers = [Provider(row, environ, AiohttpClients()) for row in rows]
            for provider in providers:
                stack.push_async_callback(provider.aclose)
            ticks = Ticks()
            board = HealthBoard(providers, ticks.clock)
            tools = Tools(ticks.clock, ticks.sleep, lambda: chance)
            monitor = HealthMonitor(providers, board, HealthOptions(**options), tools)
            stack.push_async_callback(monitor.aclose)
            return monitor, ticks, board

        yield make


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 270.0), (0.5, 300.0), (0.999, 329.94)])
async def test_the_monitor_asks_again_and_again(server, monitored, chance, pause):
    server.will(reply(200, MODELS))
    monitor, ticks, board = monitored(row(server), chance=chance)
    monitor.start()
    monitor.start()
    for number in range(1, 4):
        seconds, woken = await ticks.sleeping.get()
        assert seconds == pytest.approx(pause)
        assert len(server.requests) == number
        ticks.now += seconds
        woken.set()
    await ticks.sleeping.get()
    assert [status.state for status in await board.statuses()] == ["available"]
    assert len(server.requests) == 4, "what the monitor has learned is fresh for all"
    before = {task.get_name() for task in asyncio.all_tasks()}
    assert "health peer" in before
    await monitor.aclose()
    assert "health peer" not in {task.get_name() for task in asyncio.all_tasks()}


@pytest.mark.parametrize(
    ("changes", "options", "watched"),
    [
        ({}, {}, True),
        ({"health": ""}, {}, False),
        ({"health": ""}, {"monitor": "all"}, True),
        ({"health": "", "key_env": ""}, {}, True),
        ({}, {"monitor": "off"}, False),
        ({}, {"interval": 0}, False),
        ({"key_env": "NOT_SET"}, {}, False),
    ],
)
async def test_by_default_only_what_costs_nothing_is_watched(server, monitored, changes, options, watched):
    server.will(reply(200, MODELS))
    monitor, _, _ = monitored(row(server, **changes), **options)
    assert monitor._watched == (["peer"] if watched else [])


async def test_one_that_hangs_holds_up_no_other(server, monitored):
    server.will(reply(200, MODELS))
    async with ScriptedServer(hang) as silent:
        monitor, ticks, _ = monitored(row(silent, name="silent"), row(server, name="good"))
        monitor.start()
        for _ in range(3):
            seconds, woken = await ticks.sleeping.get()
            ticks.now += seconds
            woken.set()
        await silent.until(lambda: len(silent.requests) == 1)
        assert len(server.requests) >= 3
        await monitor.aclose()
        await silent.until(lambda: silent.live == 0)


async def test_the_manager_starts_and_ends_it(server, manager_for):
    server.will(reply(200, MODELS))
    manager = manager_for(tools=Tools(sleep=lambda _seconds: asyncio.Event().wait()))
    manager.start()
    await server.until(lambda: len(server.requests) == 1)
    await manager.aclose()
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("health")]


async def test_a_bug_in_the_monitor_is_told(server, monitored, caplog, monkeypatch):
    monitor, _, board = monitored(row(server))

    async def broken(_name):
        raise ZeroDivisionError

    monkeypatch.setattr(board, "look", broken)
    monitor.start()
    await asyncio.wait(monitor._tasks)
    await asyncio.sleep(0)
    assert "ended by a bug" in caplog.text


async def test_configured_limits_are_told_until_the_provider_tells_its_own(server):
    headers = {"x-ratelimit-limit-requests": "9", "x-ratelimit-remaining-requests": "8"}
    server.will(reply(200, MODELS, headers))
    limits = Limits(requests_per_minute=60, tokens_per_minute=1_000)
    provider = Provider(row(server, limits=limits), {"PEER_KEY": KEY}, AiohttpClients())
    assert provider.rate_limits() == RateLimits(RateWindow(60), RateWindow(1_000))
    await provider.models()
    told = provider.rate_limits()
    await provider.aclose()
    assert (told.requests, told.tokens) == (RateWindow(9, 8), RateWindow(1_000))
