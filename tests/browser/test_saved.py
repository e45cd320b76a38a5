"""Notebooks that are opened again, by others, without a kernel; and content that wants to do more than be read."""

from __future__ import annotations

import nbformat
from playwright.sync_api import expect

from tests.browser.samples import suspicious_exe
from tests.browser.test_answers import ASK, CONNECT, TRIAGE

BIDI = "\u202egpj.exe"
HOSTILE_TEXT = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>\x1b[2J" + BIDI
HOSTILE_NAME = f"<img src=x onerror=window.pwned=3>{BIDI}.exe"
TRIAGE_HOSTILE = f"report = await lab.triage({HOSTILE_NAME!r})\nreport"


def hostile_answer(beacon):
    return f"""<script>window.pwned = 4; fetch("{beacon}/script")</script>

<img src="{beacon}/img" onerror="window.pwned = 5"><iframe src="{beacon}/frame"></iframe>
<svg onload="window.pwned = 6"><style>body {{ background: url({beacon}/style) }}</style></svg>

![a picture]({beacon}/markdown) [a link](javascript:window.pwned=7) [another]({beacon}/link) <{beacon}/auto>
<a href="javascript:window.pwned=8">click</a> <form action="{beacon}/form"><button>OK</button></form>
<div style="position:fixed;inset:0;z-index:99999" id="overlay" onmouseover="window.pwned=9">cover</div>

`<b onclick=1>code</b>` | {BIDI} \x1b[31mred

{"A" * 100_000}

The end, as [file-processor/format] says and [file-processor/no-such-thing] does not.
"""


def assert_inert(bench, peer):
    """Nothing that was said has come to life; and the beacon would have been seen."""
    page = bench.page
    page.evaluate("url => { document.createElement('img').src = url }", f"{peer.origin}/control")
    peer.until(lambda: peer.beacons, 10)
    assert peer.beacons == ["/control"]
    assert bench.strangers == [f"{peer.origin}/control"]
    assert page.evaluate("window.pwned") is None
    shown = page.locator(".athena-answer, .athena-report")
    assert shown.locator("script, img, iframe, form, button, input, object, embed, base, link").count() == 0
    links = shown.locator("a").evaluate_all("nodes => nodes.map(node => node.getAttribute('href'))")
    assert all(link.startswith(("#athena-", "https://attack.mitre.org/techniques/")) for link in links)
    assert shown.locator("[onerror], [onclick], [onload], [onmouseover], [style*=fixed], #overlay").count() == 0
    text = shown.all_inner_texts()
    assert not any("\u202e" in piece or "\x1b" in piece for piece in text)
    peer.beacons.clear()
    bench.strangers.clear()


def unsigned_copy(athena, name):
    """The same outputs in a notebook that this server has not signed, as one that came by mail."""
    notebook = nbformat.read(athena.home / name, as_version=4)
    notebook.metadata["came_by"] = "mail"
    nbformat.write(notebook, athena.home / f"copy-of-{name}")
    return f"copy-of-{name}"


def test_a_saved_notebook_shows_report_and_answer_without_its_kernel(open_page, athena, peer):
    peer.say("It is a **launcher**, see [file-processor/format].")
    name = athena.write("saved.ipynb", CONNECT, TRIAGE, ASK)
    bench = open_page(athena.page(name))
    bench.run_all()
    expect(bench.answer).to_contain_text("answered in")
    bench.save()
    bench.shut_kernel_down()
    bench.reload()
    expect(bench.answer.locator("strong")).to_have_text("launcher")
    expect(bench.report).to_contain_text("e694a8a11a715c6300d85bced2e15faa")
    expect(bench.report.locator("svg.athena-entropy polyline")).to_be_visible()
    assert bench.trusted()
    bench.answer.scroll_into_view_if_needed()
    bench.answer.locator("a", has_text="file-processor/format").click()
    expect(bench.report.locator("[id$='-file-processor/format']")).to_be_in_viewport(ratio=0.9)

    copy = open_page(athena.page(unsigned_copy(athena, name)))
    expect(copy.answer.locator("strong")).to_have_text("launcher")
    assert not copy.trusted()
    expect(copy.page.locator(".jp-RenderedHTML h3").first).to_contain_text("Clean-looking")
    expect(copy.page.locator("td meter").first).to_be_visible()
    copy.page.locator(".jp-RenderedHTML h3").first.scroll_into_view_if_needed()
    copy.screenshot("untrusted-report")
    copy.answer.locator("strong").scroll_into_view_if_needed()
    copy.screenshot("untrusted-answer")


def test_hostile_names_strings_and_answers_are_inert(open_page, athena, peer):
    peer.say(hostile_answer(peer.origin))
    (athena.home / HOSTILE_NAME).write_bytes(suspicious_exe((HOSTILE_TEXT,)))
    name = athena.write("hostile.ipynb", CONNECT, TRIAGE_HOSTILE, ASK)
    bench = open_page(athena.page(name))
    bench.run_all()
    expect(bench.answer).to_contain_text("no such finding")
    expect(bench.answer).to_contain_text("cites findings that the report does not have")
    bench.report.locator("summary", has_text="Strings").click()
    expect(bench.report).to_contain_text("<script>window.pwned = 1</script>")
    expect(bench.report.locator("p").first).to_contain_text("<img src=x onerror=window.pwned=3>")
    assert bench.trusted()
    assert_inert(bench, peer)
    bench.screenshot("hostile-report")
    bench.answer.scroll_into_view_if_needed()
    bench.screenshot("hostile-answer")
    bench.save()

    copy = open_page(athena.page(unsigned_copy(athena, name)))
    expect(copy.answer).to_contain_text("no such finding")
    assert not copy.trusted()
    assert_inert(copy, peer)


def test_a_hostile_answer_is_inert_while_it_streams(open_page, athena, peer):
    release = peer.talk(hostile_answer(peer.origin), " ended")
    bench = open_page(athena.page(athena.write("hostile-stream.ipynb", CONNECT, TRIAGE, ASK)))
    bench.run_all()
    expect(bench.log).to_contain_text("The end, as [file-processor/format]")
    expect(bench.log).to_contain_text("<script>window.pwned = 4")
    assert_inert(bench, peer)
    release()
    expect(bench.answer).to_contain_text("ended")
