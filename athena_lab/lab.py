"""`Lab`: the one object behind every door. `open_lab` is the only place where its parts are put together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

import msgspec
from msgspec.structs import replace

from athena_lab import api, health, modules, questions
from athena_lab.ai import AIManager, build_prompt
from athena_lab.ai.jobs import Jobs
from athena_lab.ai.later import Later
from athena_lab.ai.ledger import Ledger
from athena_lab.ai.metrics import note, record, watch
from athena_lab.ai.pulled import PulledEvents
from athena_lab.ai.question import result
from athena_lab.ai.store import Store
from athena_lab.ai.structured import schema as assessment_schema
from athena_lab.bulkheads import Bulkheads
from athena_lab.config import LabConfig, load_config
from athena_lab.derived import Derived
from athena_lab.errors import BadModule, InvalidField, LabClosed, QueueFull, WasmError
from athena_lab.protocol import Source, documented
from athena_lab.report import ModuleResult, Report
from athena_lab.report.display import counted
from athena_lab.sample import Incoming, Quarantine, Sample, check_path, display_name
from athena_lab.telemetry.bulkheads import watch as watch_bulkhead
from athena_lab.tools import Look
from athena_lab.triager import Triager
from athena_lab.triages import Triage, Triages
from athena_lab.wasm.catalog import Catalog
from athena_lab.wasm.own import OwnModules, read_component
from athena_lab.wasm.runtime import Runtime
from athena_lab.wasm.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from athena_lab.ai import Prompt
    from athena_lab.ai.job import Job
    from athena_lab.ai.states import StreamState
    from athena_lab.ai.types import AnalysisRequest, AnalysisResult, AnalysisType, ProviderStatus, UsageReport
    from athena_lab.events import AnyEvent

_PROBE_EVERY = 5.0
"""Seconds. How the sandbox is, is measured no more often."""
_TRIAGE_SECONDS = 60.0
"""What an answer may take beyond its own deadline: its sample is analysed first."""
_OPTIONS = api.TriageOptions()
_T = TypeVar("_T", bound=msgspec.Struct)


def open_lab(config: LabConfig | None = None, *, environ: Mapping[str, str] | None = None) -> Lab:
    """A lab in this process, by `config` or by file and environment. Raises `ConfigError`.

    Nothing is started yet: modules are loaded with the first use, connections opened with the first question.
    """
    environ = os.environ if environ is None else environ
    config = config or load_config(environ)
    options = config.ai.options
    bulkheads = Bulkheads(config.bulkheads)
    store = Store(config.later, config.ai.later, bulkheads)
    later = Later(store, options.recovery)
    for bulkhead in bulkheads:
        watch_bulkhead(bulkhead, bulkhead.name)
    ai = AIManager(
        config.providers.values(),
        environ=environ,
        options=options,
        observers=(record, later.observe),
        notes=(note,),
        ledger=Ledger(config.ledger, config.ai.ledger),
        health=config.ai.health,
        later=later,
        past=store.past,
        bulkheads=bulkheads,
        back=later.back,
    )
    watch(ai)
    return Lab(
        config,
        quarantine=Quarantine(config.quarantine, max_bytes=config.samples.max_bytes),
        runtime=Runtime(
            Catalog(config.components, OwnModules(config.own_modules)),
            config.wasm,
            cache=config.code_cache,
            bulkheads=bulkheads,
        ),
        sessions=Sessions(config.wasm.sessions),
        ai=ai,
        later=later,
        bulkheads=bulkheads,
    )


@documented
class Lab(Derived):
    """A lab in this process; see `athena_lab.protocol.LabProtocol` for what its methods do.

    It owns the sandbox, the quarantine, the AI core and the questions for later. Use it from one event loop.
    """

    def __init__(
        self,
        config: LabConfig,
        *,
        quarantine: Quarantine,
        runtime: Runtime,
        sessions: Sessions,
        ai: AIManager,
        later: Later,
        bulkheads: Bulkheads,
    ) -> None:
        self.config = config
        self._quarantine = quarantine
        self._runtime = runtime
        self._sessions = sessions
        self._triager = Triager(quarantine, runtime, sessions)
        self.triages = Triages()
        self._probed = 0.0
        self._last_check = 0.0
        self._ai = ai
        self._bulkheads = bulkheads
        self.jobs = Jobs(config.ai.jobs)
        self.later = later
        later.ask = self._ask_again
        self._closed = False

    def __repr__(self) -> str:
        if self._closed:
            return "<Lab, closed>"
        loaded = counted(len(self._runtime.modules), "module")
        return f"<Lab in this process, {loaded} loaded; providers: {', '.join(self._ai.configured) or 'none'}>"

    # -- samples

    async def add(self, source: Source, name: str = "") -> Sample:
        self._check_open()
        if isinstance(source, Sample):
            stored = await self.sample(source.sha256)
            return Sample(stored.sha256, stored.size, display_name(source.name) or stored.name)
        if isinstance(source, bytes):
            return await asyncio.to_thread(self._quarantine.add_bytes, source, name)
        return await asyncio.to_thread(self._quarantine.add_path, check_path(source))

    def receive(self, name: str) -> Incoming:
        """A sample that arrives in pieces, from a handler."""
        self._check_open()
        return self._quarantine.receive(name)

    async def sample(self, sha256: str) -> Sample:
        """The sample of that hash. Raises `SampleNotFound`."""
        return await asyncio.to_thread(self._quarantine.get, sha256)

    # -- the sample's way

    async def triage(
        self,
        source: Source,
        *,
        analysis_type: AnalysisType = "full",
        modules: Sequence[str] | None = None,
        options: api.TriageOptions | None = None,
    ) -> Report:
        async with self.stream_triage(source, analysis_type=analysis_type, modules=modules, options=options) as parts:
            async for part in parts:
                if isinstance(part, Report):
                    return part
        raise AssertionError("a triage ends with its report")

    @contextlib.asynccontextmanager
    async def stream_triage(
        self,
        source: Source,
        *,
        analysis_type: AnalysisType = "full",
        modules: Sequence[str] | None = None,
        options: api.TriageOptions | None = None,
    ) -> AsyncIterator[AsyncIterator[ModuleResult | Report]]:
        names = tuple(modules) if modules is not None else None
        wanted = valid(api.AnalyzeSample(analysis_type=analysis_type, modules=names, options=options or _OPTIONS))
        sample = await self.add(source)
        await self._ensure_loaded()
        async with contextlib.aclosing(self._triager.stream(sample, wanted)) as parts:
            yield parts

    def submit_triage(self, sample: Sample, wanted: api.AnalyzeSample) -> Triage:
        """A triage that runs by itself, and whose report can be asked for later."""
        self._check_open()
        return self.triages.start(
            lambda: self.stream_triage(
                sample, analysis_type=wanted.analysis_type, modules=wanted.modules, options=wanted.options
            )
        )

    async def execute(
        self,
        module: str,
        function: str,
        args: Mapping[str, Any] | None = None,
        *,
        source: Source | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - enforced in the sandbox, not by cancelling
        session: str | None = None,
    ) -> Any:
        executed = await self.execute_raw(module, function, args, source=source, timeout=timeout, session=session)
        return msgspec.json.decode(executed.result)

    async def execute_raw(
        self,
        module: str,
        function: str,
        args: Mapping[str, Any] | msgspec.Raw | None = None,
        *,
        source: Source | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - enforced in the sandbox, not by cancelling
        session: str | None = None,
    ) -> api.Executed:
        """As `execute`, with the result still encoded, and its time; arguments may be encoded, too."""
        await self._ensure_loaded()
        valid(api.TriageOptions(timeout=timeout))
        sample = await self.add(source) if source is not None else None
        done = await self._triager.execute(module, function, args, sample=sample, deadline=timeout, session=session)
        return api.Executed(module, function, done.output.data, done.elapsed)

    async def extract(
        self,
        source: Source,
        index: int,
        *,
        module: api.Extractor = "file-processor",
        timeout: float | None = None,  # noqa: ASYNC109 - enforced in the sandbox, not by cancelling
    ) -> Sample:
        await self._ensure_loaded()
        sample = await self.add(source)
        wanted = valid(api.ExtractChild(sample.sha256, index, timeout, module))
        return await self._triager.extract(wanted.module, sample, wanted.index, deadline=wanted.timeout)

    # -- the question's way

    async def analyze(self, request: AnalysisRequest) -> AnalysisResult:
        prompt, look = await self._question(valid(request))
        return await self._ai.analyze(request, prompt, look=look)

    @contextlib.asynccontextmanager
    async def stream(
        self, request: AnalysisRequest, *, state: StreamState | None = None
    ) -> AsyncIterator[PulledEvents]:
        prompt, look = await self._question(valid(request))
        async with self._ai.stream(request, prompt, state=state, look=look) as events:
            yield PulledEvents(events)

    def submit(self, request: AnalysisRequest, *, id_: str | None = None, polled: bool = False) -> Job:
        """The same as a job, which its readers may leave and come back to; see `Jobs.start`."""
        self._check_open()
        question = msgspec.json.encode(valid(request))
        return self.jobs.start(
            lambda state: self.stream(request, state=state),
            question=question,
            seconds=(request.options.deadline or self.config.ai.deadline) + _TRIAGE_SECONDS,
            id_=id_,
            polled=polled,
        )

    @contextlib.asynccontextmanager
    async def _ask_again(self, request: AnalysisRequest) -> AsyncIterator[AsyncIterator[AnyEvent]]:
        """Ask a question that was queued: nobody waits for it, and nothing stands in for its answer."""
        seconds = max(request.options.deadline or 0.0, self.config.ai.deadline)
        request = replace(request, options=replace(request.options, deadline=seconds, tools=False))
        prompt, _ = await self._question(request)
        async with self._ai.stream(request, prompt, recover=False) as events:
            yield events

    async def answer(self, job: str) -> AnalysisResult | None:
        self._check_open()
        if job in self.jobs:
            return await self.jobs.get(job).outcome()
        return await asyncio.to_thread(result, await self.later.get(job))

    async def queued(self) -> tuple[api.Queued, ...]:
        self._check_open()
        now = time.time()
        return tuple(questions.queued(question, now) for question in await self.later.waiting())

    async def _question(self, request: AnalysisRequest) -> tuple[Prompt, Look | None]:
        """The prompt, and what its functions are run by, where the model may look again."""
        self._check_open()
        schema = assessment_schema() if request.options.structured or request.options.consensus > 1 else None
        if request.sample is None:
            return build_prompt(request.question, schema=schema), None
        sample = await self.sample(request.sample)
        report = await self.triage(sample, analysis_type=request.analysis_type)
        prompt = build_prompt(
            request.question,
            sample_name=report.sample.name,
            sha256=report.sample.sha256,
            facts=report.facts,
            findings=report.findings,
            verdict=report.verdict.sentence,
            schema=schema,
        )
        if not (self.config.ai.looking.enabled and questions.may_look(request)):
            return prompt, None
        look = self._look(sample, report)
        return replace(prompt, tools=look.tools), look

    def _look(self, sample: Sample, report: Report) -> Look:
        async def execute(module: str, function: str, args: Mapping[str, Any], seconds: float) -> msgspec.Raw:
            done = await self._triager.execute(module, function, args, sample=sample, deadline=seconds, session=None)
            return done.output.data

        return Look(report, self._runtime.modules, execute)

    async def providers(self, *, refresh: bool = False) -> Sequence[ProviderStatus]:
        self._check_open()
        return await self._ai.providers(refresh=refresh)

    async def breaker(self, provider: str, state: Literal["open", "closed"]) -> ProviderStatus:
        self._check_open()
        return await self._ai.breaker(provider, valid(api.SetBreaker(state)).state)

    async def usage(self, days: int = 1) -> UsageReport:
        self._check_open()
        return await self._ai.usage(valid(api.AskUsage(days)).days)

    def start(self) -> None:
        """Begin what runs in the background: the providers are watched, as ``[ai.health]`` says, and questions that
        were queued are asked, as ``[ai.later]`` does. Needs a running event loop.
        """
        self._check_open()
        self._ai.start()
        self.later.start()

    # -- modules

    async def _ensure_loaded(self) -> None:
        self._check_open()
        await self._runtime.load_untried()

    def _check_open(self) -> None:
        if self._closed:
            raise LabClosed("This lab is closed.")

    async def capabilities(self) -> api.Capabilities:
        await self._ensure_loaded()
        wasm = self.config.wasm
        return api.Capabilities(
            runtime=f"wasmtime {version('wasmtime')}",
            architecture=platform.machine(),
            modules=tuple(modules.capabilities(module) for module in self._runtime.modules.values()),
            limits=api.Limits(
                workers=self._runtime.workers,
                queue=self._runtime.queue,
                memory_bytes=wasm.memory_bytes,
                deadline=wasm.deadline,
                max_sample_bytes=self.config.samples.max_bytes,
                max_json_bytes=self.config.http.max_json_bytes,
            ),
        )

    async def modules(self) -> api.Modules:
        self._check_open()
        entries = await asyncio.to_thread(self._runtime.catalog.scan)
        return api.Modules(tuple(modules.info(self._runtime, entry) for entry in entries))

    async def load(self, names: Sequence[str] | None = None) -> api.Modules:
        self._check_open()
        await self._runtime.load(tuple(names) if names is not None else None)
        return await self.modules()

    async def unload(self, module: str) -> api.Modules:
        self._check_open()
        await self._runtime.unload(module)
        return await self.modules()

    async def limit(
        self, module: str, *, memory_bytes: int | None = None, deadline: float | None = None
    ) -> api.Modules:
        await self._ensure_loaded()
        wanted = valid(api.SetLimits(memory_bytes, deadline))
        self._runtime.limit(module, wanted.memory_bytes, wanted.deadline)
        return await self.modules()

    async def add_module(self, component: str | os.PathLike[str] | bytes) -> api.ModuleInfo:
        self._check_open()
        most = self.config.wasm.foreign.max_bytes
        wasm = component if isinstance(component, bytes) else await asyncio.to_thread(read_component, component, most)
        added = await self._runtime.add(wasm)
        return modules.info(self._runtime, added.entry)

    async def inspect_module(self, component: bytes) -> api.Inspection:
        """What a component is, and whether it would be taken; it is not."""
        self._check_open()
        await asyncio.to_thread(self._runtime.catalog.scan)
        return modules.inspection(component, await self._runtime.inspect(component))

    async def remove_module(self, module: str) -> api.Modules:
        self._check_open()
        await self._runtime.remove(module)
        return await self.modules()

    # -- sessions

    async def open_session(self, module: str, *, ttl: float | None = None) -> api.SessionInfo:
        await self._ensure_loaded()
        wanted = valid(api.OpenSession(module, ttl))
        return modules.session(self._sessions, self._sessions.open(self._runtime.module(module), wanted.ttl))

    async def sessions(self) -> tuple[api.SessionInfo, ...]:
        self._check_open()
        return tuple(modules.session(self._sessions, session) for session in self._sessions)

    async def close_session(self, session: str) -> api.SessionInfo:
        self._check_open()
        return modules.session(self._sessions, self._sessions.close(session))

    async def reload(self, module: str) -> api.Reloaded:
        self._check_open()
        started = time.perf_counter()
        before = self._runtime.modules.get(module)
        previous = before.description.version if before else None
        try:
            after = await self._runtime.reload(module)
        except WasmError as error:
            new, success, detail = previous, False, str(error)
        else:
            new, success, detail = after.description.version, True, ""
        return api.Reloaded(success, module, previous, new, time.perf_counter() - started, detail)

    async def wasm_metrics(self) -> api.Metrics:
        self._check_open()
        return api.Metrics(modules.metrics(self._runtime))

    async def wasm_status(self) -> api.WasmStatus:
        with contextlib.suppress(BadModule, QueueFull):  # then not all is loaded, which is what the status says
            await self._ensure_loaded()
        await self._probe()
        status, detail = health.wasm(self._runtime)
        metrics = modules.metrics(self._runtime)
        memory = sum(counts.peak_memory for counts in metrics.values())
        return api.WasmStatus(status, detail, metrics, memory, self._last_check)

    async def _probe(self) -> None:
        now = time.monotonic()
        if now - self._probed >= _PROBE_EVERY:
            self._probed, self._last_check = now, time.time()
            await self._runtime.probe()

    async def health(self, *, names: bool = False) -> api.HealthReport:
        """``names`` says which providers cannot be asked. Without, anybody may read it: no paths, no names."""
        wasm = await self.wasm_status()
        components = {
            "api": api.Component("healthy", "It answers."),
            "wasm": health.modules(self._runtime, wasm.status),
            "providers": health.providers(self._ai.outlook, names=names),
            "queues": health.queues(self._bulkheads, self._ai.bulkheads),
            "later": health.later(self.later.problem),
        }
        bad = {part.status for part in components.values()} & {"degraded", "unhealthy"}
        degraded = wasm.status == "healthy" and bool(bad)
        return api.HealthReport("degraded" if degraded else wasm.status, components)

    # -- the end

    async def aclose(self) -> None:
        if not self._closed:
            self._closed = True
            await self.triages.aclose()
            await self.jobs.aclose()
            await self.later.aclose()
            await self._ai.aclose()
            await asyncio.to_thread(self._runtime.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def valid(request: _T) -> _T:
    """The request, checked as one that came over HTTP is. Raises `InvalidField`."""
    try:
        return msgspec.convert(msgspec.to_builtins(request), type(request))
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidField(f"That cannot be asked: {api.misfit(error, type(request))}.") from None
