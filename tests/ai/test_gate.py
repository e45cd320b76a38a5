"""What was so when a request began, and is not any more when it has its place; and providers whose word is not kept."""

from __future__ import annotations

import asyncio

import pytest

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, PipelineOptions, build_prompt
from athena_lab.ai.breaker import BreakerOptions
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.ratelimit import LONGEST
from athena_lab.ai.recovery import RecoveryOptions
from athena_lab.ai.retry import RetryOptions
from athena_lab.ai.send import Tools
from tests.ai.conftest import KEY, row
from tests.ai.recorded import OPENAI
from tests.peers.scripted_server import ScriptedServer, hang, reply, sse, stream

ONCE = RetryOptions(attempts=1)
REQUEST = AnalysisRequest("?")


def each(manager, count, request=REQUEST):
    return asyncio.gather(*(manager.analyze(request, build_prompt(f"Question {n}?")) for n in range(count)))


async def test_who_waits_for_a_place_does_not_go_before_the_provider_s_word(server, manager_for):
    times = []

    async def noted(exchange):
        times.append(asyncio.get_running_loop().time())
        limited = reply(429, "", {"retry-after": "0.5"})
        await (limited if len(times) == 1 else stream([OPENAI]))(exchange)

    server.will(noted)
    manager = manager_for(row_changes={"workers": 1}, tools=Tools())
    results = await each(manager, 5)
    assert [result.status for result in results] == ["completed"] * 5
    first, *others = times
    assert len(others) == 5
    assert all(time >= first + 0.5 for time in others)


async def test_an_open_breaker_stops_those_who_wait_for_a_place(server, manager_for):
    server.will(reply(503))
    manager = manager_for(row_changes={"workers": 2}, options=PipelineOptions(retry=ONCE))
    results = await each(manager, 20)
    assert len(server.requests) <= 4
    assert [result.error.code for result in results].count("circuit_open") >= 16


async def test_what_an_error_says_of_coming_back_holds_for_all(server, manager_for, patience):
    server.will(reply(503, "", {"retry-after": "50"}), stream([OPENAI]))
    manager = manager_for(options=PipelineOptions(retry=ONCE))
    assert (await manager.analyze(REQUEST, build_prompt("a"))).status == "failed"
    assert (await manager.analyze(REQUEST, build_prompt("b"))).status == "completed"
    assert patience.slept == [50.0]


async def test_a_provider_on_which_questions_run_out_of_time_is_left_alone(server, manager_for):
    server.will(hang)
    options = PipelineOptions(
        breaker=BreakerOptions(slow=0.1, slow_least=0.1), deadline=DeadlineOptions(first_token=9.0)
    )
    manager = manager_for(options=options, tools=Tools())
    request = AnalysisRequest("?", options=AnalysisOptions(deadline=0.2))
    codes = [(await manager.analyze(request, build_prompt(f"{n}"))).error.code for n in range(4)]
    assert codes == ["deadline_exceeded"] * 3 + ["circuit_open"]


async def test_no_word_is_taken_for_ever_and_a_hand_takes_it_back(server, manager_for, patience):
    server.will(reply(429, "", {"retry-after": "1000000000"}), stream([OPENAI]))
    manager = manager_for(options=PipelineOptions(retry=ONCE))
    await manager.analyze(REQUEST, build_prompt("a"))
    refused = await manager.analyze(REQUEST, build_prompt("b"))
    assert (refused.error.code, refused.error.retry_after) == ("rate_would_be_exceeded", LONGEST)
    patience.now += LONGEST
    assert (await manager.analyze(REQUEST, build_prompt("c"))).status == "completed"


async def test_closing_the_breaker_by_hand_forgets_the_limit(server, manager_for):
    told = {
        "x-ratelimit-limit-requests": "9",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "9999s",
    }
    server.will(stream([OPENAI], headers=told), stream([OPENAI]))
    manager = manager_for()
    await manager.analyze(REQUEST, build_prompt("a"))
    assert (await manager.analyze(REQUEST, build_prompt("b"))).error.code == "rate_would_be_exceeded"
    await manager.breaker("peer", "closed")
    assert (await manager.analyze(REQUEST, build_prompt("c"))).status == "completed"


async def test_one_set_aside_by_hand_says_so(manager_for):
    manager = manager_for()
    await manager.breaker("peer", "open")
    result = await manager.analyze(REQUEST, build_prompt("a"))
    assert (result.error.code, result.error.retry_after) == ("circuit_open", None)
    assert "by hand" in result.error.detail


@pytest.mark.parametrize(("steps", "asked"), [(("retry", "fail"), 3), (("fail",), 1)])
async def test_a_rule_of_the_settings_counts_for_more_than_what_is_usual(server, manager_for, steps, asked):
    server.will(reply(402))
    options = PipelineOptions(recovery=RecoveryOptions({"quota_exceeded": steps}))
    result = await manager_for(options=options).analyze(REQUEST, build_prompt("a"))
    assert (result.error.code, len(server.requests)) == ("quota_exceeded", asked)


async def test_each_error_is_judged_by_its_own_rule(server, manager_for):
    server.will(reply(200, "<html>", {"content-type": "text/html"}), reply(503))
    options = PipelineOptions(recovery=RecoveryOptions({"service_unavailable": ("fail",)}))
    result = await manager_for(options=options).analyze(REQUEST, build_prompt("a"))
    assert (result.error.code, len(server.requests)) == ("service_unavailable", 2)


async def test_the_budget_for_retries_is_the_provider_s(server, manager_for):
    server.will(reply(503))
    options = PipelineOptions(
        retry=RetryOptions(budget=3.0, budget_ratio=0.0, budget_per_second=0.001, base=0.001),
        breaker=BreakerOptions(failures=1_000, failure_ratio=1.0),
    )
    await each(manager_for(options=options, tools=Tools()), 10)
    assert len(server.requests) == 10 + 3


@pytest.fixture
async def peers_of_two(server, patience):
    async with ScriptedServer() as second:
        rows = [row(server, name="one", priority=1), row(second, name="two", priority=2)]
        tools = Tools(patience.clock, patience.sleep, patience.chance)
        async with AIManager(rows, environ={"PEER_KEY": KEY}, tools=tools) as manager:
            yield server, second, manager


async def test_a_flood_is_not_given_to_the_next_provider(peers_of_two):
    first, second, manager = peers_of_two
    piece = sse({"choices": [{"index": 0, "delta": {"content": "x" * 60_000}, "finish_reason": None}]})
    first.will(stream([piece], end="cut"))
    second.will(stream([OPENAI]))
    request = AnalysisRequest("?", options=AnalysisOptions(max_tokens=16))
    result = await manager.analyze(request, build_prompt("a"))
    assert (result.status, result.provider) == ("completed", "two")
    assert len(second.requests[-1].body) < 10_000
    assert len(result.set_aside[0].text) == 60_000
