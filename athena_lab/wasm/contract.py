"""What the host and a module say to each other: the JSON inside the texts of ``wasm/wit/world.wit``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from athena_lab.report.findings import Finding, Slot

RESERVED = frozenset(
    ("analysis-engine", "crypto", "deobfuscator", "file-processor", "network", "pattern-matcher", "sandbox")
)
"""Names of modules that come with Athena Lab, or will: no foreign one may have them."""

Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{0,63}$(?!\n)")]
"""Without the last part, ``$`` would let a line's end through: ``crypto\\n`` is not ours, and is no file's name."""


class Function(msgspec.Struct, frozen=True):
    """A function that `Call.function` may name. ``args`` is a JSON Schema (2020-12) of type object."""

    name: Name
    summary: str
    args: dict[str, Any]
    needs_sample: bool = True


class Description(msgspec.Struct, frozen=True):
    """Answer of ``describe``. Every module has the function ``analyze``."""

    name: Name
    version: Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]+\.[0-9]+$(?!\n)", max_length=64)]
    summary: str
    slot: Slot
    capabilities: tuple[str, ...]
    functions: tuple[Function, ...]


class SampleHashes(msgspec.Struct, frozen=True):
    """Lower-case hexadecimal."""

    md5: str
    sha1: str
    sha256: str


class SampleInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the host knows of the sample without parsing it. ``name`` is a hint only, and hostile."""

    size: int
    name: str = ""
    hashes: SampleHashes | None = None
    """Made when it was stored; None: the module makes them itself."""


class Stopped(msgspec.Struct, frozen=True):
    """How a call ended without an answer: ``cause`` as the metric ``athena_wasm_traps_total`` names it."""

    cause: str
    rest: bytes
    """What the guest had kept. Base64 in JSON; to the host it has no meaning."""


class Call(msgspec.Struct, frozen=True, omit_defaults=True):
    """The text handed to ``analyze``. Unknown arguments are refused by the module (code ``invalid_args``)."""

    function: str
    args: msgspec.Raw
    """A JSON object. The host passes it on and does not decode it."""
    sample: SampleInfo | None = None
    """None: the function is called without a sample, stdin is empty."""
    state: str | None = None
    """What an earlier call of the same session left in `Output.state`; to the host a text without meaning."""
    stopped: Stopped | None = None
    """The same call was stopped before: the module is to answer with what it had kept of it."""


class Output(msgspec.Struct, frozen=True):
    """A successful answer. ``memory_bytes`` is the size of the guest's linear memory at its end, which is its peak."""

    data: msgspec.Raw
    """JSON of the function's own; `athena_lab.report.facts.FileFacts` for file-processor's ``analyze``."""
    findings: Annotated[tuple[Finding, ...], Meta(max_length=4_096)] = ()
    memory_bytes: int = 0
    state: str | None = None
    """What the session's next call is to get; None: what it has. Base64, by `module_kit`."""


class Refusal(msgspec.Struct, frozen=True):
    """The error text of ``analyze``."""

    code: Literal["unknown_function", "invalid_args", "no_sample", "unsupported", "failed"]
    """``failed``: its own code went wrong, where a language has words for it before it would trap."""
    message: str
