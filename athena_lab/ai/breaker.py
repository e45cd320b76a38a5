"""Circuit breaker: a provider that fails is left alone for a while, then asked by one request at a time.

Closed, open, half-open (M. Nygard, "Release It!", 2007). It opens after so many failures in a row, or when the share of
failed or of slow calls in a sliding window passes its threshold. When its time is over, one call at a time is let
through as a probe; so many successful probes close it, and any failure opens it again, for longer if the strategy says
so.

A call's time is that to its first piece. What is slow may follow the provider's own recent times (`adaptive`).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Annotated, Final, Literal

import msgspec
from msgspec import Meta

from athena_lab.ai.observe import PolicyEvent
from athena_lab.ai.types import BreakerStatus
from athena_lab.errors import APIError, CircuitOpen, DeadlineExceeded, InvalidResponse, NetworkError, ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools

BreakerState = Literal["closed", "open", "half_open"]
Strategy = Literal["constant", "linear", "exponential", "fibonacci"]
Count = Annotated[int, Meta(ge=1, le=1_000)]
Ratio = Annotated[float, Meta(gt=0, le=1)]
Seconds = Annotated[float, Meta(gt=0, le=3_600)]

_REMEMBERED: Final = 50
"""Latest times that the adaptive target is made of."""
_ENOUGH: Final = 10
"""So many of them are needed before it is, and between two looks."""
_SLICES: Final = 10
OK: Final = 200


class BreakerOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.breaker]``"""

    failures: Count = 3
    """In a row, which open it."""
    failure_ratio: Ratio = 0.5
    """Share of failed calls in the window, above which it opens."""
    slow_ratio: Ratio = 0.8
    """Share of slow calls in the window, above which it opens."""
    minimum: Count = 10
    """Calls in the window, below which shares mean nothing."""
    window: Seconds = 60.0
    """Seconds."""
    slow: Seconds = 30.0
    """Seconds to the first piece, above which a call is slow; the upper bound of the adaptive target."""
    adaptive: bool = True
    """The target is ``slow_factor`` times the median of the latest times, between ``slow_least`` and ``slow``."""
    slow_factor: Annotated[float, Meta(gt=1, le=100)] = 4.0
    slow_least: Seconds = 5.0
    """Seconds."""
    successes: Count = 2
    """Of probes, which close it."""
    open_time: Seconds = 30.0
    """Seconds: the unit of the strategy."""
    strategy: Strategy = "constant"
    """How the time grows with openings in a row: 1, 1, 1; 1, 2, 3; 1, 2, 4; 1, 1, 2, 3, 5 units."""
    longest: Seconds = 600.0
    """Seconds. No time is longer."""
    jitter: Annotated[float, Meta(ge=0, le=1)] = 0.1
    """Share by which the time is changed at random, so that many breakers do not probe at once."""


def open_seconds(opening: int, options: BreakerOptions, chance: float) -> float:
    """Seconds for which the ``opening``-th in a row (from 1) lasts. ``chance`` lies in [0, 1)."""
    seconds = options.open_time * _units(options.strategy, opening) * (1 + options.jitter * (2 * chance - 1))
    return min(options.longest, seconds)


def _units(strategy: Strategy, opening: int) -> int:
    opening = min(opening, 64)  # by then every strategy has passed any cap
    match strategy:
        case "constant":
            return 1
        case "linear":
            return opening
        case "exponential":
            return 1 << (opening - 1)
    before, now = 0, 1
    for _ in range(opening - 1):
        before, now = now, before + now
    return now


