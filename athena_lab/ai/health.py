"""What each provider says when asked: real requests, in parallel, at most every 30 s."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from athena_lab.ai.types import ProviderStatus
from athena_lab.errors import (
    APIError,
    AuthError,
    ProviderTimeout,
    RateLimited,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from athena_lab.ai.providers.provider import Provider
    from athena_lab.ai.types import ProviderState

TIMEOUT: Final = 5.0
"""Seconds that a provider has to answer."""
FRESH: Final = 30.0
"""Seconds for which an answer is believed."""

_STATES: Final[tuple[tuple[type[APIError], ProviderState], ...]] = (
    (AuthError, "unauthorized"),
    (RateLimited, "rate_limited"),
    (ProviderTimeout, "timeout"),
)


class HealthBoard:
    """The last known status of all providers, in the order in which they are asked. ``timeout`` in seconds."""

    def __init__(
        self,
        providers: Sequence[Provider],
        clock: Callable[[], float],
        wall_clock: Callable[[], float] = time.time,
        timeout: float = TIMEOUT,
    ) -> None:
        self._providers = providers
        self._clock = clock
        self._wall_clock = wall_clock
        self._timeout = timeout
        self._lock = asyncio.Lock()
        self._checked: float | None = None
        self._statuses: tuple[ProviderStatus, ...] = ()

    async def statuses(self, *, refresh: bool = False) -> tuple[ProviderStatus, ...]:
        """Ask all providers, unless that was done less than `FRESH` seconds ago. Callers at the same time share it."""
        asked = self._clock()
        async with self._lock:
            checked = self._checked
            if checked is None or checked + FRESH <= asked or (refresh and checked < asked):
                self._statuses = tuple(await asyncio.gather(*map(self._check, self._providers)))
                self._checked = self._clock()
            return self._statuses

    async def _check(self, provider: Provider) -> ProviderStatus:
        if provider.missing is not None:
            return self._status(provider, "no_api_key", provider.missing)
        began = self._clock()
        try:
            async with asyncio.timeout(self._timeout):
                models = tuple(model.id for model in await provider.models())
        except TimeoutError:
            return self._status(provider, "timeout", f"{provider.name} did not answer within {self._timeout:g} s.")
        except APIError as error:
            state: ProviderState = next((state for kind, state in _STATES if isinstance(error, kind)), "error")
            return self._status(provider, state, str(error))
        latency = self._clock() - began
        model = provider.row.model or next(iter(models), "")
        known = self._status(provider, "available", _ready(model, models))
        return replace(known, model=model, models=models, latency=latency)

    def _status(self, provider: Provider, state: ProviderState, detail: str) -> ProviderStatus:
        row = provider.row
        checked_at = None if state == "no_api_key" else self._wall_clock()
        return ProviderStatus(row.name, state, row.priority, row.wire, row.model, detail, checked_at=checked_at)


def _ready(model: str, models: tuple[str, ...]) -> str:
    if models and model not in models:
        return f"Ready, but it does not list the model {model}; set another in athena.toml."
    return f"Ready to answer with {model}." if model else "It answers, but lists no model; set one in athena.toml."
