"""An SQLite file of ours: several processes may use it at once, only this user reads it, and what fails has a name."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from athena_lab.errors import FileUnusable

BUSY_SECONDS: Final = 2.0
"""For which another process's transaction is waited for."""


class Kind(Value, frozen=True):
    """What a file is: ``noun`` for people, ``application`` and ``version`` in its header."""

    noun: str
    application: int
    """``application_id``"""
    version: int
    """Of the schema, in ``user_version``."""
    schema: str
    error: type[FileUnusable]


class Database:
    """Made, used and closed on one thread. ``path`` None: in memory, until it is closed."""

    def __init__(self, path: Path | None, kind: Kind) -> None:
        self._path = path
        self._kind = kind
        self.connection: sqlite3.Connection | None = None

    @property
    def exists(self) -> bool:
        """Whether there is anything to read. Using it makes it."""
        return self.connection is not None or (self._path is not None and self._path.exists())

    @contextmanager
    def use(self) -> Iterator[sqlite3.Connection]:
        """The connection. What fails gets its name: the kind's error; the next use opens the file anew."""
        try:
            yield self.connection or self._open()
        except sqlite3.Error as error:
            self._drop()
            code = getattr(error, "sqlite_errorcode", 0)  # the module's own errors have none
            raise self._unusable(_REASONS.get(code & 0xFF, "unusable")) from error
        except OSError as error:
            self._drop()
            raise self._unusable(_ERRNO.get(error.errno or 0, "unusable")) from error
        except self._kind.error:
            self._drop()
            raise

    def close(self) -> None:
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    def _drop(self) -> None:
        if self._path is not None:  # what is in memory alone would be gone
            self.close()

    def _open(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_private(self._path)
        connection = sqlite3.connect(self._path or ":memory:", timeout=BUSY_SECONDS, isolation_level=None)
        try:
            self._check(connection)
            _use_wal(connection)
            connection.execute("PRAGMA synchronous = FULL")
            with transaction(connection, write=True):
                self._create(connection)
        except BaseException:
            connection.close()
            raise
        self.connection = connection
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        """That the file is of this kind, or nothing yet."""
        kind = self._kind
        with transaction(connection, write=False):  # another process may be creating it
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()
        if application == kind.application and version > kind.version:
            detail = f"The {kind.noun} {self._name} was written by a newer Athena Lab."
            raise kind.error(detail, reason="newer", next_step="Install that version, or set another path.")
        if tables and application != kind.application:
            raise kind.error(f"The database {self._name} is not a {kind.noun} of Athena Lab.", reason="foreign")

    def _create(self, connection: sqlite3.Connection) -> None:
        """The tables, unless another process was faster."""
        if connection.execute("PRAGMA user_version").fetchone() == (0,):
            for statement in self._kind.schema.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {self._kind.application}")
            connection.execute(f"PRAGMA user_version = {self._kind.version}")

    @property
    def _name(self) -> str:
        return self._path.name if self._path is not None else "in memory"

    def _unusable(self, reason: str) -> FileUnusable:
        detail, step = _WORDS[reason]
        return self._kind.error(f"The {self._kind.noun} {self._name} {detail}.", reason=reason, next_step=step)


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
def transaction(connection: sqlite3.Connection, *, write: bool) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _use_wal(connection: sqlite3.Connection) -> None:
    """Another process that does the same holds the file for a moment, and SQLite does not wait for that by itself."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.01)
        else:
            return


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
