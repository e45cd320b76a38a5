"""What a lab can do: the one interface of `Lab` (in this process) and `LabClient` (over HTTP)."""

from __future__ import annotations

import inspect
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, NamedTuple, Protocol, Self, TypeVar

from athena_lab import api
from athena_lab.ai.types import AnalysisRequest, AnalysisResult, AnalysisType, ProviderStatus, UsageReport
from athena_lab.errors import AthenaError
from athena_lab.events import AnyEvent
from athena_lab.report import ModuleResult, Report
from athena_lab.report.comparison import Comparison
from athena_lab.ruleset import External, RuleSet, RuleTime
from athena_lab.sample import Sample

_Class = TypeVar("_Class", bound=type)

Source = str | os.PathLike[str] | bytes | Sample
"""A path, the bytes themselves, or a sample that the lab has already."""


class Triaged(NamedTuple):
    """One of many samples: its report, or why there is none."""

    source: Source
    report: Report | None
    error: AthenaError | None


class Events(Protocol):
    """An answer on its way: an async iterator of its events."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> AnyEvent: ...

    async def pause(self) -> None:
        """Read no more from the provider. What it has sent still comes; the request's deadline goes on."""

    async def resume(self) -> None:
        """Go on after `pause`."""


class LabProtocol(Protocol):
    """The async interface. Every method may raise the errors of `athena_lab.errors`, and no others."""

    async def add(self, source: Source, name: str = "") -> Sample:
        """Take a sample into quarantine. `name` is for bytes, which have none."""

    async def triage(
        self,
        source: Source,
        *,
        analysis_type: AnalysisType = "full",
        modules: Sequence[str] | None = None,
        options: api.TriageOptions | None = None,
    ) -> Report:
        """Run the modules on a sample and put their findings together."""

    def stream_triage(
        self,
        source: Source,
        *,
        analysis_type: AnalysisType = "full",
        modules: Sequence[str] | None = None,
        options: api.TriageOptions | None = None,
    ) -> AbstractAsyncContextManager[AsyncIterator[ModuleResult | Report]]:
        """As `triage`, with each module's result as it is ready; the report comes last."""

    def triage_many(
        self,
        sources: Iterable[Source],
        *,
        analysis_type: AnalysisType = "full",
        modules: Sequence[str] | None = None,
        options: api.TriageOptions | None = None,
        at_once: int = 4,
    ) -> AbstractAsyncContextManager[AsyncIterator[Triaged]]:
        """Triage many samples, ``at_once`` at a time; each one's report, or its error, as it is ready.

        What is wrong with one sample leaves the others alone; a full queue is waited for, five minutes at most.
        Leaving the context cancels what still runs.
        """

    async def compare(self, first: Source, second: Source, *, options: api.TriageOptions | None = None) -> Comparison:
        """Two samples beside each other: structure, imports, sections by content, strings, rules, fuzzy hashes."""

    async def execute(
        self,
        module: str,
        function: str,
        args: Mapping[str, Any] | None = None,
        *,
        source: Source | None = None,
        timeout: float | None = None,
        session: str | None = None,
    ) -> Any:
        """Call one function of one module; its JSON result, decoded. `timeout` in seconds.

        With the id of a `session` of the module the function gets what is kept there, and may keep something. Raises
        `UnknownSession`, and `SessionConflict` where another call kept something meanwhile.
        """

    async def extract(
        self, source: Source, index: int, *, module: api.Extractor = "file-processor", timeout: float | None = None
    ) -> Sample:
        """Take a file out of a sample, as a sample of its own: the child with that `index` in ``facts.children``, of
        sandbox that in ``behaviour.children``, of deobfuscator that in ``deobfuscation.children``, of network the file
        with that `index` in ``network.capture.files``.

        `timeout` in seconds, for each part of it. Raises `ModuleRefused` where there is no such child.
        """

    async def execute_raw(
        self,
        module: str,
        function: str,
        args: Mapping[str, Any] | None = None,
        *,
        source: Source | None = None,
        timeout: float | None = None,
        session: str | None = None,
    ) -> api.Executed:
        """As `execute`, with the result still encoded, and the seconds that the call took in the sandbox."""

    async def open_session(self, module: str, *, ttl: float | None = None) -> api.SessionInfo:
        """A place where a module keeps something between calls, for `execute` and for `TriageOptions.sessions`.

        It ends when it was not used for `ttl` seconds, by default those of the settings. Raises `SessionsFull`.
        """

    async def sessions(self) -> tuple[api.SessionInfo, ...]:
        """Those that are open, the oldest first."""

    async def close_session(self, session: str) -> api.SessionInfo:
        """End it now; how it was. Raises `UnknownSession`."""

    async def compile_rules(
        self,
        *paths: str | os.PathLike[str],
        sources: str | Mapping[str, str] = "",
        externals: Mapping[str, External] | None = None,
        ttl: float | None = None,
    ) -> RuleSet:
        """Compile YARA rules once, and keep them in a session of pattern-matcher for any number of samples.

        `paths` are files, or folders with all .yar and .yara files in them; each file is a namespace, and what they
        `include` is found beside them. `sources` is a text, or texts by namespace. Raises `RulesUnreadable`, and
        `ModuleRefused`, which names file or namespace, line and column of what is wrong.
        """

    async def profile_rules(
        self,
        source: Source,
        *paths: str | os.PathLike[str],
        sources: str | Mapping[str, str] = "",
        externals: Mapping[str, External] | None = None,
    ) -> tuple[RuleTime, ...]:
        """How long each rule takes on a sample, the slowest first: matched by itself, with the rules that it names.

        In a set rules share the search for their strings: together they take less than these times.
        """

    async def analyze(self, request: AnalysisRequest) -> AnalysisResult:
        """Ask a language model; the whole answer, or as far as it came."""

    def stream(self, request: AnalysisRequest) -> AbstractAsyncContextManager[Events]:
        """Ask a language model; the answer as events. Leaving the context cancels it at the provider."""

    async def providers(self, *, refresh: bool = False) -> Sequence[ProviderStatus]:
        """Ask each configured provider how it is; at most once in 30 s, or now with `refresh`."""

    async def breaker(self, provider: str, state: Literal["open", "closed"]) -> ProviderStatus:
        """Open a provider's circuit breaker by hand, so that nobody asks it, or close it; how the provider is then.

        Raises `InvalidField` for a provider that does not exist.
        """

    async def usage(self, days: int = 1) -> UsageReport:
        """What was spent in the last so many days (UTC), today's among them, and what is left of the budgets."""

    async def answer(self, job: str) -> AnalysisResult | None:
        """The answer of that job: an event `Recovered` names it for a question that is queued, also in another session.

        None: not yet. Raises `UnknownJob`.
        """

    async def queued(self) -> tuple[api.Queued, ...]:
        """The questions that are asked again when a provider is back, the oldest first."""

    async def capabilities(self) -> api.Capabilities:
        """Modules, functions and limits."""

    async def modules(self) -> api.Modules:
        """Every module of the catalog, loaded or not."""

    async def load(self, names: Sequence[str] | None = None) -> api.Modules:
        """Load modules, all by default."""

    async def unload(self, module: str) -> api.Modules:
        """Leave a module out until it is loaded again; calls in flight end on it."""

    async def limit(
        self, module: str, *, memory_bytes: int | None = None, deadline: float | None = None
    ) -> api.Modules:
        """What each call of a module may have from now on, `deadline` in seconds; None: as the settings say."""

    async def reload(self, module: str) -> api.Reloaded:
        """Take a module's newest version; a broken one leaves the old in place and says why."""

    async def add_module(self, component: str | os.PathLike[str] | bytes) -> api.ModuleInfo:
        """Take a component of one's own among the modules, under the name that it gives itself; it stays until it is
        removed. One of that name is replaced; what cannot be taken leaves it in place.

        Raises `ModuleNotTaken`, which says why. A kernel's token may not do this: ``athena modules load`` may.
        """

    async def remove_module(self, module: str) -> api.Modules:
        """Forget a module of one's own; calls in flight end on it. Raises `UnknownModule`, also for one of ours."""

    async def wasm_metrics(self) -> api.Metrics:
        """What each module did since the start."""

    async def wasm_status(self) -> api.WasmStatus:
        """How the sandbox is."""

    async def health(self) -> api.HealthReport:
        """How the lab is; asks no provider."""

    async def aclose(self) -> None:
        """Let go of everything. Idempotent; any other method raises `LabClosed` afterwards."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


def documented(cls: _Class) -> _Class:
    """Gives a class that does what `LabProtocol` says its words, for ``help`` and ``lab.triage?``."""
    for name, said in vars(LabProtocol).items():
        method = getattr(cls, name, None)
        if inspect.isfunction(said) and inspect.isfunction(method) and method.__doc__ is None:
            method.__doc__ = said.__doc__
    return cls
