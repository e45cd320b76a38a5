"""Budgets: what may be spent on a day (UTC) and on one request, in dollars and in tokens.

A request is admitted only if what was spent, what others that run may still use, and what it may use itself fit into
the limits. So many at once overrun a limit by no more than the error of their estimates.

With a limit in dollars, a provider that takes a key is refused where the price of its model is not known: a budget
that counts nothing is none. ``unpriced = "allow"`` lets it through, uncounted. A provider without a key bills nobody,
and no limit in dollars concerns it.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from athena_lab.ai.meter import cost, prompt_tokens
from athena_lab.ai.types import Budget, Spent
from athena_lab.errors import BudgetExceeded
from athena_lab.events import Usage
from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

    from athena_lab.ai.ledger import Ledger
    from athena_lab.ai.meter import Meter
    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools

Dollars = Annotated[float, Meta(ge=0, le=1_000_000)]
Tokens = Annotated[int, Meta(ge=0, le=10**12)]
Unit = Literal["dollars", "tokens"]


class DailyLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.budget.providers.<name>]``: for a day (UTC). None: no limit."""

    daily_dollars: Dollars | None = None
    daily_tokens: Tokens | None = None
    """Input and output together."""


class BudgetOptions(DailyLimits, frozen=True, forbid_unknown_fields=True):
    """``[ai.budget]``: for all providers together. No limit is set by default."""

    request_dollars: Dollars | None = None
    """For one request, by its prompt and the most that it lets the model write."""
    unpriced: Literal["refuse", "allow"] = "refuse"
    """What to do with a model whose price is not known, where a limit in dollars concerns it."""
    providers: dict[str, DailyLimits] = {}

    def limits(self, provider: str) -> Iterator[tuple[str | None, Unit, float]]:
        """The daily limits that concern this provider: those of all (None), and its own."""
        for owner, limits in ((None, self), (provider, self.providers.get(provider, DailyLimits()))):
            if limits.daily_dollars is not None:
                yield owner, "dollars", limits.daily_dollars
            if limits.daily_tokens is not None:
                yield owner, "tokens", limits.daily_tokens

    @property
    def limited(self) -> bool:
        """Whether anything is limited at all."""
        own = (limits != DailyLimits() for limits in self.providers.values())
        general = (self.daily_dollars, self.daily_tokens, self.request_dollars)
        return any(limit is not None for limit in general) or any(own)

    def needs_price(self, provider: str) -> bool:
        """Whether a limit in dollars concerns this provider."""
        return self.request_dollars is not None or any(unit == "dollars" for _, unit, _ in self.limits(provider))


class Estimate(Value, frozen=True):
    """What a request may use at most, about."""

    tokens: int
    dollars: float


class Overrun(Value, frozen=True):
    """The limit that a request does not fit into. ``held`` is what requests that run now may still use."""

    owner: str | None
    unit: Unit
    limit: float
    spent: float
    held: float


class Reservations:
    """What requests that run now may still use. ``spent`` gives what is used already, of one provider or of all.

    ``held`` is where it is written down; whoever shares it shares the limits.
    """

    def __init__(
        self,
        options: BudgetOptions,
        spent: Callable[[str | None], Spent],
        held: dict[int, tuple[str, Estimate]] | None = None,
    ) -> None:
        self._options = options
        self._spent = spent
        self._held = {} if held is None else held

    def admit(self, provider: str, estimate: Estimate) -> int | Overrun:
        """A number to release the reservation by; or what it does not fit into, and then nothing is held."""
        for owner, unit, limit in self._options.limits(provider):
            if not getattr(estimate, unit):
                continue  # what costs nothing overruns nothing, not even a limit that is used up
            spent = _amount(self._spent(owner), unit)
            held = sum(getattr(e, unit) for name, e in self._held.values() if owner in {None, name})
            if spent + held + getattr(estimate, unit) > limit:
                return Overrun(owner, unit, limit, spent, held)
        number = next(reversed(self._held), 0) + 1  # the last one is the highest
        self._held[number] = (provider, estimate)
        return number

    def release(self, number: int) -> None:
        del self._held[number]


