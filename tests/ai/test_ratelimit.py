"""Buckets and rate limits, with a clock of their own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai.bucket import Bucket
from athena_lab.ai.ratelimit import COOL_DOWN, LONGEST, RateLimiter
from athena_lab.ai.types import RateLimits, RateWindow


class Time:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


def test_a_bucket_is_full_at_first_and_fills_again(time):
    bucket = Bucket(10, 2.0, time)
    bucket.take(10)
    assert bucket.seconds_until(1) == 0.5
    time.now += 3
    assert bucket.level == 6
    time.now += 1_000
    assert bucket.level == 10
    assert bucket.seconds_until(1_000) == 0  # more than it holds may go when it is full
    bucket.take(1_000)
    assert bucket.seconds_until(1) == pytest.approx(991 / 2)


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0.1, 30)), max_size=60))
def test_no_more_goes_than_the_rate_and_one_burst(steps):
    time = Time()
    bucket, gone = Bucket(10, 2.0, time), 0.0
    for wait, amount in steps:
        time.now += wait
        if bucket.seconds_until(amount) == 0:
            bucket.take(amount)
            gone += amount
    assert gone <= 10 + 2 * time.now + 30 + 1e-6


def test_nothing_is_limited_by_default(time):
    limiter = RateLimiter(None, None, time)
    for _ in range(10_000):
        limiter.take(10_000)
    assert limiter.seconds_until(10**9) == 0


def test_the_configured_requests_and_tokens_a_minute(time):
    limiter = RateLimiter(60, 6_000, time)
    limiter.take(6_000)
    assert limiter.seconds_until(100) == 1.0
    time.now += 1
    assert limiter.seconds_until(100) == 0
    for _ in range(59):
        limiter.take(0)
    assert limiter.seconds_until(0) == 0
    limiter.take(0)
    assert limiter.seconds_until(0) == pytest.approx(0, abs=1)


def test_what_the_headers_say_is_waited_for(time):
    limiter = RateLimiter(None, None, time)
    limiter.learn(RateLimits(RateWindow(10, 1, 30.0), RateWindow(1_000, 500, 12.0), 0.0))
    assert limiter.seconds_until(500) == 0
    assert limiter.seconds_until(501) == 12
    limiter.take(100)
    assert limiter.seconds_until(1) == 30  # the last request is gone
    time.now += 30
    assert limiter.seconds_until(10**6) == 0
    limiter.learn(RateLimits(RateWindow(10, 9, 60.0), None, 0.0))
    assert limiter.seconds_until(1) == 0


@pytest.mark.parametrize("window", [None, RateWindow(), RateWindow(10, 0, None), RateWindow(10, None, 5.0)])
def test_half_a_word_changes_nothing(time, window):
    limiter = RateLimiter(None, None, time)
    limiter.learn(RateLimits(window, window, 0.0))
    assert limiter.seconds_until(1) == 0


def test_a_429_stops_everything_for_its_time(time):
    limiter = RateLimiter(None, None, time)
    limiter.cool_down(7.0)
    limiter.cool_down(3.0)
    assert (limiter.seconds_until(0), limiter.cooling) == (7, 7)
    time.now += 7
    assert limiter.seconds_until(0) == 0
    limiter.cool_down(None)
    assert limiter.cooling == COOL_DOWN
    limiter.cool_down(1e12)
    assert limiter.cooling == LONGEST
