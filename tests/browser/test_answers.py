"""Asking in a cell: stop, ask again, reload in mid-stream, and providers that are down, silent or mad."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from playwright.sync_api import expect

sys.path.insert(0, str(Path(__file__).parent.parent / "peers"))

from scripted_server import drop, hang, reply, stream

CONNECT = "import athena_lab\nfrom athena_lab.jupyter.widgets import AskCell\n\nlab = athena_lab.connect()"
TRIAGE = """import setuptools
from pathlib import Path

report = await lab.triage(Path(setuptools.__file__).with_name('cli-64.exe'))
report"""
ASK = "cell = AskCell(lab, report)\nawait cell.ask('What is it?')"
SHOW = "cell = AskCell(lab, report)\ncell"
IMPATIENT = '''
from contextlib import asynccontextmanager
from msgspec.structs import replace
from athena_lab.ai.types import AnalysisOptions

class Impatient:
    """The lab, with 2 s for an answer."""

    def stream(self, request):
        return lab.stream(replace(request, options=AnalysisOptions(deadline=2.0)))

await AskCell(Impatient(), report).ask("What is it?")
'''


def test_stop_ends_the_answer_here_and_at_the_provider_and_the_cell_asks_again(open_page, athena, peer):
    asked = peer.asked
    peer.talk("**Begun** ", "never seen")
    bench = open_page(athena.page(athena.write("stop.ipynb", CONNECT, TRIAGE, SHOW)))
    bench.run_all()
    bench.page.get_by_label("Question").fill("What is it?")
    bench.button("Ask").click()
    expect(bench.log).to_contain_text("**Begun** word word")
    assert peer.answering == 1
    bench.button("Stop").click()
    expect(bench.answer).to_contain_text("was stopped after")
    expect(bench.answer.locator("strong")).to_have_text("Begun")
    peer.until(lambda: peer.answering == 0, 5)
    expect(bench.button("Stop")).to_be_hidden()
    bench.screenshot("stopped")
    peer.say("The second answer cites [file-processor/format].")
    bench.page.get_by_label("Question").fill("And now?")
    bench.page.keyboard.press("Control+Enter")
    expect(bench.answer).to_contain_text("The second answer")
    expect(bench.answer).to_contain_text("And now?")
    expect(bench.answer).not_to_contain_text("Begun")
    expect(bench.page.locator(".athena-answer")).to_have_count(1)
    assert peer.asked == asked + 2


def test_a_running_cell_can_be_stopped(open_page, athena, peer):
    peer.talk("Begun ", "never seen")
    bench = open_page(athena.page(athena.write("stop-running.ipynb", CONNECT, TRIAGE, ASK)))
    bench.run_all()
    expect(bench.log).to_contain_text("Begun word")
    bench.button("Stop").click()
    expect(bench.answer).to_contain_text("was stopped after")
    peer.until(lambda: peer.answering == 0, 5)
    bench.until_idle()


def test_a_page_that_is_loaded_again_in_mid_stream_goes_on(open_page, athena, peer):
    release = peer.talk("Begun ", "and ended.")
    bench = open_page(athena.page(athena.write("reload.ipynb", CONNECT, TRIAGE, SHOW)))
    bench.run_all()
    bench.page.get_by_label("Question").fill("What is it?")
    bench.button("Ask").click()
    expect(bench.log).to_contain_text("Begun word")
    bench.save()
    bench.reload()
    expect(bench.log).to_contain_text("Begun word")
    seen = bench.log.inner_text()
    bench.page.wait_for_function(
        "seen => document.querySelector('[role=log]').textContent.length > seen", arg=len(seen)
    )
    release()
    expect(bench.answer).to_contain_text("and ended.")
    expect(bench.button("Ask")).to_be_enabled()
    bench.reload()
    expect(bench.answer).to_contain_text("and ended.")


def test_a_page_that_is_loaded_again_while_a_cell_runs_goes_on(open_page, athena, peer):
    release = peer.talk("Begun ", "and ended.")
    bench = open_page(athena.page(athena.write("reload-running.ipynb", CONNECT, TRIAGE, ASK)))
    bench.run_all()
    expect(bench.log).to_contain_text("Begun word")
    bench.save()
    bench.reload()
    expect(bench.log).to_contain_text("Begun word")
    release()
    expect(bench.answer).to_contain_text("and ended.")


def test_without_a_provider_the_cell_says_how_to_set_one_and_gives_the_summary(open_page, plain_lab):
    bench = open_page(plain_lab.page(plain_lab.write("ask.ipynb", CONNECT, TRIAGE, ASK)))
    bench.run_all()
    expect(bench.answer).to_contain_text("Written without AI")
    expect(bench.answer.get_by_role("alert")).to_contain_text("ANTHROPIC_API_KEY")
    bench.panel()
    expect(bench.row("providers")).to_contain_text("ANTHROPIC_API_KEY")
    expect(bench.row("claude")).to_contain_text("not set up")
    expect(bench.status).to_have_attribute("title", re.compile("ANTHROPIC_API_KEY"))
    bench.answer.scroll_into_view_if_needed()


FAILURES = {
    "down": (drop, ASK, "base_url"),
    "unavailable": (reply(503, {"error": {"message": "overloaded"}}), ASK, "503"),
    "silent": (hang, IMPATIENT, "time given for this request is over"),
    "no model server": (reply(200, "<html>It works!</html>", {"content-type": "text/html"}), ASK, "not"),
    "mad": (stream([b"data: {]\n\n"]), ASK, "not"),
    "broken off": (stream([b'data: {"choices":[{"delta":{"content":"Half an"}}]}\n\n'], end="reset"), ASK, "Half an"),
    "wrong key": (reply(401, {"error": {"message": "bad key"}}), ASK, "key"),
}


def test_a_provider_that_fails_is_told_with_the_next_step(open_page, start, peer):
    patient = {"ATHENA_AI__BREAKER__FAILURES": "1000", "ATHENA_AI__BREAKER__MINIMUM": "1000"}
    server = start("athena", ATHENA_LOCAL_URL=peer.url, ATHENA_AI__RETRY__BASE="0.1", **patient)
    cells = [ask for _, ask, _ in FAILURES.values()]
    bench = open_page(server.page(server.write("failures.ipynb", CONNECT, TRIAGE, *cells)))
    bench.until_idle()
    bench.run_cell(0)
    bench.run_cell(1)
    expect(bench.report).to_be_visible()
    for number, (script, _, expected) in enumerate(FAILURES.values()):
        peer.answer = script
        bench.run_cell(2 + number)
        answer = bench.page.locator(".athena-answer").nth(number)
        expect(answer).to_contain_text(re.compile("failed after|is incomplete|Summary written without AI"))
        expect(answer).to_contain_text(expected)
        expect(answer.get_by_role("alert")).not_to_be_empty()
