"""Recovery: what is done about each kind of error, as a table; and what stands in for an answer that nobody gave.

The table's steps are taken in their order. ``retry`` and ``failover`` are carried out by the policies of those names,
``failover`` before ``retry`` meaning that the same provider is only asked again when nobody else is left. What comes
after them is done here, as long as nothing of an answer has been shown: an earlier answer to the same question, the
question kept for later, the summary written without AI. Where none of it can be had, the error stands.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Annotated, Final, Literal, Protocol

import msgspec
from msgspec import Meta

from athena_lab.ai import offline
from athena_lab.errors import AnalysisCancelled, AthenaError, error_codes
from athena_lab.events import FailedOver, Finished, Recovered, Structured, Token

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.prompt import Material
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools
    from athena_lab.ai.types import AnalysisRequest
    from athena_lab.errors import Problem

Step = Literal["retry", "failover", "stale", "queue", "offline", "fail"]
Steps = Annotated[tuple[Step, ...], Meta(min_length=1, max_length=6)]

ANY_OTHER: Final = "other"
DEFAULT_RULES: Final[Mapping[str, Steps]] = {
    "provider_timeout": ("retry", "failover", "stale", "offline"),
    "service_unavailable": ("failover", "retry", "offline"),
    "rate_limited": ("failover", "retry", "queue", "offline"),
    "rate_would_be_exceeded": ("failover", "queue", "offline"),
    "network": ("failover", "retry", "stale", "offline"),
    "provider_unreachable": ("failover", "retry", "stale", "offline"),
    "invalid_response": ("failover", "retry", "offline"),
    "unauthorized": ("failover", "offline"),
    "forbidden": ("failover", "offline"),
    "quota_exceeded": ("failover", "offline"),
    "circuit_open": ("failover", "stale", "offline"),
    "budget_exceeded": ("failover", "offline"),
    "bulkhead_full": ("failover", "fail"),
    ANY_OTHER: ("offline",),
}
"""By the error's code. What waiting does not mend is not retried, whatever stands here: a provider that was silent for
the whole of ``first_token`` would begin to read from the start. A rule of the settings' own counts for more than that.
"""


class RecoveryOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.recovery]``: ``rules.<code of an error> = [steps]`` takes the place of that code's default."""

    rules: dict[str, Steps] = {}

    def __post_init__(self) -> None:
        known = error_codes()
        if unknown := [code for code in self.rules if code != ANY_OTHER and code not in known]:
            raise ValueError(f"There is no error {unknown[0]}")

    def steps(self, error: AthenaError) -> Steps:
        """What is done about it, in order."""
        rules = self.rules
        for known in (rules, DEFAULT_RULES):
            if error.code in known:
                return known[error.code]
        return rules.get(ANY_OTHER, DEFAULT_RULES[ANY_OTHER])

    def retries(self, error: AthenaError, *, last: bool) -> bool:
        """Whether the same provider is asked again. ``last``: nobody else is left to ask."""
        steps = self.steps(error)
        if "retry" not in steps:
            # The provider's own word that the same request may succeed counts where no rule of ours is more special.
            return getattr(error, "should_retry", None) is True and "failover" not in steps
        return last or "failover" not in steps or steps.index("retry") < steps.index("failover")

    def moves_on(self, error: AthenaError) -> bool:
        """Whether another provider is asked."""
        return "failover" in self.steps(error)


class PastAnswer(msgspec.Struct, frozen=True):
    """A whole answer that a provider gave. ``at`` in Unix seconds."""

    provider: str
    model: str
    text: str
    structured: Structured | None = None
    at: float = 0.0


class Past(Protocol):
    """Earlier answers. Neither method raises: without a disk there is no earlier answer."""

    async def find(self, key: str) -> PastAnswer | None: ...

    async def keep(self, key: str, answer: PastAnswer) -> None: ...


