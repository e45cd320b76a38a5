"""Attempts hold their provider's place, and then those that they share with everything else."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from prometheus_client import REGISTRY

from athena_lab.ai.bulkhead import policy
from athena_lab.ai.guards import Guard
from athena_lab.ai.metrics import watch
from athena_lab.ai.pipeline import PipelineOptions
from athena_lab.ai.prompt import build_prompt
from athena_lab.ai.providers.registry import ProviderRow
from athena_lab.ai.send import Call, Tools
from athena_lab.bulkhead import BulkheadOptions
from athena_lab.bulkheads import Bulkheads, BulkheadsOptions
from athena_lab.errors import BulkheadFull, DeadlineExceeded
from athena_lab.events import Finished, Token
from tests.ai.virtual_time import run

END = Finished("completed", "stop")


class Pipeline:
    """The policy before three providers, each of which has one place and answers when the test says so."""

    def __init__(self, **places):
        clock = asyncio.get_running_loop().time
        rows = {name: ProviderRow(name, "openai-chat", workers=1, queue=1) for name in ("slow", "quick", "third")}
        self.guards = {name: Guard(row, clock, lambda: 0.5) for name, row in rows.items()}
        self.bulkheads = Bulkheads(BulkheadsOptions(**places), clock)
        self.may_end = {name: asyncio.Event() for name in rows}
        self.sent = []
        tools = Tools(clock, guards=self.guards, bulkheads=self.bulkheads)
        self.send = policy(PipelineOptions(), tools)(self._answer)

    async def _answer(self, call):
        self.sent.append(call.provider)
        yield Token("a")
        await self.may_end[call.provider].wait()
        yield END

    async def ask(self, provider, seconds=100.0):
        expires = asyncio.get_running_loop().time() + seconds
        async with aclosing(self.send(Call(provider, "m", build_prompt("?"), 100, expires))) as items:
            return [item async for item in items]

    def start(self, provider, seconds=100.0):
        return asyncio.ensure_future(self.ask(provider, seconds))

    @property
    def held(self):
        return {bulkhead.name: bulkhead.running for bulkhead in self.bulkheads if bulkhead.running}


async def turns():
    for _ in range(10):
        await asyncio.sleep(0)


def test_who_waits_for_a_provider_takes_nobody_elses_place():
    async def check():
        pipeline = Pipeline(ai=BulkheadOptions(2, 0))
        slow, waiting = pipeline.start("slow"), pipeline.start("slow")
        await turns()
        assert pipeline.held == {"ai": 1, "everything": 1, "network": 1}
        pipeline.may_end["quick"].set()
        assert await pipeline.ask("quick") == [Token("a"), END]
        pipeline.may_end["slow"].set()
        assert await asyncio.gather(slow, waiting) == [[Token("a"), END]] * 2
        assert pipeline.held == {}

    run(check())


def test_who_finds_no_shared_place_is_told_in_time_and_gives_its_providers_back():
    async def check():
        pipeline = Pipeline(ai=BulkheadOptions(1, 1))
        slow = pipeline.start("slow")
        await turns()
        waiting = pipeline.start("quick", seconds=3)
        await turns()
        with pytest.raises(BulkheadFull, match="ai: 1 requests run and 1 wait"):
            await pipeline.ask("third")
        with pytest.raises(DeadlineExceeded, match="waited for others"):
            await waiting
        assert asyncio.get_running_loop().time() == 3
        assert [guard.bulkhead.running for guard in pipeline.guards.values()] == [1, 0, 0]
        assert pipeline.sent == ["slow"]
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        assert pipeline.held == {}

    run(check())


def test_whoever_leaves_early_or_is_cancelled_gives_all_back():
    async def check():
        pipeline = Pipeline()
        call = Call("slow", "m", build_prompt("?"), 100, 100.0)
        async with aclosing(pipeline.send(call)) as items:
            assert await anext(items) == Token("a")
            assert pipeline.held == {"ai": 1, "everything": 1, "network": 1}
        assert pipeline.held == {}
        asking = pipeline.start("slow")
        await turns()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert (pipeline.held, pipeline.guards["slow"].bulkhead.running) == ({}, 0)

    run(check())


def test_without_guards_and_bulkheads_nothing_is_wrapped():
    async def send(_call):
        yield END

    assert policy(PipelineOptions(), Tools())(send) is send


async def test_a_providers_queue_is_exported(manager_for):
    manager = manager_for(row_changes={"name": "queued", "workers": 1})
    watch(manager)
    bulkhead = manager.bulkheads["queued"]
    await bulkhead.enter()
    waiting = [asyncio.ensure_future(bulkhead.enter()) for _ in range(2)]
    await turns()
    assert REGISTRY.get_sample_value("athena_ai_queue_size", {"provider": "queued"}) == 2
    assert REGISTRY.get_sample_value("athena_bulkhead_waiting", {"bulkhead": "provider:queued"}) == 2
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert REGISTRY.get_sample_value("athena_ai_queue_size", {"provider": "queued"}) == 0
