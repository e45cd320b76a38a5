"""OpenAI Chat Completions, as those who speak it do."""

from __future__ import annotations

from typing import Any

from athena_lab.ai.testkit import Answer, Failure, Kit
from athena_lab.ai.testkit.server import sse
from athena_lab.errors import (
    Forbidden,
    InvalidRequest,
    ProviderTimeout,
    QuotaExceeded,
    RateLimited,
    ServiceUnavailable,
    Unauthorized,
)
from athena_lab.events import Finished, Token, ToolCall, Usage
from tests.ai.kits.shared import ARGUMENTS, BROKEN, CALL, ROWS, as_json, whole
from tests.ai.recorded import EVENTS, OPENAI


def chunk(delta: dict[str, Any], reason: str | None = None, **more: Any) -> bytes:
    base = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m-1"}
    return sse({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more})


DONE = sse("[DONE]")
CHAT_USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 2},
    "completion_tokens_details": {"reasoning_tokens": 3},
}


def fragments(index: int | None, *, id: str | None = "call_9", arguments: str = ARGUMENTS) -> list[dict[str, Any]]:  # noqa: A002 - the wire's word
    """One call, its arguments cut in the middle of words."""
    place = {} if index is None else {"index": index}
    first = {**place, "type": "function", "function": {"name": "look_up", "arguments": ""}} | ({"id": id} if id else {})
    pieces = [arguments[start : start + 9] for start in range(0, len(arguments), 9)]
    return [first, *({**place, "function": {"arguments": piece}} for piece in pieces)]


def chat_call(*calls: list[dict[str, Any]], reason: str = "tool_calls") -> bytes:
    pieces = [chunk({"tool_calls": [fragment]}) for call in calls for fragment in call]
    return b"".join([chunk({"role": "assistant", "content": None}), *pieces, chunk({}, reason), DONE])


def chat_whole(message: dict[str, Any], reason: str | None, usage: dict[str, Any] | None = None) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return as_json(
        {"id": "c-1", "object": "chat.completion", "created": 1, "model": "m-1", "choices": [choice], "usage": usage}
    )


def chat_error(code: Any = None, kind: str | None = "x", message: str = "reason") -> bytes:
    return as_json({"error": {"message": message, "type": kind, "code": code, "param": None}})


FUNCTION = {"id": "call_9", "type": "function", "function": {"name": "look_up", "arguments": ARGUMENTS}}
CHAT_ANSWERS = [
    whole("openai-chat"),
    Answer(
        "a refusal in words",
        b"".join([chunk({"refusal": "I can't "}), chunk({"refusal": "help."}), chunk({}, "stop"), DONE]),
        [Token("I can't "), Token("help."), Finished("refused", "stop")],
    ),
    Answer(
        "a refusal by a filter",
        chunk({"content": "A"}) + chunk({}, "content_filter") + DONE,
        [Token("A"), Finished("refused", "content_filter")],
    ),
    Answer(
        "cut off by the limit",
        chunk({"content": "A"}) + chunk({}, "length") + DONE,
        [Token("A"), Finished("degraded", "length")],
    ),
    Answer("a function call", chat_call(fragments(0)), [CALL, Finished("completed", "tool_calls")]),
    Answer(
        "two function calls",
        chat_call(fragments(0), fragments(1, id="call_10", arguments="{}")),
        [CALL, ToolCall("call_10", "look_up", "{}"), Finished("completed", "tool_calls")],
    ),
    Answer(
        "two function calls with one index",
        chat_call(fragments(0), fragments(0, id="call_10", arguments="")),
        [CALL, ToolCall("call_10", "look_up", "{}"), Finished("completed", "tool_calls")],
    ),
    Answer(
        "a function call without index and id",
        chat_call(fragments(None, id=None), reason="stop"),
        [ToolCall("call_0", "look_up", ARGUMENTS), Finished("completed", "stop")],
    ),
    Answer(
        "a function call with arguments that are not JSON",
        chat_call(fragments(0, arguments=BROKEN)),
        [ToolCall("call_9", "look_up", BROKEN), Finished("completed", "tool_calls")],
    ),
    Answer(
        "a function call that is cut off",
        chat_call(fragments(0), fragments(1, id="b", arguments=BROKEN), reason="length"),
        [CALL, Finished("degraded", "length")],
    ),
    Answer(
        "a function call in one piece",
        chat_whole({"content": None, "tool_calls": [FUNCTION]}, "tool_calls", CHAT_USAGE),
        [CALL, Usage(11, 7, 2, 3), Finished("completed", "tool_calls")],
        whole=True,
    ),
]
CHAT_FAILURES = [
    Failure("malformed", 400, chat_error(), InvalidRequest),
    Failure("too long", 400, chat_error("context_length_exceeded"), InvalidRequest),
    Failure("a filter, as Azure has it", 400, chat_error("content_filter", None), None),
    Failure("a flagged prompt", 400, chat_error("invalid_prompt", "invalid_request_error"), None),
    Failure("flagged for cyber security", 400, chat_error("cyber_policy", "invalid_request_error"), None),
    Failure("no such key", 401, chat_error("invalid_api_key", "invalid_request_error"), Unauthorized),
    Failure("not allowed", 403, chat_error(), Forbidden),
    Failure("no such model", 404, chat_error("model_not_found"), InvalidRequest),
    Failure("rate limited", 429, chat_error("rate_limit_exceeded"), RateLimited, {"retry-after": "7"}, 7.0),
    Failure("rate limited, in ms", 429, chat_error(), RateLimited, {"retry-after": "7", "retry-after-ms": "1500"}, 1.5),
    Failure("not to be retried", 429, chat_error(), RateLimited, {"x-should-retry": "false"}, should_retry=False),
    Failure("to be retried", 409, chat_error(), ServiceUnavailable, {"x-should-retry": "true"}, should_retry=True),
    Failure("no money", 429, chat_error("insufficient_quota", "insufficient_quota"), QuotaExceeded),
    Failure("a fault", 500, b"\xff\xfe garbage", ServiceUnavailable),
    Failure("a gateway's time", 504, b"", ProviderTimeout),
    Failure(
        "in the stream",
        200,
        chunk({"content": "A"}) + sse({"error": {"message": "m", "type": "server_error", "code": None}}),
        ServiceUnavailable,
    ),
    Failure(
        "in the stream, with a status",
        200,
        chunk({"content": "A"}) + sse({"error": {"message": "m", "code": 429}}),
        RateLimited,
    ),
    Failure(
        "a filter in the stream",
        200,
        chunk({"content": "A"}) + sse({"error": {"message": "m", "code": "content_filter"}}),
        None,
    ),
]
CHAT_MODELS = as_json({"object": "list", "data": [{"id": "m-1", "object": "model"}, {"id": "m-2", "object": "model"}]})

