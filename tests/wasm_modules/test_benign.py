"""What the whole of the sandbox says of a thousand honest files: the score is worth what it does not suspect."""

from __future__ import annotations

from collections import Counter

import benign

from athena_lab.api import ChildOptions, TriageOptions

SUSPICIOUS = 3
"""Of a thousand, at most; all that there are have been looked at."""


async def test_few_of_a_thousand_honest_files_are_suspected(lab, capsys):
    levels: Counter[str] = Counter()
    suspected = {}
    options = TriageOptions(children=ChildOptions(depth=1, count=4))
    async with lab.triage_many(benign.files(), options=options, at_once=3) as many:
        async for one in many:
            assert one.error is None, one
            level = one.report.verdict.level
            levels[level] += 1
            if level in {"suspicious", "malicious-looking"}:
                parts = one.report.conclusion.contributions[:4]
                suspected[str(one.source)] = (one.report.conclusion.score, [part.finding for part in parts])
    with capsys.disabled():
        print(f"\n{dict(levels)} of {benign.COUNT} honest files; suspected: {suspected}")  # noqa: T201 - the share is to be seen
    assert sum(levels.values()) == benign.COUNT
    assert levels["malicious-looking"] == 0
    assert levels["suspicious"] <= SUSPICIOUS
