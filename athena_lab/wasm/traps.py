"""From wasmtime's messages to our errors: the one table.

wasmtime-py gives a component's failure as text alone, so that it is classified by that text: the trap stands in its
last line, and the guest's function names, where the component has kept them, stand in the backtrace above.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from athena_lab.errors import ModuleDeadline, ModuleMemory, ModuleTrap, WasmError


class Trap(NamedTuple):
    """``cause`` is the metric's label."""

    cause: str
    error: type[WasmError]
    sentence: str


MEMORY = Trap("memory", ModuleMemory, "It ran into its memory limit.")
OTHER = Trap("other", ModuleTrap, "The sandbox stopped it.")

_OUT_OF_MEMORY_FRAME = re.compile(r"!(athena_out_of_memory|\S*(rust_oom|handle_alloc_error|alloc_error_handler))")
"""What module-kit's allocator, and Rust's, call before a guest stops itself for want of memory."""

TABLE: tuple[tuple[re.Pattern[str], Trap], ...] = (
    (re.compile(r"exceeds memory limits|resource limit exceeded|failed to grow memory"), MEMORY),
    (re.compile(r"interrupt"), Trap("interrupt", ModuleDeadline, "It did not end within its deadline.")),
    (re.compile(r"call stack exhausted"), Trap("stack_overflow", ModuleTrap, "It exhausted its stack.")),
    (re.compile(r"out of bounds memory"), Trap("out_of_bounds", ModuleTrap, "It accessed memory out of bounds.")),
    (re.compile(r"unreachable"), Trap("unreachable", ModuleTrap, "It stopped itself (unreachable).")),
    (re.compile(r"integer (divide by zero|overflow)"), Trap("arithmetic", ModuleTrap, "It failed in arithmetic.")),
    (re.compile(r"table access|indirect call|uninitialized element"), Trap("table", ModuleTrap, "It called nothing.")),
)
"""Patterns for the last line of a message."""


def classify(message: str) -> Trap:
    """The row of `TABLE` that fits, else `OTHER`; `MEMORY` where the guest's own frames say so."""
    last = message.strip().rpartition("\n")[2]
    trap = next((trap for pattern, trap in TABLE if pattern.search(last)), OTHER)
    return MEMORY if trap.cause == "unreachable" and _OUT_OF_MEMORY_FRAME.search(message) else trap
