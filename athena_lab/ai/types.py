"""The types in which the AI core is spoken to."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from athena_lab.errors import Problem
from athena_lab.events import Assessment, Attempt, Consensus, Recovered, Structured, ToolCall, Usage
from athena_lab.report.findings import AnalysisType as AnalysisType  # noqa: PLC0414 - the doors know it from here

AnalysisStatus = Literal["completed", "refused", "degraded", "failed"]
ProviderState = Literal["available", "no_api_key", "unauthorized", "rate_limited", "timeout", "error", "circuit_open"]

TransportKind = Literal["websocket", "sse", "polling"]
TRANSPORTS: tuple[TransportKind, ...] = ("websocket", "sse", "polling")
"""From the best to the one that always works."""

MAX_QUESTION = 32_768


class AnalysisOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How to answer. Times in seconds."""

    max_tokens: Annotated[int, Meta(ge=1, le=128_000)] = 2_048
    deadline: Annotated[float, Meta(gt=0, le=3_600)] | None = None
    """For the whole answer, all attempts together; the setting of that name where there is none."""
    structured: bool = False
    """Ask for an `Assessment` beside the text: verdict, family, confidence, techniques, indicators, summary."""
    transport: TransportKind | None = None
    """How the provider is to be asked; None for the best way that it has."""
    consensus: Annotated[int, Meta(ge=1, le=7)] = 1
    """How many providers to ask at once; more than one asks for structured answers, and merges them."""
    batch: bool = False
    """No hurry: the question may wait for others, and goes to the provider's batch service where it has one."""


class AnalysisRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """A question about a sample, or a question alone.

    ``sample`` is a SHA-256 in hexadecimal; its report is made first where there is none. ``provider`` and ``model``
    override the choice by priority; ``provider="offline"`` asks for the summary written without AI.
    """

    question: Annotated[str, Meta(min_length=1, max_length=MAX_QUESTION)]
    sample: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None
    analysis_type: AnalysisType = "full"
    provider: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    model: Annotated[str, Meta(min_length=1, max_length=256)] | None = None
    options: AnalysisOptions = AnalysisOptions()


class SetAside(msgspec.Struct, frozen=True, rename="camel"):
    """Text that a provider wrote and that is no part of the answer: it refused, or broke off and could not go on."""

    provider: str
    model: str
    reason: str
    """As `FailedOver.error`."""
    text: str


class AnalysisResult(msgspec.Struct, frozen=True, rename="camel"):
    """An answer, whole or as far as it came."""

    id: str
    status: AnalysisStatus
    provider: str | None
    model: str | None
    text: str
    notice: str = ""
    """What to know before a text that stands in for an answer: an earlier one, or the summary written without AI."""
    citations: tuple[str, ...] = ()
    unknown_citations: tuple[str, ...] = ()
    verdict: Assessment | None = None
    """Of a structured answer."""
    structured: Structured | None = None
    """What became of a structured answer; None where none was asked for."""
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    attempts: tuple[Attempt, ...] = ()
    stop_reason: str | None = None
    elapsed: float = 0.0
    """Seconds."""
    error: Problem | None = None
    """Why there is no answer, or none of a provider: then `recovered` says what the text is."""
    set_aside: tuple[SetAside, ...] = ()
    recovered: Recovered | None = None
    consensus: Consensus | None = None


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A model of a provider. Sizes in tokens, prices in US dollars per million tokens; None for what is not known."""

    id: Annotated[str, Meta(min_length=1, max_length=256)]
    context: Annotated[int, Meta(ge=1)] | None = None
    """Input and output together."""
    output: Annotated[int, Meta(ge=1)] | None = None
    input_price: Annotated[float, Meta(ge=0)] | None = None
    cached_price: Annotated[float, Meta(ge=0)] | None = None
    """For input read from the provider's cache; ``input_price`` where there is none."""
    output_price: Annotated[float, Meta(ge=0)] | None = None


