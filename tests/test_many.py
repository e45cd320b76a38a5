"""Many samples: as each is ready, each on its own, no more at once than there is room for."""

from __future__ import annotations

import asyncio

import pytest

from athena_lab.errors import EmptySample, InvalidField, NotAFile, QueueFull
from athena_lab.lab import open_lab
from athena_lab.many import triage_many


async def test_many_samples_come_as_they_are_ready_and_a_bad_one_leaves_the_others_alone(lab, tmp_path):
    sources = [f"sample {index}".encode() * 50 for index in range(20)]
    async with lab.triage_many([*sources, b"", tmp_path], at_once=3) as many:
        triaged = [one async for one in many]
    reports = {one.source: one.report for one in triaged if one.report}
    assert set(reports) == set(sources)
    assert all(report.sample.size == len(source) for source, report in reports.items())
    assert {type(one.error) for one in triaged if one.error} == {EmptySample, NotAFile}


async def test_leaving_many_cancels_what_runs(lab):
    sources = (f"sample {index}".encode() * 50 for index in range(1_000_000))
    async with lab.triage_many(sources, at_once=4) as many:
        async for one in many:
            assert one.report
            break
    assert lab._runtime.busy == 0  # nothing else tells that nothing runs
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("at_once", [0, 65, -1])
async def test_many_needs_a_number_at_once_that_makes_sense(lab, at_once):
    with pytest.raises(InvalidField, match="at_once"):
        async with lab.triage_many([b"x"], at_once=at_once):
            pass


async def test_a_full_queue_is_waited_for(tmp_path):
    environ = {
        "ATHENA_SAMPLES__FOLDER": str(tmp_path),
        "ATHENA_BULKHEADS__CONTAINER__WORKERS": "1",
        "ATHENA_BULKHEADS__CONTAINER__QUEUE": "6",
    }
    async with open_lab(environ=environ) as lab:
        sources = [f"sample {index}".encode() * 50 for index in range(12)]
        async with lab.triage_many(sources, at_once=12) as many:
            assert all([one.report is not None async for one in many])


async def test_a_queue_that_stays_full_is_given_up_after_five_minutes():
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    async def triage(source):
        raise QueueFull(f"It is full for {source!r}.", module="crypto")

    async with triage_many(triage, [b"x", b"y"], 1, sleep=sleep) as many:
        triaged = [one async for one in many]
    assert [type(one.error) for one in triaged] == [QueueFull, QueueFull]
    assert sum(waited) / 2 == pytest.approx(300, abs=1)


async def test_the_sources_are_taken_one_by_one():
    taken = []

    def sources():
        for index in range(10):
            taken.append(index)
            yield bytes([index])

    async def triage(source):
        return source

    async with triage_many(triage, sources(), 2) as many:
        async for _ in many:
            assert len(taken) <= 4
            break
