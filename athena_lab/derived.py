"""What every lab does by means of its other methods, in this process or over HTTP."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from athena_lab import compare, many, rules

if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from athena_lab import api
    from athena_lab.ai.types import AnalysisType
    from athena_lab.protocol import LabProtocol, Source, Triaged
    from athena_lab.report.comparison import Comparison
    from athena_lab.ruleset import External, RuleSet, RuleTime


class Derived:
    """A part of `Lab` and `LabClient`; see `athena_lab.protocol.LabProtocol` for what its methods do."""

    def triage_many(
        self: LabProtocol,
        sources: Iterable[Source],
        *,
        analysis_type: AnalysisType = "full",
        modules: Sequence[str] | None = None,
        options: api.TriageOptions | None = None,
        at_once: int = 4,
    ) -> AbstractAsyncContextManager[AsyncIterator[Triaged]]:
        one = partial(self.triage, analysis_type=analysis_type, modules=modules, options=options)
        return many.triage_many(one, sources, at_once)

    async def compare(
        self: LabProtocol, first: Source, second: Source, *, options: api.TriageOptions | None = None
    ) -> Comparison:
        return await compare.compare(self, first, second, options)

    async def compile_rules(
        self: LabProtocol,
        *paths: str | os.PathLike[str],
        sources: str | Mapping[str, str] = "",
        externals: Mapping[str, External] | None = None,
        ttl: float | None = None,
    ) -> RuleSet:
        return await rules.compile_rules(self, paths, sources, externals, ttl)

    async def profile_rules(
        self: LabProtocol,
        source: Source,
        *paths: str | os.PathLike[str],
        sources: str | Mapping[str, str] = "",
        externals: Mapping[str, External] | None = None,
    ) -> tuple[RuleTime, ...]:
        return await rules.profile_rules(self, source, paths, sources, externals)
