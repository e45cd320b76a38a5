"""Budgets refuse before they are overrun, by name, and say what to do."""

from __future__ import annotations

import asyncio
import re

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from athena_lab.ai import AIManager, AnalysisOptions, build_prompt
from athena_lab.ai.budget import UNPRICED_STEP, BudgetOptions, DailyLimits, Estimate, Overrun, Reservations
from athena_lab.ai.ledger import Ledger
from athena_lab.ai.meter import prompt_tokens
from athena_lab.ai.pipeline import PipelineOptions
from athena_lab.ai.types import Model, Spent
from athena_lab.config import load_config
from athena_lab.errors import ConfigError
from tests.ai.conftest import KEY, row
from tests.ai.recorded import OPENAI
from tests.peers.scripted_server import reply, sse, stream

PROMPT = build_prompt("Is it packed?")
PRICED = {"models": (Model("m-1", input_price=1_000.0, output_price=1_000.0),)}
"""A thousandth of a dollar a token."""
ESTIMATE = prompt_tokens(PROMPT) + 100
NOON = 1_795_435_200.0


@pytest.fixture
def budgeted(manager_for, request_of):
    """Ask of a manager with a budget; gives the result, or the problem that the request failed with."""

    def make(limits, changes=PRICED, **settings):
        ledger = Ledger(clock=lambda: NOON)
        options = PipelineOptions(budget=limits)
        manager = manager_for(row_changes=changes, ledger=ledger, options=options, **settings)

        async def ask(**fields):
            request = request_of(options=AnalysisOptions(max_tokens=100), **fields)
            return await manager.analyze(request, PROMPT)

        return ask, ledger, manager

    return make


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (BudgetOptions(daily_tokens=ESTIMATE - 1), "of all providers"),
        (BudgetOptions(daily_dollars=ESTIMATE / 1_000 - 0.001), "of all providers"),
        (BudgetOptions(providers={"peer": DailyLimits(daily_tokens=ESTIMATE - 1)}), "of peer"),
        (BudgetOptions(providers={"peer": DailyLimits(daily_dollars=0.1)}), "of peer"),
    ],
)
async def test_a_request_that_does_not_fit_is_refused(server, budgeted, limits, words):
    ask, _, _ = budgeted(limits)
    result = await ask()
    assert result.status == "failed"
    assert result.error.code == "budget_exceeded"
    assert result.error.provider == "peer"
    assert words in result.error.detail
    assert result.error.retry_after == 12 * 3_600
    assert "[ai.budget]" in result.error.next_step
    assert result.attempts == ()
    assert server.requests == []


@pytest.mark.parametrize(
    "limits",
    [
        BudgetOptions(),
        BudgetOptions(daily_tokens=ESTIMATE, daily_dollars=ESTIMATE / 1_000, request_dollars=ESTIMATE / 1_000),
        BudgetOptions(providers={"peer": DailyLimits(daily_tokens=ESTIMATE)}),
    ],
)
async def test_a_request_that_fits_is_answered(server, budgeted, limits):
    server.will(stream([OPENAI]))
    ask, ledger, _ = budgeted(limits)
    assert (await ask()).status == "completed"
    assert ledger.today().tokens == 18


async def test_what_was_spent_counts_until_midnight(server, budgeted):
    server.will(stream([OPENAI]))
    ask, ledger, _ = budgeted(BudgetOptions(daily_dollars=0.020 + ESTIMATE / 1_000))
    assert (await ask()).status == "completed"
    assert (await ask()).status == "completed"
    refused = await ask()
    assert "$0.0360 of all providers are used today" in refused.error.detail
    ledger._clock = lambda: NOON + 12 * 3_600
    assert (await ask()).status == "completed"


async def test_a_request_that_alone_costs_too_much(server, budgeted):
    ask, _, _ = budgeted(BudgetOptions(request_dollars=0.01))
    result = await ask()
    assert "the limit for one is $0.01" in result.error.detail
    assert result.error.retry_after is None
    assert server.requests == []


