"""One triage: the modules on a sample beside each other, then the files inside of it, then the conclusion."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from athena_lab.descent import Descent
from athena_lab.errors import BadOutput, QueueFull, WasmError
from athena_lab.report import ModuleResult, Report, build_report
from athena_lab.report.model import NO_DATA

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from athena_lab import api
    from athena_lab.ai.types import AnalysisType
    from athena_lab.report import Node, Slot
    from athena_lab.sample import Sample
    from athena_lab.wasm.contract import Description, Output, Stopped
    from athena_lab.wasm.module import Module
    from athena_lab.wasm.runtime import Completed, Partial
    from athena_lab.wasm.sessions import Session

ENGINE: Final = "analysis-engine"
DESCENDING: Final = frozenset(("full", "behavior"))
"""Types of analysis that analyse the files inside, too."""
MAX_TOLD: Final = 16 << 20
"""Bytes of the modules' data that the engine is given: of more, only their findings."""


class Means(NamedTuple):
    """What an analysis is done with.

    ``call`` runs a function of a module on a sample or on none, with what a session keeps; ``extract`` takes a file out
    of a sample: module, sample, number, seconds, and what is left of a run that was stopped.
    """

    call: Callable[..., Awaitable[Completed]]
    extract: Callable[[str, Sample, int, float, Stopped | None], Awaitable[Sample]]


class Analysis:
    """One triage. ``engine`` draws the conclusion; None: nobody does. ``sessions``, by module, are for the sample, and
    those of rules for the files inside, too; ``unloaded`` are modules that do not run because somebody unloaded them.
    """

    def __init__(
        self,
        wanted: api.AnalyzeSample,
        modules: Sequence[Module],
        engine: Module | None,
        sessions: Mapping[str, Session],
        means: Means,
        *,
        unloaded: tuple[str, ...],
    ) -> None:
        self._wanted, self._modules, self._engine, self._sessions = wanted, modules, engine, sessions
        self._means, self._unloaded = means, unloaded
        rules = {module.entry.name for module in modules if module.description.slot == "patterns"}
        self._rules = {name: session for name, session in sessions.items() if name in rules}
        self._stopped: dict[tuple[str, str], Stopped] = {}
        """By module and sample, while files are taken out of that."""

    async def stream(
        self, sample: Sample, failed: Sequence[tuple[Slot, ModuleResult]]
    ) -> AsyncGenerator[ModuleResult | Report]:
        """Each module's result as it is ready, and the report last; ``failed`` are those that could not be loaded.

        Raises `QueueFull`.
        """
        started = time.perf_counter()
        results = list(failed)
        for _, result in results:
            yield result
        async with contextlib.aclosing(self._run_all(sample, self._wanted.options.timeout, self._sessions)) as parts:
            async for slot, result in parts:
                results.append((slot, result))
                yield result
        descent = Descent(sample, self._wanted.options.children, extract=self._take_out, analyse=self._inside)
        children: tuple[Node, ...] = ()
        if self._wanted.analysis_type in DESCENDING:
            children = await self._descend(descent, sample, results, 0)
        async for slot, result in self._conclude(results, children):
            results.append((slot, result))
            yield result
        yield self._report(sample, results, children, started)

    async def _inside(self, descent: Descent, sample: Sample, depth: int, seconds: float) -> Report:
        """Of a file inside: as many levels below it as are left."""
        started = time.perf_counter()
        async with contextlib.aclosing(self._run_all(sample, seconds, self._rules)) as parts:
            results = [part async for part in parts]
        children = await self._descend(descent, sample, results, depth)
        results += [part async for part in self._conclude(results, children)]
        return self._report(sample, results, children, started)

    async def _descend(
        self, descent: Descent, sample: Sample, results: Sequence[tuple[Slot, ModuleResult]], depth: int
    ) -> tuple[Node, ...]:
        try:
            return await descent.into(sample, [result for _, result in results], depth)
        finally:
            for module in self._modules:
                self._stopped.pop((module.entry.name, sample.sha256), None)

    async def _take_out(self, module: str, sample: Sample, index: int, seconds: float) -> Sample:
        return await self._means.extract(module, sample, index, seconds, self._stopped.get((module, sample.sha256)))

    def _report(
        self,
        sample: Sample,
        results: Sequence[tuple[Slot, ModuleResult]],
        children: tuple[Node, ...],
        started: float,
    ) -> Report:
        return build_report(
            sample=sample,
            analysis_type=self._wanted.analysis_type,
            results=results,
            total_time=time.perf_counter() - started,
            children=children,
            unloaded=self._unloaded,
        )

    async def _run_all(
        self, sample: Sample, seconds: float | None, sessions: Mapping[str, Session]
    ) -> AsyncGenerator[tuple[Slot, ModuleResult]]:
        async with contextlib.AsyncExitStack() as stack:
            tasks = [
                asyncio.create_task(self._run(module, sample, seconds, sessions.get(module.entry.name)))
                for module in self._modules
            ]
            stack.push_async_callback(_cancel_all, tasks)
            for finished in asyncio.as_completed(tasks):
                yield await finished

    async def _run(
        self, module: Module, sample: Sample, seconds: float | None, session: Session | None
    ) -> tuple[Slot, ModuleResult]:
        call = self._means.call(
            module.description.name,
            "analyze",
            _arguments(module, self._wanted.analysis_type),
            sample=sample,
            deadline=seconds,
            session=session,
        )
        result, stopped = await _result(module, call)
        if stopped is not None:
            self._stopped[module.entry.name, sample.sha256] = stopped
        return module.description.slot, result

    async def _conclude(
        self, results: Sequence[tuple[Slot, ModuleResult]], children: Sequence[Node]
    ) -> AsyncGenerator[tuple[Slot, ModuleResult]]:
        """The engine's result, if there is an engine and anything to conclude from."""
        if self._engine is None or not any(result.says_something for _, result in results):
            return
        foreign = {module.entry.name for module in self._modules if module.description.slot == "foreign"}
        args = {"results": _told([result for _, result in results]), "children": _verdicts(children, foreign)}
        call = self._means.call(
            ENGINE, "analyze", args, sample=None, deadline=self._wanted.options.timeout, session=None
        )
        result, _ = await _result(self._engine, call)
        yield self._engine.description.slot, result


