"""OpenAI Responses (https://platform.openai.com/docs/api-reference/responses).

Typed events, numbered by ``sequence_number``; the answer ends with ``response.completed``, ``incomplete`` or
``failed``, each of which holds it whole. Answers are not stored at OpenAI, but for those that go on in the background,
which cannot be asked for again otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from athena_lab.ai.providers import openai_words
from athena_lab.ai.providers.calls import Calls
from athena_lab.ai.providers.openai_batches import OpenAIBatches
from athena_lab.ai.providers.openai_words import stream_error
from athena_lab.ai.providers.wire import (
    SCHEMA_NAME,
    UNDECODABLE,
    Complaint,
    Count,
    ErrorTable,
    Garbage,
    StreamError,
    output_limit,
)
from athena_lab.ai.send import PROGRESS, Carry
from athena_lab.ai.talk import ids
from athena_lab.ai.transports import HttpRequest
from athena_lab.errors import InvalidRequest, ProviderTimeout, RateLimited, ServiceUnavailable
from athena_lab.events import Finished, Token, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.send import Call, Item
    from athena_lab.ai.talk import Turn
    from athena_lab.ai.transports import Message

INCOMPLETE: Final[Mapping[str, Literal["refused", "degraded"]]] = {
    "max_output_tokens": "degraded",
    "max_messages": "degraded",
    "steered": "degraded",
    "content_filter": "refused",
}
"""What a reason for an incomplete answer means; one that is not listed means that it was cut off."""

CODES: Final[Mapping[str, type[InvalidRequest | ServiceUnavailable | RateLimited | ProviderTimeout]]] = {
    "server_error": ServiceUnavailable,
    "rate_limit_exceeded": RateLimited,
    "vector_store_timeout": ProviderTimeout,
    "cancelled": ServiceUnavailable,
    **dict.fromkeys(
        (
            "data_residency_mismatch",
            "invalid_image",
            "invalid_image_format",
            "invalid_base64_image",
            "invalid_image_url",
            "image_too_large",
            "image_too_small",
            "image_parse_error",
            "invalid_image_mode",
            "image_file_too_large",
            "unsupported_image_media_type",
            "empty_image_file",
            "failed_to_download_image",
            "image_file_not_found",
        ),
        InvalidRequest,
    ),
}
"""Of an answer that failed, beside those of all of OpenAI's wires; ``cancelled`` is ours, for a status without one."""
REFUSALS: Final = frozenset({"bio_policy", "misalignment_policy_violation", "image_content_policy_violation"})


class _Cached(msgspec.Struct):
    cached_tokens: Count | None = None


class _Reasoning(msgspec.Struct):
    reasoning_tokens: Count | None = None


class _Usage(msgspec.Struct):
    input_tokens: Count = 0
    output_tokens: Count = 0
    input_tokens_details: _Cached | None = None
    output_tokens_details: _Reasoning | None = None


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""
    refusal: str = ""


class _Item(msgspec.Struct):
    """An item of the output: a message, a function call, or what we pass over."""

    type: str = ""
    content: list[_Part] | None = None
    call_id: str = ""
    name: str = ""
    arguments: str = ""
    status: str | None = None
    id: Any = None
    phase: Any = None
    encrypted_content: Any = None
    summary: Any = None


class _Reason(msgspec.Struct):
    reason: str | None = None


class _Error(msgspec.Struct):
    code: str | None = None
    message: str | None = None
    type: str | None = None


class _Response(msgspec.Struct):
    id: str = ""
    status: str = ""
    output: list[_Item] = []
    usage: _Usage | None = None
    incomplete_details: _Reason | None = None
    error: _Error | None = None


class _Event(msgspec.Struct):
    type: str
    sequence_number: int | None = None
    delta: Any = None
    item: _Item | None = None
    response: _Response | None = None


class _Whole(_Response):
    """An answer in one piece, or (without ``object``) an error in its place."""

    object: str = ""


_EVENT: Final = msgspec.json.Decoder(_Event)
_WHOLE: Final = msgspec.json.Decoder(_Whole)


