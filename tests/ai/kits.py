"""Recordings of the seven providers, for the suite that any wire and row must pass."""

from __future__ import annotations

import json
from typing import Any

from athena_lab.ai.providers.registry import DEFAULT_ROWS, ProviderRow
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
from tests.ai.recorded import ANTHROPIC, EVENTS, GEMINI, OPENAI, RESPONSES, WHOLE, gemini, responses

ROWS = {row.name: row for row in DEFAULT_ROWS}
ARGUMENTS = '{"sha256": "ab", "why": "„naïve“ 🦠"}'
CALL = ToolCall("call_9", "look_up", ARGUMENTS)
BROKEN = '{"sha256": "a'
"""Arguments as a model wrote them: not JSON."""


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def whole(wire: str, name: str = "text in one piece") -> Answer:
    usage, end = EVENTS[wire][-2:]
    return Answer(
        name,
        b"\n\n" + as_json(WHOLE[wire]),
        [Token("".join(t.text for t in EVENTS[wire][:-2])), usage, end],
        whole=True,
    )


# -- OpenAI Chat Completions, and those who speak it


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
    return Kit(row_of(name), [*answers, *CHAT_ANSWERS], [*CHAT_FAILURES, *failures], CHAT_MODELS, ["m-1", "m-2"])


def row_of(name: str) -> ProviderRow:
    return ROWS[name]


# -- Anthropic Messages


def anthropic(*events: dict[str, Any]) -> bytes:
    start = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 1},
    }
    return b"".join(sse(event, event["type"]) for event in ({"type": "message_start", "message": start}, *events))


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": start},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def ended(reason: str, details: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    usage = {"output_tokens": 7, "output_tokens_details": {"thinking_tokens": 3}}
    delta = {"stop_reason": reason, "stop_sequence": None, "stop_details": details}
    return [{"type": "message_delta", "delta": delta, "usage": usage}, {"type": "message_stop"}]


def text_block(index: int, text: str) -> list[dict[str, Any]]:
    return block(index, {"type": "text", "text": ""}, {"type": "text_delta", "text": text})


def call_block(index: int, arguments: str = ARGUMENTS, call: str = "call_9") -> list[dict[str, Any]]:
    deltas = [
        {"type": "input_json_delta", "partial_json": arguments[at : at + 9]} for at in range(0, len(arguments), 9)
    ]
    return block(
        index,
        {"type": "tool_use", "id": call, "name": "look_up", "input": {}},
        {"type": "input_json_delta", "partial_json": ""},
        *deltas,
    )


THINKING = block(
    0,
    {"type": "thinking", "thinking": "", "signature": ""},
    {"type": "thinking_delta", "thinking": "Hm."},
    {"type": "signature_delta", "signature": "c2ln"},
)
CYBER = {"type": "refusal", "category": "cyber", "explanation": "This may enable cyber harm."}
CLAUDE_USAGE = Usage(11, 7, 0, 3)


def claude_error(kind: str, code: str | None = None, message: str = "reason") -> bytes:
    details = {"details": {"error_code": code}} if code else {}
    return as_json({"type": "error", "error": {"type": kind, "message": message, **details}, "request_id": "r"})


