"""Identical questions at the same time, over a source of the test's own: one call, every reader all of it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, PipelineOptions, build_prompt, coalesce
from athena_lab.ai.coalesce import AHEAD
from athena_lab.ai.send import Call, Tools
from athena_lab.errors import DeadlineExceeded, ServiceUnavailable
from athena_lab.events import Attempt, Finished, Reconnecting, Token
from tests.ai.conftest import row
from tests.ai.recorded import OPENAI, TEXT
from tests.ai.virtual_time import run
from tests.peers.scripted_server import stream

END = Finished("completed", "stop")
REQUEST = AnalysisRequest("?")


class Source:
    """A `Send` that gives ``size`` tokens when it is let, and counts what becomes of its calls."""

    def __init__(self, size=3, error=None):
        self.size, self.error = size, error
        self.calls = self.closed = self.given = 0
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, call):
        self.calls += 1
        call.state.move("connecting")
        call.state.move("connected")
        try:
            for number in range(self.size):
                await self.go.wait()
                self.given = max(self.given, number + 1)
                yield Token(str(number))
            if self.error:
                raise self.error
            call.attempts.append(Attempt("peer", "m", 1.0, output_tokens=3))
            yield END
        finally:
            self.closed += 1


def sharing(source, **options):
    loop = asyncio.get_running_loop()
    return coalesce.policy(PipelineOptions(**options), Tools(clock=loop.time))(source)


def call(question="?", expires=100.0, request=REQUEST):
    return Call("peer", "m", build_prompt(question), 10, expires, request=request)


async def read(send, made):
    items = []
    async with aclosing(send(made)) as events:
        async for item in events:
            items.append(item)
            await asyncio.sleep(0)
    return items


WHOLE = [Token("0"), Token("1"), Token("2"), END]


def test_those_who_ask_the_same_share_one_call():
    async def main():
        source = Source()
        send = sharing(source)
        calls = [call() for _ in range(20)]
        got = await asyncio.gather(*(read(send, made) for made in calls))
        assert got == [WHOLE] * 20
        assert (source.calls, source.closed) == (1, 1)
        shared = [made.attempts[0].shared for made in calls]
        assert sorted(shared) == [False] + [True] * 19
        assert {made.state.value for made in calls} == {"connected"}
        assert await read(send, call()) == WHOLE, "what is over is not shared"
        assert source.calls == 2
        assert len(asyncio.all_tasks()) == 1

    run(main())


@pytest.mark.parametrize(
    "other",
    [
        {"question": "another"},
        {"request": AnalysisRequest("?", provider="one")},
        {"request": AnalysisRequest("?", options=AnalysisOptions(max_tokens=5))},
        {"request": None},
        {"expires": 1_000.0},
    ],
)
def test_what_differs_is_not_shared(other):
    async def main():
        source = Source()
        send = sharing(source)
        await asyncio.gather(read(send, call()), read(send, call(**other)))
        assert source.calls == 2

    run(main())


def test_it_can_be_switched_off():
    async def main():
        source = Source()
        send = sharing(source, coalesce=coalesce.CoalesceOptions(enabled=False))
        assert send is source

    run(main())


def test_who_joins_late_is_given_all_from_the_beginning():
    async def main():
        source = Source()
        send = sharing(source)
        first = send(call())
        assert [await anext(first), await anext(first)] == WHOLE[:2]
        assert await read(send, call()) == WHOLE
        assert [item async for item in first] == WHOLE[2:]
        assert source.calls == 1

    run(main())


def test_who_leaves_takes_nothing_from_the_others():
    async def main():
        source = Source(size=10)
        send = sharing(source)
        first, second = send(call()), send(call())
        await anext(first)
        await anext(second)
        await first.aclose()
        assert source.closed == 0
        assert len([item async for item in second]) == 10
        assert (source.calls, source.closed) == (1, 1)

    run(main())


def test_the_last_who_leaves_closes_the_call():
    async def main():
        source = Source(size=1_000)
        send = sharing(source)
        readers = [send(call()) for _ in range(3)]
        for reader in readers:
            await anext(reader)
        for reader in readers:
            await reader.aclose()
        assert (source.calls, source.closed) == (1, 1)
        assert len(asyncio.all_tasks()) == 1

    run(main())


def test_where_the_first_is_cancelled_before_a_word_the_others_ask_anew():
    async def main():
        source = Source()
        source.go.clear()
        send = sharing(source)
        first = asyncio.create_task(read(send, call()))
        await asyncio.sleep(1)
        others = [asyncio.create_task(read(send, call())) for _ in range(3)]
        await asyncio.sleep(1)
        first.cancel()
        source.go.set()
        assert await asyncio.gather(*others) == [WHOLE] * 3
        assert source.calls == 2

    run(main())


def test_a_failure_is_everybody_s():
    async def main():
        source = Source(error=ServiceUnavailable("x", provider="peer"))
        send = sharing(source)
        got = await asyncio.gather(*(read(send, call()) for _ in range(3)), return_exceptions=True)
        assert [type(it) for it in got] == [ServiceUnavailable] * 3
        assert source.calls == 1

    run(main())


def test_a_slow_reader_slows_the_provider_and_not_the_others_beyond_it():
    async def main():
        source = Source(size=10 * AHEAD)
        send = sharing(source)
        first, second = send(call()), send(call())
        await anext(first)
        await anext(second)
        await asyncio.sleep(1)
        assert source.given <= AHEAD + 2
        assert len([item async for item in second]) == 10 * AHEAD
        assert len([item async for item in first]) == 10 * AHEAD

    run(main())


def test_a_call_that_was_replaced_leaves_its_successor_alone():
    async def main():
        source = Source()
        source.go.clear()
        send = sharing(source)
        short = asyncio.create_task(read(send, call(expires=10.0)))
        await asyncio.sleep(1)
        long = asyncio.create_task(read(send, call(expires=1_000.0)))
        await asyncio.sleep(1)
        short.cancel()
        await asyncio.wait([short])
        joined = asyncio.create_task(read(send, call(expires=1_000.0)))
        await asyncio.sleep(1)
        source.go.set()
        assert await asyncio.gather(long, joined) == [WHOLE] * 2
        assert source.calls == 2

    run(main())


def test_each_has_its_own_deadline():
    async def main():
        source = Source()
        source.go.clear()
        send = sharing(source)
        first = asyncio.create_task(read(send, call(expires=100.0)))
        await asyncio.sleep(1)
        with pytest.raises(DeadlineExceeded):
            await read(send, call(expires=51.0))
        assert asyncio.get_running_loop().time() == pytest.approx(51.0)
        source.go.set()
        assert await first == WHOLE

    run(main())


def test_a_wait_of_the_call_shows_in_the_state_of_who_follows():
    async def source(made):
        made.state.move("connecting")
        made.state.move("error")
        made.state.move("reconnecting")
        yield Reconnecting("peer", 2, 1.0, "x")
        await asyncio.sleep(1)
        made.state.move("connecting")
        made.state.move("connected")
        yield END

    async def main():
        send = sharing(source)
        follower = call()
        states = []
        follower.state._on_change = states.append
        await asyncio.gather(read(send, call()), read(send, follower))
        assert states == ["connecting", "error", "reconnecting", "connecting", "connected"]

    run(main())


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 8)), min_size=2, max_size=6))
def test_whoever_comes_and_leaves_whenever_everybody_who_stays_gets_all(readers):
    """Each reader comes after so many steps and leaves after so many items, or stays (8)."""

    async def main():
        source = Source(size=6)
        send = sharing(source)

        async def one(comes, leaves):
            for _ in range(comes):
                await asyncio.sleep(0)
            got = []
            async with aclosing(send(call())) as items:
                async for item in items:
                    got.append(item)
                    await asyncio.sleep(0)
                    if len(got) == leaves:
                        break
            return got

        whole = [*(Token(str(number)) for number in range(6)), END]
        for got, (_, leaves) in zip(await asyncio.gather(*(one(*it) for it in readers)), readers, strict=True):
            assert got == whole[:leaves]
        assert source.closed == source.calls
        assert len(asyncio.all_tasks()) == 1

    run(main())


async def test_over_http_one_request_reaches_the_provider(server):
    server.will(stream([OPENAI]))
    async with AIManager([row(server)], environ={"PEER_KEY": "k" * 20}) as manager:
        results = await asyncio.gather(*(manager.analyze(REQUEST, build_prompt("?")) for _ in range(10)))
    assert {result.text for result in results} == {"".join(TEXT)}
    assert len(server.requests) == 1
    assert sum(attempt.input_tokens for result in results for attempt in result.attempts if not attempt.shared) == 11
