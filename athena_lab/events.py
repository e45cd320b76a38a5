"""What a stream of an analysis is made of.

A stream is ``Started Token* Usage? (Finished | Failed)``. It always ends with exactly one terminal event: a stream that
breaks off upstream ends with `Failed`, which keeps the text received so far.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from athena_lab.errors import Problem


class Event(msgspec.Struct, frozen=True, tag_field="event", omit_defaults=True):
    """Base of all events. ``event`` in JSON is the class's tag."""


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One try at one provider. ``wait`` is the time slept before it, ``elapsed`` its own length, both in seconds."""

    provider: str
    model: str
    elapsed: float
    wait: float = 0.0
    error: str | None = None
    """The error's code, None if the attempt succeeded."""


class Started(Event, tag="started", frozen=True):
    """The request was accepted and a provider chosen. ``id`` names the analysis."""

    id: str
    provider: str
    model: str


class Token(Event, tag="token", frozen=True):
    """A piece of the answer, as it came. Never empty."""

    text: str


class Usage(Event, tag="usage", frozen=True):
    """Tokens billed, as the provider counts them. Later events replace earlier ones."""

    input_tokens: int = 0
    output_tokens: int = 0


class Finished(Event, tag="finished", frozen=True):
    """The provider ended the answer itself."""

    status: Literal["completed", "refused", "degraded"]
    """refused: the provider declined; degraded: written without AI, or cut off by a token limit."""
    stop_reason: str
    """The provider's own word, or ``offline``."""
    citations: tuple[str, ...] = ()
    """Ids of findings that the answer cites and that exist, in order of first mention."""
    unknown_citations: tuple[str, ...] = ()
    """Ids that the answer cites and that do not exist: to be distrusted."""
    attempts: tuple[Attempt, ...] = ()
    elapsed: float = 0.0
    """Seconds since `Started`."""


class Failed(Event, tag="failed", frozen=True):
    """The answer could not be had, or broke off. Tokens already sent stay valid as a fragment."""

    error: Problem
    attempts: tuple[Attempt, ...] = ()
    elapsed: float = 0.0


AnyEvent = Started | Token | Usage | Finished | Failed
