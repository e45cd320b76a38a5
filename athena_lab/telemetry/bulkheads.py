"""How full bulkheads are, who waits and for how long, and who was refused, for as long as they live."""

from __future__ import annotations

import weakref
from functools import partial
from typing import TYPE_CHECKING

from athena_lab.telemetry import metrics

if TYPE_CHECKING:
    from athena_lab.bulkhead import Bulkhead


def watch(bulkhead: Bulkhead, label: str) -> None:
    """Export it. ``label`` is one of few: that of another bulkhead takes its place."""
    alive = weakref.ref(bulkhead)
    metrics.BULKHEAD_RUNNING.labels(label).set_function(partial(_running, alive))
    metrics.BULKHEAD_WAITING.labels(label).set_function(partial(_waiting, alive))
    bulkhead.on_wait = metrics.BULKHEAD_WAIT_SECONDS.labels(label).observe
    bulkhead.on_full = metrics.BULKHEAD_REJECTED.labels(label).inc


def _running(alive: weakref.ref[Bulkhead]) -> float:
    bulkhead = alive()
    return bulkhead.running if bulkhead is not None else 0


def _waiting(alive: weakref.ref[Bulkhead]) -> float:
    bulkhead = alive()
    return bulkhead.depth if bulkhead is not None else 0
