"""Answers that go on at the provider without a connection: nothing lost, nothing repeated, nothing left running."""

from __future__ import annotations

import asyncio
import json
import logging
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, PipelineOptions, build_prompt
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.pipeline import ORDER
from athena_lab.ai.providers.background import POLLS
from athena_lab.ai.providers.following import WAITS
from athena_lab.ai.providers.wires import find_wire
from athena_lab.ai.send import Tools
from athena_lab.ai.transports import Message
from athena_lab.ai.transports.sse import SseDecoder
from athena_lab.ai.types import Features
from athena_lab.events import Failed, Finished, Reconnecting, Started, Token, Usage
from tests.ai.conftest import KEY, PLAIN, Patience, row
from tests.ai.recorded import EVENTS, RESPONSES, TEXT, WHOLE
from tests.peers.scripted_server import ScriptedServer, drop, hang, raw, reply, sse, stream

PROMPT = build_prompt("?")
REQUEST = AnalysisRequest("?")
ANSWER = [json.loads(message.data) for message in SseDecoder().feed(RESPONSES)]
END = len(ANSWER) - 1


def piece(first, last=END):
    """The events with these numbers, as a stream."""
    return b"".join(sse(event, event["type"]) for event in ANSWER[first : last + 1])


def state(status, **more):
    return {"id": "resp_1", "object": "response", "status": status, "output": [], **more}


@pytest.fixture
def background(manager_for):
    def make(*, streaming=True, **changes):
        changes = {"policies": (), **changes}
        features = Features(background=True, streaming=streaming)
        return manager_for("openai-responses", row_changes={"features": features}, **changes)

    return make


async def collect(manager, request=REQUEST):
    async with manager.stream(request, PROMPT) as events:
        return [event async for event in events]


def asked(server):
    return [(sent.method, sent.path) for sent in server.requests]


PLACE = "/v1/responses/resp_1"
CANCEL = ("POST", f"{PLACE}/cancel")


# -- streaming


async def test_an_answer_that_does_not_break_off(server, background):
    server.will(stream([RESPONSES]))
    _, *middle, end = await collect(background())
    assert [*middle, Finished(end.status, end.stop_reason)] == EVENTS["openai-responses"]
    body = server.requests[0].json()
    assert (body["background"], body["store"], body["stream"]) == (True, True, True)
    assert asked(server) == [("POST", "/v1/responses")]


@pytest.mark.parametrize("end", ["cut", "reset", "clean"])
async def test_a_broken_connection_is_picked_up_where_it_broke(server, background, patience, end):
    server.will(stream([piece(0, 9)], end="cut" if end == "reset" else end), reply(503), stream([piece(10)]))
    _, *middle, last = await collect(background())
    told = [event for event in middle if isinstance(event, Reconnecting)]
    assert [(event.provider, event.attempt, event.wait) for event in told] == [("peer", 2, 1.0), ("peer", 3, 2.0)]
    assert [event for event in middle if not isinstance(event, Reconnecting)] == EVENTS["openai-responses"][:-1]
    assert last.status == "completed"
    resume = ("GET", f"{PLACE}?stream=true&starting_after=9")
    assert asked(server) == [("POST", "/v1/responses"), resume, resume]
    assert server.requests[1].headers["authorization"] == f"Bearer {KEY}"
    assert patience.slept == [1.0, 2.0]


async def test_what_comes_twice_is_shown_once(server, background):
    server.will(stream([piece(0, 9)]), stream([piece(3)]))
    _, *middle, _ = await collect(background())
    assert [event for event in middle if isinstance(event, Token)] == list(map(Token, TEXT))


async def test_what_is_left_out_is_noticed(server, background):
    server.will(stream([piece(0, 8)]), stream([piece(10)]), reply(200, state("cancelled")))
    *_, last = await collect(background())
    assert isinstance(last, Failed)
    assert "leaves out a part" in last.error.detail


