"""Compiles a foreign component, in a process that is made to be lost.

Compiling is not covered by wasmtime's promises: a few MiB of hostile WebAssembly take seconds and gigabytes. So it is
done in a child that has nothing: no environment, no open file but the component and the result, none that it could open
(that goes for sockets, too), and a limit on memory, on processor time and on the size of what it writes;
`compile_apart` kills it when its time is over. On Linux a filter in the kernel refuses all calls that name a file, an
address, a program or another process, for good: without it, code that has taken the child over could close what is
open, and open something else in its place.

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
    _refuse_calls()


# Numbers of Linux's system calls that are refused, and the name of the machine's kind for the kernel.
_COMMON: Final = (*range(424, 435), 437, 438, 442, 452)  # pidfd_*, io_uring_*, open_tree ... fsopen, openat2, fchmodat2
_MACHINES: Final[dict[str, tuple[int, tuple[int, ...]]]] = {
    "x86_64": (
        0xC000003E,
        (
            2, 85, 257, 303, 304, 319, 323,  # open, creat, openat, handles, memfd_create, userfaultfd
            41, 42, 49, 53, 59, 322,  # socket, connect, bind, socketpair, execve, execveat
            62, 101, 129, 200, 234, 297, 310, 311, 312,  # kill and its kin, ptrace, process_vm_*, kcmp
            76, *range(82, 89), 90, 92, 94, 132, 133, 188, 189, *range(258, 262), *range(263, 269), 280, 316,  # paths
            29, 30, 155, 161, 165, 166, 240, 248, 249, 250, 272, 298, 308, 321,  # shm, mounts, keys, spaces, perf, bpf
        ),
    ),
    "aarch64": (
        0xC00000B7,
        (
            56, 264, 265, 279, 282,
            198, 199, 200, 203, 221, 281,
            117, 129, 130, 131, 138, 240, 270, 271, 272,
            5, 6, *range(33, 39), 45, 53, 54, 88, 276,
            39, 40, 41, 51, 97, 180, 194, 196, 217, 218, 219, 241, 268, 280,
        ),
    ),
}  # fmt: skip
_EMFILE: Final = 24
"""What a child without the filter is told, which has no room for another file: the compiler knows to live with it."""


def _refuse_calls() -> bool:
    """Whether the kernel took the filter. Where it knows none, the limits stand alone."""
    import ctypes  # noqa: PLC0415 - the server has no use for it
    import platform  # noqa: PLC0415
    import struct  # noqa: PLC0415

    known = _MACHINES.get(platform.machine()) if sys.platform == "linux" else None
    if known is None:
        return False
    machine, own = known
    refused = sorted({*own, *_COMMON})
    count = len(refused)
    # Steps of a classic BPF program: what to do, where to go on if so and if not, with what.
    load, equal, not_below, end = 0x20, 0x15, 0x35, 0x06
    kill, refuse, allow = 0x80000000, 0x00050000 | _EMFILE, 0x7FFF0000
    steps = [(load, 0, 0, 4), (equal, 1, 0, machine), (end, 0, 0, kill), (load, 0, 0, 0)]
    steps += [(not_below, count + 1, 0, 0x40000000)]  # numbers of another kind of calls, on x86
    steps += [(equal, count - place, 0, number) for place, number in enumerate(refused)]
    steps += [(end, 0, 0, allow), (end, 0, 0, refuse)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    described = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(program)))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, set_filter, by_filter = 38, 22, 2
    zeros = [ctypes.c_ulong(0)] * 3
    if libc.prctl(no_new_privileges, ctypes.c_ulong(1), *zeros) != 0:
        return False
    pointer = ctypes.c_void_p(ctypes.addressof(described))
    return bool(libc.prctl(set_filter, ctypes.c_ulong(by_filter), pointer, *zeros[:2]) == 0)


def _write(said: dict[str, Any], code: bytes | bytearray) -> None:
    header = json.dumps(said).encode()
    sys.stdout.buffer.write(len(header).to_bytes(_HEADER, "little") + header)
    sys.stdout.buffer.write(code)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _child(Allowance(*map(int, sys.argv[1:])))
