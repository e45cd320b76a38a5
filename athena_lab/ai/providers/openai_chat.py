"""OpenAI Chat Completions (https://platform.openai.com/docs/api-reference/chat), and the many that speak it.

Where they differ, a row says so; where they differ in what they leave out or add, the parser takes all: finish_reason
and usage may be missing (local servers), usage and an error may come as ``x_groq`` (Groq), the content may be a list of
parts (Mistral), and reasoning comes under two names (DeepSeek, vLLM; Groq).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from athena_lab.ai.providers import openai_words
from athena_lab.ai.providers.calls import Calls
from athena_lab.ai.providers.openai_batches import MistralJobs, OpenAIBatches
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
from athena_lab.ai.talk import MAX_CARRIED, ids
from athena_lab.ai.transports import HttpRequest
from athena_lab.events import Finished, Token, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.send import Call, Item
    from athena_lab.ai.talk import Turn
    from athena_lab.ai.transports import Message

DONE: Final = "[DONE]"
REASONING: Final = "reasoning_content"

STATUS_OF: Final[Mapping[str, Literal["completed", "refused", "degraded"]]] = {
    "stop": "completed",
    "tool_calls": "completed",
    "function_call": "completed",
    "content_filter": "refused",
    "length": "degraded",
    "model_length": "degraded",
}
"""What a finish_reason means for the answer; the set is open, and one that is not listed ends it as completed."""

FAILURES: Final = frozenset({"error", "insufficient_system_resource"})
"""Finish reasons that end no answer: Mistral's and DeepSeek's words for a failure on their side."""


class _Cached(msgspec.Struct):
    cached_tokens: Count | None = None


class _Reasoning(msgspec.Struct):
    reasoning_tokens: Count | None = None


class _Usage(msgspec.Struct):
    """``prompt_cache_hit_tokens`` is DeepSeek's."""

    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    prompt_tokens_details: _Cached | None = None
    completion_tokens_details: _Reasoning | None = None
    prompt_cache_hit_tokens: Count | None = None


class _Function(msgspec.Struct):
    """Arguments are text; Mistral's may be an object."""

    name: str | None = None
    arguments: Any = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Part(msgspec.Struct):
    type: str = ""
    text: str = ""


class _Delta(msgspec.Struct):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Groq(msgspec.Struct):
    usage: _Usage | None = None
    error: str | None = None


class _Chunk(msgspec.Struct):
    """A chunk of a stream, or (with ``message`` for ``delta``) an answer in one piece."""

    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    x_groq: _Groq | None = None
    error: Any = None
    object: str | None = None


_CHUNK: Final = msgspec.json.Decoder(_Chunk)


class Reasoning:
    """Of one answer, under the name that it came under. DeepSeek wants it back with what it called; others take it."""

    def __init__(self) -> None:
        self.parts: dict[str, list[str]] = {}
        self._size = 0

    def add(self, **pieces: str | None) -> None:
        for name, piece in pieces.items():
            if piece and self._size <= MAX_CARRIED:
                self._size += len(piece)
                self.parts.setdefault(name, []).append(piece)

    def whole(self) -> dict[str, str]:
        return {name: "".join(pieces) for name, pieces in self.parts.items()}


