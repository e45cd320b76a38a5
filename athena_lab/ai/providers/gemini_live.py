"""Google Gemini over a WebSocket: the Live API, BidiGenerateContent, asked for text.

A setup frame, its ``setupComplete``, then one turn of ours with the question; the answer's turn ends with
``turnComplete``, or with a ``toolCall``: the model waits for a ``toolResponse`` on the same connection. Only models
made for it speak it, so the row of Gemini offers no WebSocket by itself. The key travels in a header.

Sources: https://ai.google.dev/api/live and Google's Python SDK google-genai 3.4 (``live.py``; ``LiveServerMessage`` and
``TurnCompleteReason`` in ``types.py``). Why Google closes a socket stands in the reason alone: 1007 and 1008 are used
for keys that it does not take, 1008 for unknown models, 1011 for quotas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from athena_lab.ai.prompt import told
from athena_lab.ai.providers.calls import Calls
from athena_lab.ai.providers.channels import closed_as
from athena_lab.ai.providers.gemini import Gemini
from athena_lab.ai.providers.wire import UNDECODABLE, Complaint, Count, Garbage, StreamError
from athena_lab.ai.send import PROGRESS
from athena_lab.ai.transports import SocketRequest
from athena_lab.events import Finished, Token, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.send import Call, Item
    from athena_lab.ai.transports import Message

ENDS: Final[Mapping[str, Literal["completed", "refused", "degraded", "failed"]]] = {
    "TURN_COMPLETE_REASON_UNSPECIFIED": "completed",
    "NEED_MORE_INPUT": "completed",
    "MAX_REGENERATION_REACHED": "degraded",
    "MALFORMED_FUNCTION_CALL": "failed",
    **dict.fromkeys(
        (
            "RESPONSE_REJECTED",
            "PROHIBITED_INPUT_CONTENT",
            "IMAGE_PROHIBITED_INPUT_CONTENT",
            "INPUT_TEXT_CONTAIN_PROMINENT_PERSON_PROHIBITED",
            "INPUT_IMAGE_CELEBRITY",
            "INPUT_IMAGE_PHOTO_REALISTIC_CHILD_PROHIBITED",
            "INPUT_TEXT_NCII_PROHIBITED",
            "INPUT_OTHER",
            "INPUT_IP_PROHIBITED",
            "BLOCKLIST",
            "UNSAFE_PROMPT_FOR_IMAGE_GENERATION",
            "GENERATED_IMAGE_SAFETY",
            "GENERATED_CONTENT_SAFETY",
            "GENERATED_AUDIO_SAFETY",
            "GENERATED_VIDEO_SAFETY",
            "GENERATED_CONTENT_PROHIBITED",
            "GENERATED_CONTENT_BLOCKLIST",
            "GENERATED_IMAGE_PROHIBITED",
            "GENERATED_IMAGE_CELEBRITY",
            "GENERATED_IMAGE_PROMINENT_PEOPLE_DETECTED_BY_REWRITER",
            "GENERATED_IMAGE_IDENTIFIABLE_PEOPLE",
            "GENERATED_IMAGE_MINORS",
            "OUTPUT_IMAGE_IP_PROHIBITED",
            "GENERATED_OTHER",
        ),
        "refused",
    ),
}
"""What a turnCompleteReason means for the answer; one that is not listed says that something cut it off."""

CODES: Final[Mapping[int, str]] = {
    1: "CANCELLED",
    3: "INVALID_ARGUMENT",
    4: "DEADLINE_EXCEEDED",
    5: "NOT_FOUND",
    7: "PERMISSION_DENIED",
    8: "RESOURCE_EXHAUSTED",
    9: "FAILED_PRECONDITION",
    10: "ABORTED",
    11: "OUT_OF_RANGE",
    12: "UNIMPLEMENTED",
    13: "INTERNAL",
    14: "UNAVAILABLE",
    15: "DATA_LOSS",
    16: "UNAUTHENTICATED",
}
"""google.rpc.Code, for an error that has no name of it beside."""

CLOSED: Final[tuple[tuple[str, Complaint, int], ...]] = (
    ("api key", Complaint(code="API_KEY_INVALID"), 401),
    ("quota", Complaint(kind="RESOURCE_EXHAUSTED"), 429),
    ("resource_exhausted", Complaint(kind="RESOURCE_EXHAUSTED"), 429),
    ("not found", Complaint(kind="NOT_FOUND"), 404),
)
"""Words in the reason for a close with a code that says less."""


class _Called(msgspec.Struct):
    id: str = ""
    name: str = ""
    args: msgspec.Raw = msgspec.Raw(b"{}")


class _ToolCall(msgspec.Struct, rename="camel"):
    function_calls: list[_Called] = []


class _Part(msgspec.Struct):
    text: str = ""
    thought: bool = False


class _Turn(msgspec.Struct):
    parts: list[_Part] = []


class _Content(msgspec.Struct, rename="camel"):
    model_turn: _Turn | None = None
    turn_complete: bool = False
    turn_complete_reason: str | None = None
    interaction_status: str | None = None
    interrupted: bool = False


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: Count = 0
    tool_use_prompt_token_count: Count = 0
    response_token_count: Count = 0
    thoughts_token_count: Count = 0
    cached_content_token_count: Count = 0


class _Message(msgspec.Struct, rename="camel"):
    """The members of all messages that say something to us."""

    server_content: _Content | None = None
    tool_call: _ToolCall | None = None
    usage_metadata: _Usage | None = None
    error: Any = None


_MESSAGE: Final = msgspec.json.Decoder(_Message)


class GeminiLiveParser:
    """One answer."""

    def __init__(self) -> None:
        self._calls = Calls()
        self._usage: Usage | None = None
        self._interrupted = False

    def feed(self, message: Message) -> Iterator[Item]:
        try:
            read = _MESSAGE.decode(message.data)
        except UNDECODABLE:
            raise Garbage from None
        if read.error is not None:
            raise _stream_error(message.data, read.error)
        if read.usage_metadata is not None:
            self._usage = _usage(read.usage_metadata)
        if read.server_content is not None:
            yield from self._content(read.server_content)
        elif read.tool_call is not None and read.tool_call.function_calls:
            for called in read.tool_call.function_calls:
                yield self._calls.whole(id=called.id, name=called.name, arguments=bytes(called.args).decode())
            yield from self._finish("completed", "toolCall")
        else:
            yield PROGRESS

    def end(self) -> Iterator[Item]:
        """Only the turn's end ends an answer."""
        if self._usage is not None:
            yield self._usage

    def _content(self, content: _Content) -> Iterator[Item]:
        self._interrupted = self._interrupted or content.interrupted
        for part in content.model_turn.parts if content.model_turn is not None else ():
            yield Token(part.text) if part.text and not part.thought else PROGRESS
        if not content.turn_complete or content.interaction_status == "IN_PROGRESS":
            yield PROGRESS
            return
        reason = content.turn_complete_reason or ("interrupted" if self._interrupted else "turnComplete")
        status = "completed" if reason == "turnComplete" else ENDS.get(reason, "degraded")
        if status == "failed":
            yield from self.end()
            raise StreamError(Complaint(kind=reason))
        yield from self._finish(status, reason)

    def _finish(self, status: Literal["completed", "refused", "degraded"], reason: str) -> Iterator[Item]:
        yield from self.end()
        yield Finished(status, reason)


