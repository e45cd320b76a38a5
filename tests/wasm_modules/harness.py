"""Runs a built component with wasmtime-py, without the runtime of Athena Lab: what these tests test is the component.

``ATHENA_COMPONENTS`` names another folder with components, for those that were rebuilt elsewhere.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from wasmtime import Config, Engine, Store, WasiConfig, WasmtimeError
from wasmtime.component import Component, Linker

from athena_lab.wasm.contract import Call, Description, Output, Refusal, SampleInfo

REPOSITORY = Path(__file__).resolve().parents[2]
SHIPPED = REPOSITORY / "wasm" / "components"
TESTING = REPOSITORY / "tests" / "data" / "components"
REBUILT = os.environ.get("ATHENA_COMPONENTS", "")
"""Read when the tests are collected: while they run, the environment has nothing of Athena Lab's."""
INTERFACE = "athena:analyzer/analyzer@1.0.0"
MEMORY_BYTES = 1 << 30
DEADLINE_TICKS = 1


class Refused(Exception):
    """The module refused; the argument is its `Refusal`."""


def component_file(name: str) -> Path:
    folders = [Path(REBUILT)] if REBUILT else [SHIPPED, TESTING]
    return next(folder / f"{name}.wasm" for folder in folders if (folder / f"{name}.wasm").is_file())


def new_engine() -> Engine:
    config = Config()
    config.epoch_interruption = True
    return Engine(config)


@dataclass
class Guest:
    """One component, compiled once; each call has a Store of its own."""

    name: str
    engine: Engine = field(default_factory=new_engine)
    memory_bytes: int = MEMORY_BYTES

    def __post_init__(self) -> None:
        self.component = Component(self.engine, component_file(self.name).read_bytes())
        self.linker = Linker(self.engine)
        self.linker.add_wasip2()

    def describe(self) -> Description:
        return msgspec.json.decode(self._invoke("describe", b""), type=Description)

    def analyze_raw(self, options: str, sample: bytes = b"") -> str:
        """The answer's text; raises `Refused` with the error's text, and `WasmtimeError` for a trap."""
        result = self._invoke("analyze", sample, options)
        if result.tag == "err":
            raise Refused(result.payload)
        return result.payload

    def call(self, function: str, sample: bytes | None = None, name: str = "", **args: Any) -> Output:
        """The decoded answer; raises `Refused` with the decoded `Refusal`."""
        info = None if sample is None else SampleInfo(size=len(sample), name=name)
        options = msgspec.json.encode(
            Call(function=function, args=msgspec.Raw(msgspec.json.encode(args)), sample=info)
        ).decode()
        try:
            answer = self.analyze_raw(options, sample or b"")
        except Refused as refused:
            raise Refused(msgspec.json.decode(refused.args[0], type=Refusal)) from None
        return msgspec.json.decode(answer, type=Output)

    def _invoke(self, function: str, sample: bytes, *args: str) -> Any:
        with tempfile.NamedTemporaryFile() as stdin:
            stdin.write(sample)
            stdin.flush()
            store = Store(self.engine)
            store.set_limits(memory_size=self.memory_bytes, memories=1, tables=8, instances=16)
            store.set_epoch_deadline(DEADLINE_TICKS)
            wasi = WasiConfig()
            wasi.stdin_file = stdin.name
            store.set_wasi(wasi)
            instance = self.linker.instantiate(store, self.component)
            interface = instance.get_export_index(store, INTERFACE)
            index = instance.get_export_index(store, function, interface)
            exported = instance.get_func(store, index)
            return exported(store, *args)


__all__ = ["Guest", "Refused", "WasmtimeError"]
