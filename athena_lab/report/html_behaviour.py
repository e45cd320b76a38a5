"""What a sample did in the sandbox as HTML: a timeline of its calls, and what they touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import counted, size_text
from athena_lab.report.lines_behaviour import behaviour_summary, call_time, touched_lists
from athena_lab.report.markup import Html, Row, brief, code, details, table

if TYPE_CHECKING:
    from athena_lab.report.behaviour import Call, SandboxFacts, Touched
    from athena_lab.report.children import Child

TIMELINE_BUDGET = 60_000
BUDGET = 12_000
"""Characters of HTML for each table."""
MAX_CALLS = 300
MAX_ARGUMENTS = 4
MAX_ARGUMENT = 120
"""Characters."""
HOSTS = {
    "javascript": "Run against a Windows that only exists in the sandbox",
    "vbscript": "Run against a Windows that only exists in the sandbox",
    "wasm": "Run with stubs for what it imports",
    "x86": "Run by an emulator, against a system that only exists in the sandbox",
    "x86-64": "Run by an emulator, against a system that only exists in the sandbox",
}
KEPT = "report.behaviour"
OPENED = frozenset({"Stays by", "Processes", "Network", "Waited for"})


def behaviour_html(facts: SandboxFacts) -> str:
    """Nothing where nothing was run."""
    if facts.engine is None:
        return ""
    error = f"<p>The error: {code(facts.error).markup}</p>" if facts.error else ""
    unlisted = facts.calls_total - sum(call.times for call in facts.calls)
    more = f"; {unlisted:,} more are not listed" if unlisted > 0 else ""
    return (
        f"<h4>Behaviour</h4><p>{HOSTS[facts.engine]}: {behaviour_summary(facts)}.</p>"
        + error
        + "".join(_touched(kind, touched) for kind, touched in touched_lists(facts))
        + details(f"Timeline: {counted(len(facts.calls), 'row')}{more}", _timeline(facts), opened=True)
        + _children(facts)
    )


def _timeline(facts: SandboxFacts) -> str:
    head = ("At", "Kind", "Call", "With", "Result", "Techniques")
    return table(head, facts.calls, _call, TIMELINE_BUDGET, MAX_CALLS, kept=KEPT)


def _call(call: Call) -> Row:
    args = "<br>".join(code(arg, MAX_ARGUMENT).markup for arg in call.args[:MAX_ARGUMENTS])
    times = f" x{call.times:,}" if call.times > 1 else ""
    cells = (
        code(call_time(call)),
        brief(call.category),
        Html(code(call.api, 120).markup + times),
        Html(args),
        code(call.result, MAX_ARGUMENT),
        ", ".join(call.techniques[:6]),
    )
    return Row(cells, f"athena-call-{call.category}")


def _touched(kind: str, touched: tuple[Touched, ...]) -> str:
    rows = table(("What", "Which"), touched, lambda it: Row((it.operation, code(it.target))), BUDGET, kept=KEPT)
    return details(f"{kind}: {len(touched)}", rows, opened=kind in OPENED)


def _children(facts: SandboxFacts) -> str:
    left = f", {facts.children_left_out} more left out" if facts.children_left_out else ""
    head = ("Number", "Name", "What", "Size", "SHA-256")
    rows = table(head, facts.children, _child, BUDGET, kept=KEPT)
    return details(f"Code and files that it made: {len(facts.children)}{left}", rows)


def _child(child: Child) -> Row:
    return Row((str(child.index), code(child.name), child.kind, size_text(child.size), code(child.sha256)))
