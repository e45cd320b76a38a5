"""A module called as a component, by the canonical ABI: every foreign one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import wasmtime
from wasmtime import component

from athena_lab.errors import BadModule, SampleNotFound
from athena_lab.wasm.job import Answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from athena_lab.wasm.job import Job

INTERFACE = "athena:analyzer/analyzer@1.0.0"


class ComponentGuest:
    """A component as one engine has it. Its sample is a file on stdin."""

    def __init__(self, engine: wasmtime.Engine, loaded: component.Component) -> None:
        self._linker = component.Linker(engine)
        self._linker.add_wasip2()
        self._component = loaded

    def answer(self, job: Job, new_store: Callable[[], wasmtime.Store]) -> Answer:
        """Raises `WasmError`, and `wasmtime.WasmtimeError` for what ends a guest."""
        store = new_store()
        wasi = wasmtime.WasiConfig()
        if job.stdin is not None:
            wasi.stdin_file = _readable(job.stdin)
        store.set_wasi(wasi)
        instance = self._linker.instantiate(store, self._component)
        if job.call is None:
            return Answer(str(_export(job, store, instance, "describe")(store)))
        said = _export(job, store, instance, "analyze")(store, job.text())
        return Answer(str(said.payload), refused=said.tag != "ok")


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
