"""Anthropic Messages, API version 2026-10-21 (https://platform.claude.com/docs/en/api/messages).

That version takes the key as a bearer token and knows no sampling parameters. Input tokens are the sum of those read,
those written to and those read from its cache; counts in ``message_delta`` are cumulative.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec
from msgspec.structs import replace

from athena_lab.ai.providers.anthropic_batches import AnthropicBatches
from athena_lab.ai.providers.calls import Calls
from athena_lab.ai.providers.schemas import reduced
from athena_lab.ai.providers.wire import (
    CONTEXT_STEP,
    UNDECODABLE,
    Complaint,
    Count,
    ErrorTable,
    Garbage,
    StreamError,
    as_text,
    bearer,
    decode_loosely,
    models_of,
    output_limit,
)
from athena_lab.ai.send import PROGRESS, Carry
from athena_lab.ai.talk import MAX_CARRIED, ids, raw
from athena_lab.ai.transports import HttpRequest
from athena_lab.errors import (
    Forbidden,
    InvalidRequest,
    ProviderTimeout,
    QuotaExceeded,
    RateLimited,
    ServiceUnavailable,
    Unauthorized,
)
from athena_lab.events import Finished, Token, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.send import Call, Item
    from athena_lab.ai.talk import Turn
    from athena_lab.ai.transports import Message
    from athena_lab.ai.types import Model

VERSION: Final = "2026-10-21"
_CATEGORY: Final = re.compile(r"[a-z_]{1,64}")

STATUS_OF: Final[Mapping[str, Literal["completed", "refused", "degraded"]]] = {
    "end_turn": "completed",
    "stop_sequence": "completed",
    "tool_use": "completed",
    "refusal": "refused",
    "max_tokens": "degraded",
    "pause_turn": "degraded",
    "model_context_window_exceeded": "degraded",
}
"""What a stop_reason means for the answer; one that is not listed ends it as completed."""


class _Details(msgspec.Struct):
    thinking_tokens: Count | None = None


class _Usage(msgspec.Struct):
    input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    output_tokens: Count | None = None
    output_tokens_details: _Details | None = None


class _StopDetails(msgspec.Struct):
    """Of a refusal. The categories are an open set: ``cyber`` is the one that work on malware meets."""

    category: str | None = None
    explanation: str | None = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str = ""
    stop_reason: str | None = None
    stop_details: _StopDetails | None = None


class _Block(msgspec.Struct):
    """``input`` is complete only in an answer in one piece."""

    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")
    thinking: str = ""
    signature: str = ""
    data: Any = None
    """Of reasoning that is not shown."""


class _Start(msgspec.Struct):
    usage: _Usage = msgspec.field(default_factory=_Usage)


class _Event(msgspec.Struct):
    """The members of all events of a stream that say something to us."""

    type: str
    index: int = 0
    content_block: _Block | None = None
    delta: _Delta | None = None
    message: _Start | None = None
    usage: _Usage | None = None


class _Answer(msgspec.Struct):
    """An answer in one piece."""

    type: str
    content: list[_Block] = []
    stop_reason: str | None = None
    stop_details: _StopDetails | None = None
    usage: _Usage | None = None


_EVENT: Final = msgspec.json.Decoder(_Event)
_ANSWER: Final = msgspec.json.Decoder(_Answer)


class Blocks:
    """The blocks of one answer, as they go back with the results of its calls: reasoning has to, with its signature."""

    def __init__(self) -> None:
        self._at: dict[int, _Block] = {}
        self._size = 0

    def begin(self, index: int, block: _Block) -> None:
        self._at[index] = replace(block)
        self._size += len(block.text) + len(block.thinking) + len(as_text(block.data)) + 100

    def add(self, index: int, delta: _Delta) -> None:
        block = self._at.get(index)
        self._size += len(delta.text) + len(delta.thinking) + len(delta.signature)
        if block is not None and self._size <= MAX_CARRIED:
            block.text += delta.text
            block.thinking += delta.thinking
            block.signature += delta.signature

    def carried(self) -> Carry | None:
        """None without reasoning: all else is known from the answer itself."""
        blocks = [self._at[index] for index in sorted(self._at)]
        reasons = any(block.type in _REASONING for block in blocks)
        if not reasons or self._size > MAX_CARRIED:
            return None
        return Carry([kept for block in blocks if (kept := _kept(block))])


_REASONING: Final = frozenset({"thinking", "redacted_thinking"})


def _kept(block: _Block) -> dict[str, str] | None:
    match block.type:
        case "thinking" if block.signature:
            return {"type": "thinking", "thinking": block.thinking, "signature": block.signature}
        case "redacted_thinking" if as_text(block.data):
            return {"type": "redacted_thinking", "data": as_text(block.data)}
        case "text" if block.text.strip():
            return {"type": "text", "text": block.text}
        case "tool_use":
            return {"type": "tool_use"}
    return None


class AnthropicParser:
    """One answer."""

    def __init__(self) -> None:
        self._calls = Calls()
        self._blocks = Blocks()
        self._usage = Usage()
        self._stop_reason: str | None = None
        self._details = _StopDetails()
        self._spoke = False

    def feed(self, message: Message) -> Iterator[Item]:
        if message.whole:
            yield from self._whole(message.data)
            return
        try:
            event = _EVENT.decode(message.data)
        except UNDECODABLE:
            raise Garbage from None
        match event.type:
            case "content_block_delta" if event.delta is not None:
                self._blocks.add(event.index, event.delta)
                yield self._delta(event.index, event.delta)
            case "content_block_start" if event.content_block is not None:
                yield from self._start(event.index, event.content_block)
            case "message_start" if event.message is not None:
                self._count(event.message.usage)
            case "message_delta":
                self._count(event.usage)
                if event.delta is not None:
                    self._stop(event.delta.stop_reason, event.delta.stop_details)
            case "message_stop":
                yield from self._finish()
            case "error":
                raise StreamError(AnthropicMessages.complaint(message.data.encode()))

    def _start(self, index: int, block: _Block) -> Iterator[Item]:
        self._blocks.begin(index, block)
        if block.type == "tool_use":
            self._calls.add(index, id=block.id, name=block.name)
            yield PROGRESS

    def end(self) -> Iterator[Item]:
        """Only message_stop ends an answer; what was billed until it broke off is told."""
        if self._usage != Usage():
            yield self._usage

    def _delta(self, index: int, delta: _Delta) -> Item:
        if delta.text:
            self._spoke = True
            return Token(delta.text)
        if delta.type == "input_json_delta":
            self._calls.add(index, arguments=delta.partial_json)
        return PROGRESS

    def _whole(self, data: str) -> Iterator[Item]:
        try:
            answer = _ANSWER.decode(data)
        except UNDECODABLE:
            raise Garbage from None
        if answer.type == "error":
            raise StreamError(AnthropicMessages.complaint(data.encode()))
        self._count(answer.usage)
        self._stop(answer.stop_reason, answer.stop_details)
        for number, block in enumerate(answer.content):
            self._blocks.begin(number, block)
            if block.type == "tool_use":
                self._calls.add(number, id=block.id, name=block.name, arguments=bytes(block.input).decode())
            elif block.text:
                self._spoke = True
                yield Token(block.text)
        yield from self._finish()

    def _stop(self, reason: str | None, details: _StopDetails | None) -> None:
        self._stop_reason = reason or self._stop_reason
        self._details = details or self._details

    def _finish(self) -> Iterator[Item]:
        """The explanation of a refusal stands in for an answer that says nothing."""
        reason = self._stop_reason
        if reason is None:
            raise Garbage
        status = STATUS_OF.get(reason, "completed")
        if status == "refused" and self._details.explanation and not self._spoke:
            yield Token(self._details.explanation)
        calls = list(self._calls.end(cut_off=status != "completed"))
        yield from calls
        if calls and (carried := self._blocks.carried()) is not None:
            yield carried
        yield self._usage
        category = self._details.category or ""
        yield Finished(status, f"{reason}: {category}" if _CATEGORY.fullmatch(category) else reason)

    def _count(self, told: _Usage | None) -> None:
        """Later counts replace earlier ones; a count that is left out stays."""
        if told is None:
            return
        counts = {"output_tokens": told.output_tokens}
        if told.input_tokens is not None:
            cached = told.cache_read_input_tokens or 0
            written = told.cache_creation_input_tokens or 0
            counts |= {"input_tokens": told.input_tokens + cached + written, "cached_tokens": cached}
        if told.output_tokens_details is not None:
            counts["reasoning_tokens"] = told.output_tokens_details.thinking_tokens
        self._usage = replace(self._usage, **{name: count for name, count in counts.items() if count is not None})


class AnthropicMessages:
    """The wire."""

    talks = True
    version = VERSION
    errors = ErrorTable(
        codes={
            "enforced_spend_limit_reached": QuotaExceeded,
            "contract_spend_limit_reached": QuotaExceeded,
            "linked_organization_spend_limit_reached": QuotaExceeded,
            "linked_organization_billing_unavailable": QuotaExceeded,
            "organization_on_hold": Forbidden,
            "ramp_limit_exceeded": RateLimited,
            "billing_error": QuotaExceeded,
        },
        kinds={
            "invalid_request_error": InvalidRequest,
            "authentication_error": Unauthorized,
            "permission_error": Forbidden,
            "not_found_error": InvalidRequest,
            "request_too_large": InvalidRequest,
            "rate_limit_error": RateLimited,
            "timeout_error": ProviderTimeout,
            "api_error": ServiceUnavailable,
            "overloaded_error": ServiceUnavailable,
            "conflict_error": ServiceUnavailable,
            "memory_precondition_failed_error": InvalidRequest,
            "memory_path_conflict_error": InvalidRequest,
        },
        next_steps={"request_too_large": CONTEXT_STEP},
        refusals=frozenset({"Output blocked by content filtering policy"}),
    )

    def request(self, row: ProviderRow, base_url: str, key: Secret | None, call: Call) -> HttpRequest:
        body: dict[str, Any] = {
            "model": call.model,
            "max_tokens": output_limit(row, call),
            "system": call.prompt.system,
            "messages": [
                {"role": "user", "content": call.prompt.user},
                *(message for turn in call.prompt.talk for message in _messages(call, turn)),
            ],
            "stream": call.transport != "polling",
        }
        if call.prompt.tools:
            body["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": tool.parameters}
                for tool in call.prompt.tools
            ]
            if call.prompt.closing:
                body["tool_choice"] = {"type": "none"}
        if call.prompt.enforced is not None and row.features.structured_output:
            body["output_config"] = {"format": {"type": "json_schema", "schema": reduced(call.prompt.enforced)}}
        return HttpRequest("POST", f"{base_url}/messages", self._headers(key), msgspec.json.encode(body))

    def models_request(self, row: ProviderRow, base_url: str, key: Secret | None) -> HttpRequest:
        return HttpRequest("GET", base_url + row.health, self._headers(key))

    def models(self, message: Message) -> tuple[Model, ...]:
        return models_of(message)

    def parser(self) -> AnthropicParser:
        return AnthropicParser()

    def batch_format(self, row: ProviderRow, base_url: str, key: Secret | None) -> AnthropicBatches:  # noqa: ARG002 - there is one
        return AnthropicBatches(base_url, self._headers(key), self.complaint)

    @staticmethod
    def complaint(body: bytes) -> Complaint:
        said = decode_loosely(body)
        error = said.get("error") if isinstance(said, dict) else None
        if not isinstance(error, dict):
            return Complaint()
        details = error.get("details")
        code = as_text(details.get("error_code")) if isinstance(details, dict) else ""
        return Complaint(code, as_text(error.get("type")), as_text(error.get("message")))

    @staticmethod
    def _headers(key: Secret | None) -> dict[str, str]:
        return {"anthropic-version": VERSION, "content-type": "application/json", **bearer(key)}


_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def _messages(call: Call, turn: Turn) -> Iterator[dict[str, Any]]:
    """A turn, and the results of what it called: all of them in one message, as it wants them."""
    named = [
        (id_ if _ID.fullmatch(id_) else called.neutral_id, called)
        for id_, called in zip(ids(turn, call.provider, call.model), turn.calls, strict=True)
    ]
    calls = [{"type": "tool_use", "id": id_, "name": called.name, "input": raw(called)} for id_, called in named]
    own = turn.carried if turn.of(call.provider, call.model) else None
    yield {"role": "assistant", "content": _as_it_came(own, calls) or _plain(turn, calls)}
    results = [
        {"type": "tool_result", "tool_use_id": id_, "content": called.result, "is_error": called.failed}
        for id_, called in named
    ]
    yield {"role": "user", "content": results}


def _as_it_came(carried: list[dict[str, Any]] | None, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was carried along, with the calls in their places; nothing where they do not fit."""
    if carried is None or sum(block["type"] == "tool_use" for block in carried) != len(calls):
        return []
    rest = iter(calls)
    return [next(rest) if block["type"] == "tool_use" else block for block in carried]


def _plain(turn: Turn, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    text = [{"type": "text", "text": turn.text}] if turn.text.strip() else []
    return [*text, *calls]
