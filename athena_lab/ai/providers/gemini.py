"""Google Gemini, generateContent (https://ai.google.dev/api/generate-content).

Nothing ends a stream but the connection's own end: a chunk with a finishReason, the last one counts, says that the
answer is whole, and usage may come with it or after it. Candidates' tokens do not include those of thoughts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

import msgspec

from athena_lab.ai.providers.calls import Calls
from athena_lab.ai.providers.gemini_batches import GeminiBatches
from athena_lab.ai.providers.wire import (
    CONTEXT_STEP,
    MAX_MODELS,
    MODEL_STEP,
    UNDECODABLE,
    Complaint,
    Count,
    ErrorTable,
    Garbage,
    StreamError,
    as_text,
    error_in,
    output_limit,
)
from athena_lab.ai.send import PROGRESS, Carry
from athena_lab.ai.talk import MAX_CARRIED, raw
from athena_lab.ai.transports import HttpRequest
from athena_lab.ai.types import Model
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
    from athena_lab.ai.talk import Called, Turn
    from athena_lab.ai.transports import Message

ENDS: Final[Mapping[str, Literal["completed", "refused", "degraded", "failed"]]] = {
    "STOP": "completed",
    "FINISH_REASON_UNSPECIFIED": "degraded",
    "MAX_TOKENS": "degraded",
    "CONTINUATION": "degraded",
    "OTHER": "degraded",
    "IMAGE_OTHER": "degraded",
    "NO_IMAGE": "degraded",
    "TOO_MANY_TOOL_CALLS": "degraded",
    "UNEXPECTED_TOOL_CALL": "degraded",
    "SAFETY": "refused",
    "RECITATION": "refused",
    "LANGUAGE": "refused",
    "BLOCKLIST": "refused",
    "PROHIBITED_CONTENT": "refused",
    "SPII": "refused",
    "IMAGE_SAFETY": "refused",
    "IMAGE_PROHIBITED_CONTENT": "refused",
    "IMAGE_RECITATION": "refused",
    "ESCALATION": "refused",
    "MODEL_ARMOR": "refused",
    "PUP_LIMITED_DISABLED": "failed",
    "MALFORMED_FUNCTION_CALL": "failed",
    "MALFORMED_RESPONSE": "failed",
    "MISSING_THOUGHT_SIGNATURE": "failed",
}
"""What a finishReason means for the answer; one that is not listed says that something cut it off."""

BLOCKED: Final = frozenset(
    {
        "BLOCKED_REASON_UNSPECIFIED",
        "SAFETY",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "IMAGE_SAFETY",
        "MODEL_ARMOR",
        "JAILBREAK",
    }
)
"""The blockReasons known; each of them, and any other, is a refusal."""

_DURATION: Final = re.compile(r"\d{1,9}(\.\d{1,9})?s")


class _FunctionCall(msgspec.Struct):
    name: str = ""
    id: str = ""
    args: msgspec.Raw = msgspec.Raw(b"{}")


class _Part(msgspec.Struct, rename="camel"):
    text: str = ""
    thought: bool = False
    function_call: _FunctionCall | None = None
    thought_signature: str = ""


class _Content(msgspec.Struct):
    parts: list[_Part] = []


class _Candidate(msgspec.Struct, rename="camel"):
    index: int = 0
    content: _Content | None = None
    finish_reason: str | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: Count = 0
    tool_use_prompt_token_count: Count = 0
    candidates_token_count: Count = 0
    thoughts_token_count: Count = 0
    cached_content_token_count: Count = 0


class _Chunk(msgspec.Struct, rename="camel"):
    """A chunk of a stream, or an answer in one piece."""

    candidates: list[_Candidate] = []
    prompt_feedback: _Feedback | None = None
    usage_metadata: _Usage | None = None
    error: Any = None


class _Listed(msgspec.Struct, rename="camel"):
    name: str
    input_token_limit: Count | None = None
    output_token_limit: Count | None = None
    supported_generation_methods: list[str] = []


class _Models(msgspec.Struct):
    models: list[_Listed] = []


_CHUNK: Final = msgspec.json.Decoder(_Chunk)
_WHOLE: Final = msgspec.json.Decoder(_Chunk | list[_Chunk])  # a proxy that drops ?alt=sse makes it an array
_MODELS: Final = msgspec.json.Decoder(_Models)


class Parts:
    """The parts of one answer, as they go back with the results of its calls: those with a signature have to."""

    def __init__(self) -> None:
        self._parts: list[dict[str, Any]] = []
        self._size = 0

    def add(self, part: _Part) -> None:
        kept: dict[str, Any] = {"thoughtSignature": part.thought_signature} if part.thought_signature else {}
        if part.function_call is not None:
            kept |= {"functionCall": {"id": part.function_call.id} if part.function_call.id else {}}
        elif part.text and not part.thought:
            kept |= {"text": part.text}
        elif kept:
            kept |= {"text": ""}
        if kept:
            self._size += len(part.text) + len(part.thought_signature) + 100
            if self._size <= MAX_CARRIED:
                self._parts.append(kept)

    def carried(self) -> Carry | None:
        return Carry(self._parts) if self._size <= MAX_CARRIED else None


NOT_SIGNED: Final = "skip_thought_signature_validator"
"""Google's own word for calls that another model made, which have no signature of its:
https://ai.google.dev/gemini-api/docs/thought-signatures"""


