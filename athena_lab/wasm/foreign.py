"""Modules of others: what they may have, and what is asked of their words before anybody relies on them.

A module of ours keeps the contract because we wrote it; a foreign one is as hostile as a sample. It gets less of
everything, and what it says is taken apart and put together again here, so that whatever is wrong with it is that
module's failure and nobody else's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from athena_lab.errors import BadOutput, ModuleNotTaken
from athena_lab.wasm.compiler import Allowance
from athena_lab.wasm.contract import RESERVED, Description, Output
from athena_lab.wasm.job import decode

if TYPE_CHECKING:
    from collections.abc import Container

    from athena_lab.report.findings import Finding
    from athena_lab.wasm.contract import Function
    from athena_lab.wasm.manifest import Entry

MIB: Final = 1 << 20
NEW: Final = "new module"
"""A module that has not said its name yet."""
MAGIC: Final = b"\0asm\x0d\0\x01\0"
"""With which every component begins. wasmtime would take WebAssembly's text as well."""
_MAX_DESCRIPTION: Final = 64 * 1_024
"""Characters."""
_MAX_FUNCTIONS: Final = 64
_MAX_CAPABILITIES: Final = 64
_MAX_TEXT: Final = 1_024
"""Characters of a summary, a capability, a technique, a piece of evidence."""
_MAX_DETAIL: Final = 4_096
_MAX_EVIDENCE: Final = 64
_MAX_DEPTH: Final = 32
"""Of lists and objects in each other."""
_LARGEST: Final = 1 << 53
"""No sample has an offset beyond, and JavaScript has no exact numbers."""


class ForeignOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[wasm.foreign]``: modules that did not come with Athena Lab."""

    folder: str = ""
    """Where they are kept; empty for ``modules`` in the user's data folder."""
    most: Annotated[int, Meta(ge=0, le=64)] = 8
    """How many there may be. One in Python has 35 MB of machine code, in each worker that runs it."""
    max_bytes: Annotated[int, Meta(ge=1_024, le=256 * MIB)] = 48 * MIB
    """Of a component; one in Python has some 19 MB."""
    memory_bytes: Annotated[int, Meta(ge=MIB, le=4096 * MIB)] = 256 * MIB
    """Linear memory of one call."""
    deadline: Annotated[float, Meta(gt=0, le=600)] = 10.0
    """Seconds that one call may take, waiting included, where the caller gives no other."""
    max_answer: Annotated[int, Meta(ge=1_024, le=16 * MIB)] = 2 * MIB
    """Characters."""
    max_findings: Annotated[int, Meta(ge=1, le=4_096)] = 200
    compile_seconds: Annotated[float, Meta(gt=0, le=3_600)] = 300.0
    """Until the compiler is killed, on however busy a machine."""
    compile_cpu: Annotated[int, Meta(ge=1, le=3_600)] = 90
    """Seconds of processor time of the compiler; a module in Python takes 10."""
    compile_bytes: Annotated[int, Meta(ge=128 * MIB, le=64 * 1024 * MIB)] = 2_048 * MIB
    """Address space of the compiler; a module in Python takes 470 MiB."""

    @property
    def allowance(self) -> Allowance:
        """What the compiler's process may use."""
        return Allowance(self.compile_bytes, 8 * self.max_bytes, self.compile_cpu)


def check_component(wasm: bytes, options: ForeignOptions) -> None:
    """What can be said before anything is compiled. Raises `ModuleNotTaken`."""
    if len(wasm) > options.max_bytes:
        raise ModuleNotTaken(f"It has {len(wasm):,} bytes; the limit is {options.max_bytes:,}.", module=NEW)
    if not wasm.startswith(MAGIC):
        step = "Name the component that `athena modules build` makes; a core module of WebAssembly is none."
        raise ModuleNotTaken("It is not a WebAssembly component.", module=NEW, next_step=step)


