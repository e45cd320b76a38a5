"""The sample's way: which modules run on it, how they run beside each other, and which reports are kept."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from athena_lab import extraction
from athena_lab.analysis import ENGINE, Analysis, Means
from athena_lab.errors import InvalidField, ModuleDeadline, ModuleRefused, WasmError
from athena_lab.report import ModuleResult, Report, Slot
from athena_lab.sample import MIB
from athena_lab.wasm.contract import SampleHashes, SampleInfo
from athena_lab.wasm.runtime import SampleFile

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    import msgspec

    from athena_lab import api
    from athena_lab.ai.types import AnalysisType
    from athena_lab.sample import Quarantine, Sample
    from athena_lab.wasm.contract import Stopped
    from athena_lab.wasm.module import Module
    from athena_lab.wasm.runtime import Completed, Runtime
    from athena_lab.wasm.sessions import Session, Sessions

KEPT_BYTES: Final = 8 * MIB
"""Of module data in the reports that are kept in memory: some hundred, and another takes a tenth of a second."""

SLOTS: Final[dict[AnalysisType, tuple[Slot, ...]]] = {
    "full": ("analysis", "crypto", "deobfuscation", "patterns", "network", "sandbox", "foreign"),
    "quick": ("analysis", "patterns"),
    "pattern": ("patterns",),
    "behavior": ("analysis", "deobfuscation", "sandbox"),
}
"""Which slots an analysis type fills. A document or an archive does what the files inside do, which the first lists."""


class Triager:
    """Runs modules on samples of the quarantine. The modules are loaded by whoever owns it; so are its parts closed.

    Belongs to one event loop.
    """

    def __init__(self, quarantine: Quarantine, runtime: Runtime, sessions: Sessions) -> None:
        self._quarantine = quarantine
        self._runtime = runtime
        self._sessions = sessions
        self._reports = _Reports()

    def stream(self, sample: Sample, wanted: api.AnalyzeSample) -> AsyncGenerator[ModuleResult | Report]:
        """Each module's result as it is ready, and the report last. What a module does wrong is its result's `error`.

        Raises at once, before anything runs: `InvalidField`, `UnknownModule`, `UnknownSession`, and the catalog's error
        where no module could be loaded at all. The stream itself raises `QueueFull`.
        """
        modules, failed = self._choose(wanted)
        unloaded = self._unloaded(wanted)
        engine = self._engine(wanted)
        sessions = self._sessions_of(wanted.options.sessions)
        turns = tuple(session.turn for session in sessions.values())
        versions = tuple(module.entry.sha256 for module in (*modules, *((engine,) if engine else ())))
        key = (sample.sha256, sample.name, wanted, turns, versions, unloaded)
        if (known := self._reports.get(key)) is not None:
            return _again(known)
        means = Means(self._call_on, self._take_out)
        analysis = Analysis(wanted, modules, engine, sessions, means, unloaded=unloaded)
        return self._stream(analysis.stream(sample, [self._not_loaded(error) for error in failed]), key)

    async def _stream(
        self, parts: AsyncGenerator[ModuleResult | Report], key: tuple[object, ...]
    ) -> AsyncGenerator[ModuleResult | Report]:
        async with contextlib.aclosing(parts):
            async for part in parts:
                if isinstance(part, Report):
                    self._reports.keep(key, part)
                yield part

    def _choose(self, wanted: api.AnalyzeSample) -> tuple[list[Module], list[WasmError]]:
        """The modules that will run, and why others of the catalog cannot."""
        runtime = self._runtime
        if wanted.modules is not None:
            named = [runtime.module(name) for name in dict.fromkeys(wanted.modules) if name != ENGINE]
            if not named:
                raise InvalidField(f"{ENGINE} concludes from what other modules say: name some of them, too.")
            return named, []
        slots = _slots(wanted)
        chosen = [module for module in runtime.modules.values() if module.description.slot in slots]
        failed = [
            error
            for name, error in runtime.failures.items()
            if "foreign" in slots or not runtime.catalog.is_foreign(name)
        ]
        if chosen:
            return chosen, failed
        if failed and not runtime.modules:
            raise failed[0]
        raise InvalidField(
            f"No module that is loaded does a {wanted.analysis_type!r} analysis with these options.",
            next_step="Load one, or ask for another analysis; lab.modules() or GET /api/v1/wasm/modules lists them.",
        )

    def _unloaded(self, wanted: api.AnalyzeSample) -> tuple[str, ...]:
        """Modules that would have run, were they not unloaded. Of one that was never loaded it is not known, and who
        names the modules knows which are left out.
        """
        if wanted.modules is not None:
            return ()
        slots = {*_slots(wanted), "conclusion"}
        return tuple(sorted(name for name, slot in self._runtime.unloaded.items() if slot in slots))

    def _engine(self, wanted: api.AnalyzeSample) -> Module | None:
        """Who draws the conclusion, where it is loaded and wanted. Raises `UnknownModule` if it is named."""
        if wanted.modules is not None:
            return self._runtime.module(ENGINE) if ENGINE in wanted.modules else None
        return self._runtime.modules.get(ENGINE)

    def _sessions_of(self, ids: Sequence[str]) -> dict[str, Session]:
        """By module. Raises `UnknownSession`, and `InvalidField` for two of one module."""
        sessions = {}
        for id_ in ids:
            session = self._sessions.get(id_)
            name = session.module.entry.name
            if name in sessions:
                raise InvalidField(f"Two of the sessions are of {name}.")
            sessions[name] = self._sessions.get(id_, self._runtime.module(name))
        return sessions

    def _not_loaded(self, error: WasmError) -> tuple[Slot, ModuleResult]:
        slot: Slot = "foreign" if self._runtime.catalog.is_foreign(error.module) else "analysis"
        return slot, ModuleResult.failed(error.module, "", error=error.problem(), time=0.0)

    async def execute(
        self,
        module: str,
        function: str,
        args: Mapping[str, Any] | msgspec.Raw | None,
        *,
        sample: Sample | None,
        deadline: float | None,
        session: str | None,
    ) -> Completed:
        """One function of one module. `deadline` in seconds; `session` is an id. Raises as `Runtime.call`."""
        file = self._file(sample) if sample is not None else None
        opened = self._sessions.get(session, self._runtime.module(module)) if session is not None else None
        return await self._call(module, function, args, sample=file, deadline=deadline, session=opened)

    async def extract(
        self, module: str, sample: Sample, index: int, *, deadline: float | None, stopped: Stopped | None = None
    ) -> Sample:
        """A file that the module sees inside the sample, put into the quarantine. `deadline` in seconds, each part.

        `stopped`: what is left of the run that made it.
        """
        file = self._file(sample)

        async def call(args: Mapping[str, int]) -> msgspec.Raw:
            try:
                done = await self._runtime.call(
                    module, extraction.FUNCTION, args, sample=file, stopped=stopped, deadline=deadline
                )
            except ModuleRefused as error:
                error.next_step = extraction.WHAT_THERE_IS[module]
                raise
            except WasmError as error:
                if error.partial is None:
                    raise
                data: msgspec.Raw = error.partial.output.data  # it was there before the run was stopped
                return data
            return done.output.data

        child, content = await extraction.content_of(call, index, module=module, max_bytes=self._quarantine.max_bytes)
        return await asyncio.to_thread(self._quarantine.add_bytes, content, child.name, is_inside=True)

    async def _call_on(self, *what: Any, sample: Sample | None, **how: Any) -> Completed:
        return await self._call(*what, sample=self._file(sample) if sample is not None else None, **how)

    async def _take_out(
        self, module: str, sample: Sample, index: int, seconds: float, stopped: Stopped | None
    ) -> Sample:
        """In so many seconds, however many parts it comes in."""
        try:
            async with asyncio.timeout(seconds):
                return await self.extract(module, sample, index, deadline=seconds, stopped=stopped)
        except TimeoutError:
            raise ModuleDeadline(f"It was not taken out within {seconds:g} s.", module=module) from None

    async def _call(self, *what: Any, session: Session | None, **how: Any) -> Completed:
        """As `Runtime.call`, with what the session keeps."""
        if session is None:
            return await self._runtime.call(*what, **how)
        turn = session.turn
        session.calls += 1
        done = await self._runtime.call(*what, state=session.state, **how)
        self._sessions.keep(session, turn, done.output.state)
        return done

    def _file(self, sample: Sample) -> SampleFile:
        known = self._quarantine.hashes(sample.sha256)
        hashes = SampleHashes(*known) if known else None
        return SampleFile(self._quarantine.path(sample.sha256), SampleInfo(sample.size, sample.name, hashes))


class _Reports:
    """Those of late, by all that they depend on; what was not asked for the longest time goes first."""

    def __init__(self) -> None:
        self._reports: OrderedDict[tuple[object, ...], Report] = OrderedDict()
        self._bytes = 0

    def get(self, key: tuple[object, ...]) -> Report | None:
        if (known := self._reports.get(key)) is not None:
            self._reports.move_to_end(key)
        return known

    def keep(self, key: tuple[object, ...], report: Report) -> None:
        if report.status != "completed":
            return  # a failure may be gone the next time
        if (before := self._reports.pop(key, None)) is not None:
            self._bytes -= _weight(before)
        self._reports[key] = report
        self._bytes += _weight(report)
        while len(self._reports) > 1 and self._bytes > KEPT_BYTES:
            self._bytes -= _weight(self._reports.popitem(last=False)[1])


async def _again(report: Report) -> AsyncGenerator[ModuleResult | Report]:
    for result in report.module_results:
        yield result
    yield report


def _weight(report: Report) -> int:
    return sum(memoryview(result.data).nbytes for result in report.module_results)


def _slots(wanted: api.AnalyzeSample) -> set[Slot]:
    return set(SLOTS[wanted.analysis_type]) - {slot for slot, on in _switches(wanted.options).items() if not on}


def _switches(options: api.TriageOptions) -> dict[Slot, bool]:
    return {
        "deobfuscation": options.include_deobfuscation,
        "crypto": options.include_crypto,
        "network": options.include_network_analysis,
    }
