"""What modules keep between calls: how long, how much, and who wins when two keep at once."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from athena_lab.errors import InvalidField, SessionConflict, SessionsFull, UnknownSession
from athena_lab.wasm.catalog import Entry
from athena_lab.wasm.contract import Description
from athena_lab.wasm.module import Module
from athena_lab.wasm.sessions import MIB, SessionOptions, Sessions


def module(name="m", sha256="a" * 64):
    return Module(Entry(name, f"{name}.wasm", sha256, 1), Description(name, "1.0.0", "", "analysis", (), ()), b"")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sessions(clock):
    return Sessions(SessionOptions(ttl=10, most=2, total_bytes=MIB), clock=clock)


def test_an_unused_session_ends_and_a_used_one_goes_on(sessions, clock):
    used, unused = sessions.open(module()), sessions.open(module())
    clock.now = 9
    assert sessions.get(used.id) is used
    clock.now = 10
    assert list(sessions) == [used]
    with pytest.raises(UnknownSession):
        sessions.get(unused.id)
    assert sessions.left(used) == 9
    clock.now = 19
    with pytest.raises(UnknownSession):
        sessions.close(used.id)


def test_a_session_has_the_time_that_was_asked_for(sessions, clock):
    session = sessions.open(module(), 100)
    clock.now = 99.5
    assert sessions.get(session.id) is session


def test_no_more_are_opened_than_may_be(sessions, clock):
    sessions.open(module())
    sessions.open(module())
    with pytest.raises(SessionsFull, match="2 sessions"):
        sessions.open(module())
    clock.now = 10
    sessions.open(module())


def test_of_two_calls_that_keep_something_the_later_is_told(sessions):
    session = sessions.open(module())
    turn = session.turn
    sessions.keep(session, turn, "first")
    with pytest.raises(SessionConflict):
        sessions.keep(session, turn, "second")
    sessions.keep(session, turn, None)  # it kept nothing: there is no conflict
    assert session.state == "first"
    sessions.keep(session, session.turn, "third")
    assert session.state == "third"


def test_all_sessions_together_are_bounded(sessions):
    first, second = sessions.open(module()), sessions.open(module())
    sessions.keep(first, 0, "x" * (MIB - 10))
    with pytest.raises(SessionsFull, match="1,048,576 bytes"):
        sessions.keep(second, 0, "x" * 11)
    sessions.keep(second, 0, "x" * 10)
    sessions.keep(first, 1, "y" * (MIB - 10))  # instead of what it has
    sessions.close(first.id)
    sessions.keep(second, 1, "x" * MIB)


def test_a_session_is_its_module_s_in_its_version(sessions):
    session = sessions.open(module())
    assert sessions.get(session.id, module()) is session
    with pytest.raises(InvalidField, match="one of m"):
        sessions.get(session.id, module("other"))
    with pytest.raises(UnknownSession, match="replaced"):
        sessions.get(session.id, module(sha256="b" * 64))
    with pytest.raises(UnknownSession, match="no session"):
        sessions.get(session.id)


class Kept(RuleBasedStateMachine):
    """Whatever is done in whatever order, no bound is broken and nothing kept is lost before its time."""

    @initialize()
    def begin(self):
        self.clock = Clock()
        self.sessions = Sessions(SessionOptions(ttl=10, most=3, total_bytes=MIB), clock=self.clock)
        self.model = {}
        """id -> (what is kept, when it was used last)"""

    def alive(self):
        return {id_: kept for id_, (kept, used) in self.model.items() if self.clock.now - used < 10}

    @rule()
    def open(self):
        if len(self.alive()) < 3:
            self.model[self.sessions.open(module()).id] = (None, self.clock.now)
        else:
            with pytest.raises(SessionsFull):
                self.sessions.open(module())

    @rule(seconds=st.floats(0, 12))
    def wait(self, seconds):
        self.clock.now += seconds

    @rule(which=st.integers(0, 5), size=st.integers(0, MIB))
    def keep(self, which, size):
        if which >= len(self.model):
            return
        id_ = list(self.model)[which]
        alive = self.alive()
        if id_ not in alive:
            with pytest.raises(UnknownSession):
                self.sessions.get(id_)
            return
        session = self.sessions.get(id_)
        others = sum(len(kept or "") for other, kept in alive.items() if other != id_)
        self.model[id_] = (alive[id_], self.clock.now)
        if others + size > MIB:
            with pytest.raises(SessionsFull):
                self.sessions.keep(session, session.turn, "x" * size)
        else:
            self.sessions.keep(session, session.turn, "x" * size)
            self.model[id_] = ("x" * size, self.clock.now)

    @invariant()
    def what_is_alive_is_there(self):
        if hasattr(self, "sessions"):
            assert {session.id: session.state for session in self.sessions} == self.alive()


Kept.TestCase.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
TestKept = Kept.TestCase
