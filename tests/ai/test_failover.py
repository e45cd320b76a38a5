"""Who is asked next, and what becomes of an answer that one provider began and another one ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack

import pytest
from msgspec.structs import replace

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, PipelineOptions, build_prompt
from athena_lab.ai.breaker import BreakerOptions
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.failover import FailoverOptions
from athena_lab.ai.prompt import Tool
from athena_lab.ai.recovery import RecoveryOptions
from athena_lab.ai.send import Tools
from athena_lab.ai.types import Features, Model
from athena_lab.errors import NoProvider
from athena_lab.events import FailedOver, Reconnecting, Token
from tests.ai.conftest import KEY, row
from tests.ai.recorded import OPENAI, TEXT
from tests.peers.scripted_server import ScriptedServer, drop, hang, reply, sse, stream

PROMPT = build_prompt("Is the quick brown fox of this sample packed?")
REQUEST = AnalysisRequest("Is it packed?")
ANSWER = "".join(TEXT)


def piece(text, reason=None):
    delta = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]}
    return sse(delta)


def words(*texts, reason="stop", end="clean"):
    return stream([*map(piece, texts), *([piece("", reason), sse("[DONE]")] if end == "clean" else [])], end=end)


@pytest.fixture
async def servers():
    async with AsyncExitStack() as stack:
        made = [await stack.enter_async_context(ScriptedServer()) for _ in range(3)]
        for server in made:
            server.will(stream([OPENAI]))
        yield made


@pytest.fixture
async def manager_of(servers, patience):
    """Makes managers with a row for each server: one, two, three, in this order of priority."""
    async with AsyncExitStack() as stack:

        async def make(*changes, tools=None, **settings):
            names = ("one", "two", "three")
            each = [*changes, *({} for _ in range(3 - len(changes)))]
            rows = [
                row(server, **{"name": name, "priority": number, **change})
                for number, (server, name, change) in enumerate(zip(servers, names, each, strict=True), 1)
                if change is not None
            ]
            tools = tools or Tools(patience.clock, patience.sleep, patience.chance)
            manager = AIManager(rows, environ={"PEER_KEY": KEY}, tools=tools, **settings)
            return await stack.enter_async_context(manager)

        yield make


async def events_of(manager, request=REQUEST, prompt=PROMPT):
    async with manager.stream(request, prompt) as events:
        return [event async for event in events]


def asked(servers):
    return [len([it for it in server.requests if it.method == "POST"]) for server in servers]


# -- before the first word


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (drop, "provider_unreachable"),
        (reply(503), "service_unavailable"),
        (reply(429, "", {"retry-after": "60"}), "rate_limited"),
        (reply(401), "unauthorized"),
        (reply(402), "quota_exceeded"),
        (reply(200, "<html>", {"content-type": "text/html"}), "invalid_response"),
    ],
)
async def test_the_next_by_priority_is_asked_at_once(servers, manager_of, patience, script, code):
    servers[0].will(script)
    began = patience.now
    events = await events_of(await manager_of())
    assert events[0].provider == "one"
    assert events[1] == FailedOver("two", "m-1", "one", "m-1", code)
    assert "".join(event.text for event in events if isinstance(event, Token)) == ANSWER
    assert [(attempt.provider, attempt.error) for attempt in events[-1].attempts] == [("one", code), ("two", None)]
    assert (asked(servers), patience.now) == ([1, 1, 0], began)


async def test_the_result_says_who_answered(servers, manager_of):
    servers[0].will(drop)
    result = await (await manager_of()).analyze(REQUEST, PROMPT)
    assert (result.status, result.provider, result.text, result.set_aside) == ("completed", "two", ANSWER, ())


async def test_only_who_is_left_at_the_end_is_asked_again(servers, manager_of):
    for server in servers:
        server.will(reply(503))
    manager = await manager_of(options=PipelineOptions(recovery=RecoveryOptions({"service_unavailable": FAIL_LAST})))
    result = await manager.analyze(REQUEST, PROMPT)
    assert (result.status, result.error.code, result.error.attempts) == ("failed", "service_unavailable", 5)
    assert asked(servers) == [1, 1, 3]


FAIL_LAST = ("failover", "retry", "fail")


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_what_is_wrong_with_the_question_is_asked_of_nobody_else(servers, manager_of, status):
    servers[0].will(reply(status))
    result = await (await manager_of()).analyze(REQUEST, PROMPT)
    assert (result.error.code, asked(servers)) == ("invalid_request", [1, 0, 0])


async def test_a_named_provider_is_asked_alone(servers, manager_of):
    servers[1].will(drop)
    result = await (await manager_of()).analyze(AnalysisRequest("?", provider="two"), PROMPT)
    assert (result.error.code, asked(servers)) == ("provider_unreachable", [0, 3, 0])


async def test_without_failover_nobody_else_is_asked(servers, manager_of):
    servers[0].will(drop)
    manager = await manager_of(options=PipelineOptions(failover=FailoverOptions(enabled=False)))
    assert (await manager.analyze(REQUEST, PROMPT)).error is not None
    assert asked(servers) == [3, 0, 0]


# -- who is able


@pytest.mark.parametrize(
    "unable",
    [
        {"key_env": "NOT_SET"},
        {"features": Features(function_calling=False)},
        {"models": (Model("m-1", context=2_000),)},
    ],
)
async def test_who_cannot_is_not_asked(servers, manager_of, unable):
    able = {"features": Features(function_calling=True)}
    tool = Tool("look_up", "Looks a hash up.", {"type": "object", "properties": {}})
    prompt = replace(PROMPT, tools=(tool,))
    manager = await manager_of({**able, **unable}, able, able)
    events = await events_of(manager, prompt=prompt)
    assert (events[0].provider, asked(servers)) == ("two", [0, 1, 0])


async def test_a_model_is_asked_of_those_who_have_it(servers, manager_of):
    manager = await manager_of({}, {"models": (Model("special"),)}, {"model": "special"})
    servers[1].will(drop)
    events = await events_of(manager, AnalysisRequest("?", model="special"))
    assert (events[0].provider, events[1].provider, events[1].model) == ("two", "three", "special")
    await events_of(manager, AnalysisRequest("?", model="nobody-s"))
    assert servers[0].requests[-1].json()["model"] == "nobody-s"


async def test_a_provider_that_refuses_the_key_is_left_out_for_a_while(servers, manager_of, patience):
    servers[0].will(reply(401), stream([OPENAI]))
    manager = await manager_of()
    assert [(await manager.analyze(REQUEST, PROMPT)).provider for _ in range(3)] == ["two"] * 3
    assert asked(servers) == [1, 3, 0]
    patience.now += 31
    assert (await manager.analyze(REQUEST, PROMPT)).provider == "one"


async def test_a_provider_that_limits_the_rate_is_left_out_until_its_time(servers, manager_of, patience):
    servers[0].will(reply(429, "", {"retry-after": "20"}), stream([OPENAI]))
    manager = await manager_of()
    assert [(await manager.analyze(REQUEST, PROMPT)).provider for _ in range(2)] == ["two"] * 2
    patience.now += 20
    assert (await manager.analyze(REQUEST, PROMPT)).provider == "one"


TOLD = {
    "x-ratelimit-limit-requests": "60",
    "x-ratelimit-remaining-requests": "0",
    "x-ratelimit-reset-requests": "9s",
}


async def test_limits_learned_from_headers_make_others_be_asked(servers, manager_of):
    servers[0].will(stream([OPENAI], headers=TOLD))
    manager = await manager_of()
    assert [(await manager.analyze(REQUEST, PROMPT)).provider for _ in range(2)] == ["one", "two"]


async def test_a_learned_limit_is_waited_for_where_there_is_nobody_else(servers, manager_of, patience):
    servers[0].will(stream([OPENAI], headers=TOLD))
    manager = await manager_of({}, None, None)
    await manager.analyze(REQUEST, PROMPT)
    events = await events_of(manager)
    assert events[1] == Reconnecting("one", 1, 9.0, "rate_limited")
    assert patience.slept == [9.0]
    in_a_hurry = AnalysisRequest("?", options=AnalysisOptions(deadline=5.0))
    result = await manager.analyze(in_a_hurry, PROMPT)
    assert (result.error.code, result.error.retry_after, asked(servers)[0]) == ("rate_would_be_exceeded", 9.0, 2)


async def test_an_open_breaker_is_passed_by_and_closes_again(servers, manager_of, patience):
    servers[0].will(*[reply(503)] * 3, stream([OPENAI]))
    manager = await manager_of(options=PipelineOptions(breaker=BreakerOptions(jitter=0.0)))
    for _ in range(5):
        assert (await manager.analyze(REQUEST, PROMPT)).provider == "two"
    assert (asked(servers)[0], manager.circuit("one")) == (3, "open")
    (status, *_) = await manager.providers()
    assert (status.state, status.breaker.state, status.breaker.retry_after) == ("circuit_open", "open", 30.0)
    patience.now += 30
    assert (await manager.analyze(REQUEST, PROMPT)).provider == "one"
    assert manager.circuit("one") == "half_open"
    assert (await manager.analyze(REQUEST, PROMPT)).provider == "one"
    assert manager.circuit("one") == "closed"


async def test_where_all_breakers_are_open_that_is_told_at_once(servers, manager_of):
    for server in servers:
        server.will(reply(503))
    manager = await manager_of(options=PipelineOptions(recovery=NEVER_MIND))
    for _ in range(4):
        await manager.analyze(REQUEST, PROMPT)
    before = asked(servers)
    result = await manager.analyze(REQUEST, PROMPT)
    assert (result.error.code, result.status) == ("circuit_open", "failed")
    assert result.error.retry_after > 0
    assert asked(servers) == before


NEVER_MIND = RecoveryOptions({"service_unavailable": ("failover", "fail"), "circuit_open": ("failover", "fail")})


async def test_a_cancelled_probe_gives_its_permit_back(servers, manager_of, patience):
    begun = asyncio.Event()

    async def probed(exchange):
        begun.set()
        await hang(exchange)

    servers[0].will(*[reply(503)] * 9, probed, stream([OPENAI]))
    manager = await manager_of({}, None, None, options=PipelineOptions(breaker=BreakerOptions(jitter=0.0)))
    for _ in range(3):  # each with its retries is one failure
        await manager.analyze(REQUEST, PROMPT)
    patience.now += 30
    task = asyncio.create_task(manager.analyze(REQUEST, build_prompt("probe")))
    await begun.wait()
    assert (await manager.analyze(REQUEST, build_prompt("meanwhile"))).error.code == "circuit_open"
    task.cancel()
    await asyncio.wait([task])
    assert (await manager.analyze(REQUEST, build_prompt("after"))).status == "completed"


async def test_among_equals_who_is_quick_and_idle_is_asked(manager_of):
    manager = await manager_of({"priority": 1}, {"priority": 1}, None)
    guards = manager._tools.guards
    for _ in range(9):
        guards["one"].latency.add(0.6)
        guards["two"].latency.add(0.5)
    assert (await manager.analyze(REQUEST, PROMPT)).provider == "two"
    for _ in range(50):
        await guards["two"].bulkhead.enter()  # of 100 places
    assert (await manager.analyze(REQUEST, PROMPT)).provider == "one"


# -- in the middle


def so_far(request):
    """What the provider was told of an answer that broke off."""
    user = request.json()["messages"][-1]["content"]
    return user.rpartition("BEGIN\n")[2].partition("\nUNTRUSTED")[0]


@pytest.mark.parametrize("end", ["cut", "reset"])
async def test_an_answer_is_gone_on_with_by_the_next(servers, manager_of, end):
    servers[0].will(words("one ", "two ", end=end))
    servers[1].will(words("three"))
    events = await events_of(await manager_of())
    moved = next(event for event in events if isinstance(event, FailedOver))
    assert (moved.provider, moved.resumed) == ("two", True)
    assert "".join(event.text for event in events if isinstance(event, Token)) == "one two three"
    assert so_far(servers[1].requests[0]) == "one two "
    assert events[-1].status == "completed"


async def test_a_stall_is_gone_on_with_too(servers, manager_of):
    servers[0].will(words("one ", end="hang"))
    servers[1].will(words("two"))
    options = PipelineOptions(deadline=DeadlineOptions(between_tokens=0.1))
    result = await (await manager_of(tools=Tools(), options=options)).analyze(REQUEST, PROMPT)
    assert (result.status, result.text, result.attempts[0].error) == ("completed", "one two", "provider_timeout")


async def test_what_all_used_is_added_up(servers, manager_of):
    usage = {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}}
    servers[0].will(stream([piece("one "), sse(usage), piece("two ")], end="cut"))
    servers[1].will(stream([piece("three", "stop"), sse(usage), sse("[DONE]")]))
    result = await (await manager_of()).analyze(REQUEST, PROMPT)
    assert result.status == "completed"
    assert result.usage.input_tokens == sum(attempt.input_tokens for attempt in result.attempts)


async def test_what_broke_off_everywhere_keeps_its_text(servers, manager_of):
    for server, text in zip(servers, ("one ", "two ", "three "), strict=True):
        server.will(words(text, end="cut"))
    manager = await manager_of(options=PipelineOptions(failover=FailoverOptions(restarts=0)))
    result = await manager.analyze(REQUEST, PROMPT)
    assert (result.status, result.error.code, result.text) == ("failed", "invalid_response", "one two three ")
    assert len(result.attempts) == 3


async def test_a_structured_answer_begins_anew(servers, manager_of):
    whole = json.dumps({
        "verdict": "benign", "family": None, "confidence": 50, "techniques": [], "iocs": [], "summary": "All is well.",
    })  # fmt: skip
    servers[0].will(words('{"verdict": "malicious", "summary": "It is', end="cut"))
    servers[1].will(words(whole))
    request = AnalysisRequest("?", options=AnalysisOptions(structured=True))
    result = await (await manager_of()).analyze(request, build_prompt("?", schema={"type": "object"}))
    assert (result.status, result.verdict.verdict, result.text) == ("completed", "benign", "All is well.")
    assert [aside.text for aside in result.set_aside] in ([], ["It is"])


# -- refusals


async def test_a_refusal_is_set_aside_and_the_next_is_asked(servers, manager_of):
    servers[0].will(words("I cannot help ", "with that.", reason="content_filter"))
    manager = await manager_of()
    result = await manager.analyze(REQUEST, PROMPT)
    assert (result.status, result.provider, result.text) == ("completed", "two", ANSWER)
    (aside,) = result.set_aside
    assert (aside.provider, aside.reason, aside.text) == ("one", "refused", "I cannot help with that.")
    assert manager.circuit("one") == "closed"
    assert [attempt.error for attempt in result.attempts] == [None, None]


async def test_refusals_never_open_the_breaker_and_are_not_asked_again(servers, manager_of):
    servers[0].will(words("No.", reason="content_filter"))
    manager = await manager_of()
    for _ in range(12):
        await manager.analyze(REQUEST, PROMPT)
    assert (asked(servers)[:2], manager.circuit("one")) == ([12, 12], "closed")


async def test_a_refusal_to_go_on_is_no_part_of_the_answer(servers, manager_of):
    servers[0].will(words("one ", end="cut"))
    servers[1].will(words("No.", reason="content_filter"))
    servers[2].will(words("two"))
    result = await (await manager_of()).analyze(REQUEST, PROMPT)
    assert (result.status, result.provider, result.text) == ("completed", "three", "one two")
    assert [aside.text for aside in result.set_aside] == ["one No."]
    assert so_far(servers[2].requests[0]) == "one "


async def test_where_nobody_goes_on_what_had_begun_stands(servers, manager_of):
    servers[0].will(words("one ", end="cut"))
    for server in servers[1:]:
        server.will(words("No.", reason="content_filter"))
    result = await (await manager_of()).analyze(REQUEST, PROMPT)
    assert (result.status, result.text, result.error.code) == ("failed", "one ", "invalid_response")


async def test_where_all_refuse_the_last_refusal_is_the_answer(servers, manager_of):
    for number, server in enumerate(servers):
        server.will(words(f"No {number}.", reason="content_filter"))
    result = await (await manager_of()).analyze(REQUEST, PROMPT)
    assert (result.status, result.text, result.provider) == ("refused", "No 2.", "three")
    assert [aside.text for aside in result.set_aside] == ["No 0.", "No 1."]


async def test_nobody_set_up_is_told_as_before(manager_of):
    manager = await manager_of(*[{"key_env": "NOT_SET"}] * 3)
    with pytest.raises(NoProvider):
        await manager.analyze(REQUEST, PROMPT)
