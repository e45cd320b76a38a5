"""Where the model looked again: each call with its result, folded, as text."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import msgspec

from athena_lab.events import ToolCall, ToolResult
from athena_lab.report.display import counted, seconds_text, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from athena_lab.events import ToolOutcome

MAX_LOOKS = 100
MAX_TEXT = 16_000
"""Characters kept of one result."""
_ENDS: dict[ToolOutcome, str] = {
    "ok": "",
    "invalid": "the call does not fit",
    "refused": "not run",
    "failed": "failed",
    "timeout": "took too long",
}


class Shown(msgspec.Struct, frozen=True):
    """A call, and what it came to; ``result`` None while it runs, or where it was stopped."""

    call: ToolCall
    result: ToolResult | None = None


def looks_of(calls: Iterable[ToolCall], results: Iterable[ToolResult]) -> tuple[Shown, ...]:
    """Those that were run, each with its result."""
    ended = {result.number: result for result in results}
    return tuple(Shown(call, ended.get(call.number)) for call in calls if call.number)[:MAX_LOOKS]


def render_looks(looks: Sequence[Shown]) -> str:
    """Nothing where the model did not look. Whatever a sample or a model wrote is escaped, and shows itself."""
    if not looks:
        return ""
    rows = "".join(_look(look) for look in looks)
    return f'<details class="athena-looks"><summary>{escape(summary(looks))}</summary>{rows}</details>'


def summary(looks: Sequence[Shown]) -> str:
    """``The model looked at the file again: 3 calls, 1 of them without a result``."""
    vain = sum(look.result is None or look.result.outcome != "ok" for look in looks)
    without = f", {vain} of them without a result" if vain else ""
    return f"The model looked at the file again: {counted(len(looks), 'call')}{without}"


def plain_looks(looks: Sequence[Shown]) -> list[str]:
    """A line each; the results are in the cell."""
    return [title(look) for look in looks]


def title(look: Shown) -> str:
    """``Call 2: read_bytes {"offset": 64}, 3 ms``. Still to be escaped."""
    return f"Call {look.call.number}: {_asked(look.call)}{_ended(look.result)}"


def _asked(call: ToolCall) -> str:
    return f"{shown(call.name, 64)} {shown(call.arguments, 200)}"


def _ended(result: ToolResult | None) -> str:
    if result is None:
        return ", no result"
    ended = f", {_ENDS[result.outcome]}" if _ENDS[result.outcome] else ""
    return f"{ended}, {seconds_text(result.elapsed)}"


def _look(look: Shown) -> str:
    # Code, and the results below as well: outside of it, what stands between two dollars is typeset as mathematics.
    head = f"Call {look.call.number}: <code>{escape(_asked(look.call))}</code>{escape(_ended(look.result))}"
    if look.result is None:
        return f"<p>{head}</p>"
    text = look.result.text
    more = "\n…" if look.result.cut or len(text) > MAX_TEXT else ""
    body = "\n".join(shown(line) for line in text[:MAX_TEXT].splitlines()) + more
    return f"<details><summary>{head}</summary><pre>{escape(body)}</pre></details>"
