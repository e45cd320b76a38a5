"""What an attempt used, what that costs, and where it is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from athena_lab.ai.types import Spent
from athena_lab.errors import APIError, InvalidResponse, ProviderTimeout
from athena_lab.events import Finished, Reconnecting, Token, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from athena_lab.ai.budget import Estimate
    from athena_lab.ai.ledger import Ledger
    from athena_lab.ai.prompt import Prompt
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.send import Call, Item
    from athena_lab.ai.types import Model

BYTES_PER_TOKEN: Final = 4
"""Of UTF-8, about, in English and in code. Other languages have fewer, so that an estimate by it is rather too high."""
MILLION: Final = 1_000_000
ALLOWANCE: Final = 20_000
"""Tokens."""
OK: Final = 200


class Meter:
    """Knows the prices of the providers' rows, and the ledger."""

    def __init__(self, ledger: Ledger, rows: Mapping[str, ProviderRow]) -> None:
        self.ledger = ledger
        self.running = dict.fromkeys(rows, 0)
        """Attempts that are being made now, by provider, but for those in batches, which take no worker."""
        self.held: dict[int, tuple[str, Estimate]] = {}
        """What requests that run now may still use, by provider. See `Reservations`."""
        self._rows = rows

    def model(self, provider: str, model: str) -> Model:
        """What is known of it, prices among that. Raises KeyError for a provider without a row."""
        return self._rows[provider].known(model)

    def bills(self, provider: str) -> bool:
        """Whether somebody pays: who asks for no key, sends no bill."""
        return bool(self._rows[provider].key_variables)

    def priced(self, call: Call, usage: Usage) -> Usage:
        """With its cost, where the row has prices."""
        return replace(usage, cost=self.cost(call, usage))

    def cost(self, call: Call, usage: Usage) -> float | None:
        """In US dollars, of what a call used or may use; None where a price that it takes is not known."""
        row = self._rows[call.provider]
        dollars = cost(row.known(call.model), usage)
        return dollars * row.batch_price if dollars is not None and call.batched else dollars

    def record(self, provider: str, model: str, usage: Usage, *, first: bool, estimated: bool) -> None:
        """Write down what an attempt used, if it used anything. ``first``: none before it in its request did."""
        if not (usage.input_tokens or usage.output_tokens):
            return
        spent = Spent(
            requests=int(first),
            input_tokens=usage.input_tokens,
            cached_tokens=usage.cached_tokens,
            output_tokens=usage.output_tokens,
            cost=usage.cost,
            unpriced=int(usage.cost is None),
            estimated=int(estimated),
        )
        self.ledger.record(provider, model.encode("utf-8", "replace").decode(), spent)


class Count:
    """One attempt, counted as its pieces pass."""

    __slots__ = ("_bytes", "_finished", "_pieces", "_prompt", "_refused", "_usage")

    def __init__(self, prompt: Prompt) -> None:
        self._prompt = prompt
        self._usage: Usage | None = None
        self._pieces = self._bytes = 0
        self._finished = self._refused = False

    def see(self, item: Item) -> None:
        if isinstance(item, Token):  # first, since most are
            self._pieces += 1
            self._bytes += len(item.text)
        elif isinstance(item, Usage):
            self._usage = item
        elif isinstance(item, Finished):
            self._finished = True
            self._refused = item.status == "refused"
        elif not isinstance(item, Reconnecting):
            self._pieces += 1

    def result(self, error: BaseException | None, *, asked: bool) -> tuple[Usage, bool]:
        """What was used, and whether that is estimated. ``error``: how it ended; ``asked``: whether a request went out.

        A provider's own count of a whole answer is believed. Where it is missing, since the answer broke off, was
        cancelled or the provider does not count, the prompt and what came are estimated.
        """
        told = self._usage
        if told is not None and self._finished:
            return told, False
        if told is None and not (self._pieces or (asked and not self._refused and _may_bill(error))):
            return Usage(), False
        output = max(self._pieces, -(-self._bytes // BYTES_PER_TOKEN))
        if told is None:
            return Usage(prompt_tokens(self._prompt), output), True
        return replace(told, output_tokens=max(told.output_tokens, output)), True


def _may_bill(error: BaseException | None) -> bool:
    """Whether an attempt without a single piece may have been billed: not if the provider refused it or was not there.

    Where that is not known, as of an answer that was not waited for, it is taken for billed.
    """
    if isinstance(error, InvalidResponse):
        return error.upstream_status == OK
    if isinstance(error, ProviderTimeout):
        return error.upstream_status in {None, OK}
    return not isinstance(error, APIError)


def prompt_tokens(prompt: Prompt) -> int:
    """About so many."""
    tools = sum(len(f"{tool.name}{tool.description}{tool.parameters}") for tool in prompt.tools)
    schema = len(str(prompt.schema)) if prompt.schema else 0
    size = len(prompt.system.encode("utf-8", "replace")) + len(prompt.user.encode("utf-8", "replace"))
    talk = sum(turn.size for turn in prompt.talk)
    return -(-(size + tools + schema + talk) // BYTES_PER_TOKEN)


def believable(usage: Usage, call: Call) -> Usage:
    """A provider's count, no more than the request can have used: a claim beyond it would use up a budget at once.

    A token has at least one byte; what providers add to a prompt, and reasoning beyond the limit of the output, are
    allowed for.
    """
    if not (usage.input_tokens or usage.output_tokens):
        return usage
    inputs = min(usage.input_tokens, BYTES_PER_TOKEN * prompt_tokens(call.prompt) + ALLOWANCE)
    outputs = min(usage.output_tokens, 4 * call.max_tokens + ALLOWANCE)
    if (inputs, outputs) == (usage.input_tokens, usage.output_tokens):
        return usage
    return replace(
        usage,
        input_tokens=inputs,
        output_tokens=outputs,
        cached_tokens=min(usage.cached_tokens, inputs),
        reasoning_tokens=min(usage.reasoning_tokens, outputs),
    )


def cost(model: Model, usage: Usage) -> float | None:
    """In US dollars; None where a price that it takes is not known."""
    cached_price = model.input_price if model.cached_price is None else model.cached_price
    if model.input_price is None or cached_price is None or model.output_price is None:
        return None
    cached = min(usage.cached_tokens, usage.input_tokens)
    inputs = (usage.input_tokens - cached) * model.input_price + cached * cached_price
    return (inputs + usage.output_tokens * model.output_price) / MILLION


def total(first: Usage, second: Usage) -> Usage:
    """Both together; no cost where one of them has none."""
    if first == Usage():
        return second
    costs = (first.cost, second.cost)
    return Usage(
        first.input_tokens + second.input_tokens,
        first.output_tokens + second.output_tokens,
        first.cached_tokens + second.cached_tokens,
        first.reasoning_tokens + second.reasoning_tokens,
        None if None in costs else sum(cost for cost in costs if cost is not None),
    )
