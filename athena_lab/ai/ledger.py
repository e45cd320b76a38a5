"""What was spent with which provider and model on which day (UTC), kept over a restart.

`Ledger.record` and the sums of today cost nothing: they are in memory. A thread of its own writes what was recorded to
the file, in batches, and reads what other processes have written there. A file that cannot be used fails nobody: it is
said once in the log and in `Ledger.problem`, all goes on in memory, and the file is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import Future
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, TypeVar

import msgspec
from msgspec import Meta

from athena_lab.ai.types import Spent, UsageRow
from athena_lab.errors import LedgerUnusable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from athena_lab.ai.ledger_file import LedgerFile

_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")

Key = tuple[str, str, str]
"""Day (``2026-11-23``), provider, model."""
MEMORY: Final = ":memory:"
OTHER: Final = "(other)"
MAX_MODELS: Final = 64
"""Of one provider on one day; what more there are is counted as `OTHER`: some servers answer to any name."""
MAX_UNWRITTEN: Final = 10_000
"""Attempts that wait for the file one by one; with more they are added up."""
BATCH_SECONDS: Final = 0.25
"""For which attempts are gathered before they are written: what a crash may lose."""
RETRY_SECONDS: Final = 30.0
"""From one try to the next with a file that cannot be used."""
SYNC_SECONDS: Final = 2.0
"""For which the sums are believed where other processes may write, too."""
PATIENCE: Final = 0.5
"""Seconds for which a question waits for the file at most."""
CLOSE_SECONDS: Final = 10.0


class LedgerOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.ledger]``"""

    path: str = ""
    """The file; empty for ``usage.db`` in the user's data folder, ``:memory:`` for none."""
    detail_days: Annotated[int, Meta(ge=1, le=3_650)] = 30
    """Days for which every attempt is kept; after that they are added up to one row a day and model."""
    keep_days: Annotated[int, Meta(ge=1, le=3_650)] = 400
    """Days for which anything is kept."""


class Entry(NamedTuple):
    """What one attempt used. ``at`` in Unix seconds, None for several added up."""

    key: Key
    at: float | None
    spent: Spent


class News(NamedTuple):
    """All that the file knows of today, and of each provider in all."""

    today: dict[Key, Spent]
    totals: dict[str, Spent]


