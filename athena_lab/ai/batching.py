"""Batching: questions without hurry that come at about the same time go to their provider as one batch.

It stands inside of failover, which may take a question elsewhere, and outside of all that is made for answers that come
at once. A batch takes no worker and counts against other limits, so no place and no rate limit; it may take an hour, so
it is neither hedged nor slow, and a breaker learns nothing from it; it is created and looked at with retries of its
own; and nothing of it comes before all of it, so that only the whole request's deadline holds. What each question may
spend and does spend is its own: budget and attempts stand around each one, as they do around any other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from athena_lab.ai import attempts, budget

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools

_WHOLE: Final = frozenset({None, "polling"})
"""Transports that a batch is: who names another one wants that."""


class BatchingOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.batching]``: for questions that are asked with ``batch`` set, of providers that take batches."""

    window: Annotated[float, Meta(gt=0, le=60)] = 0.1
    """Seconds from the first question of a batch to its sending."""
    most: Annotated[int, Meta(ge=1, le=10_000)] = 100
    """Questions of one batch."""
    largest: Annotated[int, Meta(ge=1_024, le=64 << 20)] = 8 << 20
    """Bytes of the prompts of one batch together. One that is larger alone goes alone."""
    first_poll: Annotated[float, Meta(gt=0, le=600)] = 2.0
    """Seconds to the first look at whether a batch has ended; then half as much again each time."""
    longest_poll: Annotated[float, Meta(gt=0, le=3_600)] = 60.0
    """Seconds between two looks at most."""


def policy(options: PipelineOptions, tools: Tools) -> Policy:
    if not tools.batches:
        return lambda send: send
    from athena_lab.ai.together import Together  # noqa: PLC0415 - of no use where no provider takes batches

    together = Together(options.batching, tools)
    batched = budget.policy(options, tools)(attempts.policy(options, tools)(together.send))

    def wrap(send: Send) -> Send:
        def chosen(call: Call) -> AsyncGenerator[Item, None]:
            return batched(replace(call, batched=True)) if _takes(call, tools) else send(call)

        return chosen

    return wrap


def _takes(call: Call, tools: Tools) -> bool:
    asked = call.request is not None and call.request.options.batch
    return asked and call.provider in tools.batches and call.wanted in _WHOLE
