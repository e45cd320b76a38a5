"""The ledger's file: an SQLite database that several processes may write at once.

One table. A row is what one attempt used; rows older than ``detail_days`` are added up to one a day and model, those
older than ``keep_days`` are dropped. No prompt, no answer, no key is in it.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from athena_lab.ai.ledger import News, before
from athena_lab.ai.types import Spent, UsageRow
from athena_lab.errors import LedgerUnusable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from athena_lab.ai.ledger import Entry, Key

VERSION: Final = 1
"""Of the schema, in ``user_version``."""
APPLICATION: Final = 0x41744C62
"""``application_id``: "AtLb"."""
BUSY_SECONDS: Final = 2.0
"""For which another process's transaction is waited for."""
MAX_ROWS: Final = 10_000
"""In one answer."""

_SCHEMA: Final = """
CREATE TABLE spent (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    day TEXT NOT NULL,               -- UTC, 2026-11-23
    at REAL,                         -- Unix seconds, NULL for a day's sum
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    requests INTEGER NOT NULL,       -- 0 for an attempt after the first that was billed
    input_tokens INTEGER NOT NULL,
    cached_tokens INTEGER NOT NULL,  -- of the input
    output_tokens INTEGER NOT NULL,
    cost REAL,                       -- US dollars, NULL where the price is not known
    unpriced INTEGER NOT NULL,
    estimated INTEGER NOT NULL
) STRICT;
CREATE INDEX spent_by_day ON spent (day, provider, model);
"""
_COLUMNS: Final = "requests, input_tokens, cached_tokens, output_tokens, cost, unpriced, estimated"
_SUMS: Final = ", ".join(f"SUM({name})" for name in _COLUMNS.split(", "))
_INSERT: Final = f"INSERT INTO spent (day, at, provider, model, {_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)"  # noqa: S608 - constants
# Under the least id of those added up: who reads what is new since the last id that it saw must not see it again.
_FOLD: Final = f"""
CREATE TEMP TABLE folded AS SELECT MIN(id) AS id, day, NULL AS at, provider, model, {_SUMS}
    FROM spent WHERE day < :day GROUP BY day, provider, model;
DELETE FROM spent WHERE day < :day;
INSERT INTO spent SELECT * FROM folded;
DROP TABLE folded"""  # noqa: S608 - constants


