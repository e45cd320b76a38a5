"""The types in which the AI core is spoken to."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from athena_lab.errors import Problem
from athena_lab.events import Attempt, Usage
from athena_lab.report.findings import AnalysisType as AnalysisType  # noqa: PLC0414 - the doors know it from here

AnalysisStatus = Literal["completed", "refused", "degraded", "failed"]
ProviderState = Literal["available", "no_api_key", "unauthorized", "rate_limited", "timeout", "error", "circuit_open"]

MAX_QUESTION = 32_768


class AnalysisOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """How to answer. Times in seconds."""

    max_tokens: Annotated[int, Meta(ge=1, le=128_000)] = 2_048
    deadline: Annotated[float, Meta(gt=0, le=3_600)] | None = None
    """For the whole answer, all attempts together; the setting of that name where there is none."""


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


class AnalysisResult(msgspec.Struct, frozen=True, rename="camel"):
    """An answer, whole or as far as it came."""

    id: str
    status: AnalysisStatus
    provider: str | None
    model: str | None
    text: str
    citations: tuple[str, ...] = ()
    unknown_citations: tuple[str, ...] = ()
    usage: Usage = Usage()
    attempts: tuple[Attempt, ...] = ()
    stop_reason: str | None = None
    elapsed: float = 0.0
    """Seconds."""
    error: Problem | None = None


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
