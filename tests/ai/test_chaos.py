"""A thousand questions to three providers that fail in seven ways: each ends in a whole answer or a named error."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from contextlib import AsyncExitStack

import msgspec
import pytest

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, PipelineOptions, build_prompt
from athena_lab.ai.breaker import BreakerOptions
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.retry import RetryOptions
from athena_lab.errors import error_codes
from athena_lab.events import Failed, FailedOver, Finished, Recovered, Started
from tests.ai.conftest import KEY, row
from tests.ai.several import shown
from tests.peers.scripted_server import ScriptedServer, hang, reply, sse, stream

QUESTIONS = 1_000
AT_ONCE = 60
DEADLINE = 4.0
"""Seconds. Most of what fails is over in less; what hangs is left after `FIRST_TOKEN`."""
FIRST_TOKEN = 0.4
SLACK = 1.0
"""Seconds that a busy machine may take to tell of a deadline."""
SEED = 20_261_123
WORDS = [f"word{number} " for number in range(12)]
FAULTS = ("503", "hang", "truncation", "refusal", "429", "reset", "garbage")
REFUSAL = "I cannot help with that."
OPTIONS = PipelineOptions(
    retry=RetryOptions(base=0.01, budget=1_000),
    deadline=DeadlineOptions(first_token=FIRST_TOKEN, between_tokens=FIRST_TOKEN),
)
PATIENT = BreakerOptions(failures=1_000, failure_ratio=1.0)
"""So that a fault is met by failover, retries and resumption, and not by leaving the provider alone."""
HASTY = BreakerOptions(open_time=0.05)
"""So that most are turned away: how many are not, and by which faults they pass, is for the machine's speed to say."""
ALL_MOVES = {"refused", "service_unavailable", "rate_limited", "provider_timeout", "invalid_response"}


def _words(words, reason="stop", end="clean"):
    def piece(text, why=None):
        return sse({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": why}]})

    last = [piece("", reason), sse("[DONE]")] if end == "clean" else []
    return stream([*map(piece, words), *last], end=end)


def _left(request):
    """The words that an answer still lacks: all, or those behind what the question says was written already."""
    user = request.json()["messages"][-1]["content"]
    begun = re.search(r"The answer so far.*?UNTRUSTED [0-9a-f]+ BEGIN\n(.*?)\nUNTRUSTED", user, re.DOTALL)
    return WORDS[len(re.findall("word", begun[1])) :] if begun else WORDS


def faulty(chance, met):
    """A provider that fails in each of the ways one time in ten."""

    async def script(exchange):
        drawn = chance.randrange(10)
        fault = FAULTS[drawn] if drawn < len(FAULTS) else "none"
        met[fault] += 1
        left = _left(exchange.request)
        some = left[: max(1, len(left) // 2)]
        does = {
            "503": lambda: reply(503),
            "hang": lambda: hang,
            "truncation": lambda: _words(some, end="cut"),
            "refusal": lambda: _words([REFUSAL], "content_filter"),
            "429": lambda: reply(429, "", {"retry-after": "0.02"}),
            "reset": lambda: _words(some, end="reset"),
            "garbage": lambda: stream([b"data: {]\n\n"]),
            "none": lambda: _words(left),
        }
        await does[fault]()(exchange)

    return script


async def ask(manager, number):
    """One question's events, and how long it took."""
    request = AnalysisRequest("?", options=AnalysisOptions(deadline=DEADLINE))
    began = asyncio.get_running_loop().time()
    async with manager.stream(request, build_prompt(f"Question {number}?")) as events:
        got = [event async for event in events]
    return got, asyncio.get_running_loop().time() - began


def check(events, elapsed):
    first, *_, last = events
    assert isinstance(first, Started)
    assert isinstance(last, Finished | Failed)
    assert sum(isinstance(event, Finished | Failed) for event in events) == 1
    assert elapsed < DEADLINE + SLACK
    text, whole = shown(events), "".join(WORDS)
    instead = next((event for event in events if isinstance(event, Recovered)), None)
    if isinstance(last, Failed):
        assert last.error.code in error_codes()
        assert last.error.next_step
        # The deadline may come between a refusal's words and its reason to end.
        assert whole.startswith(text) or text == REFUSAL
        return last.error.code
    if last.status == "completed":
        assert text == whole
    elif last.status == "refused":
        assert text == REFUSAL
    else:
        assert instead is not None
        assert instead.error.code in error_codes()
        assert "Written without AI" in text
    return last.status


@pytest.mark.parametrize(("breaker", "completed", "expected"), [(PATIENT, 0.6, ALL_MOVES), (HASTY, 0.0, set())])
async def test_every_question_ends_in_a_whole_answer_or_a_named_error(breaker, completed, expected):
    chance, met = random.Random(SEED), Counter()
    options = msgspec.structs.replace(OPTIONS, breaker=breaker)
    async with AsyncExitStack() as stack:
        rows = []
        for priority in (1, 2, 3):
            server = await stack.enter_async_context(ScriptedServer())
            server.will(faulty(chance, met))
            rows.append(row(server, name=f"peer{priority}", priority=priority))
        manager = await stack.enter_async_context(AIManager(rows, environ={"PEER_KEY": KEY}, options=options))
        places = asyncio.Semaphore(AT_ONCE)

        async def one(number):
            async with places:
                return await ask(manager, number)

        answers = await asyncio.gather(*(one(number) for number in range(QUESTIONS)))
        ended = Counter(check(events, elapsed) for events, elapsed in answers)
        assert all(guard.bulkhead.running == guard.bulkhead.depth == 0 for guard in manager._tools.guards.values())
    assert set(met) == {*FAULTS, "none"}
    assert ended.total() == QUESTIONS
    assert ended["completed"] > QUESTIONS * completed, ended
    moves = [event for events, _ in answers for event in events if isinstance(event, FailedOver)]
    assert not expected or {move.resumed for move in moves} == {True, False}
    assert expected <= {move.error for move in moves}
