"""What the sandbox has, in the words of the API."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from athena_lab import api

if TYPE_CHECKING:
    from athena_lab.wasm.manifest import Entry
    from athena_lab.wasm.module import Inspection, Module
    from athena_lab.wasm.runtime import Runtime
    from athena_lab.wasm.sessions import Session, Sessions


def capabilities(module: Module) -> api.ModuleCapabilities:
    described = module.description
    functions = tuple(api.FunctionInfo(f.name, f.summary, f.needs_sample, f.args) for f in described.functions)
    return api.ModuleCapabilities(
        described.name, described.version, described.summary, described.slot, described.capabilities, functions
    )


def info(runtime: Runtime, entry: Entry) -> api.ModuleInfo:
    module, failure = runtime.modules.get(entry.name), runtime.failures.get(entry.name)
    counts, limits = runtime.counts.get(entry.name), runtime.limits(entry.name)
    return api.ModuleInfo(
        name=entry.name,
        status="loaded" if module else "failed" if failure else "available",
        version=module.description.version if module else None,
        capabilities=module.description.capabilities if module else (),
        memory_usage=counts.peak_memory if counts else 0,
        size=module.entry.size if module else entry.size,
        detail=str(failure) if failure else "",
        memory_bytes=limits.memory_bytes,
        deadline=limits.deadline,
        foreign=entry.foreign,
    )


def inspection(wasm: bytes, found: Inspection) -> api.Inspection:
    return api.Inspection(
        sha256=hashlib.sha256(wasm).hexdigest(),
        size=len(wasm),
        imports=found.imports,
        exports=found.exports,
        description=capabilities(found.module) if found.module else None,
        problem=found.problem.problem() if found.problem else None,
    )


def metrics(runtime: Runtime) -> dict[str, api.ModuleMetrics]:
    return {name: api.ModuleMetrics(**msgspec.structs.asdict(counts)) for name, counts in runtime.counts.items()}


def session(sessions: Sessions, opened: Session) -> api.SessionInfo:
    module = opened.module.description
    left = sessions.left(opened)
    return api.SessionInfo(opened.id, module.name, module.version, opened.ttl, left, opened.size, opened.calls)
