"""Three doors, one answer: the same events by each, and none lost or repeated when connections break."""

from __future__ import annotations

import asyncio
import random
from hashlib import sha256

import httpx
import pytest

from athena_lab.ai.types import AnalysisRequest
from athena_lab.errors import AnalysisCancelled, ServerUnreachable
from athena_lab.events import Failed, Finished, Started, Token, Usage
from athena_lab.jupyter.widgets import AskCell
from tests.peers.answers import (
    QUESTION,
    TRANSPORTS,
    Endless,
    hang_after,
    logged,
    says,
    stalls,
    turns,
    until,
)
from tests.peers.cutting_proxy import Cut, CuttingProxy

REQUEST = AnalysisRequest(**QUESTION)
WORDS = [f"„{number}“ {sha256(bytes([number])).hexdigest()[:20]} näïve 🦠 " for number in range(120)]
"""What cannot be compressed well, so that there is something to cut off by every door."""


@pytest.fixture(params=TRANSPORTS)
def transport(request):
    return request.param


class Waits:
    """Sleeps that take no time."""

    def __init__(self):
        self.slept = []

    async def __call__(self, seconds):
        self.slept.append(seconds)
        await turns(20)  # what the server notices of a lost connection, it notices meanwhile


async def read_all(lab):
    async with lab.stream(REQUEST) as events:
        return [event async for event in events]


async def test_every_door_gives_the_same_events(provider, served):
    provider.will(says(*WORDS))
    seen = {}
    for transport in TRANSPORTS:
        async with served.client(transport=transport) as lab:
            seen[transport] = await read_all(lab)
        assert seen[transport] == logged(served.jobs[-1])
    for events in seen.values():
        assert isinstance(events[0], Started)
        assert [event.text for event in events[1:-2]] == WORDS
        assert events[-2] == Usage(11, 7)
        assert isinstance(events[-1], Finished)
    assert len(served.jobs) == len(provider.requests) == 3


async def test_without_a_choice_it_is_a_websocket(served):
    async with served.client() as lab:
        await read_all(lab)
        assert lab._sockets._session is not None


# -- connections that break


def random_cuts(chance, count):
    for _ in range(count):
        size = chance.randrange(800) if chance.randrange(4) == 0 else chance.randrange(800, 2_000)
        up = chance.randrange(12) == 0
        yield Cut(up=size % 600 if up else None, down=None if up else size, reset=chance.random() < 0.5)


@pytest.mark.parametrize("seed", range(12))
async def test_a_lost_connection_loses_and_repeats_nothing(provider, served, transport, seed):
    provider.will(says(*WORDS))
    # A poll that is cut off brings nothing, and after five attempts that bring nothing there is no sixth.
    cuts = list(random_cuts(random.Random(f"{transport}{seed}"), 5 if transport == "polling" else 12))
    waits = Waits()
    async with (
        CuttingProxy(served.port, cuts) as proxy,
        served.client(proxy.port, transport=transport, sleep=waits) as lab,
    ):
        seen = await read_all(lab)
    assert seen == logged(served.jobs[-1])
    assert [event.text for event in seen if isinstance(event, Token)] == WORDS
    assert (len(served.jobs), len(provider.requests)) == (1, 1)  # nor is the question asked twice
    assert proxy.cut > 1
    assert set(waits.slept) <= {1, 2, 4, 8, 16}


async def test_every_byte_of_a_websockets_beginning_may_be_the_last(provider, served):
    provider.will(says("a", "b"))
    async with (
        CuttingProxy(served.port) as proxy,
        served.client(proxy.port, transport="websocket", sleep=Waits()) as lab,
    ):
        for size in range(0, 700, 23):
            proxy.will(Cut(down=size))
            assert [event.text for event in await read_all(lab) if isinstance(event, Token)] == ["a", "b"]
    assert len(provider.requests) == len(served.jobs)


async def test_who_cannot_come_back_says_so(provider, served, transport):
    provider.will(hang_after("a"))
    waits = Waits()
    async with (
        CuttingProxy(served.port) as proxy,
        served.client(proxy.port, transport=transport, sleep=waits) as lab,
        lab.stream(REQUEST) as events,
    ):
        assert isinstance(await anext(events), Started)
        assert await anext(events) == Token("a")
        await proxy.__aexit__()
        with pytest.raises(ServerUnreachable, match="There is no answer"):
            await anext(events)
    assert waits.slept == [1, 2, 4, 8, 16]


# -- readers that are slow, pause, stop, or vanish


