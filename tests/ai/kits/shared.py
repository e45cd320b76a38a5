"""What all recordings share."""

from __future__ import annotations

import json
from typing import Any

from athena_lab.ai.providers.registry import DEFAULT_ROWS
from athena_lab.ai.testkit import Answer
from athena_lab.events import Token, ToolCall
from tests.ai.recorded import EVENTS, WHOLE

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