DEEPSEEK = b"".join(
    [
        b": keep-alive\n\n" * 3,
        chunk({"role": "assistant", "content": None, "reasoning_content": ""}),
        chunk({"content": None, "reasoning_content": "Hm."}),
        b": keep-alive\n\n",
        chunk({"content": "Packed.", "reasoning_content": None}),
        chunk(
            {"content": ""}, "stop", usage={**CHAT_USAGE, "prompt_tokens_details": None, "prompt_cache_hit_tokens": 2}
        ),
        DONE,
    ]
)
MISTRAL = b"".join(
    [
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}),
        chunk({"content": [{"type": "text", "text": "Packed"}, {"type": "reference", "reference_ids": [1]}]}),
        chunk({"content": "."}, "stop", usage={"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}),
        DONE,
    ]
)
MISTRAL_CALL = b"".join(
    [
        chunk({"role": "assistant", "content": ""}),
        chunk(
            {"tool_calls": [{"id": "call_9", "function": {"name": "look_up", "arguments": ARGUMENTS}, "index": 0}]},
            "tool_calls",
        ),
        DONE,
    ]
)
GROQ = b"".join(
    [
        chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_1", "seed": 1}),
        chunk({"reasoning": "Hm.", "channel": "analysis"}),
        chunk({"content": "Packed."}),
        chunk({}, "stop", x_groq={"id": "req_1", "usage": {"queue_time": 0.1, **CHAT_USAGE}}),
        DONE,
    ]
)
LOCAL = [chunk({"role": "assistant", "content": None}), chunk({"content": "Pack"}), chunk({"content": "ed."})]
PACKED = [Token("Packed."), Usage(11, 7, 2, 3), Finished("completed", "stop")]


def chat_kit(name: str, *answers: Answer, failures: tuple[Failure, ...] = ()) -> Kit:
    return Kit(ROWS[name], [*answers, *CHAT_ANSWERS], [*CHAT_FAILURES, *failures], CHAT_MODELS, ["m-1", "m-2"])


CHAT_KITS = {
    "deepseek": chat_kit(
        "deepseek",
        Answer("text", DEEPSEEK, PACKED),
        failures=(
            Failure("no balance", 402, chat_error(None, "unknown_error", "Insufficient Balance"), QuotaExceeded),
            Failure(
                "a refusal",
                400,
                chat_error("invalid_request_error", "invalid_request_error", "Content Exists Risk"),
                None,
            ),
            Failure("no resources", 200, chunk({}, "insufficient_system_resource"), ServiceUnavailable),
        ),
    ),
    "mistral": chat_kit(
        "mistral",
        Answer("text", MISTRAL, [Token("Packed"), Token("."), Usage(11, 7), Finished("completed", "stop")]),
        Answer("a function call, whole in a stream", MISTRAL_CALL, [CALL, Finished("completed", "tool_calls")]),
        failures=(
            Failure(
                "malformed, at the top",
                422,
                as_json({"object": "error", "message": "m", "type": "t", "code": "1300"}),
                InvalidRequest,
            ),
            Failure(
                "an error for a reason", 200, chunk({"content": "A"}) + chunk({}, "error") + DONE, ServiceUnavailable
            ),
        ),
    ),
    "groq": chat_kit(
        "groq",
        Answer("text", GROQ, PACKED),
        failures=(
            Failure("over capacity", 498, chat_error(), ServiceUnavailable),
            Failure(
                "in the stream",
                200,
                chunk({"content": "A"}) + chunk({}, x_groq={"id": "r", "error": "over capacity"}),
                ServiceUnavailable,
            ),
        ),
    ),
    "local": chat_kit(
        "local",
        Answer("text", OPENAI, EVENTS["openai-chat"]),
        Answer(
            "text without an end",
            b"".join([*LOCAL, DONE]),
            [Token("Pack"), Token("ed."), Finished("completed", "[DONE]")],
        ),
        Answer(
            "text without [DONE]",
            b"".join([*LOCAL, chunk({}, "stop")]),
            [Token("Pack"), Token("ed."), Finished("completed", "stop")],
        ),
        failures=(
            Failure("too long", 400, chat_error(400, "exceed_context_size_error"), InvalidRequest),
            Failure(
                "vLLM's words",
                200,
                sse({"object": "error", "message": "m", "type": "t", "code": 503}),
                ServiceUnavailable,
            ),
        ),
    ),
}