@pytest.mark.parametrize("transport", ["websocket", "sse"])  # a polled answer runs to its end, whoever reads it
async def test_a_slow_reader_slows_the_provider(provider, served, transport):
    endless = Endless()
    provider.will(endless)
    async with served.client(transport=transport) as lab, lab.stream(REQUEST) as events:
        await anext(events)
        [job] = served.jobs
        await until(job, lambda: job.state == "buffering")
        await stalls(lambda: endless.sent)
        assert endless.sent * 16_384 < 24 << 20  # the buffers of four sockets, and a mebibyte of ours
        numbers = [int((await anext(events)).text.split(" ")[0]) for _ in range(2_000)]
        assert numbers == list(range(1, 2_001))


async def test_pause_stalls_the_providers_socket_and_resume_goes_on(provider, served, transport):
    endless = Endless(size=65_536)
    provider.will(endless)
    async with served.client(transport=transport) as lab, lab.stream(REQUEST) as events:
        await anext(events)
        await anext(events)
        [job] = served.jobs
        await events.pause()
        assert job.state == "paused"
        at = job.last
        await stalls(lambda: endless.sent)
        assert job.last <= at + 1  # what was being waited for
        seen = 1
        while seen < job.last - 1:
            await anext(events)
            seen += 1
        await events.resume()
        for number in range(seen + 1, seen + 101):
            assert (await anext(events)).text.startswith(f"{number} ")


async def test_leaving_closes_the_connection_to_the_provider_at_once(provider, served, transport):
    provider.will(hang_after("a"))
    async with served.client(transport=transport) as lab:
        async with lab.stream(REQUEST) as events:
            async for event in events:
                if event == Token("a"):
                    break
        [job] = served.jobs
        assert job.done
        assert isinstance(logged(job)[-1], Failed)
    async with asyncio.timeout(5):  # the grace time is a minute
        await provider.until(lambda: provider.live == 0)


async def test_a_reader_that_is_cancelled_closes_it_too(provider, served, transport):
    provider.will(hang_after())
    async with served.client(transport=transport) as lab:
        task = asyncio.ensure_future(read_all(lab))
        await provider.until(lambda: provider.live == 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(5):
            await provider.until(lambda: provider.live == 0)


async def test_the_stop_button_closes_it_at_once(provider, served, transport):
    provider.will(hang_after("so far"))
    async with served.client(transport=transport) as lab:
        cell = AskCell(lab, provider="local", model="m", publish=lambda *_, **__: None)
        task = asyncio.ensure_future(cell.ask("Go."))
        await provider.until(lambda: provider.live == 1)
        [job] = served.jobs
        await until(job, lambda: job.last == 2)
        cell.stop()
        await task
        assert cell.answer.ending == "stopped"
        async with asyncio.timeout(5):
            await provider.until(lambda: provider.live == 0)
        cell.close()


async def test_an_answer_cancelled_elsewhere_ends_with_a_name(provider, served, transport):
    provider.will(hang_after("a"))
    async with served.client(transport=transport) as lab, lab.stream(REQUEST) as events:
        assert isinstance(await anext(events), Started)
        async with httpx.AsyncClient(headers=served.headers, trust_env=False) as http:
            done = await http.delete(served.url(f"api/v1/ai/jobs/{served.jobs[0].id}"))
        assert (done.status_code, done.json()["state"], done.json()["done"]) == (200, "failed", True)
        *_, last = [event async for event in events]
        assert last.error.code == AnalysisCancelled.code


class TestWithALittleGrace:
    @pytest.fixture(autouse=True)
    def _little(self, monkeypatch):
        monkeypatch.setenv("ATHENA_AI__JOBS__GRACE", "0.05")

    async def test_who_vanishes_is_not_waited_for_for_ever(self, provider, served):
        provider.will(hang_after("a"))
        for transport in ("websocket", "sse"):
            async with CuttingProxy(served.port) as proxy, served.client(proxy.port, transport=transport) as lab:
                events = lab.stream(REQUEST)
                stream = await events.__aenter__()
                assert isinstance(await anext(stream), Started)
                assert await anext(stream) == Token("a")
                assert provider.live == 1
                await proxy.__aexit__()
                async with asyncio.timeout(5):
                    await provider.until(lambda: provider.live == 0)
                await events.__aexit__(None, None, None)
            await served.jobs[-1].wait_closed()
            assert logged(served.jobs[-1])[-1].error.code == "analysis_cancelled"
