"""The ledger's file: an SQLite database that several processes may write at once.

One table. A row is what one attempt used; rows older than ``detail_days`` are added up to one a day and model, those
older than ``keep_days`` are dropped. No prompt, no answer, no key is in it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from athena_lab.ai.database import Database, Kind, transaction
from athena_lab.ai.ledger import News, before
from athena_lab.ai.types import Spent, UsageRow
from athena_lab.errors import LedgerUnusable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from athena_lab.ai.ledger import Entry, Key

APPLICATION: Final = 0x41744C62
""""AtLb"."""
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


_KIND: Final = Kind("ledger", APPLICATION, version=1, schema=_SCHEMA, error=LedgerUnusable)


class LedgerFile:
    """Made, used and closed on one thread. Raises LedgerUnusable, and opens the file anew with the next call."""

    def __init__(self, path: Path, *, detail_days: int, keep_days: int) -> None:
        self._file = Database(path, _KIND)
        self._detail_days = detail_days
        self._keep_days = keep_days
        self._day = ""
        self._seen = 0
        self._today: dict[Key, Spent] = {}
        self._totals: dict[str, Spent] = {}

    def exchange(self, entries: Sequence[Entry], day: str) -> News:
        """Write these entries, all or none, and read what there is by now."""
        if not entries and not self._file.exists:
            return News({}, {})
        with self._using() as database:
            if day != self._day:
                self._tidy(database, day)  # first: what fails after the commit would have the entries written twice
            with transaction(database, write=bool(entries)):
                database.executemany(_INSERT, map(_row, entries))
                if day == self._day:
                    self._read_new(database)
                else:
                    self._read_all(database, day)
            self._day = day
        return News(dict(self._today), dict(self._totals))

    def days(self, since: str) -> tuple[UsageRow, ...]:
        """The sums of each day, provider and model, from this day on; the newest first."""
        if not self._file.exists:
            return ()
        with self._using() as database:
            rows = database.execute(
                f"SELECT day, provider, model, {_SUMS} FROM spent WHERE day >= ?"  # noqa: S608 - constants
                " GROUP BY 1, 2, 3 ORDER BY 1 DESC, 2, 3 LIMIT ?",
                (since, MAX_ROWS),
            )
            return tuple(UsageRow(day, provider, model, Spent(*sums)) for day, provider, model, *sums in rows)

    def close(self) -> None:
        self._day = ""
        self._file.close()

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
        with transaction(database, write=True):
            database.execute("DELETE FROM spent WHERE day < ?", (oldest,))
            for statement in _FOLD.split(";"):
                database.execute(statement, {"day": detailed} if ":day" in statement else {})

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """When it fails, what is known of the file is forgotten."""
        try:
            with self._file.use() as database:
                yield database
        except LedgerUnusable:
            self._day = ""
            raise


def _row(entry: Entry) -> tuple[object, ...]:
    (day, provider, model), spent = entry.key, entry.spent
    return (
        day, entry.at, provider, model, spent.requests, spent.input_tokens, spent.cached_tokens, spent.output_tokens,
        spent.cost, spent.unpriced, spent.estimated,
    )  # fmt: skip  # a row
