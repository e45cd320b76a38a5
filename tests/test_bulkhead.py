"""Bulkheads: places, a bounded queue, fairness, and nothing lost by cancelling."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.bulkhead import Bulkhead, BulkheadOptions
from athena_lab.errors import BulkheadFull
from tests.ai.virtual_time import run


def make(workers, queue, **settings):
    return Bulkhead("peer", BulkheadOptions(workers, queue), lambda: asyncio.get_running_loop().time(), **settings)


async def hold(bulkhead, gate, entered, name):
    async with bulkhead.place():
        entered.append(name)
        await gate.wait()


async def turns(count=5):
    for _ in range(count):
        await asyncio.sleep(0)


def test_so_many_at_once_so_many_wait_and_the_rest_is_told_at_once():
    async def check():
        depths, waits = [], []
        bulkhead = make(2, 3, on_change=depths.append, on_wait=waits.append)
        gate, entered = asyncio.Event(), []
        tasks = [asyncio.ensure_future(hold(bulkhead, gate, entered, n)) for n in range(5)]
        await turns()
        assert (bulkhead.running, bulkhead.depth, entered, bulkhead.load) == (2, 3, [0, 1], 2.5)
        with pytest.raises(BulkheadFull, match="2 requests run and 3 wait") as caught:
            async with bulkhead.place():
                pass
        assert caught.value.retry_after > 0
        await asyncio.sleep(4)
        gate.set()
        await asyncio.gather(*tasks)
        assert entered == [0, 1, 2, 3, 4]
        assert (bulkhead.running, bulkhead.depth) == (0, 0)
        assert depths == [1, 2, 3, 2, 1, 0]
        assert waits == [4, 4, 4]

    run(check())


def test_nobody_overtakes_who_waits():
    async def check():
        bulkhead, order = make(1, 10), []
        gates = [asyncio.Event() for _ in range(3)]
        first, second = (asyncio.ensure_future(hold(bulkhead, gates[n], order, n)) for n in range(2))
        await turns()
        gates[0].set()
        await first
        third = asyncio.ensure_future(hold(bulkhead, gates[2], order, 2))  # the place is free only for who waited
        await turns()
        assert order == [0, 1]
        for gate in gates:
            gate.set()
        await asyncio.gather(second, third)
        assert order == [0, 1, 2]

    run(check())


@given(
    st.integers(1, 4), st.integers(0, 6), st.lists(st.tuples(st.sampled_from("scx"), st.integers(0, 11)), max_size=40)
)
def test_whatever_is_cancelled_no_place_is_lost_and_none_is_given_twice(workers, queue, steps):
    async def check():
        bulkhead, inside, most = make(workers, queue), 0, 0
        gates, tasks = {}, {}

        async def one(number):
            nonlocal inside, most
            async with bulkhead.place():
                inside += 1
                most = max(most, inside)
                try:
                    await gates[number].wait()
                finally:
                    inside -= 1

        for step, (what, which) in enumerate(steps):
            if what == "s":
                gates[step] = asyncio.Event()
                tasks[step] = asyncio.ensure_future(one(step))
            elif tasks:
                chosen = list(tasks)[which % len(tasks)]
                tasks[chosen].cancel() if what == "c" else gates[chosen].set()
            if which % 2:
                await turns(which)
        for gate in gates.values():
            gate.set()
        results = await asyncio.gather(*tasks.values(), return_exceptions=True)
        assert all(isinstance(result, BulkheadFull | asyncio.CancelledError | None) for result in results)
        assert most <= workers
        assert (bulkhead.running, bulkhead.depth, inside) == (0, 0, 0)

    run(check())
