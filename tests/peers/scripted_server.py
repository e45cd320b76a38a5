"""The server of the test kit, under the name by which the programs beside it know it."""

from __future__ import annotations

from athena_lab.ai.testkit.server import (
    End,
    Exchange,
    Request,
    Script,
    ScriptedServer,
    cut,
    drop,
    hang,
    play,
    raw,
    read_request,
    reply,
    sse,
    stream,
)

__all__ = [
    "End",
    "Exchange",
    "Request",
    "Script",
    "ScriptedServer",
    "cut",
    "drop",
    "hang",
    "play",
    "raw",
    "read_request",
    "reply",
    "sse",
    "stream",
]
