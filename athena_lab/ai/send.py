"""What travels down the pipeline, and the shape of everything in it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from athena_lab.ai.states import StreamState
from athena_lab.events import AnyEvent, Attempt, ToolOutcome
from athena_lab.value import Value

if TYPE_CHECKING:
    from athena_lab.ai.guards import Guard
    from athena_lab.ai.meter import Meter
    from athena_lab.ai.observe import PolicyEvent
    from athena_lab.ai.prompt import Prompt, Tool
    from athena_lab.ai.providers.batches import Batches
    from athena_lab.ai.recovery import Later, Past
    from athena_lab.ai.router import Router
    from athena_lab.ai.types import AnalysisRequest, TransportKind
    from athena_lab.bulkheads import Bulkheads
    from athena_lab.errors import APIError


class Progress:
    """The provider works, but this piece of its answer is not for display (reasoning, an unfinished tool call)."""

    __slots__ = ()


PROGRESS = Progress()


class Carry(Progress):
    """What the provider wants to have back with the results of the calls of this turn. Comes before its `Finished`."""

    __slots__ = ("what",)

    def __init__(self, what: Any) -> None:
        self.what = what


Item = AnyEvent | Progress


class Looked(Value, frozen=True):
    """What a function came to. ``text`` may hold anything that a sample holds."""

    hidden = frozenset({"text"})

    outcome: ToolOutcome
    text: str
    cut: bool = False
    """There was more of it."""


class Looks(Protocol):
    """Runs what a model asks for."""

    @property
    def tools(self) -> tuple[Tool, ...]:
        """What it may ask for."""

    async def run(self, name: str, arguments: str, *, seconds: float, characters: int) -> Looked:
        """Never raises, whatever is asked. At most so many characters, in so many seconds of the sandbox."""


class Kept:
    """What stays open between two turns of a talk, by provider. Whoever holds the talk closes it."""

    def __init__(self) -> None:
        self._open: dict[Hashable, AsyncGenerator[Any, Any]] = {}

    def put(self, key: Hashable, what: AsyncGenerator[Any, Any]) -> None:
        self._open[key] = what

    def take(self, key: Hashable) -> AsyncGenerator[Any, Any] | None:
        return self._open.pop(key, None)

    async def aclose(self) -> None:
        while self._open:
            await self._open.popitem()[1].aclose()


@dataclass(slots=True)
class Traffic:
    """Bytes of the bodies of one attempt."""

    sent: int = 0
    received: int = 0


class Call(Value, frozen=True):
    """One request on its way to one provider. Policies pass it on, or a changed copy of it."""

    hidden = frozenset({"prompt", "request"})

    provider: str
    model: str
    prompt: Prompt
    max_tokens: int
    expires: float
    """When the whole request's time is over, on `Tools.clock`."""
    waited: float = 0.0
    """Seconds slept before this attempt."""
    transport: TransportKind = "sse"
    """How the answer is to come: ``polling`` means whole, the others in pieces. The provider sets it."""
    wanted: TransportKind | None = None
    """The transport that whoever asked has named; None leaves it to the provider."""
    state: StreamState = msgspec.field(default_factory=StreamState)
    """Where the stream is; shared by all copies of a call, as `attempts` is."""
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    """What was tried; all copies of a call share it, so that nothing tried is forgotten."""
    request: AnalysisRequest | None = None
    """What was asked, as it came; None where nobody asked, as for a health check."""
    recover: bool = True
    """Whether something may stand in for an answer. If not, the error is told."""
    tried: set[str] = msgspec.field(default_factory=set)
    """Providers that were asked or passed over; shared by all copies of a call."""
    traffic: Traffic = msgspec.field(default_factory=Traffic)
    """Of all attempts at this call so far. Copies that run at the same time bring their own."""
    batched: bool = False
    """It goes with others, in a batch."""
    look: Looks | None = None
    """Runs the functions that the model asks for; None where whoever asked is told of them, and nothing is run."""
    kept: Kept | None = None
    """Of the talk that it is a turn of."""


Send = Callable[[Call], AsyncGenerator[Item, None]]
"""Yields what a reader sees and progress, then at most one `Usage`, then one `Finished`; a failure is raised."""

Policy = Callable[[Send], Send]


class Tools(Value, frozen=True):
    """Time and chance, so that tests of them take none; and what attempts are written down with."""

    clock: Callable[[], float] = time.monotonic
    """Monotonic seconds."""
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    """Uniform in [0, 1)."""
    guards: Mapping[str, Guard] = {}
    """Of each provider by name: breaker, places, limits; none where nothing is held back."""
    bulkheads: Bulkheads | None = None
    """What an attempt shares with everything else; None where it shares nothing."""
    router: Router | None = None
    """None: only the provider that a call names is asked."""
    later: Later | None = None
    """Takes questions that are to be asked again; None where nothing is kept."""
    past: Past | None = None
    """Earlier answers; None where none are kept."""
    note: Callable[[PolicyEvent], None] = lambda _event: None
    """Is told what the policies do."""
    batches: Mapping[str, Batches] = {}
    """How to send batches to those providers that take them."""
    outcome: Callable[[str, str, APIError | None], None] = lambda _provider, _model, _error: None
    """Is told how each attempt at a provider and a model ended: with an error, or without."""
    meter: Meter | None = None
    """None: what is used is told, and neither priced nor kept."""
