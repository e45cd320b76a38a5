"""The file of what outlives a process: questions to be asked again, and earlier answers.

A question is queued, running, then done, with the events of its answer. All that changes one is a transaction that
looks at its state first, so two processes never both do it; what is committed is on the disk. Times in Unix seconds:
they have to mean something after a restart. Where the clock was set back, a question that seems to have been changed in
the future is due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from athena_lab.ai.database import Database, Kind, transaction
from athena_lab.ai.later_options import MIB, LaterOptions
from athena_lab.ai.question import Question
from athena_lab.errors import QueueUnusable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping
    from pathlib import Path

MAX_RESULTS: Final = 1_000
MAX_RESULTS_BYTES: Final = 64 * MIB
CLOCK_SLACK: Final = 1.0
"""Seconds by which the clocks of two readings may differ without one having been set back."""

_SCHEMA: Final = """
CREATE TABLE question (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done')),
    tries INTEGER NOT NULL,
    created REAL NOT NULL,
    changed REAL NOT NULL,        -- when the state last did
    earliest REAL NOT NULL,       -- not before, whoever is back
    due REAL NOT NULL,            -- not before, as long as nobody says that a provider is back
    size INTEGER NOT NULL,        -- of the events: what stands behind a large value is slow to read
    request BLOB NOT NULL,        -- JSON
    why BLOB NOT NULL,            -- JSON, the last problem
    events BLOB,                  -- JSON, an array
    spent INTEGER NOT NULL,       -- of the tries that it has with providers
    lost INTEGER NOT NULL         -- runs since the last outcome: those whose process ended, and the one that goes on
) STRICT;
CREATE INDEX question_by_state ON question (state, due);
CREATE TABLE answer (
    key TEXT PRIMARY KEY,
    answer BLOB NOT NULL,         -- JSON
    at REAL NOT NULL,
    size INTEGER NOT NULL
) STRICT;
CREATE INDEX answer_by_age ON answer (at, size);
"""
APPLICATION: Final = 0x41744C71
"""``AtLq``: by which SQLite files of this kind are known."""
_KIND: Final = Kind("file of questions", APPLICATION, version=1, schema=_SCHEMA, error=QueueUnusable)
_COLUMNS: Final = "id, request, why, state, tries, created, due, events, spent, lost"
_SELECT: Final = f"SELECT {_COLUMNS} FROM question"  # noqa: S608 - constants
_DUE: Final = "state = 'queued' AND (due <= :now OR created <= :now - :expire OR changed > :now + :slack)"
_OLD: Final = "state = 'done' AND changed <= :now - :keep"
_CLAIM: Final = f"""
UPDATE question SET state = 'running', tries = tries + 1, lost = lost + 1, changed = :now
WHERE id IN (SELECT id FROM question WHERE {_DUE} ORDER BY created, id LIMIT :limit) RETURNING {_COLUMNS}"""  # noqa: S608 - constants
# All but the newest, up to a number and a sum of sizes.
_FORGET: Final = """
DELETE FROM {table} WHERE rowid IN (SELECT id FROM (
    SELECT rowid AS id, ROW_NUMBER() OVER newest AS number, SUM(size) OVER newest AS total
    FROM {table} WHERE {which} WINDOW newest AS (ORDER BY {age} DESC, rowid DESC)
) WHERE number > ? OR total > ?)"""
_FORGET_RESULTS: Final = _FORGET.format(table="question", which="state = 'done'", age="changed")
_FORGET_ANSWERS: Final = _FORGET.format(table="answer", which="TRUE", age="at")


class StoreFile:
    """Made, used and closed on one thread. Raises QueueUnusable, and opens the file anew with the next call."""

    def __init__(self, path: Path | None, options: LaterOptions) -> None:
        self._file = Database(path, _KIND)
        self._options = options

    @property
    def exists(self) -> bool:
        return self._file.exists

    def close(self) -> None:
        self._file.close()

    # -- questions

    def keep(self, question: Question, now: float, earliest: float | None = None) -> bool:
        """Take it; ``earliest``: not before, whoever is back. False where as many wait already as may."""
        first = question.due if earliest is None else min(earliest, question.due)
        with self._file.use() as database, transaction(database, write=True):
            (waiting,) = database.execute("SELECT COUNT(*) FROM question WHERE state <> 'done'").fetchone()
            if waiting >= self._options.queued:
                return False
            database.execute(
                "INSERT INTO question (id, request, why, state, tries, created, changed, earliest, due, size, spent,"
                " lost) VALUES (?, ?, ?, 'queued', 0, ?, ?, ?, ?, 0, 0, 0)",
                (question.id, question.request, question.why, now, now, first, question.due),
            )
            return True

    def forget(self, id_: str) -> None:
        """As if it had never been taken."""
        if self.exists:
            with self._file.use() as database:
                database.execute("DELETE FROM question WHERE id = ?", (id_,))

    def claim(self, limit: int, now: float, *, early: bool = False) -> tuple[list[Question], float | None]:
        """Those to be asked now, the oldest first, and when the next is due; ``early``: a provider is back.

        They may be too old, and then it is too late. Results that are too old are dropped.
        """
        if not self.exists:
            return [], None
        values = self._values(now)
        with self._file.use() as database:
            if early:
                database.execute("UPDATE question SET due = earliest WHERE state = 'queued' AND due > earliest")
            if not database.execute(f"SELECT 1 FROM question WHERE {_DUE} OR {_OLD} LIMIT 1", values).fetchone():  # noqa: S608
                return [], self._next(database)
            with transaction(database, write=True):
                database.execute(f"DELETE FROM question WHERE {_OLD}", values)  # noqa: S608 - constants
                claimed = database.execute(_CLAIM, {**values, "limit": limit}).fetchall()
            return sorted(map(_question, claimed), key=lambda it: (it.created, it.id)), self._next(database)

    def _next(self, database: sqlite3.Connection) -> float | None:
        query = "SELECT MIN(MIN(due, created + ?)) FROM question WHERE state = 'queued'"
        (due,) = database.execute(query, (self._options.expire,)).fetchone()
        return None if due is None else float(due)

    def finish(self, id_: str, events: bytes, now: float) -> bool:
        """The answer of one that runs. False for one that does not, or no longer."""
        return self._end(id_, events, now, "state = 'running'")

    def cancel(self, id_: str, events: bytes, now: float) -> bool:
        """The same for one that waits or runs."""
        return self._end(id_, events, now, "state <> 'done'")

    def _end(self, id_: str, events: bytes, now: float, where: str) -> bool:
        query = f"UPDATE question SET state = 'done', events = ?, size = ?, changed = ? WHERE id = ? AND {where}"  # noqa: S608 - constants
        with self._file.use() as database, transaction(database, write=True):
            ended = database.execute(query, (events, len(events), now, id_)).rowcount
            database.execute(_FORGET_RESULTS, (MAX_RESULTS, MAX_RESULTS_BYTES))
        return ended == 1

    def requeue(self, id_: str, why: bytes, now: float, earliest: float, due: float, *, spent: int = 0) -> bool:
        """One that runs shall be asked again; ``spent``: of its tries, this time."""
        with self._file.use() as database:
            changed = database.execute(
                "UPDATE question SET state = 'queued', why = ?, changed = ?, earliest = ?, due = ?,"
                " spent = spent + ?, lost = 0 WHERE id = ? AND state = 'running'",
                (why, now, earliest, due, spent, id_),
            )
            return changed.rowcount == 1

    def release(self, asking: Collection[str], *, lost: bool = True) -> None:
        """All that run wait again, except these: whoever asked them has ended, or broke off (not ``lost``)."""
        if self.exists:
            with self._file.use() as database, transaction(database, write=True):
                running = [row[0] for row in database.execute("SELECT id FROM question WHERE state = 'running'")]
                left = [(not lost, id_) for id_ in running if id_ not in asking]
                database.executemany("UPDATE question SET state = 'queued', lost = lost - ? WHERE id = ?", left)

    def find(self, id_: str, now: float) -> Question | None:
        if not self.exists:
            return None
        with self._file.use() as database:
            query = f"{_SELECT} WHERE id = :id AND NOT ({_OLD})"
            found = database.execute(query, {**self._values(now), "id": id_}).fetchone()
        return None if found is None else _question(found)

    def waiting(self) -> list[Question]:
        """Those that wait or run, the oldest first."""
        if not self.exists:
            return []
        with self._file.use() as database:
            return list(map(_question, database.execute(f"{_SELECT} WHERE state <> 'done' ORDER BY created, id")))

    def _values(self, now: float) -> dict[str, object]:
        return {"now": now, "expire": self._options.expire, "keep": self._options.keep, "slack": CLOCK_SLACK}

    # -- earlier answers

    def keep_answers(self, answers: Mapping[str, tuple[bytes, float]]) -> None:
        """By key, with when they came. A process that ends loses none; what ends the machine may lose the latest."""
        rows = [(key, answer, at, len(answer)) for key, (answer, at) in answers.items()]
        with self._file.use() as database:
            database.execute("PRAGMA synchronous = NORMAL")
            try:
                with transaction(database, write=True):
                    database.executemany("INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?)", rows)
                    self._drop_answers(database)
            finally:
                database.execute("PRAGMA synchronous = FULL")

    def _drop_answers(self, database: sqlite3.Connection) -> None:
        options = self._options
        number, size = database.execute("SELECT COUNT(*), COALESCE(SUM(size), 0) FROM answer").fetchone()
        if number > options.answers or size > options.answers_bytes:
            database.execute(_FORGET_ANSWERS, (options.answers, options.answers_bytes))

    def answer(self, key: str) -> bytes | None:
        if not self.exists:
            return None
        with self._file.use() as database:
            found = database.execute("SELECT answer FROM answer WHERE key = ?", (key,)).fetchone()
        return None if found is None else bytes(found[0])


def _question(row: tuple[object, ...]) -> Question:
    return Question(*row)  # type: ignore[arg-type]  # as the STRICT table has them
