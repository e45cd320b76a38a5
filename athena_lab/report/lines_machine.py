"""Machine code and WebAssembly in a few lines, for the forms of a report that have no tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import counted, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.behaviour import SandboxFacts

MAX_ROWS = 12
"""Rows of each list."""
MAX_LINES = 8
"""Instructions at the entry point."""


def machine_summary(facts: SandboxFacts) -> Iterator[str]:
    """Sentences without text of the sample."""
    if machine := facts.machine:
        covered = f"{size_text(machine.decoded)} of {size_text(machine.code)} of code read"
        counts = counted(machine.function_count, "function"), counted(machine.instructions, "instruction")
        yield f"Code for {machine.architecture}: {', '.join(counts)}, {covered}"
        for mark in machine.marks[:MAX_ROWS]:
            yield f"Instructions {mark.kind}: {mark.count:,}"
    if guest := facts.guest:
        counts = counted(len(guest.imports), "import"), counted(len(guest.exports), "export")
        yield f"WebAssembly: {', '.join(counts)}, {counted(len(guest.runs), 'function')} run"


def machine_rows_of_text(facts: SandboxFacts) -> Iterator[tuple[str, str, str]]:
    """What was found in it, as kind, hostile text, and sentence."""
    if machine := facts.machine:
        for api in machine.hashed_apis[:MAX_ROWS]:
            yield "Found by hash", api.name, f"{api.library}, {api.hash:#010x} by {api.algorithm}"
        for string in machine.stack_strings[:MAX_ROWS]:
            yield "Text made by code", string.text, f"at {string.address:#x}"
        for line in machine.entry_code[:MAX_LINES]:
            yield "Code", f"{line.text}  {line.note}".rstrip(), f"at {line.address:#x}"
    if guest := facts.guest:
        for run in guest.runs[:MAX_ROWS]:
            yield "Function run", run.name, f"{run.end}, about {counted(run.fuel, 'instruction')}"