async def test_before_the_first_number_everything_is_asked_for(server, background):
    created = {"type": "response.created", "response": state("in_progress")}
    server.will(stream([sse(created)]), stream([RESPONSES]))
    *_, last = await collect(background())
    assert last.status == "completed"
    assert asked(server)[1] == ("GET", f"{PLACE}?stream=true")


async def test_waits_grow_and_end(server, background, patience):
    server.will(stream([piece(0, 9)]), *[reply(503)] * 5, reply(200, state("cancelled")))
    manager = background()
    *_, last = await collect(manager, AnalysisRequest("?", options=AnalysisOptions(deadline=3_600)))
    await manager.aclose()
    assert patience.slept == list(WAITS) == [1, 2, 4, 8, 16]
    assert (last.error.code, last.error.upstream_status) == ("service_unavailable", 503)
    assert asked(server)[-1] == CANCEL


async def test_progress_begins_the_waits_anew(server, background, patience):
    server.will(stream([piece(0, 8)]), reply(500), stream([piece(9, 9)]), raw(b"junk"), stream([piece(10)]))
    *_, last = await collect(background())
    assert last.status == "completed"
    assert patience.slept == [1, 2, 1, 2]


async def test_a_provider_s_own_wait_is_kept_to(server, background, patience):
    server.will(stream([piece(0, 9)]), reply(429, "", {"retry-after": "7"}), stream([piece(10)]))
    assert (await collect(background()))[-1].status == "completed"
    assert patience.slept == [1, 7]


async def test_a_wait_that_would_outlast_the_deadline_is_not_begun(server, background, patience):
    server.will(stream([piece(0, 9)]), reply(200, state("cancelled")))
    manager = background()
    *_, last = await collect(manager, AnalysisRequest("?", options=AnalysisOptions(deadline=0.9)))
    await manager.aclose()
    assert (last.error.code, patience.slept) == ("invalid_response", [])
    assert asked(server)[-1] == CANCEL


@pytest.mark.parametrize(("status", "code"), [(401, "unauthorized"), (404, "invalid_request")])
async def test_what_reconnecting_cannot_mend_ends_at_once(server, background, patience, status, code):
    server.will(stream([piece(0, 9)]), reply(status))
    *_, last = await collect(background())
    assert (last.error.code, patience.slept) == (code, [1])


async def test_the_states_of_a_reconnection(server, background, monkeypatch):
    states = []
    server.will(stream([piece(0, 9)]), stream([piece(10)]))
    move = __import__("athena_lab.ai.states", fromlist=["StreamState"]).StreamState.move

    def noted(self, to):
        if to != self.value:
            states.append(to)
        move(self, to)

    monkeypatch.setattr("athena_lab.ai.states.StreamState.move", noted)
    await collect(background())
    first, again = ["connecting", "connected", "streaming"], ["connecting", "connected", "streaming", "completed"]
    assert states == [*first, "error", "reconnecting", *again]


@settings(max_examples=40)
@given(cuts=st.lists(st.integers(0, len(RESPONSES)), max_size=5), overlap=st.integers(0, 3))
async def test_wherever_it_breaks_nothing_is_lost_or_repeated(cuts, overlap):
    async def script(exchange):
        path = exchange.request.path
        if path.endswith("/cancel"):
            return await reply(200, state("cancelled"))(exchange)
        found = re.search(r"starting_after=(\d+)", path)
        data = piece(max(0, int(found[1]) + 1 - overlap)) if found else RESPONSES
        end = cuts.pop() if cuts else len(data)
        return await stream([data[:end]] if end else [], end="cut" if end < len(data) else "clean")(exchange)

    patience = Patience()
    tools = Tools(patience.clock, patience.sleep, patience.chance)
    async with ScriptedServer(script) as server:
        rows = [row(server, "openai-responses", features=Features(background=True))]
        async with AIManager(rows, environ={"PEER_KEY": KEY}, tools=tools, options=PLAIN) as manager:
            result = await manager.analyze(AnalysisRequest("?", options=AnalysisOptions(deadline=3_600)), PROMPT)
    if result.status == "completed":
        assert (result.text, result.usage) == ("".join(TEXT), Usage(11, 7, 2, 3))
    else:
        assert "".join(TEXT).startswith(result.text)
        assert result.error.code in {"invalid_response", "provider_unreachable"}