class OpenAIChatParser:
    """One answer. It is at its end with ``[DONE]``, or with a finish_reason and the end of the connection."""

    def __init__(self) -> None:
        self._calls = Calls()
        self._reasoning = Reasoning()
        self._usage: Usage | None = None
        self._finish_reason: str | None = None
        self._refused = False
        self._spoke = False

    def feed(self, message: Message) -> Iterator[Item]:
        if message.data == DONE:
            yield from self._finish()
            return
        if not message.data:
            return
        try:
            chunk = _CHUNK.decode(message.data)
        except UNDECODABLE:
            raise Garbage from None
        if chunk.error is not None or chunk.object == "error":
            raise openai_words.stream_error(message.data)
        yield from self._read(chunk)
        if message.whole:
            yield from self._finish()

    def end(self) -> Iterator[Item]:
        if self._finish_reason is not None:
            yield from self._finish()
        elif self._usage is not None:
            yield self._usage

    def _read(self, chunk: _Chunk) -> Iterator[Item]:
        groq = chunk.x_groq
        if groq is not None and groq.error:
            raise StreamError(Complaint(message=groq.error))
        self._count(chunk.usage or (groq.usage if groq is not None else None))
        for choice in chunk.choices or ():
            if choice.index == 0:
                yield from self._say(choice.delta or choice.message or _Delta())
                self._reason(choice.finish_reason)

    def _say(self, delta: _Delta) -> Iterator[Item]:
        text = delta.content or ""
        if not isinstance(text, str):
            text = "".join(part.text for part in text if part.type == "text")
        if delta.refusal:
            self._refused = True
            text += delta.refusal
        for call in delta.tool_calls or ():
            self._call(call)
        self._reasoning.add(reasoning_content=delta.reasoning_content, reasoning=delta.reasoning)
        if text:
            self._spoke = True
            yield Token(text)
        elif delta.reasoning_content or delta.reasoning or delta.tool_calls or delta.content:
            yield PROGRESS

    def _call(self, call: _ToolCall) -> None:
        function = call.function or _Function()
        arguments = function.arguments
        if arguments is not None and not isinstance(arguments, str):
            arguments = msgspec.json.encode(arguments).decode()
        self._spoke = True
        self._calls.add(call.index, id=call.id or "", name=function.name or "", arguments=arguments or "")

    def _reason(self, reason: str | None) -> None:
        if reason in FAILURES:
            raise StreamError(Complaint(kind=reason or ""))
        self._finish_reason = reason or self._finish_reason

    def _finish(self) -> Iterator[Item]:
        if self._finish_reason is None and not self._spoke:
            raise Garbage
        reason = self._finish_reason or DONE
        status = "refused" if self._refused else STATUS_OF.get(reason, "completed")
        calls = list(self._calls.end(cut_off=status != "completed"))
        yield from calls
        if calls and self._reasoning.parts:
            yield Carry(self._reasoning.whole())
        if self._usage is not None:
            yield self._usage
        yield Finished(status, reason)

    def _count(self, usage: _Usage | None) -> None:
        if usage is not None:
            cached, reasoning = usage.prompt_tokens_details, usage.completion_tokens_details
            self._usage = Usage(
                usage.prompt_tokens or 0,
                usage.completion_tokens or 0,
                (cached and cached.cached_tokens) or usage.prompt_cache_hit_tokens or 0,
                (reasoning and reasoning.reasoning_tokens) or 0,
            )


class OpenAIChat(openai_words.OpenAIWords):
    """The wire."""

    talks = True

    version = "v1"
    errors = ErrorTable(
        codes=openai_words.CODES,
        kinds=openai_words.KINDS,
        next_steps=openai_words.NEXT_STEPS,
        refusals=openai_words.REFUSALS,
    )

    def request(self, row: ProviderRow, base_url: str, key: Secret | None, call: Call) -> HttpRequest:
        body = msgspec.json.encode(self._body(row, call))
        return HttpRequest("POST", f"{base_url}/chat/completions", openai_words.headers(key), body)

    @staticmethod
    def _body(row: ProviderRow, call: Call) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": call.model,
            row.max_tokens_field: output_limit(row, call),
            "messages": [
                {"role": "system", "content": call.prompt.system},
                {"role": "user", "content": call.prompt.user},
                *(message for turn in call.prompt.talk for message in _messages(row, call, turn)),
            ],
            "stream": call.transport != "polling",
        }
        if body["stream"] and row.stream_options:
            body["stream_options"] = row.stream_options
        if call.prompt.tools:
            functions = [
                {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
                for tool in call.prompt.tools
            ]
            body["tools"] = [{"type": "function", "function": function} for function in functions]
            if call.prompt.closing:
                body["tool_choice"] = "none"
        if call.prompt.enforced is not None and row.features.structured_output:
            schema = {"name": SCHEMA_NAME, "schema": call.prompt.enforced}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    def parser(self) -> OpenAIChatParser:
        return OpenAIChatParser()

    def batch_format(self, row: ProviderRow, base_url: str, key: Secret | None) -> OpenAIBatches:
        form = MistralJobs if row.batch_format == "jobs" else OpenAIBatches
        return form(base_url, openai_words.headers(key), "/v1/chat/completions")


def _messages(row: ProviderRow, call: Call, turn: Turn) -> Iterator[dict[str, Any]]:
    """A turn, and the results of what it called."""
    named = list(zip(ids(turn, call.provider, call.model), turn.calls, strict=True))
    calls = [
        {"id": id_, "type": "function", "function": {"name": called.name, "arguments": called.arguments}}
        for id_, called in named
    ]
    reasoning: dict[str, Any] = {REASONING: ""} if row.reasoning_field == REASONING else {}
    if turn.of(call.provider, call.model) and turn.carried:
        reasoning |= turn.carried
    yield {"role": "assistant", "content": turn.text or None, "tool_calls": calls, **reasoning}
    for id_, called in named:
        yield {"role": "tool", "tool_call_id": id_, "content": called.result}
