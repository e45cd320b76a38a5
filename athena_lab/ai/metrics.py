"""The Prometheus series of the AI core, fed by what is told about each request.

Label values are bounded: names of the configuration's providers, types of events, codes of errors. A model's name is
never one, since whoever asks may choose it.
"""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING

from athena_lab.telemetry import bulkheads, metrics

if TYPE_CHECKING:
    from athena_lab.ai.manager import AIManager
    from athena_lab.ai.observe import RequestEnded
    from athena_lab.bulkhead import Bulkhead


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
        metrics.AI_TOKENS.labels(provider, "input").inc(attempt.input_tokens)
        metrics.AI_TOKENS.labels(provider, "output").inc(attempt.output_tokens)
        metrics.AI_COST_DOLLARS.labels(provider).inc(attempt.cost or 0.0)
        if attempt.sent:
            metrics.REQUEST_BYTES.labels(provider).observe(attempt.sent)
            metrics.RESPONSE_BYTES.labels(provider).observe(attempt.received)


def watch(manager: AIManager) -> None:
    """Export how much of each provider's pool is in use, and who waits, for as long as the manager lives."""
    alive = weakref.ref(manager)
    for name in manager.utilization:
        metrics.POOL_UTILIZATION.labels(name).set_function(partial(_utilization, alive, name))
    for name, bulkhead in manager.bulkheads.items():
        metrics.AI_QUEUE_SIZE.labels(name).set_function(partial(_queue_size, weakref.ref(bulkhead)))
        bulkheads.watch(bulkhead, f"provider:{name}")


def _utilization(alive: weakref.ref[AIManager], name: str) -> float:
    manager = alive()
    return manager.utilization[name] if manager is not None else 0.0


def _queue_size(alive: weakref.ref[Bulkhead]) -> float:
    bulkhead = alive()
    return bulkhead.depth if bulkhead is not None else 0
