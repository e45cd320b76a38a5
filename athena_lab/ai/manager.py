"""The way of a question to a provider and of its answer back, as a table of contents.

::

    request -> choose a provider (router) -> policies (pipeline.ORDER) -> provider: attempt -> wire -> transport
            <- events: Started, Token, ToolCall, Member, Reconnecting, FailedOver, Recovered, Usage, Structured,
               Finished | Failed
"""

from __future__ import annotations

import os
from contextlib import aclosing, asynccontextmanager
from functools import partial
from os import urandom
from typing import TYPE_CHECKING, Final, Literal, Self

from msgspec.structs import replace

from athena_lab.ai import failover, offline, recovery
from athena_lab.ai.answer import Answer, fold
from athena_lab.ai.budget import budgets, unpriced
from athena_lab.ai.failover import FailoverOptions
from athena_lab.ai.guards import Guard
from athena_lab.ai.health import HealthBoard, HealthMonitor, HealthOptions
from athena_lab.ai.ledger import Ledger
from athena_lab.ai.meter import Meter
from athena_lab.ai.outlook import Outlook, outlook
from athena_lab.ai.pipeline import ORDER, PipelineOptions, compose
from athena_lab.ai.providers.provider import Provider
from athena_lab.ai.router import Lane, Router
from athena_lab.ai.send import Call, Tools
from athena_lab.ai.states import StreamState
from athena_lab.ai.transports.http import AiohttpClients
from athena_lab.ai.types import UsageReport
from athena_lab.errors import ConfigError, InvalidField, NoProvider
from athena_lab.events import Started

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence

    from athena_lab.ai.observe import Observer, PolicyEvent
    from athena_lab.ai.pipeline import PolicyFactory
    from athena_lab.ai.prompt import Prompt
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.recovery import Later, Past
    from athena_lab.ai.send import Item
    from athena_lab.ai.transports.http import ClientFactory
    from athena_lab.ai.types import AnalysisRequest, AnalysisResult, ProviderStatus
    from athena_lab.bulkhead import Bulkhead
    from athena_lab.bulkheads import Bulkheads
    from athena_lab.events import AnyEvent, Attempt

DEFAULT_TOOLS: Final = Tools()


