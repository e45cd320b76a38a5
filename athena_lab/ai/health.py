"""How each provider is: what it says when asked, and what its answers to questions tell.

A provider is asked for its list of models, which costs nothing; where it has none, by the smallest question. All are
asked at once, none for longer than `TIMEOUT`, and an answer is believed for `FRESH` seconds. What a question meets
with, such as a rate limit that the list of models knows nothing of, is believed at once, until an answer or its time
takes it back.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from athena_lab.ai import attempts
from athena_lab.ai.pipeline import PipelineOptions
from athena_lab.ai.prompt import Material, Prompt
from athena_lab.ai.send import Call, Tools
from athena_lab.ai.types import ProviderStatus, ShownFeatures, Spent
from athena_lab.errors import (
    APIError,
    AuthError,
    Forbidden,
    ProviderTimeout,
    ProviderUnreachable,
    QuotaExceeded,
    RateLimited,
    ServiceUnavailable,
    Unauthorized,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from athena_lab.ai.guards import Guard
    from athena_lab.ai.meter import Meter
    from athena_lab.ai.providers.provider import Provider
    from athena_lab.ai.types import ProviderState
    from athena_lab.errors import Problem

_LOG: Final = logging.getLogger(__name__)

TIMEOUT: Final = 5.0
"""Seconds that a provider has to answer."""
FRESH: Final = 30.0
"""Seconds for which an answer is believed."""
LONGEST: Final = 3_600.0
"""Seconds for which a question's failure is believed at most, whatever the provider asks for."""
LATELY: Final = 60.0
"""Seconds for which a check that found something wrong makes others be asked first."""
REMEMBERED: Final = 900.0
"""Seconds after which what was known of a provider, and not asked for again, says nothing any more."""
JITTER: Final = 0.1
"""Share of the monitor's interval, so that many labs do not ask in step."""

_STATES: Final[tuple[tuple[type[APIError], ProviderState], ...]] = (
    (AuthError, "unauthorized"),
    (RateLimited, "rate_limited"),
    (ProviderTimeout, "timeout"),
)
_TELLING: Final[Mapping[str, ProviderState]] = {
    Unauthorized.code: "unauthorized",
    Forbidden.code: "unauthorized",
    RateLimited.code: "rate_limited",
    ProviderTimeout.code: "timeout",
    ProviderUnreachable.code: "error",
    ServiceUnavailable.code: "error",
    QuotaExceeded.code: "error",
}
"""What an error that a question met with says of its provider. All others are the question's, or ours."""


class HealthOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.health]``"""

    interval: Annotated[float, Meta(ge=0, le=86_400)] = 300.0
    """Seconds between two checks of a provider in the background; 0 for none."""
    monitor: Literal["free", "all", "off"] = "free"
    """Which providers are checked in the background: those that can be asked for nothing, also those whose check is a
    question and costs money, or none."""


async def check(provider: Provider, meter: Meter | None = None) -> ProviderStatus:
    """Ask a provider now; never raises an `APIError`. What a question costs is written down."""
    if provider.missing is not None:
        return _status(provider, "no_api_key", provider.missing)
    try:
        if provider.row.health:
            models = tuple(model.id for model in await provider.models())
        else:
            models = ()
            await _ask(provider, meter)
    except APIError as error:
        state: ProviderState = next((state for kind, state in _STATES if isinstance(error, kind)), "error")
        return _status(provider, state, str(error))
    model = provider.row.model or next(iter(models), "")
    return replace(_status(provider, "available", _ready(model, models)), model=model, models=models)


async def _ask(provider: Provider, meter: Meter | None) -> None:
    """The smallest question. It is counted, and no budget refuses it."""
    prompt = Prompt("Answer with one word.", "Say: ok", Material(""))
    call = Call(provider.name, provider.row.model, prompt, max_tokens=1, expires=float("inf"))
    counted = attempts.policy(PipelineOptions(), Tools(meter=meter))(provider.stream)
    async with aclosing(counted(call)) as items:
        async for _ in items:
            pass


def _status(provider: Provider, state: ProviderState, detail: str) -> ProviderStatus:
    row = provider.row
    return ProviderStatus(
        name=row.name,
        state=state,
        priority=row.priority,
        wire=row.wire,
        model=row.model,
        detail=detail,
        checked_at=None if state == "no_api_key" else time.time(),
        version=provider.version,
        features=ShownFeatures.of(provider.features),
        rate_limits=provider.rate_limits(),
    )


def _ready(model: str, models: tuple[str, ...]) -> str:
    if models and model not in models:
        return f"Ready, but it does not list the model {model}; set another in athena.toml."
    return f"Ready to answer with {model}." if model else "It answers, but lists no model; set one in athena.toml."


class _Seen:
    """What is known of one provider. Times on the board's clock."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.lock = asyncio.Lock()
        self.status: ProviderStatus | None = None
        self.checked = float("-inf")
        self.learned: ProviderStatus | None = None
        self.learned_at = self.until = float("-inf")
        self.waits = False
        """Whether ``until`` is the provider's own word."""

    def current(self, now: float) -> ProviderStatus | None:
        """A question's failure counts for more than an older check, and than a check that found nothing wrong."""
        learned, status = self.learned, self.status
        if learned is None or now >= self.until:
            return status
        if self.waits:
            learned = replace(learned, detail=f"{learned.detail} {self.until - now:.0f} s of it are left.")
        if status is None:
            return learned
        if status.state == "available" or self.checked < self.learned_at:
            return replace(learned, model=status.model, models=status.models)
        return status


