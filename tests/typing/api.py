"""How users call the public names. Never run: mypy --strict reads it, and a change of a signature shows here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import athena_lab
from athena_lab.ai.providers.provider import Provider
from athena_lab.ai.types import AnalysisResult, Model, ProviderStatus, ProviderUsage, RateLimits, UsageReport
from athena_lab.api import ModuleInfo, Queued, TriageOptions
from athena_lab.client import LabClient
from athena_lab.events import Failed, Finished, Token
from athena_lab.jupyter.widgets import AskCell
from athena_lab.lab import Lab
from athena_lab.report import ModuleResult, Report
from athena_lab.ruleset import RuleSet, RuleTime
from athena_lab.sample import Sample
from athena_lab.trial import try_module

if TYPE_CHECKING:
    from athena_lab.ai.providers.interface import ProviderInterface
    from athena_lab.ai.send import Call
    from athena_lab.protocol import LabProtocol


def both_labs_satisfy_the_protocol(lab: Lab, client: LabClient) -> list[LabProtocol]:
    return [lab, client, athena_lab.connect(), athena_lab.open_lab()]


def every_provider_satisfies_the_interface(provider: Provider) -> ProviderInterface:
    return provider


async def a_provider(provider: ProviderInterface, call: Call) -> str:
    result: AnalysisResult = await provider.analyze(call)
    models: tuple[Model, ...] = await provider.models()
    usage: ProviderUsage = await provider.usage()
    status: ProviderStatus = await provider.health_check()
    limits: RateLimits = provider.rate_limits()
    valid: bool = await provider.validate_key()
    async for item in provider.stream(call):
        print(item)
    streaming: bool = provider.features.streaming
    return f"{result} {models} {usage} {status} {limits} {valid} {streaming} {provider.name} {provider.version}"


async def what_was_spent(lab: LabProtocol) -> float | None:
    report: UsageReport = await lab.usage(days=7)
    left: list[float] = [budget.left for budget in report.budgets]
    assert left
    status: ProviderStatus = await lab.breaker("claude", "closed" if left else "open")
    assert status.breaker.state
    return report.today.cost


async def what_is_inside(lab: LabProtocol, report: Report) -> Sample | None:
    children = report.facts.children if report.facts else ()
    numbers: list[int] = [child.index for child in children if not child.cut]
    return await lab.extract(b"...", numbers[0], timeout=5) if numbers else None


async def rules_of_a_folder(lab: LabProtocol) -> Report:
    rules: RuleSet = await lab.compile_rules("rules", Path("more.yar"), sources={"mine": ""}, externals={"least": 1})
    times: tuple[RuleTime, ...] = await lab.profile_rules("sample.exe", "rules")
    slowest: float = times[0].seconds
    names: list[str] = [rule.name for rule in rules.listed]
    assert names
    assert slowest
    return await lab.triage("sample.exe", options=TriageOptions(sessions=(rules.session,)))


async def what_was_queued(lab: LabProtocol) -> AnalysisResult | None:
    waiting: tuple[Queued, ...] = await lab.queued()
    seconds: list[float] = [question.next_try for question in waiting]
    assert seconds
    return await lab.answer(waiting[0].id)


async def a_session(lab: LabProtocol) -> None:
    report: Report = await lab.triage(Path("a"), analysis_type="quick", options=TriageOptions(timeout=1.0))
    severities: list[str] = [finding.severity for finding in report.findings]
    assert severities
    async with lab.stream_triage(b"bytes", modules=["file-processor"]) as parts:
        async for part in parts:
            result: ModuleResult | Report = part
            assert result
    request = athena_lab.AnalysisRequest(question="?", sample=report.sample.sha256, provider="local")
    async with lab.stream(request) as events:
        async for event in events:
            if isinstance(event, Token):
                print(event.text)
            elif isinstance(event, Finished):
                print(event.citations)
            elif isinstance(event, Failed):
                print(event.error.next_step)
    answer: AnalysisResult = await lab.analyze(request)
    await AskCell(lab, report).ask(answer.text)


async def a_module(lab: LabProtocol) -> bool:
    added: ModuleInfo = await lab.add_module(Path("dist/mine.wasm"))
    await lab.remove_module(added.name)
    return added.foreign and try_module(b"component", b"sample").error is None


def a_script() -> str:
    report: athena_lab.Report = athena_lab.triage("a")
    answer: AnalysisResult = athena_lab.ask("a", "?", max_tokens=100)
    return report.verdict.sentence + answer.text
