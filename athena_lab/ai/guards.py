"""What stands before each provider: its breaker, its places, its rate limits, and how long it usually takes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from athena_lab.ai.breaker import Breaker, BreakerOptions, middle
from athena_lab.ai.bucket import Bucket
from athena_lab.ai.ratelimit import RateLimiter
from athena_lab.ai.retry import RetryOptions
from athena_lab.bulkhead import Bulkhead, BulkheadOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from athena_lab.ai.providers.registry import ProviderRow

_LATEST: Final = 100
_ENOUGH: Final = 10
_PERCENTILE: Final = 0.95


class Latency:
    """The latest seconds from an attempt's start to its first piece."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=_LATEST)

    def add(self, seconds: float) -> None:
        self._times.append(seconds)

    @property
    def median(self) -> float | None:
        """None until anything is known."""
        return middle(self._times) if self._times else None

    @property
    def p95(self) -> float | None:
        """None until enough is known for it to mean something."""
        if len(self._times) < _ENOUGH:
            return None
        return sorted(self._times)[int(_PERCENTILE * (len(self._times) - 1))]


class Guard:
    """Of one provider. Belongs to one event loop. ``clock`` gives monotonic seconds, ``random`` lies in [0, 1)."""

    def __init__(
        self,
        row: ProviderRow,
        clock: Callable[[], float],
        random: Callable[[], float],
        breaker: BreakerOptions | None = None,
        retry: RetryOptions | None = None,
    ) -> None:
        retry = retry or RetryOptions()
        self.breaker = Breaker(breaker or BreakerOptions(), clock, random)
        self.bulkhead = Bulkhead(row.name, BulkheadOptions(row.workers, row.queue), clock)
        self.limiter = RateLimiter(row.limits.requests_per_minute, row.limits.tokens_per_minute, clock)
        self.retries = Bucket(retry.budget, retry.budget_per_second, clock)
        self.latency = Latency()