async def test_an_unknown_price_is_refused_where_dollars_are_limited(server, budgeted):
    server.will(reply(200, {"data": [{"id": "m-1"}]}))
    ask, _, manager = budgeted(BudgetOptions(daily_dollars=1.0), changes={})
    result = await ask()
    assert result.error.code == "budget_exceeded"
    assert "price of m-1 of peer is not known" in result.error.detail
    assert "unpriced" in result.error.next_step
    (status,) = await manager.providers()
    assert status.state == "available"
    assert "price of its model is not known" in status.detail


async def test_an_unknown_price_may_be_allowed(server, budgeted):
    server.will(stream([OPENAI]))
    ask, ledger, manager = budgeted(BudgetOptions(daily_dollars=0.0, unpriced="allow"), changes={})
    assert (await ask()).status == "completed"
    assert ledger.today().unpriced == 1
    server.will(reply(200, {"data": [{"id": "m-1"}]}))
    (status,) = await manager.providers()
    assert "is not in the budget" in status.detail


async def test_who_asks_for_no_key_sends_no_bill(server, budgeted):
    server.will(stream([OPENAI]))
    ask, _, _ = budgeted(BudgetOptions(daily_dollars=0.0), changes={"key_env": ""})
    assert (await ask()).status == "completed"


async def test_the_offline_summary_is_never_refused(budgeted):
    ask, _, _ = budgeted(BudgetOptions(daily_dollars=0.0, daily_tokens=0, request_dollars=0.0))
    assert (await ask()).error.code == "budget_exceeded"
    assert (await ask(provider="offline")).status == "degraded"


async def test_a_hundred_at_once_do_not_overrun_it(server, budgeted):
    release = asyncio.Event()

    async def wait(_number):
        await release.wait()

    server.will(stream([OPENAI], before=wait))
    ask, ledger, _ = budgeted(BudgetOptions(daily_tokens=3 * ESTIMATE))
    asking = [asyncio.create_task(ask()) for _ in range(100)]
    await server.until(lambda: len(server.requests) == 3)
    refused = 0
    for task in asyncio.as_completed(asking):
        result = await task
        refused += result.status == "failed"
        if refused == 97:
            release.set()
    assert refused == 97
    assert ledger.today().requests == 3
    assert (await ask()).status == "completed", "what was held is free again"


async def test_a_cancelled_request_holds_nothing(server, budgeted, request_of):
    server.will(stream([OPENAI[: OPENAI.index(b"is packed")]], end="hang"))
    ask, ledger, manager = budgeted(BudgetOptions(daily_tokens=2 * ESTIMATE))
    async with manager.stream(request_of(options=AnalysisOptions(max_tokens=100)), PROMPT) as events:
        await anext(events)
        await anext(events)
    server.will(stream([OPENAI]))
    assert ledger.today().estimated == 1
    assert (await ask()).status == "completed"


async def test_a_repair_that_the_budget_refuses_leaves_the_answer(server, manager_for, request_of):
    server.will(stream([OPENAI]))
    prompt = build_prompt("?", schema={"type": "object"})
    limit = prompt_tokens(prompt) + 100
    manager = manager_for(options=PipelineOptions(budget=BudgetOptions(daily_tokens=limit)))
    result = await manager.analyze(request_of(options=AnalysisOptions(max_tokens=100, structured=True)), prompt)
    assert result.status != "failed"
    assert result.structured.problem
    assert len(server.requests) == 1


async def test_the_report_says_what_is_left(server, budgeted):
    server.will(stream([OPENAI]))
    limits = BudgetOptions(daily_dollars=1.0, daily_tokens=10_000, providers={"peer": DailyLimits(daily_tokens=15)})
    _, ledger, manager = budgeted(limits)
    ledger.record("peer", "m-1", Spent(1, 11, 0, 7, 0.25))
    report = await manager.usage(7)
    assert [(b.provider, b.unit, b.limit, b.spent, b.left) for b in report.budgets] == [
        (None, "dollars", 1.0, 0.25, 0.75),
        (None, "tokens", 10_000, 18, 9_982),
        ("peer", "tokens", 15, 18, 0.0),
    ]
    assert report.resets_in == 12 * 3_600
    assert report.problem is None
    assert [(day.day, day.provider, day.model) for day in report.days] == [("2026-11-23", "peer", "m-1")]


