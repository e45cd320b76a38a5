"""A report as Markdown, to be sent or kept: CommonMark with GitHub's tables.

Text that does not come from us stands in code spans, where neither Markdown nor automatic links reach it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from athena_lab.report.code_lines import code_lines
from athena_lab.report.display import SEVERITY_WORDS, seconds_text, shown, size_text, technique_url, time_text
from athena_lab.report.findings import told
from athena_lab.report.foreign import flattened
from athena_lab.report.html_conclusion import by_tactic, points
from athena_lab.report.lines_behaviour import behaviour_rows, behaviour_summary, call_text, call_time
from athena_lab.report.lines_capture import capture_rows_of_text, capture_summary
from athena_lab.report.lines_contents import container_rows, contents_rows
from athena_lab.report.lines_deobfuscation import layer_rows
from athena_lab.report.lines_documents import document_rows_of_text
from athena_lab.report.lines_machine import machine_rows_of_text, machine_summary
from athena_lab.report.lines_tree import MAX_INDENT, verdict_text
from athena_lab.report.tree import walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from athena_lab.report.behaviour import SandboxFacts
    from athena_lab.report.capture import CaptureFacts
    from athena_lab.report.deobfuscation import DeobfuscationFacts
    from athena_lab.report.document import DocumentFacts
    from athena_lab.report.facts import Executable, FileFacts
    from athena_lab.report.findings import Finding
    from athena_lab.report.model import Report
    from athena_lab.report.tree import Node

MAX_FINDINGS = 100
MAX_EVIDENCE = 3
MAX_IMAGES = 4
MAX_SECTIONS = 64
MAX_VALUES = 40
MAX_CHILDREN = 100
MAX_DOCUMENTS = 4
MAX_CALLS = 60
MAX_LISTED = 8
"""Modules, formulas, scripts, links and objects of a document, each; imports, permissions ... of what has them."""
_BACKTICKS = re.compile(r"`+")
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~&$^=-])")


def render_markdown(report: Report) -> str:
    """Verdict, findings, facts and sections; without strings and imports."""
    return "\n".join(_lines(report)) + "\n"


def span(text: str, limit: int = 200) -> str:
    """A code span that holds any text, in a table too."""
    content = shown(text, limit).replace("|", "\\x7c") or " "
    fence = "`" * (max((len(run) for run in _BACKTICKS.findall(content)), default=0) + 1)
    pad = " " if content.startswith("`") or content.endswith("`") else ""
    return f"{fence}{pad}{content}{pad}{fence}"


def plain(text: str, limit: int = 600) -> str:
    """Prose of a module: every character that Markdown could take for its own is escaped."""
    return _SPECIAL.sub(r"\\\1", shown(text, limit))


def _lines(report: Report) -> Iterator[str]:
    yield f"## {plain(report.verdict.sentence)}"
    yield ""
    if report.sample.name:
        yield f"- File: {span(report.sample.name, 120)}"
    yield f"- Size: {size_text(report.sample.size)}"
    yield f"- SHA-256: {span(report.sample.sha256)}"
    if report.facts:
        yield from _facts(report.facts)
    yield f"- Analysis: {report.analysis_type}, {seconds_text(report.performance.total_time)}"
    yield from _findings(report)
    yield from _conclusion(report)
    yield from _tree(report.children)
    yield from _own(report)
    if report.facts:
        yield from _insides(report.facts)
    if report.deobfuscation:
        yield from _layers(report.deobfuscation)
    if report.network and report.network.capture:
        yield from _capture(report.network.capture)
    if report.behaviour and report.behaviour.engine:
        yield from _behaviour(report.behaviour)
    if report.behaviour:
        yield from _machine(report.behaviour)
    yield from _failures(report)


def _insides(facts: FileFacts) -> Iterator[str]:
    for image in facts.executables[:MAX_IMAGES]:
        yield from _sections(image)
    yield from _children(facts)
    for document in facts.documents[:MAX_DOCUMENTS]:
        yield from _document(document)


def _layers(facts: DeobfuscationFacts) -> Iterator[str]:
    if facts.layers:
        yield from ("", "### Layers", "")
    for name, said in layer_rows(facts):
        yield f"- {plain(name)}: {plain(said, 400)}"


def _machine(facts: SandboxFacts) -> Iterator[str]:
    summary = list(machine_summary(facts))
    if summary:
        yield ""
        yield "### Code"
        yield ""
    for sentence in summary:
        yield f"- {plain(sentence)}"
    for kind, text, sentence in machine_rows_of_text(facts):
        yield f"- {kind}: {span(text)}, {plain(sentence)}"


def _facts(facts: FileFacts) -> Iterator[str]:
    yield f"- MD5: {span(facts.hashes.md5)}"
    yield f"- SHA-1: {span(facts.hashes.sha1)}"
    if facts.similarity:
        yield f"- ssdeep: {span(facts.similarity.ssdeep)}"
        if facts.similarity.tlsh:
            yield f"- TLSH: {span(facts.similarity.tlsh)}"
    yield f"- Format: {plain(facts.format.name, 120)} ({span(facts.format.mime)})"
    yield f"- Entropy: {facts.entropy.overall:.2f} of 8 bits per byte"
    if facts.contents and facts.contents.shortcut:
        shortcut = facts.contents.shortcut
        yield f"- Shortcut to: {span(shortcut.target, 300)} {span(shortcut.arguments, 600)}"
    if facts.container:
        yield from _rows(container_rows(facts.container))
    if facts.contents:
        yield from _rows(contents_rows(facts.contents, MAX_LISTED))
    for image in facts.executables[:MAX_IMAGES]:
        if image.compile_time is not None:
            yield f"- Compile time: {time_text(image.compile_time)} (as the file claims)"
        for name, text in code_lines(image):
            yield f"- {name}: {span(text)}"


def _findings(report: Report) -> Iterator[str]:
    findings = report.findings
    yield ""
    yield "### Findings"
    yield ""
    if not findings:
        yield "None."
    for finding in findings[:MAX_FINDINGS]:
        yield from _finding(finding, report.author(finding))
    if len(findings) > MAX_FINDINGS:
        yield f"- and {len(findings) - MAX_FINDINGS} more"


def _finding(finding: Finding, author: str) -> Iterator[str]:
    says = f", says your module {plain(author, 64)}" if author else ""
    techniques = "".join(f" {_technique(technique)}" for technique in finding.techniques)
    yield f"- **{SEVERITY_WORDS[finding.severity]}**: {plain(finding.title)} ({span(finding.id)}{says}){techniques}"
    if finding.detail:
        yield f"  - {span(finding.detail, 600)}"
    evidence = told(finding.evidence)
    for it in evidence[:MAX_EVIDENCE]:
        where = "" if it.offset is None else f"at {span(f'{it.offset:#x}')} "
        yield f"  - {where}{span(it.text, 256) if it.text else ''}".rstrip()
    if len(evidence) > MAX_EVIDENCE:
        yield f"  - and {len(evidence) - MAX_EVIDENCE} more"


def _conclusion(report: Report) -> Iterator[str]:
    concluded = report.conclusion
    if concluded is None or not concluded.contributions:
        return
    yield ""
    yield f"### Score: {concluded.score} of 100"
    yield ""
    for row in concluded.sums:
        yield f"- {SEVERITY_WORDS[row.severity]}: {points(row.counted)} of {points(row.points)} points"
    if report.techniques:
        yield ""
        yield "### ATT&CK"
        yield ""
    for tactic, techniques in by_tactic(report.techniques):
        names = ", ".join(f"{_technique(one.id)} {plain(one.name, 80)}".strip() for one in techniques)
        yield f"- {plain(tactic.replace('-', ' ').capitalize())}: {names}"


def _tree(nodes: tuple[Node, ...]) -> Iterator[str]:
    rows = list(walk(nodes))
    if not rows:
        return
    yield ""
    yield "### Files inside, analysed"
    yield ""
    for depth, node in rows[:MAX_CHILDREN]:
        name = span(node.name or f"{node.module} {node.index}", 120)
        yield f"{'  ' * min(depth, MAX_INDENT)}- {name}: {plain(verdict_text(node), 200)}"
    if len(rows) > MAX_CHILDREN:
        yield f"- and {len(rows) - MAX_CHILDREN} more"


def _technique(technique: str) -> str:
    url = technique_url(technique)
    return f"[{technique}]({url})" if url else span(technique, 12)


def _sections(image: Executable) -> Iterator[str]:
    if not image.sections:
        return
    yield ""
    yield f"### Sections ({plain(image.kind.upper())}, {plain(image.arch, 40)})"
    yield ""
    yield "| Name | Offset | Size | Access | Entropy | Anomalies |"
    yield "|---|---:|---:|---|---:|---|"
    for s in image.sections[:MAX_SECTIONS]:
        name, access, anomalies = span(s.name, 40), span(s.permissions, 8), plain(", ".join(s.anomalies), 200)
        yield f"| {name} | {s.offset:#x} | {s.size} | {access} | {s.entropy:.2f} | {anomalies} |"


def _own(report: Report) -> Iterator[str]:
    for name, data in report.foreign.items():
        rows = flattened(data)[:MAX_VALUES]
        if rows:
            yield ""
            yield f"### Your module {plain(name, 64)}"
            yield ""
        for key, value in rows:
            yield f"- {span(key or 'value')}: {span(value)}"


def _children(facts: FileFacts) -> Iterator[str]:
    if not facts.children:
        return
    yield ""
    yield "### Files inside"
    yield ""
    yield "| Number | Name | In | Size | Content | SHA-256 |"
    yield "|---:|---|---:|---:|---|---|"
    for child in facts.children[:MAX_CHILDREN]:
        parent = "" if child.parent is None else f"{child.parent}"
        name = span(child.name, 120) if child.name else plain(f"without a name, {child.kind}", 60)
        kind, digest = plain(child.format, 40), span(child.sha256)
        yield f"| {child.index} | {name} | {parent} | {child.size} | {kind} | {digest} |"
    if len(facts.children) > MAX_CHILDREN:
        yield ""
        yield f"and {len(facts.children) - MAX_CHILDREN} more"


def _document(document: DocumentFacts) -> Iterator[str]:
    yield ""
    yield "### Document" + ("" if document.child is None else f" in child {document.child}")
    yield ""
    yield from _rows(document_rows_of_text(document, MAX_LISTED))


def _capture(facts: CaptureFacts) -> Iterator[str]:
    yield ""
    yield "### Capture"
    yield ""
    for line in capture_summary(facts):
        yield f"- {plain(line, 300)}"
    yield from _rows(capture_rows_of_text(facts))


def _behaviour(facts: SandboxFacts) -> Iterator[str]:
    yield ""
    yield "### Behaviour"
    yield ""
    yield f"- {plain(behaviour_summary(facts), 300)}"
    yield from _rows(behaviour_rows(facts))
    for call in facts.calls[:MAX_CALLS]:
        techniques = f", {plain(', '.join(call.techniques), 120)}" if call.techniques else ""
        yield f"- {call_time(call)}, {plain(call.category, 20)}: {span(call_text(call), 300)}{techniques}"


def _rows(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    for kind, text, sentence in rows:
        yield f"- {plain(kind, 40)}: {span(text)}" + (f", {plain(sentence, 200)}" if sentence else "")


def _failures(report: Report) -> Iterator[str]:
    failed = [result for result in report.module_results if result.error]
    if failed:
        yield ""
        yield "### Failed modules"
        yield ""
    for result in failed:
        if result.error:
            yield f"- {span(result.module)}: {plain(result.error.detail)} {plain(result.error.next_step)}"
