"""What a sample did, in a few lines, for the forms of a report that have no tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import counted, seconds_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.behaviour import Call, SandboxFacts, Touched

MAX_ROWS = 12
"""Rows of each list."""
ENDS = {
    "finished": "came to its end",
    "steps": "ran out of steps",
    "calls": "ran out of calls",
    "exception": "ended with an error",
    "waits": "did nothing, and had asked for something that it did not get",
    "stopped": "was stopped before its end, which may hide more",
    None: "was not run",
}


def behaviour_summary(facts: SandboxFacts) -> str:
    """A sentence without text of the sample."""
    calls = counted(facts.calls_total, "call")
    steps = "" if facts.ended == "stopped" else f", {facts.steps:,} steps"
    return f"run as {facts.engine}, it {ENDS[facts.ended]}: {calls}{steps}"


def touched_lists(facts: SandboxFacts) -> Iterator[tuple[str, tuple[Touched, ...]]]:
    """What was touched, by kind, the telling kinds first; kinds without anything are left out."""
    kinds = (
        ("Stays by", facts.persistence), ("Processes", facts.processes), ("Network", facts.network),
        ("Hides or looks around", facts.evasion), ("Waited for", facts.waits), ("Files", facts.files),
        ("Registry", facts.registry),
    )  # fmt: skip  # a table
    return ((kind, touched) for kind, touched in kinds if touched)


def behaviour_rows(facts: SandboxFacts) -> Iterator[tuple[str, str, str]]:
    """The error that it ended with, and what was touched: kind, hostile text, and what was done."""
    if facts.error:
        yield "Error", facts.error, ""
    for kind, touched in touched_lists(facts):
        for it in touched[:MAX_ROWS]:
            yield kind, it.target, it.operation


def call_text(call: Call) -> str:
    """A call as one line; hostile."""
    times = f" x{call.times:,}" if call.times > 1 else ""
    result = f" -> {call.result}" if call.result else ""
    return f"{call.api}({', '.join(call.args)}){result}{times}"


def call_time(call: Call) -> str:
    return seconds_text(call.at / 1_000)
