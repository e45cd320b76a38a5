"""Who answers the next question, in words for the status bar."""

from __future__ import annotations

import pytest

from athena_lab.ai.outlook import outlook
from athena_lab.ai.types import BreakerStatus, ProviderStatus

OPEN = BreakerStatus("open", 24.4, 3)


def status(name, state):
    return ProviderStatus(name=name, state=state, priority=1, wire="w", model="m", detail="d")


@pytest.mark.parametrize(
    ("states", "breakers", "who", "able", "sentence"),
    [
        ({}, {}, "first", 2, ""),
        ({"a": "available", "b": "error"}, {}, "first", 1, ""),
        ({"a": "error"}, {"a": OPEN}, "another", 1, "a is left alone for 24 s, b answers."),
        ({}, {"a": BreakerStatus("open", 600, 0, forced=True)}, "another", 1, "a was taken out by hand, b answers."),
        ({"a": "rate_limited"}, {}, "another", 1, "a limits the rate, b answers."),
        ({"a": "unauthorized"}, {"a": OPEN}, "another", 1, "a refuses its key, b answers."),
        ({}, {"a": BreakerStatus("half_open")}, "another", 2, "a failed lately and is tried with the next question."),
        (
            {"b": "timeout"},
            {"a": OPEN},
            "nobody",
            0,
            "No provider can be asked: a is left alone for 24 s; b does not answer in time.",
        ),
        (
            {"a": "error"},
            {"b": BreakerStatus("open", 0.0)},
            "another",
            1,
            "a does not answer, b answers.",
        ),
    ],
)
def test_the_outlook(states, breakers, who, able, sentence):
    known = [status(name, state) for name, state in states.items()]
    found = outlook(["a", "b"], known, breakers)
    assert (found.who, found.configured, found.able, found.sentence) == (who, 2, able, sentence)


def test_without_a_provider_there_is_nobody():
    assert outlook([], [], {}).who == "nobody"
