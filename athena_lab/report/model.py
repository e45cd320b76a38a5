"""The report of one triage: what the modules found, and how to read, show, keep and send it.

The JSON form of a `Report` is the answer of ``POST /api/v1/wasm/analyze``.
"""

from __future__ import annotations

import uuid
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from athena_lab.errors import BadOutput, Problem
from athena_lab.report.behaviour import SandboxFacts
from athena_lab.report.conclusion import Conclusion, Technique
from athena_lab.report.crypto import CryptoFacts
from athena_lab.report.deobfuscation import DeobfuscationFacts
from athena_lab.report.display import counted, shown
from athena_lab.report.fact import Fact
from athena_lab.report.facts import FileFacts
from athena_lab.report.findings import SEVERITIES, AnalysisType, Finding, Level, Severity, Slot, worst_first
from athena_lab.report.network import NetworkFacts
from athena_lab.report.patterns import PatternFacts
from athena_lab.report.tree import MAX_MISSED, Node, techniques_of, walk
from athena_lab.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable

    from athena_lab.report.frames import Table

_Fact = TypeVar("_Fact", bound=Fact)
ReportStatus = Literal["completed", "partial", "failed"]
"""partial: at least one module failed; failed: all did, or none ran."""

FACTS: dict[str, type[Fact]] = {
    "analysis-engine": Conclusion,
    "file-processor": FileFacts,
    "crypto": CryptoFacts,
    "deobfuscator": DeobfuscationFacts,
    "network": NetworkFacts,
    "pattern-matcher": PatternFacts,
    "sandbox": SandboxFacts,
}
"""What the data of our modules' ``analyze`` is, by the module's name."""
REPORT_MIME = "application/vnd.athena.report+json"
"""A type of our own: beside ``application/json`` JupyterLab would not show the HTML."""

NO_DATA = msgspec.Raw(b"null")
CUT_SHORT: Final = {
    "a script was not run to its end": frozenset((
        "sandbox/steps-exhausted", "sandbox/calls-exhausted", "sandbox/limits-met", "sandbox/run-stopped",
    )),
    "not all scripts were run": frozenset(("sandbox/scripts-left-out", "sandbox/script-too-large")),
    "not all layers were undone": frozenset((
        "deobfuscator/layers-exhausted", "deobfuscator/nested-layers", "deobfuscator/script-too-large",
    )),
}  # fmt: skip
"""Findings behind which there may be more, by what a verdict says of them."""
MAX_SAVED_DATA = 262_144
"""Bytes. A module's data beyond that is not saved in a notebook with the report: it can be had again by hash."""

LEVELS: dict[Severity | None, Level] = {
    "critical": "malicious-looking",
    "high": "suspicious",
    "medium": "worth a look",
    "low": "clean-looking",
    "info": "clean-looking",
    None: "clean-looking",
}
"""The verdict for the worst severity found, where analysis-engine has not concluded; None: no finding at all."""


class Performance(msgspec.Struct, frozen=True, rename="camel"):
    """Seconds."""

    total_time: float
    module_timings: dict[str, float]


class ModuleResult(msgspec.Struct, frozen=True, rename="camel"):
    """What one module said, or why it did not: one that failed may have said a part of it before.

    ``time`` in seconds, ``memory_bytes`` is the guest's peak.
    """

    module: str
    version: str
    status: Literal["ok", "failed"]
    findings: tuple[Finding, ...] = ()
    data: msgspec.Raw = msgspec.field(default_factory=lambda: NO_DATA)  # a default, JSON Schema could not show
    error: Problem | None = None
    time: float = 0.0
    memory_bytes: int = 0

    @classmethod
    def ok(
        cls,
        module: str,
        version: str,
        *,
        data: msgspec.Raw,
        findings: Iterable[Finding],
        time: float,
        memory_bytes: int,
    ) -> ModuleResult:
        """A module's output; its findings get their full ids, ``<module>/<slug>``."""
        prefixed = tuple(msgspec.structs.replace(finding, id=f"{module}/{finding.id}") for finding in findings)
        return cls(module, version, "ok", prefixed, data.copy(), None, time, memory_bytes)

    @property
    def says_something(self) -> bool:
        return self.status == "ok" or self.data != NO_DATA or bool(self.findings)

    def facts(self) -> Fact | None:
        """The data of a module of `FACTS`, typed; None for another's, and where it was left out.

        Raises `BadOutput` if it breaks the contract.
        """
        kind = FACTS.get(self.module)
        if kind is None or self.data == NO_DATA:
            return None
        try:
            return msgspec.json.decode(self.data, type=kind)
        except msgspec.MsgspecError as error:
            raise BadOutput(f"The facts do not fit the contract: {error}.", module=self.module) from error

    @classmethod
    def failed(cls, module: str, version: str, *, error: Problem, time: float) -> ModuleResult:
        return cls(module, version, "failed", error=error, time=time)