def policy(options: PipelineOptions, tools: Tools) -> Policy:
    limits, meter = options.budget, tools.meter
    if meter is None or not limits.limited:
        return lambda send: send
    reservations = Reservations(limits, meter.ledger.today, meter.held)

    def wrap(send: Send) -> Send:
        async def within(call: Call) -> AsyncGenerator[Item, None]:
            estimate = _estimate(call, limits, meter)
            await meter.ledger.sync()
            admitted = reservations.admit(call.provider, estimate)
            if isinstance(admitted, Overrun):
                raise _exceeded(call, admitted, estimate, meter.ledger)
            try:
                async with aclosing(send(call)) as events:
                    async for event in events:
                        yield event
            finally:
                reservations.release(admitted)

        return within

    return wrap


def _estimate(call: Call, limits: BudgetOptions, meter: Meter) -> Estimate:
    """Raises BudgetExceeded for a request that alone costs too much, or whose price is not known and must be."""
    usage = Usage(prompt_tokens(call.prompt), call.max_tokens)
    tokens = usage.input_tokens + usage.output_tokens
    dollars = meter.cost(call, usage)
    if dollars is None:
        if limits.unpriced == "refuse" and unpriced(limits, meter, call.provider, call.model):
            raise BudgetExceeded(
                f"The price of {call.model or 'the default model'} of {call.provider} is not known, and a limit in "
                "dollars is set.",
                provider=call.provider,
                model=call.model,
                next_step=UNPRICED_STEP,
            )
        return Estimate(tokens, 0.0)
    if limits.request_dollars is not None and dollars > limits.request_dollars:
        raise BudgetExceeded(
            f"This request may cost ${dollars:.4f} with {call.provider}; the limit for one is "
            f"${limits.request_dollars:g}.",
            provider=call.provider,
            model=call.model,
            next_step="Ask for fewer tokens or a cheaper model, or raise request_dollars under [ai.budget].",
        )
    return Estimate(tokens, dollars)


def unpriced(options: BudgetOptions, meter: Meter, provider: str, model: str) -> str:
    """A sentence for a provider's status where limits in dollars meet a model without a price; "" elsewhere."""
    known = meter.model(provider, model)
    if not options.needs_price(provider) or not meter.bills(provider) or cost(known, Usage(1, 1)) is not None:
        return ""
    if options.unpriced == "allow":
        return "The price of its model is not known, so what it costs is not in the budget."
    return f"But the price of its model is not known, and a limit in dollars is set. {UNPRICED_STEP}"


UNPRICED_STEP: Final = (
    "Give the model its input_price and output_price in [[providers.<name>.models]] in athena.toml, set a limit in "
    'tokens instead, or set unpriced = "allow" under [ai.budget].'
)


def _exceeded(call: Call, overrun: Overrun, estimate: Estimate, ledger: Ledger) -> BudgetExceeded:
    def shown(amount: float) -> str:
        return f"${amount:.4f}" if overrun.unit == "dollars" else f"{amount:,.0f} tokens"

    whose = f"of {overrun.owner}" if overrun.owner else "of all providers"
    running = f", {shown(overrun.held)} are held for requests that run" if overrun.held else ""
    return BudgetExceeded(
        f"{shown(overrun.spent)} {whose} are used today{running}, and this request may use "
        f"{shown(getattr(estimate, overrun.unit))}; the limit is {shown(overrun.limit)}.",
        provider=call.provider,
        model=call.model,
        retry_after=ledger.resets_in,
    )


def _amount(spent: Spent, unit: Unit) -> float:
    return spent.tokens if unit == "tokens" else spent.cost or 0.0


def budgets(options: BudgetOptions, ledger: Ledger) -> tuple[Budget, ...]:
    """Every daily limit that is set, and what is left of it."""
    limits = dict.fromkeys(limit for name in ("", *options.providers) for limit in options.limits(name))
    found = []
    for owner, unit, limit in limits:
        spent = _amount(ledger.today(owner), unit)
        found.append(Budget(owner, unit, limit, spent, max(0.0, limit - spent)))
    return tuple(found)
