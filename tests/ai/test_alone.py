"""Each policy alone, and none, between the manager and three providers on loopback: whatever comes, it ends truly."""

from __future__ import annotations

import asyncio
import json

import pytest

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, build_prompt
from athena_lab.ai.pipeline import ORDER
from athena_lab.ai.send import Tools
from athena_lab.ai.structured import schema
from athena_lab.errors import error_codes
from athena_lab.events import Failed, Finished, Recovered, Started, Structured
from tests.ai.conftest import Patience
from tests.ai.several import ENVIRON, rows, shown
from tests.ai.test_structured import GOOD, chat
from tests.peers.scripted_server import reply, sse, stream

ANSWER = "It is packed."
WHOLE = json.dumps(GOOD)
ALONE = {"none": (), **{policy.__module__.rpartition(".")[2]: (policy,) for policy in ORDER}}
QUESTIONS = {
    "plain": (ANSWER, build_prompt("?"), AnalysisOptions()),
    "structured": (WHOLE, build_prompt("?", schema=schema()), AnalysisOptions(structured=True)),
    "consensus": (WHOLE, build_prompt("?", schema=schema()), AnalysisOptions(structured=True, consensus=2)),
}
HAPPENS = ("answer", "refusal", "503", "broken off")
REFUSAL = "I cannot help."


def first_of(happens, answer):
    """What the first provider does."""

    def piece(text, reason=None):
        return sse({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": reason}]})

    return {
        "answer": chat(answer),
        "refusal": stream([piece(REFUSAL, "content_filter"), sse("[DONE]")]),
        "503": reply(503),
        "broken off": stream([piece(answer[: len(answer) // 2])], end="cut"),
    }[happens]


def expected(name, asks, happens):
    """How it is to end: with what status, or in an error."""
    if happens == "answer" or name == "failover" or (name, asks) == ("consensus", "consensus"):
        return "completed"
    if happens == "refusal":
        return "refused"
    if (name, happens) == ("retry", "503"):
        return "completed"
    return "degraded" if (name, happens) == ("recovery", "503") else "failed"


def whole(answer, events):
    """Whether what is shown as complete is."""
    structured = [event for event in events if isinstance(event, Structured)]
    return structured[-1].assessment is not None if structured else shown(events) == answer


@pytest.mark.parametrize("happens", HAPPENS)
@pytest.mark.parametrize("asks", QUESTIONS)
@pytest.mark.parametrize("name", ALONE)
async def test_alone(peers, name, asks, happens):
    answer, prompt, options = QUESTIONS[asks]
    peers[0].will(first_of(happens, answer), chat(answer))
    goes_on = (name, asks, happens) == ("failover", "plain", "broken off")  # with what the first has not written
    for server in peers[1:]:
        server.will(chat(answer[len(answer) // 2 :] if goes_on else answer))
    before = asyncio.all_tasks()
    patience = Patience()
    tools = Tools(patience.clock, patience.sleep, patience.chance)
    async with AIManager(rows(peers), environ=ENVIRON, policies=ALONE[name], tools=tools) as manager:
        async with manager.stream(AnalysisRequest("?", options=options), prompt) as stream_of:
            events = [event async for event in stream_of]
        assert all(guard.bulkhead.running == guard.bulkhead.depth == 0 for guard in manager._tools.guards.values())
    assert asyncio.all_tasks() <= before
    for server in peers:
        await server.until(lambda server=server: server.live == 0)
    check(name, asks, happens, answer, events)


def check(name, asks, happens, answer, events):
    first, *_, last = events
    assert isinstance(first, Started)
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1
    outcome = "failed" if isinstance(last, Failed) else last.status
    assert outcome == expected(name, asks, happens)
    if outcome == "completed":
        assert whole(answer, events)
    elif outcome == "refused":
        assert shown(events) == REFUSAL
    elif outcome == "degraded":
        assert any(isinstance(event, Recovered) and event.error.code in error_codes() for event in events)
    else:
        assert last.error.code in error_codes()
        assert not any(isinstance(event, Structured) and event.assessment is not None for event in events)
        assert shown(events) != answer
