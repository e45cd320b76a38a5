"""The table of states, as data and by random walks."""

from __future__ import annotations

import itertools
from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from athena_lab.ai.states import TRANSITIONS, IllegalTransition, State, StreamState

STATES = get_args(State)
TERMINAL = {"completed", "failed"}


def reachable_from(start):
    found, fresh = {start}, [start]
    while fresh:
        fresh = [to for state in fresh for to in TRANSITIONS[state] if to not in found]
        found.update(fresh)
    return found


def test_the_table_is_whole():
    assert set(TRANSITIONS) == set(STATES)
    assert set().union(*TRANSITIONS.values()) <= set(STATES)
    assert not any(state in after for state, after in TRANSITIONS.items())
    assert {state for state, after in TRANSITIONS.items() if not after} == TERMINAL


def test_every_state_is_reached_and_can_fail():
    assert reachable_from("idle") == set(STATES)
    for state in set(STATES) - TERMINAL:
        assert "failed" in TRANSITIONS[state], state
        assert "completed" in reachable_from(state), state


@pytest.mark.parametrize(("before", "after"), tuple(itertools.product(STATES, STATES)))
def test_every_pair(before, after):
    told = []
    state = StreamState(told.append)
    state.value = before
    if after == before:
        state.move(after)
        assert told == []
    elif after in TRANSITIONS[before]:
        state.move(after)
        assert (state.value, told) == (after, [after])
    else:
        with pytest.raises(IllegalTransition, match=f"is {before} cannot become {after}"):
            state.move(after)
        assert (state.value, told) == (before, [])
    assert state.ended == (state.value in TERMINAL)


class Walks(RuleBasedStateMachine):
    """What the states mean, said again without the table: held over every walk that the table allows."""

    def __init__(self):
        super().__init__()
        self.walk = ["idle"]
        self.state = StreamState(self.walk.append)
        self.connected = False

    @rule(data=st.data())
    @precondition(lambda self: not self.state.ended)
    def move(self, data):
        self._move(data.draw(st.sampled_from(sorted(TRANSITIONS[self.state.value] - TERMINAL))))

    @rule(data=st.data())
    @precondition(lambda self: len(self.walk) > 10 and TERMINAL & TRANSITIONS[self.state.value])
    def end(self, data):
        self._move(data.draw(st.sampled_from(sorted(TERMINAL & TRANSITIONS[self.state.value]))))

    def _move(self, to):
        self.state.move(to)
        self.connected = to == "connected" or (self.connected and to not in {"connecting", "error"})

    @rule(to=st.sampled_from(STATES))
    def refuse(self, to):
        if to != self.state.value and to not in TRANSITIONS[self.state.value]:
            with pytest.raises(IllegalTransition):
                self.state.move(to)

    @invariant()
    def the_walk_was_told(self):
        assert self.walk[-1] == self.state.value

    @invariant()
    def nothing_streams_unconnected(self):
        if self.state.value in {"streaming", "buffering", "paused"}:
            assert self.connected

    @invariant()
    def a_new_attempt_follows_a_failed_one(self):
        for before, after in itertools.pairwise(self.walk):
            assert before == "error" or after != "reconnecting"
            assert before in {"idle", "reconnecting"} or after != "connecting"
            assert before not in TERMINAL


TestWalks = Walks.TestCase
TestWalks.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
