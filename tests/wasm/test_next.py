"""A thread that ends begins with the call that is next, before the loop has passed its place on."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from athena_lab.bulkhead import BulkheadOptions
from athena_lab.bulkheads import Bulkheads, BulkheadsOptions
from athena_lab.errors import ModuleDeadline, WasmError
from athena_lab.wasm.worker import Worker

LONG = 10
"""Seconds after which a test that hangs fails."""


@pytest.fixture
def gate(monkeypatch):
    """Calls of `prepared` begin, and end when they are let; others as ever."""
    gate = Gate()
    real = Worker.run

    def run(worker, job):
        if job.function == "prepared":
            gate.begin()
        return real(worker, job)

    monkeypatch.setattr(Worker, "run", run)
    yield gate
    gate.let.set()


class Gate:
    def __init__(self):
        self.begun = []
        self.let = threading.Event()
        self.second = threading.Event()

    def begin(self):
        self.begun.append(threading.current_thread())
        if len(self.begun) == 2:
            self.second.set()
        assert self.let.wait(LONG)


def one_at_a_time():
    return Bulkheads(BulkheadsOptions(cpu=BulkheadOptions(1, 50)))


async def running_and_waiting(runtime, places, gate):
    calls = []
    for depth in range(2):
        calls.append(asyncio.ensure_future(runtime.call("misbehave", "prepared")))
        await until(lambda: places["cpu"].depth >= depth and gate.begun)  # noqa: B023 - it is awaited at once
    return calls


async def until(condition):
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110 - threads have no loop on which to set an event
            await asyncio.sleep(0)


def is_free(places):
    return {(bulkhead.running, bulkhead.depth) for bulkhead in places} == {(0, 0)}


async def test_the_next_call_does_not_wait_for_the_loop(open_runtime, gate):
    places = one_at_a_time()
    runtime = await open_runtime(bulkheads=places)
    calls = await running_and_waiting(runtime, places, gate)
    gate.let.set()
    assert gate.second.wait(LONG)  # in the loop's own thread: nothing of the loop runs meanwhile
    assert (places["cpu"].running, places["cpu"].depth) == (1, 1)
    assert len(set(gate.begun)) == 1
    await asyncio.gather(*calls)
    assert is_free(places)


async def test_a_call_that_was_begun_early_and_is_cancelled_keeps_what_it_holds_until_it_ends(open_runtime, gate):
    places = one_at_a_time()
    runtime = await open_runtime(bulkheads=places)
    first, second = await running_and_waiting(runtime, places, gate)
    executor = runtime._executor
    waiting = next(iter(executor._next))
    assert executor._following(waiting) is waiting  # as the first call's thread does when it ends
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (places["container"].running, places["cpu"].depth) == (2, 0)
    waiting.tell("its answer, which nobody waits for")
    gate.let.set()
    await first
    await until(lambda: is_free(places))


async def test_a_call_that_was_begun_early_runs_once(open_runtime, gate):
    places = one_at_a_time()
    runtime = await open_runtime(bulkheads=places)
    calls = await running_and_waiting(runtime, places, gate)
    gate.let.set()
    await asyncio.gather(*calls)
    assert len(gate.begun) == 2
    assert not runtime._executor._next
    assert is_free(places)


async def test_a_call_that_waits_in_vain_is_not_begun(open_runtime, gate):
    places = one_at_a_time()
    runtime = await open_runtime(bulkheads=places)
    first = asyncio.ensure_future(runtime.call("misbehave", "prepared"))
    await until(lambda: gate.begun)
    with pytest.raises(ModuleDeadline):
        await runtime.call("misbehave", "echo", deadline=0.05)
    assert not runtime._executor._next
    gate.let.set()
    await first
    assert is_free(places)


async def test_closing_ends_what_a_thread_has_begun_and_what_waits(open_runtime, gate):
    places = one_at_a_time()
    runtime = await open_runtime(bulkheads=places)
    calls = await running_and_waiting(runtime, places, gate)
    gate.let.set()
    await asyncio.to_thread(runtime.close)
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert all(not isinstance(end, BaseException) or isinstance(end, WasmError) for end in ends)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    workers=st.integers(1, 3),
    turns=st.lists(st.tuples(st.booleans(), st.integers(0, 40)), min_size=2, max_size=24),
)
async def test_whatever_is_cancelled_no_place_is_lost(open_runtime, workers, turns):
    places = Bulkheads(BulkheadsOptions(cpu=BulkheadOptions(workers, 50)))
    runtime = await open_runtime(bulkheads=places)
    kept, cancelled = [], []
    for is_kept, wait in turns:
        call = asyncio.ensure_future(runtime.call("misbehave", "echo"))
        for _ in range(wait):
            await asyncio.sleep(0)
        if is_kept:
            kept.append(call)
        else:
            call.cancel()
            cancelled.append(call)
    ends = await asyncio.gather(*kept)
    assert len(ends) == len(kept)
    await asyncio.wait(cancelled or [asyncio.ensure_future(asyncio.sleep(0))])
    await until(lambda: is_free(places))
    assert not runtime._executor._next
    runtime.close()