class Verdict(msgspec.Struct, frozen=True):
    """A reading of the findings, never a proof. ``sentence`` can be shown as plain text; it quotes a module's words."""

    level: Level
    sentence: str


Results = dict[Slot, dict[str, ModuleResult]]


class Report(msgspec.Struct, frozen=True, rename="camel", dict=True):
    """All that the modules said of one sample.

    One that came back from JSON was written by anybody: its renderers take no field of it for harmless.
    """

    id: Annotated[str, Meta(pattern="^[0-9a-f]{32}$", max_length=32)]
    status: ReportStatus
    sample: Sample
    analysis_type: AnalysisType
    results: Results
    performance: Performance
    children: tuple[Node, ...] = ()
    """The files inside that were analysed by themselves."""
    unloaded: tuple[str, ...] = ()
    """Modules that would have run, had they not been unloaded by hand."""

    @property
    def module_results(self) -> tuple[ModuleResult, ...]:
        return tuple(result for modules in self.results.values() for result in modules.values())

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """All findings: worst first, of equal severity the surest first, then by id."""
        return worst_first(finding for result in self.module_results for finding in result.findings)

    @cached_property
    def facts(self) -> FileFacts | None:
        """What file-processor says of the file; None where it did not run, failed, or its data was left out.

        Raises `BadOutput` if its data is not `FileFacts`.
        """
        return self._facts_of("analysis", FileFacts)

    @cached_property
    def crypto(self) -> CryptoFacts | None:
        """What crypto found, as `facts` has it for the file."""
        return self._facts_of("crypto", CryptoFacts)

    @cached_property
    def deobfuscation(self) -> DeobfuscationFacts | None:
        """The layers that were peeled, as `facts` has it for the file."""
        return self._facts_of("deobfuscation", DeobfuscationFacts)

    @cached_property
    def patterns(self) -> PatternFacts | None:
        """Which YARA rules match, as `facts` has it for the file."""
        return self._facts_of("patterns", PatternFacts)

    @cached_property
    def network(self) -> NetworkFacts | None:
        """The indicators of compromise, as `facts` has it for the file."""
        return self._facts_of("network", NetworkFacts)

    @cached_property
    def behaviour(self) -> SandboxFacts | None:
        """What the sample did in the sandbox, as `facts` has it for the file."""
        return self._facts_of("sandbox", SandboxFacts)

    @cached_property
    def conclusion(self) -> Conclusion | None:
        """What follows from all of it, as `facts` has it for the file."""
        return self._facts_of("conclusion", Conclusion)

    @cached_property
    def techniques(self) -> tuple[Technique, ...]:
        """ATT&CK techniques of the sample, and of the files inside it that were analysed by themselves."""
        return techniques_of(self.conclusion.techniques if self.conclusion else (), self.children)

    @cached_property
    def foreign(self) -> dict[str, Any]:
        """What each module of the user's own says beside its findings, by its name: any JSON, decoded.

        Raises `BadOutput` if it cannot be.
        """
        told = {}
        for name, result in self.results.get("foreign", {}).items():
            if result.status == "ok" and result.data != NO_DATA:
                try:
                    told[name] = msgspec.json.decode(result.data)
                except (ValueError, RecursionError) as error:
                    raise BadOutput(f"Its data is not JSON: {error}.", module=name) from error
        return told

    def author(self, finding: Finding) -> str:
        """The module of the user's own whose word a finding is; empty for one of Athena Lab's."""
        name = finding.id.partition("/")[0]
        return name if name in self.results.get("foreign", {}) else ""

    def _facts_of(self, slot: Slot, kind: type[_Fact]) -> _Fact | None:
        every = (result.facts() for result in self.results.get(slot, {}).values())
        return next((facts for facts in every if isinstance(facts, kind)), None)

    @property
    def unfinished(self) -> tuple[str, ...]:
        """What of the sample itself was not analysed to its end, in words; of the files inside, each node tells it."""
        failed = [shown(result.module, 64) for result in self.module_results if result.status == "failed"]
        ids = {finding.id for finding in self.findings}
        cut = [what for what, findings in CUT_SHORT.items() if not findings.isdisjoint(ids)]
        return (f"{', '.join(failed)} failed", *cut) if failed else tuple(cut)

    @property
    def verdict(self) -> Verdict:
        if self.status == "failed" and not any(result.says_something for result in self.module_results):
            return Verdict("unknown", "Nothing is known: no module could analyse the sample.")
        concluded = self.conclusion
        level = concluded.level if concluded else LEVELS[self.findings[0].severity if self.findings else None]
        score = f" ({concluded.score} of 100)" if concluded else ""
        reason = _reason(self.findings, self.author(self.findings[0]) if self.findings else "")
        return Verdict(level, f"{level.capitalize()}{score}: {reason}{_caveat(self)}")

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """Raises `msgspec.MsgspecError` for what is not a report."""
        return msgspec.json.decode(text, type=cls)

    # Each renderer is imported where it is asked for: who only holds a report need not pay for showing it.

    def to_text(self) -> str:
        from athena_lab.report.text import render_text  # noqa: PLC0415

        return render_text(self)

    def to_markdown(self) -> str:
        from athena_lab.report.markdown import render_markdown  # noqa: PLC0415

        return render_markdown(self)

    def to_html(self) -> str:
        from athena_lab.report.html import render_html  # noqa: PLC0415

        return render_html(self)

    def to_dataframe(self, what: Table = "findings") -> Any:
        """One table as a ``pandas.DataFrame``. Raises `MissingPackage` without pandas, which is not a dependency."""
        from athena_lab.report.frames import to_frame  # noqa: PLC0415

        return to_frame(self, what)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:  # noqa: ARG002 - IPython filters
        return {
            "text/html": self.to_html(),
            "text/markdown": self.to_markdown(),
            "text/plain": self.to_text(),
            REPORT_MIME: msgspec.json.decode(msgspec.json.encode(_without_bulk(self))),
        }

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        level = self.verdict.level
        return f"<Report {self.sample.sha256[:12]}: {level}, {len(self.findings)} findings, {self.status}>"


