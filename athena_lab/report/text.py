"""A report for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.code_lines import code_lines
from athena_lab.report.display import counted, seconds_text, shown, size_text, time_text
from athena_lab.report.findings import told
from athena_lab.report.foreign import flattened
from athena_lab.report.lines_behaviour import behaviour_rows, behaviour_summary, call_text, call_time
from athena_lab.report.lines_capture import capture_rows_of_text, capture_summary
from athena_lab.report.lines_contents import container_rows, contents_rows
from athena_lab.report.lines_deobfuscation import layer_rows
from athena_lab.report.lines_documents import document_rows_of_text
from athena_lab.report.lines_machine import machine_rows_of_text, machine_summary
from athena_lab.report.lines_tree import tree_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from athena_lab.report.behaviour import SandboxFacts
    from athena_lab.report.capture import CaptureFacts
    from athena_lab.report.document import DocumentFacts
    from athena_lab.report.facts import Executable, FileFacts
    from athena_lab.report.findings import Finding
    from athena_lab.report.model import Report

MAX_FINDINGS = 40
MAX_EVIDENCE = 3
MAX_IMAGES = 4
MAX_SECTIONS = 24
MAX_VALUES = 12
MAX_CHILDREN = 40
MAX_DOCUMENTS = 2
MAX_CALLS = 30
MAX_LISTED = 4
"""Modules, formulas, scripts, links and objects of a document, each; imports, permissions ... of what has them."""


def render_text(report: Report) -> str:
    """Plain text of at most some hundred lines."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    yield report.verdict.sentence
    name = shown(report.sample.name, 120) or "sample"
    taken = seconds_text(report.performance.total_time)
    yield f"{name}, {size_text(report.sample.size)}, {report.analysis_type} analysis in {taken}"
    yield f"SHA-256 {report.sample.sha256}"
    if report.facts:
        yield from _facts(report.facts)
    if report.deobfuscation and report.deobfuscation.layers:
        yield "Layers"
        for name, said in layer_rows(report.deobfuscation):
            yield f"  {name}: {shown(said, 400)}"
    if report.network and report.network.capture:
        yield from _capture(report.network.capture)
    if report.behaviour and report.behaviour.engine:
        yield from _behaviour(report.behaviour)
    if report.behaviour:
        yield from _machine(report.behaviour)
    yield from _findings(report)
    yield from tree_lines(report.children)
    yield from _own(report)
    for result in report.module_results:
        if result.error:
            yield f"{shown(result.module, 64)} failed: {shown(result.error.detail)} {shown(result.error.next_step)}"


def _machine(facts: SandboxFacts) -> Iterator[str]:
    yield from machine_summary(facts)
    for kind, text, sentence in machine_rows_of_text(facts):
        yield f"  {kind}: {shown(text, 120)}, {sentence}"


def _findings(report: Report) -> Iterator[str]:
    findings = report.findings
    if findings:
        yield "Findings"
    for finding in findings[:MAX_FINDINGS]:
        techniques = f" {shown(', '.join(finding.techniques), 120)}" if finding.techniques else ""
        yield f"  {finding.severity:8} {shown(finding.title)} [{finding.id}]{_says(report, finding)}{techniques}"
        if finding.detail:
            yield f"           {shown(finding.detail, 300)}"
        evidence = told(finding.evidence)
        for it in evidence[:MAX_EVIDENCE]:
            where = "" if it.offset is None else f"at {it.offset:#x} "
            yield f"           {where}{shown(it.text or '', 120)}".rstrip()
        if len(evidence) > MAX_EVIDENCE:
            yield f"           and {len(evidence) - MAX_EVIDENCE} more"
    if len(findings) > MAX_FINDINGS:
        yield f"  ... and {len(findings) - MAX_FINDINGS} more in report.findings"


def _says(report: Report, finding: Finding) -> str:
    author = report.author(finding)
    return f" (says your module {shown(author, 64)})" if author else ""