def check_name(name: str, ours: Container[str]) -> None:
    """Raises `ModuleNotTaken` for the name of a module that comes with Athena Lab, or will."""
    if name in RESERVED or name in ours:
        raise ModuleNotTaken("That name is one of Athena Lab's own modules.", module=name)


def described(text: str, entry: Entry) -> Description:
    """What a foreign module says of itself, in the slot for such modules whatever it claims. Raises `BadOutput`."""
    if len(text) > _MAX_DESCRIPTION:
        raise BadOutput(f"Its description has {len(text):,} characters.", module=entry.name)
    description = msgspec.structs.replace(decode(text, Description, entry.name), slot="foreign")
    if problem := _problem_of(description):
        raise BadOutput(f"Its description does not fit: {problem}.", module=entry.name)
    return description


def _problem_of(description: Description) -> str:
    functions = {function.name: function for function in description.functions}
    texts = (description.summary, *description.capabilities, *(it.summary for it in description.functions))
    few = len(functions) <= _MAX_FUNCTIONS and len(description.capabilities) <= _MAX_CAPABILITIES
    problems = {
        "there is no function analyze": "analyze" not in functions,
        "a function is described twice": len(functions) != len(description.functions),
        f"it has more than {_MAX_FUNCTIONS} functions or {_MAX_CAPABILITIES} capabilities": not few,
        f"a text has more than {_MAX_TEXT:,} characters": any(len(text) > _MAX_TEXT for text in texts),
        "the properties of a function's arguments are not an object": not all(map(_has_properties, functions.values())),
        "a schema is nested too deeply": any(_too_deep(it.args) for it in functions.values()),
    }
    return next((problem for problem, is_so in problems.items() if is_so), "")


def _has_properties(function: Function) -> bool:
    return isinstance(function.args.get("properties", {}), dict)


def answered(output: Output, name: str, options: ForeignOptions, memory_bytes: int) -> Output:
    """An answer as it may be relied on: every part in bounds, its data decoded and written anew. Raises `BadOutput`."""
    if len(output.findings) > options.max_findings:
        raise BadOutput(f"It has {len(output.findings):,} findings; {options.max_findings:,} may be.", module=name)
    for finding in output.findings:
        if problem := _out_of_bounds(finding):
            raise BadOutput(f"Its finding {finding.id} {problem}.", module=name)
    if len({finding.id for finding in output.findings}) != len(output.findings):
        raise BadOutput("Two of its findings have the same id.", module=name)
    return msgspec.structs.replace(
        output, data=_rewritten(output.data, name), memory_bytes=min(max(output.memory_bytes, 0), memory_bytes)
    )


def _out_of_bounds(finding: Finding) -> str:
    texts = (*finding.techniques, *(it.text or "" for it in finding.evidence))
    if len(finding.detail) > _MAX_DETAIL or any(len(text) > _MAX_TEXT for text in texts):
        return "has a text that is too long"
    if len(finding.evidence) > _MAX_EVIDENCE or len(finding.techniques) > _MAX_EVIDENCE:
        return f"has more than {_MAX_EVIDENCE} pieces of evidence"
    numbers = [it for seen in finding.evidence for it in (seen.offset, seen.length) if it is not None]
    return "" if all(0 <= number <= _LARGEST for number in numbers) else "is at no offset of a file"


def _rewritten(data: msgspec.Raw, name: str) -> msgspec.Raw:
    """The same value in JSON of our own: the decoder passes over what it is not asked for without a look."""
    value = decode(bytes(data), object, name)
    if _too_deep(value):
        raise BadOutput(f"Its data is nested more than {_MAX_DEPTH} levels deep.", module=name)
    return msgspec.Raw(msgspec.json.encode(value))


def _too_deep(value: Any) -> bool:
    """By level, so that no depth is one too many for the check itself."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return False
    return True


def _children(value: Any) -> tuple[Any, ...]:
    if isinstance(value, dict):
        return tuple(value.values())
    return tuple(value) if isinstance(value, list) else ()
