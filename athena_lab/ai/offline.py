"""The summary written without AI: the findings in plain Markdown, the same for the same findings."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

from athena_lab.ai.prompt import MAX_TEXT, inert
from athena_lab.events import Finished, Token

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from athena_lab.ai.prompt import Material
    from athena_lab.ai.send import Item
    from athena_lab.report.facts import FileFacts
    from athena_lab.report.findings import Finding

NAME: Final = "offline"
MODEL: Final = "none"
LABEL: Final = "Written without AI, from the findings alone."
MAX_VERDICT: Final = 600
"""Characters of the verdict's sentence, which may quote a finding's title and name the modules that failed."""

_MARKDOWN: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&$-])")


async def stream(material: Material) -> AsyncGenerator[Item, None]:
    """The summary as events, paragraph by paragraph."""
    for paragraph in paragraphs(material):
        yield Token(paragraph)
    yield Finished("degraded", NAME)


def paragraphs(material: Material) -> Iterator[str]:
    """Markdown; joined together they are the summary."""
    yield f"*{LABEL}*\n\n"
    if not material.of_sample:
        yield "The question names no sample, so there are no findings to summarise.\n"
        return
    if material.verdict:
        yield f"**{_escaped(material.verdict, MAX_VERDICT)}**\n\n"
    yield "".join(f"- {line}\n" for line in _file(material)) + "\n"
    for severity, group in groupby(material.findings, key=lambda finding: finding.severity):
        found = list(group)
        yield f"### Severity {severity} ({len(found)})\n\n" + "".join(map(_finding, found)) + "\n"


def _file(material: Material) -> Iterator[str]:
    if material.sample_name:
        yield f"File: {_escaped(material.sample_name)}"
    if material.sha256:
        yield f"SHA-256: `{material.sha256}`"
    if material.facts is not None:
        yield from _facts(material.facts)


def _facts(facts: FileFacts) -> Iterator[str]:
    yield f"Format: {_escaped(facts.format.name)}"
    yield f"Size: {facts.size:,} bytes; entropy {facts.entropy.overall:.2f} of 8 bits per byte"
    for executable in facts.executables:
        yield (
            f"Image: {executable.kind} {_escaped(executable.type)} for {_escaped(executable.arch)}, "
            f"{len(executable.sections)} sections, {executable.import_count} imports, {executable.export_count} exports"
        )
    if facts.container is not None:
        yield f"Container: {_escaped(facts.container.kind)} with {facts.container.count} entries"


def _finding(finding: Finding) -> str:
    detail = f" {_escaped(finding.detail)}" if finding.detail else ""
    techniques = f" ({_escaped(', '.join(finding.techniques))})" if finding.techniques else ""
    title = _escaped(finding.title)
    return f"- **{title}**{techniques}, {finding.confidence} % sure [{finding.id}].{detail}\n"


def _escaped(text: str, limit: int = MAX_TEXT) -> str:
    """Text from the sample as Markdown that shows it and nothing more."""
    return _MARKDOWN.sub(r"\\\1", inert(text, limit))
