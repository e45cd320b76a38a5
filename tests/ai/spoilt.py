"""Files that stand where a database of ours should, and cannot be used."""

from __future__ import annotations

import sqlite3
from contextlib import closing


def damage(path, _application):
    path.write_bytes(b"This is no database, but it is long enough to be looked at." * 100)


def break_in_the_middle(path, _application):
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE t (a)")
    data = bytearray(path.read_bytes())
    data[100:] = b"\xff" * (len(data) - 100)
    path.write_bytes(data)


def belong_to_another_program(path, _application):
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE theirs (a)")


def be_of_tomorrow(path, application):
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA application_id = {application}")
        database.execute("PRAGMA user_version = 2")


def be_a_folder(path, _application):
    path.mkdir()


def be_a_link(path, _application):
    path.with_name("elsewhere").touch()
    path.symlink_to("elsewhere")


WAYS = (
    (damage, "damaged"),
    (break_in_the_middle, "damaged"),
    (belong_to_another_program, "foreign"),
    (be_of_tomorrow, "newer"),
    (be_a_folder, "unusable"),
    (be_a_link, "unusable"),
)
"""Each with the reason that is told. They take the path, and the id by which the database would know its own."""
