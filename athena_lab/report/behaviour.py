"""The facts that the sandbox module reports, typed: its `Output.data`.

Whatever a sample named (arguments, results, targets, names) is hostile, and was cut by the module.
"""

from __future__ import annotations

from typing import Literal

from athena_lab.report.children import Child
from athena_lab.report.fact import Fact
from athena_lab.report.machine import Machine, WasmGuest

Category = Literal[
    "file", "registry", "process", "network", "persistence", "evasion", "time", "user", "code", "other",
]  # fmt: skip


class Call(Fact, frozen=True):
    """One call of the sample. `at` in milliseconds on a clock that only the sample's own waiting moves."""

    number: int
    at: int
    api: str
    category: Category
    args: tuple[str, ...] = ()
    result: str = ""
    techniques: tuple[str, ...] = ()
    """Of ATT&CK."""
    times: int = 1
    """How often it came, one after the other."""


class Touched(Fact, frozen=True):
    """What was done to what, once for each pair."""

    operation: str
    target: str


class Executed(Fact, frozen=True):
    """A text that was run as code. Its content is the child of that number; `size` in bytes."""

    by: str
    """``eval``, ``Function``, ``Execute``, ``document.write`` ..."""
    child: int
    size: int


class MadeAddress(Fact, frozen=True):
    """An indicator of compromise that machine code makes, and its file does not show; `kind` as an `Indicator`'s.

    `address` in memory, of the instruction or the function that makes it.
    """

    kind: str
    value: str
    address: int


class SandboxFacts(Fact, frozen=True, kw_only=True):
    """Answer of sandbox's ``analyze``. Nothing in a sample that is run here: `engine` is None."""

    kind: Literal["sandbox"]
    engine: Literal["javascript", "vbscript", "wasm", "x86", "x86-64"] | None = None
    ended: Literal["finished", "steps", "calls", "exception", "waits", "stopped"] | None = None
    """``steps``, ``calls``: it ran out of them; ``waits``: it did nothing, and had asked for what it did not get;
    ``stopped``: what ran it was, and this is what is known until then."""
    error: str = ""
    """What was thrown and not caught."""
    steps: int = 0
    """Not known of a run that was stopped."""
    calls: tuple[Call, ...] = ()
    calls_total: int = 0
    """With those that are not listed."""
    files: tuple[Touched, ...] = ()
    registry: tuple[Touched, ...] = ()
    processes: tuple[Touched, ...] = ()
    network: tuple[Touched, ...] = ()
    persistence: tuple[Touched, ...] = ()
    evasion: tuple[Touched, ...] = ()
    waits: tuple[Touched, ...] = ()
    """What it asked for and did not get: a date, an argument, a user, an answer, a document."""
    code: tuple[Executed, ...] = ()
    children: tuple[Child, ...] = ()
    """Code that it ran, and files that it wrote."""
    children_left_out: int = 0
    addresses: tuple[MadeAddress, ...] = ()
    """Of machine code that was emulated."""
    machine: Machine | None = None
    """Of a program, and of a sample that is code as a whole."""
    guest: WasmGuest | None = None
    """Of WebAssembly."""

    @property
    def techniques(self) -> tuple[str, ...]:
        """Of all calls that are listed, each once, in the order of their first call."""
        return tuple(dict.fromkeys(technique for call in self.calls for technique in call.techniques))