def middle(values: Sequence[float]) -> float:
    """The median, of an even number the higher one. The standard library's takes as long to import as this package."""
    return sorted(values)[len(values) // 2]


class Window:
    """Counts of the last so many seconds, in tenths of it, so that a busy provider costs no more than an idle one."""

    def __init__(self, seconds: float) -> None:
        self._slice = seconds / _SLICES
        self._slices: deque[list[int]] = deque(maxlen=_SLICES)
        """Number of the slice since the clock's zero, calls, failed, slow."""

    def add(self, now: float, *, failed: bool, slow: bool) -> None:
        number = int(now / self._slice)
        if not self._slices or self._slices[-1][0] != number:
            self._slices.append([number, 0, 0, 0])
        last = self._slices[-1]
        last[1] += 1
        last[2] += failed
        last[3] += slow

    def counts(self, now: float) -> tuple[int, int, int]:
        """Calls, failed, slow."""
        oldest = int(now / self._slice) - _SLICES + 1
        kept = [entry for entry in self._slices if entry[0] >= oldest]
        return sum(entry[1] for entry in kept), sum(entry[2] for entry in kept), sum(entry[3] for entry in kept)


class Breaker:
    """The state of one provider's breaker. It knows no lock, no timer and no provider; belongs to one event loop.

    ``clock`` gives monotonic seconds, ``random`` lies in [0, 1). ``on_change`` is told of every new state.
    """

    def __init__(
        self,
        options: BreakerOptions,
        clock: Callable[[], float],
        random: Callable[[], float],
        on_change: Callable[[BreakerState], None] | None = None,
    ) -> None:
        self._options = options
        self._clock = clock
        self._random = random
        self._on_change = on_change
        self._state: BreakerState = "closed"
        self._window = Window(options.window)
        self._times: deque[float] = deque(maxlen=_REMEMBERED)
        self._timed = 0
        self._target = options.slow
        self._in_a_row = 0
        self._openings = 0
        self._until = 0.0
        self._probe: Permit | None = None
        self._probed = 0
        self._forced = False

    @property
    def status(self) -> BreakerStatus:
        """For whoever looks at it."""
        return BreakerStatus(self._state, self.retry_after, self._in_a_row, self._forced)

    @property
    def state(self) -> BreakerState:
        """``open`` until somebody is let through as a probe, even if its time is over."""
        return self._state

    @property
    def retry_after(self) -> float:
        """Seconds until a call may be let through; 0 if one may be now."""
        if self._state == "closed":
            return 0.0
        if self._forced:
            return self._options.longest
        return max(0.0, self._until - self._clock())

    @property
    def able(self) -> bool:
        """Whether a call would be let through now."""
        return self._state == "closed" or (not self._forced and not self.retry_after and self._probe is None)

    @property
    def slow_target(self) -> float:
        """Seconds to the first piece, above which a call counts as slow; looked at anew with every tenth call."""
        return self._target

    def _time(self, seconds: float) -> bool:
        """Whether that was slow."""
        slow = seconds > self._target
        self._times.append(seconds)
        self._timed += 1
        if self._options.adaptive and self._timed % _ENOUGH == 0:
            usual = self._options.slow_factor * middle(self._times)
            self._target = min(self._options.slow, max(self._options.slow_least, usual))
        return slow

    def admit(self, provider: str, model: str) -> Permit:
        """Let a call through. Raises CircuitOpen while it is open, or while another call probes."""
        if not self.able:
            raise self.refusal(provider, model)
        permit = Permit(self)
        if self._state != "closed":
            if self._state == "open":
                self._move("half_open")
                self._probed = 0
            self._probe = permit
        return permit

    def refusal(self, provider: str, model: str) -> CircuitOpen:
        """What is told to who is not let through."""
        if self._forced:
            step = "Close its circuit breaker in the panel, or choose another provider."
            return CircuitOpen(f"{provider} was set aside by hand.", provider=provider, model=model, next_step=step)
        detail = f"{provider} failed lately and is left alone."
        return CircuitOpen(detail, provider=provider, model=model, retry_after=self.retry_after)

    def open(self) -> None:
        """By hand: nobody is let through until `close`."""
        self._forced = True
        self._probe = None
        self._until = self._clock()
        self._move("open")

    def close(self) -> None:
        """By hand: forget what was, and let everybody through."""
        self._forced = False
        self._openings = 0
        self._shut()

    def _succeeded(self, permit: Permit, seconds: float | None) -> None:
        slow = seconds is not None and self._time(seconds)
        if permit is self._probe:
            self._probe = None
            self._probed += 1
            if self._probed >= self._options.successes:
                self._openings = 0
                self._shut()
        elif self._state == "closed":
            self._in_a_row = 0
            self._note(failed=False, slow=slow)

    def _failed(self, permit: Permit) -> None:
        if permit is self._probe:
            self._probe = None
            self._trip()
        elif self._state == "closed":
            self._in_a_row += 1
            self._note(failed=True, slow=False)

    def _released(self, permit: Permit) -> None:
        if permit is self._probe:
            self._probe = None

    def _note(self, *, failed: bool, slow: bool) -> None:
        self._window.add(self._clock(), failed=failed, slow=slow)
        if (failed or slow) and (self._in_a_row >= self._options.failures or self._too_many()):
            self._trip()

    def _too_many(self) -> bool:
        total, failed, slow = self._window.counts(self._clock())
        if total < self._options.minimum:
            return False
        return failed / total > self._options.failure_ratio or slow / total > self._options.slow_ratio

    def _trip(self) -> None:
        self._openings += 1
        self._until = self._clock() + open_seconds(self._openings, self._options, self._random())
        self._move("open")

    def _shut(self) -> None:
        self._window = Window(self._options.window)
        self._in_a_row = 0
        self._probe = None
        self._move("closed")

    def _move(self, to: BreakerState) -> None:
        changed, self._state = to != self._state, to
        if changed and self._on_change is not None:
            self._on_change(to)


class Permit:
    """One call that was let through. Its outcome is told once; what is told after that is ignored."""

    __slots__ = ("_breaker", "_told")

    def __init__(self, breaker: Breaker) -> None:
        self._breaker = breaker
        self._told = False

    def succeeded(self, seconds: float | None) -> None:
        """``seconds`` to the first piece, None where it had none."""
        if self._once():
            self._breaker._succeeded(self, seconds)  # noqa: SLF001 - two halves of one thing

    def failed(self) -> None:
        if self._once():
            self._breaker._failed(self)  # noqa: SLF001 - as above

    def release(self) -> None:
        """Nothing is known of the outcome: the caller left, or asked for what cannot be."""
        if self._once():
            self._breaker._released(self)  # noqa: SLF001 - as above

    def _once(self) -> bool:
        told, self._told = self._told, True
        return not told


def counts(error: APIError) -> bool:
    """Whether the error says that the provider is ill: not when it refuses the caller, the key, or the rate."""
    if isinstance(error, InvalidResponse):
        return error.upstream_status == OK
    return isinstance(error, NetworkError | ServiceUnavailable)


def _first(call: Call) -> float | None:
    """Seconds to the first piece of the attempt that succeeded: without the waits before it."""
    for attempt in reversed(call.attempts):
        if attempt.provider == call.provider:
            return attempt.first
    return None


def _hung(call: Call, tools: Tools) -> bool:
    """Whether the request's time ran out on a provider that gave no sign for longer than a slow call takes."""
    own = [attempt for attempt in call.attempts if attempt.provider == call.provider]
    slow = tools.guards[call.provider].breaker.slow_target
    return bool(own) and own[-1].first is None and own[-1].sent > 0 and own[-1].elapsed >= slow


def policy(_options: PipelineOptions, tools: Tools) -> Policy:
    def wrap(send: Send) -> Send:
        async def guarded(call: Call) -> AsyncGenerator[Item, None]:
            permit = tools.guards[call.provider].breaker.admit(call.provider, call.model)
            try:
                items = send(call)
                try:
                    async for item in items:
                        yield item
                finally:
                    await items.aclose()
                permit.succeeded(_first(call))
            except APIError as error:
                if counts(error):
                    permit.failed()
                    tools.note(PolicyEvent("circuit_failure", call.provider))
                raise
            except DeadlineExceeded:
                if _hung(call, tools):
                    permit.failed()
                    tools.note(PolicyEvent("circuit_failure", call.provider))
                raise
            finally:
                permit.release()

        return guarded if tools.guards else send

    return wrap
