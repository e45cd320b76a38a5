"""The policies around a `Send` of the test's own, on a clock that jumps."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai import (
    attempts,
    batching,
    breaker,
    budget,
    bulkhead,
    coalesce,
    consensus,
    deadline,
    failover,
    gate,
    hedge,
    looking,
    ratelimit,
    recovery,
    retry,
    structured,
)
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.pipeline import ORDER, PipelineOptions, compose
from athena_lab.ai.prompt import build_prompt
from athena_lab.ai.retry import RetryOptions, delay, is_transient
from athena_lab.ai.send import PROGRESS, Call, Tools
from athena_lab.errors import (
    APIError,
    DeadlineExceeded,
    InvalidRequest,
    InvalidResponse,
    ProviderTimeout,
    ProviderUnreachable,
    QuotaExceeded,
    RateLimited,
    ServiceUnavailable,
    Unauthorized,
)
from athena_lab.events import Finished, Reconnecting, Token
from tests.ai.virtual_time import run

END = Finished("completed", "stop")
ANSWER = (Token("a"), END)


def make_call(expires=120.0):
    return Call("peer", "m-1", build_prompt("?"), 100, expires)


def tools():
    return Tools(clock=lambda: asyncio.get_running_loop().time(), sleep=asyncio.sleep, random=lambda: 0.5)


def through(send, call=None, policies=ORDER, **options):
    """What comes out of the pipeline, and the attempts; an error comes as the last event."""
    call = call or make_call()

    async def collect():
        composed = compose([policy(PipelineOptions(**options), tools()) for policy in policies], send)
        events = []
        try:
            async with aclosing(composed(call)) as items:
                async for item in items:
                    events.append(item)  # noqa: PERF401 - what came before an error counts
        except (APIError, DeadlineExceeded) as error:
            events.append(error)
        return events, call.attempts, asyncio.get_running_loop().time()

    return run(collect())


def failing(*errors, then=ANSWER):
    """A Send that fails so many times, then answers."""
    left = list(errors)

    async def send(_call):
        if left:
            raise left.pop(0)
        for item in then:
            yield item

    return send


def error(kind=ServiceUnavailable, **fields):
    return kind("x", provider="peer", model="m-1", **fields)


def test_the_order_of_policies():
    across = (recovery, consensus, structured, coalesce, looking, failover)
    within = (batching, hedge, breaker, retry, ratelimit, bulkhead, gate, budget, attempts, deadline)
    assert tuple(module.policy for module in (*across, *within)) == ORDER


def test_compose_puts_the_first_outermost_and_takes_none():
    def named(name):
        def policy(send):
            async def wrapped(call):
                yield f"{name} in"
                async for item in send(call):
                    yield item
                yield f"{name} out"

            return wrapped

        return policy

    async def send(_call):
        yield "send"

    async def collect(policies):
        return [item async for item in compose(policies, send)(make_call())]

    assert run(collect([named("a"), named("b")])) == ["a in", "b in", "send", "b out", "a out"]
    assert run(collect([])) == ["send"]
    assert compose([], send) is send


@pytest.mark.parametrize("policy", [(), *((policy,) for policy in ORDER), ORDER])
def test_each_policy_alone_passes_an_answer_through(policy):
    events, _, _ = through(failing(then=(PROGRESS, Token("a"), Token("b"), END)), policies=policy)
    assert events == [PROGRESS, Token("a"), Token("b"), END]


# -- retry


def test_what_is_transient_is_tried_again_with_doubling_waits():
    events, tried, now = through(failing(error(), error(ProviderUnreachable)))
    waits = [Reconnecting("peer", 2, 1.0, "service_unavailable"), Reconnecting("peer", 3, 2.0, "provider_unreachable")]
    assert events == [*waits, Token("a"), END]
    assert [(attempt.error, attempt.wait) for attempt in tried] == [
        ("service_unavailable", 0.0),
        ("provider_unreachable", 1.0),
        (None, 2.0),
    ]
    assert now == pytest.approx(3.0)


def test_after_the_last_attempt_the_last_error_stands():
    last = error(RateLimited)
    events, tried, _ = through(failing(error(), error(), last, error()))
    assert [type(event) for event in events] == [Reconnecting, Reconnecting, RateLimited]
    assert events[-1] is last
    assert len(tried) == 3


@pytest.mark.parametrize("kind", [InvalidRequest, Unauthorized, QuotaExceeded])
def test_what_waiting_does_not_help_is_not_tried_again(kind):
    events, tried, now = through(failing(error(kind)))
    assert isinstance(events[-1], kind)
    assert (len(tried), now) == (1, 0.0)


def test_an_error_of_another_kind_on_the_way_ends_it():
    events, tried, _ = through(failing(error(), error(Unauthorized), error()))
    assert isinstance(events[-1], Unauthorized)
    assert len(tried) == 2


def test_never_after_the_first_token():
    async def send(_call):
        yield Token("a")
        raise error()

    events, tried, _ = through(send)
    assert events[0] == Token("a")
    assert isinstance(events[1], ServiceUnavailable)
    assert len(tried) == 1


def test_what_a_failed_attempt_said_before_its_first_token_is_not_shown():
    sent = []

    async def send(_call):
        sent.append(1)
        yield PROGRESS
        if len(sent) == 1:
            raise error()
        yield Token("a")
        yield END

    events, _, _ = through(send)
    assert events[1:] == [PROGRESS, Token("a"), END]
    assert isinstance(events[0], Reconnecting)


def test_the_provider_s_wait_is_honoured():
    _, tried, now = through(failing(error(RateLimited, retry_after=17.0)))
    assert tried[1].wait == 17.0
    assert now == pytest.approx(17.0)


@pytest.mark.parametrize(("wait", "expires"), [(17.0, 16.0), (17.0, 17.0), (121.0, 3_600.0)])
def test_a_wait_that_is_too_long_is_not_begun(wait, expires):
    refused = error(RateLimited, retry_after=wait)
    events, tried, now = through(failing(refused), call=make_call(expires))
    assert events == [refused]
    assert (len(tried), now) == (1, 0.0)


def test_one_attempt_means_no_retry():
    events, tried, _ = through(failing(error()), retry=RetryOptions(attempts=1))
    assert isinstance(events[-1], ServiceUnavailable)
    assert len(tried) == 1


def test_an_answer_that_broke_off_is_transient_and_another_protocol_is_not():
    assert is_transient(error(InvalidResponse, upstream_status=200))
    assert not is_transient(error(InvalidResponse, upstream_status=307))
    assert not is_transient(error(InvalidResponse))
    assert not is_transient(DeadlineExceeded("x"))


def test_what_the_provider_says_of_trying_again_counts():
    assert is_transient(error(InvalidRequest, should_retry=True))
    assert not is_transient(error(should_retry=False))


@given(st.integers(1, 12), st.none() | st.floats(0, 1_000), st.floats(0, 1, exclude_max=True))
def test_waits_stay_in_bounds(attempt, asked, chance):
    options = RetryOptions()
    wait = delay(attempt, asked, options, chance)
    plain = min(30.0, 2.0 ** (attempt - 1))
    assert wait >= (asked or 0.0)
    assert wait >= plain * 0.75 - 1e-9
    assert wait <= max(plain * 1.25, asked or 0.0) + 1e-9


def test_a_success_never_enters_tenacity():
    import subprocess  # noqa: PLC0415 - another interpreter, where nothing is imported yet
    import sys  # noqa: PLC0415

    code = (
        "import sys, tests.ai.test_policies as t\n"
        "before = 'tenacity' in sys.modules\n"
        "t.through(t.failing())\n"
        "assert not before and 'tenacity' not in sys.modules\n"
        "t.through(t.failing(t.error()))\n"
        "assert 'tenacity' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- deadlines


def slow(*waits, item=ANSWER[0]):
    async def send(_call):
        for wait in waits:
            await asyncio.sleep(wait)
            yield item
        yield END

    return send


ONCE = RetryOptions(attempts=1)


def test_a_silent_provider_is_given_up_after_the_first_token_s_time():
    events, tried, now = through(slow(60.1), retry=ONCE)
    assert isinstance(events[-1], ProviderTimeout)
    assert "60 s" in events[-1].detail
    assert tried[0].error == "provider_timeout"
    assert now == pytest.approx(60.0)


def test_a_provider_that_stops_in_the_middle_is_given_up():
    events, _, now = through(slow(59, 29, 31), retry=ONCE)
    assert events[:2] == [Token("a"), Token("a")]
    assert isinstance(events[-1], ProviderTimeout)
    assert "between_tokens under [ai]" in str(events[-1])
    assert now == pytest.approx(59 + 29 + 30)


def test_the_whole_time_ends_everything():
    events, tried, now = through(slow(*[10] * 100), call=make_call(45))
    assert events[:-1] == [Token("a")] * 4
    assert isinstance(events[-1], DeadlineExceeded)
    assert [attempt.error for attempt in tried] == ["deadline_exceeded"]
    assert now == pytest.approx(45)


def test_reasoning_counts_as_an_answer_that_has_begun():
    events, _, _ = through(slow(*[20] * 5, item=PROGRESS))
    assert events[-1] == END


def test_who_is_silent_for_the_first_token_s_time_would_be_so_again():
    # A model on a slow machine reads the same long prompt again, and is not asked to.
    events, tried, now = through(slow(70))
    assert isinstance(events[-1], ProviderTimeout)
    assert "raise first_token under [ai] in athena.toml" in str(events[-1])
    assert (len(tried), now) == (1, 60.0)


def test_a_provider_that_stops_before_its_first_word_is_tried_again():
    waits = [40, 5]

    async def send(_call):
        yield PROGRESS
        await asyncio.sleep(waits.pop(0))
        yield Token("a")
        yield END

    events, tried, now = through(send)
    assert events[1:] == [PROGRESS, Token("a"), END]
    assert isinstance(events[0], Reconnecting)
    assert [attempt.error for attempt in tried] == ["provider_timeout", None]
    assert now == pytest.approx(30 + 1 + 5)


def test_a_timeout_of_somebody_else_is_not_taken_for_ours():
    async def send(_call):
        for error in (TimeoutError("not the deadline's"),):
            raise error
        yield

    with pytest.raises(TimeoutError, match="not the deadline's"):
        through(send)


def test_the_time_is_over_before_it_begins():
    events, _, _ = through(failing(), call=make_call(expires=0.0))
    assert isinstance(events[-1], DeadlineExceeded)


def test_a_timeout_closes_what_is_below():
    closed = []

    async def send(_call):
        try:
            await asyncio.sleep(1_000)
            yield Token("a")
        finally:
            closed.append(True)

    through(send, deadline=DeadlineOptions(first_token=1), retry=ONCE)
    assert closed == [True]


def test_leaving_early_closes_every_layer_and_is_written_down():
    closed = []
    call = make_call()

    async def send(_call):
        try:
            while True:
                yield Token("a")
        finally:
            closed.append(True)

    async def leave():
        async with aclosing(compose([p(PipelineOptions(), tools()) for p in ORDER], send)(call)) as events:
            await anext(events)

    run(leave())
    assert closed == [True]
    assert [attempt.error for attempt in call.attempts] == ["cancelled"]
