"""Foreign modules on their way in: compiled apart, asked what they are, and refused where they may not be."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from athena_lab.errors import BadModule, ModuleNotTaken, WasmError
from athena_lab.wasm import foreign
from athena_lab.wasm.health import FAULTS
from athena_lab.wasm.job import Job
from athena_lab.wasm.manifest import Entry
from athena_lab.wasm.module import Inspection, Module

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from athena_lab.bulkheads import Resource
    from athena_lab.wasm.catalog import Catalog
    from athena_lab.wasm.foreign import ForeignOptions
    from athena_lab.wasm.own import OwnModules


class Newcomers:
    """Belongs to one runtime, which gives it its places and threads."""

    def __init__(
        self, catalog: Catalog, options: ForeignOptions, submit: Callable[[Job, Resource], Awaitable[str]]
    ) -> None:
        """`submit` runs a job in a thread once there is a place of the resource."""
        self._catalog, self._options, self._submit = catalog, options, submit

    @property
    def own(self) -> OwnModules:
        """Where they are kept. Raises `ModuleNotTaken` where there is no such place."""
        if self._catalog.own is None:
            raise ModuleNotTaken("This runtime takes no modules of others.", module=foreign.NEW)
        return self._catalog.own

    async def describe(self, entry: Entry, wasm: bytes) -> Module:
        """One that was taken before. Raises `WasmError`."""
        foreign.check_component(wasm, self._options)
        return await self._ask(self._compiling(entry, wasm))

    async def inspect(self, wasm: bytes) -> Inspection:
        """What a component is, compiled and asked, but not taken. Raises `QueueFull`."""
        entry = Entry(foreign.NEW, "it", hashlib.sha256(wasm).hexdigest(), len(wasm), foreign=True)
        compiling = self._compiling(entry, wasm)
        module = problem = None
        try:
            foreign.check_component(wasm, self._options)
            module = await self._ask(compiling)
            self._refuse_name(module.description.name)
        except (BadModule, *FAULTS) as error:
            problem = _not_taken(error)
        return Inspection(compiling.imports, compiling.exports, module, problem)

    async def accept(self, wasm: bytes) -> Module:
        """As `inspect`, for one that is to be taken. Raises `ModuleNotTaken` for whatever is wrong with it."""
        found = await self.inspect(wasm)
        if found.problem is not None:
            raise found.problem
        assert found.module is not None, "there is one or the other"
        return found.module

    def _refuse_name(self, name: str) -> None:
        entries = self._catalog.entries
        foreign.check_name(name, {entry.name for entry in entries if not entry.foreign})
        there = {entry.name for entry in entries if entry.foreign}
        if name not in there and len(there) >= self._options.most:
            step = "Remove one, or raise [wasm.foreign] most in athena.toml."
            raise ModuleNotTaken(f"There are {len(there)} modules of your own.", module=name, next_step=step)

    def _compiling(self, entry: Entry, wasm: bytes) -> Job:
        seconds, apart = self._options.compile_seconds, self._options.allowance
        return Job(entry, wasm=wasm, function="compile", memory_bytes=0, seconds=seconds, apart=apart)

    async def _ask(self, compiling: Job) -> Module:
        options, entry = self._options, compiling.entry
        await self._submit(compiling, "memory")
        assert compiling.code is not None, "it has been compiled"
        limits: dict[str, Any] = {"memory_bytes": options.memory_bytes, "seconds": options.deadline}
        text = await self._submit(Job(entry, code=compiling.code, max_answer=options.max_answer, **limits), "cpu")
        return Module(entry, foreign.described(text, entry), compiling.code)


def _not_taken(error: WasmError) -> ModuleNotTaken:
    if isinstance(error, ModuleNotTaken):
        return error
    return ModuleNotTaken(error.detail, module=error.module, next_step=vars(error).get("next_step"))
