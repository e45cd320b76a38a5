"""HTML, Markdown and text: complete, hostile-proof, small and quick."""

from __future__ import annotations

import re
import time
from functools import cache
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from athena_lab.report import Evidence, Finding
from athena_lab.report import behaviour as b
from athena_lab.report import contents as x
from athena_lab.report import document as d
from athena_lab.report import facts as f
from athena_lab.report import network as n
from athena_lab.report import patterns as p
from athena_lab.report.children import Child
from athena_lab.report.code import Similarity
from athena_lab.report.frames_capture import CAPTURE_COLUMNS
from athena_lab.report.html import finding_anchor
from athena_lab.report.markdown import plain, span
from athena_lab.report.svg import entropy_plot, entropy_sentence
from tests.report.make import (
    HOSTILE,
    SHA,
    behaviour_facts,
    conclusion,
    conclusion_facts,
    crypto,
    crypto_facts,
    deobfuscation,
    deobfuscation_facts,
    document_facts,
    executable,
    failed,
    file_facts,
    network,
    network_facts,
    nodes,
    ok,
    pattern_facts,
    patterns,
    report,
    sandbox,
)

ALLOWED = {
    "style", "section", "h3", "h4", "h5", "pre", "p", "code", "ul", "li", "b", "small", "div", "a", "table", "thead",
    "tbody", "tr", "th", "td", "details", "summary", "meter", "figure", "figcaption", "svg", "title", "polygon",
    "polyline", "line", "span",
}  # fmt: skip
VOID_LIKE = {"polygon", "polyline", "line"}