def test_a_limit_for_a_provider_that_does_not_exist_is_an_error(server):
    options = PipelineOptions(budget=BudgetOptions(providers={"clade": DailyLimits(daily_dollars=1.0)}))
    with pytest.raises(ConfigError, match="clade"):
        AIManager([row(server)], environ={"PEER_KEY": KEY}, options=options)


AMOUNTS = st.integers(0, 50)


class Spending(RuleBasedStateMachine):
    """Requests come, run and end; what each really uses may differ from its estimate."""

    @initialize(everything=st.none() | AMOUNTS, own=st.none() | AMOUNTS)
    def open(self, everything, own):
        self.spent = {"a": 0, "b": 0}
        self.error = dict.fromkeys(self.spent, 0)
        self.running = []
        self.limits = {None: everything, "a": own}
        options = BudgetOptions(daily_tokens=everything, providers={"a": DailyLimits(daily_tokens=own)})
        self.state = Reservations(options, self.of)

    def of(self, provider):
        amount = sum(self.spent.values()) if provider is None else self.spent[provider]
        return Spent(output_tokens=amount)

    def fits(self, provider, tokens):
        held = [(name, estimate) for _, name, estimate in self.running]
        return not tokens or all(
            limit is None
            or self.of(owner).tokens + sum(e for name, e in held if owner in {None, name}) + tokens <= limit
            for owner, limit in self.limits.items()
            if owner in {None, provider}
        )

    @rule(provider=st.sampled_from("ab"), tokens=AMOUNTS)
    def ask(self, provider, tokens):
        expected = self.fits(provider, tokens)
        admitted = self.state.admit(provider, Estimate(tokens, 0.0))
        assert isinstance(admitted, Overrun) != expected
        if not isinstance(admitted, Overrun):
            self.running.append((admitted, provider, tokens))

    @precondition(lambda self: self.running)
    @rule(which=st.randoms(use_true_random=False), used=st.integers(0, 80))
    def end(self, which, used):
        number, provider, tokens = self.running.pop(which.randrange(len(self.running)))
        self.spent[provider] += used
        self.error[provider] += max(0, used - tokens)
        self.state.release(number)

    @invariant()
    def overspends_by_no_more_than_its_estimates_err(self):
        for owner, limit in getattr(self, "limits", {}).items():
            if limit is not None:
                error = sum(self.error.values()) if owner is None else self.error[owner]
                assert self.of(owner).tokens <= limit + error


TestSpending = Spending.TestCase


async def test_a_budget_that_is_used_up_refuses_no_local_model(server, manager_for, request_of):
    ledger = Ledger()
    ledger.record("peer", "m-1", Spent(requests=1, cost=9.0))
    server.will(stream([OPENAI]))
    options = PipelineOptions(budget=BudgetOptions(daily_dollars=5.0))
    manager = manager_for(row_changes={"key_env": ""}, ledger=ledger, options=options)
    assert (await manager.analyze(request_of(), PROMPT)).status == "completed"


async def test_every_attempt_is_admitted_by_itself(server, manager_for, request_of):
    thought = sse({"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]})
    server.will(stream([thought] * 900, end="cut"))
    options = PipelineOptions(budget=BudgetOptions(daily_tokens=prompt_tokens(PROMPT) + 1_100))
    manager = manager_for(options=options)
    result = await manager.analyze(request_of(options=AnalysisOptions(max_tokens=1_000)), PROMPT)
    assert result.error.code == "budget_exceeded"
    assert len(server.requests) == 1


def test_the_advice_for_a_model_without_a_price_can_be_followed(tmp_path):
    names = re.findall(r"\b\w+_price\b", UNPRICED_STEP)
    assert len(names) == 2
    prices = "".join(f"{name} = 1.0\n" for name in names)
    file = tmp_path / "athena.toml"
    file.write_text(f'[[providers.mistral.models]]\nid = "m"\n{prices}')
    load_config({"ATHENA_CONFIG": str(file)})
