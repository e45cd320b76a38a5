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

STREAMS = {"openai-chat": OPENAI, "anthropic": ANTHROPIC}

EVENTS = {
    "openai-chat": [*map(Token, TEXT), Usage(11, 7), Finished("completed", "stop")],
    "anthropic": [*map(Token, TEXT), Usage(11, 7), Finished("completed", "end_turn")],
}