def _use_wal(database: sqlite3.Connection) -> None:
    """Another process that does the same holds the file for a moment, and SQLite does not wait for that by itself."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


class LedgerFile:
    """Made, used and closed on one thread. Raises LedgerUnusable, and opens the file anew with the next call."""

    def __init__(self, path: Path, *, detail_days: int, keep_days: int) -> None:
        self._path = path
        self._detail_days = detail_days
        self._keep_days = keep_days
        self._database: sqlite3.Connection | None = None
        self._day = ""
        self._seen = 0
        self._today: dict[Key, Spent] = {}
        self._totals: dict[str, Spent] = {}

    def exchange(self, entries: Sequence[Entry], day: str) -> News:
        """Write these entries, all or none, and read what there is by now."""
        if not entries and self._database is None and not self._path.exists():
            return News({}, {})
        with self._named():
            database = self._database or self._open()
            if day != self._day:
                self._tidy(database, day)  # first: what fails after the commit would have the entries written twice
            with _transaction(database, write=bool(entries)):
                database.executemany(_INSERT, map(_row, entries))
                if day == self._day:
                    self._read_new(database)
                else:
                    self._read_all(database, day)
            self._day = day
        return News(dict(self._today), dict(self._totals))

    def days(self, since: str) -> tuple[UsageRow, ...]:
        """The sums of each day, provider and model, from this day on; the newest first."""
        if self._database is None and not self._path.exists():
            return ()
        with self._named():
            rows = (self._database or self._open()).execute(
                f"SELECT day, provider, model, {_SUMS} FROM spent WHERE day >= ?"  # noqa: S608 - constants
                " GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3 LIMIT ?",
                (since, MAX_ROWS),
            )
            return tuple(UsageRow(day, provider, model, Spent(*sums)) for day, provider, model, *sums in rows)

    def close(self) -> None:
        self._day = ""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    def _read_all(self, database: sqlite3.Connection, day: str) -> None:
        query = f"SELECT {{}}, {_SUMS} FROM spent {{}} GROUP BY {{}}"  # noqa: S608 - constants
        today = database.execute(query.format("day, provider, model", "WHERE day = ?", "1, 2, 3"), (day,))
        self._today = {row[:3]: Spent(*row[3:]) for row in today}
        totals = database.execute(query.format("provider", "", "1"))
        self._totals = {row[0]: Spent(*row[1:]) for row in totals}
        (self._seen,) = database.execute("SELECT COALESCE(MAX(id), 0) FROM spent").fetchone()

    def _read_new(self, database: sqlite3.Connection) -> None:
        query = f"SELECT id, day, provider, model, {_COLUMNS} FROM spent WHERE id > ? ORDER BY id"  # noqa: S608 - constants
        for number, day, provider, model, *columns in database.execute(query, (self._seen,)):
            spent, key = Spent(*columns), (day, provider, model)
            self._seen = number
            self._totals[provider] = self._totals.get(provider, Spent()) + spent
            if day == self._day:
                self._today[key] = self._today.get(key, Spent()) + spent

    def _tidy(self, database: sqlite3.Connection, day: str) -> None:
        oldest, detailed = before(day, self._keep_days), before(day, self._detail_days)
        old = database.execute(
            "SELECT 1 FROM spent WHERE day < ? OR (day < ? AND at IS NOT NULL) LIMIT 1", (oldest, detailed)
        )
        if not old.fetchall():
            return
        with _transaction(database, write=True):
            database.execute("DELETE FROM spent WHERE day < ?", (oldest,))
            for statement in _FOLD.split(";"):
                database.execute(statement, {"day": detailed} if ":day" in statement else {})

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        make_private(self._path)
        database = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            self._check(database)
            _use_wal(database)
            database.execute("PRAGMA synchronous = FULL")
            with _transaction(database, write=True):
                _create(database)
        except BaseException:
            database.close()
            raise
        self._database = database
        return database

    def _check(self, database: sqlite3.Connection) -> None:
        """That the file is a ledger, or nothing yet."""
        (version,) = database.execute("PRAGMA user_version").fetchone()
        (application,) = database.execute("PRAGMA application_id").fetchone()
        (tables,) = database.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
        if application == APPLICATION and version > VERSION:
            detail = f"The ledger {self._path.name} was written by a newer Athena Lab."
            raise LedgerUnusable(detail, reason="newer", next_step="Install that version, or set another path.")
        if tables and application != APPLICATION:
            raise LedgerUnusable(f"The database {self._path.name} is not a ledger of Athena Lab.", reason="foreign")

    @contextmanager
    def _named(self) -> Iterator[None]:
        """What goes wrong gets its name, and what is known of the file is forgotten."""
        try:
            yield
        except sqlite3.Error as error:
            self.close()
            code = getattr(error, "sqlite_errorcode", 0)  # the module's own errors have none
            raise self._unusable(_REASONS.get(code & 0xFF, "unusable")) from error
        except OSError as error:
            self.close()
            raise self._unusable(_ERRNO.get(error.errno or 0, "unusable")) from error
        except LedgerUnusable:
            self.close()
            raise

    def _unusable(self, reason: str) -> LedgerUnusable:
        detail, step = _WORDS[reason]
        return LedgerUnusable(f"The ledger {self._path.name} {detail}.", reason=reason, next_step=step)


_REASONS: Final = {
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
}
"""By the low byte of SQLite's result codes (sqlite.org/rescode.html)."""
_ERRNO: Final = {
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
    errno.EROFS: "read_only",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
}
_WORDS: Final[dict[str, tuple[str, str | None]]] = {
    "locked": ("is locked by another program", "Close the program that has it open. It is tried again by itself."),
    "full": ("cannot grow: the disk is full", "Make room there. It is tried again by itself."),
    "read_only": ("may not be written", None),
    "damaged": ("is damaged", "Move the file away; a new one begins by itself."),
    "unusable": ("cannot be opened", None),
}


@contextmanager
def _transaction(database: sqlite3.Connection, *, write: bool) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _create(database: sqlite3.Connection) -> None:
    """The tables, unless another process was faster."""
    if database.execute("PRAGMA user_version").fetchone() == (0,):
        for statement in _SCHEMA.split(";"):
            database.execute(statement)
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute(f"PRAGMA user_version = {VERSION}")


def make_private(path: Path) -> None:
    """An empty file that only we can read, where there is none. SQLite gives its side files the same mode.

    Raises OSError for a link, for what is no file and for another user's. An existing file is not opened here: closing
    it would let go of the locks that this process has on it.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise OSError(errno.EINVAL, "not a file of ours") from None
        if stat.S_IMODE(found.st_mode) & 0o077:
            path.chmod(0o600)


def _row(entry: Entry) -> tuple[object, ...]:
    (day, provider, model), spent = entry.key, entry.spent
    return (
        day, entry.at, provider, model, spent.requests, spent.input_tokens, spent.cached_tokens, spent.output_tokens,
        spent.cost, spent.unpriced, spent.estimated,
    )  # fmt: skip  # a row