async def _result(module: Module, call: Awaitable[Completed]) -> tuple[ModuleResult, Stopped | None]:
    """What a module does wrong is its result's `error`; what is left of a run that was stopped comes beside it.

    Raises `QueueFull`, which is no fault of the module.
    """
    described = module.description
    started = time.perf_counter()
    try:
        done = await call
        return _told_by(described, done.output, done.elapsed), None
    except QueueFull:
        raise
    except WasmError as error:
        seconds = time.perf_counter() - started
        failed = ModuleResult.failed(described.name, described.version, error=error.problem(), time=seconds)
        partial: Partial | None = error.partial
        return (failed, None) if partial is None else _with_partial(failed, described, partial)


def _told_by(described: Description, output: Output, seconds: float) -> ModuleResult:
    """Raises `BadOutput` for what breaks the contract: it is told as that module's failure."""
    result = ModuleResult.ok(
        described.name,
        described.version,
        data=output.data,
        findings=output.findings,
        time=seconds,
        memory_bytes=output.memory_bytes,
    )
    result.facts()
    return result


def _with_partial(
    failed: ModuleResult, described: Description, partial: Partial
) -> tuple[ModuleResult, Stopped | None]:
    """The failure, and what was found out before it, if that keeps the contract."""
    try:
        told = _told_by(described, partial.output, failed.time)
    except BadOutput:
        return failed, None
    return msgspec.structs.replace(failed, findings=told.findings, data=told.data), partial.stopped


def _arguments(module: Module, analysis_type: AnalysisType) -> dict[str, Any]:
    """What modules are told beside the sample, where they ask for it. They have no clock of their own."""
    known = {"quick": analysis_type == "quick", "now": int(time.time())}
    asked = module.functions["analyze"].args.get("properties", {})
    return {name: value for name, value in known.items() if name in asked}


def _told(results: Sequence[ModuleResult]) -> list[ModuleResult]:
    """The results with as much data as may be told, the smallest first."""
    left, told = MAX_TOLD, []
    for result in sorted(results, key=lambda result: memoryview(result.data).nbytes):
        left -= memoryview(result.data).nbytes
        told.append(result if left >= 0 else msgspec.structs.replace(result, data=NO_DATA))
    return told


def _verdicts(children: Sequence[Node], foreign: AbstractSet[str]) -> list[dict[str, Any]]:
    """Of what is directly inside, the same bytes once; also of bytes that were analysed elsewhere in the tree. What
    `foreign` modules say is not repeated in words of ours.
    """
    judged = {node.sha256: node for node in reversed(children) if node.status == "analysed" or node.level != "unknown"}
    return [
        {
            "name": node.name,
            "sha256": node.sha256,
            "level": node.level,
            "score": node.score or 0,
            "worst": _worst(node, foreign),
        }
        for node in children
        if judged.get(node.sha256) is node
    ]


def _worst(node: Node, foreign: AbstractSet[str]) -> str:
    """The title of its worst finding that tells something, of its own rather than of a file inside it."""
    telling = (finding for finding in node.worst if finding.severity not in {"info", "low"})
    told = (finding for finding in telling if finding.id.partition("/")[0] not in foreign)
    return next((finding.title for finding in told if not finding.id.startswith(f"{ENGINE}/child-")), "")


async def _cancel_all(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