class AIManager:
    """Owns the providers and their connections; belongs to one event loop.

    ``environ`` is where keys are looked up, once, here; ``back`` is told of a provider that can be asked again, as a
    check found, or whoever closed its breaker. Raises ConfigError for a row or a variable that cannot be used.
    """

    def __init__(
        self,
        rows: Iterable[ProviderRow],
        *,
        environ: Mapping[str, str] = os.environ,
        options: PipelineOptions | None = None,
        policies: Sequence[PolicyFactory] = ORDER,
        tools: Tools = DEFAULT_TOOLS,
        observers: Sequence[Observer] = (),
        client_factory: ClientFactory | None = None,
        notes: Sequence[Callable[[PolicyEvent], None]] = (),
        ledger: Ledger | None = None,
        health: HealthOptions | None = None,
        later: Later | None = None,
        past: Past | None = None,
        bulkheads: Bulkheads | None = None,
        back: Callable[[str], None] = lambda _provider: None,
    ) -> None:
        rows = tuple(rows)
        enabled = sorted((row for row in rows if row.enabled), key=lambda row: (row.priority, row.name))
        client_factory = client_factory or AiohttpClients()
        self._ledger = ledger or Ledger()
        meter = Meter(self._ledger, {row.name: row for row in enabled})
        options = options or PipelineOptions()
        if failover.policy not in policies:
            options = replace(options, failover=FailoverOptions(enabled=False))
        guards = {row.name: Guard(row, tools.clock, tools.random, options.breaker, options.retry) for row in enabled}
        tools = replace(
            tools, meter=meter, guards=guards, later=later, past=past, note=_all(notes), bulkheads=bulkheads
        )
        self._providers = {row.name: Provider(row, environ, client_factory, tools) for row in enabled}
        tools = replace(tools, batches={name: it.batches for name, it in self._providers.items() if it.batches})
        if offline.NAME in self._providers:
            raise ConfigError(f"A provider cannot be named {offline.NAME}: that is the summary written without AI.")
        if unknown := set(options.budget.providers) - {row.name for row in rows}:
            raise ConfigError(
                f"[ai.budget] sets a limit for providers that do not exist: {', '.join(sorted(unknown))}."
            )
        self._budget = options.budget
        self._meter = meter
        self._deadline = options.deadline.deadline
        ready = tuple(self._providers.values())
        price = partial(unpriced, options.budget, meter)
        self._health = HealthBoard(ready, tools.clock, meter=meter, guards=guards, note=price, back=back)
        self._router = Router(self._providers, guards, self._health.state, tools.clock)
        self._tools = replace(tools, router=self._router, outcome=self._health.observe)
        self._monitor = HealthMonitor(ready, self._health, health or HealthOptions(), self._tools)
        self._send = compose([policy(options, self._tools) for policy in policies], self._attempt)
        self._recovery = options.recovery if recovery.policy in policies else None
        self._observers = tuple(observers)
        self._back = back
        self._closed = False

    @asynccontextmanager
    async def stream(
        self, request: AnalysisRequest, prompt: Prompt, *, state: StreamState | None = None, recover: bool = True
    ) -> AsyncIterator[AsyncIterator[AnyEvent]]:
        """The answer's events. Leaving the block ends the request and closes its connection at once.

        ``state`` is moved as the stream goes, for a caller that wants to know where it is. Without ``recover`` nothing
        stands in for an answer that nobody gives.

        Raises on entering: InvalidField for a provider that does not exist or a transport that it does not have,
        NoProvider when none can be asked and the prompt has no findings that a summary could stand in with.
        Whatever fails after that is told by the last event.
        """
        self._check_open()
        answer, items = await self._prepare(request, prompt, state or StreamState(), recover=recover)
        async with aclosing(answer.events(items)) as events:
            yield events

    async def analyze(self, request: AnalysisRequest, prompt: Prompt) -> AnalysisResult:
        """The answer in one piece. Raises as `stream` does."""
        async with self.stream(request, prompt) as events:
            return await fold(events)

    async def providers(self, *, refresh: bool = False) -> tuple[ProviderStatus, ...]:
        """What each enabled provider says when asked, by priority; at most 30 s old, or new with ``refresh``."""
        self._check_open()
        return await self._health.statuses(refresh=refresh)

    async def usage(self, days: int = 1) -> UsageReport:
        """What was spent in the last so many days (UTC), today's among them, and what is left of the budgets."""
        self._check_open()
        ledger = self._ledger
        rows = await ledger.days(days)
        return UsageReport(
            days=rows,
            today=ledger.today(),
            budgets=budgets(self._budget, ledger),
            resets_in=ledger.resets_in,
            problem=ledger.problem.problem() if ledger.problem else None,
        )

    @property
    def utilization(self) -> Mapping[str, float]:
        """Of each provider: answers that are being had, by its workers. Above 1, some wait for a connection."""
        return {name: self._meter.running[name] / it.row.workers for name, it in self._providers.items()}

    @property
    def bulkheads(self) -> Mapping[str, Bulkhead]:
        """Of each provider: those of its places that are held, and who waits for one."""
        return {name: guard.bulkhead for name, guard in self._tools.guards.items()}

    def circuit(self, name: str) -> str:
        """The state of a provider's circuit breaker: closed, open or half_open."""
        return self._tools.guards[name].breaker.state

    def start(self) -> None:
        """Begin to watch the providers in the background, as the options say. Needs a running event loop."""
        self._check_open()
        self._monitor.start()

    @property
    def outlook(self) -> Outlook:
        """Who answers the next question, by what is known. Asks nobody."""
        breakers = {name: guard.breaker.status for name, guard in self._tools.guards.items()}
        return outlook(self.configured, self._health.known(), breakers)

    async def breaker(self, provider: str, state: Literal["open", "closed"]) -> ProviderStatus:
        """Leave a provider alone until this is taken back; or ask it again, and see at once how it is.

        Raises InvalidField for a provider that does not exist.
        """
        self._check_open()
        if provider not in self._tools.guards:
            raise InvalidField(f"There is no provider of that name. The names are {', '.join(self._tools.guards)}.")
        breaker = self._tools.guards[provider].breaker
        if state == "open":
            breaker.open()
        else:
            breaker.close()
            self._tools.guards[provider].limiter.clear()
            self._back(provider)
        await self._health.look(provider, refresh=state == "closed")
        return next(status for status in self._health.known() if status.name == provider)

    async def aclose(self) -> None:
        """Close all connections; streams that still run fail. Idempotent."""
        self._closed = True
        await self._monitor.aclose()
        for provider in self._providers.values():
            await provider.aclose()
        await self._ledger.aclose()

    async def __aenter__(self) -> Self:
        self._check_open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _prepare(
        self, request: AnalysisRequest, prompt: Prompt, state: StreamState, *, recover: bool
    ) -> tuple[Answer, AsyncGenerator[Item, None]]:
        began = self._tools.clock()
        attempts: list[Attempt] = []
        first = None if request.provider == offline.NAME else self._first(request, prompt, recover=recover)
        if first is None:
            name, model, items = offline.NAME, offline.MODEL, offline.stream(prompt.material)
        elif isinstance(first, NoProvider):
            name, model, items = offline.NAME, offline.MODEL, recovery.summary(prompt.material, first)
        else:
            call = Call(
                provider=first.name,
                model=request.model or first.known_model,
                prompt=prompt,
                max_tokens=request.options.max_tokens,
                expires=began + (request.options.deadline or self._deadline),
                attempts=attempts,
                state=state,
                wanted=request.options.transport,
                request=request,
                recover=recover,
            )
            lane = await self._router.next(call)
            if lane is None:
                first.selection.pick(call.wanted)  # raises for a transport that it does not have
                lane = Lane(first.name, call.model)
            name, model = lane
            items = self._send(replace(call, provider=name, model=model))
        started = Started(urandom(16).hex(), name, model)
        answer = Answer(
            started,
            state,
            known=prompt.material.ids,
            attempts=attempts,
            elapsed=lambda: self._tools.clock() - began,
            observers=self._observers,
        )
        return answer, items

    def _attempt(self, call: Call) -> AsyncGenerator[Item, None]:
        """Where the policies end: one attempt at the provider that the call has come to."""
        return self._providers[call.provider].stream(call)

    def _first(self, request: AnalysisRequest, prompt: Prompt, *, recover: bool) -> Provider | NoProvider:
        """Whom to ask; or why nobody can be asked, where the summary of what was found stands in for the answer."""
        try:
            return self._choose(request.provider)
        except NoProvider as error:
            rules = self._recovery if recover and prompt.material.of_sample else None
            if rules is None or "offline" not in rules.steps(error):
                raise
            return error

    def _choose(self, name: str | None) -> Provider:
        """The provider named, or the first by priority that has all it needs."""
        if name is None:
            ready = (provider for provider in self._providers.values() if provider.missing is None)
            chosen = next(ready, None)
            if chosen is None:
                broken = [provider.broken for provider in self._providers.values() if provider.broken]
                raise NoProvider(" ".join(["No provider has an API key, and no local model server is set.", *broken]))
            return chosen
        if name not in self._providers:
            names = ", ".join([*self._providers, offline.NAME])
            raise InvalidField(f"There is no provider of that name. The names are {names}.")
        provider = self._providers[name]
        if provider.missing is not None:
            offer = 'Or ask with provider="offline" for the summary written without AI.'
            raise NoProvider(f"Provider {name} is not set up.", next_step=f"{provider.missing} {offer}")
        return provider

    @property
    def configured(self) -> tuple[str, ...]:
        """Names of the providers that have all they need, by priority."""
        return tuple(name for name, provider in self._providers.items() if provider.missing is None)

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("This AIManager is closed.")


def _all(notes: Sequence[Callable[[PolicyEvent], None]]) -> Callable[[PolicyEvent], None]:
    def note(event: PolicyEvent) -> None:
        for told in notes:
            told(event)

    return note