# -- polling


async def test_an_answer_is_looked_at_until_it_is_there(server, background, patience):
    waiting = [reply(200, state("queued")), *[reply(200, state("in_progress"))] * 5]
    server.will(*waiting, reply(200, WHOLE["openai-responses"]))
    _, *middle, last = await collect(background(streaming=False))
    assert (middle, last.status) == ([Token("".join(TEXT)), Usage(11, 7, 2, 3)], "completed")
    assert asked(server) == [("POST", "/v1/responses"), *[("GET", PLACE)] * 6]
    assert patience.slept == [*POLLS, POLLS[-1]]
    assert server.requests[0].json()["stream"] is False


async def test_a_failed_look_is_repeated(server, background, patience):
    server.will(
        reply(200, state("queued")), reply(500), raw(b"junk"), reply(503), reply(200, WHOLE["openai-responses"])
    )
    _, *middle, last = await collect(background(streaming=False))
    assert [event.wait for event in middle if isinstance(event, Reconnecting)] == [1, 2, 4]
    assert last.status == "completed"
    assert patience.slept == [1, 1, 2, 4]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (state("failed", error={"code": "server_error", "message": "m"}), "service_unavailable"),
        (state("failed", error={"code": "rate_limit_exceeded", "message": "m"}), "rate_limited"),
        (state("cancelled"), "service_unavailable"),
    ],
)
async def test_an_answer_that_failed_is_not_cancelled(server, background, answer, code):
    server.will(reply(200, state("queued")), reply(200, answer))
    manager = background(streaming=False)
    assert (await collect(manager))[-1].error.code == code
    await manager.aclose()
    assert CANCEL not in asked(server)


async def test_an_answer_without_an_id_is_no_answer(server, background):
    server.will(reply(200, {"object": "response", "status": "queued"}))
    *_, last = await collect(background(streaming=False))
    assert last.error.code == "invalid_response"
    assert asked(server) == [("POST", "/v1/responses")]


# -- stop stops