class OpenAIResponsesParser:
    """One answer. `response_id`, `sequence_number` and `status` are what is needed to ask for the rest of it."""

    def __init__(self) -> None:
        self.response_id: str | None = None
        """The provider's id of the answer, once it has told it."""
        self.sequence_number: int | None = None
        """Of the last event."""
        self.status: str = ""
        """The provider's word: queued, in_progress, completed, incomplete, failed, cancelled."""
        self._calls = Calls()
        self._usage: Usage | None = None
        self._refused = False
        self._items: list[dict[str, Any]] = []
        self._called = False

    def feed(self, message: Message) -> Iterator[Item]:
        if message.whole:
            yield from self._whole(message.data)
            return
        try:
            event = _EVENT.decode(message.data)
        except UNDECODABLE:
            raise Garbage from None
        if event.type == "error":
            raise stream_error(message.data)
        if event.sequence_number is not None:
            self.sequence_number = event.sequence_number
        yield from self._event(event)

    def end(self) -> Iterator[Item]:
        """Only a terminal event ends an answer."""
        if self._usage is not None:
            yield self._usage

    def _event(self, event: _Event) -> Iterator[Item]:
        match event.type:
            case "response.output_text.delta":
                yield Token(event.delta) if isinstance(event.delta, str) and event.delta else PROGRESS
            case "response.refusal.delta":
                self._refused = True
                yield Token(event.delta) if isinstance(event.delta, str) and event.delta else PROGRESS
            case "response.output_item.done" if event.item is not None:
                yield from self._call(event.item)
            case kind if event.response is not None:
                yield from self._state(event.response, kind.removeprefix("response."))
            case _:
                yield PROGRESS

    def _call(self, item: _Item) -> Iterator[Item]:
        """A function call is taken when it is whole; before that its arguments are progress."""
        self._carry(item)
        if item.type == "function_call" and item.status != "incomplete":
            self._called = True
            yield self._calls.whole(id=item.call_id, name=item.name, arguments=item.arguments)
        else:
            yield PROGRESS

    def _carry(self, item: _Item) -> None:
        """What goes back with the results: reasoning in the form that only OpenAI reads, and a message's phase."""
        match item.type:
            case "reasoning" if item.encrypted_content:
                known = {"id": item.id, "encrypted_content": item.encrypted_content}
                self._items.append({"type": "reasoning", "summary": item.summary or [], **known})
            case "message":
                text = "".join(part.text for part in item.content or ())
                phase = {"phase": item.phase} if item.phase else {}
                if text:
                    self._items.append({"role": "assistant", "content": text, **phase})
            case "function_call" if item.status != "incomplete":
                self._items.append({"type": "function_call"})

    def _state(self, response: _Response, kind: str) -> Iterator[Item]:
        """What an event that holds the answer says of it, and its end if that is what it says."""
        self.response_id = response.id or self.response_id
        self.status = response.status or kind
        if response.usage is not None:
            self._usage = _usage(response.usage)
        match self.status:
            case "completed":
                yield from self._finish("refused" if self._refused else "completed", "completed")
            case "incomplete":
                reason = (response.incomplete_details and response.incomplete_details.reason) or "incomplete"
                yield from self._finish(INCOMPLETE.get(reason, "degraded"), reason)
            case "failed" | "cancelled":
                yield from self.end()
                raise StreamError(_complaint(response.error, self.status))
            case _:
                yield PROGRESS

    def _finish(self, status: Literal["completed", "refused", "degraded"], reason: str) -> Iterator[Item]:
        if self._called:
            yield Carry(self._items)
        yield from self.end()
        yield Finished(status, reason)

    def _whole(self, data: str) -> Iterator[Item]:
        try:
            answer = _WHOLE.decode(data)
        except UNDECODABLE:
            raise Garbage from None
        if answer.object != "response":
            raise stream_error(data) if answer.error is not None else Garbage
        if answer.status in {"completed", "incomplete"}:
            yield from self._output(answer.output)
        yield from self._state(answer, answer.status)

    def _output(self, items: list[_Item]) -> Iterator[Item]:
        for item in items:
            yield from self._call(item)
            for part in item.content or () if item.type == "message" else ():
                self._refused = self._refused or part.type == "refusal"
                if text := part.text or part.refusal:
                    yield Token(text)


