"""A provider that fails, is left alone and comes back, seen by whoever asks: in the cell, the panel, the status bar."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect
from scripted_server import drop, reply

from tests.browser.peer import Peer
from tests.browser.test_answers import ASK, CONNECT, SHOW, TRIAGE
from tests.browser.workbench import SECONDS

OPEN_TIME = 12
"""Seconds for which a provider that failed is left alone: long enough to be seen, also on a busy machine."""


@pytest.fixture(scope="module")
def peers():
    with Peer() as first, Peer() as spare:
        yield first, spare


@pytest.fixture
def first(peers, peer):  # noqa: ARG001 - `athena` is not asked here, and its peer stands for nothing
    peers[0].say("The first says it is a launcher, see [file-processor/format].")
    return peers[0]


@pytest.fixture
def spare(peers):
    peers[1].say("The spare one says it is a launcher.")
    return peers[1]


def settings(peers):
    """Two providers, of which the second is asked when the first cannot answer."""
    rows = {}
    for number, (name, peer) in enumerate(zip(("FIRST", "SPARE"), peers, strict=True), 1):
        row = {"WIRE": "openai-chat", "BASE_URL": peer.url, "PRIORITY": str(number)}
        rows |= {f"ATHENA_PROVIDERS__{name}__{key}": value for key, value in row.items()}
    return rows | {
        "ATHENA_AI__BREAKER__OPEN_TIME": str(OPEN_TIME),
        "ATHENA_AI__RETRY__BASE": "0.1",
    }


@pytest.fixture(scope="module")
def pair(start, peers):
    return start("athena", **settings(peers))


def ask(bench, question):
    bench.page.get_by_label("Question").fill(question)
    bench.button("Ask").click()
    expect(bench.answer).to_contain_text(f"Question: {question}")


def refresh(bench):
    bench.execute("athena:refresh")


def pictures(bench, name):
    """In light and in dark."""
    bench.screenshot(name)
    bench.theme("JupyterLab Dark")
    bench.screenshot(f"{name}-dark")
    bench.theme("JupyterLab Light")


def test_a_provider_that_fails_is_left_alone_and_asked_again_when_it_is_back(open_page, pair, first, spare):
    bench = open_page(pair.page(pair.write("failover.ipynb", CONNECT, TRIAGE, SHOW)))
    before = spare.asked
    bench.panel()
    bench.run_all()
    expect(bench.row("first")).to_contain_text("Breaker closed")
    expect(bench.status).to_have_text("Athena: ready")
    ask(bench, "Is it well?")
    expect(bench.answer).to_contain_text("first / plausible-1 answered in")
    expect(bench.answer.locator("summary")).to_have_text("1 attempt")

    first.fail()
    for number in range(3):
        ask(bench, f"Is it well now, {number}?")
        expect(bench.answer).to_contain_text("The spare one says")
        expect(bench.answer).to_contain_text("spare / plausible-1 answered in")
        bench.answer.locator("summary", has_text="2 attempts, 1 of them failed").click()
        expect(bench.answer.get_by_role("cell", name="unavailable", exact=True)).to_be_visible()
    refresh(bench)
    expect(bench.row("first")).to_contain_text(re.compile(r"Breaker open, \d+ s left"))
    expect(bench.row("first").locator(".athena-mod-amber")).to_be_visible()
    expect(bench.status).to_have_text(re.compile(r"Athena: first is left alone for \d+ s, spare answers"))
    expect(bench.status.locator(".athena-mod-amber")).to_be_visible()
    bench.row("first").evaluate("row => row.scrollIntoView()")
    bench.answer.scroll_into_view_if_needed()
    pictures(bench, "breaker-open")
    asked = first.asked
    ask(bench, "Is it left alone?")
    expect(bench.answer).to_contain_text("spare / plausible-1 answered in")
    expect(bench.answer.locator("summary")).to_have_text("1 attempt")
    assert first.asked == asked

    first.say("The first is back.")
    expect(bench.row("first")).to_contain_text("Breaker half-open", timeout=3 * OPEN_TIME * SECONDS)
    refresh(bench)
    expect(bench.status).to_have_text("Athena: first failed lately and is tried with the next question")
    for number in range(2):
        ask(bench, f"Is it back, {number}?")
        expect(bench.answer).to_contain_text("The first is back.")
    expect(bench.row("first")).to_contain_text("Breaker closed")
    expect(bench.row("first")).to_contain_text("available")
    refresh(bench)
    expect(bench.status).to_have_text("Athena: ready")
    assert spare.asked == before + 4


@pytest.mark.usefixtures("first", "spare")
def test_a_breaker_is_opened_and_closed_by_hand(open_page, pair):
    bench = open_page(pair.page(pair.write("by-hand.ipynb", CONNECT, TRIAGE, SHOW)))
    bench.panel()
    bench.run_all()
    for name in ("first", "spare"):
        bench.row(name).get_by_role("button", name="Open breaker").click()
        expect(bench.row(name)).to_contain_text("Breaker open, by hand")
        if name == "first":
            expect(bench.status).to_have_text("Athena: first was taken out by hand, spare answers")
            ask(bench, "Who answers?")
            expect(bench.answer).to_contain_text("The spare one says")
    expect(bench.status).to_have_text("Athena: no provider can be asked")
    expect(bench.status.locator(".athena-mod-red")).to_be_visible()
    bench.row("spare").evaluate("row => row.scrollIntoView()")
    pictures(bench, "breakers-by-hand")
    for name in ("first", "spare"):
        bench.row(name).get_by_role("button", name="Close breaker").click()
        expect(bench.row(name)).to_contain_text("Breaker closed")
    expect(bench.status).to_have_text("Athena: ready")
    ask(bench, "And now?")
    expect(bench.answer).to_contain_text("The first says")


def test_an_answer_that_breaks_off_is_gone_on_with_by_another_and_says_where(open_page, pair, first, spare):
    first.break_off("It is a **small** laun")
    spare.say("cher, that is all.")
    bench = open_page(pair.page(pair.write("resumed.ipynb", CONNECT, TRIAGE, ASK)))
    bench.run_all()
    expect(bench.answer).to_contain_text("It is a small laun[continued by spare / plausible-1]cher, that is all.")
    expect(bench.answer).to_contain_text("first / plausible-1, then spare / plausible-1 answered in")
    expect(bench.answer.locator("strong")).to_have_text("small")
    bench.answer.locator("summary").click()
    bench.answer.scroll_into_view_if_needed()
    pictures(bench, "continued")


def test_what_a_refusing_provider_wrote_is_taken_back_and_kept_folded(open_page, pair, first, spare):
    release = spare.talk("It is a launcher, ", "and that is all.")
    first.decline("I begin to say, but **no**: I cannot help with that.")
    bench = open_page(pair.page(pair.write("refused.ipynb", CONNECT, TRIAGE, ASK)))
    seen = "[...document.querySelectorAll('[role=log]')].map(log => log.textContent)"
    bench.run_all()
    expect(bench.log).to_contain_text("It is a launcher, word word")
    assert not any("cannot help" in text for text in bench.page.evaluate(seen))
    expect(bench.page.locator(".athena-status")).to_contain_text("Answering: spare / plausible-1")
    release()
    expect(bench.answer).to_contain_text("and that is all.")
    expect(bench.answer).to_contain_text("spare / plausible-1 answered in")
    aside = bench.answer.locator("details.athena-aside")
    expect(aside.locator("summary")).to_have_text("first / plausible-1 declined (content_filter)")
    expect(aside.locator("strong")).to_be_hidden()
    aside.locator("summary").click()
    expect(aside.locator("strong")).to_have_text("no")
    bench.answer.scroll_into_view_if_needed()
    pictures(bench, "refused")
    bench.save()
    bench.shut_kernel_down()
    bench.reload()
    expect(bench.answer.locator("details.athena-aside summary")).to_contain_text("declined (content_filter)")
    attempts = bench.answer.locator("details.athena-attempts")
    attempts.locator("summary").click()
    expect(attempts.get_by_role("cell", name="declined", exact=True)).to_be_visible()


def test_where_nobody_answers_the_summary_stands_in_and_says_why(open_page, start, peers, first, spare):
    server = start("athena", **settings(peers))
    bench = open_page(server.page(server.write("offline.ipynb", CONNECT, TRIAGE, ASK)))
    first.fail()
    spare.fail()
    bench.run_all()
    expect(bench.answer).to_contain_text("Summary written without AI")
    expect(bench.answer.get_by_role("alert")).to_contain_text("Nobody answered:")
    expect(bench.answer.get_by_role("alert")).to_contain_text("503")
    expect(bench.answer.locator("summary")).to_have_text(re.compile(r"\d attempts, all failed"))
    bench.answer.locator("summary").click()
    expect(bench.answer.get_by_role("cell", name="unavailable", exact=True).first).to_be_visible()
    bench.answer.scroll_into_view_if_needed()
    pictures(bench, "recovered-offline")


@pytest.fixture(scope="module")
def alone(start, peers):
    """With one provider, whose rate limit is not waited for."""
    rules = {"ATHENA_AI__RECOVERY__RULES__RATE_LIMITED": '["queue", "offline"]'}
    return start("athena", ATHENA_LOCAL_URL=peers[0].url, ATHENA_AI__RETRY__BASE="0.1", **rules)


def test_an_earlier_answer_stands_in_and_says_how_old_it_is(open_page, alone, first):
    bench = open_page(alone.page(alone.write("stale.ipynb", CONNECT, TRIAGE, SHOW)))
    bench.run_all()
    ask(bench, "What is it?")
    expect(bench.answer).to_contain_text("The first says it is a launcher")
    first.answer = drop
    bench.button("Ask").click()
    expect(bench.answer).to_contain_text(re.compile(r"An earlier answer of local / plausible-1, \d+ (s|min) old"))
    expect(bench.answer.get_by_role("alert")).to_contain_text("Nobody answered:")
    expect(bench.answer).to_contain_text("The first says it is a launcher")
    bench.answer.scroll_into_view_if_needed()
    pictures(bench, "recovered-stale")


def test_a_question_kept_for_later_is_answered_when_the_provider_is_back(open_page, alone, first):
    first.answer = reply(429, "", {"retry-after": "4"})
    bench = open_page(alone.page(alone.write("queued.ipynb", CONNECT, TRIAGE, ASK)))
    bench.run_all()
    expect(bench.answer).to_contain_text("Summary written without AI, for now")
    expect(bench.answer.get_by_role("alert")).to_contain_text(re.compile(r'await lab\.answer\("[\w-]+"\)'))
    button, status = bench.button("Ask for the answer"), bench.page.locator(".athena-status")
    button.click()
    expect(status).to_contain_text("There is no answer yet")
    bench.answer.scroll_into_view_if_needed()
    pictures(bench, "recovered-queued")
    asked = first.asked
    first.say("It is a launcher after all.")
    first.until(lambda: first.asked > asked and not first.answering, 60)
    while button.count():  # what has been answered is written down a moment later
        button.evaluate_all("found => found.forEach((button) => button.click())")  # it may have gone by now
    expect(bench.answer).to_contain_text("It is a launcher after all.")
    expect(bench.answer).to_contain_text("local / plausible-1 answered in")
    bench.save()
    bench.shut_kernel_down()
    bench.reload()
    expect(bench.answer).to_contain_text("It is a launcher after all.")
