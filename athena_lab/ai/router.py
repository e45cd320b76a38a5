"""Who is asked, and who next: by ability, health, priority, and among equals by load and latency."""

from __future__ import annotations

import asyncio
from enum import IntEnum
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from athena_lab.ai.meter import prompt_tokens
from athena_lab.errors import APIError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from athena_lab.ai.guards import Guard
    from athena_lab.ai.providers.provider import Provider
    from athena_lab.ai.send import Call
    from athena_lab.ai.types import ProviderState


TIMEOUT: Final = 5.0
"""Seconds that a provider has to name its models."""


class Lane(NamedTuple):
    """A provider and the model to ask it for; "" for the first that it lists."""

    provider: str
    model: str


class Health(IntEnum):
    """How promising it is to ask a provider now. Those with a lower number are asked first."""

    GOOD = 0
    ILL = 1
    """It did not answer lately, or answered with an error."""
    LIMITED = 2
    """Its rate limit has to be waited for."""
    SHUT = 3
    """Its breaker is open, or it refuses the key: it is asked only where there is nobody else, to tell that."""


class Router:
    """``state`` gives what is known of a provider's state; None where nothing is."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        guards: Mapping[str, Guard],
        state: Callable[[str], ProviderState | None],
        clock: Callable[[], float],
    ) -> None:
        self._providers = providers
        self._guards = guards
        self._state = state
        self._clock = clock

    def best(self, call: Call) -> Lane | None:
        """Whom to ask next: not who was tried. None when nobody is left, or nobody can do what is asked.

        A request that names a provider is for that one alone: what it holds may not be meant for others.
        """
        able = [provider for provider in self._candidates(call) if self._able(provider, call)]
        ranked = [
            (self.health(provider.name, call), *self._order(provider), provider)
            for provider in able
            if provider.name not in call.tried
        ]
        if not ranked:
            return None
        health, *_, chosen = min(ranked, key=itemgetter(slice(4)))
        if call.tried and health is Health.SHUT:
            return None
        return Lane(chosen.name, self._model(chosen, call))

    async def next(self, call: Call) -> Lane | None:
        """As `best`, with the model by name where it can be learned in a moment."""
        lane = self.best(call)
        if lane is None or lane.model:
            return lane
        try:
            async with asyncio.timeout(min(TIMEOUT, call.expires - self._clock())):
                return Lane(lane.provider, await self._providers[lane.provider].default_model())
        except (APIError, TimeoutError):
            return lane  # the attempt meets the same failure, and tells it

    def alone(self, call: Call) -> bool:
        """Whether nobody else than the call's provider is left to ask."""
        return self.best(replace(call, tried=call.tried | {call.provider})) is None

    def health(self, name: str, call: Call | None = None) -> Health:
        """How promising the provider is, for a call whose time may be too short to wait."""
        guard, state = self._guards[name], self._state(name)
        if not guard.breaker.able or state == "unauthorized":
            return Health.SHUT
        wait = max(guard.limiter.cooling, guard.limiter.seconds_until(0))
        if wait:
            in_time = call is None or self._clock() + wait < call.expires
            return Health.LIMITED if in_time else Health.SHUT
        return Health.ILL if state in {"error", "timeout"} else Health.GOOD

    def _candidates(self, call: Call) -> list[Provider]:
        """Who has all it needs, and the model that is wanted; a model that no row knows is asked of the first alone."""
        named = call.request.provider if call.request is not None else call.provider
        wanted = call.request.model if call.request is not None else None
        ready = [it for it in self._providers.values() if it.missing is None and named in {None, it.name}]
        if wanted is None:
            return ready
        return [it for it in ready if _has(it, wanted)] or ready[:1]

    def _able(self, provider: Provider, call: Call) -> bool:
        """Whether it has the transport, the functions, and room for the prompt."""
        if call.wanted is not None and call.wanted not in provider.selection.offered:
            return False
        needed = call.look is None  # whoever runs them for the model gives its report to everybody
        if call.prompt.tools and needed and not provider.features.function_calling:
            return False
        room = provider.row.known(self._model(provider, call)).context
        return room is None or prompt_tokens(call.prompt) + call.max_tokens <= room

    def _model(self, provider: Provider, call: Call) -> str:
        wanted = call.request.model if call.request is not None else call.model
        return wanted or provider.known_model

    def _order(self, provider: Provider) -> tuple[int, float, str]:
        """Priority, then load times latency: of equals whoever is likely to answer first."""
        guard = self._guards[provider.name]
        return provider.row.priority, (1 + guard.bulkhead.load) * (guard.latency.median or 0.0), provider.name


def _has(provider: Provider, model: str) -> bool:
    return model == provider.row.model or any(known.id == model for known in provider.row.models)
