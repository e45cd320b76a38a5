"""One call inside the sandbox, and the thread that runs it.

An engine belongs to one worker thread, so that moving its epoch interrupts exactly the call that runs there. A Store is
made for a call and thrown away after it: any error poisons it, and no sample may see what another left behind.
"""

from __future__ import annotations

import contextlib
import threading
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import msgspec
import wasmtime
from wasmtime import component

from athena_lab.errors import (
    BadModule,
    BadOutput,
    ModuleCancelled,
    ModuleDeadline,
    ModuleRefused,
    ModuleTrap,
    SampleNotFound,
    WasmError,
)
from athena_lab.telemetry import metrics
from athena_lab.wasm import traps
from athena_lab.wasm.catalog import ALLOWED_IMPORT
from athena_lab.wasm.compiler import STACK_BYTES, Allowance, compile_apart, make_engine
from athena_lab.wasm.contract import Refusal

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path
    from subprocess import Popen

    from athena_lab.wasm.manifest import Entry
    from athena_lab.wasm.precompiled import PrecompiledCache

INTERFACE = "athena:analyzer/analyzer@1.0.0"
_TABLE_ELEMENTS = 100_000
_INSTANCES = 64
"""A component is several core instances: the module and the adapters of the canonical ABI."""
_TABLES = 16
ENGINE_KEY = f"wasmtime {version('wasmtime')}; epoch; stack {STACK_BYTES}"
"""What machine code depends on beside the component: engines of another key must not load it."""

MAX_ANSWER = 16 << 20
"""Characters. Decoding it holds the interpreter's lock: this much takes a quarter of a second."""

_MAKE_SMALLER = "Make it smaller, or raise [wasm.foreign] compile_bytes and compile_cpu in athena.toml."
_MEND = "Mend the module, or remove it; the other findings stand."

_T = TypeVar("_T")


class Job:
    """One call. It can be interrupted from any thread, at most once, and never hurts the call that comes after it."""

    def __init__(
        self,
        entry: Entry,
        call: str | None = None,
        *,
        wasm: bytes = b"",
        code: bytes | None = None,
        function: str = "describe",
        memory_bytes: int,
        seconds: float,
        stdin: Path | None = None,
        max_answer: int = MAX_ANSWER,
        apart: Allowance | None = None,
    ) -> None:
        """`call` is the text for ``analyze``; None asks for ``describe``. `seconds` counts from now.

        With `code`, nothing is compiled; without, it is made of `wasm`, and found here once the call has begun. With
        `apart`, nothing is called: it is compiled, in a process that may have so much.
        """
        self.max_answer, self.apart = max_answer, apart
        self.imports: tuple[str, ...] = ()
        self.exports: tuple[str, ...] = ()
        """What a component that was compiled apart asks for, and gives."""
        self.function = function
        self.entry, self.call, self.stdin, self.memory_bytes = entry, call, stdin, memory_bytes
        self.wasm, self.code = wasm, code
        self.seconds = seconds
        self.ends = time.monotonic() + seconds
        self.elapsed = 0.0
        self._lock = threading.Lock()
        self._engine: wasmtime.Engine | None = None
        self._compiler: Popen[bytes] | None = None
        self._reason: Literal["deadline", "cancelled"] | None = None

    @property
    def running(self) -> bool:
        return self._engine is not None

    def interrupt(self, reason: Literal["deadline", "cancelled"]) -> None:
        with self._lock:
            if self._reason is None:
                self._reason = reason
                if self._engine is not None:
                    self._engine.increment_epoch()
                if self._compiler is not None:
                    self._compiler.kill()

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
            self.elapsed = time.perf_counter() - started
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
        cause = self._reason or trap.cause
        metrics.WASM_TRAPS.labels(self.entry.name, cause).inc()
        if self._reason is not None:
            return self.stopped()
        return trap.error(trap.sentence, module=self.entry.name)


class Loaded(NamedTuple):
    """A component as one engine has it, and the machine code that any other engine of ours can load."""

    sha256: str
    code: bytes
    component: component.Component