@pytest.mark.parametrize("streaming", [True, False])
async def test_whoever_leaves_cancels(server, background, streaming):
    if streaming:
        server.will(stream([piece(0, 9)], end="hang"), reply(200, state("cancelled")))
    else:
        server.will(reply(200, state("queued")), hang, reply(200, state("cancelled")))
    manager = background(streaming=streaming)
    task = asyncio.create_task(collect(manager))
    await server.until(lambda: len(server.requests) == (1 if streaming else 2))
    if streaming:
        await server.until(lambda: server.live == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await server.until(lambda: asked(server)[-1] == CANCEL)
    await manager.aclose()
    await server.until(lambda: server.live == 0)
    assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"


async def test_leaving_the_block_cancels(server, background):
    server.will(stream([piece(0, 9)], end="hang"), reply(200, state("cancelled")))
    manager = background()
    async with manager.stream(REQUEST, PROMPT) as events:
        assert isinstance(await anext(events), Started)
        assert isinstance(await anext(events), Token)
    await server.until(lambda: asked(server)[-1] == CANCEL)


async def test_a_deadline_cancels(server, background):
    server.will(stream([piece(0, 9)], end="hang"), reply(200, state("cancelled")))

    manager = background(tools=Tools(), policies=ORDER)
    result = await manager.analyze(AnalysisRequest("?", options=AnalysisOptions(deadline=0.3)), PROMPT)
    assert result.error.code == "deadline_exceeded"
    await server.until(lambda: asked(server)[-1] == CANCEL)


async def test_leaving_before_the_id_is_known_cancels_too(server, background):
    told = asyncio.Event()

    async def late(_number):
        await told.wait()

    server.will(stream([piece(0, 1)], end="hang", before=late), reply(200, state("cancelled")))
    manager = background()
    task = asyncio.create_task(collect(manager))
    await server.until(lambda: len(server.requests) == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    told.set()
    await server.until(lambda: asked(server)[-1] == CANCEL)
    await manager.aclose()
    await server.until(lambda: server.live == 0)


async def test_an_answer_read_to_its_end_is_not_cancelled(server, background):
    server.will(stream([RESPONSES]))
    manager = background()
    await collect(manager)
    await manager.aclose()
    assert asked(server) == [("POST", "/v1/responses")]


async def test_closing_the_manager_cancels_what_runs(server, background):
    server.will(stream([piece(0, 9)], end="hang"), reply(200, state("cancelled")))
    manager = background()
    async with manager.stream(REQUEST, PROMPT) as events:
        assert isinstance(await anext(events), Started)
        assert isinstance(await anext(events), Token)
        await manager.aclose()
        assert asked(server)[-1] == CANCEL
        *_, end = [event async for event in events]
    assert isinstance(end, Failed)
    await server.until(lambda: server.live == 0)


@pytest.mark.parametrize("answer", [reply(500), drop, hang])
async def test_a_cancel_that_fails_is_logged_and_waited_for_no_longer(server, background, caplog, monkeypatch, answer):
    monkeypatch.setattr("athena_lab.ai.providers.following.CANCEL", 0.2)
    server.will(stream([piece(0, 9)], end="hang"), answer)
    manager = background()
    with caplog.at_level(logging.WARNING):
        async with manager.stream(REQUEST, PROMPT) as events:
            assert isinstance(await anext(events), Started)
            assert isinstance(await anext(events), Token)
        async with asyncio.timeout(3):
            await manager.aclose()
    assert "may run on" in caplog.text
    assert KEY not in caplog.text


def test_an_id_leads_nowhere_else():
    wire = find_wire("openai-responses")
    for request in (
        wire.poll_request("http://x/v1", None, "../../files?a#b"),
        wire.cancel_request("http://x/v1", None, "../../files?a#b"),
        wire.resume_request("http://x/v1", None, "../../files?a#b", 3),
    ):
        assert request.url.startswith("http://x/v1/responses/..%2F..%2Ffiles%3Fa%23b")


@given(st.text(max_size=40))
def test_the_place_of_anything_can_be_asked_for(data):
    assert find_wire("openai-responses").place(Message(data)).id is None


async def test_a_poll_that_fails_and_two_that_find_it_running(server, background):
    running = reply(200, state("in_progress"))
    server.will(reply(200, state("queued")), reply(503), running, running, reply(200, WHOLE["openai-responses"]))
    events = await collect(background(streaming=False, policies=ORDER))
    assert events[-1].status == "completed"


async def test_a_wait_is_told_before_it_is_over(server, background, patience):
    created = {"type": "response.created", "sequence_number": 0, "response": state("in_progress")}
    server.will(stream([sse(created)]), reply(503), reply(503), stream([piece(1)]))
    async with background(policies=ORDER).stream(REQUEST, PROMPT) as events:
        told = [(type(event), len(patience.slept)) async for event in events]
    assert [slept for kind, slept in told if kind is Reconnecting] == [0, 1, 2]


async def test_a_wait_that_the_provider_asks_for_is_not_its_silence(server, background):
    server.will(stream([piece(0, 9)]), reply(429, "", {"retry-after": "0.4"}), stream([piece(10)]))
    options = PipelineOptions(deadline=DeadlineOptions(between_tokens=0.3))
    events = await collect(background(policies=ORDER, tools=Tools(), options=options))
    assert events[-1].status == "completed"
