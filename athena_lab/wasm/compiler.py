"""Compiles a foreign component, in a process that is made to be lost.

Compiling is not covered by wasmtime's promises: a few MiB of hostile WebAssembly take seconds and gigabytes. So it is
done in a child that has nothing: no environment, no open file but the component and the result, none that it could open
(that goes for sockets, too), and a limit on memory, on processor time and on the size of what it writes;
`compile_apart` kills it when its time is over.

What the child hands over is machine code that the server will run, and the server cannot check it: a compiler that can
be made to write wrong code is a hole of wasmtime's in whichever process it runs. The child keeps time and memory safe,
and keeps what a bug could do while the compiler runs away from keys and samples; against wrong code there is only the
newest wasmtime, and the choice of whom to take modules from.

This file is run by its path, without the rest of the package: it imports wasmtime and the standard library alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

import wasmtime
from wasmtime import component

if TYPE_CHECKING:
    from collections.abc import Callable

STACK_BYTES: Final = 1 << 20
_HEADER: Final = 8
"""Bytes that say how long the description is, which the code follows."""
_FILES: Final = 3
"""Standard input, output and error: what the child may have open while it compiles."""


class Allowance(NamedTuple):
    """What the child may use: bytes of address space, bytes of its result, seconds of processor time."""

    memory_bytes: int
    result_bytes: int
    cpu_seconds: int


class Compiled(NamedTuple):
    """``imports`` and ``exports`` are names; ``code`` is empty where ``problem`` says what is wrong."""

    imports: tuple[str, ...]
    exports: tuple[str, ...]
    problem: str
    code: bytes


def make_engine() -> wasmtime.Engine:
    """Code is exchanged between engines, so that all have these settings."""
    config = wasmtime.Config()
    config.epoch_interruption = True
    config.max_wasm_stack = STACK_BYTES
    config.wasm_component_model = True
    return wasmtime.Engine(config)


def compile_apart(wasm: bytes, allowance: Allowance, seconds: float, started: Callable[[Any], None]) -> Compiled | None:
    """None if the child did not come to an end by itself: it was killed, or ran into a limit.

    `started` is given the child's process, so that it can be killed from elsewhere.
    """
    command = [sys.executable, "-I", __file__, *map(str, allowance)]
    kept = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}  # Windows starts nothing without
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as result:
        source.write(wasm)
        source.seek(0)
        with subprocess.Popen(  # noqa: S603 - our own file
            command, stdin=source, stdout=result, stderr=subprocess.DEVNULL, env=kept, cwd=os.sep
        ) as child:
            started(child)
            try:
                status = child.wait(seconds)
            except subprocess.TimeoutExpired:
                child.kill()
                return None
        result.seek(0)
        return _read(result) if status == 0 else None


def _read(result: IO[bytes]) -> Compiled | None:
    try:
        said = json.loads(result.read(int.from_bytes(result.read(_HEADER), "little")))
        return Compiled(tuple(said["imports"]), tuple(said["exports"]), str(said["problem"]), result.read())
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _child(allowance: Allowance) -> None:
    wasm = sys.stdin.buffer.read()
    engine = make_engine()
    _give_up_what_can_be(allowance)
    try:
        made = component.Component(engine, wasm)
    except wasmtime.WasmtimeError as error:
        _write({"imports": [], "exports": [], "problem": str(error).partition("\n")[0][:300]}, b"")
        return
    imports, exports = list(made.type.imports(engine)), list(made.type.exports(engine))
    _write({"imports": imports, "exports": exports, "problem": ""}, made.serialize())


def _give_up_what_can_be(allowance: Allowance) -> None:
    try:
        import resource  # noqa: PLC0415 - Windows has none: there only the time is limited
    except ImportError:
        return
    limits = {
        resource.RLIMIT_AS: allowance.memory_bytes,
        resource.RLIMIT_FSIZE: allowance.result_bytes,
        resource.RLIMIT_CPU: allowance.cpu_seconds,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: _FILES,
    }
    for limit, wanted in limits.items():
        _, hard = resource.getrlimit(limit)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(limit, (most, most))


def _write(said: dict[str, Any], code: bytes | bytearray) -> None:
    header = json.dumps(said).encode()
    sys.stdout.buffer.write(len(header).to_bytes(_HEADER, "little") + header)
    sys.stdout.buffer.write(code)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _child(Allowance(*map(int, sys.argv[1:])))