class GeminiParser:
    """One answer."""

    def __init__(self) -> None:
        self._calls = Calls()
        self._parts = Parts()
        self._called = False
        self._usage: Usage | None = None
        self._finish_reason: str | None = None
        self._block_reason: str | None = None

    def feed(self, message: Message) -> Iterator[Item]:
        if not message.data:
            return
        try:
            read = (_WHOLE if message.whole else _CHUNK).decode(message.data)
        except UNDECODABLE:
            raise Garbage from None
        for chunk in read if isinstance(read, list) else (read,):
            if chunk.error is not None:
                raise StreamError(Gemini.complaint(message.data.encode()), _status(chunk.error))
            yield from self._read(chunk)
        if message.whole:
            yield from self._finish()

    def end(self) -> Iterator[Item]:
        if self._finish_reason is not None or self._block_reason is not None:
            yield from self._finish()
        elif self._usage is not None:
            yield self._usage

    def _read(self, chunk: _Chunk) -> Iterator[Item]:
        if chunk.usage_metadata is not None:
            self._usage = _usage(chunk.usage_metadata)
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            self._block_reason = chunk.prompt_feedback.block_reason
        for candidate in chunk.candidates:
            if candidate.index == 0:
                for part in candidate.content.parts if candidate.content is not None else ():
                    yield self._item(part)
                self._finish_reason = candidate.finish_reason or self._finish_reason

    def _item(self, part: _Part) -> Item:
        self._parts.add(part)
        if part.function_call is not None:
            self._called = True
            called = part.function_call
            return self._calls.whole(id=called.id, name=called.name, arguments=bytes(called.args).decode())
        return Token(part.text) if part.text and not part.thought else PROGRESS

    def _finish(self) -> Iterator[Item]:
        reason = self._finish_reason or self._block_reason
        if reason is None:
            raise Garbage
        if self._usage is not None:
            yield self._usage
        status = "refused" if self._finish_reason is None else ENDS.get(reason, "degraded")
        if status == "failed":
            raise StreamError(Complaint(kind=reason))
        if self._called and (carried := self._parts.carried()) is not None:
            yield carried
        yield Finished(status, reason)


def _usage(told: _Usage) -> Usage:
    return Usage(
        told.prompt_token_count + told.tool_use_prompt_token_count,
        told.candidates_token_count + told.thoughts_token_count,
        told.cached_content_token_count,
        told.thoughts_token_count,
    )


def _status(error: Any) -> int | None:
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code <= 599 else None  # noqa: PLR2004 - HTTP's errors


