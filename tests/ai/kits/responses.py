"""OpenAI Responses."""

from __future__ import annotations

from typing import Any

from athena_lab.ai.testkit import Answer, Failure, Kit
from athena_lab.errors import (
    QuotaExceeded,
    RateLimited,
    ServiceUnavailable,
)
from athena_lab.events import Finished, Token, ToolCall, Usage
from tests.ai.kits.chat import CHAT_FAILURES, CHAT_MODELS
from tests.ai.kits.shared import ARGUMENTS, BROKEN, CALL, ROWS, as_json, whole
from tests.ai.recorded import EVENTS, RESPONSES, responses


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
    ROWS["openai"],
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
