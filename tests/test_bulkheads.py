"""The lab's bulkheads against a plain model: whoever enters, leaves, is cancelled or late, both have equal places."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from prometheus_client import REGISTRY

from athena_lab.bulkhead import BulkheadOptions
from athena_lab.bulkheads import Bulkheads, BulkheadsOptions
from athena_lab.errors import BulkheadFull
from athena_lab.telemetry.bulkheads import watch
from tests.ai.virtual_time import VirtualLoop, run

SERVICES = ("ai", "container", "cache")
RESOURCES = ("cpu", "memory", "network")
KINDS = tuple(itertools.product(SERVICES, (*RESOURCES, None)))
NAMES = (*SERVICES, "everything", *RESOURCES)


def make(workers=1, queue=100, **changes):
    options = dict.fromkeys(NAMES, BulkheadOptions(workers, queue)) | changes
    return Bulkheads(BulkheadsOptions(**options), lambda: asyncio.get_running_loop().time())


class Asker:
    """One that wants its places, in the model: how far it is, and when it gives up."""

    def __init__(self, path, expires):
        self.path = path
        self.expires = expires
        self.state = "coming"
        self.held = []


class Model:
    """Bulkheads as one would draw them: who holds a place, who waits, and whose turn has come."""

    def __init__(self, options):
        self.options = options
        self.held = {name: [] for name in NAMES}
        self.queues = {name: deque() for name in NAMES}
        self.called = deque()

    def go_on(self, asker):
        for name in asker.path[len(asker.held) :]:
            if len(self.held[name]) < self.options[name].workers and not self.queues[name]:
                self.held[name].append(asker)
                asker.held.append(name)
            elif len(self.queues[name]) < self.options[name].queue:
                self.queues[name].append(asker)
                asker.state = "waiting"
                return
            else:
                self.leave(asker, "refused")
                return
        asker.state = "inside"

    def leave(self, asker, state):
        for queue in self.queues.values():
            if asker in queue:
                queue.remove(asker)
        if asker in self.called:
            self.called.remove(asker)
        asker.state = state
        while asker.held:
            name = asker.held.pop()
            self.held[name].remove(asker)
            if self.queues[name]:
                following = self.queues[name].popleft()
                self.held[name].append(following)
                following.held.append(name)
                self.called.append(following)

    def settle(self):
        while self.called:
            self.go_on(self.called.popleft())


SMALL = st.builds(BulkheadOptions, st.integers(1, 3), st.integers(0, 3))


class BulkheadsMachine(RuleBasedStateMachine):
    @initialize(options=st.fixed_dictionaries(dict.fromkeys(NAMES, SMALL)))
    def start(self, options):
        self.loop = VirtualLoop()
        self.bulkheads = Bulkheads(BulkheadsOptions(**options), self.loop.time)
        self.model = Model(options)
        self.askers = []
        self.tasks = {}
        self.places = {}

    @rule(kind=st.sampled_from(KINDS), patience=st.none() | st.integers(0, 5))
    def enter(self, kind, patience):
        number = len(self.askers)
        service, resource = kind
        # No two give up in the same moment: (number + 1) / 1024 is exact, and never whole.
        seconds = None if patience is None else patience + (number + 1) / 1_024
        path = [service, "everything", *([resource] if resource else [])]
        asker = Asker(path, None if seconds is None else self.loop.time() + seconds)
        places = self.bulkheads.hold(*kind, seconds=seconds)
        self.askers.append(asker)
        self.places[asker] = places
        self.tasks[asker] = self.loop.create_task(places.enter())
        self.model.go_on(asker)
        self.settle()

    def some(self, state):
        return [asker for asker in self.askers if asker.state == state]

    @precondition(lambda self: self.some("inside"))
    @rule(data=st.data())
    def leave(self, data):
        self.leave_one(data)
        self.settle()

    def leave_one(self, data):
        asker = data.draw(st.sampled_from(self.some("inside")))
        self.places[asker].leave()
        self.model.leave(asker, "gone")

    @precondition(lambda self: self.some("waiting"))
    @rule(data=st.data())
    def cancel(self, data):
        self.cancel_one(data)
        self.settle()

    def cancel_one(self, data):
        asker = data.draw(st.sampled_from(self.some("waiting")))
        self.tasks[asker].cancel()
        self.model.leave(asker, "cancelled")

    @precondition(lambda self: self.some("inside") and self.some("waiting"))
    @rule(data=st.data())
    def cancel_one_whose_turn_may_just_have_come(self, data):
        self.leave_one(data)
        if self.model.called:
            asker = data.draw(st.sampled_from(list(self.model.called)))
            self.tasks[asker].cancel()
            # The others who were called go on before the one that was cancelled has given back what it has.
            before = list(itertools.takewhile(lambda other: other is not asker, self.model.called))
            for other in before:
                self.model.called.remove(other)
                self.model.go_on(other)
            self.model.leave(asker, "cancelled")
        self.settle()

    @rule(seconds=st.integers(1, 4))
    def time_passes(self, seconds):
        until = self.loop.time() + seconds
        while late := [a for a in self.some("waiting") if a.expires is not None and a.expires <= until]:
            self.model.leave(min(late, key=lambda asker: asker.expires), "late")
            self.model.settle()
        self.loop.run_until_complete(asyncio.sleep(seconds))
        self.settle()

    def settle(self):
        self.model.settle()

        async def turns():
            for _ in range(40):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turns())

    @invariant()
    def both_have_the_same_places(self):
        for name in NAMES:
            real = self.bulkheads[name]
            assert (real.running, real.depth) == (len(self.model.held[name]), len(self.model.queues[name])), name
            assert real.running <= real.options.workers
            assert real.full == (
                len(self.model.held[name]) == real.options.workers
                and len(self.model.queues[name]) == real.options.queue
            )

    @invariant()
    def both_treat_everybody_alike(self):
        for asker in self.askers:
            assert outcome(self.tasks[asker]) == ("inside" if asker.state == "gone" else asker.state)

    def teardown(self):
        for asker in self.some("waiting"):
            self.tasks[asker].cancel()
        for asker in self.some("inside"):
            self.places[asker].leave()
        for asker, task in self.tasks.items():
            self.loop.run_until_complete(asyncio.wait([task]))
            if asker.state == "waiting" and outcome(task) == "inside":
                self.places[asker].leave()
        assert {(real.running, real.depth) for real in self.bulkheads} == {(0, 0)}
        self.loop.close()


def outcome(task):
    if not task.done():
        return "waiting"
    if task.cancelled():
        return "cancelled"
    error = task.exception()
    return {type(None): "inside", BulkheadFull: "refused", TimeoutError: "late"}[type(error)]


TestBulkheads = BulkheadsMachine.TestCase
TestBulkheads.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.permutations([kind for kind in KINDS if kind[1]] * 2), st.data())
@settings(max_examples=50, deadline=None)
def test_whoever_needs_whatever_in_whatever_order_all_have_their_turn(kinds, data):
    durations = data.draw(st.lists(st.integers(0, 3), min_size=len(kinds), max_size=len(kinds)))

    async def work(bulkheads, kind, seconds):
        async with bulkheads.hold(*kind):
            await asyncio.sleep(seconds)

    async def check():
        bulkheads = make(workers=1, everything=BulkheadOptions(2, 100))
        async with asyncio.timeout(sum(durations) + 1):
            await asyncio.gather(*map(work, itertools.repeat(bulkheads), kinds, durations))
        assert {(bulkhead.running, bulkhead.depth) for bulkhead in bulkheads} == {(0, 0)}

    run(check())


def test_a_place_is_given_back_whatever_ends_the_work():
    async def check():
        bulkheads, held = make(), []

        async def work():
            async with bulkheads.hold("container", "cpu"):
                held.extend(bulkhead.name for bulkhead in bulkheads if bulkhead.running)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await work()
        assert held == ["container", "everything", "cpu"]
        assert not any(bulkhead.running for bulkhead in bulkheads)

    run(check())


def test_the_services_together_fit_and_no_queue_behind_a_services_own_is_too_short():
    options = BulkheadsOptions()
    assert (options.ai, options.container, options.cache) == (
        BulkheadOptions(20, 100),
        BulkheadOptions(10, 50),
        BulkheadOptions(30, 200),
    )
    assert (options.cpu.workers, options.memory.workers, options.network.workers) == (5, 3, 50)
    workers = sum(getattr(options, service).workers for service in SERVICES)
    assert workers <= options.everything.workers
    assert all(workers <= getattr(options, name).queue + getattr(options, name).workers for name in RESOURCES[2:])
    assert all(options.container.workers <= getattr(options, name).queue for name in ("cpu", "memory"))


def test_questions_that_wait_keep_no_module_from_running():
    async def check():
        bulkheads = Bulkheads(BulkheadsOptions(), lambda: 0.0)
        questions = [asyncio.ensure_future(bulkheads.hold("ai", "network").enter()) for _ in range(120)]
        await asyncio.sleep(0)
        assert (bulkheads["ai"].running, bulkheads["ai"].depth, bulkheads["ai"].full) == (20, 100, True)
        with pytest.raises(BulkheadFull, match="ai: 20 requests run and 100 wait"):
            await bulkheads.hold("ai", "network").enter()
        for _ in range(5):
            await asyncio.wait_for(bulkheads.hold("container", "cpu").enter(), 1)
        assert bulkheads["cpu"].running == 5
        for question in questions:
            question.cancel()
        await asyncio.gather(*questions, return_exceptions=True)

    run(check())


def series(name, label="tested"):
    return REGISTRY.get_sample_value(name, {"bulkhead": label}) or 0.0


def test_who_runs_waits_and_is_refused_is_exported():
    async def check():
        bulkheads = make(queue=1)
        bulkhead = bulkheads["cpu"]
        watch(bulkhead, "tested")
        await bulkhead.enter()
        waiting = asyncio.ensure_future(bulkhead.enter())
        await asyncio.sleep(3)
        with pytest.raises(BulkheadFull):
            await bulkhead.enter()
        assert (series("athena_bulkhead_running"), series("athena_bulkhead_waiting")) == (1, 1)
        assert series("athena_bulkhead_rejected_total") == 1
        bulkhead.leave()
        await waiting
        in_vain = asyncio.ensure_future(bulkhead.enter(2))
        with pytest.raises(TimeoutError):
            await in_vain
        assert series("athena_bulkhead_wait_seconds_sum") == 5
        assert series("athena_bulkhead_wait_seconds_count") == 2
        assert (series("athena_bulkhead_running"), series("athena_bulkhead_waiting")) == (1, 0)

    run(check())
    gc.collect()
    assert series("athena_bulkhead_running") == 0  # it is gone, and its series have not kept it


@pytest.mark.parametrize(
    ("waiting", "filling", "full"), [(0, False, False), (2, False, False), (3, True, False), (4, True, True)]
)
def test_how_full_a_queue_is(waiting, filling, full):
    async def check():
        bulkhead = make(queue=4)["memory"]
        tasks = [asyncio.ensure_future(bulkhead.enter()) for _ in range(waiting + 1)]
        await asyncio.sleep(0)
        assert (bulkhead.filling, bulkhead.full) == (filling, full)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    run(check())
