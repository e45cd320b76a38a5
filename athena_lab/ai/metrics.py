"""The Prometheus series of the AI core, fed by what is told about each request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.telemetry import metrics

if TYPE_CHECKING:
    from athena_lab.ai.observe import RequestEnded


def record(ended: RequestEnded) -> None:
    """An observer for `AIManager`."""
    metrics.AI_REQUESTS.labels(ended.provider, ended.status).inc()
    metrics.AI_REQUEST_SECONDS.labels(ended.provider).observe(ended.elapsed)
    if ended.first_token is not None:
        metrics.AI_FIRST_TOKEN_SECONDS.labels(ended.provider).observe(ended.first_token)
    if ended.error is not None:
        metrics.AI_ERRORS.labels(ended.provider, ended.error).inc()
    metrics.AI_TOKENS.labels(ended.provider, "input").inc(ended.usage.input_tokens)
    metrics.AI_TOKENS.labels(ended.provider, "output").inc(ended.usage.output_tokens)