CLAUDE_WHOLE_CALL = as_json(
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m-1",
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "content": [{"type": "tool_use", "id": "call_9", "name": "look_up", "input": {"a": [1, "ü"]}}],
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }
).replace(b'{\n    "a": [\n     1,\n     "\xc3\xbc"\n    ]\n   }', b'{"a":[1,"\xc3\xbc"]}')
CLAUDE = Kit(
    row_of("claude"),
    [
        Answer("text", ANTHROPIC, EVENTS["anthropic"]),
        whole("anthropic"),
        Answer(
            "a refusal",
            anthropic(*ended("refusal", CYBER)),
            [Token("This may enable cyber harm."), CLAUDE_USAGE, Finished("refused", "refusal: cyber")],
        ),
        Answer(
            "a refusal in the middle",
            anthropic(*text_block(0, "It "), *ended("refusal", CYBER)),
            [Token("It "), CLAUDE_USAGE, Finished("refused", "refusal: cyber")],
        ),
        Answer(
            "a refusal without details", anthropic(*ended("refusal")), [CLAUDE_USAGE, Finished("refused", "refusal")]
        ),
        Answer(
            "cut off by the limit",
            anthropic(*text_block(0, "It "), *ended("max_tokens")),
            [Token("It "), CLAUDE_USAGE, Finished("degraded", "max_tokens")],
        ),
        Answer(
            "two function calls",
            anthropic(
                *THINKING, *text_block(1, "I look. "), *call_block(2), *call_block(3, "", "b"), *ended("tool_use")
            ),
            [Token("I look. "), CALL, ToolCall("b", "look_up", "{}"), CLAUDE_USAGE, Finished("completed", "tool_use")],
        ),
        Answer(
            "a function call that is cut off",
            anthropic(*call_block(0), *call_block(1, BROKEN, "b"), *ended("max_tokens")),
            [CALL, CLAUDE_USAGE, Finished("degraded", "max_tokens")],
        ),
        Answer(
            "a function call in one piece",
            CLAUDE_WHOLE_CALL,
            [ToolCall("call_9", "look_up", '{"a":[1,"ü"]}'), Usage(11, 7), Finished("completed", "tool_use")],
            whole=True,
        ),
    ],
    [
        Failure("malformed", 400, claude_error("invalid_request_error"), InvalidRequest),
        Failure(
            "a filter",
            400,
            claude_error("invalid_request_error", message="Output blocked by content filtering policy"),
            None,
        ),
        Failure("no such key", 401, claude_error("authentication_error"), Unauthorized),
        Failure("no money", 402, claude_error("billing_error"), QuotaExceeded),
        Failure("not allowed", 403, claude_error("permission_error"), Forbidden),
        Failure("no such model", 404, claude_error("not_found_error"), InvalidRequest),
        Failure("too large", 413, claude_error("request_too_large"), InvalidRequest),
        Failure("rate limited", 429, claude_error("rate_limit_error"), RateLimited, {"retry-after": "12"}, 12.0),
        Failure(
            "an enforced limit", 429, claude_error("rate_limit_error", "enforced_spend_limit_reached"), QuotaExceeded
        ),
        Failure(
            "a contract's limit", 429, claude_error("rate_limit_error", "contract_spend_limit_reached"), QuotaExceeded
        ),
        Failure(
            "a fault", 500, claude_error("api_error"), ServiceUnavailable, {"x-should-retry": "true"}, should_retry=True
        ),
        Failure("out of time", 504, claude_error("timeout_error"), ProviderTimeout),
        Failure("overloaded", 529, claude_error("overloaded_error"), ServiceUnavailable),
        Failure(
            "overloaded in the stream",
            200,
            anthropic(*text_block(0, "It "))
            + sse({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}, "error"),
            ServiceUnavailable,
        ),
        Failure(
            "a limit in the stream",
            200,
            anthropic()
            + sse(
                {
                    "type": "error",
                    "error": {
                        "type": "rate_limit_error",
                        "message": "m",
                        "details": {"error_code": "enforced_spend_limit_reached"},
                    },
                },
                "error",
            ),
            QuotaExceeded,
        ),
    ],
    as_json(
        {"data": [{"type": "model", "id": "m-1", "max_input_tokens": 200_000, "max_tokens": 64_000}], "has_more": False}
    ),
    ["m-1"],
)


# -- OpenAI Responses


def response(status: str, **more: Any) -> dict[str, Any]:
    usage = {
        "input_tokens": 11,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 18,
    }
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m-1",
        "status": status,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
        **more,
    }


CREATED = {"type": "response.created", "response": response("in_progress", usage=None)}
COMPLETED = {"type": "response.completed", "response": response("completed")}
AT = {"item_id": "msg_1", "output_index": 0, "content_index": 0}


