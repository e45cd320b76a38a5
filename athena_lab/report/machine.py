"""What the sandbox reports of machine code and WebAssembly, typed: parts of its `Output.data`.

Addresses are those in memory, offsets and sizes bytes of the sample. Names and texts are the sample's, and hostile.
"""

from __future__ import annotations

from typing import Literal

from athena_lab.report.fact import Fact


class EntryPoint(Fact, frozen=True):
    """Where the system begins to run the code: ``entry``, ``tls-callback``, ``initialiser`` ..."""

    kind: str
    address: int
    offset: int | None = None


class Function(Fact, frozen=True):
    """A function that was found; `size` of its instructions. `calls`: imported functions, each once."""

    address: int
    offset: int
    size: int
    blocks: int
    callers: int = 0
    calls: tuple[str, ...] = ()
    name: str = ""


class ApiCall(Fact, frozen=True):
    """An imported function that code calls, with the address of the first call."""

    api: str
    address: int
    count: int
    library: str = ""


class CodeString(Fact, frozen=True):
    """A text that code refers to, or makes; `address` of the instruction, or of the function."""

    address: int
    text: str


class HashedApi(Fact, frozen=True):
    """A number of the code that is the hash of a function's name."""

    hash: int
    algorithm: str
    name: str
    library: str
    address: int


class Mark(Fact, frozen=True):
    """Unusual instructions: ``rdtsc``, ``cpuid``, ``int-2d``, ``sidt``, ``peb`` ...; the first one's address."""

    kind: str
    address: int
    count: int


class Line(Fact, frozen=True):
    """One instruction; `bytes` in hexadecimal, `note` what it refers to."""

    address: int
    bytes: str
    text: str
    note: str = ""


class SystemCall(Fact, frozen=True):
    """A call that emulated code made, from `address`."""

    name: str
    arguments: tuple[str, ...]
    address: int
    result: str = ""


class Run(Fact, frozen=True):
    """An emulation. `decoded`: bytes that were written and then run."""

    offset: int
    bits: int
    steps: int
    end: str
    calls: tuple[SystemCall, ...] = ()
    strings: tuple[CodeString, ...] = ()
    decoded: int = 0


class Machine(Fact, frozen=True, kw_only=True):
    """Code for x86: of a fat file, that of 64 bits. `code`: bytes that may be run; `decoded`: those that were read."""

    architecture: str
    bits: Literal[16, 32, 64]
    format: Literal["pe", "elf", "macho", "raw"]
    entry_points: tuple[EntryPoint, ...] = ()
    function_count: int = 0
    functions: tuple[Function, ...] = ()
    api_calls: tuple[ApiCall, ...] = ()
    strings: tuple[CodeString, ...] = ()
    stack_strings: tuple[CodeString, ...] = ()
    hashed_apis: tuple[HashedApi, ...] = ()
    marks: tuple[Mark, ...] = ()
    entry_code: tuple[Line, ...] = ()
    runs: tuple[Run, ...] = ()
    instructions: int = 0
    decoded: int = 0
    code: int = 0

    @property
    def coverage(self) -> float:
        """Share of what may be run that was read as instructions; tables and padding are among the rest."""
        return self.decoded / self.code if self.code else 0.0


class GuestRun(Fact, frozen=True):
    """A function of a WebAssembly sample that was run, and how that ended; `fuel`: about an instruction each."""

    name: str
    end: str
    fuel: int


class WasmGuest(Fact, frozen=True, kw_only=True):
    """A WebAssembly sample that was run with stubs for what it imports; `memory` in bytes at the end."""

    imports: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    runs: tuple[GuestRun, ...] = ()
    calls: tuple[SystemCall, ...] = ()
    memory: int = 0
    error: str = ""
