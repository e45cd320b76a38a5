"""The policies that stand between the manager and a provider, and their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import msgspec

from athena_lab.ai import attempts, batching, budget, bulkhead, deadline, retry, structured
from athena_lab.ai.batching import BatchingOptions
from athena_lab.ai.breaker import BreakerOptions
from athena_lab.ai.budget import BudgetOptions
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.recovery import RecoveryOptions
from athena_lab.ai.retry import RetryOptions
from athena_lab.ai.send import Policy, Send, Tools


class PipelineOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of all policies."""

    retry: RetryOptions = RetryOptions()
    deadline: DeadlineOptions = DeadlineOptions()
    budget: BudgetOptions = BudgetOptions()
    breaker: BreakerOptions = BreakerOptions()
    recovery: RecoveryOptions = RecoveryOptions()
    batching: BatchingOptions = BatchingOptions()


PolicyFactory = Callable[[PipelineOptions, Tools], Policy]

ORDER: tuple[PolicyFactory, ...] = (
    structured.policy,
    batching.policy,
    retry.policy,
    bulkhead.policy,
    budget.policy,
    attempts.policy,
    deadline.policy,
)
"""From the outside in: repairing an answer is a request like any other; a sleeping retry holds neither a place nor a
reservation; who waits for a place has sent nothing, so that no limit of the provider's counts; and every attempt is
admitted by the budget, written down, and has its own deadlines."""


def compose(policies: Sequence[Policy], send: Send) -> Send:
    """``send`` inside the policies, the first of them outermost."""
    return reduce(lambda inner, policy: policy(inner), reversed(policies), send)