def says(text: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", **AT, "delta": text, "logprobs": []}


def calls(index: int, call: str, arguments: str, status: str = "completed") -> list[dict[str, Any]]:
    item = {"type": "function_call", "id": f"fc_{index}", "call_id": call, "name": "look_up"}
    at = {"item_id": f"fc_{index}", "output_index": index}
    pieces = [arguments[start : start + 9] for start in range(0, len(arguments), 9)]
    return [
        {
            "type": "response.output_item.added",
            "output_index": index,
            "item": {**item, "arguments": "", "status": "in_progress"},
        },
        *({"type": "response.function_call_arguments.delta", **at, "delta": piece} for piece in pieces),
        {"type": "response.function_call_arguments.done", **at, "arguments": arguments},
        {
            "type": "response.output_item.done",
            "output_index": index,
            "item": {**item, "arguments": arguments, "status": status},
        },
    ]


def incomplete(reason: str) -> dict[str, Any]:
    return {"type": "response.incomplete", "response": response("incomplete", incomplete_details={"reason": reason})}


def failed(code: str) -> bytes:
    error = {"code": code, "message": "m"}
    return responses(
        CREATED, says("It "), {"type": "response.failed", "response": response("failed", error=error, usage=None)}
    )


WHOLE_CALL = response(
    "completed",
    output=[
        {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_9",
            "name": "look_up",
            "arguments": ARGUMENTS,
            "status": "completed",
        },
    ],
)
OPENAI_KIT = Kit(
    row_of("openai"),
    [
        Answer("text", RESPONSES, EVENTS["openai-responses"]),
        whole("openai-responses"),
        Answer(
            "a refusal",
            responses(CREATED, {"type": "response.refusal.delta", **AT, "delta": "I can't."}, COMPLETED),
            [Token("I can't."), Usage(11, 7), Finished("refused", "completed")],
        ),
        Answer(
            "a refusal in one piece",
            as_json(
                response(
                    "completed",
                    output=[
                        {
                            "type": "message",
                            "id": "msg_1",
                            "role": "assistant",
                            "status": "completed",
                            "content": [{"type": "refusal", "refusal": "I can't."}],
                        }
                    ],
                )
            ),
            [Token("I can't."), Usage(11, 7), Finished("refused", "completed")],
            whole=True,
        ),
        Answer(
            "a refusal by a filter",
            responses(CREATED, says("It "), incomplete("content_filter")),
            [Token("It "), Usage(11, 7), Finished("refused", "content_filter")],
        ),
        Answer(
            "cut off by the limit",
            responses(CREATED, says("It "), incomplete("max_output_tokens")),
            [Token("It "), Usage(11, 7), Finished("degraded", "max_output_tokens")],
        ),
        Answer(
            "two function calls",
            responses(CREATED, *calls(0, "call_9", ARGUMENTS), *calls(1, "b", BROKEN), COMPLETED),
            [CALL, ToolCall("b", "look_up", BROKEN), Usage(11, 7), Finished("completed", "completed")],
        ),
        Answer(
            "a function call that is cut off",
            responses(CREATED, *calls(0, "b", BROKEN, "incomplete"), incomplete("max_output_tokens")),
            [Usage(11, 7), Finished("degraded", "max_output_tokens")],
        ),
        Answer(
            "a function call in one piece",
            as_json(WHOLE_CALL),
            [CALL, Usage(11, 7), Finished("completed", "completed")],
            whole=True,
        ),
    ],
    [
        *(failure for failure in CHAT_FAILURES if failure.status != 200),
        Failure("a fault in the stream", 200, failed("server_error"), ServiceUnavailable),
        Failure("a limit in the stream", 200, failed("rate_limit_exceeded"), RateLimited),
        Failure("a flagged prompt in the stream", 200, failed("invalid_prompt"), None),
        Failure("flagged for cyber security in the stream", 200, failed("cyber_policy"), None),
        Failure(
            "cancelled",
            200,
            responses(CREATED, {"type": "response.cancelled", "response": response("cancelled")}),
            ServiceUnavailable,
        ),
        Failure(
            "an error event",
            200,
            responses(CREATED, {"type": "error", "code": "insufficient_quota", "message": "m"}),
            QuotaExceeded,
        ),
        Failure(
            "an error event with a status",
            200,
            responses(CREATED, {"type": "error", "status": 429, "error": {"type": "x", "code": None, "message": "m"}}),
            RateLimited,
        ),
        Failure(
            "a failed answer in one piece",
            200,
            as_json(response("failed", error={"code": "server_error", "message": "m"})),
            ServiceUnavailable,
        ),
    ],
    CHAT_MODELS,
    ["m-1", "m-2"],
)


# -- Gemini


def gemini_error(code: int, status: str, *details: dict[str, Any]) -> bytes:
    return as_json({"error": {"code": code, "message": "reason", "status": status, "details": list(details)}})


GEMINI_CALL = {"functionCall": {"name": "look_up", "args": {"sha256": "ab"}}, "thoughtSignature": "c2ln"}
USED = {"usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}}
RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38.5s"}
GEMINI_ARRAY = as_json([json.loads(line[6:]) for line in GEMINI.decode().splitlines() if line])
GEMINI_KIT = Kit(
    row_of("gemini"),
    [
        Answer("text", GEMINI, EVENTS["gemini"]),
        whole("gemini"),
        Answer("text in an array", GEMINI_ARRAY, EVENTS["gemini"], whole=True),
        Answer(
            "usage behind the end",
            gemini({"text": "A"}) + gemini(finish="STOP") + sse(USED),
            [Token("A"), Usage(11, 7), Finished("completed", "STOP")],
        ),
        Answer(
            "a refusal",
            gemini({"text": "A"}) + gemini(finish="SAFETY", **USED),
            [Token("A"), Usage(11, 7), Finished("refused", "SAFETY")],
        ),
        Answer(
            "a blocked prompt",
            sse({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, **USED}),
            [Usage(11, 7), Finished("refused", "PROHIBITED_CONTENT")],
        ),
        Answer(
            "a blocked prompt in one piece",
            as_json({"promptFeedback": {"blockReason": "OTHER"}}),
            [Finished("refused", "OTHER")],
            whole=True,
        ),
        Answer(
            "cut off by the limit",
            gemini({"text": "A"}) + gemini(finish="MAX_TOKENS"),
            [Token("A"), Finished("degraded", "MAX_TOKENS")],
        ),
        Answer(
            "function calls",
            gemini({"text": "I look."})
            + gemini({"functionCall": {"id": "b", "name": "look_up"}}, GEMINI_CALL, finish="STOP"),
            [
                Token("I look."),
                ToolCall("b", "look_up", "{}"),
                ToolCall("call_1", "look_up", '{"sha256": "ab"}'),
                Finished("completed", "STOP"),
            ],
        ),
        Answer(
            "a function call in one piece",
            json.dumps(
                {"candidates": [{"content": {"parts": [GEMINI_CALL]}, "finishReason": "STOP"}], **USED}
            ).encode(),
            [ToolCall("call_0", "look_up", '{"sha256": "ab"}'), Usage(11, 7), Finished("completed", "STOP")],
            whole=True,
        ),
    ],
    [
        Failure("malformed", 400, gemini_error(400, "INVALID_ARGUMENT"), InvalidRequest),
        Failure(
            "no such key",
            400,
            gemini_error(400, "INVALID_ARGUMENT", {"@type": "x", "reason": "API_KEY_INVALID"}),
            Unauthorized,
        ),
        Failure("not in this country", 400, gemini_error(400, "FAILED_PRECONDITION"), Forbidden),
        Failure("not allowed", 403, gemini_error(403, "PERMISSION_DENIED"), Forbidden),
        Failure("no such model", 404, gemini_error(404, "NOT_FOUND"), InvalidRequest),
        Failure(
            "rate limited",
            429,
            gemini_error(429, "RESOURCE_EXHAUSTED", {"@type": "y"}, RETRY),
            RateLimited,
            retry_after=38.5,
        ),
        Failure(
            "rate limited, in a list",
            429,
            b"[" + gemini_error(429, "RESOURCE_EXHAUSTED", RETRY) + b"\n]\n",
            RateLimited,
            retry_after=38.5,
        ),
        Failure("a fault", 500, gemini_error(500, "INTERNAL"), ServiceUnavailable),
        Failure("overloaded", 503, gemini_error(503, "UNAVAILABLE"), ServiceUnavailable),
        Failure("out of time", 504, gemini_error(504, "DEADLINE_EXCEEDED"), ProviderTimeout),
        Failure(
            "overloaded in the stream",
            200,
            gemini({"text": "A"}) + sse(json.loads(gemini_error(503, "UNAVAILABLE"))),
            ServiceUnavailable,
        ),
        Failure(
            "overloaded behind the stream, over lines",
            200,
            gemini({"text": "A"}) + gemini_error(503, "UNAVAILABLE") + b"\n",
            ServiceUnavailable,
        ),
        Failure(
            "rate limited in the stream",
            200,
            sse([json.loads(gemini_error(429, "RESOURCE_EXHAUSTED", RETRY))])[6:],
            RateLimited,
            retry_after=38.5,
        ),
        Failure("a malformed call", 200, gemini(finish="MALFORMED_FUNCTION_CALL"), ServiceUnavailable),
    ],
    as_json(
        {
            "models": [
                {
                    "name": "models/m-1",
                    "inputTokenLimit": 1_000,
                    "outputTokenLimit": 100,
                    "supportedGenerationMethods": ["generateContent"],
                },
                {"name": "models/e-1", "inputTokenLimit": 1_000, "supportedGenerationMethods": ["embedContent"]},
            ]
        }
    ),
    ["m-1"],
)


KITS = {
    "claude": CLAUDE,
    "openai": OPENAI_KIT,
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
    "gemini": GEMINI_KIT,
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