def _usage(told: _Usage) -> Usage:
    cached, reasoning = told.input_tokens_details, told.output_tokens_details
    return Usage(
        told.input_tokens,
        told.output_tokens,
        (cached and cached.cached_tokens) or 0,
        (reasoning and reasoning.reasoning_tokens) or 0,
    )


def _complaint(error: _Error | None, status: str) -> Complaint:
    error = error or _Error()
    return Complaint(error.code or status, error.type or "", error.message or "")


class OpenAIResponses(openai_words.OpenAIWords):
    """The wire."""

    talks = True
    version = "v1"
    errors = ErrorTable(
        codes={**openai_words.CODES, **CODES},
        kinds=openai_words.KINDS,
        next_steps=openai_words.NEXT_STEPS,
        refusals=openai_words.REFUSALS | REFUSALS,
    )

    def request(self, row: ProviderRow, base_url: str, key: Secret | None, call: Call) -> HttpRequest:
        body = msgspec.json.encode(self.body(row, call))
        return HttpRequest("POST", f"{base_url}/responses", openai_words.headers(key), body)

    @staticmethod
    def body(row: ProviderRow, call: Call) -> dict[str, Any]:
        """What is asked, the same on every transport. Over a WebSocket an answer always streams."""
        background = row.features.background and call.transport != "websocket"
        body: dict[str, Any] = {
            "model": call.model,
            "instructions": call.prompt.system,
            "input": _input(call) if call.prompt.talk else call.prompt.user,
            "max_output_tokens": output_limit(row, call),
            "store": background,
        }
        if call.transport != "websocket":
            body["stream"] = call.transport == "sse"
        if body.get("stream") and row.stream_options:
            body["stream_options"] = row.stream_options
        if background:
            body["background"] = True
        if call.prompt.tools:
            body["tools"] = [
                {
                    "type": "function",
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": tool.parameters,
                    "strict": False,
                }
                for tool in call.prompt.tools
            ]
            if call.prompt.looks and row.reasoning_field == "encrypted_content":
                body["include"] = ["reasoning.encrypted_content"]
            if call.prompt.closing:
                body["tool_choice"] = "none"
        if call.prompt.enforced is not None and row.features.structured_output:
            body["text"] = {
                "format": {"type": "json_schema", "name": SCHEMA_NAME, "schema": call.prompt.enforced, "strict": False}
            }
        return body

    def parser(self) -> OpenAIResponsesParser:
        return OpenAIResponsesParser()

    def batch_format(self, row: ProviderRow, base_url: str, key: Secret | None) -> OpenAIBatches:  # noqa: ARG002 - there is one
        return OpenAIBatches(base_url, openai_words.headers(key), "/v1/responses")


def _input(call: Call) -> list[dict[str, Any]]:
    """The question, and the talk behind it."""
    items: list[dict[str, Any]] = [{"role": "user", "content": call.prompt.user}]
    for turn in call.prompt.talk:
        items += _turn(call, turn)
    return items


def _turn(call: Call, turn: Turn) -> Iterator[dict[str, Any]]:
    named = list(zip(ids(turn, call.provider, call.model), turn.calls, strict=True))
    calls = [
        {"type": "function_call", "call_id": id_, "name": called.name, "arguments": called.arguments}
        for id_, called in named
    ]
    yield from _as_it_came(turn, calls) if turn.of(call.provider, call.model) else _plain(turn, calls)
    for id_, called in named:
        yield {"type": "function_call_output", "call_id": id_, "output": called.result}


def _as_it_came(turn: Turn, calls: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What was carried along, with the calls in their places."""
    carried = turn.carried or []
    if sum(item.get("type") == "function_call" for item in carried) != len(calls):
        yield from _plain(turn, calls)
        return
    rest = iter(calls)
    for item in carried:
        yield next(rest) if item.get("type") == "function_call" else item


def _plain(turn: Turn, calls: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    if turn.text:
        yield {"role": "assistant", "content": turn.text}
    yield from calls