class Later(Protocol):
    """Questions that are asked again when a provider is back."""

    async def keep(self, request: AnalysisRequest, error: Problem) -> str | None:
        """Write it down, durably. Its job's id; None where it cannot be kept."""


def key(call: Call) -> str:
    """All that an answer depends on, whoever gives it, as a digest."""
    prompt = call.prompt
    parts = (prompt.system, prompt.user, repr(prompt.schema), repr(prompt.tools))
    text = "\0".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def policy(options: PipelineOptions, tools: Tools) -> Policy:
    rules = options.recovery

    def wrap(send: Send) -> Send:
        async def recovered(call: Call) -> AsyncGenerator[Item, None]:
            answer = _Shown(call)
            error: AthenaError | None = None
            try:
                items = send(call)
                try:
                    async for item in items:
                        answer.see(item)
                        yield item
                finally:
                    await items.aclose()
            except AthenaError as failed:
                kept = answer.began or isinstance(failed, AnalysisCancelled)
                if kept or call.request is None or not call.recover:
                    raise
                error = failed
            if error is None:
                await answer.keep(tools.past)
                return
            call.state.move("error")
            async with aclosing(_instead(rules.steps(error), error, call, tools)) as items:
                async for item in items:
                    yield item

        return recovered

    return wrap


class _Shown:
    """What of an answer the reader has been shown."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._provider, self._model = call.provider, call.model
        self._text: list[str] = []
        self._structured: Structured | None = None
        self._complete = False

    @property
    def began(self) -> bool:
        return bool(self._text) or self._structured is not None

    def see(self, item: Item) -> None:
        match item:
            case Token():
                self._text.append(item.text)
            case FailedOver():
                self._provider, self._model = item.provider, item.model
                if not item.resumed:
                    self._text.clear()
            case Structured():
                self._structured = item
            case Finished():
                self._complete = item.status == "completed"

    async def keep(self, past: Past | None) -> None:
        if past is not None and self._complete and self._text and self._call.request is not None:
            answer = PastAnswer(self._provider, self._model, "".join(self._text), self._structured, time.time())
            await past.keep(key(self._call), answer)


async def _instead(steps: Steps, error: AthenaError, call: Call, tools: Tools) -> AsyncGenerator[Item, None]:
    """The first of the steps that can be taken. Raises the error where none can."""
    for step in steps:
        if step == "fail":
            break
        if step == "stale" and (past := await _past(call, tools)) is not None:
            for item in _stale(past, error):
                yield item
            return
        if step == "queue" and (job := await _kept(error, call, tools)) is not None:
            yield Recovered("queued", error.problem(), job=job)
            async for item in offline.stream(call.prompt.material):
                yield Finished("degraded", "queued") if isinstance(item, Finished) else item
            return
        if step == "offline":
            async for item in summary(call.prompt.material, error):
                yield item
            return
    raise error


async def summary(material: Material, error: AthenaError) -> AsyncGenerator[Item, None]:
    """The summary written without AI, in the place of the answer that the error stands in the way of."""
    yield Recovered("offline", error.problem())
    async for item in offline.stream(material):
        yield item


async def _past(call: Call, tools: Tools) -> PastAnswer | None:
    """An earlier answer; where the question names a provider or a model, one of theirs."""
    past = await tools.past.find(key(call)) if tools.past is not None else None
    if past is None or call.request is None:
        return None
    named = call.request.provider in {None, past.provider} and call.request.model in {None, past.model}
    return past if named else None


async def _kept(error: AthenaError, call: Call, tools: Tools) -> str | None:
    if tools.later is None or call.request is None:
        return None
    return await tools.later.keep(call.request, error.problem())


def _stale(past: PastAnswer, error: AthenaError) -> tuple[Item, ...]:
    told = Recovered("stale", error.problem(), past.provider, past.model, age=max(0.0, time.time() - past.at))
    structured = () if past.structured is None else (past.structured,)
    return (told, Token(past.text), *structured, Finished("degraded", "stale"))
