"""The Prometheus series of the AI core, fed by what is told about each request.

Label values are bounded: names of the configuration's providers, types of events, codes of errors. A model's name is
never one, since whoever asks may choose it.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING, Final

from athena_lab.telemetry import bulkheads, metrics

if TYPE_CHECKING:
    from athena_lab.ai.manager import AIManager
    from athena_lab.ai.observe import PolicyEvent, RequestEnded
    from athena_lab.bulkhead import Bulkhead
    from athena_lab.events import Attempt

_STATES: Final = ("closed", "half_open", "open")
"""By the number that stands for each."""


def record(ended: RequestEnded) -> None:
    """An observer for `AIManager`."""
    provider = ended.provider
    metrics.AI_REQUESTS.labels(provider, ended.status).inc()
    metrics.AI_REQUEST_SECONDS.labels(provider).observe(ended.elapsed)
    if ended.first_token is not None:
        metrics.AI_FIRST_TOKEN_SECONDS.labels(provider).observe(ended.first_token)
    if ended.error is not None:
        metrics.AI_ERRORS.labels(provider, ended.error).inc()
    for kind, count in ended.events.items():
        metrics.AI_STREAM_EVENTS.labels(kind).inc(count)
    for attempt in ended.attempts:
        if not attempt.shared:
            _record_attempt(attempt)


def _record_attempt(attempt: Attempt) -> None:
    provider = attempt.provider
    metrics.AI_TOKENS.labels(provider, "input").inc(attempt.input_tokens)
    metrics.AI_TOKENS.labels(provider, "output").inc(attempt.output_tokens)
    metrics.AI_COST_DOLLARS.labels(provider).inc(attempt.cost or 0.0)
    if attempt.sent:
        metrics.REQUEST_BYTES.labels(provider).observe(attempt.sent)
        metrics.RESPONSE_BYTES.labels(provider).observe(attempt.received)


def note(event: PolicyEvent) -> None:
    """What `AIManager` is to tell of its policies."""
    provider = event.provider
    match event.kind:
        case "retry":
            metrics.AI_RETRIES.labels(provider).inc()
        case "failover":
            metrics.AI_FAILOVERS.labels(provider, event.reason).inc()
        case "refusal":
            metrics.AI_REFUSALS.labels(provider).inc()
        case "hedge":
            metrics.AI_HEDGES.labels(provider, event.reason).inc()
        case "rate_limit_hit":
            metrics.AI_RATE_LIMIT_HITS.labels(provider).inc()
        case "tool_call":
            metrics.AI_TOOL_CALLS.labels(event.tool, event.reason).inc()
        case "circuit_failure":
            metrics.AI_CIRCUIT_FAILURES.labels(provider).inc()


def watch(manager: AIManager) -> None:
    """Export each provider's load, its queue and the state of its breaker, for as long as the manager lives."""
    alive = weakref.ref(manager)
    for name in manager.utilization:
        metrics.POOL_UTILIZATION.labels(name).set_function(partial(_utilization, alive, name))
        metrics.AI_CIRCUIT_STATE.labels(name).set_function(partial(_circuit, alive, name))
        _from_zero(name)
    for name, bulkhead in manager.bulkheads.items():
        metrics.AI_QUEUE_SIZE.labels(name).set_function(partial(_queue_size, weakref.ref(bulkhead)))
        bulkheads.watch(bulkhead, f"provider:{name}")


def _from_zero(name: str) -> None:
    """So that the first of something is a rise from 0, which rates see, and not the beginning of a series."""
    counters = (metrics.AI_RETRIES, metrics.AI_REFUSALS, metrics.AI_RATE_LIMIT_HITS, metrics.AI_CIRCUIT_FAILURES)
    for counter in counters:
        counter.labels(name)
    metrics.AI_FAILOVERS.labels(name, "refused")
    for outcome in ("won", "lost"):
        metrics.AI_HEDGES.labels(name, outcome)


def _utilization(alive: weakref.ref[AIManager], name: str) -> float:
    manager = alive()
    return manager.utilization[name] if manager is not None else 0.0


def _queue_size(alive: weakref.ref[Bulkhead]) -> float:
    bulkhead = alive()
    return bulkhead.depth if bulkhead is not None else 0


def _circuit(alive: weakref.ref[AIManager], name: str) -> float:
    manager = alive()
    return float(_STATES.index(manager.circuit(name))) if manager is not None else 0.0
