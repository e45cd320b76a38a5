"""The collector against a plain model, and the policy by a fake clock."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai import AnalysisOptions, AnalysisRequest, PipelineOptions, batching, build_prompt
from athena_lab.ai.batching import BatchingOptions
from athena_lab.ai.providers.batches import Outcome, waiting
from athena_lab.ai.send import Call, Tools
from athena_lab.ai.together import Collector
from athena_lab.events import Finished, Token
from tests.ai import virtual_time

OPTIONS = BatchingOptions(window=1.0, most=3, largest=1_024)
KEYS = st.sampled_from([("a", "m"), ("a", "n"), ("b", "m")])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), KEYS, st.integers(1, 1_500)),
        st.tuples(st.just("wait"), st.sampled_from([0.25, 0.5, 1.0])),
        st.tuples(st.just("late"), st.sampled_from([0.25, 0.5, 1.0])),  # time passes, and the timers have not fired yet
        st.tuples(st.just("leave"), st.integers(0, 100)),
    ),
    max_size=60,
)


class Plain:
    """What batching means, the long way round: every item with its time, each key's open items in a list."""

    def __init__(self):
        self.open = {}
        self.sent = []

    def add(self, key, item, size, now):
        begun = self.open.get(key)
        if begun and (now >= begun[0][2] + OPTIONS.window or sum(s for _, s, _ in begun) + size > OPTIONS.largest):
            self.send(key)
        self.open.setdefault(key, []).append((item, size, now))
        items = self.open[key]
        if len(items) == OPTIONS.most or sum(s for _, s, _ in items) >= OPTIONS.largest:
            self.send(key)

    def send(self, key):
        self.sent.append([item for item, *_ in self.open.pop(key)])

    def wait(self, now):
        for key in [key for key, items in self.open.items() if now >= items[0][2] + OPTIONS.window]:
            self.send(key)

    def leave(self, item):
        """The window began with the first item, though that may have left: its time stays."""
        for key, items in self.open.items():
            for place, (each, _, _) in enumerate(items):
                if each == item:
                    began = items[0][2]
                    del items[place]
                    if items:
                        items[0] = (*items[0][:2], began)
                    else:
                        del self.open[key]
                    return


@given(STEPS)
def test_the_collector_is_the_plain_model(steps):
    plain, collector = Plain(), Collector(OPTIONS)
    now, sent, places = 0.0, [], {}
    for number, (what, *values) in enumerate(steps):
        if what == "add":
            key, size = values
            plain.add(key, number, size, now)
            window, closed = collector.add(key, number, size, now)
            places[number] = (window, size)
            sent += [list(each.items) for each in closed]
        elif what == "wait":
            now += values[0]
            plain.wait(now)
            for window in [each for each in collector._open.values() if each.closes <= now]:
                collector.close(window)
                sent.append(list(window.items))
        elif what == "late":
            now += values[0]
        elif places:
            who = list(places)[values[0] % len(places)]
            plain.leave(who)
            window, size = places.pop(who)
            collector.remove(window, who, size)
    assert sorted(sent) == sorted(plain.sent)
    assert {w.key: list(w.items) for w in collector._open.values()} == {
        key: [item for item, *_ in items] for key, items in plain.open.items()
    }
    assert all(len(items) <= OPTIONS.most for items in sent)


class Loopback:
    """In the place of a provider's batches: keeps what it is given, and answers at once."""

    def __init__(self):
        self.sent = []

    def start(self, entries, _pace):
        self.sent.append([entry.call.prompt.user for entry in entries])
        return asyncio.create_task(self._answer(entries))

    async def _answer(self, entries):
        for entry in waiting(entries):
            entry.outcome.set_result(Outcome((Token(entry.call.model), Finished("completed", "stop"))))


REQUEST = AnalysisRequest("?", options=AnalysisOptions(batch=True))


async def alone(_call):
    yield Token("alone")
    yield Finished("completed", "stop")


async def ask(send, at, *, provider="a", model="m", expires=100.0, request=REQUEST, wanted=None):
    await asyncio.sleep(at)
    call = Call(provider, model, build_prompt("?"), 9, expires, request=request, wanted=wanted)
    async with aclosing(send(call)) as items:
        return [item.text async for item in items if isinstance(item, Token)]


def test_at_its_end_a_window_takes_no_more():
    collector = Collector(OPTIONS)
    first, _ = collector.add(("a", "m"), 1, 1, 0.0)
    second, closed = collector.add(("a", "m"), 2, 1, OPTIONS.window)
    assert closed == (first,)
    assert (first.items, second.items) == ([1], [2])


def through(loopback, *arrivals):
    """What each arrival is told, on a virtual clock."""

    async def run():
        clock = asyncio.get_running_loop().time
        tools = Tools(clock=clock, batches={"a": loopback, "b": loopback})
        send = batching.policy(PipelineOptions(batching=BatchingOptions(window=1.0, most=3)), tools)(alone)
        return await asyncio.gather(*(ask(send, *at, **how) for *at, how in arrivals), return_exceptions=True)

    return virtual_time.run(run())


@pytest.mark.parametrize(
    ("times", "sizes"),
    [
        ((0.0, 0.5, 0.999), [3]),
        ((0.0, 0.5, 1.001), [2, 1]),
        ((0.0, 0.2, 0.4, 0.6), [3, 1]),
        ((0.0, 2.0, 4.0), [1, 1, 1]),
    ],
    ids=["within", "just after", "full", "apart"],
)
def test_windows(times, sizes):
    loopback = Loopback()
    assert through(loopback, *((at, {}) for at in times)) == [["m"]] * len(times)
    assert [len(batch) for batch in loopback.sent] == sizes


def test_one_batch_for_each_provider_and_model():
    loopback = Loopback()
    answers = through(loopback, (0, {}), (0, {"model": "n"}), (0, {"provider": "b"}), (0.5, {"model": "n"}))
    assert answers == [["m"], ["n"], ["m"], ["n"]]
    assert sorted(len(batch) for batch in loopback.sent) == [1, 1, 2]


def test_who_does_not_ask_for_it_goes_alone():
    loopback = Loopback()
    how = ({"request": AnalysisRequest("?")}, {"request": None}, {"provider": "c"}, {"wanted": "sse"})
    assert through(loopback, *((0, each) for each in how)) == [["alone"]] * 4
    assert loopback.sent == []


def test_whose_time_is_over_before_the_window_closes():
    loopback = Loopback()
    answers = through(loopback, (0, {"expires": 0.5}), (0.1, {}))
    assert answers[0].code == "deadline_exceeded"
    assert answers[1] == ["m"]
    assert [len(batch) for batch in loopback.sent] == [1]


def test_when_all_have_left_nothing_is_sent():
    loopback = Loopback()
    answers = through(loopback, (0, {"expires": 0.5}), (0.1, {"expires": 0.6}))
    assert [answer.code for answer in answers] == ["deadline_exceeded"] * 2
    assert loopback.sent == []


def test_without_providers_that_take_batches_nothing_is_in_the_way():
    assert batching.policy(PipelineOptions(), Tools())(alone) is alone
