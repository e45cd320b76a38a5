"""Triages that run by themselves: what can be had of them while they run, after their end, and once cancelled."""

from __future__ import annotations

import asyncio
import contextlib

import msgspec
import pytest

from athena_lab import triages
from athena_lab.errors import BulkheadFull, InvalidField, UnknownJob
from athena_lab.triages import Triages
from tests.report.make import failed, ok, report


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def parts(*given, error=None, then=None):
    """What a lab's `stream_triage` gives: those parts, then whatever `then` waits for, then the error."""

    @contextlib.asynccontextmanager
    async def open_():
        async def each():
            for part in given:
                yield part
            if then is not None:
                await then
            if error is not None:
                raise error

        yield each()

    return open_


@pytest.fixture
async def running():
    made = Triages(clock=Clock())
    yield made
    await made.aclose()


async def test_results_come_as_they_are_ready_and_the_report_last(running):
    may_end = asyncio.get_running_loop().create_future()
    first, second = ok(), failed()
    whole = report(first, second)
    triage = running.start(parts(first, then=may_end))
    await triage.wait(0, 5)
    state = triage.state()
    assert (state.status, state.results, state.next, state.report) == ("processing", (first,), 1, None)
    await triage.wait(1, 0.001)
    assert triage.state(1).results == ()
    may_end.set_result(None)
    other = running.start(parts(first, second, whole))
    await other.wait(2, 5)
    assert other.state(1) == msgspec.structs.replace(
        other.state(1), status="partial", results=(second,), next=2, report=whole, error=None
    )


async def test_a_triage_that_cannot_be_made_says_why(running):
    triage = running.start(parts(error=InvalidField("No module does that.")))
    await triage.wait(0, 5)
    state = triage.state()
    assert (state.status, state.error.code) == ("failed", "invalid_field")


async def test_a_cancelled_triage_keeps_what_it_found(running):
    never = asyncio.get_running_loop().create_future()
    triage = running.start(parts(ok(), then=never))
    await triage.wait(0, 5)
    await triage.cancel()
    assert never.cancelled()
    state = running.get(triage.id).state()
    assert (state.status, len(state.results), state.error.code) == ("cancelled", 1, "analysis_cancelled")


async def test_a_report_is_kept_for_a_while():
    clock = Clock()
    running = Triages(clock=clock)
    triage = running.start(parts(report()))
    await triage.task
    await asyncio.sleep(0)
    clock.now = triages.KEEP - 1
    assert running.get(triage.id) is triage
    clock.now = triages.KEEP
    with pytest.raises(UnknownJob):
        running.get(triage.id)


async def test_no_more_run_than_may_and_the_first_that_ended_are_forgotten_first(running, monkeypatch):
    monkeypatch.setattr(triages, "RUNNING", 1)
    monkeypatch.setattr(triages, "KEPT", 2)
    ids = []
    for _ in range(3):
        triage = running.start(parts(report()))
        with pytest.raises(BulkheadFull, match="1 analyses"):
            running.start(parts(report()))
        await triage.task
        await asyncio.sleep(0)
        ids.append(triage.id)
    with pytest.raises(UnknownJob):
        running.get(ids[0])
    assert [running.get(id_).id for id_ in ids[1:]] == ids[1:]