def build_report(
    *,
    sample: Sample,
    analysis_type: AnalysisType,
    results: Iterable[tuple[Slot, ModuleResult]],
    total_time: float,
    children: tuple[Node, ...] = (),
    unloaded: tuple[str, ...] = (),
) -> Report:
    """Put the results of the modules together. ``total_time`` in seconds, as the caller waited."""
    slots: Results = {}
    for slot, result in results:
        slots.setdefault(slot, {})[result.module] = result
    timings = {result.module: result.time for modules in slots.values() for result in modules.values()}
    states = {result.status for modules in slots.values() for result in modules.values()}
    return Report(
        id=uuid.uuid4().hex,
        status=_status(states),
        sample=sample,
        analysis_type=analysis_type,
        results=slots,
        performance=Performance(total_time, timings),
        children=children,
        unloaded=unloaded,
    )


def _status(states: set[Literal["ok", "failed"]]) -> ReportStatus:
    if "ok" not in states:
        return "failed"
    return "partial" if "failed" in states else "completed"


def _without_bulk(report: Report) -> Report:
    results: Results = {
        slot: {
            name: msgspec.structs.replace(result, data=NO_DATA) if len(bytes(result.data)) > MAX_SAVED_DATA else result
            for name, result in modules.items()
        }
        for slot, modules in report.results.items()
    }
    return msgspec.structs.replace(report, results=results)


def _reason(findings: tuple[Finding, ...], author: str) -> str:
    counts = Counter(finding.severity for finding in findings)
    telling = [f"{counts[severity]} {severity}" for severity in reversed(SEVERITIES[2:]) if counts[severity]]
    if not telling:
        return "no finding above low severity, which is no proof that it is harmless."
    last = counts[next(severity for severity in SEVERITIES[2:] if counts[severity])]
    worst = f"the worst, says your module {shown(author, 64)}" if author else "the worst"
    listed = " and ".join(filter(None, (", ".join(telling[:-1]), telling[-1])))
    return f"{listed} {'finding' if last == 1 else 'findings'}; {worst}: {shown(findings[0].title)}."


def _caveat(report: Report) -> str:
    unloaded = [shown(name, 64) for name in report.unloaded]
    why = list(report.unfinished)
    why += [f"{', '.join(unloaded)} {'is' if len(unloaded) == 1 else 'are'} unloaded"] if unloaded else []
    inside = [node for _, node in walk(report.children)]
    missed = sum(node.by_budget or node.status == "failed" for node in inside)
    more = " or more" if missed >= MAX_MISSED else ""
    why += [f"{counted(missed, 'file')}{more} inside {'was' if missed == 1 else 'were'} left out"] if missed else []
    partly = sum(node.status == "analysed" and bool(node.reason) for node in inside)
    why += [f"{counted(partly, 'file')} inside only in part"] if partly else []
    return f" Not everything was analysed: {'; '.join(why)}." if why else ""
