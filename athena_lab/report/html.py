"""A report as one piece of HTML: no script, nothing remote, one scoped style sheet.

JupyterLab shows outputs of a notebook that is not trusted through a sanitiser that drops ``<style>`` and ``<svg>``. So
the structure is headings, tables, lists, ``<details>`` and ``<meter>``, which pass, and the style only adds to it.
Every part has a budget of characters: a hostile sample cannot blow up the notebook that holds its report.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

from athena_lab.report.display import SEVERITY_WORDS, seconds_text, shown, size_text, technique_url
from athena_lab.report.findings import SEVERITIES, Evidence, Finding
from athena_lab.report.html_behaviour import behaviour_html
from athena_lab.report.html_conclusion import conclusion_html
from athena_lab.report.html_crypto import crypto_html
from athena_lab.report.html_deobfuscation import deobfuscation_html
from athena_lab.report.html_documents import documents_html
from athena_lab.report.html_facts import facts_html
from athena_lab.report.html_foreign import foreign_html
from athena_lab.report.html_machine import guest_html, machine_html
from athena_lab.report.html_network import network_html
from athena_lab.report.html_patterns import patterns_html
from athena_lab.report.html_tree import tree_html
from athena_lab.report.markup import Row, details, style, table, take

if TYPE_CHECKING:
    from athena_lab.report.model import ModuleResult, Report

FINDINGS_BUDGET = 60_000
MODULES_BUDGET = 12_000
"""Characters of HTML."""
MAX_EVIDENCE = 8
"""Shown per finding."""


def render_html(report: Report) -> str:
    """Self-contained HTML, below about 840 KB whatever the sample."""
    return (
        f'{style()}<section class="athena-report" data-report="{escape(report.id)}">'
        + _header(report)
        + _findings(report)
        + (conclusion_html(report.conclusion, report.techniques) if report.conclusion else "")
        + tree_html(report.children)
        + (facts_html(report.facts) if report.facts else "")
        + (behaviour_html(report.behaviour) if report.behaviour else "")
        + (documents_html(report.facts.documents) if report.facts else "")
        + (deobfuscation_html(report.deobfuscation) if report.deobfuscation else "")
        + (patterns_html(report.patterns) if report.patterns else "")
        + (network_html(report.network) if report.network else "")
        + (crypto_html(report.crypto) if report.crypto else "")
        + (machine_html(report.behaviour.machine) if report.behaviour and report.behaviour.machine else "")
        + (guest_html(report.behaviour.guest) if report.behaviour and report.behaviour.guest else "")
        + foreign_html(report.foreign)
        + _modules(report)
        + "</section>"
    )


def finding_anchor(sha256: str, finding_id: str) -> str:
    """The id of a finding's element, so that an answer can link to it."""
    return f"athena-{sha256[:12]}-{finding_id}"


def _header(report: Report) -> str:
    verdict = report.verdict
    name = f"<code>{escape(shown(report.sample.name, 120))}</code>, " if report.sample.name else ""
    level = verdict.level.replace(" ", "-")
    return (
        f'<h3 class="athena-verdict athena-{level}">{escape(verdict.sentence)}</h3>'
        f"<p>{name}{size_text(report.sample.size)}, {report.analysis_type} analysis in "
        f"{seconds_text(report.performance.total_time)}. SHA-256 <code>{escape(report.sample.sha256)}</code></p>"
    )


def _findings(report: Report) -> str:
    if not report.findings:
        return "<h4>Findings</h4><p>None.</p>"
    counts = Counter(finding.severity for finding in report.findings)
    summary = ", ".join(f"{counts[s]} {s}" for s in reversed(SEVERITIES) if counts[s])
    items, left = take(report.findings, lambda finding: _finding(report, finding), 400, FINDINGS_BUDGET)
    more = f"<p>{left} more, the least severe: <code>report.findings</code> has all.</p>" if left else ""
    return f"<h4>Findings: {summary}</h4><ul class='athena-findings'>{''.join(items)}</ul>{more}"


def _finding(report: Report, finding: Finding) -> str:
    anchor = escape(finding_anchor(report.sample.sha256, finding.id))
    author = report.author(finding)
    says = f", says your module {escape(shown(author, 64))}" if author else ""
    detail = f"<div>{escape(shown(finding.detail, 600))}</div>" if finding.detail else ""
    techniques = "".join(f" {_technique(technique)}" for technique in finding.techniques[:MAX_EVIDENCE])
    return (
        f'<li id="{anchor}" class="athena-finding athena-{finding.severity}">'
        f"<b>{SEVERITY_WORDS[finding.severity]}</b> {escape(shown(finding.title))}"
        f" <small>{finding.confidence} % sure{says}{techniques} <code>{escape(finding.id)}</code></small>"
        f"{detail}{_evidence(finding.evidence)}</li>"
    )


def _technique(technique: str) -> str:
    url = technique_url(technique)
    text = escape(shown(technique, 12))
    return f'<a href="{url}" target="_blank" rel="noopener noreferrer">{text}</a>' if url else text


def _evidence(evidence: tuple[Evidence, ...]) -> str:
    if not evidence:
        return ""
    more = f"; {len(evidence) - MAX_EVIDENCE} more" if len(evidence) > MAX_EVIDENCE else ""
    return f"<div>{'; '.join(_seen(item) for item in evidence[:MAX_EVIDENCE])}{more}</div>"


def _seen(evidence: Evidence) -> str:
    where = f"at <code>{evidence.offset:#x}</code>" if evidence.offset is not None else ""
    length = f" ({size_text(evidence.length)})" if evidence.length is not None else ""
    text = f" <code>{escape(shown(evidence.text, 256))}</code>" if evidence.text else ""
    return f"{where}{length}{text}".strip()


def _modules(report: Report) -> str:
    results = report.module_results
    failures = "".join(_failure(result) for result in results if result.error)
    timings = table(("Module", "Version", "Status", "Time", "Memory"), results, _module, MODULES_BUDGET)
    return failures + details(f"Modules: {len(results)} ran", timings)


def _module(result: ModuleResult) -> Row:
    return Row(
        (result.module, result.version, result.status, seconds_text(result.time), size_text(result.memory_bytes))
    )


def _failure(result: ModuleResult) -> str:
    if result.error is None:
        return ""
    return (
        f'<p class="athena-failure" role="alert"><b>{escape(shown(result.module, 64))} failed:</b> '
        f"{escape(shown(result.error.detail, 600))} {escape(shown(result.error.next_step, 600))}</p>"
    )
