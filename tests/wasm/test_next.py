"""A thread that ends begins with the call that is next, before the loop has passed its place on."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from athena_lab.bulkhead import BulkheadOptions
from athena_lab.bulkheads import Bulkheads, BulkheadsOptions
from athena_lab.errors import ModuleCancelled, ModuleDeadline
from athena_lab.wasm.pending import PendingCall
from athena_lab.wasm.runtime import Completed
from athena_lab.wasm.worker import Worker

LONG = 10
"""Seconds after which a test that hangs fails."""


@pytest.fixture
def gate(monkeypatch):
    """Calls of `prepared` begin, and go on when they are let; others as ever."""
    gate = Gate()
    real = Worker.run

    def run(worker, job):
        if job.function == "prepared":
            gate.pass_through()
        return real(worker, job)

    monkeypatch.setattr(Worker, "run", run)
    yield gate
    gate.open()


class Gate:
    def __init__(self):
        self.threads = []
        """Of the calls that began, in their order."""
        self._let = 0
        self._changed = threading.Condition()

    def pass_through(self):
        with self._changed:
            self.threads.append(threading.current_thread())
            number = len(self.threads)
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._let >= number, LONG)

    def open(self, more=1_000):
        with self._changed:
            self._let += more
            self._changed.notify_all()

    def wait(self, begun):
        """In the loop's own thread: nothing of the loop runs meanwhile."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self.threads) >= begun, LONG)


def one_at_a_time():
    return Bulkheads(BulkheadsOptions(cpu=BulkheadOptions(1, 50)))


async def until(condition):
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110 - threads have no loop on which to set an event
            await asyncio.sleep(0)


async def one_runs_and_some_wait(runtime, places, gate, waiting):
    calls = [asyncio.ensure_future(runtime.call("misbehave", "prepared"))]
    await until(lambda: gate.threads)
    for depth in range(1, waiting + 1):
        calls.append(asyncio.ensure_future(runtime.call("misbehave", "prepared")))
        await until(lambda: places["cpu"].depth == depth)  # noqa: B023 - it is awaited at once
    return calls


def is_free(places):
    return {(bulkhead.running, bulkhead.depth) for bulkhead in places} == {(0, 0)}


async def test_the_next_call_does_not_wait_for_the_loop(open_runtime, gate):
    places = one_at_a_time()
    runtime = await open_runtime(bulkheads=places)
    calls = await one_runs_and_some_wait(runtime, places, gate, 3)
    gate.open()
    assert gate.wait(4)
    assert (places["cpu"].running, places["cpu"].depth) == (1, 3)
    order = []
    for number, call in enumerate(calls):
        call.add_done_callback(lambda _, number=number: order.append(number))
    await asyncio.gather(*calls)
    assert order == [0, 1, 2, 3]  # first come, first served
    assert len(gate.threads) == 4  # each ran once
    assert len(set(gate.threads)) == 1
    assert is_free(places)


async def test_a_call_that_was_begun_early_and_is_cancelled_gives_its_place_to_nobody_before_it_ends(
    open_runtime, gate, monkeypatch
):
    places = one_at_a_time()
    runtime = await open_runtime(bulkheads=places)
    first, second, third = await one_runs_and_some_wait(runtime, places, gate, 2)
    told = []
    with monkeypatch.context() as later:
        later.setattr(PendingCall, "tell", lambda *what: told.append(what))
        gate.open(1)
        assert gate.wait(2)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
    for what in told:
        PendingCall.tell(*what)
    await first
    await until(lambda: places["cpu"].depth == 1)
    assert (places["container"].running, places["cpu"].running, len(gate.threads)) == (2, 1, 2)
    gate.open()
    assert (await third).output.data
    await until(lambda: is_free(places))
    assert runtime.counts["misbehave"].errors == 0


