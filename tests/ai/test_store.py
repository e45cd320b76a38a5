"""The file of questions and earlier answers, against a plain model of it; and when it cannot be used."""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
import stat
import tempfile
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from athena_lab.ai import store_file
from athena_lab.ai.later_options import LaterOptions
from athena_lab.ai.question import MAX_BYTES, Question
from athena_lab.ai.recovery import PastAnswer
from athena_lab.ai.store import Store
from athena_lab.ai.store_file import APPLICATION, StoreFile
from athena_lab.bulkhead import BulkheadOptions
from athena_lab.bulkheads import Bulkheads, BulkheadsOptions
from athena_lab.errors import QueueUnusable
from athena_lab.events import Structured
from tests.ai import spoilt

EXPIRE = 1_000.0
KEEP = 3_000.0
MOST = 4
OPTIONS = LaterOptions(expire=EXPIRE, keep=KEEP, queued=MOST)


class Machine(RuleBasedStateMachine):
    """Two connections to one file, as of two processes, and dicts that say what is to be in it."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "questions.db"
        self.files = [StoreFile(self.path, OPTIONS) for _ in range(2)]
        self.now = 1_000_000.0
        self.numbers = itertools.count()
        self.known = {}

    def teardown(self):
        for file in self.files:
            file.close()
        self.folder.cleanup()

    def having(self, *states):
        return [id_ for id_, it in self.known.items() if it["state"] in states]

    def is_due(self, it):
        return it["due"] <= self.now or it["created"] <= self.now - EXPIRE

    @rule(file=st.integers(0, 1), wait=st.integers(0, 400))
    def keep(self, file, wait):
        id_, due = f"q{next(self.numbers)}", self.now + wait
        kept = self.files[file].keep(Question(id_, b"{}", b"1", "queued", 0, self.now, due), self.now)
        assert kept == (len(self.having("queued", "running")) < MOST)
        if kept:
            self.known[id_] = {
                "state": "queued", "tries": 0, "created": self.now, "changed": self.now, "earliest": due, "due": due,
                "why": b"1", "events": None, "spent": 0, "lost": 0,
            }  # fmt: skip

    @rule(file=st.integers(0, 1), limit=st.integers(1, 3), early=st.booleans())
    def claim(self, file, limit, early):
        claimed, following = self.files[file].claim(limit, self.now, early=early)
        for it in self.known.values():
            if early and it["state"] == "queued":
                it["due"] = min(it["due"], it["earliest"])
        due = [id_ for id_ in self.having("queued") if self.is_due(self.known[id_])]
        expected = sorted(due, key=lambda id_: (self.known[id_]["created"], id_))[:limit]
        assert [question.id for question in claimed] == expected
        for id_ in expected:
            self.known[id_] |= {"state": "running", "tries": self.known[id_]["tries"] + 1, "changed": self.now}
            self.known[id_]["lost"] += 1
        left = [self.known[id_] for id_ in self.having("queued")]
        assert following == min((min(it["due"], it["created"] + EXPIRE) for it in left), default=None)

    @precondition(lambda self: self.known)
    @rule(file=st.integers(0, 1), data=st.data(), cancel=st.booleans())
    def end(self, file, data, cancel):
        id_ = data.draw(st.sampled_from(sorted(self.known)))
        change = self.files[file].cancel if cancel else self.files[file].finish
        events = b"[%d]" % next(self.numbers)
        ended = change(id_, events, self.now)
        it = self.known[id_]
        assert ended == (it["state"] == "running" or (cancel and it["state"] == "queued"))
        if ended:
            it |= {"state": "done", "events": events, "changed": self.now}

    @precondition(lambda self: self.known)
    @rule(file=st.integers(0, 1), data=st.data(), earliest=st.integers(0, 50), more=st.integers(0, 300))
    def requeue(self, file, data, earliest, more):
        id_, times = data.draw(st.sampled_from(sorted(self.known))), (self.now + earliest, self.now + earliest + more)
        done = self.files[file].requeue(id_, b"2", self.now, *times, spent=2)
        it = self.known[id_]
        assert done == (it["state"] == "running")
        if done:
            it |= {"state": "queued", "why": b"2", "changed": self.now, "earliest": times[0], "due": times[1]}
            it |= {"spent": it["spent"] + 2, "lost": 0}

    @rule(file=st.integers(0, 1), data=st.data(), lost=st.booleans())
    def release(self, file, data, lost):
        running = self.having("running")
        stays = set(data.draw(st.lists(st.sampled_from(running)))) if running else set()
        self.files[file].release(stays, lost=lost)
        for id_ in set(running) - stays:
            self.known[id_]["state"] = "queued"
            self.known[id_]["lost"] -= not lost

    @rule(seconds=st.integers(1, 1_500))
    def wait(self, seconds):
        self.now += seconds

    @rule(file=st.integers(0, 1))
    def reopen(self, file):
        self.files[file].close()

    @precondition(lambda self: self.known)
    @rule(file=st.integers(0, 1), data=st.data())
    def find(self, file, data):
        id_ = data.draw(st.sampled_from(sorted(self.known)))
        found, it = self.files[file].find(id_, self.now), self.known[id_]
        if it["state"] == "done" and it["changed"] <= self.now - KEEP:
            assert found is None
        else:
            fields = ("why", "state", "tries", "created", "due", "events", "spent", "lost")
            assert found == Question(id_, b"{}", *(it[name] for name in fields))

    @invariant()
    def those_that_wait_are_listed(self):
        for file in self.files:
            waiting = [(question.id, question.state) for question in file.waiting()]
            expected = [(id_, self.known[id_]["state"]) for id_ in self.having("queued", "running")]
            assert sorted(waiting) == sorted(expected)


TestAgainstTheModel = Machine.TestCase
TestAgainstTheModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "below" / "questions.db"


@pytest.fixture
def file(path):
    file = StoreFile(path, OPTIONS)
    yield file
    file.close()


@pytest.fixture
async def store(path):
    store = Store(path, LaterOptions(answers=3, answers_bytes=10_000))
    yield store
    await store.aclose()


def question(id_="q", now=0.0):
    return Question(id_, b"{}", b"1", "queued", 0, now, now)


# -- questions


def test_a_clock_that_was_set_back_holds_nothing_up(file):
    file.keep(question(now=10_000.0), 10_000.0)
    assert file.claim(1, 9_999.5) == ([], 10_000.0)
    [claimed], _ = file.claim(1, 5_000.0)
    assert claimed.state == "running"


def test_what_is_too_old_to_be_read_is_dropped(file, path):
    file.keep(question(), 0.0)
    file.claim(1, 0.0)
    file.finish("q", b"[1]", 10.0)
    file.claim(1, 10.0 + KEEP - 1)
    assert count(path, "question") == 1
    file.claim(1, 10.0 + KEEP)
    assert count(path, "question") == 0


def test_results_are_capped_and_the_oldest_go_first(file, monkeypatch):
    monkeypatch.setattr(store_file, "MAX_RESULTS", 3)
    monkeypatch.setattr(store_file, "MAX_RESULTS_BYTES", 100)
    for number, size in enumerate((10, 10, 10, 10, 75, 10, 200)):
        file.keep(question(f"q{number}"), 0.0)
        file.claim(1, 0.0)
        file.finish(f"q{number}", b"x" * size, float(number))
        left = [n for n in range(7) if file.find(f"q{n}", 10.0)]
        assert left == [[0], [0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], []][number]
    file.keep(question("waits"), 0.0)
    assert file.find("waits", 10.0)


def test_one_that_was_forgotten_was_never_there(file):
    file.forget("q")
    file.keep(question(), 0.0)
    file.forget("q")
    assert (file.find("q", 0.0), file.claim(1, 0.0)) == (None, ([], None))


def count(path, table):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]


def test_looking_makes_no_file(file, path):
    assert (file.find("q", 0.0), file.waiting(), file.claim(1, 0.0), file.answer("k")) == (None, [], ([], None), None)
    file.release(())
    file.forget("q")
    assert not path.parent.exists()


def test_only_we_can_read_it(file, path):
    file.keep(question(), 0.0)
    file.keep_answers({"k": (b"{}", 0.0)})
    files = sorted(path.parent.iterdir())
    assert [it.name for it in files] == ["questions.db", "questions.db-shm", "questions.db-wal"]
    assert {stat.S_IMODE(it.stat().st_mode) for it in files} == {0o600}


def test_a_question_is_on_the_disk_and_an_answer_need_not_be(file):
    file.keep(question(), 0.0)
    assert file._file.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    statements = []
    file._file.connection.set_trace_callback(statements.append)
    file.keep_answers({"k": (b"{}", 0.0)})
    assert [it for it in statements if it.startswith(("PRAGMA", "COMMIT"))] == [
        "PRAGMA synchronous = NORMAL", "COMMIT", "PRAGMA synchronous = FULL",
    ]  # fmt: skip
    assert file._file.connection.execute("PRAGMA synchronous").fetchone() == (2,)


# -- earlier answers


def past(text="It is packed.", at=5.0):
    return PastAnswer("local", "m", text, Structured(problem="none"), at)


async def test_an_answer_is_found_at_once_and_after_a_restart(store, path):
    assert await store.past.find("k") is None
    await store.past.keep("k", past())
    assert not path.exists()
    assert await store.past.find("k") == past()
    await store.aclose()
    again = Store(path)
    assert await again.past.find("k") == past()
    assert await again.past.find("other") is None
    await again.aclose()


async def test_answers_are_written_without_being_asked_for(store, path):
    for number in range(3):
        await store.past.keep(f"k{number}", past())
    async with asyncio.timeout(10):
        while store.past._writing is None:  # noqa: ASYNC110 - begun by a timer, which tells nobody
            await asyncio.sleep(0.01)
        await store.past._writing
    assert count(path, "answer") == 3
    assert not store.past._unwritten
    assert store.past._size == 0


async def test_answers_are_capped_in_number_and_bytes_and_the_oldest_go_first(store):
    for number in range(5):
        await store.past.keep(f"k{number}", past(at=float(number)))
    await store.past.flush()
    assert [bool(await store.past.find(f"k{number}")) for number in range(5)] == [False, False, True, True, True]
    await store.past.keep("large", past("x" * 9_850, at=9.0))
    await store.past.flush()
    assert [bool(await store.past.find(key)) for key in ("k4", "large")] == [False, True]
    await store.past.keep("k4", past(at=10.0))
    await store.past.keep("k4", past("newer", at=11.0))
    await store.past.flush()
    assert (await store.past.find("k4")).text == "newer"


@pytest.mark.parametrize("text", ["x" * 10_001, "\ud800", "x" * (MAX_BYTES + 1)])
async def test_what_cannot_be_kept_is_not(path, text):
    store = Store(path, LaterOptions(answers_bytes=10_000 if len(text) == 10_001 else 64 << 20))
    await store.past.keep("fine", past())
    await store.past.keep("k", past(text))
    await store.past.flush()
    assert await store.past.find("k") is None
    assert await store.past.find("fine")
    await store.aclose()


async def test_answers_that_wait_are_capped(store, monkeypatch):
    monkeypatch.setattr("athena_lab.ai.store.MAX_UNWRITTEN", 100)
    await store.past.keep("a", past("x" * 60))
    await store.past.keep("b", past("x" * 60))
    assert list(store.past._unwritten) == ["a"]


async def test_none_are_kept_where_none_are_wanted(path):
    store = Store(path, LaterOptions(answers=0))
    await store.past.keep("k", past())
    assert await store.past.find("k") is None
    await store.aclose()
    assert not path.exists()


async def test_an_answer_of_another_version_is_none(store):
    await store.do(lambda file: file.keep_answers({"k": (msgspec.json.encode({"said": 1}), 0.0)}))
    assert await store.past.find("k") is None


async def test_in_memory_all_goes_on(tmp_path):
    store = Store(None)
    await store.past.keep("k", past())
    await store.past.flush()
    assert await store.past.find("k") == past()
    with pytest.raises(QueueUnusable):
        await store.do(fails)
    assert await store.past.find("k") == past()
    await store.aclose()
    assert not list(tmp_path.iterdir())


def fails(file):
    with file._file.use():
        raise sqlite3.OperationalError


# -- a file that fails


def of_another_user(path, monkeypatch):
    path.touch(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)


@pytest.mark.parametrize(("spoil", "reason"), spoilt.WAYS)
async def test_without_a_disk_there_is_no_earlier_answer(store, path, caplog, spoil, reason):
    path.parent.mkdir()
    spoil(path, APPLICATION)
    before = path.read_bytes() if path.is_file() else b""
    for _ in range(2):
        await store.past.keep("k", past())
        await store.past.flush()
        assert await store.past.find("k") is None
        assert store.problem.reason == reason
    assert str(path) not in str(store.problem)
    assert len([record for record in caplog.records if "cannot be kept" in record.message]) == 1
    assert not path.is_file() or path.read_bytes() == before


async def test_another_users_file_is_not_used(store, path, monkeypatch):
    path.parent.mkdir()
    of_another_user(path, monkeypatch)
    with pytest.raises(QueueUnusable, match="cannot be opened"):
        await store.do(lambda file: file.waiting())


@pytest.mark.parametrize(("pragma", "reason"), [("query_only = 1", "read_only"), ("max_page_count = 1", "full")])
def test_one_that_fails_later_has_all_or_nothing_and_is_opened_again(file, pragma, reason):
    file.keep(question(), 0.0)
    file._file.connection.execute(f"PRAGMA {pragma}")
    with pytest.raises(QueueUnusable) as caught:
        file.keep(msgspec.structs.replace(question("large"), request=b"x" * 100_000), 0.0)
    assert caught.value.reason == reason
    assert [it.id for it in file.waiting()] == ["q"]


async def test_one_that_can_be_used_again_is(store, path):
    path.parent.mkdir()
    path.mkdir()
    assert await store.past.find("k") is None
    path.rmdir()
    await store.past.keep("k", past())
    await store.past.flush()
    assert store.problem is None
    assert path.is_file()


async def test_closed_is_closed(store):
    await store.do(lambda file: file.waiting())
    await store.aclose()
    await store.aclose()
    with pytest.raises(QueueUnusable, match="closed"):
        await store.do(lambda file: file.waiting())
    await store.past.keep("k", past())
    await store.past.flush()


async def test_looking_an_answer_up_needs_a_place_and_finds_nothing_where_there_is_none(tmp_path):
    bulkheads = Bulkheads(BulkheadsOptions(cache=BulkheadOptions(1, 0)))
    store = Store(tmp_path / "q.db", LaterOptions(), bulkheads)
    await store.past.keep("k", past())
    await store.past.flush()
    assert await store.past.find("k") == past()
    async with bulkheads.hold("cache"):
        assert await store.past.find("k") is None
    assert await store.past.find("k") == past()
    assert bulkheads["cache"].running == 0
    await store.aclose()
