"""What was spent is kept: over a restart, by several processes, and in memory where the file fails."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import AsyncExitStack, closing
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai import ledger as ledgers
from athena_lab.ai.ledger import OTHER, Entry, Ledger, LedgerOptions
from athena_lab.ai.ledger_file import APPLICATION, LedgerFile
from athena_lab.ai.types import Spent
from athena_lab.errors import LedgerUnusable
from tests.ai import spoilt

NOON = 1_795_435_200.0
"""2026-11-23, 12:00 UTC."""
DAY = 86_400.0
ONE = Spent(1, 100, 10, 20, 0.25)
FREE = Spent(1, 5, 0, 7, None, 1, 1)


class Clock:
    def __init__(self, now=NOON):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def path(tmp_path):
    return tmp_path / "below" / "usage.db"


@pytest.fixture
async def open_ledger(path):
    async with AsyncExitStack() as stack:

        def make(where=path, clock=None, **options):
            ledger = Ledger(where, LedgerOptions(**options), clock=clock or Clock())
            stack.push_async_callback(ledger.aclose)
            return ledger

        yield make


def rows(path):
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT day, provider, model, requests, cost FROM spent ORDER BY id").fetchall()


async def test_sums_are_known_at_once_and_kept_over_a_restart(open_ledger, path):
    first = open_ledger()
    first.record("claude", "m", ONE)
    first.record("claude", "m", ONE)
    first.record("local", "x", FREE)
    assert first.today("claude") == Spent(2, 200, 20, 40, 0.5)
    assert first.today() == Spent(3, 205, 20, 47, 0.5, 1, 1)
    await first.aclose()
    assert rows(path) == [
        ("2026-11-23", "claude", "m", 1, 0.25),
        ("2026-11-23", "claude", "m", 1, 0.25),
        ("2026-11-23", "local", "x", 1, None),
    ]
    again = open_ledger()
    await again.sync()
    assert again.today("claude") == Spent(2, 200, 20, 40, 0.5)
    assert again.total("local") == FREE
    again.record("claude", "m", ONE)
    assert again.today("claude").requests == 3
    await again.flush()
    assert again.today("claude").requests == again.total("claude").requests == 3


async def test_a_batch_is_written_without_being_asked_for(open_ledger, path):
    ledger = open_ledger()
    for _ in range(1_000):
        ledger.record("claude", "m", ONE)
    async with asyncio.timeout(10):
        while not ledger._known.today:  # noqa: ASYNC110 - set by the ledger's thread, which tells nobody
            await asyncio.sleep(0.01)
    assert len(rows(path)) == 1_000
    assert ledger.today().requests == 1_000


async def test_nothing_is_made_before_something_is_spent(open_ledger, path):
    ledger = open_ledger()
    await ledger.sync()
    assert await ledger.days(30) == ()
    await ledger.aclose()
    assert not path.parent.exists()


async def test_only_we_can_read_it(open_ledger, path):
    ledger = open_ledger()
    ledger.record("claude", "m", ONE)
    await ledger.flush()
    files = sorted(path.parent.iterdir())
    assert [file.name for file in files] == ["usage.db", "usage.db-shm", "usage.db-wal"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


async def test_one_that_others_can_read_is_closed_to_them(open_ledger, path):
    path.parent.mkdir()
    path.touch(0o644)
    path.chmod(0o644)
    ledger = open_ledger()
    ledger.record("claude", "m", ONE)
    await ledger.flush()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_day_ends_at_midnight_utc(open_ledger):
    clock = Clock(NOON + DAY / 2 - 1)
    ledger = open_ledger(clock=clock)
    assert ledger.resets_in == 1
    ledger.record("claude", "m", ONE)
    clock.now += 1
    assert ledger.today() == Spent()
    assert ledger.resets_in == DAY
    ledger.record("claude", "m", ONE)
    await ledger.flush()
    assert ledger.today() == ONE
    assert ledger.total("claude") == ONE + ONE
    assert [(row.day, row.spent) for row in await ledger.days(2)] == [("2026-11-24", ONE), ("2026-11-23", ONE)]
    assert [row.day for row in await ledger.days(1)] == ["2026-11-24"]


async def test_old_attempts_are_added_up_and_older_days_dropped(open_ledger, path):
    clock = Clock(NOON - 10 * DAY)
    ledger = open_ledger(clock=clock)
    for model in ("m", "m", "n"):
        ledger.record("claude", model, ONE)
    clock.now = NOON - 3 * DAY
    for _ in range(3):
        ledger.record("claude", "m", ONE)
    await ledger.aclose()
    assert len(rows(path)) == 6
    ledger = open_ledger(detail_days=2, keep_days=5)
    await ledger.sync()
    assert rows(path) == [("2026-11-20", "claude", "m", 3, 0.75)]
    ledger.record("claude", "m", ONE)
    await ledger.flush()
    assert ledger.today() == ONE
    assert [row.spent.requests for row in await ledger.days(30)] == [1, 3]


async def test_what_was_added_up_meanwhile_is_not_counted_twice(open_ledger, path):
    """One process adds up old rows while another, which has seen them, reads on."""
    clock = Clock(NOON - DAY)
    one = LedgerFile(path, detail_days=30, keep_days=30)
    entries = [ledgers.Entry(("2026-11-20", "claude", "m"), NOON, ONE) for _ in range(3)]
    assert one.exchange(entries, "2026-11-23").totals == {"claude": ONE + ONE + ONE}
    other = open_ledger(clock=clock, detail_days=1)
    other.record("claude", "m", ONE)
    await other.flush()
    assert len(rows(path)) == 2
    assert one.exchange([], "2026-11-23").totals["claude"].requests == 4
    one.close()


async def test_models_are_bounded(open_ledger):
    for ledger in (open_ledger(), open_ledger(None)):
        for number in range(ledgers.MAX_MODELS + 50):
            ledger.record("local", f"m-{number}", ONE)
        ledger.record("claude", "m", ONE)
        found = await ledger.days(1)
        assert len(found) == ledgers.MAX_MODELS + 2
        assert next(row.spent.requests for row in found if row.model == OTHER) == 50


async def test_without_a_file_days_are_kept_in_memory_and_bounded(open_ledger):
    clock = Clock()
    ledger = open_ledger(None, clock=clock, keep_days=3)
    for _ in range(10):
        ledger.record("claude", "m", ONE)
        clock.now += DAY
    ledger.record("claude", "m", ONE)
    assert [row.day for row in await ledger.days(100)] == ["2026-12-03", "2026-12-02", "2026-12-01", "2026-11-30"]
    assert ledger._thread is None


@pytest.mark.parametrize("model", ["x'; DROP TABLE spent; --", "a\0b", "🦉" * 64, "\u202e"])
async def test_names_are_only_names(open_ledger, model):
    ledger = open_ledger()
    ledger.record("claude", model, ONE)
    await ledger.flush()
    assert [(row.model, row.spent) for row in await ledger.days(1)] == [(model, ONE)]


# -- several processes

WRITER = """
import asyncio, sys
from athena_lab.ai.ledger import Ledger
from athena_lab.ai.types import Spent

