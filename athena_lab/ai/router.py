"""Who is asked, and who next: by ability, health, priority, and among equals by load and latency."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from athena_lab.ai.meter import prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from athena_lab.ai.guards import Guard
    from athena_lab.ai.providers.provider import Provider
    from athena_lab.ai.send import Call
    from athena_lab.ai.types import ProviderState


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
        able = [provider for provider in able if provider.name not in call.tried]
        if not able:
            return None
        chosen = min(able, key=lambda provider: (self.health(provider.name, call), *self._order(provider)))
        if call.tried and self.health(chosen.name, call) is Health.SHUT:
            return None
        return Lane(chosen.name, self._model(chosen, call))

    def health(self, name: str, call: Call | None = None) -> Health:
        """How promising the provider is, for a call whose time may be too short to wait."""
        guard, state = self._guards[name], self._state(name)
        if not guard.breaker.able or state == "unauthorized":
            return Health.SHUT
        wait = guard.limiter.cooling
        if wait:
            in_time = call is None or self._clock() + wait < call.expires
            return Health.LIMITED if in_time else Health.SHUT
        return Health.ILL if state in {"error", "timeout"} else Health.GOOD

    def _candidates(self, call: Call) -> Iterator[Provider]:
        named = call.request.provider if call.request is not None else call.provider
        for provider in self._providers.values():
            if provider.missing is None and named in {None, provider.name}:
                yield provider

    def _able(self, provider: Provider, call: Call) -> bool:
        """Whether it has the model, the transport, the functions, and room for the prompt."""
        wanted = call.request.model if call.request is not None else None
        if wanted and not self._has(provider, wanted, call):
            return False
        if call.wanted is not None and call.wanted not in provider.selection.offered:
            return False
        if call.prompt.tools and not provider.features.function_calling:
            return False
        room = provider.row.known(self._model(provider, call)).context
        return room is None or prompt_tokens(call.prompt) + call.max_tokens <= room

    def _has(self, provider: Provider, model: str, call: Call) -> bool:
        """A model that no row knows is the first choice's: it is asked for nowhere else."""
        if model == provider.row.model or any(known.id == model for known in provider.row.models):
            return True
        return provider.name == call.provider

    def _model(self, provider: Provider, call: Call) -> str:
        wanted = call.request.model if call.request is not None else call.model
        return wanted or provider.known_model

    def _order(self, provider: Provider) -> tuple[int, float, str]:
        """Priority, then load times latency: of equals whoever is likely to answer first."""
        guard = self._guards[provider.name]
        return provider.row.priority, (1 + guard.bulkhead.load) * (guard.latency.median or 0.0), provider.name
