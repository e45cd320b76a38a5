"""Gemini."""

from __future__ import annotations

import json
from typing import Any

from athena_lab.ai.testkit import Answer, Failure, Kit
from athena_lab.ai.testkit.server import sse
from athena_lab.errors import (
    Forbidden,
    InvalidRequest,
    ProviderTimeout,
    RateLimited,
    ServiceUnavailable,
    Unauthorized,
)
from athena_lab.events import Finished, Token, ToolCall, Usage
from tests.ai.kits.shared import ROWS, as_json, whole
from tests.ai.recorded import EVENTS, GEMINI, gemini


def gemini_error(code: int, status: str, *details: dict[str, Any]) -> bytes:
    return as_json({"error": {"code": code, "message": "reason", "status": status, "details": list(details)}})


GEMINI_CALL = {"functionCall": {"name": "look_up", "args": {"sha256": "ab"}}, "thoughtSignature": "c2ln"}
USED = {"usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}}
RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38.5s"}
GEMINI_ARRAY = as_json([json.loads(line[6:]) for line in GEMINI.decode().splitlines() if line])
GEMINI_KIT = Kit(
    ROWS["gemini"],
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