class Page(HTMLParser):
    """Collects elements, and checks that every tag that opens closes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str | None]] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID_LIKE:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID_LIKE:
            assert self.open.pop() == tag


def test_html_is_well_formed_and_holds_only_what_it_should():
    page = Page(report(ok(), failed()).to_html())
    assert page.tags <= ALLOWED
    assert not [a for a in page.attributes if a[1].startswith("on") or a[1] == "src"]


@given(st.text(min_size=1, max_size=60))
def test_no_text_of_a_sample_becomes_markup(text):
    hostile = msgspec.structs.replace(
        executable(),
        sections=(f.Section(text, 0, 0, 0, 0, 0.0, text, anomalies=(text,)),),
        imports=(f.Import(text, text),),
        exports=(f.Export(text, forward=text),),
        version_info={text: text},
        debug=(f.DebugInfo("codeview", text),),
        arch=text,
        type=text,
    )
    facts = file_facts(executables=(hostile,), strings=f.Strings(1, (f.StringItem(0, "ascii", text),)))
    finding = Finding("x", "high", 1, "Title", text, (Evidence(0, 1, text),), (text,))
    made = report(ok((finding,), facts), name=text)
    page = Page(made.to_html())
    assert page.tags <= ALLOWED
    assert {name for _, name, _ in page.attributes} <= {
        "class", "id", "data-report", "href", "target", "rel", "scope", "min", "max", "low", "high", "optimum", "value",
        "role", "open", "viewbox", "width", "height", "preserveaspectratio", "points", "fill", "fill-opacity", "stroke",
        "stroke-width", "stroke-opacity", "stroke-dasharray", "x1", "x2", "y1", "y2", "style",
    }  # fmt: skip


def test_the_only_links_go_to_attack_techniques():
    hrefs = [value for _, name, value in Page(report().to_html()).attributes if name == "href"]
    assert hrefs == ["https://attack.mitre.org/techniques/T1027/002/"]


def test_html_shows_the_whole_of_what_is_known():
    html = report(ok(), failed()).to_html()
    for words in (
        "Suspicious: 2 high findings", SHA, "PE32 executable (console) x86", "Imphash", "2023-11-14 22:13:20 UTC",
        "Rich header", "TLS callbacks", "Imports: 3 from 2 libraries", "CreateFileW", "#3", "Strings: 5,000", "0x400",
        "encrypted", "Overlay", "checksum INVALID", "unpacker failed:", "The module trapped: unreachable.",
        "on: aslr; off: nx", "computed 0x2", "r-x",
    ):  # fmt: skip
        assert words in html, words


def test_each_finding_has_an_anchor():
    made = report()
    html = made.to_html()
    for finding in made.findings:
        assert f'id="{finding_anchor(SHA, finding.id)}"' in html


@pytest.mark.parametrize("form", ["to_html", "to_markdown", "to_text"])
def test_what_is_hostile_shows_itself(form):
    text = getattr(report(), form)()
    assert "http://" not in text
    assert not re.search("[\u202a-\u202e\x1b]", text)
    assert "hxxp" in text


def test_the_worst_report_stays_small_and_quick():
    text = "&<\"'\u202e" * 200
    image = executable()
    many = msgspec.structs.replace(
        image,
        sections=(f.Section(text, 1, 1, 1, 1, 7.9, text, anomalies=(text,) * 4),) * 1000,
        libraries=tuple(f"{i}{text}" for i in range(500)),
        imports=tuple(f.Import(f"{i % 500}{text}", text) for i in range(5000)),
        exports=(f.Export(text, 1, 1, text),) * 1000,
        resources=(f.Resource(text, text, 1, 1, 1, 1.0, text),) * 1000,
        version_info={f"{i}{text}": text for i in range(300)},
        segments=(f.Segment(text, 1, 1, 1, 1, text),) * 500,
    )
    facts = file_facts(
        executables=(many,) * 2,
        container=f.Container(text, 1000, (f.Entry(text, 1),) * 1000, {f"{i}": text for i in range(300)}),
        children=tuple(Child(i, 12, text, text, 1, format=text) for i in range(4_096)),
        contents=x.Contents(python=x.Python(text, 1, text, 1, *[(text,) * 1_000] * 4)),  # a file is of one format
        documents=(document_facts(40),) * 4,
        strings=f.Strings(1 << 20, (f.StringItem(1, "ascii", text),) * 2000),
    )
    findings = tuple(Finding(f"f{i}", "high", 1, "T" * 200, text, (Evidence(1, 1, text),) * 20) for i in range(1000))
    made = report(
        ok(findings, facts),
        crypto(crypto_facts(1_000)),
        deobfuscation(deobfuscation_facts(64)),
        network(network_facts(500)),
        patterns(pattern_facts(1_000)),
        sandbox(behaviour_facts(1_000)),
        failed(),
    )
    made.to_html()
    began = time.process_time()
    html = made.to_html()
    assert time.process_time() - began < 0.5  # 55 ms where it was measured
    assert len(html.encode()) < 780_000  # all lists full at once, which no one file can bring about
    assert "more" in html


MOST = 20_000
"""Records of each list of a capture, as many as can be asked for."""


@cache
def largest():
    made = report(ok(), network(network_facts(MOST)))
    assert made.network.capture.flows.total == MOST  # decoded, before time is taken
    return made


@pytest.mark.parametrize(
    ("form", "most"), [("to_html", 560_000), ("to_markdown", 60_000), ("to_text", 60_000)], ids=str
)
def test_the_largest_capture_stays_small_and_quick(form, most):
    made = largest()
    began = time.process_time()
    said = getattr(made, form)()
    assert time.process_time() - began < 2
    assert len(said.encode()) < most


@pytest.mark.parametrize("table", ["indicators", *CAPTURE_COLUMNS])
def test_the_largest_capture_is_a_frame_in_time(table):
    pytest.importorskip("pandas")
    made = largest()
    began = time.process_time()
    frame = made.to_dataframe(table)
    assert time.process_time() - began < 5
    assert len(frame) in {MOST, 2 * MOST}


def test_evidence_that_is_not_shown_is_counted():
    evidence = tuple(Evidence(offset=number, text=f"seen {number}") for number in range(9))
    made = report(ok((Finding("a/b", "high", 90, "Nine places", evidence=evidence),)))
    for form in (made.to_text(), made.to_markdown(), made.to_html()):
        shown = sum(f"seen {number}" in form for number in range(9))
        assert 0 < shown < 9
        assert f"{9 - shown} more" in form


def test_a_usual_report_is_quick():
    made = report()
    made.to_html()
    began = time.process_time()
    made.to_html()
    assert time.process_time() - began < 0.1


def test_the_plot_is_one_sentence_without_its_picture():
    entropy = f.EntropyProfile(6.5, 256, (0.0, 8.0, 7.2))
    assert entropy_sentence(entropy) in entropy_plot(entropy)
    assert "2 at or above 7.2" in entropy_sentence(entropy)
    assert entropy_plot(f.EntropyProfile(0, 0, ())) == ""


@given(st.text(max_size=80))
def test_markdown_spans_hold_any_text(text):
    tokens = MarkdownIt("commonmark").enable("table").parseInline(span(text))[0].children
    assert [token.type for token in tokens] == ["code_inline"]


@given(st.text(max_size=80))
def test_markdown_prose_stays_prose(text):
    tokens = MarkdownIt("commonmark").enable("table").parse(f"x {plain(text)}")
    inline = [child.type for token in tokens for child in token.children or ()]
    assert {token.type for token in tokens} == {"paragraph_open", "inline", "paragraph_close"}
    assert set(inline) <= {"text", "text_special"}


def test_markdown_is_a_table_of_sections_and_a_list_of_findings():
    text = report(ok(), failed()).to_markdown()
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert html.count("<table>") == 2
    assert "<script" not in html
    assert "<img" not in html
    assert "unpacker" in text


def test_text_names_findings_and_failures():
    text = str(report(ok(), failed()))
    assert text.startswith("Suspicious: 2 high findings")
    assert "[file-processor/odd-sections]" in text
    assert "unpacker failed: The module trapped" in text
    assert HOSTILE not in text


def test_a_pipe_in_a_name_does_not_break_the_table_of_sections():
    image = msgspec.structs.replace(executable(), sections=(f.Section("a|b|c", 0, 0, 0, 0, 0.0, "r|x"),))
    html = (
        MarkdownIt("commonmark")
        .enable("table")
        .render(report(ok(facts=file_facts(executables=(image,), children=()))).to_markdown())
    )
    assert html.count("<td") == 6
    assert "a\\x7cb\\x7cc" in html


@pytest.mark.parametrize("form", ["to_html", "to_markdown", "to_text"])
def test_even_a_title_that_breaks_its_promise_does_no_harm(form):
    text = getattr(report(ok((Finding("x", "low", 1, HOSTILE),))), form)()
    assert "http://" not in text
    assert not re.search("[\u202a-\u202e\x1b]", text)


def test_the_html_shows_indicators_defanged_and_those_that_lead_nowhere_apart():
    html = report(ok(), network()).to_html()
    assert "1 ipv4, 1 url. 6 more are not listed." in html
    telling, others = html[html.index("Indicators</h4>") :].split("Leading nowhere", 1)
    assert "evil[.]example" in telling
    assert "10.0.0.1" not in telling
    assert "private" in others
    assert "http://evil" not in html
    assert "Indicators" not in report(ok(), network(n.NetworkFacts({}, ()))).to_html()


def test_the_html_shows_which_rules_match():
    html = report(ok(), patterns()).to_html()
    assert "1 rule of 40 match, 5 more left out" in html
    assert "at 0x10" in html
    assert "YARA" not in report(ok(), patterns(p.PatternFacts(40, "default"))).to_html()


def test_files_inside_are_a_tree_with_the_numbers_to_take_them_out_by():
    children = (
        Child(0, 1, "outer.zip", "zip-entry", 12, sha256=SHA, format="zip"),
        Child(1, 2, "bomb", "zip-entry", 64 << 20, parent=0, cut=True),
    )
    made = report(ok(facts=file_facts(children=children)))
    html = made.to_html()
    assert "<h4>Files inside</h4>" in html
    assert "more than 67,108,864" in html
    assert html.index("outer.zip") < html.index("\u2003<code class")
    assert not re.search("<code[^>]*></code>", html)
    assert "| 1 | `bomb` | 0 | 67108864 |" in made.to_markdown()
    assert "  0 outer.zip (12 bytes, zip)\n    1 bomb (67,108,864 bytes, )" in made.to_text()
    assert "Files inside" not in report(ok(facts=file_facts(children=()))).to_html()


def test_what_a_format_says_is_shown():
    link = x.Shortcut("minimised", "C:\\cmd.exe", "/c calc", machine="desktop-1", mac="00:11:22:33:44:55")
    made = report(ok(facts=file_facts(contents=x.Contents(shortcut=link))))
    html = made.to_html()
    for text in ("<h4>Shortcut</h4>", "/c calc", "desktop-1", "00:11:22:33:44:55", "minimised"):
        assert text in html
    assert "Shortcut to" in made.to_text()
    assert "Shortcut to: `C:\\cmd.exe` `/c calc`" in made.to_markdown()
    titles = ("Windows Installer package", "Android package", "Dalvik executable", "Java", "Python", "Bundle")
    html = report().to_html()
    assert all(f"<h4>{title}</h4>" in html for title in titles)


def test_what_a_format_says_stands_in_text_and_markdown():
    contents = x.Contents(
        bundle=x.Bundle("nsis", "3.08", "setup.exe", {"compression": "lzma"}),
        installer=x.Installer({}, {"ProductName": "Example"}, (x.CustomAction("Go", 50, "program", "CMD", "-x"),)),
        android=x.Android(
            "org.example", "1.2", permissions=("SEND_SMS",), components=(x.Component("service", "S", is_exported=True),)
        ),
        dex=x.Dex("035", is_checksum_valid=True, strings=3, methods=2, class_count=1, apis=("Runtime.exec",)),
        java=x.Java("org.example.Main", references=tuple("abcdefghij")),
        python=x.Python("3.11", 2, "evil.py", imports=("socket",)),
    )
    made = report(
        ok(facts=file_facts(contents=contents, container=f.Container("iso", 1, properties={"label": "DISK"})))
    )
    for text in (made.to_text(), made.to_markdown().replace("`", "")):
        for said in (
            "nsis 3.08", "setup.exe", "compression lzma", "Example", "CMD -x", "org.example", "SEND_SMS", "S",
            "Runtime.exec", "org.example.Main", "more", "evil.py", "version 3", "socket", "iso label", "DISK",
        ):  # fmt: skip
            assert said in text.replace("\\", ""), said


def test_the_html_shows_layers_side_by_side():
    html = report(ok(), deobfuscation()).to_html()
    assert "<h4>Layers: 2</h4>" in html
    for text in (
        "Layer 0: string-array in the sample, javascript, 4.0 KiB → 1.0 KiB, entropy 5.50 → 4.25, 95 % sure",
        "Layer 1: eval in layer 0",
        '<th scope="col">Before</th><th scope="col">After</th>',
        "new indicators: ",
        "new strings: ",
        "undone: concat 7",
        "Decoded files: 1",
    ):
        assert text in html
    assert "Layers" not in report(ok()).to_html()


def test_the_lines_of_a_layer_stay_lines():
    facts = deobfuscation_facts()
    layer = msgspec.structs.replace(facts.layers[0], before="if (a) {\r\n  b <i>\u202e\n}", after="x\n" * 1_000)
    html = report(ok(), deobfuscation(msgspec.structs.replace(facts, layers=(layer,)))).to_html()
    assert "<code>if (a) {\n  b &lt;i&gt;\\u202e\n}</code>" in html
    assert "<code>x\nx\n" in html
    assert "x…</code>" in html


@pytest.mark.parametrize("form", ["to_markdown", "to_text"])
def test_forms_without_tables_name_the_layers(form):
    text = getattr(report(ok(), deobfuscation()), form)()
    for words in ("layer 0", "entropy 5.50", "decoded 0", "eval in layer 0"):
        assert words in text


def test_the_html_shows_what_crypto_found():
    html = report(ok(), crypto()).to_html()
    assert "<h4>Cryptography</h4>" in html
    for text in (
        "Algorithms: 1",
        "Keys and certificates: 1, 3 more left out",
        "XOR keys: 1, 4 more left out",
        "2048 bits",
    ):
        assert text in html
    assert "Cryptography" not in report(ok()).to_html()


def test_the_html_shows_what_a_sample_did():
    html = report(ok(), sandbox(behaviour_facts(2))).to_html()
    for text in (
        "<h4>Behaviour</h4>", "run as javascript", "Timeline: 2 rows; 1 more are not listed", "Stays by: 2",
        "Waited for: 2", "athena-call-process", "Code and files that it made: 2, 2 more left out", " x3",
    ):  # fmt: skip
        assert text in html
    assert html.count("<script>") == 0
    nothing = b.SandboxFacts(kind="sandbox")
    assert "Behaviour" not in report(ok(), sandbox(nothing)).to_html()


@pytest.mark.parametrize(
    ("engine", "host"),
    [("vbscript", "a Windows"), ("x86", "an emulator"), ("x86-64", "an emulator"), ("wasm", "stubs")],
)
def test_it_is_said_what_a_sample_was_run_by(engine, host):
    html = report(ok(), sandbox(msgspec.structs.replace(behaviour_facts(), engine=engine))).to_html()
    said = html.partition("<h4>Behaviour</h4><p>")[2].partition(":")[0]
    assert host in said
    assert ("Windows" in said) == (engine == "vbscript")


@pytest.mark.parametrize("form", ["to_markdown", "to_text"])
def test_forms_without_tables_say_which_error_ended_it(form):
    facts = b.SandboxFacts(kind="sandbox", engine="x86", ended="exception", error="no memory at 0x0")
    assert "no memory at 0x0" in getattr(report(ok(), sandbox(facts)), form)()


@pytest.mark.parametrize("form", ["to_markdown", "to_text"])
def test_forms_without_tables_say_what_a_sample_did(form):
    text = getattr(report(ok(), sandbox(behaviour_facts(3))), form)()
    for words in ("Behaviour", "run as javascript", "ended with an error", "Processes", "Network", "process", "2.00 s"):
        assert words in text
    assert "Behaviour" not in getattr(report(ok()), form)()


@pytest.mark.parametrize("form", ["to_markdown", "to_text"])
def test_forms_without_tables_say_what_is_in_a_document(form):
    text = getattr(report(ok((), file_facts(documents=(document_facts(),)))), form)()
    for words in (
        "Message", "From", "To", "Received", "Macro module", "Runs by itself", "Excel 4.0 macros", "Formula", "A1",
        "Script", "Link", "Object",
    ):  # fmt: skip
        assert words in text, words


def test_macros_that_cannot_be_read_are_told_of():
    document = d.DocumentFacts(macros=(d.MacroProject("word/vbaProject.bin", ()),))
    text = report(ok((), file_facts(documents=(document,)))).to_text()
    assert re.search(r"Macros +word/vbaProject\.bin +which cannot be read", text)


@pytest.mark.parametrize(
    ("shown", "kept"),
    [
        (report(sandbox(behaviour_facts(2_000))), "behaviour"),
        (report(conclusion(conclusion_facts(2_000))), "conclusion"),
        (report(failed(), children=nodes(2_000)), "children"),
    ],
    ids=["calls", "contributions", "tree"],
)
def test_what_a_table_leaves_out_is_said_to_be_where_it_is(shown, kept):
    notes = re.findall(r"(\d+) more are not shown here; <code>report\.(\w+)</code>", shown.to_html())
    assert notes
    assert {place for _, place in notes} == {kept}


def test_words_of_one_line_stay_on_it():
    html = report(ok(), sandbox(), children=nodes()).to_html()
    spans = set(re.findall("<span.*?</span>", html))
    assert {'<span class="n">process</span>', '<span class="n">12 bytes</span>'} <= spans


def one_of_each():
    child = Child(0, 1, "", "ole-stream", 1, format="unknown")
    container = f.Container("zip", 1, (f.Entry("a", 1),))
    seen = (Evidence(length=7), Evidence(offset=16, length=1))
    facts = file_facts(children=(child,), container=container, similarity=Similarity("3:abc:def", "T1" + "0" * 70))
    return report(ok((Finding("object", "low", 90, "An object", evidence=seen),), facts))


def test_one_of_a_kind_is_one_and_what_has_no_name_says_so():
    lines = one_of_each().to_text().splitlines()
    assert "1 file inside" in lines
    assert "  0 without a name, ole-stream (1 byte, unknown)" in lines
    assert "Container zip with 1 entry" in lines
    assert ["ssdeep 3:abc:def", f"TLSH T1{'0' * 70}"] == [line for line in lines if line.startswith(("ssdeep", "TLSH"))]


@pytest.mark.parametrize("form", ["to_text", "to_markdown"])
def test_evidence_without_a_place_or_a_text_makes_no_line(form):
    lines = [line.strip() for line in getattr(one_of_each(), form)().splitlines()]
    assert not {"at", "-"} & set(lines)
    assert sum("0x10" in line for line in lines) == 1
