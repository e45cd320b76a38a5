"""Real processes that are killed, and several on one file: nothing acknowledged is lost, nothing runs twice."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections import Counter
from contextlib import asynccontextmanager

import pytest

from athena_lab.ai.later_options import LaterOptions
from athena_lab.ai.question import result
from athena_lab.ai.store import Store
from tests.peers.answers import says
from tests.peers.scripted_server import ScriptedServer, hang, reply

PROGRAM = """
import asyncio, sys, time
from athena_lab import AnalysisRequest, open_lab
from athena_lab.errors import RateLimited

async def main(ahead, count):
    lab = open_lab()
    lab.later._clock = lambda: time.time() + ahead
    for number in range(count):
        error = RateLimited("Too many.", provider="local").problem()
        print(await lab.later.keep(AnalysisRequest(f"Question {number}?"), error), flush=True)
    lab.start()
    print("started", flush=True)
    await asyncio.Event().wait()

asyncio.run(main(float(sys.argv[1]), int(sys.argv[2])))
"""
LATER = "60"
"""Seconds by which a process's clock is ahead, so that all that waits is due."""
MOST = 12


def number_of(request):
    return int(re.search(rb"Question (\d+)\?", request.body)[1])


class Provider:
    """Answers, or hangs, by the number of the question; counts what it was asked."""

    def __init__(self, server):
        self.server = server
        self.hangs_on = range(0)
        self.answers = asyncio.Event()
        self.answers.set()
        self.since = 0
        server.will(self)

    @property
    def asked(self):
        return Counter(map(number_of, self.server.requests[self.since :]))

    async def __call__(self, exchange):
        await self.answers.wait()
        number = number_of(exchange.request)
        await (hang if number in self.hangs_on else says(f"Answer {number}."))(exchange)

    async def until(self, condition):
        async with asyncio.timeout(30):
            await self.server.until(condition)


@pytest.fixture
async def provider():
    async with ScriptedServer() as server:
        yield Provider(server)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "questions.db"


@pytest.fixture
def running(provider, path, tmp_path):
    """A process with a lab: gives it when it has queued so many, with what it said of each."""

    @asynccontextmanager
    async def run(*, ahead="0", count=0, lines=None):
        settings = {
            "ATHENA_LOCAL_URL": provider.server.url,
            "ATHENA_PROVIDERS__LOCAL__MODEL": "m",
            "ATHENA_AI__HEALTH__MONITOR": "off",
            "ATHENA_AI__LEDGER__PATH": ":memory:",
            "ATHENA_AI__LATER__PATH": str(path),
            "ATHENA_AI__LATER__QUEUED": str(MOST),
            "ATHENA_SAMPLES__FOLDER": str(tmp_path / "quarantine"),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, ahead, str(count), env=os.environ | settings, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(30):
                wanted = count + 1 if lines is None else lines
                said = [(await process.stdout.readline()).decode().strip() for _ in range(wanted)]
            yield process, [id_ for id_ in said if id_ not in {"started", "None", ""}]
        finally:
            if process.returncode is None:
                await killed(process)

    return run


async def killed(process):
    process.kill()
    await process.communicate()
    assert process.returncode == -9


@pytest.fixture
async def store(path):
    store = Store(path, LaterOptions(queued=MOST))
    yield store
    await store.aclose()


async def found(store, ids):
    questions = [await store.do(lambda file, id_=id_: file.find(id_, 0.0)) for id_ in ids]
    assert None not in questions, "an acknowledged question is lost"
    return questions


async def answers(store, ids):
    return [answer.text if (answer := result(question)) else question.state for question in await found(store, ids)]


async def all_answered(store, ids):
    async with asyncio.timeout(30):
        while "queued" in (known := await answers(store, ids)) or "running" in known:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    return known


async def test_killed_with_a_full_queue_each_is_answered_and_asked_once(running, provider, store):
    async with running(count=MOST + 1) as (process, ids):
        assert len(ids) == MOST  # one more is not acknowledged
        await killed(process)
    assert not provider.asked
    assert await answers(store, ids) == ["queued"] * MOST
    async with running(ahead=LATER):
        assert await all_answered(store, ids) == [f"Answer {number}." for number in range(MOST)]
    assert provider.asked == dict.fromkeys(range(MOST), 1)


@pytest.mark.parametrize("lines", [1, 2, 5])
async def test_killed_while_it_queues_what_was_acknowledged_is_there(running, provider, store, lines):
    async with running(count=MOST, lines=lines) as (process, ids):
        await killed(process)
    assert len(ids) == lines
    async with running(ahead=LATER):
        assert await all_answered(store, ids) == [f"Answer {number}." for number in range(lines)]
    assert set(provider.asked.values()) == {1}


async def test_killed_while_it_asks_those_without_an_answer_are_asked_once_more(running, provider, store):
    async with running(count=6) as (process, ids):
        await killed(process)
    provider.hangs_on = range(2, 6)
    async with running(ahead=LATER) as (process, _):
        await provider.until(lambda: provider.asked[2] and provider.asked[3])
        assert await all_answered(store, ids[:2]) == ["Answer 0.", "Answer 1."]
        await killed(process)
    assert provider.asked == {0: 1, 1: 1, 2: 1, 3: 1}
    provider.hangs_on = range(0)
    async with running(ahead=LATER):
        assert await all_answered(store, ids) == [f"Answer {number}." for number in range(6)]
    assert provider.asked == {0: 1, 1: 1, 2: 2, 3: 2, 4: 1, 5: 1}


async def test_two_processes_ask_each_question_once(running, provider, store):
    async with running(count=MOST) as (process, ids):
        await killed(process)
    provider.answers.clear()
    async with running(ahead=LATER), running(ahead=LATER):
        await provider.until(lambda: provider.asked.total() == 2)
        provider.answers.set()
        await all_answered(store, ids)
    assert provider.asked == dict.fromkeys(range(MOST), 1)


async def test_when_one_of_two_is_killed_the_other_takes_over(running, provider, store):
    async with running(count=4) as (process, ids):
        await killed(process)
    provider.hangs_on = range(4)
    async with running(ahead=LATER) as (first, _):
        await provider.until(lambda: provider.asked.total() == 2)
        async with running(ahead=LATER):
            provider.hangs_on = range(0)
            await killed(first)
            assert await all_answered(store, ids) == [f"Answer {number}." for number in range(4)]
    assert provider.asked == {0: 2, 1: 2, 2: 1, 3: 1}


async def test_while_the_provider_fails_they_stay(running, provider, store):
    async with running(count=3) as (process, ids):
        await killed(process)
    server = provider.server
    server.will(reply(429, "{}", {"retry-after": "3600"}))
    async with running(ahead=LATER) as (process, _):
        async with asyncio.timeout(30):
            while {(it.state, it.tries) for it in await found(store, ids)} != {("queued", 1)}:  # noqa: ASYNC110 - a process
                await asyncio.sleep(0.02)
        await killed(process)
    assert await answers(store, ids) == ["queued"] * 3
    server.will(provider)
    provider.since = len(server.requests)
    async with running(ahead=LATER) as (process, _):
        assert not provider.asked  # an hour is not over
        await killed(process)
    async with running(ahead="3720"):
        await all_answered(store, ids)
    assert provider.asked == {0: 1, 1: 1, 2: 1}
