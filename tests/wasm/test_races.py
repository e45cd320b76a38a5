"""Modules come and go while they are called: each call has an answer or an error that says why it has none."""

from __future__ import annotations

import asyncio
import random

import pytest

from athena_lab.errors import UnknownModule

ROUNDS = 24


@pytest.mark.parametrize("seed", range(2))
async def test_calls_while_a_module_comes_and_goes(open_runtime, seed):
    runtime = await open_runtime(workers=2)
    chance = random.Random(seed)
    answers, refusals = [], []
    done = False

    async def call():
        while not done:
            try:
                answers.append((await runtime.call("misbehave", "echo")).output.data)
            except UnknownModule as error:
                refusals.append(error)
            await asyncio.sleep(0)

    async def change():
        for _ in range(ROUNDS // 2):
            act = chance.choice([runtime.reload, runtime.unload, lambda name: runtime.load((name,)), _probe(runtime)])
            await act("misbehave")
            await asyncio.sleep(0)

    callers = [asyncio.create_task(call()) for _ in range(4)]
    await asyncio.gather(change(), change())
    await runtime.load(("misbehave",))
    done = True
    await asyncio.gather(*callers)  # raises what is neither an answer nor a module that is not there
    assert answers
    assert set(map(bytes, answers)) == {bytes(answers[0])}
    counts = runtime.counts["misbehave"]
    assert (counts.calls, counts.errors) == (len(answers), 0)
    assert all("misbehave" in str(error) for error in refusals)
    assert (runtime.busy, "misbehave" in runtime.failures) == (0, False)


def _probe(runtime):
    async def probe(_name):
        await runtime.probe()

    return probe


async def test_a_module_that_is_removed_while_it_is_asked_how_it_is(open_runtime):
    runtime = await open_runtime()
    probe = asyncio.create_task(runtime.probe())
    await asyncio.sleep(0)  # it has chosen whom to ask, and asked nobody yet
    del runtime.health["misbehave"]
    await probe