def _own(report: Report) -> Iterator[str]:
    for name, data in report.foreign.items():
        for key, value in flattened(data)[:MAX_VALUES]:
            yield f"{shown(name, 64)}: {shown(key, 120)} {shown(value, 200)}"


def _facts(facts: FileFacts) -> Iterator[str]:
    yield f"MD5 {shown(facts.hashes.md5, 64)}, SHA-1 {shown(facts.hashes.sha1, 64)}"
    if facts.similarity:
        yield f"ssdeep {shown(facts.similarity.ssdeep, 160)}"
        if facts.similarity.tlsh:
            yield f"TLSH {shown(facts.similarity.tlsh, 80)}"
    yield f"{shown(facts.format.name, 120)}, {shown(facts.format.mime, 120)}, entropy {facts.entropy.overall:.2f}"
    for image in facts.executables[:MAX_IMAGES]:
        yield from _image(image)
    if facts.container:
        yield f"Container {shown(facts.container.kind, 80)} with {counted(facts.container.count, 'entry', 'entries')}"
        yield from _rows(container_rows(facts.container))
    yield from _contents(facts)
    for document in facts.documents[:MAX_DOCUMENTS]:
        yield from _document(document)
    if facts.strings:
        yield counted(facts.strings.total, "string")


def _contents(facts: FileFacts) -> Iterator[str]:
    shortcut = facts.contents.shortcut if facts.contents else None
    if shortcut:
        yield f"Shortcut to {shown(shortcut.target, 300)} {shown(shortcut.arguments, 600)}".rstrip()
    if facts.contents:
        yield from _rows(contents_rows(facts.contents, MAX_LISTED))
    if facts.children:
        yield counted(len(facts.children), "file inside", "files inside")
    for child in facts.children[:MAX_CHILDREN]:
        indent = "  " * min(child.depth, 12)
        name = shown(child.name, 120) or f"without a name, {shown(child.kind, 40)}"
        yield f"{indent}{child.index} {name} ({counted(child.size, 'byte')}, {shown(child.format, 40)})"
    if len(facts.children) > MAX_CHILDREN:
        yield f"  ... and {len(facts.children) - MAX_CHILDREN} more in report.facts.children"


def _document(document: DocumentFacts) -> Iterator[str]:
    yield "Document" + ("" if document.child is None else f" in child {document.child}")
    yield from _rows(document_rows_of_text(document, MAX_LISTED))


def _capture(facts: CaptureFacts) -> Iterator[str]:
    yield "Capture"
    for line in capture_summary(facts):
        yield f"  {shown(line, 300)}"
    yield from _rows(capture_rows_of_text(facts))


def _behaviour(facts: SandboxFacts) -> Iterator[str]:
    yield "Behaviour"
    yield f"  {shown(behaviour_summary(facts), 300)}"
    yield from _rows(behaviour_rows(facts))
    for call in facts.calls[:MAX_CALLS]:
        yield f"  {call_time(call):>9} {call.category:11} {shown(call_text(call), 160)}"


def _rows(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    for kind, text, sentence in rows:
        yield f"  {shown(kind, 40):16} {shown(text, 120)}  {shown(sentence, 200)}".rstrip()


def _image(image: Executable) -> Iterator[str]:
    yield (
        f"{shown(image.kind, 20).upper()} {shown(image.type, 40)}, {shown(image.arch, 40)}, "
        f"{counted(image.import_count, 'import')}, {counted(image.export_count, 'export')}"
    )
    if image.compile_time is not None:
        yield f"Compiled {time_text(image.compile_time)} (as the file claims)"
    for name, text in code_lines(image):
        yield f"{name} {shown(text, 120)}"
    if image.sections:
        yield "Sections"
    for s in image.sections[:MAX_SECTIONS]:
        anomalies = f"  {shown(', '.join(s.anomalies), 120)}" if s.anomalies else ""
        name, access = shown(s.name, 20), shown(s.permissions, 8)
        yield f"  {name:20} {s.offset:#10x} {s.size:>12,} {access} {s.entropy:.2f}{anomalies}"
