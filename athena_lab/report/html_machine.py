"""Machine code and WebAssembly as HTML."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, TypeVar

from athena_lab.report.display import counted, size_text
from athena_lab.report.markup import Html, Row, code, details, table

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from athena_lab.report.machine import (
        ApiCall,
        CodeString,
        Function,
        GuestRun,
        HashedApi,
        Line,
        Machine,
        Mark,
        WasmGuest,
    )

BUDGET = 12_000
"""Characters of HTML for each table."""
KEPT = "report.behaviour"

HASHED_HEAD = ("Address", "Name", "Library", "Hash", "Algorithm")
API_HEAD = ("Address", "Function", "Library", "Calls")
LINE_HEAD = ("Address", "Bytes", "Instruction", "")
FUNCTION_HEAD = ("Address", "Name", "Size", "Blocks", "Callers", "Calls")

_T = TypeVar("_T")


def machine_html(machine: Machine) -> str:
    """What was undone open, the code folded."""
    covered = f"{size_text(machine.decoded)} of {size_text(machine.code)} of code read ({machine.coverage:.0%})"
    head = f"{machine.architecture}, {counted(machine.function_count, 'function')}, {covered}"
    functions = f"Functions: {machine.function_count}"
    if machine.function_count > len(machine.functions):
        functions += f", the {len(machine.functions)} largest listed"
    parts = (
        _part("Functions looked for by hash", HASHED_HEAD, machine.hashed_apis, _hashed),
        _part("Texts made by code", ("Function", "Text"), machine.stack_strings, _string),
        _part("Unusual instructions", ("Kind", "Address", "Count"), machine.marks, _mark),
        _part("Imported functions that are called", API_HEAD, machine.api_calls, _api, opened=False),
        details(functions, table(FUNCTION_HEAD, machine.functions, _function, BUDGET, kept=KEPT)),
        _part("Texts that code refers to", ("Address", "Text"), machine.strings, _string, opened=False),
        _part("Code at the entry point", LINE_HEAD, machine.entry_code, _line, opened=False),
    )
    return f"<h4>Machine code</h4><p>{escape(head)}</p>{''.join(parts)}"


def guest_html(guest: WasmGuest) -> str:
    """What was run, and what it imports and exports."""
    imports = tuple(dict.fromkeys(guest.imports))
    head = f"{counted(len(guest.imports), 'import')}, {counted(len(guest.exports), 'export')}"
    error = f"<p>{code(guest.error).markup}</p>" if guest.error else ""
    parts = (
        _part("Functions that were run", ("Function", "End", "Fuel"), guest.runs, _run),
        _part("Imports", ("Name",), imports, _name, opened=False),
        _part("Exports", ("Name",), guest.exports, _name, opened=False),
    )
    return f"<h4>WebAssembly</h4><p>{escape(head)}</p>{error}{''.join(parts)}"


def _part(
    name: str,
    head: Sequence[str],
    items: Collection[_T],
    row: Callable[[_T], Row],
    *,
    opened: bool = True,
) -> str:
    return details(f"{name}: {len(items)}", table(head, items, row, BUDGET, kept=KEPT), opened=opened)


def _address(value: int) -> Html:
    return code(f"{value:#x}")


def _hashed(api: HashedApi) -> Row:
    return Row((_address(api.address), code(api.name), api.library, _address(api.hash), api.algorithm), "athena-odd")


def _string(string: CodeString) -> Row:
    return Row((_address(string.address), code(string.text, 160)))


def _mark(mark: Mark) -> Row:
    return Row((mark.kind, _address(mark.address) if mark.address else "", str(mark.count)))


def _api(call: ApiCall) -> Row:
    return Row((_address(call.address), code(call.api), code(call.library), str(call.count)))


def _function(found: Function) -> Row:
    calls = code(", ".join(found.calls), 200) if found.calls else ""
    name = code(found.name)
    counts = size_text(found.size), str(found.blocks), str(found.callers)
    return Row((_address(found.address), name, *counts, calls))


def _line(line: Line) -> Row:
    return Row((_address(line.address), code(line.bytes), code(line.text), code(line.note, 80)))


def _run(run: GuestRun) -> Row:
    return Row((code(run.name), code(run.end, 120), f"{run.fuel:,}"))


def _name(name: str) -> Row:
    return Row((code(name),))