class HealthBoard:
    """The last known status of all providers, in the order in which they are asked. ``timeout`` in seconds.

    ``note`` gives one more sentence about a provider that is available, or ""; ``back`` is told of one that a check
    found available, where the one before did not.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        clock: Callable[[], float],
        timeout: float = TIMEOUT,
        *,
        meter: Meter | None = None,
        guards: Mapping[str, Guard] | None = None,
        note: Callable[[str, str], str] | None = None,
        back: Callable[[str], None] = lambda _provider: None,
    ) -> None:
        self._seen = {provider.name: _Seen(provider) for provider in providers}
        self._clock = clock
        self._timeout = timeout
        self._meter = meter
        self._guards = guards or {}
        self._note = note or (lambda _provider, _model: "")
        self._back = back

    async def statuses(self, *, refresh: bool = False) -> tuple[ProviderStatus, ...]:
        """Ask whoever was not asked in the last `FRESH` seconds, or all. Callers at the same time share it."""
        await asyncio.gather(*(self.look(name, refresh=refresh) for name in self._seen))
        if self._meter is not None:
            await self._meter.ledger.sync()
        return self.known()

    def known(self) -> tuple[ProviderStatus, ...]:
        """Of those of whom anything is known. Asks nobody."""
        now = self._clock()
        recent = (seen for seen in self._seen.values() if now - max(seen.checked, seen.learned_at) < REMEMBERED)
        current = ((seen, seen.current(now)) for seen in recent)
        return tuple(self._shown(seen, status) for seen, status in current if status is not None)

    async def look(self, name: str, *, refresh: bool = False) -> None:
        """Ask one provider, unless what is known of it is fresh."""
        seen, asked = self._seen[name], self._clock()
        async with seen.lock:
            if seen.checked + FRESH > asked and not (refresh and seen.checked < asked):
                return
            before, status = seen.status, await self._check(seen.provider)
            seen.status, seen.checked = status, self._clock()
            if refresh and status.state == "available" and seen.learned and seen.learned.state != "rate_limited":
                seen.learned = None
            if before is not None and before.state != status.state == "available":
                self._back(name)

    async def _check(self, provider: Provider) -> ProviderStatus:
        began = self._clock()
        try:
            async with asyncio.timeout(self._timeout):
                status = await provider.health_check()
        except TimeoutError:
            return _status(
                provider,
                "timeout",
                f"{provider.name} did not answer within {self._timeout:g} s. Check its base_url and the network, or "
                "choose another provider.",
            )
        return replace(status, latency=self._clock() - began) if status.state == "available" else status

    def observe(self, provider: str, model: str, error: APIError | None) -> None:
        """How an attempt ended: a failure shows at once, an answer takes it back."""
        seen = self._seen[provider]
        if error is not None:
            if state := _TELLING.get(error.code):
                self._learn(seen, state, error.problem())
            return
        seen.learned = None
        if seen.status is not None and seen.status.state != "available":
            detail = _ready(model, seen.status.models)
            seen.status = replace(seen.status, state="available", model=model, detail=detail)

    def state(self, name: str) -> ProviderState | None:
        """For who chooses a provider: that it refuses the key, or what a check said lately.

        Single failures of questions are for its breaker to judge, rate limits for its limiter.
        """
        seen, now = self._seen[name], self._clock()
        if seen.learned is not None and seen.learned.state == "unauthorized" and now < seen.until:
            return "unauthorized"
        recent = seen.status is not None and now - seen.checked < LATELY
        return seen.status.state if recent and seen.status is not None else None

    def _learn(self, seen: _Seen, state: ProviderState, problem: Problem) -> None:
        seen.learned_at = self._clock()
        seen.until = seen.learned_at + min(LONGEST, max(FRESH, problem.retry_after or 0.0))
        seen.waits = problem.retry_after is not None and problem.retry_after >= FRESH
        seen.learned = _status(seen.provider, state, f"{problem.detail} {problem.next_step}")

    def _shown(self, seen: _Seen, status: ProviderStatus) -> ProviderStatus:
        note = self._note(status.name, status.model) if status.state == "available" else ""
        guard = self._guards.get(status.name)
        if guard is not None:
            status = _guarded(status, guard)
        return replace(
            status,
            detail=f"{status.detail} {note}".rstrip(),
            rate_limits=seen.provider.rate_limits(),
            usage=self._meter.ledger.today(status.name) if self._meter is not None else Spent(),
        )


def _guarded(status: ProviderStatus, guard: Guard) -> ProviderStatus:
    """With what our own policies hold against it."""
    breaker = guard.breaker.status
    status = replace(status, breaker=breaker, running=guard.bulkhead.running, waiting=guard.bulkhead.depth)
    if breaker.state == "closed" or status.state in {"no_api_key", "unauthorized"}:
        return status
    if breaker.forced:
        detail = "Its circuit breaker was opened by hand. Close it to ask it again."
    elif breaker.retry_after:
        detail = f"It failed lately and is left alone for {breaker.retry_after:.0f} s more; others are asked instead."
    else:
        detail = "It failed lately; the next question tries whether it is back."
    return replace(status, state="circuit_open", detail=detail)


class HealthMonitor:
    """Checks providers in the background, each by a task of its own, so that one that hangs holds up nobody."""

    def __init__(self, providers: Sequence[Provider], board: HealthBoard, options: HealthOptions, tools: Tools) -> None:
        self._watched = [provider.name for provider in providers if _watched(provider, options)]
        self._board = board
        self._interval = options.interval
        self._tools = tools
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Idempotent."""
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._watch(name), name=f"health {name}") for name in self._watched]
            for task in self._tasks:
                task.add_done_callback(_tell)

    async def _watch(self, name: str) -> None:
        while True:
            await self._board.look(name)
            await self._tools.sleep(self._interval * (1 + JITTER * (2 * self._tools.random() - 1)))

    async def aclose(self) -> None:
        """Idempotent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _watched(provider: Provider, options: HealthOptions) -> bool:
    free = bool(provider.row.health) or not provider.row.key_variables
    wanted = options.monitor == "all" or (options.monitor == "free" and free)
    return bool(options.interval) and wanted and provider.missing is None


def _tell(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _LOG.error("The %s monitor ended by a bug.", task.get_name(), exc_info=error)