class _Batch:
    """Entries, and their sums."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.sums: dict[Key, Spent] = {}

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.sums[entry.key] = self.sums.get(entry.key, Spent()) + entry.spent
        if len(self.entries) > MAX_UNWRITTEN:
            self.entries = [Entry(key, None, spent) for key, spent in self.sums.items()]


class Ledger:
    """Belongs to one event loop, which never waits for the disk. ``clock`` gives Unix seconds."""

    def __init__(
        self,
        path: Path | str | None = None,
        options: LedgerOptions | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = None if path is None or str(path) == MEMORY else Path(path)
        self._options = options or LedgerOptions()
        self._clock = clock
        self.problem: LedgerUnusable | None = None
        self._known = News({}, {})
        self._unwritten = _Batch()
        self._writing = _Batch()
        # Guards the fields above and below. The thread holds it to change them, never while it works on the file.
        self._changed = threading.Condition()
        self._jobs: list[tuple[Future[Any], Callable[[LedgerFile], Any]]] = []
        self._synced = self._retry_at = float("-inf")
        self._thread: threading.Thread | None = None
        self._closed = False

    # -- writing

    def record(self, provider: str, model: str, spent: Spent) -> None:
        """Never fails, never waits."""
        now = self._clock()
        with self._changed:
            entry = Entry(self._key(_day(now), provider, model), now, spent)
            if entry.key not in self._unwritten.sums:
                self._forget_old()
            self._unwritten.add(entry)
            if self._path is None or self._closed:
                self._unwritten.entries.clear()
            elif len(self._unwritten.entries) == 1:  # of the others the thread finds out by itself
                self._wake()

    def _key(self, day: str, provider: str, model: str) -> Key:
        key = (day, provider, model)
        if any(key in sums for sums in self._sums()):
            return key
        models = {k for sums in self._sums() for k in sums if k[:2] == key[:2]}
        return key if len(models) < MAX_MODELS else (day, provider, OTHER)

    def _forget_old(self) -> None:
        """Of a ledger without a file, which has its days in memory."""
        days = {key[0] for key in self._unwritten.sums}
        if len(days) > self._options.keep_days:
            oldest = min(days)
            self._unwritten.sums = {k: v for k, v in self._unwritten.sums.items() if k[0] > oldest}

    # -- reading

    @property
    def day(self) -> str:
        return _day(self._clock())

    @property
    def resets_in(self) -> float:
        """Seconds to midnight UTC."""
        return 86_400 - self._clock() % 86_400

    def today(self, provider: str | None = None) -> Spent:
        """As far as is known here and now: see `sync`."""
        day = self.day
        with self._changed:
            return _total(
                spent
                for sums in self._sums()
                for key, spent in sums.items()
                if key[0] == day and (provider is None or key[1] == provider)
            )

    def total(self, provider: str) -> Spent:
        """All that is kept of one provider."""
        with self._changed:
            unwritten = (
                v for batch in (self._writing, self._unwritten) for k, v in batch.sums.items() if k[1] == provider
            )
            return _total([self._known.totals.get(provider, Spent()), *unwritten])

    async def days(self, days: int) -> tuple[UsageRow, ...]:
        """The sums of the last so many days, today's among them, by provider and model; the newest first."""
        since = before(self.day, days - 1)
        rows = None
        if self._path is not None:
            try:
                rows = await asyncio.wrap_future(self._ask(lambda file: file.days(since)))
            except LedgerUnusable:
                rows = None  # `problem` says so; what is in memory is told
        with self._changed:
            sums = (self._unwritten.sums, self._writing.sums) if rows is not None else self._sums()
            merged = {(row.day, row.provider, row.model): row.spent for row in rows or ()}
            for part in sums:
                for key, spent in part.items():
                    if key[0] >= since:
                        merged[key] = merged.get(key, Spent()) + spent
        newest = sorted(merged.items(), key=lambda item: item[0][1:])
        newest.sort(key=lambda item: item[0][0], reverse=True)
        return tuple(UsageRow(*key, spent) for key, spent in newest)

    async def sync(self) -> None:
        """Take in what other processes have written, if that was not done within `SYNC_SECONDS`.

        Waits at most `PATIENCE` seconds, and not at all for a file that cannot be used.
        """
        if self._path is None or self.problem or self._closed or time.monotonic() < self._synced + SYNC_SECONDS:
            return
        asked = asyncio.wrap_future(self._ask(_nothing))
        done, _ = await asyncio.wait([asked], timeout=PATIENCE)
        if done:
            asked.exception()  # looked at: `problem` says it
        else:
            asked.cancel()

    async def flush(self) -> None:
        """Write everything now. Raises LedgerUnusable."""
        if self._path is not None:
            await asyncio.wrap_future(self._ask(_nothing))

    async def aclose(self) -> None:
        """Write everything, and let go of the file. Idempotent; what is recorded afterwards is forgotten."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            await asyncio.to_thread(thread.join, CLOSE_SECONDS)

    def _sums(self) -> tuple[Mapping[Key, Spent], ...]:
        return (self._known.today, self._writing.sums, self._unwritten.sums)

    # -- the thread

    def _ask(self, job: Callable[[LedgerFile], _T]) -> Future[_T]:
        """Have this done with the file, when all that is recorded by now is written."""
        asked: Future[_T] = Future()
        with self._changed:
            if self._closed:
                asked.set_exception(LedgerUnusable("The ledger is closed.", reason="closed"))
            else:
                self._jobs.append((asked, job))
                self._wake()
        return asked

    def _wake(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="athena-ledger", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _work(self) -> None:
        from athena_lab.ai.ledger_file import LedgerFile  # noqa: PLC0415 - sqlite3 comes with the first use

        assert self._path is not None
        options = self._options
        file = LedgerFile(self._path, detail_days=options.detail_days, keep_days=options.keep_days)
        last = False
        while not last:
            jobs, last = self._next()
            self._exchange(file)
            for asked, job in jobs:
                self._do(file, asked, job)
        file.close()

    def _next(self) -> tuple[list[tuple[Future[Any], Callable[[LedgerFile], Any]]], bool]:
        """Wait until there is something to do. True at the end."""
        due = None
        with self._changed:
            while not self._urgent():
                if not self._unwritten.entries:
                    self._changed.wait()
                    continue
                due = due or max(time.monotonic() + BATCH_SECONDS, self._retry_at)
                if (left := due - time.monotonic()) <= 0:
                    break
                self._changed.wait(left)
            jobs, self._jobs = self._jobs, []
            self._writing, self._unwritten = self._unwritten, _Batch()
            return jobs, self._closed

    def _urgent(self) -> bool:
        return bool(self._jobs) or self._closed

    def _exchange(self, file: LedgerFile) -> None:
        try:
            news = file.exchange(self._writing.entries, self.day)
        except LedgerUnusable as error:
            self._failed(error)
        else:
            with self._changed:
                self._known, self._writing = news, _Batch()
                self._synced = time.monotonic()
                self._retry_at = float("-inf")
                problem, self.problem = self.problem, None
            if problem is not None:
                _LOG.info("The ledger of usage at %s can be used again.", self._path)

    def _failed(self, error: LedgerUnusable) -> None:
        with self._changed:
            later, self._unwritten = self._unwritten, self._writing
            for entry in later.entries:
                self._unwritten.add(entry)
            self._writing = _Batch()
            self._retry_at = time.monotonic() + RETRY_SECONDS
            known, self.problem = self.problem, error
        if known is None:
            _LOG.warning("What is spent is counted in memory alone, at %s: %s", self._path, error)
        if self._closed and self._unwritten.entries:
            _LOG.warning("%d entries were not written to the ledger of usage.", len(self._unwritten.entries))

    def _do(self, file: LedgerFile, asked: Future[_T], job: Callable[[LedgerFile], _T]) -> None:
        if not asked.set_running_or_notify_cancel():
            return
        try:
            if self.problem is not None:
                raise self.problem
            asked.set_result(job(file))
        except LedgerUnusable as error:
            asked.set_exception(error)


def _nothing(_file: LedgerFile) -> None:
    """To have what is recorded written, and nothing more."""


def before(day: str, days: int) -> str:
    """The day so many days before."""
    return (date.fromisoformat(day) - timedelta(days)).isoformat()


def _day(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).date().isoformat()


def _total(parts: Iterable[Spent]) -> Spent:
    total = Spent()
    for part in parts:
        total += part
    return total
