"""What a stream of an analysis is made of.

::

    Started (Token | ToolCall | Member | Reconnecting | FailedOver | Usage)* Recovered? Token* Consensus? Structured?
    (Finished | Failed)

It always ends with exactly one terminal event: a stream that breaks off upstream ends with `Failed`, and the text
received so far stays valid as a fragment.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from athena_lab.errors import Problem


class Event(msgspec.Struct, frozen=True, tag_field="event", omit_defaults=True):
    """Base of all events. ``event`` in JSON is the class's tag."""


class Attempt(msgspec.Struct, frozen=True, omit_defaults=True):
    """One try at one provider. ``wait`` is the time slept before it, ``elapsed`` its own length, both in seconds."""

    provider: str
    model: str
    elapsed: float
    wait: float = 0.0
    first: float | None = None
    """Seconds to its first piece; None if there was none."""
    error: str | None = None
    """The error's code, None if the attempt succeeded."""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Of the input: read from the provider's cache."""
    cost: float | None = None
    """As in `Usage`."""
    estimated: bool = False
    """The provider told no count, or none of the end: the tokens are estimated."""
    sent: int = 0
    """Bytes of the request's body."""
    received: int = 0
    """Bytes of the response's body, as far as it was read."""
    shared: bool = False
    """Made for an identical question that ran already: its tokens and its cost are counted there."""


class Started(Event, tag="started", frozen=True):
    """The request was accepted and a provider chosen. ``id`` names the analysis."""

    id: str
    provider: str
    model: str


class Token(Event, tag="token", frozen=True):
    """A piece of the answer, as it came. Never empty."""

    text: str


class ToolCall(Event, tag="tool_call", frozen=True):
    """The model asks for a function to be called, as a whole: fragments are gathered first."""

    id: str
    """The provider's id of the call, under which it expects the result."""
    name: str
    arguments: str
    """JSON text as the model wrote it; it may be invalid."""


class Member(Event, tag="member", frozen=True):
    """One member of a structured answer is complete: its name and its value, as the model wrote it."""

    name: str
    value: Any


class Reconnecting(Event, tag="reconnecting", frozen=True):
    """An attempt failed, and the next one (``attempt``, counted from 1) begins after ``wait`` seconds."""

    provider: str
    attempt: int
    wait: float
    error: str
    """The error's code."""


class FailedOver(Event, tag="failed_over", frozen=True):
    """Another provider is asked, or the same one again in the middle of an answer. What follows comes from it."""

    provider: str
    model: str
    left: str
    """The provider that was asked before."""
    left_model: str
    error: str
    """Why it was left: an error's code, ``refused``, or ``hedged`` where it was merely slower."""
    resumed: bool = False
    """What follows continues the text so far. If not, the text so far is no part of the answer, and is set aside."""
    stop_reason: str = ""
    """The provider's own word for a refusal."""


class Recovered(Event, tag="recovered", frozen=True):
    """No provider answered, and the text that follows stands in for an answer.

    ``stale``: an earlier answer to the same question, ``age`` seconds old; ``offline``: the summary written without AI;
    ``queued``: the same summary for now, and the question is asked again when a provider is back: its answer will be
    at the job of that id.
    """

    how: Literal["stale", "offline", "queued"]
    error: Problem
    """Why nobody answered."""
    provider: str = "offline"
    """Who wrote the text: the provider of an earlier answer, else ``offline``."""
    model: str = "none"
    job: str | None = None
    age: float | None = None


class Usage(Event, tag="usage", frozen=True):
    """Tokens billed, as the provider counts them. Later events replace earlier ones."""

    input_tokens: int = 0
    """All of them, with those read from or written to a cache."""
    output_tokens: int = 0
    """All of them, with those spent on reasoning."""
    cached_tokens: int = 0
    """Of the input: read from the provider's cache."""
    reasoning_tokens: int = 0
    """Of the output: spent on reasoning."""
    cost: float | None = None
    """Estimated, in US dollars, by the prices of the provider's row; None where those are not known."""


Technique = Annotated[str, Meta(pattern=r"^T\d{4}(\.\d{3})?$")]
IocKind = Literal[
    "url",
    "domain",
    "ipv4",
    "ipv6",
    "email",
    "md5",
    "sha1",
    "sha256",
    "registry",
    "path",
    "mutex",
    "user-agent",
    "other",
]


class Ioc(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An indicator of compromise that the model names. ``value`` as it is, not defanged."""

    kind: IocKind
    value: Annotated[str, Meta(min_length=1, max_length=2_048)]


class Assessment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model's structured answer. Techniques are ids of MITRE ATT&CK."""

    verdict: Literal["malicious", "suspicious", "benign", "unknown"]
    family: Annotated[str, Meta(max_length=128)] | None
    confidence: Annotated[int, Meta(ge=0, le=100)]
    """Per cent."""
    techniques: Annotated[tuple[Technique, ...], Meta(max_length=64)]
    iocs: Annotated[tuple[Ioc, ...], Meta(max_length=256)]
    summary: Annotated[str, Meta(min_length=1, max_length=32_768)]
    """Markdown."""


class Structured(Event, tag="structured", frozen=True):
    """What became of a structured answer: an assessment, or what is wrong with it and the text as it came."""

    assessment: Assessment | None = None
    repaired: bool = False
    """The first answer did not fit, and the model was asked once to correct it."""
    problem: str | None = None
    """What does not fit, in one line; None with an assessment."""
    raw: str | None = None
    """The model's text, where it gave no assessment."""


class Opinion(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one of several providers says: an assessment, or the error's code."""

    provider: str
    model: str
    assessment: Assessment | None = None
    error: str | None = None


class Difference(msgspec.Struct, frozen=True):
    """A member of the assessment in which providers differ, and who says what, as text."""

    member: str
    said: dict[str, tuple[str, ...]]
    """The providers behind each value."""


class Consensus(Event, tag="consensus", frozen=True):
    """What several providers said, merged.

    ``agreement`` is the share, from 0 to 1, of those who gave an assessment that stand behind its verdict; None where
    fewer than two gave one: one alone agrees with nobody. A `Structured` with the merged assessment follows, for
    readers that know nothing of a consensus.
    """

    merged: Assessment | None
    """None where nobody gave an assessment."""
    agreement: float | None
    opinions: tuple[Opinion, ...]
    differences: tuple[Difference, ...] = ()


class Finished(Event, tag="finished", frozen=True):
    """The provider ended the answer itself."""

    status: Literal["completed", "refused", "degraded"]
    """refused: the provider declined; degraded: written without AI, an earlier answer, or cut off by a token limit."""
    stop_reason: str
    """The provider's own word, ``offline``, ``stale`` or ``queued``."""
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
    citations: tuple[str, ...] = ()
    """As in `Finished`, of what came."""
    unknown_citations: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    elapsed: float = 0.0


AnyEvent = (
    Started
    | Token
    | ToolCall
    | Member
    | Reconnecting
    | FailedOver
    | Recovered
    | Usage
    | Structured
    | Consensus
    | Finished
    | Failed
)
