"""The policies that stand between the manager and a provider, and their order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

import msgspec

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
from athena_lab.ai.batching import BatchingOptions
from athena_lab.ai.breaker import BreakerOptions
from athena_lab.ai.budget import BudgetOptions
from athena_lab.ai.coalesce import CoalesceOptions
from athena_lab.ai.consensus import ConsensusOptions
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.failover import FailoverOptions
from athena_lab.ai.hedge import HedgeOptions
from athena_lab.ai.looking import LookingOptions
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
    failover: FailoverOptions = FailoverOptions()
    coalesce: CoalesceOptions = CoalesceOptions()
    batching: BatchingOptions = BatchingOptions()
    hedge: HedgeOptions = HedgeOptions()
    consensus: ConsensusOptions = ConsensusOptions()
    looking: LookingOptions = LookingOptions()


PolicyFactory = Callable[[PipelineOptions, Tools], Policy]

ORDER: tuple[PolicyFactory, ...] = (
    recovery.policy,
    consensus.policy,
    structured.policy,
    coalesce.policy,
    looking.policy,
    failover.policy,
    batching.policy,
    hedge.policy,
    breaker.policy,
    retry.policy,
    ratelimit.policy,
    bulkhead.policy,
    gate.policy,
    budget.policy,
    attempts.policy,
    deadline.policy,
)
"""From the outside in. Across providers: what stands in for an answer comes last of all; several that are asked
to agree go each their own way through the rest; repairing an answer is a request like any other; who asks the same at
the same time shares the way through the providers, which each turn of a model that looks again goes; whom a second one
overtakes has not failed.

At one provider: a batch goes a way of its own (see `batching`); its breaker sees one outcome a request; a sleeping
retry holds neither a place nor a reservation; who waits for a rate limit or a place has sent nothing, so that no limit
of the provider's counts; and every attempt is admitted by the budget, written down, and has its own deadlines."""


def compose(policies: Sequence[Policy], send: Send) -> Send:
    """``send`` inside the policies, the first of them outermost."""
    return reduce(lambda inner, policy: policy(inner), reversed(policies), send)