class Gemini:
    """The wire."""

    talks = True
    version = "v1beta"
    errors = ErrorTable(
        # google.rpc.ErrorInfo's reasons, then google.rpc.Code's names that say more than the status beside them.
        codes={
            "API_KEY_INVALID": Unauthorized,
            "API_KEY_EXPIRED": Unauthorized,
            "ACCESS_TOKEN_EXPIRED": Unauthorized,
            "API_KEY_SERVICE_BLOCKED": Forbidden,
            "API_KEY_HTTP_REFERRER_BLOCKED": Forbidden,
            "API_KEY_IP_ADDRESS_BLOCKED": Forbidden,
            "CONSUMER_SUSPENDED": Forbidden,
            "CONSUMER_INVALID": Forbidden,
            "SERVICE_DISABLED": Forbidden,
            "BILLING_DISABLED": QuotaExceeded,
            "FAILED_PRECONDITION": Forbidden,
            "PUP_LIMITED_DISABLED": Forbidden,
            "MALFORMED_FUNCTION_CALL": ServiceUnavailable,
            "MALFORMED_RESPONSE": ServiceUnavailable,
            "MISSING_THOUGHT_SIGNATURE": InvalidRequest,
        },
        kinds={
            "CANCELLED": ServiceUnavailable,
            "UNKNOWN": ServiceUnavailable,
            "INVALID_ARGUMENT": InvalidRequest,
            "DEADLINE_EXCEEDED": ProviderTimeout,
            "NOT_FOUND": InvalidRequest,
            "ALREADY_EXISTS": InvalidRequest,
            "PERMISSION_DENIED": Forbidden,
            "UNAUTHENTICATED": Unauthorized,
            "RESOURCE_EXHAUSTED": RateLimited,
            "ABORTED": ServiceUnavailable,
            "OUT_OF_RANGE": InvalidRequest,
            "UNIMPLEMENTED": InvalidRequest,
            "INTERNAL": ServiceUnavailable,
            "UNAVAILABLE": ServiceUnavailable,
            "DATA_LOSS": ServiceUnavailable,
        },
        next_steps={
            "NOT_FOUND": MODEL_STEP,
            "OUT_OF_RANGE": CONTEXT_STEP,
            "FAILED_PRECONDITION": "Enable billing in Google AI Studio: the free tier does not serve this country.",
        },
    )

    def request(self, row: ProviderRow, base_url: str, key: Secret | None, call: Call) -> HttpRequest:
        how = "generateContent" if call.transport == "polling" else "streamGenerateContent?alt=sse"
        url = f"{base_url}/models/{quote(call.model.removeprefix('models/'), safe='')}:{how}"
        return HttpRequest("POST", url, self._headers(key), msgspec.json.encode(self._body(row, call)))

    def models_request(self, row: ProviderRow, base_url: str, key: Secret | None) -> HttpRequest:
        return HttpRequest("GET", f"{base_url}{row.health}?pageSize={MAX_MODELS}", self._headers(key))

    def models(self, message: Message) -> tuple[Model, ...]:
        try:
            listed = _MODELS.decode(message.data).models
        except UNDECODABLE:
            raise Garbage from None
        able = [entry for entry in listed if entry.name and "generateContent" in entry.supported_generation_methods]
        return tuple(_model(entry) for entry in able[:MAX_MODELS])

    def parser(self) -> GeminiParser:
        return GeminiParser()

    def batch_format(self, row: ProviderRow, base_url: str, key: Secret | None) -> GeminiBatches:  # noqa: ARG002 - there is one
        return GeminiBatches(base_url, self._headers(key))

    @staticmethod
    def complaint(body: bytes) -> Complaint:
        """``{"error": {code, message, status, details}}``, also as the only element of a list."""
        error = error_in(body)
        if isinstance(error, Complaint):
            return error
        given = error.get("details")
        details = [detail for detail in given if isinstance(detail, dict)] if isinstance(given, list) else []
        reason = next((as_text(detail.get("reason")) for detail in details if detail.get("reason")), "")
        waits = [_seconds(detail.get("retryDelay")) for detail in details]
        wait = next((seconds for seconds in waits if seconds is not None), None)
        return Complaint(reason, as_text(error.get("status")), as_text(error.get("message")), wait)

    @staticmethod
    def _body(row: ProviderRow, call: Call) -> dict[str, Any]:
        config: dict[str, Any] = {"maxOutputTokens": output_limit(row, call)}
        if call.prompt.enforced is not None and row.features.structured_output:
            config |= {"responseMimeType": "application/json", "responseJsonSchema": call.prompt.enforced}
        body: dict[str, Any] = {
            "systemInstruction": {"parts": [{"text": call.prompt.system}]},
            "contents": [
                {"role": "user", "parts": [{"text": call.prompt.user}]},
                *(content for turn in call.prompt.talk for content in _contents(call, turn)),
            ],
            "generationConfig": config,
        }
        if row.safety_settings:
            body["safetySettings"] = [
                {"category": category, "threshold": threshold} for category, threshold in row.safety_settings.items()
            ]
        if call.prompt.tools:
            functions = [
                {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
                for tool in call.prompt.tools
            ]
            body["tools"] = [{"functionDeclarations": functions}]
            if call.prompt.closing:
                body["toolConfig"] = {"functionCallingConfig": {"mode": "NONE"}}
        return body

    @staticmethod
    def _headers(key: Secret | None) -> dict[str, str]:
        return {"content-type": "application/json"} | ({} if key is None else {"x-goog-api-key": key.reveal()})


def _model(entry: _Listed) -> Model:
    """The input's limit is what Google calls the context; the output's comes on top of it."""
    return Model(
        entry.name.removeprefix("models/")[:256] or entry.name[:256],
        entry.input_token_limit or None,
        entry.output_token_limit or None,
    )


def _seconds(duration: Any) -> float | None:
    """Of google.rpc.RetryInfo: ``38.5s``, protobuf's JSON for a duration."""
    return float(duration[:-1]) if isinstance(duration, str) and _DURATION.fullmatch(duration) else None


def _contents(call: Call, turn: Turn) -> Iterator[dict[str, Any]]:
    """A turn, and the results of what it called."""
    parts = _as_it_came(turn) if turn.of(call.provider, call.model) else None
    parts = parts or _plain(turn)
    yield {"role": "model", "parts": parts}
    made = [part["functionCall"] for part in parts if "functionCall" in part]
    yield {"role": "user", "parts": [_response(call_, called) for call_, called in zip(made, turn.calls, strict=True)]}


def _as_it_came(turn: Turn) -> list[dict[str, Any]] | None:
    """What was carried along, with the calls in their places; nothing where they do not fit."""
    carried = turn.carried or []
    if sum("functionCall" in part for part in carried) != len(turn.calls):
        return None
    rest = iter(turn.calls)
    return [part | {"functionCall": _call(next(rest), part)} if "functionCall" in part else part for part in carried]


def _call(called: Called, part: Mapping[str, Any]) -> dict[str, Any]:
    """With an id where it came with one: that is how its result is told."""
    own = {"id": called.id} if "id" in part["functionCall"] else {}
    return {**own, "name": called.name, "args": raw(called)}


def _plain(turn: Turn) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": turn.text}] if turn.text else []
    for number, called in enumerate(turn.calls):
        signed = {} if number else {"thoughtSignature": NOT_SIGNED}  # the first of those made at once has one
        made = {"id": called.neutral_id, "name": called.name, "args": raw(called)}
        parts.append({"functionCall": made, **signed})
    return parts


def _response(made: Mapping[str, Any], called: Called) -> dict[str, Any]:
    own = {"id": made["id"]} if "id" in made else {}
    said = {"error" if called.failed else "output": called.result}
    return {"functionResponse": {**own, "name": called.name, "response": said}}
