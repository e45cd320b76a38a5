"""Anthropic Messages."""

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
from tests.ai.recorded import ANTHROPIC, EVENTS


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
    ROWS["claude"],
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
