"""Questions that are asked again: when, how often, by whom, and what becomes of them."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import stat
import threading
from contextlib import asynccontextmanager, closing

import msgspec
import pytest

from athena_lab.ai.file_lock import FileLock
from athena_lab.ai.later import LOCKED_SECONDS, MOST_LOST, POLL_SECONDS, Later
from athena_lab.ai.later_options import LaterOptions
from athena_lab.ai.observe import RequestEnded
from athena_lab.ai.question import MAX_BYTES, result
from athena_lab.ai.store import Store
from athena_lab.ai.types import AnalysisRequest
from athena_lab.errors import (
    CircuitOpen,
    Forbidden,
    InvalidRequest,
    InvalidResponse,
    LabClosed,
    NetworkError,
    NoProvider,
    ProviderUnreachable,
    QueueFull,
    QueueUnusable,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
    UnknownJob,
)
from athena_lab.events import Attempt, Failed, Finished, Started, Token, Usage

STARTED = Started("a" * 32, "local", "m")
ANSWER = (STARTED, Token("It is "), Token("packed."), Usage(11, 7), Finished("completed", "stop"))
OPEN = CircuitOpen("Left alone.", provider="local")
LIMITED = RateLimited("Too many.", provider="local", retry_after=0.0)


class World:
    """A clock that is moved by hand, and a provider that says what it is told to."""

    def __init__(self):
        self.now = 1_000_000.0
        self.asked = []
        self.says = ANSWER
        self.running = self.most = 0
        self.gate = None
        self._sleeping = []
        self._changed = asyncio.Condition()

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        over = asyncio.get_running_loop().create_future()
        self._sleeping.append((self.now + seconds, over))
        await self._tell()
        await over

    async def advance(self, seconds):
        self.now += seconds
        for due, over in self._sleeping:
            if due <= self.now and not over.done():
                over.set_result(None)
        self._sleeping = [(due, over) for due, over in self._sleeping if not over.done()]

    @asynccontextmanager
    async def ask(self, request):
        self.asked.append((request.question, self.now))
        self.running += 1
        self.most = max(self.most, self.running)
        await self._tell()
        try:
            if self.gate is not None:
                await self.gate.wait()
            if isinstance(self.says, Exception):
                raise self.says
            yield self._events()
        finally:
            self.running -= 1

    async def _events(self):
        for event in self.says:
            yield event

    async def _tell(self):
        async with self._changed:
            self._changed.notify_all()

    async def until(self, condition):
        async with asyncio.timeout(10), self._changed:
            await self._changed.wait_for(condition)

    async def settled(self, later):
        """Until nothing is being asked, and whoever asks sleeps."""
        for _ in range(5):  # what was told just now has its turn
            await later._store.do(lambda file: file.waiting())
        await self.until(
            lambda: not later._asking and any(not over.done() and not over.cancelled() for _, over in self._sleeping)
        )

    async def pass_(self, later, seconds, step=1.0):
        """So many seconds go by, one by one."""
        for _ in range(round(seconds / step)):
            await self.settled(later)
            await self.advance(step)
        await self.settled(later)


@pytest.fixture
def world():
    return World()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "questions.db"


@pytest.fixture
async def make(world, path):
    made = []

    def make(where=path, chance=0.5, **options):
        store = Store(where, LaterOptions(**options))
        later = Later(store, clock=world.clock, sleep=world.sleep, random=lambda: chance)
        later.ask = world.ask
        made.append(later)
        return later

    yield make
    for later in made:
        await later.aclose()


def asks(question="What is it?", **fields):
    return AnalysisRequest(question, **fields)


async def keep(later, error=LIMITED, **fields):
    id_ = await later.keep(asks(**fields), error.problem())
    assert id_ is not None
    return id_


def times(world, since):
    return [at - since for _, at in world.asked]


# -- from the question to its answer


async def test_a_question_is_asked_again_and_its_answer_outlives_the_process(make, world):
    later = make()
    id_ = await keep(later)
    assert (await later.get(id_)).state == "queued"
    await world.settled(later)
    assert world.asked == []
    await world.pass_(later, 5)
    assert [question for question, _ in world.asked] == ["What is it?"]
    await later.aclose()
    again = make()
    again.start()
    kept = await again.get(id_)
    assert (kept.state, kept.tries) == ("done", 1)
    assert [event["event"] for event in msgspec.json.decode(kept.events)] == ["started", "token", "usage", "finished"]
    answer = result(kept)
    assert (answer.status, answer.text, answer.usage.output_tokens) == ("completed", "It is packed.", 7)
    await world.pass_(again, 600, step=60)
    assert len(world.asked) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [(LIMITED, [5, 15, 35, 75, 155, 315, 635, 1_275]), (OPEN, [5, 15, 35, 75, 155, 315, 615, 915, 1_215])],
)
async def test_it_is_asked_after_5_s_and_then_twice_as_late(make, world, error, expected):
    later, began = make(), world.now
    world.says = error
    await keep(later)
    await world.pass_(later, 1_300, step=5)
    assert times(world, began) == expected
    assert (await later.waiting())[0].problem == error.problem()


@pytest.mark.parametrize(("chance", "expected"), [(0.0, [3.75, 11.25]), (0.999_999, [6.25, 18.75])])
async def test_not_all_ask_in_step(make, world, chance, expected):
    later, began = make(chance=chance), world.now
    world.says = LIMITED
    await keep(later)
    await world.pass_(later, 20, step=0.25)
    assert times(world, began) == expected


async def test_never_before_the_provider_says(make, world):
    later, began = make(), world.now
    world.says = RateLimited("Too many.", provider="local", retry_after=1_000.0)
    await keep(later, RateLimited("Too many.", provider="local", retry_after=60.0), provider="local")
    await world.pass_(later, 50)
    later.wake()
    await world.pass_(later, 30)
    assert times(world, began) == [60]
    later.wake()
    await world.pass_(later, 970, step=10)
    assert times(world, began) == [60]
    later.wake()
    await world.pass_(later, 30)
    assert times(world, began) == [60, 1_060]


async def test_one_providers_wait_does_not_hold_back_the_others(make, world):
    later, began = make(), world.now
    world.says = RateLimited("Too many.", provider="local", retry_after=1e9)
    await keep(later, world.says)
    for _ in range(2):
        await world.pass_(later, 10)
        later.wake()
        await world.settled(later)
    assert times(world, began) == [10, 20]


@pytest.mark.parametrize(("expire", "longest"), [(86_400, 3_600), (1_200, 300)])
@pytest.mark.parametrize("provider", [None, "local"])
async def test_a_wait_ends_long_before_the_question_does(make, world, provider, expire, longest):
    later, began = make(expire=expire), world.now
    world.says = RateLimited("Too many.", provider="local", retry_after=1e9)
    await keep(later, world.says, provider=provider)
    await world.pass_(later, 2 * longest, step=20)
    assert times(world, began) == [longest, 2 * longest]


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 1e300, -1.0])
async def test_a_provider_that_says_nonsense_is_not_waited_for_in_vain(make, world, seconds):
    later = make(expire=60)
    world.says = NetworkError("Gone.", provider="local", retry_after=seconds)
    id_ = await keep(later, world.says)
    await world.pass_(later, 61)
    assert result(await later.get(id_)).error.code == "deadline_exceeded"


async def test_it_is_asked_at_once_when_a_provider_is_back(make, world):
    later, began = make(), world.now
    world.says = LIMITED
    await keep(later)
    await world.pass_(later, 330)
    assert times(world, began)[-1] == 315
    world.says = ANSWER
    later.wake()
    await world.settled(later)
    assert times(world, began)[-1] == 330
    assert await later.waiting() == []


def ended(provider, error=None):
    tried = (Attempt("mistral", "m", 0.1, error="network"), Attempt(provider, "m", 0.1, error=error))
    return RequestEnded("i", "mistral", "m", "completed", None, 1.0, 0.1, 1, Usage(), tried, {})


async def test_an_answer_of_the_provider_says_that_it_is_back(make, world):
    later, began = make(), world.now
    world.says = LIMITED
    await keep(later)
    await world.pass_(later, 350)
    for other in (ended("claude"), ended("local", "network")):
        later.observe(other)
        await world.settled(later)
    assert times(world, began)[-1] == 315
    later.observe(ended("local"))
    await world.settled(later)
    assert times(world, began)[-1] == 350
    later.observe(ended("local"))
    await world.settled(later)
    assert times(world, began)[-1] == 350  # 5 s after a failure are the least


async def test_who_says_that_it_is_back_is_believed(make, world):
    later, began = make(), world.now
    world.says = LIMITED
    await keep(later)
    await world.pass_(later, 350)
    for name, asked in (("claude", 315), ("local", 350)):
        later.back(name)
        await world.settled(later)
        assert times(world, began)[-1] == asked


async def test_so_many_at_once_and_the_oldest_first(make, world):
    later = make(at_once=2)
    for number in range(5):
        await keep(later, question=str(number))
        world.now += 0.001
    world.gate = asyncio.Event()
    await world.advance(5)
    await world.until(lambda: len(world.asked) == 2)
    await world.advance(60)
    assert [(await later.get(question.id)).state for question in await later.waiting()] == ["running"] * 2 + [
        "queued"
    ] * 3
    world.gate.set()
    await world.until(lambda: len(world.asked) == 5)
    await world.settled(later)
    assert (world.most, [question for question, _ in world.asked]) == (2, list("01234"))


# -- what is no answer


@pytest.mark.parametrize(
    "error",
    [
        LIMITED,
        NetworkError("Gone.", provider="local"),
        InvalidResponse("Truncated.", provider="local"),
        OPEN,
        NoProvider("No key."),
        QueueFull("Busy.", module="m"),
        LabClosed("Closed."),
    ],
)
@pytest.mark.parametrize("within", [False, True])
async def test_an_error_that_passes_leaves_it_queued(make, world, error, within):
    later = make()
    id_ = await keep(later)
    world.says = (STARTED, Token("It "), Failed(error.problem())) if within else error
    await world.pass_(later, 5)
    kept = await later.get(id_)
    assert (len(world.asked), kept.state, kept.tries, kept.problem) == (1, "queued", 1, error.problem())
    assert result(kept) is None
    world.says = ANSWER
    await world.pass_(later, 20)
    assert result(await later.get(id_)).text == "It is packed."


@pytest.mark.parametrize("within", [False, True])
async def test_any_other_error_ends_it(make, world, within):
    later = make()
    id_ = await keep(later)
    error = InvalidRequest("No such model.", provider="local", model="m")
    world.says = (STARTED, Failed(error.problem("r"))) if within else error
    await world.pass_(later, 600, step=60)
    answer = result(await later.get(id_))
    assert (answer.status, answer.error.code, answer.error.detail) == ("failed", "invalid_request", "No such model.")
    assert len(world.asked) == 1


async def test_after_a_day_it_ends_with_what_was_said_last(make, world):
    later, began = make(), world.now
    world.says = OPEN
    id_ = await keep(later)
    await world.pass_(later, 86_400, step=300)
    answer = result(await later.get(id_))
    assert (answer.status, answer.error.code, answer.error.provider) == ("failed", "deadline_exceeded", "local")
    assert "Left alone." in answer.error.detail
    assert answer.error.attempts == len(world.asked) + 1
    assert times(world, began)[-1] < 86_400


@pytest.mark.parametrize("kind", [Unauthorized, Forbidden, QuotaExceeded])
async def test_what_people_have_to_mend_ends_it(make, world, kind):
    later = make()
    id_ = await keep(later)
    world.says = kind("Refused.", provider="local")
    await world.pass_(later, 600, step=60)
    assert result(await later.get(id_)).error.code == kind.code
    assert len(world.asked) == 1


@pytest.mark.parametrize(
    ("error", "most"),
    [
        (NetworkError("Gone.", provider="local"), 6),
        (InvalidResponse("Truncated.", provider="local"), 3),
        (ProviderUnreachable("Gone.", provider="local"), None),
        (OPEN, None),
    ],
)
async def test_a_provider_is_asked_so_often_and_no_more(make, world, error, most):
    later = make(tries=6)
    id_ = await keep(later)
    world.says = error
    await world.pass_(later, 4_000, step=20)
    if most is None:
        assert len(world.asked) > 12
        assert (await later.get(id_)).state == "queued"
    else:
        assert len(world.asked) == most
        assert result(await later.get(id_)).error.code == error.code


async def test_one_with_which_processes_die_is_given_up(make, world):
    later = make()
    later.ask = None
    id_ = await keep(later)
    world.now += 5
    for _ in range(MOST_LOST):
        await later._store.do(lambda file: (file.claim(1, world.now), file.release(())))
    later.ask = world.ask
    later.start()
    await world.pass_(later, 10)
    assert result(await later.get(id_)).error.code == "internal"
    assert world.asked == []


async def test_a_bug_ends_it_and_is_logged(make, world, caplog):
    later = make()
    id_ = await keep(later)
    world.says = ZeroDivisionError("a bug")
    await world.pass_(later, 30)
    assert result(await later.get(id_)).error.code == "internal"
    assert "ZeroDivisionError" in caplog.text
    world.says = ANSWER
    id_ = await keep(later)
    await world.pass_(later, 5)
    assert result(await later.get(id_)).status == "completed"


async def test_an_answer_that_is_too_large_ends_it(make, world):
    later = make()
    id_ = await keep(later)
    world.says = (STARTED, *[Token("x" * 65_536)] * (MAX_BYTES // 65_536), Finished("completed", "stop"))
    await world.pass_(later, 30)
    assert result(await later.get(id_)).error.code == "invalid_response"
    assert len(world.asked) == 1


async def test_a_stream_without_its_end_is_no_answer(make, world):
    later = make()
    id_ = await keep(later)
    world.says = ANSWER[:-1]
    await world.pass_(later, 30)
    assert result(await later.get(id_)).error.code == "internal"


@pytest.mark.parametrize("column", ["request", "why", "events"])
async def test_what_another_version_wrote_is_told_by_name(make, world, path, column):
    later = make()
    world.says = ANSWER if column == "events" else LIMITED
    id_ = await keep(later)
    await world.pass_(later, 5)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"UPDATE question SET {column} = ?", (b'[{"new": 1}]',))
    if column == "request":
        await world.pass_(later, 15)
        assert result(await later.get(id_)).error.code == "invalid_field"
    elif column == "why":
        assert (await later.get(id_)).problem.code == "queue_unusable"
    else:
        with pytest.raises(QueueUnusable, match="another version"):
            result(await later.get(id_))


# -- taking it back


async def test_one_that_waits_is_taken_out(make, world):
    later = make()
    id_ = await keep(later)
    cancelled = await later.cancel(id_)
    assert (cancelled.state, result(cancelled).error.code) == ("done", "analysis_cancelled")
    await world.pass_(later, 30)
    assert world.asked == []
    assert await later.cancel(id_) == await later.get(id_) == cancelled


async def test_one_that_is_being_asked_is_broken_off(make, world):
    later = make()
    id_ = await keep(later)
    world.gate = asyncio.Event()
    await world.settled(later)
    await world.advance(5)
    await world.until(lambda: world.running == 1)
    assert result(await later.cancel(id_)).error.code == "analysis_cancelled"
    assert world.running == 0
    await world.pass_(later, 30)
    assert len(world.asked) == 1


async def test_what_is_done_stays(make, world):
    later = make()
    id_ = await keep(later)
    await world.pass_(later, 5)
    assert result(await later.cancel(id_)).status == "completed"


@pytest.mark.parametrize("id_", ["k" * 22, "", "\ud800" * 22, "k" * 22 + "\n", "' OR 1=1 --------------"])
async def test_unknown_ids(make, id_):
    later = make()
    await keep(later)
    for call in (later.get, later.cancel):
        with pytest.raises(UnknownJob):
            await call(id_)


async def test_who_waits_is_told(make, world):
    later = make()
    id_ = await keep(later)
    assert (await later.wait(id_, 0.0)).state == "queued"
    waiting = asyncio.ensure_future(later.wait(id_, None))
    await world.pass_(later, 5)
    async with asyncio.timeout(POLL_SECONDS / 2):
        assert (await waiting).state == "done"


# -- what is not acknowledged


async def test_a_full_queue_takes_no_more(make):
    later = make(queued=2)
    ids = [await later.keep(asks(str(number)), LIMITED.problem()) for number in range(3)]
    assert [id_ is None for id_ in ids] == [False, False, True]
    await later.cancel(ids[0])
    assert await later.keep(asks(), LIMITED.problem())


@pytest.mark.parametrize("question", ["\ud800", "x" * (MAX_BYTES + 1)])
async def test_what_cannot_be_written_is_not_acknowledged(make, question):
    later = make()
    assert await later.keep(asks(question), LIMITED.problem()) is None
    assert await later.waiting() == []


async def test_a_disk_that_cannot_be_written_acknowledges_nothing(make, path, caplog):
    path.mkdir()
    later = make()
    assert await later.keep(asks(), LIMITED.problem()) is None
    with pytest.raises(QueueUnusable):
        await later.waiting()
    assert "cannot be kept" in caplog.text


async def test_one_that_was_not_waited_for_is_not_asked(make, world, monkeypatch):
    later = make()
    await keep(later)
    file, began, go = later._store._file, asyncio.Event(), threading.Event()
    loop, writes = asyncio.get_running_loop(), file.keep

    def is_slow(*arguments):
        loop.call_soon_threadsafe(began.set)
        go.wait(10)
        return writes(*arguments)

    monkeypatch.setattr(file, "keep", is_slow)
    keeping = asyncio.ensure_future(later.keep(asks("Never mind."), LIMITED.problem()))
    await began.wait()
    keeping.cancel()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await keeping
    await world.pass_(later, 30)
    assert [question for question, _ in world.asked] == ["What is it?"]


async def test_a_closed_one_takes_none(make):
    later = make()
    await later.aclose()
    assert await later.keep(asks(), LIMITED.problem()) is None


# -- the end of a process, and a disk that fails meanwhile


async def test_what_is_being_asked_at_the_end_waits_for_the_next(make, world):
    later = make()
    id_ = await keep(later)
    world.gate = asyncio.Event()
    await world.settled(later)
    await world.advance(5)
    await world.until(lambda: world.running == 1)
    await later.aclose()
    assert world.running == 0
    again = make()
    assert (await again.get(id_)).state == "queued"
    world.gate.set()
    again.start()
    await world.settled(again)
    assert result(await again.get(id_)).status == "completed"
    assert len(world.asked) == 2


async def test_an_answer_is_not_forgotten_until_it_is_written(make, world, path):
    later = make()
    id_ = await keep(later)
    world.gate = asyncio.Event()
    await world.settled(later)
    await world.advance(5)
    await world.until(lambda: world.running == 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        world.gate.set()
        await world.until(lambda: later._store.problem is not None and later._asking)
        assert later._store.problem.reason == "locked"
        other.execute("COMMIT")
    async with asyncio.timeout(10):
        while later._asking:
            await later.waiting()
            await world.advance(POLL_SECONDS)
    await world.settled(later)
    assert result(await later.get(id_)).status == "completed"
    assert len(world.asked) == 1


async def test_one_asks_and_the_next_takes_over(make, world, path):
    first, second = make(), make()
    await keep(first)
    await world.settled(first)
    second.start()
    await keep(second, question="Second?")
    await world.pass_(second, 5)
    await world.settled(first)
    assert sorted(question for question, _ in world.asked) == ["Second?", "What is it?"]
    assert (first._leads, second._leads) == (True, False)
    lock = path.with_name("questions.db.lock")
    assert stat.S_IMODE(lock.stat().st_mode) == 0o600
    await first.aclose()
    await keep(second, question="Third?")
    await world.pass_(second, 12)
    assert len(world.asked) == 3


async def test_a_lock_that_cannot_be_had_is_told(make, world, path, caplog):
    path.with_name("questions.db.lock").mkdir()
    later = make()
    await keep(later)
    await world.pass_(later, 30)
    assert world.asked == []
    assert "lock" in caplog.text


async def test_a_lock_that_another_holds_is_told_once(make, world, path, caplog):
    with path.with_name("questions.db.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        later = make()
        await keep(later)
        await world.pass_(later, LOCKED_SECONDS - 5, step=5)
        assert later._store.problem is None
        await world.pass_(later, LOCKED_SECONDS, step=5)
        assert later._store.problem.reason == "led_elsewhere"
        assert caplog.text.count("Another process") == 1
        assert world.asked == []
    await world.pass_(later, 10, step=5)
    assert later._store.problem is None
    assert len(world.asked) == 1


@pytest.mark.parametrize("kind", ["link", "pipe", "open to others"])
def test_a_lock_is_a_file_of_ours_alone(tmp_path, kind):
    path, lock = tmp_path / "lock", FileLock(tmp_path / "lock")
    if kind == "open to others":
        path.touch(0o666)
        assert lock.take()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        lock.release()
        return
    os.mkfifo(path) if kind == "pipe" else path.symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match=r"."):
        lock.take()


async def test_what_was_claimed_and_not_told_is_asked_all_the_same(make, world, monkeypatch):
    later = make()
    id_ = await keep(later)
    await world.settled(later)

    def claims_and_fails(limit, now, *, early):  # noqa: ARG001 - as `claim`
        monkeypatch.undo()
        later._store._file.claim(limit, now)
        raise QueueUnusable("The disk has gone.")

    monkeypatch.setattr(later._store._file, "claim", claims_and_fails)
    await world.pass_(later, 15)
    assert result(await later.get(id_)).status == "completed"
    assert len(world.asked) == 1


async def test_in_memory_it_works_for_as_long_as_the_process(make, world, tmp_path):
    later = make(None)
    id_ = await keep(later)
    await world.pass_(later, 5)
    assert result(await later.get(id_)).status == "completed"
    assert not list(tmp_path.iterdir())