async def test_a_call_that_was_begun_early_is_answered_though_its_place_comes_late(open_runtime, gate):
    places = one_at_a_time()
    runtime = await open_runtime(bulkheads=places)
    first, second = await one_runs_and_some_wait(runtime, places, gate, 1)
    gate.open()
    runtime._executor._pool.shutdown(wait=True)  # both have told; nothing of the loop has run
    assert (places["cpu"].running, places["cpu"].depth) == (1, 1)
    assert (await second).output.data
    assert (await first).output.data
    assert is_free(places)


async def test_a_call_that_waits_in_vain_is_not_begun(open_runtime, gate):
    places = one_at_a_time()
    runtime = await open_runtime(bulkheads=places)
    (first,) = await one_runs_and_some_wait(runtime, places, gate, 0)
    with pytest.raises(ModuleDeadline):
        await runtime.call("misbehave", "echo", deadline=0.05)
    gate.open()
    await first
    assert runtime.counts["misbehave"].calls == 2
    assert len(gate.threads) == 1
    assert is_free(places)


async def test_closing_ends_what_a_thread_has_begun_and_what_waits(open_runtime, gate):
    places = one_at_a_time()
    runtime = await open_runtime(bulkheads=places)
    calls = await one_runs_and_some_wait(runtime, places, gate, 3)
    closing = asyncio.ensure_future(asyncio.to_thread(runtime.close))
    await until(lambda: runtime._executor._closed)
    with pytest.raises(ModuleCancelled, match="closed"):
        await runtime.call("misbehave", "echo")
    gate.open()
    await closing
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(end) for end in ends} == {ModuleCancelled}
    assert is_free(places)


async def test_where_no_worker_can_be_made_the_call_says_so_and_keeps_no_place(open_runtime, monkeypatch):
    places = one_at_a_time()
    runtime = await open_runtime(bulkheads=places)
    runtime._executor._idle.clear()
    with monkeypatch.context() as broken:
        broken.setattr(Worker, "__init__", no_memory)
        with pytest.raises(MemoryError):
            await runtime.call("misbehave", "echo")
    assert is_free(places)
    assert (await runtime.call("misbehave", "echo")).output.data


def no_memory(*_):
    raise MemoryError


async def test_where_no_thread_can_be_started_the_call_says_so_and_is_not_run_later(open_runtime, gate, monkeypatch):
    places = Bulkheads(BulkheadsOptions(cpu=BulkheadOptions(2, 50)))
    runtime = await open_runtime(bulkheads=places)
    runtime._executor._pool = ThreadPoolExecutor(2)
    (first,) = await one_runs_and_some_wait(runtime, places, gate, 0)
    with monkeypatch.context() as broken:
        broken.setattr(threading.Thread, "start", no_thread)
        with pytest.raises(ModuleCancelled, match="No thread"):
            await runtime.call("misbehave", "loop")
    gate.open()
    assert (await first).output.data
    await asyncio.wait_for(asyncio.to_thread(runtime._executor._pool.shutdown, wait=True), LONG)
    assert is_free(places)


def no_thread(_):
    raise RuntimeError("can't start new thread")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    workers=st.integers(1, 3),
    turns=st.lists(st.tuples(st.booleans(), st.integers(0, 40)), min_size=2, max_size=24),
)
async def test_whatever_is_cancelled_no_place_is_lost_or_had_twice(open_runtime, workers, turns):
    places = Bulkheads(BulkheadsOptions(cpu=BulkheadOptions(workers, 50)))
    runtime = await open_runtime(bulkheads=places)
    calls = []
    for is_kept, wait in turns:
        calls.append(asyncio.ensure_future(runtime.call("misbehave", "echo")))
        for _ in range(wait):
            await asyncio.sleep(0)
            assert runtime.busy <= workers
        if not is_kept:
            calls[-1].cancel()
    ends = await asyncio.gather(*calls, return_exceptions=True)
    for (is_kept, _), end in zip(turns, ends, strict=True):
        assert isinstance(end, Completed) or (not is_kept and isinstance(end, asyncio.CancelledError))
    await until(lambda: is_free(places))
    runtime.close()
