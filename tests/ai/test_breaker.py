"""The circuit breaker's state, with a clock and a chance of its own."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from athena_lab.ai import PipelineOptions, build_prompt
from athena_lab.ai.breaker import Breaker, BreakerOptions, Window, open_seconds, policy
from athena_lab.ai.send import Call, Tools
from athena_lab.errors import CircuitOpen
from athena_lab.events import Finished
from tests.ai.virtual_time import run


class Time:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


def make(time, **options):
    changes = []
    breaker = Breaker(BreakerOptions(**options), time, lambda: 0.5, changes.append)
    breaker.changes = changes
    return breaker


def admit(breaker):
    return breaker.admit("peer", "m-1")


def fail(breaker, times=1):
    for _ in range(times):
        admit(breaker).failed()


def test_three_failures_in_a_row_open_it(time):
    breaker = make(time)
    fail(breaker, 2)
    admit(breaker).succeeded(0.1)
    fail(breaker, 2)
    assert breaker.state == "closed"
    fail(breaker)
    assert breaker.state == "open"
    with pytest.raises(CircuitOpen, match="peer failed lately") as caught:
        admit(breaker)
    assert (caught.value.provider, caught.value.retry_after) == ("peer", 30.0)


def test_two_probes_that_succeed_close_it(time):
    breaker = make(time)
    fail(breaker, 3)
    time.now += 30
    assert breaker.able
    admit(breaker).succeeded(0.1)
    assert breaker.state == "half_open"
    admit(breaker).succeeded(0.1)
    assert breaker.changes == ["open", "half_open", "closed"]
    fail(breaker, 2)
    assert breaker.state == "closed"


def test_a_probe_that_fails_opens_it_again(time):
    breaker = make(time, strategy="linear", open_time=1.0)
    fail(breaker, 3)
    for opening in (2, 3, 4):
        time.now += breaker.retry_after
        admit(breaker).failed()
        assert breaker.retry_after == opening
    time.now += 4
    admit(breaker).succeeded(0.1)
    admit(breaker).succeeded(0.1)
    fail(breaker, 3)
    assert breaker.retry_after == 1


def test_only_one_of_the_herd_is_let_through(time):
    breaker = make(time)
    fail(breaker, 3)
    time.now += 30
    permits = []
    for _ in range(20):
        try:
            permits.append(admit(breaker))
        except CircuitOpen:
            assert not breaker.able
    assert len(permits) == 1


def test_a_cancelled_probe_gives_its_permit_back(time):
    breaker = make(time)
    fail(breaker, 3)
    time.now += 30
    admit(breaker).release()
    admit(breaker).succeeded(0.1)
    assert breaker.state == "half_open"


def test_what_was_begun_before_it_opened_changes_nothing_after(time):
    breaker = make(time)
    early, late = admit(breaker), admit(breaker)
    fail(breaker, 3)
    early.succeeded(0.1)
    assert breaker.state == "open"
    time.now += 30
    probe = admit(breaker)
    late.failed()
    assert breaker.state == "half_open"
    probe.succeeded(0.1)
    probe.failed()  # an outcome is told once
    assert breaker.state == "half_open"


def test_the_share_of_failures_opens_it(time):
    breaker = make(time, failures=1_000)
    for _ in range(5):
        fail(breaker)
        admit(breaker).succeeded(0.1)
    assert breaker.state == "closed"  # half is not more than half
    fail(breaker)
    assert breaker.state == "open"


def test_few_calls_mean_nothing(time):
    breaker = make(time, failures=1_000, minimum=10)
    fail(breaker, 9)
    assert breaker.state == "closed"
    fail(breaker)
    assert breaker.state == "open"


def test_what_is_older_than_the_window_is_forgotten(time):
    breaker = make(time, failures=1_000, minimum=10)
    fail(breaker, 9)
    time.now += 61
    fail(breaker, 9)
    assert breaker.state == "closed"


def test_the_share_of_slow_calls_opens_it(time):
    breaker = make(time, slow=2.0, adaptive=False)
    for _ in range(9):
        admit(breaker).succeeded(2.1)
    assert breaker.state == "closed"
    admit(breaker).succeeded(2.1)
    assert breaker.state == "open"


def test_the_target_follows_the_provider_within_bounds(time):
    breaker = make(time, slow=30.0, slow_least=5.0, slow_factor=4.0)
    assert breaker.slow_target == 30.0
    for _ in range(10):
        admit(breaker).succeeded(2.0)
    assert breaker.slow_target == 8.0
    for _ in range(60):
        admit(breaker).succeeded(0.1)
    assert breaker.slow_target == 5.0


def test_by_hand(time):
    breaker = make(time)
    breaker.open()
    time.now += 10_000
    with pytest.raises(CircuitOpen):
        admit(breaker)
    assert breaker.retry_after > 0
    breaker.close()
    admit(breaker)
    assert breaker.changes == ["open", "closed"]


@pytest.mark.parametrize(
    ("strategy", "seconds"),
    [
        ("constant", [1, 1, 1, 1, 1]),
        ("linear", [1, 2, 3, 4, 5]),
        ("exponential", [1, 2, 4, 8, 16]),
        ("fibonacci", [1, 1, 2, 3, 5]),
    ],
)
def test_the_strategies(strategy, seconds):
    options = BreakerOptions(strategy=strategy, open_time=1.0)
    assert [open_seconds(opening, options, 0.5) for opening in range(1, 6)] == seconds


@given(
    st.sampled_from(["constant", "linear", "exponential", "fibonacci"]),
    st.integers(1, 10_000),
    st.floats(0, 1, exclude_max=True),
)
def test_no_strategy_passes_its_bounds(strategy, opening, chance):
    options = BreakerOptions(strategy=strategy, open_time=1.0, longest=600, jitter=0.1)
    assert 0.9 <= open_seconds(opening, options, chance) <= 660


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans(), st.booleans()), max_size=100))
def test_the_window_counts_what_lies_in_it(calls):
    now, window, kept = 0.0, Window(10.0), []
    for wait, failed, slow in calls:
        now += wait
        window.add(now, failed=failed, slow=slow)
        kept.append((now, failed, slow))
    total, failed, slow = window.counts(now)
    least = [call for call in kept if call[0] > now - 9]
    most = [call for call in kept if call[0] > now - 10]
    assert len(least) <= total <= len(most)
    assert failed <= total
    assert slow <= total


class Plain:
    """What the text says a breaker does, without a thought for speed: all outcomes are kept, all is counted anew.

    Three failures in a row open it, or more than half of at least five calls of the last minute; it is open for 1, 2,
    4, 8 ... times 30 s; then one probe at a time; two that succeed close it, one that fails opens it again.
    """

    def __init__(self):
        self.state, self.opened, self.until, self.good = "closed", 0, 0.0, 0
        self.outcomes = []
        self.probing = None

    def lets_through(self, now):
        return self.state == "closed" or (now >= self.until and self.probing is None)

    def call(self, number):
        if self.state == "open":
            self.state, self.good = "half_open", 0
        if self.state == "half_open":
            self.probing = number

    def end(self, number, outcome, now):
        if number == self.probing:
            self.probing = None
            if outcome == "failed":
                self.open(now)
            elif outcome == "succeeded":
                self.good += 1
                if self.good == 2:
                    self.state, self.opened, self.outcomes = "closed", 0, []
        elif self.state == "closed" and outcome != "release":
            self.outcomes.append((now, outcome))
            self.judge(now)

    def judge(self, now):
        row = [outcome for _, outcome in self.outcomes][-3:] == ["failed"] * 3
        slices = int(now / 6) - 9
        recent = [outcome for at, outcome in self.outcomes if int(at / 6) >= slices]
        ratio = len(recent) >= 5 and recent.count("failed") / len(recent) > 0.5
        if recent[-1] == "failed" and (row or ratio):
            self.open(now)

    def open(self, now):
        self.opened += 1
        self.state, self.until = "open", now + min(600.0, 30.0 * 2 ** (self.opened - 1))


class Machine(RuleBasedStateMachine):
    """Whoever calls, whatever comes of it and however long it takes: a breaker is what the plain model is."""

    def __init__(self):
        super().__init__()
        self.time = Time()
        self.breaker = make(self.time, minimum=5, strategy="exponential", jitter=0.0)
        self.plain = Plain()
        self.held = {}
        self.calls = 0

    @rule()
    def call(self):
        if self.plain.lets_through(self.time.now):
            self.calls += 1
            self.held[self.calls] = admit(self.breaker)
            self.plain.call(self.calls)
            return
        with pytest.raises(CircuitOpen) as caught:
            admit(self.breaker)
        assert caught.value.retry_after >= 0

    @precondition(lambda self: self.held)
    @rule(which=st.integers(0, 100), outcome=st.sampled_from(["succeeded", "failed", "release"]))
    def end(self, which, outcome):
        number = sorted(self.held)[which % len(self.held)]
        permit = self.held.pop(number)
        permit.succeeded(0.1) if outcome == "succeeded" else getattr(permit, outcome)()
        permit.failed()  # what is told after the outcome changes nothing
        self.plain.end(number, outcome, self.time.now)

    @rule(seconds=st.integers(0, 100))
    def wait(self, seconds):
        self.time.now += seconds

    @rule()
    def by_hand(self):
        self.breaker.close()
        self.plain = Plain()

    @invariant()
    def they_agree(self):
        assert self.breaker.state == self.plain.state
        assert self.breaker.able == self.plain.lets_through(self.time.now)
        waits = 0.0 if self.plain.state == "closed" else max(0.0, self.plain.until - self.time.now)
        assert self.breaker.retry_after == pytest.approx(waits)


TestMachine = Machine.TestCase


def test_of_twenty_callers_at_a_half_open_breaker_one_passes(time):
    breaker = make(time)
    fail(breaker, 3)
    time.now += 30
    passed = []

    async def send(call):
        passed.append(call)
        await asyncio.sleep(1)
        yield Finished("completed", "stop")

    async def main():
        guarded = policy(PipelineOptions(), Tools(guards={"peer": SimpleNamespace(breaker=breaker)}))(send)

        async def ask():
            async for _ in guarded(Call("peer", "m-1", build_prompt("?"), 10, 1e9)):
                pass

        return await asyncio.gather(*(ask() for _ in range(20)), return_exceptions=True)

    ended = run(main())
    assert len(passed) == 1
    assert [type(it) for it in ended].count(CircuitOpen) == 19
    assert breaker.state == "half_open"