class Worker:
    """What one thread has: an engine, a linker and the components that it has loaded."""

    def __init__(self, cache: PrecompiledCache) -> None:
        self._engine = make_engine()
        self._linker = component.Linker(self._engine)
        self._linker.add_wasip2()
        self._cache = cache
        self._components: dict[str, Loaded] = {}

    def keep_only(self, names: Container[str]) -> None:
        """Let go of what other modules are made of."""
        for name in [name for name in self._components if name not in names]:
            del self._components[name]

    def run(self, job: Job) -> str:
        """Raises `WasmError`."""
        if job.apart is not None:
            job.code = self._compile(job, job.apart)
            return ""
        loaded = self._component(job)
        try:
            answer = self._call(job, loaded)
        except wasmtime.WasmtimeError as error:
            raise job.failed(str(error)) from None
        text = _unwrap(answer, job) if isinstance(answer, component.Variant) else str(answer)
        if len(text) > job.max_answer:
            raise BadOutput(
                f"Its answer has {len(text):,} characters; the limit is {job.max_answer:,}.", module=job.entry.name
            )
        return text

    def _call(self, job: Job, loaded: component.Component) -> Any:
        with wasmtime.Store(self._engine) as store:
            store.set_limits(
                memory_size=job.memory_bytes,
                table_elements=_TABLE_ELEMENTS,
                instances=_INSTANCES,
                tables=_TABLES,
                memories=1,
            )
            store.set_epoch_deadline(1)
            wasi = wasmtime.WasiConfig()
            if job.stdin is not None:
                wasi.stdin_file = _readable(job.stdin)
            store.set_wasi(wasi)
            with job.running_on(self._engine):  # from here on: a tick before set_epoch_deadline would be lost
                instance = self._linker.instantiate(store, loaded)
                if job.call is None:
                    return self._export(job, store, instance, "describe")(store)
                return self._export(job, store, instance, "analyze")(store, job.call)

    @staticmethod
    def _export(job: Job, store: wasmtime.Store, instance: component.Instance, name: str) -> component.Func:
        interface = instance.get_export_index(store, INTERFACE)
        index = instance.get_export_index(store, name, interface) if interface else None
        function = instance.get_func(store, index) if index else None
        if function is None:
            raise BadModule(f"It does not export {INTERFACE}#{name}.", module=job.entry.name)
        if job.entry.foreign and not _fits(function.type(store), name):
            # A list of bytes, say, would be made into Python's numbers: 32 bytes for each.
            raise BadModule(f"Its {name} is not of the type that {INTERFACE} gives.", module=job.entry.name)
        return function

    def _component(self, job: Job) -> component.Component:
        known = self._components.get(job.entry.name)
        if known is None or known.sha256 != job.entry.sha256:
            known = self._components[job.entry.name] = self._load(job)
        job.code = known.code
        return known.component

    def _load(self, job: Job) -> Loaded:
        digest = job.entry.sha256
        if job.code is not None:
            return Loaded(digest, job.code, component.Component.deserialize(self._engine, job.code))
        assert not job.entry.foreign, "a foreign component is compiled apart"
        if (code := self._cache.load(digest)) is not None:
            with contextlib.suppress(wasmtime.WasmtimeError):  # cut off, or of another build: made anew below
                return Loaded(digest, code, component.Component.deserialize(self._engine, code))
        try:
            made = component.Component(self._engine, job.wasm)
        except wasmtime.WasmtimeError:
            raise BadModule(f"{job.entry.file} is not a WebAssembly component.", module=job.entry.name) from None
        _refuse_imports(made.type.imports(self._engine), job.entry)
        code = bytes(made.serialize())
        self._cache.store(digest, code)
        return Loaded(digest, code, made)

    def _compile(self, job: Job, allowance: Allowance) -> bytes:
        """The machine code of a foreign component, by a process of its own or from the cache of those that were."""
        digest, name = job.entry.sha256, job.entry.name
        if (code := self._cache.load(digest)) is not None:
            with contextlib.suppress(wasmtime.WasmtimeError):
                kind = component.Component.deserialize(self._engine, code).type
                job.imports, job.exports = tuple(kind.imports(self._engine)), tuple(kind.exports(self._engine))
                return code
        made = compile_apart(job.wasm, allowance, max(0.0, job.ends - time.monotonic()), job.compiled_by)
        job.check()
        if made is None:
            limits = f"{allowance.memory_bytes >> 20:,} MiB, {allowance.cpu_seconds} s"
            raise BadModule(f"Compiling it takes more than it may ({limits}).", module=name, next_step=_MAKE_SMALLER)
        if made.problem:
            raise BadModule(f"It is not a valid component: {made.problem}.", module=name)
        job.imports, job.exports = made.imports, made.exports
        _refuse_imports(made.imports, job.entry)
        if INTERFACE not in made.exports:
            raise BadModule(f"It does not export {INTERFACE}.", module=name)
        self._cache.store(digest, made.code)
        return made.code


def _refuse_imports(wanted: Iterable[str], entry: Entry) -> None:
    if foreign := sorted(name for name in wanted if not ALLOWED_IMPORT.fullmatch(name)):
        raise BadModule(f"{entry.file} imports {', '.join(foreign)[:300]}.", module=entry.name)


def _fits(kind: component.FuncType, name: str) -> bool:
    """Whether a function is that of ``wasm/wit/world.wit``."""
    texts = [isinstance(type_, component.String) for _, type_ in kind.params]
    if name == "describe":
        return not texts and isinstance(kind.result, component.String)
    if texts != [True] or not isinstance(kind.result, component.ResultType):
        return False
    return isinstance(kind.result.ok, component.String) and isinstance(kind.result.err, component.String)


def _readable(path: Path) -> str:
    if not path.is_file():  # wasmtime would not say which file it misses
        raise SampleNotFound(f"The sample {path.stem} is no longer in the quarantine.")
    return str(path)


def _unwrap(answer: component.Variant, job: Job) -> str:
    if answer.tag == "ok":
        return str(answer.payload)
    refusal = decode(str(answer.payload), Refusal, job.entry.name)
    if refusal.code == "failed":
        raise ModuleTrap(f"It failed: {refusal.message[:500]}", module=job.entry.name, next_step=_MEND)
    raise ModuleRefused(f"{refusal.code}: {refusal.message[:500]}", module=job.entry.name)


def decode(text: str | bytes | msgspec.Raw, kind: type[_T], module: str) -> _T:
    """Raises `BadOutput`, whatever a module has written."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (ValueError, RecursionError) as error:  # MsgspecError is a ValueError; a number can be too long for Python
        raise BadOutput(f"Its answer does not fit {kind.__name__}: {error}.", module=module) from None
