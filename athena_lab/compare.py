"""Two samples beside each other, by any lab's `triage` and `execute`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.errors import ModuleRefused
from athena_lab.report.comparison import Comparison, Likeness, compared

if TYPE_CHECKING:
    from athena_lab import api
    from athena_lab.protocol import LabProtocol, Source
    from athena_lab.report import Report


async def compare(lab: LabProtocol, first: Source, second: Source, options: api.TriageOptions | None) -> Comparison:
    """See `LabProtocol.compare`."""
    one, other = await lab.triage(first, options=options), await lab.triage(second, options=options)
    return compared(one, other, await _likeness(lab, one, other))


async def _likeness(lab: LabProtocol, first: Report, second: Report) -> Likeness:
    ssdeep, tlsh = [await _score(lab, kind, first, second) for kind in ("ssdeep", "tlsh")]
    return Likeness(ssdeep, tlsh)


async def _score(lab: LabProtocol, kind: str, first: Report, second: Report) -> int | None:
    hashes = [getattr(report.facts.similarity, kind, "") if report.facts else "" for report in (first, second)]
    if not all(hashes):
        return None
    try:
        answer = await lab.execute("file-processor", "compare", dict(zip(("first", "second"), hashes, strict=True)))
    except ModuleRefused:  # hashes of different block sizes, say: nothing can be told
        return None
    value = answer.get("score" if kind == "ssdeep" else "distance")
    return value if isinstance(value, int) else None
