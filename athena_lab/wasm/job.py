"""One call of a module: what it is, what it may have, and how it is interrupted."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

import msgspec

from athena_lab.errors import BadOutput, ModuleCancelled, ModuleDeadline, WasmError
from athena_lab.telemetry import metrics
from athena_lab.wasm import traps
from athena_lab.wasm.contract import Call, Stopped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import Popen

    import wasmtime

    from athena_lab.wasm.compiler import Allowance
    from athena_lab.wasm.manifest import Entry

MAX_ANSWER = 16 << 20
"""Characters. Decoding it holds the interpreter's lock: this much takes a quarter of a second."""

CONCLUDING = 0.75
"""Seconds for which a guest may go on beyond its deadline to tell what it had kept: whoever waits does so for a second,
and mostly it takes a thousandth of that."""

_T = TypeVar("_T")


class MachineCode(NamedTuple):
    """What a module was compiled to. ``core``: of the core module in it, which the host calls by its front end."""

    data: bytes
    core: bool = False
    keepable: bool = False
    """Its memory is all that a call leaves, so that an image of it can be kept."""


class Answer(NamedTuple):
    """``refused``: the text is a `Refusal`, else an `Output`, or a `Description`."""

    text: str
    refused: bool = False
    memory_bytes: int | None = None
    """Of the guest at its end, where that is known."""


class Job:
    """One call. It can be interrupted from any thread, at most once, and never hurts the call that comes after it."""

    def __init__(
        self,
        entry: Entry,
        call: str | None = None,
        *,
        state: str | None = None,
        stopped: Stopped | None = None,
        wasm: bytes = b"",
        code: MachineCode | None = None,
        function: str = "describe",
        memory_bytes: int,
        seconds: float,
        stdin: Path | None = None,
        max_answer: int = MAX_ANSWER,
        apart: Allowance | None = None,
    ) -> None:
        """`call` is the text for ``analyze``, without the `state` of its session; None asks for ``describe``. With
        `stopped`, it is answered with what is left of a run that was. `seconds` counts from now.

        With `code`, nothing is compiled; without, it is made of `wasm`, and found here once the call has begun. With
        `apart`, nothing is called: it is compiled, in a process that may have so much.
        """
        self.max_answer, self.apart = max_answer, apart
        self.imports: tuple[str, ...] = ()
        self.exports: tuple[str, ...] = ()
        """What a component that was compiled apart asks for, and gives."""
        self.function = function
        self.entry, self.call, self.state = entry, call, state
        self.stdin, self.memory_bytes = stdin, memory_bytes
        self.wasm, self.code = wasm, code
        self.seconds = seconds
        self.ends = time.monotonic() + seconds
        self.elapsed = 0.0
        self.rest = b""
        """What the guest had kept when it was stopped."""
        self.partial: str | None = None
        """What a guest makes of that: an answer as any, to a call that failed."""
        self.before = stopped
        """What is left of a run that was stopped, which the call is answered with."""
        self._cause = ""
        self._concluding = False
        self._left = False
        """Nobody waits for the answer."""
        self._lock = threading.Lock()
        self._engine: wasmtime.Engine | None = None
        self._compiler: Popen[bytes] | None = None
        self._reason: Literal["deadline", "cancelled"] | None = None

    def text(self, *, with_state: bool = True) -> str:
        """The call, with its session's state and what was kept of it; empty to ask for the description."""
        text = self.call or ""
        for name, value in (("state", self.state if with_state else None), ("stopped", self.before)):
            if text and value is not None:
                text = f'{text[:-1]},"{name}":{msgspec.json.encode(value).decode()}}}'
        return text

    def preparing(self) -> str:
        """A call with nothing but its session's state: what an image keeps, every later call finds in its memory."""
        return msgspec.json.encode(Call(self.function, msgspec.Raw(b"{}"), None, self.state)).decode()

    @property
    def running(self) -> bool:
        return self._engine is not None

    def interrupt(self, reason: Literal["deadline", "cancelled"]) -> None:
        with self._lock:
            self._left |= reason == "cancelled"
            # The deadline of the call itself may come while it tells what was kept, which has one of its own.
            is_early = self._concluding and reason == "deadline" and time.monotonic() < self.ends
            if self._reason is None and not is_early:
                self._reason = reason
                if self._engine is not None:
                    self._engine.increment_epoch()
                if self._compiler is not None:
                    self._compiler.kill()

    def concludes(self) -> bool:
        """Whether it is to be run again, now that it is stopped, to tell what was kept of it."""
        with self._lock:
            if not self.rest or self._left:
                return False
            self._concluding, self.before = True, Stopped(self._cause, self.rest)
            self._reason, self.ends = None, max(self.ends, time.monotonic() + CONCLUDING)
        return True

    def compiled_by(self, process: Popen[bytes]) -> None:
        """To interrupt the job is to kill the process. It is its parent's to wait for, before and after."""
        with self._lock:
            self._compiler = process
            if self._reason is not None:
                process.kill()

    def check(self) -> None:
        """Raises what `stopped` gives if the job was interrupted, or its time is over and nobody has said so yet."""
        with self._lock:
            self._check()

    def _check(self) -> None:
        if self._reason is None and time.monotonic() >= self.ends:
            self._reason = "deadline"
        if self._reason is not None:
            raise self.stopped()

    @contextlib.contextmanager
    def running_on(self, engine: wasmtime.Engine) -> Iterator[None]:
        """Hold the engine for the time of the call; raises what `stopped` gives if it is over before it began."""
        with self._lock:
            self._check()
            self._engine = engine
        started = time.perf_counter()
        try:
            yield
        finally:
            self.elapsed += time.perf_counter() - started
            with self._lock:
                self._engine = None

    def stopped(self) -> WasmError:
        """The error of a call that was interrupted."""
        if self._reason == "cancelled":
            return ModuleCancelled("The call was cancelled.", module=self.entry.name)
        return ModuleDeadline(f"It did not end within {self.seconds:g} s.", module=self.entry.name)

    def failed(self, message: str) -> WasmError:
        """The error for wasmtime's `message`, counted."""
        trap = traps.classify(message)
        if not self._concluding:  # else it is the same call that is lost, and was counted
            self._cause = self._reason or trap.cause
            metrics.WASM_TRAPS.labels(self.entry.name, self._cause).inc()
        if self._reason is not None:
            return self.stopped()
        return trap.error(trap.sentence, module=self.entry.name)


def decode(text: str | bytes | msgspec.Raw, kind: type[_T], module: str) -> _T:
    """Raises `BadOutput`, whatever a module has written."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (ValueError, RecursionError) as error:  # MsgspecError is a ValueError; a number can be too long for Python
        raise BadOutput(f"Its answer does not fit {kind.__name__}: {error}.", module=module) from None
