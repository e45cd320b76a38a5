"""Rate limits: of one provider, as configured, as its headers tell, and as its 429s enforce.

Whoever would pass a limit waits, within the request's deadline; what cannot be sent in time is refused at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from athena_lab.ai.bucket import Bucket
from athena_lab.ai.meter import prompt_tokens
from athena_lab.ai.observe import PolicyEvent
from athena_lab.errors import RateLimited, RateWouldBeExceeded
from athena_lab.events import Reconnecting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools
    from athena_lab.ai.types import RateLimits, RateWindow

MINUTE: Final = 60.0
COOL_DOWN: Final = 10.0
"""Seconds for which a provider is left alone after a 429 that names no time."""
LONGEST: Final = 3_600.0
"""Seconds for which a provider's word is taken. After that, one request asks whether it still holds."""


class RateLimiter:
    """One provider's limits; None for those not set. Belongs to one event loop; ``clock`` gives monotonic seconds."""

    def __init__(
        self, requests_per_minute: int | None, tokens_per_minute: int | None, clock: Callable[[], float]
    ) -> None:
        self._clock = clock
        self._requests = _bucket(requests_per_minute, clock)
        self._tokens = _bucket(tokens_per_minute, clock)
        self._until = {"requests": 0.0, "tokens": 0.0, "cool-down": 0.0}
        self._shunned = 0.0
        self._left: dict[str, int] = {}

    @property
    def limits(self) -> bool:
        """Whether there is anything to wait for at all: by configuration, by what was told, or by a 429."""
        return self._requests is not None or self._tokens is not None or any(self._until.values())

    def seconds_until(self, tokens: int) -> float:
        """How long a request of so many tokens, input and output together, has to wait; 0 if it may go now."""
        now = self._clock()
        waits = [self._until["cool-down"] - now]
        for name, needed, bucket in (("requests", 1, self._requests), ("tokens", tokens, self._tokens)):
            if bucket is not None:
                waits.append(bucket.seconds_until(needed))
            if self._until[name] > now and self._left.get(name, needed) < needed:
                waits.append(self._until[name] - now)
        return max(0.0, *waits)

    def take(self, tokens: int) -> None:
        """A request goes: until the provider tells more, this is gone from what it said was left."""
        for name, needed, bucket in (("requests", 1, self._requests), ("tokens", tokens, self._tokens)):
            if bucket is not None:
                bucket.take(needed)
            if name in self._left:
                self._left[name] = max(0, self._left[name] - needed)

    def learn(self, told: RateLimits) -> None:
        """What a response's headers say is left, and until when."""
        self._learn("requests", told.requests)
        self._learn("tokens", told.tokens)

    def cool_down(self, seconds: float | None) -> None:
        """Its word when to come back: nothing goes before. Where it names no time, others are asked rather."""
        now = self._clock()
        if seconds is None:
            self._shunned = now + COOL_DOWN
        else:
            self._until["cool-down"] = max(self._until["cool-down"], now + min(seconds, LONGEST))

    def clear(self) -> None:
        """By hand: forget what the provider told."""
        self._until = dict.fromkeys(self._until, 0.0)
        self._left.clear()
        self._shunned = 0.0

    @property
    def cooling(self) -> float:
        """Seconds for which somebody else should be asked, if there is anybody."""
        return max(0.0, max(self._until["cool-down"], self._shunned) - self._clock())

    def _learn(self, name: str, window: RateWindow | None) -> None:
        if window is None or window.remaining is None or window.reset is None:
            return
        self._left[name] = window.remaining
        self._until[name] = self._clock() + min(window.reset, LONGEST)


def _bucket(per_minute: int | None, clock: Callable[[], float]) -> Bucket | None:
    return None if per_minute is None else Bucket(per_minute, per_minute / MINUTE, clock)


def policy(_options: PipelineOptions, tools: Tools) -> Policy:
    """Waits outside of any place. The last look, and what errors say, is the `gate`'s."""

    def wrap(send: Send) -> Send:
        async def within(call: Call) -> AsyncGenerator[Item, None]:
            limiter = tools.guards[call.provider].limiter
            while True:
                if limiter.limits and (wait := limiter.seconds_until(needed(call))):
                    tools.note(PolicyEvent("rate_limit_hit", call.provider))
                    if tools.clock() + wait >= call.expires:
                        raise no_room(call, wait)
                    yield Reconnecting(call.provider, len(call.attempts) + 1, wait, RateLimited.code)
                    await tools.sleep(wait)
                    continue  # others may have gone first
                try:
                    items = send(call)
                    try:
                        async for item in items:
                            yield item
                    finally:
                        await items.aclose()
                except RateWouldBeExceeded:
                    continue  # told while it waited for its place
                return

        return within if tools.guards else send

    return wrap


def needed(call: Call) -> int:
    """Tokens, input and output together, that a request may take."""
    return prompt_tokens(call.prompt) + call.max_tokens


def no_room(call: Call, wait: float) -> RateWouldBeExceeded:
    return RateWouldBeExceeded(
        f"{call.provider}'s rate limit leaves no room for {wait:.0f} s.",
        provider=call.provider,
        model=call.model,
        retry_after=wait,
    )