class Features(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a provider can do, and what of it is to be used."""

    streaming: bool = True
    """False asks for the answer in one piece."""
    batching: bool = False
    function_calling: bool = False
    websocket: bool = False
    """Preferred to a stream over HTTP, where one gets through."""
    background: bool = False
    """An answer goes on at the provider without a connection, and can be asked for again. It is then stored there:
    question, findings and answer outlive the request, which an account without data retention does not allow."""
    structured_output: bool = False
    """The answer can be bound to a JSON Schema."""


class ShownFeatures(msgspec.Struct, frozen=True, rename="camel"):
    """`Features` over HTTP, where names are camelCase, unlike in athena.toml. msgspec renames no inherited field."""

    streaming: bool
    batching: bool
    function_calling: bool
    websocket: bool
    background: bool
    structured_output: bool

    @classmethod
    def of(cls, features: Features) -> ShownFeatures:
        return cls(**msgspec.structs.asdict(features))


class RateWindow(msgspec.Struct, frozen=True, rename="camel"):
    """What is left of a limit. ``reset`` in seconds from when it was told; None for what was not told."""

    limit: int | None = None
    remaining: int | None = None
    reset: float | None = None


class RateLimits(msgspec.Struct, frozen=True, rename="camel"):
    """What a provider last said of its limits. ``told_at`` in Unix seconds; None if it said nothing yet."""

    requests: RateWindow | None = None
    tokens: RateWindow | None = None
    told_at: float | None = None


class Spent(msgspec.Struct, frozen=True, rename="camel"):
    """What some requests used, all their attempts together."""

    requests: int = 0
    input_tokens: int = 0
    cached_tokens: int = 0
    """Of the input: read from the provider's cache."""
    output_tokens: int = 0
    cost: float | None = None
    """US dollars, of all that has a known price; None where nothing has."""
    unpriced: int = 0
    """Attempts whose price is not known; their cost is not in ``cost``."""
    estimated: int = 0
    """Attempts whose tokens are estimated, since the provider told no count."""

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Spent) -> Spent:
        costs = [part.cost for part in (self, other) if part.cost is not None]
        return Spent(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.cached_tokens + other.cached_tokens,
            self.output_tokens + other.output_tokens,
            sum(costs) if costs else None,
            self.unpriced + other.unpriced,
            self.estimated + other.estimated,
        )


class ProviderUsage(msgspec.Struct, frozen=True, rename="camel"):
    """What was spent with one provider: today (UTC), and in all that is kept."""

    today: Spent = Spent()
    total: Spent = Spent()


class UsageRow(msgspec.Struct, frozen=True, rename="camel"):
    """What one model of one provider used on one day."""

    day: str
    """``2026-11-23``, UTC."""
    provider: str
    model: str
    spent: Spent


class Budget(msgspec.Struct, frozen=True, rename="camel"):
    """A limit for today (UTC). ``provider`` None: for all together."""

    provider: str | None
    unit: Literal["dollars", "tokens"]
    limit: float
    spent: float
    left: float
    """Never below 0."""


class UsageReport(msgspec.Struct, frozen=True, rename="camel"):
    """What was spent, newest day first."""

    days: tuple[UsageRow, ...]
    today: Spent
    budgets: tuple[Budget, ...] = ()
    resets_in: float = 0.0
    """Seconds to midnight UTC, when the budgets begin anew."""
    problem: Problem | None = None
    """Why it is counted in memory alone, and will be forgotten with the process; None where all is well."""


class BreakerStatus(msgspec.Struct, frozen=True, rename="camel"):
    """A provider's circuit breaker."""

    state: Literal["closed", "open", "half_open"] = "closed"
    retry_after: float = 0.0
    """Seconds until a request may be let through."""
    failures: int = 0
    """In a row."""
    forced: bool = False
    """Opened by hand, so that only a hand closes it."""


class ProviderStatus(msgspec.Struct, frozen=True, rename="camel"):
    """What a provider said when it was last asked. ``latency`` in seconds, ``checked_at`` in Unix seconds."""

    name: str
    state: ProviderState
    priority: int
    wire: str
    model: str
    detail: str
    """One sentence: what is so, and what to do about it."""
    models: tuple[str, ...] = ()
    latency: float | None = None
    checked_at: float | None = None
    version: str = ""
    """Of the provider's API that is spoken."""
    features: ShownFeatures = ShownFeatures.of(Features())
    rate_limits: RateLimits = RateLimits()
    usage: Spent = Spent()
    """Of today (UTC)."""
    breaker: BreakerStatus = BreakerStatus()
    running: int = 0
    """Answers that are being had from it."""
    waiting: int = 0
    """Requests that wait for one of its places."""
