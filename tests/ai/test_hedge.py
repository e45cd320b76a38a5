"""A second provider beside a slow one: who wins, what is closed when, and that nothing is left behind."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from athena_lab.ai import AIManager, attempts, failover
from athena_lab.ai.answer import Answer
from athena_lab.ai.guards import Guard
from athena_lab.ai.hedge import HedgeOptions, policy
from athena_lab.ai.observe import PolicyEvent
from athena_lab.ai.pipeline import ORDER, PipelineOptions, compose
from athena_lab.ai.prompt import build_prompt
from athena_lab.ai.providers.registry import ProviderRow
from athena_lab.ai.send import PROGRESS, Call, Tools
from athena_lab.ai.states import StreamState
from athena_lab.ai.structured import schema
from athena_lab.ai.types import AnalysisOptions, AnalysisRequest
from athena_lab.config import load_config
from athena_lab.errors import AthenaError, ServiceUnavailable
from athena_lab.events import Failed, FailedOver, Finished, Reconnecting, Started, Token, ToolCall, Usage
from tests.ai.several import ENVIRON, Peers, Routes, rows
from tests.ai.test_structured import chat
from tests.ai.virtual_time import run
from tests.peers.scripted_server import hang, sse, stream

AFTER = 2.0
END = Finished("completed", "stop")
REFUSAL = Finished("refused", "content_filter")
HEDGED = FailedOver("b", "m-b", "a", "m-a", "hedged")


def down(provider):
    return ServiceUnavailable("x", provider=provider)


def make_call(**fields):
    return Call("a", "m-a", build_prompt("?"), 100, 120.0, **fields)


def race(peers, call=None, *, names="abc", after=AFTER, around=(), stop=None, reader=0.0):
    """What comes out, an error as the last; the call; the notes; the seconds. ``stop``: leave after so many items."""
    call = call or make_call()
    notes = []

    async def collect():
        loop = asyncio.get_running_loop()
        tools = Tools(clock=loop.time, router=Routes(*names), note=notes.append)
        options = PipelineOptions(hedge=HedgeOptions(enabled=True, after=after))
        send = compose([made(options, tools) for made in (*around, policy)], peers.send)
        out = []
        try:
            async with aclosing(send(call)) as items:
                async for item in items:
                    out.append(item)
                    peers.log.append(item)
                    await asyncio.sleep(reader)
                    if len(out) == stop:
                        break
        except (AthenaError, RuntimeError) as error:
            out.append(error)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert peers.open == set()
        return out, loop.time()

    out, seconds = run(collect())
    return out, call, notes, seconds


QUICK = [(1.0, Token("b")), (0.0, END)]


def test_off_by_default_and_then_nothing_is_between():
    send = Peers({}).send
    assert policy(PipelineOptions(), Tools(router=Routes("a", "b")))(send) is send


@pytest.mark.parametrize("item", [Token("a"), ToolCall("1", "f", "{}")])
def test_who_is_quick_is_alone(item):
    peers = Peers({"a": [(1.9, item), (60.0, Usage(1, 1)), (0.0, END)]})
    out, call, notes, _ = race(peers)
    assert out == [item, Usage(1, 1), END]
    assert (call.tried, notes) == (set(), [])


def test_no_task_is_made_for_who_is_quick():
    async def count():
        made = []
        loop = asyncio.get_running_loop()
        loop.set_task_factory(lambda loop, coro, **kw: made.append(coro) or asyncio.Task(coro, loop=loop, **kw))
        tools = Tools(clock=loop.time, router=Routes("a", "b"))
        options = PipelineOptions(hedge=HedgeOptions(enabled=True, after=AFTER))
        send = policy(options, tools)(Peers({"a": [(1.0, Token("a")), (9.0, END)]}).send)
        async with aclosing(send(make_call())) as items:
            assert [item async for item in items] == [Token("a"), END]
        return list(made)

    assert run(count()) == []


def test_the_second_wins_and_the_first_is_closed_before_its_first_piece_is_shown():
    states = []
    call = make_call(state=StreamState(states.append))
    peers = Peers({"a": [(60.0, Token("a")), (0.0, END)], "b": QUICK}, closing=0.25)
    out, call, notes, seconds = race(peers, call)
    assert out == [HEDGED, Token("b"), END]
    assert peers.log == [("asked", "a"), ("asked", "b"), ("closed", "a"), HEDGED, Token("b"), END, ("closed", "b")]
    assert notes == [PolicyEvent("hedge", "b", "won")]
    assert call.tried == {"a", "b"}
    assert seconds == pytest.approx(AFTER + 1.0 + 0.25)
    assert states == ["connecting", "error", "reconnecting", "connecting", "connected"]


def test_the_first_wins_and_the_second_is_closed_before_its_first_piece_is_shown():
    states = []
    call = make_call(state=StreamState(states.append))
    peers = Peers({"a": [(2.5, Token("a")), (5.0, END)], "b": QUICK}, closing=0.25)
    out, call, notes, _ = race(peers, call)
    assert out == [Token("a"), END]
    assert peers.log == [("asked", "a"), ("asked", "b"), ("closed", "b"), Token("a"), END, ("closed", "a")]
    assert notes == [PolicyEvent("hedge", "b", "lost")]
    assert call.tried == {"a"}, "who was merely slower may be needed yet"
    assert states == ["connecting", "connected"]


def test_losers_are_written_down_as_cancelled():
    for quick, slow in (("a", "b"), ("b", "a")):
        scripts = {quick: [(3.0, Token("x")), (0.0, END)], slow: [(60.0, END)]}
        _, call, *_ = race(Peers(scripts), around=())
        scripts = {quick: [(3.0, Token("x")), (0.0, END)], slow: [(60.0, END)]}
        peers = Peers(scripts)
        inner = peers.send
        peers.send = attempts.policy(PipelineOptions(), Tools(clock=lambda: asyncio.get_running_loop().time()))(inner)
        _, call, *_ = race(peers)
        assert [(it.provider, it.error) for it in call.attempts] == [(slow, "cancelled"), (quick, None)]


def test_reasoning_keeps_the_second_from_being_asked():
    peers = Peers({"a": [(1.0, PROGRESS), (50.0, Token("a")), (0.0, END)]})
    out, *_ = race(peers)
    assert out == [PROGRESS, Token("a"), END]


def test_reasoning_does_not_win():
    peers = Peers({"a": [(4.0, Token("a")), (0.0, END)], "b": [(0.1, PROGRESS), (60.0, Token("b"))]})
    out, *_ = race(peers)
    assert out == [Token("a"), END]


def test_a_wait_is_told_at_once_and_does_not_count():
    waiting = Reconnecting("a", 2, 30.0, "rate_limited")
    peers = Peers({"a": [(1.0, waiting), (30.0, Token("a"))], "b": QUICK})
    out, *_ = race(peers)
    assert out == [waiting, HEDGED, Token("b"), END]


def test_a_reader_who_takes_his_time_finds_who_won():
    peers = Peers({"a": [(1.0, Reconnecting("a", 2, 1.0, "x")), (1.0, Token("a"))], "b": QUICK})
    out, *_ = race(peers, reader=10.0)
    assert out[1:] == [HEDGED, Token("b"), END]
    assert peers.log.index(("closed", "a")) < peers.log.index(HEDGED)


def test_the_stream_is_where_the_winner_is():
    states = []

    async def send(call):
        for state in ("connecting", "connected"):
            call.state.move(state)
        await asyncio.sleep(60.0 if call.provider == "a" else 1.0)
        yield Token("b")
        for state in ("error", "reconnecting", "connecting", "connected"):  # as an answer in the background does
            call.state.move(state)
        yield END

    peers = Peers({})
    peers.send = send
    race(peers, make_call(state=StreamState(states.append)))
    again = ["error", "reconnecting", "connecting", "connected"]
    assert states == ["connecting", "connected", *again, *again]


def test_who_is_cancelled_while_the_loser_is_closed_waits_for_that():
    peers = Peers({"a": [(2.5, Token("a")), (0.0, END)], "b": [(60.0, END)]}, closing=1.0)

    async def cancel():
        loop = asyncio.get_running_loop()
        options = PipelineOptions(hedge=HedgeOptions(enabled=True, after=AFTER))
        send = policy(options, Tools(clock=loop.time, router=Routes("a", "b")))(peers.send)
        seen = []

        async def read():
            async with aclosing(send(make_call())) as items:
                seen.extend([item async for item in items])

        task = asyncio.create_task(read())
        await asyncio.sleep(3.0)
        task.cancel()
        await asyncio.wait([task])
        assert (task.cancelled(), seen, peers.open) == (True, [], set())
        return loop.time()

    assert run(cancel()) == pytest.approx(3.5 + 1.0)  # the loser's end, and then its own


def test_the_second_goes_on_alone_where_the_first_fails():
    peers = Peers({"a": [(2.5, down("a"))], "b": QUICK})
    out, _, notes, _ = race(peers)
    assert out == [FailedOver("b", "m-b", "a", "m-a", "service_unavailable"), Token("b"), END]
    assert notes == [PolicyEvent("failover", "a", "service_unavailable"), PolicyEvent("hedge", "b", "won")]


def test_the_second_goes_on_alone_where_the_first_refuses():
    peers = Peers({"a": [(2.5, Usage(5, 1)), (0.0, REFUSAL)], "b": QUICK})
    out, _, notes, _ = race(peers)
    assert out[:2] == [Usage(5, 1), FailedOver("b", "m-b", "a", "m-a", "refused", stop_reason="content_filter")]
    assert out[2:] == [Token("b"), END]
    assert PolicyEvent("refusal", "a") in notes


def test_what_was_used_is_what_both_used():
    scripts = {"a": [(2.5, Usage(5, 1)), (0.0, REFUSAL)], "b": [(1.0, Token("b")), (0.0, Usage(7, 2)), (0.0, END)]}
    out, *_ = race(Peers(scripts), around=(failover.policy,))
    assert [item for item in out if isinstance(item, Usage)] == [Usage(5, 1), Usage(12, 3)]


@pytest.mark.parametrize("outcome", [down("b"), REFUSAL, END])
def test_the_first_goes_on_alone_where_the_second_comes_to_nothing(outcome):
    peers = Peers({"a": [(9.0, Token("a")), (0.0, END)], "b": [(1.0, outcome)]})
    out, call, notes, seconds = race(peers)
    assert out == [Token("a"), END]
    assert (call.tried, seconds) == ({"a", "b"}, pytest.approx(9.0))
    assert notes[-1] == PolicyEvent("hedge", "b", "lost")
    assert (PolicyEvent("refusal", "b") in notes) == (outcome is REFUSAL)


def test_where_both_fail_the_first_s_error_is_raised_and_failing_over_goes_on_to_a_third():
    scripts = {"a": [(3.0, down("a"))], "b": [(2.0, down("b"))], "c": QUICK}
    out, *_ = race(Peers(scripts))
    assert [type(item) for item in out] == [ServiceUnavailable]
    assert out[0].provider == "a"
    out, *_ = race(Peers(scripts), around=(failover.policy,))
    assert out == [FailedOver("c", "m-c", "a", "m-a", "service_unavailable"), Token("b"), END]


def test_where_both_refuse_the_first_s_refusal_stands():
    peers = Peers({"a": [(3.0, REFUSAL)], "b": [(2.0, REFUSAL)]})
    out, *_ = race(peers)
    assert out == [REFUSAL]


def test_an_empty_answer_of_the_first_is_one():
    peers = Peers({"a": [(3.0, END)], "b": [(9.0, Token("b"))]})
    assert race(peers)[0] == [END]


def test_a_winner_that_breaks_off_is_gone_on_with_by_a_third():
    peers = Peers({"a": [(60.0, END)], "b": [(1.0, Token("b")), (1.0, down("b"))], "c": QUICK})
    out, *_ = race(peers, around=(failover.policy,))
    assert out == [
        HEDGED,
        Token("b"),
        FailedOver("c", "m-c", "b", "m-b", "service_unavailable", resumed=True),
        Token("b"),
        END,
    ]


def test_a_first_that_breaks_off_after_winning_is_gone_on_with_by_the_second():
    peers = Peers({"a": [(2.5, Token("a")), (1.0, down("a"))], "b": QUICK})
    out, *_ = race(peers, names="ab", around=(failover.policy,))
    assert out[1] == FailedOver("b", "m-b", "a", "m-a", "service_unavailable", resumed=True)


@pytest.mark.parametrize("call", [make_call(tried={"b"}), make_call(request=AnalysisRequest("?", provider="a"))])
def test_nobody_else_is_asked_where_nobody_else_is_able(call):
    peers = Peers({"a": [(50.0, Token("a")), (0.0, END)]})
    out, _, notes, _ = race(peers, call, names="ab")
    assert (out, notes) == ([Token("a"), END], [])


def test_a_bug_is_not_lost_with_whoever_has_it():
    for when in (0.1, 5.0):
        peers = Peers({"a": [(9.0, Token("a")), (0.0, END)], "b": [(when, RuntimeError("a bug"))]})
        out, _, _, seconds = race(peers)
        assert "a bug" in str(out[-1])
        assert seconds == pytest.approx(AFTER + when)


def test_nor_one_that_shows_when_the_loser_is_closed():
    async def send(call):
        try:
            await asyncio.sleep(3.0 if call.provider == "a" else 60.0)
            yield Token("a")
        except asyncio.CancelledError:
            raise RuntimeError("a bug") from None

    peers = Peers({})
    peers.send = send
    out, *_ = race(peers)
    assert [str(item) for item in out] == ["a bug"]


# -- after how long


def guard_of(*latencies):
    guard = Guard(ProviderRow(name="a", wire="openai-chat", base_url="http://x"), lambda: 0.0, lambda: 0.5)
    for seconds in latencies:
        guard.latency.add(seconds)
    return guard


@pytest.mark.parametrize(
    ("options", "guard", "wait"),
    [
        (HedgeOptions(after=3.0), None, 3.0),
        (HedgeOptions(after=0.1, least=1.0), guard_of(*[9.0] * 20), 0.1),
        (HedgeOptions(), None, None),
        (HedgeOptions(), guard_of(*[4.0] * 9), None),
        (HedgeOptions(), guard_of(*[4.0] * 10), 4.0),
        (HedgeOptions(), guard_of(*[0.1] * 10), 1.0),
        (HedgeOptions(), guard_of(*[90.0] * 10), 30.0),
        (HedgeOptions(least=40.0), guard_of(*[90.0] * 10), 40.0),
    ],
)
def test_when_a_second_is_asked(options, guard, wait):
    assert options.wait(guard) == wait


# -- whatever happens


STEPS = st.sampled_from([Token("x"), Token("y"), PROGRESS, END, REFUSAL, "fail"])
SCRIPT = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0]), STEPS), max_size=5)


def script_of(steps, name):
    """Up to its end: an answer has one, or fails."""
    script = []
    for wait, step in steps:
        script.append((wait, down(name) if step == "fail" else step))
        if step == "fail" or isinstance(step, Finished):
            return script
    return [*script, (0.5, down(name))]


@given(
    st.fixed_dictionaries(dict.fromkeys("ab", SCRIPT)),
    st.sampled_from([0.0, 0.5, 4.0]),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 80),
)
@settings(max_examples=400, deadline=None)
def test_cancelled_at_any_time_nothing_is_left(scripts, reader, closing, tenths):
    peers = Peers({name: script_of(steps, name) for name, steps in scripts.items()}, closing=closing)

    async def cancel():
        loop = asyncio.get_running_loop()
        tools = Tools(clock=loop.time, router=Routes("a", "b"))
        options = PipelineOptions(hedge=HedgeOptions(enabled=True, after=AFTER))

        async def read():
            async with aclosing(policy(options, tools)(peers.send)(make_call())) as items:
                async for _ in items:
                    await asyncio.sleep(reader)

        task = asyncio.create_task(read())
        await asyncio.sleep(tenths / 10)
        running = not task.done()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() == running
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert peers.open == set()

    run(cancel())


@given(
    st.fixed_dictionaries(dict.fromkeys("ab", SCRIPT)),
    st.sampled_from([0.0, 0.5, 4.0]),
    st.none() | st.integers(1, 4),
)
@settings(max_examples=400, deadline=None)
def test_every_race_gives_one_whole_answer_or_an_error(scripts, reader, stop):
    scripts = {name: script_of(steps, name) for name, steps in scripts.items()}
    out, *_ = race(Peers(scripts), names="ab", reader=reader, stop=stop)
    changes = [item for item in out if isinstance(item, FailedOver)]
    assert len(changes) <= 1
    if stop is not None:
        return
    shown = [item for item in out if not isinstance(item, FailedOver) and item is not PROGRESS]
    winner = scripts["b" if changes else "a"]
    assert shown == [step for _, step in winner if step is not PROGRESS]


@given(
    st.fixed_dictionaries(dict.fromkeys("abc", SCRIPT)),
    st.sampled_from([0.0, 0.5, 4.0]),
    st.integers(1, 3),
)
@settings(max_examples=400, deadline=None)
def test_through_all_policies_every_answer_has_one_end_and_legal_states(scripts, reader, asked):
    peers = Peers({name: script_of(steps, name) for name, steps in scripts.items()})

    async def collect():
        loop = asyncio.get_running_loop()
        tools = Tools(loop.time, asyncio.sleep, lambda: 0.5, router=Routes(*"abc"))
        options = PipelineOptions(hedge=HedgeOptions(enabled=True, after=AFTER))
        request = AnalysisRequest("?", options=AnalysisOptions(consensus=asked))
        call = replace(make_call(request=request), prompt=build_prompt("?", schema=schema() if asked > 1 else None))
        answer = Answer(
            Started("1", "a", "m-a"),
            call.state,
            known=(),
            attempts=call.attempts,
            elapsed=loop.time,
            observers=(),
        )
        out = []
        send = compose([made(options, tools) for made in ORDER], peers.send)
        async with aclosing(answer.events(send(call))) as events:
            async for event in events:
                out.append(event)
                await asyncio.sleep(reader)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert peers.open == set()
        return out, call.state.value

    out, state = run(collect())
    assert [isinstance(event, Finished | Failed) for event in out] == [*[False] * (len(out) - 1), True]
    assert state == ("failed" if isinstance(out[-1], Failed) else "completed")


# -- over loopback


STOP, DONE = sse({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}), sse("[DONE]")


def piece(text):
    return sse({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})


def hedging(peers, **options):
    options = PipelineOptions(hedge=HedgeOptions(enabled=True, **options))
    notes = []
    return AIManager(rows(peers), environ=ENVIRON, options=options, notes=(notes.append,)), notes


async def test_a_provider_that_hangs_is_overtaken(peers):
    peers[0].will(hang)
    peers[1].will(chat("Packed."))
    manager, notes = hedging(peers, after=0.02)
    async with manager:
        result = await manager.analyze(AnalysisRequest("?"), build_prompt("?"))
        assert (result.status, result.text, result.provider, result.model) == ("completed", "Packed.", "two", "m-two")
        assert [(it.provider, it.error) for it in result.attempts] == [("one", "cancelled"), ("two", None)]
        assert result.set_aside == ()
        assert notes == [PolicyEvent("hedge", "two", "won")]
        await peers[0].until(lambda: peers[0].live == 0)
        assert set(manager.utilization.values()) == {0}
        assert peers[2].requests == []


async def test_who_answers_before_the_second_closes_it(peers):
    async def once_the_second_is_asked(number):
        if number == 0:
            await peers[1].until(lambda: len(peers[1].requests) == 1)

    peers[0].will(stream([piece("Packed."), STOP, DONE], before=once_the_second_is_asked))
    peers[1].will(hang)
    manager, notes = hedging(peers, after=0.02)
    async with manager:
        result = await manager.analyze(AnalysisRequest("?"), build_prompt("?"))
        assert (result.text, result.provider) == ("Packed.", "one")
        assert [(it.provider, it.error) for it in result.attempts] == [("two", "cancelled"), ("one", None)]
        assert notes == [PolicyEvent("hedge", "two", "lost")]
        await peers[1].until(lambda: peers[1].live == 0)


async def test_how_long_is_learned_from_the_provider_s_own_answers(peers):
    manager, notes = hedging(peers, least=0.01)
    async with manager:
        peers[0].will(*[chat("Quick.")] * 10, hang)
        peers[1].will(chat("Packed."))
        texts = [(await manager.analyze(AnalysisRequest("?"), build_prompt("?"))).text for _ in range(11)]
        assert texts == [*["Quick."] * 10, "Packed."]
        assert notes == [PolicyEvent("hedge", "two", "won")]


async def test_a_reader_who_leaves_during_the_race_closes_both(peers):
    peers[0].will(hang)
    peers[1].will(hang)
    manager, _ = hedging(peers, after=0.02)
    async with manager:
        before = asyncio.all_tasks()
        task = asyncio.create_task(manager.analyze(AnalysisRequest("?"), build_prompt("?")))
        await peers[1].until(lambda: len(peers[1].requests) == 1)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        for server in peers:
            await server.until(lambda server=server: server.live == 0)
        assert asyncio.all_tasks() <= before
        assert set(manager.utilization.values()) == {0}


def test_it_is_turned_on_by_configuration(tmp_path):
    environ = {"ATHENA_AI__HEDGE__ENABLED": "true", "ATHENA_AI__HEDGE__AFTER": "2.5", "XDG_CONFIG_HOME": str(tmp_path)}
    assert load_config(environ, tmp_path).ai.options.hedge == HedgeOptions(enabled=True, after=2.5)