async def main():
    ledger = Ledger(sys.argv[1], clock=lambda: 1_795_435_200.0)
    print("ready", flush=True)
    sys.stdin.readline()
    for number in range(300):
        ledger.record("claude", "m", Spent(1, 100, 10, 20, 0.25))
        if number % 3 == 0:
            await ledger.flush()
    await ledger.aclose()
    print(ledger.problem)

asyncio.run(main())
"""


def started(number, path):
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(number)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    return writers


async def test_two_processes_write_at_once_and_the_sums_are_right(open_ledger, path):
    writers = started(3, path)
    said = [await asyncio.to_thread(writer.communicate, timeout=60) for writer in writers]
    assert [out for out, _ in said] == ["None\n"] * 3
    ledger = open_ledger()
    await ledger.sync()
    assert ledger.today() == Spent(900, 90_000, 9_000, 18_000, 225.0)


async def test_what_another_process_spends_is_seen(open_ledger, monkeypatch):
    monkeypatch.setattr(ledgers, "SYNC_SECONDS", 0.0)
    ours, theirs = open_ledger(), open_ledger()
    theirs.record("claude", "m", ONE)
    await theirs.flush()
    await ours.sync()
    assert ours.today() == ONE
    ours.record("claude", "m", ONE)
    await ours.flush()
    await theirs.sync()
    assert ours.today() == theirs.today() == ONE + ONE


async def test_what_was_written_survives_a_kill(open_ledger, path):
    program = WRITER.replace("await ledger.aclose()", "await asyncio.sleep(0.5); import os; os.kill(os.getpid(), 9)")
    program = program.replace("await ledger.flush()", "pass")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, str(path)],
        input="go\n",
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == -9
    ledger = open_ledger()
    await ledger.sync()
    assert ledger.today().requests == 300


def test_another_process_that_creates_the_file_while_we_look_at_it_is_no_stranger(path, monkeypatch):
    others = []
    entry = Entry(("2026-11-24", "claude", "m"), NOON, ONE)

    def write():
        with closing(LedgerFile(path, detail_days=3, keep_days=9)) as file:
            return file.exchange([entry], "2026-11-24").totals["claude"].requests

    class Interrupted(sqlite3.Connection):
        def execute(self, sql, *parameters):
            if "COUNT" in sql and not others:
                others.append(threading.Thread(target=write))
                others[0].start()
                others[0].join(0.3)  # it comes in between if it can
            return super().execute(sql, *parameters)

    monkeypatch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Interrupted))
    assert write() in {1, 2}
    others[0].join()
    assert write() == 3


# -- a file that fails


@pytest.mark.parametrize(("spoil", "reason"), spoilt.WAYS)
async def test_a_file_that_cannot_be_used_fails_nobody(open_ledger, path, caplog, spoil, reason):
    path.parent.mkdir()
    spoil(path, APPLICATION)
    before = path.read_bytes() if path.is_file() else b""
    ledger = open_ledger()
    for _ in range(2):
        ledger.record("claude", "m", ONE)
        with pytest.raises(LedgerUnusable) as caught:
            await ledger.flush()
        assert caught.value.reason == reason
    assert ledger.problem.reason == reason
    assert str(path) not in str(ledger.problem)
    assert ledger.today("claude") == ledger.total("claude") == ONE + ONE
    assert [row.spent for row in await ledger.days(7)] == [ONE + ONE]
    await ledger.sync()
    await ledger.aclose()
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING and "in memory alone" in r.message]
    assert len(warnings) == 1
    if path.is_file():
        assert path.read_bytes() == before


async def test_another_users_file_is_not_used(open_ledger, path, monkeypatch):
    path.parent.mkdir()
    path.touch(0o600)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    ledger = open_ledger()
    ledger.record("claude", "m", ONE)
    with pytest.raises(LedgerUnusable, match="cannot be opened"):
        await ledger.flush()


async def test_a_folder_that_may_not_be_written(open_ledger, tmp_path):
    (tmp_path / "file").touch()
    ledger = open_ledger(tmp_path / "file" / "usage.db")
    ledger.record("claude", "m", ONE)
    with pytest.raises(LedgerUnusable):
        await ledger.flush()
    assert ledger.today() == ONE


@pytest.mark.parametrize(("pragma", "reason"), [("query_only = 1", "read_only"), ("max_page_count = 1", "full")])
async def test_one_that_fails_later_keeps_all_until_it_can_be_written(path, pragma, reason):
    file = LedgerFile(path, detail_days=30, keep_days=30)
    entry = ledgers.Entry(("2026-11-23", "claude", "m"), NOON, ONE)
    file.exchange([entry], "2026-11-23")
    file._file.connection.execute(f"PRAGMA {pragma}")
    with pytest.raises(LedgerUnusable) as caught:
        file.exchange([entry] * 1_000, "2026-11-23")
    assert caught.value.reason == reason
    assert file.exchange([entry], "2026-11-23").today == {entry.key: ONE + ONE}  # all or none, and open again
    file.close()


@pytest.mark.parametrize("step", ["_read_new", "_tidy"])
async def test_what_was_not_read_back_is_not_written_twice(path, monkeypatch, step):
    file = LedgerFile(path, detail_days=30, keep_days=30)
    entry = ledgers.Entry(("2026-11-23", "claude", "m"), NOON, ONE)
    file.exchange([entry], "2026-11-23")

    def fail(*_):
        raise sqlite3.OperationalError

    with monkeypatch.context() as patch:
        patch.setattr(file, step, fail)
        with pytest.raises(LedgerUnusable):
            file.exchange([entry], "2026-11-23" if step == "_read_new" else "2026-11-24")
    assert file.exchange([entry], "2026-11-23").totals == {"claude": ONE + ONE}
    assert len(rows(path)) == 2
    file.close()


async def test_one_that_is_locked_is_tried_again_and_nothing_is_lost(open_ledger, path, monkeypatch, caplog):
    monkeypatch.setattr("athena_lab.ai.database.BUSY_SECONDS", 0.05)
    caplog.set_level(logging.INFO)
    ledger = open_ledger()
    ledger.record("claude", "m", ONE)
    await ledger.flush()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ledger.record("claude", "m", ONE)
        with pytest.raises(LedgerUnusable) as caught:
            await ledger.flush()
        assert caught.value.reason == "locked"
        ledger.record("claude", "m", ONE)
        with monkeypatch.context() as patch:
            patch.setattr(ledgers, "SYNC_SECONDS", 0.0)
            patch.setattr(ledger, "_ask", None)  # a question does not wait for a file that fails
            await ledger.sync()
        assert ledger.today().requests == 3
        other.execute("COMMIT")
    await ledger.flush()
    assert ledger.problem is None
    assert len(rows(path)) == 3
    assert ledger.today().requests == 3
    assert "can be used again" in caplog.text


async def test_the_event_loop_does_not_wait_for_the_file(open_ledger, path):
    ledger = open_ledger()
    ledger.record("claude", "m", ONE)
    await ledger.flush()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ledger.record("claude", "m", ONE)
        flushing = asyncio.create_task(ledger.flush())
        await asyncio.sleep(0)
        began = time.perf_counter()
        for _ in range(1_000):
            ledger.record("claude", "m", ONE)
            ledger.today("claude")
        assert time.perf_counter() - began < 0.5
        other.execute("COMMIT")
    await flushing
    await ledger.flush()
    assert len(rows(path)) == 1_002


async def test_what_waits_is_bounded_and_still_adds_up(open_ledger, path, monkeypatch):
    monkeypatch.setattr(ledgers, "MAX_UNWRITTEN", 100)
    path.parent.mkdir()
    spoilt.damage(path, APPLICATION)
    ledger = open_ledger()
    for number in range(1_000):
        ledger.record("claude", f"m-{number % 3}", ONE)
    with pytest.raises(LedgerUnusable):
        await ledger.flush()
    assert len(ledger._unwritten.entries) <= 101
    path.unlink()
    await ledger.flush()
    assert ledger.today().requests == 1_000
    assert sum(row[3] for row in rows(path)) == 1_000


async def test_after_the_end_nothing_fails(open_ledger):
    ledger = open_ledger()
    ledger.record("claude", "m", ONE)
    await ledger.aclose()
    await ledger.aclose()
    ledger.record("claude", "m", ONE)
    assert ledger.today().requests == 2
    assert [row.spent.requests for row in await ledger.days(1)] == [2]
    assert not ledger._thread.is_alive()


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from(["m", "n"]), st.integers(0, 2))))
def test_sums_are_the_sums(tmp_path_factory, entries):
    """Whatever is recorded on whichever day, memory, file and a second reader agree."""
    path = tmp_path_factory.mktemp("ledger") / "usage.db"
    days = ["2026-11-21", "2026-11-22", "2026-11-23"]
    writer = LedgerFile(path, detail_days=1, keep_days=30)
    reader = LedgerFile(path, detail_days=30, keep_days=30)
    expected = dict.fromkeys("ab", 0)
    for provider, model, day in entries:
        entry = ledgers.Entry((days[day], provider, model), NOON, ONE)
        writer.exchange([entry], days[day])
        expected[provider] += 1
        seen = reader.exchange([], days[2])
        assert {name: spent.requests for name, spent in seen.totals.items()} == {k: v for k, v in expected.items() if v}
    again = LedgerFile(path, detail_days=30, keep_days=30).exchange([], days[2])
    assert {name: spent.requests for name, spent in again.totals.items()} == {k: v for k, v in expected.items() if v}
    writer.close()
    reader.close()
