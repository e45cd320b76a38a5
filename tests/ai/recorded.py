"""Streams as providers send them, and the events that they mean."""

from __future__ import annotations

from athena_lab.ai.providers.wires import BUILT_IN, find_wire
from athena_lab.events import Finished, Token, Usage
from tests.peers.scripted_server import sse

WIRES = {name: find_wire(name) for name in BUILT_IN}

TEXT = ("The file ", "is packed: ", "naïve 🦠 ", "„UPX“ [file-processor/packer].\n")


def _chat(delta: dict[str, object], reason: str | None = None, **more: object) -> bytes:
    chunk = {"id": "c", "object": "chat.completion.chunk", "model": "m-1"}
    return sse({**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more})


OPENAI = b"".join(
    [
        b": keep-alive\n\n",
        _chat({"role": "assistant", "content": ""}, usage=None),
        *(_chat({"content": piece}, usage=None) for piece in TEXT),
        _chat({}, "stop", usage=None),
        sse({"id": "c", "choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}),
        sse("[DONE]"),
    ]
)

ANTHROPIC = b"".join(
    [
        sse(
            {
                "type": "message_start",
                "message": {
                    "id": "msg_1",
                    "role": "assistant",
                    "content": [],
                    "stop_reason": None,
                    "usage": {
                        "input_tokens": 5,
                        "cache_creation_input_tokens": 4,
                        "cache_read_input_tokens": 2,
                        "output_tokens": 1,
                    },
                },
            },
            "message_start",
        ),
        sse(
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            "content_block_start",
        ),
        sse({"type": "ping"}, "ping"),
        *(
            sse(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}},
                "content_block_delta",
            )
            for piece in TEXT
        ),
        sse({"type": "content_block_stop", "index": 0}, "content_block_stop"),
        sse({"type": "a_type_of_tomorrow", "delta": {"type": "x"}}, "a_type_of_tomorrow"),
        sse(
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn", "stop_sequence": None},
                "usage": {"output_tokens": 7},
            },
            "message_delta",
        ),
        sse({"type": "message_stop"}, "message_stop"),
    ]
)


def responses(*events: dict[str, object]) -> bytes:
    """Events of OpenAI's Responses, numbered."""
    return b"".join(
        sse({**event, "sequence_number": number}, str(event["type"])) for number, event in enumerate(events)
    )


def _response(status: str, **more: object) -> dict[str, object]:
    return {"id": "resp_1", "object": "response", "status": status, "output": [], "usage": None, **more}


_PLACE = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
_MESSAGE = {"id": "msg_1", "type": "message", "role": "assistant"}
RESPONSES_USAGE = {
    "input_tokens": 11,
    "input_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 18,
}
RESPONSES = responses(
    {"type": "response.queued", "response": _response("queued")},
    {"type": "response.created", "response": _response("in_progress")},
    {"type": "response.in_progress", "response": _response("in_progress")},
    {"type": "response.output_item.added", "output_index": 0, "item": {"id": "rs_1", "type": "reasoning"}},
    {"type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "output_index": 0, "delta": "Hm."},
    {"type": "response.output_item.done", "output_index": 0, "item": {"id": "rs_1", "type": "reasoning"}},
    {"type": "response.output_item.added", "output_index": 1, "item": {**_MESSAGE, "content": []}},
    {"type": "response.content_part.added", **_PLACE, "part": {"type": "output_text", "text": ""}},
    *({"type": "response.output_text.delta", **_PLACE, "delta": piece, "logprobs": []} for piece in TEXT),
    {"type": "response.output_text.done", **_PLACE, "text": "".join(TEXT), "logprobs": []},
    {"type": "response.an_event_of_tomorrow", "delta": {"x": 1}},
    {
        "type": "response.output_item.done",
        "output_index": 1,
        "item": {**_MESSAGE, "status": "completed", "content": [{"type": "output_text", "text": "".join(TEXT)}]},
    },
    {"type": "response.completed", "response": _response("completed", usage=RESPONSES_USAGE)},
)

STREAMS = {"openai-chat": OPENAI, "anthropic": ANTHROPIC, "openai-responses": RESPONSES}

EVENTS = {
    "openai-chat": [*map(Token, TEXT), Usage(11, 7), Finished("completed", "stop")],
    "anthropic": [*map(Token, TEXT), Usage(11, 7), Finished("completed", "end_turn")],
    "openai-responses": [*map(Token, TEXT), Usage(11, 7, 2, 3), Finished("completed", "completed")],
}

WHOLE = {
    "openai-chat": {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "".join(TEXT)}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 11, "completion_tokens": 7},
    },
    "anthropic": {
        "type": "message",
        "content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "".join(TEXT)}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 11, "output_tokens": 7},
    },
    "openai-responses": _response(
        "completed",
        error=None,
        output=[
            {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
            {**_MESSAGE, "status": "completed", "content": [{"type": "output_text", "text": "".join(TEXT)}]},
        ],
        usage=RESPONSES_USAGE,
    ),
}
"""Answers in one piece; they mean one token, the same usage and the same end."""
