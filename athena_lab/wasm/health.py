"""How a module has been lately: by its last calls, and by asking it."""

from __future__ import annotations

from collections import deque
from typing import Final

from athena_lab.errors import BadOutput, ModuleDeadline, ModuleMemory, ModuleRefused, ModuleTrap, WasmError

FAULTS: Final = (BadOutput, ModuleDeadline, ModuleMemory, ModuleTrap)
"""What a module does wrong, or a sample makes it do."""
CALLS: Final = 20
"""How many of the last calls count."""
LEAST: Final = 4
"""Fewer calls say nothing."""
SHARE: Final = 0.5
"""Of the calls that failed, from which on the module is not well."""


class Recent:
    """``fault`` is what the last probe met, None if it was answered."""

    def __init__(self) -> None:
        self.fault: WasmError | None = None
        self._calls: deque[str | None] = deque(maxlen=CALLS)

    def note(self, error: WasmError | None) -> None:
        """The outcome of a call; None for one that was answered. A call that was no good says nothing of the module."""
        if isinstance(error, ModuleRefused) and not error.by_fault:
            return
        self._calls.append(None if error is None else error.detail)  # an error may hold a whole answer

    @property
    def problem(self) -> str:
        """What is wrong, in a sentence; empty if nothing is."""
        if self.fault is not None:
            return f"It does not answer: {self.fault.detail}"
        failed = [detail for detail in self._calls if detail is not None]
        if len(self._calls) >= LEAST and len(failed) >= SHARE * len(self._calls):
            return f"{len(failed)} of its last {len(self._calls)} calls failed, the last: {failed[-1]}"
        return ""
