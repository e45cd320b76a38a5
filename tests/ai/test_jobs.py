"""Answers as jobs: what readers see, what is held back, who is waited for, what is forgotten."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from athena_lab.ai.job import ENTRY_BYTES
from athena_lab.ai.job_options import JobOptions
from athena_lab.ai.jobs import Jobs
from athena_lab.errors import AthenaError, BulkheadFull, InvalidField, NoProvider, ServiceUnavailable, UnknownJob
from athena_lab.events import AnyEvent, Finished, Token
from tests.ai.jobs import Source, Timers, settle

ID = "A" * 22
FINISHED = Finished("completed", "stop")


def decode(entries):
    return [msgspec.json.decode(entry.data, type=AnyEvent) for entry in entries]


def texts(entries):
    return [event.text for event in decode(entries) if isinstance(event, Token)]


class Bench:
    """Jobs whose time stands still."""

    def __init__(self, **options):
        self.timers = Timers()
        self.jobs = Jobs(JobOptions(**options), clock=self.timers.clock, after=self.timers.after)
        self.source = Source()

    def start(self, source=None, question=b"?", **settings_):
        return self.jobs.start((source or self.source).open, question=question, **settings_)


@pytest.fixture
async def bench():
    benches = []

    def make(**options):
        benches.append(Bench(**options))
        return benches[-1]

    yield make
    for each in benches:
        await each.jobs.aclose()
        assert each.timers.waiting == 0


async def read(reader, count=None):
    """So many entries; all of them without a number. One at a time: the next may end in an error."""
    entries = []
    while len(entries) != count and not reader.finished:
        if entry := reader.take():
            entries.append(entry)
        else:
            await reader.job.changed()
    return entries


async def test_readers_see_the_same_from_wherever_they_begin(bench):
    b = bench()
    job = b.start()
    b.source.say(*(Token(str(i)) for i in range(5)), FINISHED)
    with job.reader() as first:
        everything = await read(first)
    assert [entry.seq for entry in everything] == list(range(1, 8))
    assert [entry.kind for entry in everything] == ["started", *["token"] * 5, "finished"]
    for after in range(8):
        with job.reader(after) as late:
            assert await read(late) == everything[after:]
    assert (job.state, (await job.result()).text) == ("completed", "01234")
    job.cancel()  # its connection may still be closing
    await job.wait_closed()
    assert (job.done, job.last) == (True, 7)
    with pytest.raises(InvalidField, match="no event 8"):
        job.reader(8)


async def test_the_provider_is_read_no_further_than_allowed(bench):
    b = bench(ahead_events=10)
    job = b.start()
    b.source.say(*(Token("x") for _ in range(100)))
    with job.reader() as reader:
        await settle()
        assert (len(b.source.pulled), job.state) == (10, "buffering")
        for _ in range(4):
            reader.take()
        await settle()
        assert (len(b.source.pulled), job.state) == (14, "buffering")
        reader.take_many(1_000_000)
        await settle()
        assert len(b.source.pulled) == 24
        with job.reader() as second:  # the furthest reader counts
            while second.take():
                pass
            await settle()
            assert len(b.source.pulled) == 34
            second.take()
            reader.take()  # far behind, which changes nothing
            await settle()
            assert len(b.source.pulled) == 35


async def test_bytes_hold_the_provider_too(bench):
    b = bench(ahead_bytes=4_000)
    job = b.start()
    b.source.say(*(Token("x" * 1_000) for _ in range(20)))
    await settle()
    assert len(b.source.pulled) == 5  # 4,000 are exceeded by the fourth token, after which nothing is asked for
    with job.reader() as reader:
        assert len(texts(reader.take_many(2_500))) == 3  # two fit; the third is what goes beyond
        assert len(texts(reader.take_many(1))) == 1


async def test_pause_and_resume(bench):
    b = bench()
    job = b.start()
    await settle()
    assert job.state == "connected"
    job.pause()
    b.source.say(*(Token(str(i)) for i in range(5)))
    with job.reader() as reader:
        await settle()
        assert (job.state, len(b.source.pulled)) == ("paused", 2)  # what was being waited for still comes
        assert texts(reader.take_many(10_000)) == ["0"]
        job.pause()
        job.resume()
        await settle()
        assert job.state == "streaming"
        assert texts(reader.take_many(10_000)) == ["1", "2", "3", "4"]
        job.pause()
        job.resume()
        assert job.state == "streaming"
        job.resume()
        b.source.say(FINISHED)
        await settle()
        job.pause()
        assert job.state == "completed"


async def test_a_pause_before_anything_is_connected(bench):
    b = bench()
    job = b.start()
    job.pause()
    await settle()
    b.source.say(Token("a"), Token("b"))
    await settle()
    assert (job.state, len(b.source.pulled)) == ("paused", 1)
    job.resume()
    with job.reader() as reader:
        await settle()
        assert texts(reader.take_many(10_000)) == ["a", "b"]
        assert job.state == "streaming"


async def test_cancel_closes_the_connection_and_keeps_what_came(bench):
    b = bench()
    job = b.start()
    b.source.say(Token("a"))
    with job.reader() as reader:
        await settle()
        job.cancel()
        job.cancel()
        await job.wait_closed()
        assert b.source.closed
        *_, last = decode(await read(reader))
    assert (last.error.code, last.error.request_id) == ("analysis_cancelled", "a-1")
    result = await job.result()
    assert (job.state, result.text, result.status) == ("failed", "a", "failed")
    job.cancel()
    assert job.last == 3


async def test_cancelled_before_its_first_step(bench):
    b = bench()
    job = b.start()
    job.cancel()
    await job.wait_closed()
    assert b.source.opened == 0
    with job.reader() as reader, pytest.raises(AthenaError, match="was cancelled"):
        await read(reader)
    assert (job.state, await job.result()) == ("failed", None)


class NotSetUp:
    """A stream that cannot be entered."""

    def __init__(self, _state):
        pass

    async def __aenter__(self):
        raise NoProvider("There is none.")

    async def __aexit__(self, *_):
        pass


async def test_what_cannot_begin_is_raised_to_every_reader(bench):
    job = bench().jobs.start(NotSetUp, question=b"?")
    for _ in range(2):
        with job.reader() as reader, pytest.raises(NoProvider):
            await read(reader)


async def test_an_error_of_the_provider_is_the_last_event(bench):
    b = bench()
    job = b.start()
    b.source.say(Token("a"), ServiceUnavailable("503.", provider="peer"))
    with job.reader() as reader:
        assert [entry.kind for entry in await read(reader)] == ["started", "token", "failed"]


async def test_a_bug_ends_the_log_with_itself(bench, caplog):
    b = bench()
    job = b.start()
    b.source.say(Token("a"), ZeroDivisionError("a bug"))
    with job.reader() as reader:
        assert [entry.kind for entry in await read(reader, 2)] == ["started", "token"]
        with pytest.raises(ZeroDivisionError):
            await read(reader)
    assert "a bug" in caplog.text
    assert job.id not in caplog.text


async def test_a_connection_that_closes_badly_changes_no_end(bench):
    b = bench()

    @asynccontextmanager
    async def open_(state):
        async with b.source.open(state) as events:
            yield events
        raise ServiceUnavailable("At the very end.", provider="peer")

    job = b.jobs.start(open_, question=b"?")
    b.source.say(FINISHED)
    await job.wait_closed()
    assert ([entry.kind for entry in job._log], job.failure) == (["started", "finished"], None)


# -- who is waited for


async def test_a_job_that_nobody_reads_is_cancelled_after_the_grace_time(bench):
    b = bench(grace=60)
    job = b.start(id_=ID)
    b.timers.advance(59)
    with job.reader():
        b.timers.advance(600)
        await settle()
    b.timers.advance(59)
    with job.reader():
        pass
    b.timers.advance(59)
    await settle()
    assert not job.done
    b.timers.advance(1)
    await job.wait_closed()
    assert b.source.closed
    with job.reader(1) as reader:
        assert decode([reader.take()])[0].error.code == "analysis_cancelled"


async def test_a_job_that_nobody_can_come_back_to_is_cancelled_at_once(bench):
    b = bench()
    job = b.start()
    with job.reader():
        pass
    await job.wait_closed()
    assert job.done
    known = b.start(Source())
    with known.reader() as reader:
        await read(reader, 1)
    await settle()
    assert not known.done  # its reader has seen an event, and with it the id


async def test_a_polled_job_runs_to_its_end_and_a_paused_one_not_for_ever(bench):
    b = bench(grace=60, keep=900, ahead_events=3)
    job = b.start(polled=True)
    b.source.say(*(Token("x") for _ in range(50)))
    await settle()
    b.timers.advance(3_600)
    await settle()
    assert (job.done, job.last) == (False, 51)
    job.pause()
    b.timers.advance(899)
    await settle()
    assert not job.done
    b.timers.advance(1)
    await job.wait_closed()
    assert b.source.closed


# -- what is kept


async def test_ended_jobs_are_kept_for_a_while(bench):
    b = bench(keep=900)
    job = b.start(id_=ID)
    b.source.say(FINISHED)
    await job.wait_closed()
    b.timers.advance(899)
    assert b.jobs.get(ID) is job
    b.timers.advance(1)
    with pytest.raises(UnknownJob):
        b.jobs.get(ID)
    assert b.jobs._bytes == 0


async def test_a_repeated_question_finds_its_job(bench):
    b = bench()
    job = b.start(id_=ID)
    assert b.start(id_=ID) is job
    with pytest.raises(InvalidField, match="another question"):
        b.start(id_=ID, question=b"!")
    for id_ in ("", "short", "x" * 65, "é" * 22, "a/b" * 10):
        with pytest.raises(InvalidField, match="22 to 64"):
            b.start(id_=id_)
    assert len({b.start(Source()).id for _ in range(20)}) == 20


async def test_so_many_at_once(bench):
    b = bench(running=2)
    job = b.start()
    b.start(Source())
    with pytest.raises(BulkheadFull) as caught:
        b.start(Source())
    assert caught.value.retry_after
    job.cancel()
    await job.wait_closed()
    b.start(Source())


async def test_one_answers_bytes_are_capped(bench):
    b = bench(max_bytes=5_000)
    job = b.start()
    b.source.say(*(Token("x" * 1_000) for _ in range(10)))
    with job.reader() as reader:
        seen = decode(await read(reader))
    assert seen[-1].error.code == "invalid_response"
    assert "5,000 bytes" in seen[-1].error.detail
    assert len(seen) == 6
    assert b.source.closed


async def test_bytes_of_all_are_capped_and_the_oldest_ended_goes_first(bench):
    b = bench(total_bytes=40_000)
    ended = []
    for number in range(4):
        source = Source()
        ended.append(b.start(source, id_=f"{number}" * 22))
        source.say(Token("x" * 4_000), FINISHED)
        await ended[-1].wait_closed()
    reader = ended[0].reader()
    reader.__enter__()  # it is being read, and stays
    running = b.start(id_=ID)
    b.source.say(*(Token("y" * 4_000) for _ in range(3)))
    await settle()
    assert {number for number in range(4) if f"{number}" * 22 in b.jobs._jobs} == {0, 3}
    b.source.say(*(Token("y" * 4_000) for _ in range(20)))
    with running.reader() as last:
        seen = decode(await read(last))
    reader.__exit__()
    assert seen[-1].error.code == "bulkhead_full"
    assert b.jobs._bytes <= 40_000 + ENTRY_BYTES + 1_000
    assert list(b.jobs._jobs) == ["0" * 22, ID]


async def test_closing_closes_all(bench):
    b = bench()
    sources = [Source() for _ in range(5)]
    jobs = [b.start(source) for source in sources]
    await settle()
    await b.jobs.aclose()
    await b.jobs.aclose()
    assert all(job.done for job in jobs)
    assert all(source.closed for source in sources)
    assert len(asyncio.all_tasks()) == 1


# -- anything in any order


class Client:
    """Reads, goes away, comes back. It has seen `seen`, which began behind event `began`."""

    def __init__(self, job, began):
        self.job, self.began, self.seen = job, began, []
        self.reader = None
        self.connect()

    def connect(self):
        self.reader = self.job.reader(self.began + len(self.seen))
        self.reader.__enter__()

    def drop(self):
        self.reader.__exit__()
        self.reader = None

    def read(self, count):
        for _ in range(count):
            if entry := self.reader.take():
                self.seen.append(entry)


class JobMachine(RuleBasedStateMachine):
    AHEAD, BYTES, GRACE = 6, 2_000, 60.0

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clients = []
        self.said = 0
        self.paused_at = None

    @initialize()
    def begin(self):
        async def start():
            self.bench = Bench(ahead_events=self.AHEAD, ahead_bytes=self.BYTES, grace=self.GRACE)
            self.job = self.bench.start(id_=ID)
            await settle()

        self.loop.run_until_complete(start())

    def teardown(self):
        if hasattr(self, "bench"):
            self.loop.run_until_complete(self.bench.jobs.aclose())
            assert self.bench.source.closed
            assert self.bench.timers.waiting == 0
            assert not asyncio.all_tasks(self.loop)
        self.loop.close()

    def settle(self):
        self.loop.run_until_complete(settle())

    @rule(sizes=st.lists(st.sampled_from([1, 10, 900]), min_size=1, max_size=8))
    def the_provider_sends(self, sizes):
        for size in sizes:
            self.said += 1
            self.bench.source.say(Token(f"{self.said}:" + "x" * size))
        self.settle()

    @rule(how=st.sampled_from([FINISHED, ServiceUnavailable("503.", provider="peer")]))
    @precondition(lambda self: self.said > 20)
    def the_provider_ends(self, how):
        self.bench.source.say(how)
        self.settle()

    @rule(data=st.data())
    @precondition(lambda self: len(self.clients) < 4)
    def somebody_comes(self, data):
        self.clients.append(Client(self.job, data.draw(st.integers(0, self.job.last))))
        self.settle()

    @rule(data=st.data(), count=st.integers(1, 10))
    @precondition(lambda self: any(client.reader for client in self.clients))
    def somebody_reads(self, data, count):
        data.draw(st.sampled_from([client for client in self.clients if client.reader])).read(count)
        self.settle()

    @rule(data=st.data())
    @precondition(lambda self: any(client.reader for client in self.clients))
    def somebody_goes(self, data):
        data.draw(st.sampled_from([client for client in self.clients if client.reader])).drop()
        self.settle()

    @rule(data=st.data())
    @precondition(lambda self: any(client.reader is None for client in self.clients))
    def somebody_comes_back(self, data):
        data.draw(st.sampled_from([client for client in self.clients if client.reader is None])).connect()
        self.settle()

    @rule()
    def pause(self):
        if self.paused_at is None and not self.job.done:
            self.paused_at = len(self.bench.source.pulled)
        self.job.pause()
        self.settle()

    @rule()
    def resume(self):
        self.paused_at = None
        self.job.resume()
        self.settle()

    @rule()
    @precondition(lambda self: self.said > 20)
    def cancel(self):
        was_done = self.job.done
        self.job.cancel()
        self.settle()
        assert self.job.done
        if not was_done:
            assert decode(self.job._log[-1:])[0].error.code == "analysis_cancelled"

    @rule(seconds=st.sampled_from([1.0, 30.0, 59.0]))
    def time_passes(self, seconds):
        self.bench.timers.advance(seconds)
        self.settle()

    @rule()
    @precondition(lambda self: self.said > 20 and not any(client.reader for client in self.clients))
    def nobody_comes_for_long(self):
        self.bench.timers.advance(self.GRACE)
        self.settle()
        assert self.job.done

    @invariant()
    @precondition(lambda self: hasattr(self, "job"))
    def everybody_sees_what_the_provider_said(self):
        log = self.job._log
        assert [entry.seq for entry in log] == list(range(1, len(log) + 1))
        events = decode(log)
        assert events[: len(self.bench.source.pulled)] == self.bench.source.pulled
        assert len(events) - len(self.bench.source.pulled) in {0, 1}  # an end of the job's own
        for client in self.clients:
            assert client.seen == log[client.began : client.began + len(client.seen)]

    @invariant()
    @precondition(lambda self: hasattr(self, "job"))
    def no_more_is_held_than_allowed(self):
        job = self.job
        furthest = max([0, *(client.began + len(client.seen) for client in self.clients if client.seen)])
        ahead = [entry for entry in job._log[furthest:] if entry.kind != "failed"]
        assert len(ahead) <= self.AHEAD
        sizes = [len(entry.data) + ENTRY_BYTES for entry in ahead]
        assert sum(sizes[:-1]) < self.BYTES
        if not job.done and not job._paused and len(ahead) < self.AHEAD and sum(sizes) < self.BYTES:
            assert len(self.bench.source.pulled) == 1 + self.said  # and nothing is held back without need

    @invariant()
    @precondition(lambda self: hasattr(self, "job"))
    def the_state_is_so(self):
        job = self.job
        assert job.failure is None
        assert job.done == (job.state in {"completed", "failed"}) == self.bench.source.closed
        if self.paused_at is not None and not job.done:
            assert job.state == "paused"
            assert len(self.bench.source.pulled) <= self.paused_at + 1


TestJobMachine = JobMachine.TestCase
TestJobMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


async def test_a_pause_does_not_outlast_the_request(bench):
    b = bench()
    job = b.jobs.start(b.source.open, question=b"?", seconds=5.0)
    with job.reader() as reader:  # somebody reads all the time
        b.source.say(Token("a"))
        await settle()
        job.pause()
        b.timers.advance(4.9)
        await settle()
        assert job.state == "paused"
        b.timers.advance(0.2)
        await job.wait_closed()
        entries = await read(reader)
    assert entries[-1].kind == "failed"
    assert b"deadline_exceeded" in entries[-1].data


async def test_what_is_paused_and_cancelled_before_it_began_has_failed(bench):
    @asynccontextmanager
    async def never(_state):
        await asyncio.Event().wait()
        yield

    job = bench().jobs.start(never, question=b"?", polled=True)
    await settle()
    job.pause()
    job.cancel()
    await job.wait_closed()
    await settle()
    assert (job.state, job.done) == ("failed", True)