def _usage(told: _Usage) -> Usage:
    return Usage(
        told.prompt_token_count + told.tool_use_prompt_token_count,
        told.response_token_count + told.thoughts_token_count,
        told.cached_content_token_count,
        told.thoughts_token_count,
    )


def _stream_error(data: str, error: Any) -> StreamError:
    said = Gemini.complaint(data.encode("utf-8", "replace"))
    code = error.get("code") if isinstance(error, dict) else None
    known = said.kind in Gemini.errors.kinds or said.code in Gemini.errors.codes
    if isinstance(code, int) and code in CODES and not known:
        said = Complaint(said.code, CODES[code], said.message, said.retry_after)
    return StreamError(said)


class GeminiLive(Gemini):
    """The wire, with its `SocketWire`."""

    def socket_request(self, row: ProviderRow, base_url: str, key: Secret | None, call: Call) -> SocketRequest:
        # Earlier calls are no calls of this connection's: they are told as text.
        prompt = told(call.prompt)
        asked = self._body(row, replace(call, prompt=replace(prompt, tools=() if prompt.closing else prompt.tools)))
        turns = asked.pop("contents")
        config = {"maxOutputTokens": asked["generationConfig"]["maxOutputTokens"], "responseModalities": ["TEXT"]}
        model = f"models/{call.model.removeprefix('models/')}"
        setup = {"setup": {**asked, "model": model, "generationConfig": config}}
        turn = {"clientContent": {"turns": turns, "turnComplete": True}}
        frames = tuple(msgspec.json.encode(frame).decode() for frame in (setup, turn))
        return SocketRequest(live_url(base_url), self._headers(key), frames)

    def socket_results(self, call: Call) -> str:
        responses = [
            {"id": called.id, "name": called.name, "response": {"error" if called.failed else "output": called.result}}
            for called in call.prompt.talk[-1].calls
        ]
        return msgspec.json.encode({"toolResponse": {"functionResponses": responses}}).decode()

    def socket_parser(self) -> GeminiLiveParser:
        return GeminiLiveParser()

    def socket_closed(self, code: int, reason: str) -> StreamError | None:
        error = closed_as(code, reason)
        for words, complaint, status in CLOSED if error is not None else ():
            if words in reason.lower():
                return StreamError(Complaint(complaint.code, complaint.kind, reason), status)
        return error


def live_url(base_url: str) -> str:
    """Beside the REST API's ``/v1beta`` stands ``/ws/google.ai.generativelanguage.v1beta...``."""
    parts = urlsplit(base_url)
    above, _, version = parts.path.rstrip("/").rpartition("/")
    method = f"google.ai.generativelanguage.{version or Gemini.version}.GenerativeService.BidiGenerateContent"
    return parts._replace(path=f"{above}/ws/{method}").geturl()
