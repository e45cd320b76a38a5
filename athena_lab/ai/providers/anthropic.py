"""Anthropic Messages, API version 2026-10-21 (https://platform.claude.com/docs/en/api/messages).

That version takes the key as a bearer token and knows no sampling parameters. Input tokens are the sum of those read,
those written to and those read from its cache; counts in ``message_delta`` are cumulative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec

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
)
from athena_lab.ai.send import PROGRESS
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
    from athena_lab.ai.transports import Message
    from athena_lab.ai.types import Model

VERSION: Final = "2026-10-21"

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


class _Usage(msgspec.Struct):
    input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    output_tokens: Count | None = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str = ""
    stop_reason: str | None = None


class _Block(msgspec.Struct):
    type: str
    text: str = ""


class _Start(msgspec.Struct):
    usage: _Usage = msgspec.field(default_factory=_Usage)


class _Event(msgspec.Struct):
    """The members of all events of a stream that say something to us."""

    type: str
    delta: _Delta | None = None
    message: _Start | None = None
    usage: _Usage | None = None


class _Answer(msgspec.Struct):
    """An answer in one piece."""

    type: str
    content: list[_Block] = []
    stop_reason: str | None = None
    usage: _Usage | None = None


_EVENT: Final = msgspec.json.Decoder(_Event)
_ANSWER: Final = msgspec.json.Decoder(_Answer)


class AnthropicParser:
    """One answer."""

    def __init__(self) -> None:
        self._input = 0
        self._output = 0
        self._stop_reason: str | None = None

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
                yield Token(event.delta.text) if event.delta.text else PROGRESS
            case "message_start" if event.message is not None:
                self._count(event.message.usage)
            case "message_delta":
                self._count(event.usage)
                if event.delta is not None:
                    self._stop_reason = event.delta.stop_reason or self._stop_reason
            case "message_stop":
                yield from self._finish()
            case "error":
                raise StreamError(AnthropicMessages.complaint(message.data.encode()))

    def end(self) -> Iterator[Item]:
        """Only message_stop ends an answer; what was billed until it broke off is told."""
        if self._input or self._output:
            yield self._usage()

    def _whole(self, data: str) -> Iterator[Item]:
        try:
            answer = _ANSWER.decode(data)
        except UNDECODABLE:
            raise Garbage from None
        if answer.type == "error":
            raise StreamError(AnthropicMessages.complaint(data.encode()))
        self._count(answer.usage)
        self._stop_reason = answer.stop_reason
        for block in answer.content:
            if block.text:
                yield Token(block.text)
        yield from self._finish()

    def _finish(self) -> Iterator[Item]:
        if self._stop_reason is None:
            raise Garbage
        yield self._usage()
        yield Finished(STATUS_OF.get(self._stop_reason, "completed"), self._stop_reason)

    def _usage(self) -> Usage:
        return Usage(self._input, self._output)

    def _count(self, usage: _Usage | None) -> None:
        """Later counts replace earlier ones; a count that is left out stays."""
        if usage is None:
            return
        if usage.input_tokens is not None:
            cached = (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
            self._input = usage.input_tokens + cached
        if usage.output_tokens is not None:
            self._output = usage.output_tokens


class AnthropicMessages:
    """The wire."""

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
        },
        next_steps={"request_too_large": CONTEXT_STEP},
    )

    def request(self, _row: ProviderRow, base_url: str, key: Secret | None, call: Call) -> HttpRequest:
        body = {
            "model": call.model,
            "max_tokens": call.max_tokens,
            "system": call.prompt.system,
            "messages": [{"role": "user", "content": call.prompt.user}],
            "stream": call.transport != "polling",
        }
        return HttpRequest("POST", f"{base_url}/messages", self._headers(key), msgspec.json.encode(body))

    def models_request(self, row: ProviderRow, base_url: str, key: Secret | None) -> HttpRequest:
        return HttpRequest("GET", base_url + row.health, self._headers(key))

    def models(self, message: Message) -> tuple[Model, ...]:
        return models_of(message)

    def parser(self) -> AnthropicParser:
        return AnthropicParser()

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
