from __future__ import annotations

import pytest

from athena_lab.errors import ModuleMemory, ModuleTrap
from athena_lab.wasm import traps

MESSAGE = (
    "error while executing at wasm backtrace:\n    0: 0x1 - guest.wasm!{frame}\n\nCaused by:\n    wasm trap: {trap}\n"
)


@pytest.mark.parametrize(
    ("trap", "cause"),
    [
        ("wasm `unreachable` instruction executed", "unreachable"),
        ("out of bounds memory access", "out_of_bounds"),
        ("call stack exhausted", "stack_overflow"),
        ("interrupt", "interrupt"),
        ("integer divide by zero", "arithmetic"),
        ("integer overflow", "arithmetic"),
        ("undefined element: out of bounds table access", "table"),
        ("indirect call type mismatch", "table"),
        ("uninitialized element", "table"),
        ("something new", "other"),
    ],
)
@pytest.mark.parametrize("frame", ["parse_table", "interrupt_handler", "integer_overflow"])
def test_the_last_line_decides_and_names_of_functions_do_not(trap, cause, frame):
    assert traps.classify(MESSAGE.format(frame=frame, trap=trap)).cause == cause


@pytest.mark.parametrize("frame", ["athena_out_of_memory", "alloc::alloc::handle_alloc_error", "__rust_oom"])
def test_a_guest_that_stops_for_want_of_memory_is_told_from_a_bug(frame):
    unreachable = "wasm `unreachable` instruction executed"
    assert traps.classify(MESSAGE.format(frame=frame, trap=unreachable)).error is ModuleMemory
    assert traps.classify(MESSAGE.format(frame=frame, trap="out of bounds memory access")).error is ModuleTrap
