"""What the cell shows where answers come from others than the first asked, from none, or from several."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai.notice import age_text
from athena_lab.ai.types import AnalysisResult, SetAside
from athena_lab.errors import RateLimited, ServiceUnavailable, UnknownJob
from athena_lab.events import (
    Assessment,
    Attempt,
    Consensus,
    Difference,
    Failed,
    FailedOver,
    Finished,
    Ioc,
    Opinion,
    Recovered,
    Started,
    Structured,
    Token,
)
from athena_lab.jupyter.widgets.ask import VIEW_MIME
from athena_lab.jupyter.widgets.markdown import Citations, render_markdown
from athena_lab.jupyter.widgets.seams import Seam, authors, plain_with_seams, render_with_seams
from athena_lab.jupyter.widgets.tried import MAX_ASIDE
from tests.widgets.cells import FINISHED, STARTED, SayingLab

HOSTILE = "<img src=x>\u202e"
JOB = "AbCdEfGhIjKlMnOpQrStUv"
TO_OPENAI = FailedOver("openai", "gpt-6", "claude", "model-x", "provider_timeout")
GOES_ON = FailedOver("openai", "gpt-6", "claude", "model-x", "network", resumed=True)
DECLINED = FailedOver("openai", "gpt-6", "claude", "model-x", "refused", stop_reason="content_filter")
DOWN = ServiceUnavailable("claude answers 503.", provider="claude", model="model-x").problem()


def plain(cell):
    [output] = cell.notebook.outputs.values()
    return output["text/plain"]


# -- failover


async def test_where_another_goes_on_there_is_a_mark_and_both_are_named(cell_of):
    cell = cell_of(STARTED, Token("It is "), GOES_ON, Token("**packed**."), FINISHED)
    await cell.ask("What is it?")
    assert cell.answer.text == "It is **packed**."
    assert (cell.provider, cell.model) == ("openai", "gpt-6")
    seam = '<small class="athena-seam">[continued by openai / gpt-6]</small>'
    assert f"It is {seam}<strong>packed</strong>." in cell.answer_html
    assert "claude / model-x, then openai / gpt-6 answered in" in cell.answer_html
    assert "It is [continued by openai / gpt-6]**packed**." in plain(cell)
    assert not cell.answer.asides


async def test_text_that_is_no_part_of_the_answer_is_taken_back_and_kept_folded(cell_of):
    gate, shown = asyncio.Event(), asyncio.Event()
    cell = cell_of(STARTED, Token("I can not "), gate, TO_OPENAI, shown, Token("It is packed."), FINISHED)
    task = asyncio.ensure_future(cell.ask("What is it?"))
    await cell.hears()
    gate.set()
    await cell.hears(2)
    assert cell.sent[-1] == ({"kind": "snapshot", "run": cell.run_id, "seq": 2}, b"")
    assert cell.note == "claude / model-x broke off (timed out); openai / gpt-6 is asked now."
    shown.set()
    await task
    assert cell.sent[-1] == ({"kind": "batch", "run": cell.run_id, "seq": 3}, b"It is packed.")
    assert (cell.answer.text, cell.note) == ("It is packed.", "")
    assert "openai / gpt-6 answered in" in cell.answer_html
    assert "claude / model-x, then" not in cell.answer_html
    folded = "<summary>claude / model-x broke off (timed out)</summary><p>I can not</p>"
    assert folded in cell.answer_html
    assert "claude / model-x broke off (timed out); 10 characters set aside." in plain(cell)


async def test_a_page_that_comes_late_never_sees_what_was_taken_back(cell_of):
    gate = asyncio.Event()
    cell = cell_of(STARTED, Token("I can not "), TO_OPENAI, Token("It is"), gate, FINISHED)
    task = asyncio.ensure_future(cell.ask("What is it?"))
    await cell.hears(2)
    cell.press(kind="resync", run=cell.run_id)
    assert cell.sent[-1][1] == b"It is"
    gate.set()
    await task


async def test_a_refusal_is_shown_even_without_a_word(cell_of):
    attempts = (Attempt("claude", "model-x", 0.1), Attempt("openai", "gpt-6", 0.2))
    cell = cell_of(STARTED, DECLINED, Token("It is packed."), Finished("completed", "stop", attempts=attempts))
    await cell.ask("What is it?")
    assert "<td>claude</td><td>model-x</td><td>declined</td>" in cell.answer_html
    assert "<td>openai</td><td>gpt-6</td><td>answered</td>" in cell.answer_html
    assert '<p class="athena-aside">claude / model-x declined (content_filter).</p>' in cell.answer_html
    assert "claude / model-x declined (content_filter)" in plain(cell)


async def test_a_provider_that_said_nothing_leaves_a_note_and_no_aside(cell_of):
    gate = asyncio.Event()
    cell = cell_of(STARTED, FailedOver("openai", "gpt-6", "claude", "model-x", "circuit_open"), gate, FINISHED)
    cell.observe(lambda _: gate.set(), "note")
    notes = []
    cell.observe(lambda change: notes.append(change["new"]), "note")
    await cell.ask("What is it?")
    assert notes[0] == "claude / model-x: left alone after failures; openai / gpt-6 is asked now."
    assert not cell.answer.asides


async def test_what_was_set_aside_is_capped_and_takes_no_room_from_the_answer(cell_of):
    cell = cell_of(STARTED, Token("x" * 999_999), TO_OPENAI, Token("y" * 999_999), FINISHED)
    await cell.ask("What is it?")
    assert len(cell.answer.text) == 999_999
    assert len(cell.answer.asides[0].text) == MAX_ASIDE + 1
    assert not cell.answer.cut


async def test_a_verdict_that_was_set_aside_is_not_shown_as_the_answers(cell_of):
    verdict = Structured(Assessment("benign", None, 1, (), (), "no"))
    cell = cell_of(STARTED, Token("no"), verdict, DECLINED, Token("It is packed."), FINISHED)
    await cell.ask("What is it?")
    assert cell.answer.structured is None


async def test_names_and_reasons_of_providers_are_text(cell_of):
    over = FailedOver(HOSTILE, HOSTILE, HOSTILE, HOSTILE, "refused", stop_reason=HOSTILE)
    on = FailedOver(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, resumed=True)
    tried = (Attempt(HOSTILE, HOSTILE, 1.0, error=HOSTILE),)
    ended = Finished("completed", "stop", attempts=tried)
    cell = cell_of(STARTED, Token(f"a {HOSTILE}"), over, Token("b "), on, Token("c"), ended)
    await cell.ask("What is it?")
    assert "<img" not in cell.answer_html
    assert "\u202e" not in cell.answer_html + plain(cell)
    assert cell.answer_html.count("&lt;img") > 5


WORDS = st.sampled_from(
    ["**", "*", "_", "`", "```\n", "\n", "\n\n", "- ", "1. ", "| a ", "|\n|---|\n", "# ", "[a](http://b.example)", "\\",
     "file-processor/packer", "word", "<b>", "&amp;", " ", "---\n", "x" * 300, "😀", "> "]
)  # fmt: skip
CITATIONS = Citations({"file-processor/packer": "athena-abababababab-file-processor/packer"})


@given(st.lists(WORDS, max_size=12).map("".join), st.lists(st.integers(0, 60), min_size=1, max_size=3))
def test_marks_change_nothing_but_themselves(text, places):
    seams = [Seam(min(place, len(text)), "b", "", "a", "") for place in sorted(places)]
    html = render_with_seams(text, seams, CITATIONS)
    mark = '<small class="athena-seam">[continued by b]</small>'
    assert html.count(mark) == len(seams)
    bare = html.replace(f"<p>{' '.join([mark] * len(seams))}</p>", "").replace(mark, "")
    assert bare == render_markdown(text, CITATIONS)
    assert plain_with_seams(text, seams).replace("[continued by b]", "") == text


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("It is packed", 8, "It is pa<small"),
        ("See file-processor/packer now", 10, "packer</a> <small"),
        ("```\nmov eax\n```\n", 8, "<pre><code>mov <small"),
        ("[a](http://b.example) c", 12, "hxxp[://]b<small"),
        ("| a | b |\n|---|---|\n| c | d |", 23, "<td>c<small"),
    ],
)
def test_a_mark_stands_where_it_belongs(text, at, expected):
    assert expected in render_with_seams(text, [Seam(at, "b", "", "a", "")], CITATIONS)


def test_authors_are_named_once_for_each_time_they_took_over():
    seams = [Seam(1, "a", "m", "a", "m"), Seam(2, "b", "", "a", "m"), Seam(3, "a", "m", "b", "")]
    assert authors(seams, "a", "m") == "a / m, then b, then a / m"
    assert authors([], "", "") == ""


# -- recovery


class KeepingLab(SayingLab):
    """Has the answer to a question that was kept, once it is put there."""

    kept = None

    async def answer(self, job):
        self.job = job
        if isinstance(self.kept, Exception):
            raise self.kept
        return self.kept


def recovered(how, **more):
    return (STARTED, Recovered(how, DOWN, **more), Token("The findings."), Finished("degraded", how))


async def test_an_earlier_answer_says_how_old_it_is_and_why(cell_of):
    cell = cell_of(*recovered("stale", age=7_300.0, provider="openai", model="gpt-6"))
    await cell.ask("What is it?")
    assert "An earlier answer of openai / gpt-6, 2 h old, since nobody answered now (" in cell.answer_html
    assert "Nobody answered: claude answers 503. Ask again in a minute, or choose another provider." in cell.answer_html
    assert cell.answer_html.count("claude answers 503") == 1
    assert "athena-degraded" in cell.answer_html
    assert "An earlier answer of openai / gpt-6, 2 h old" in plain(cell)
    assert "claude answers 503." in plain(cell)
    assert cell.answer.problem == DOWN


async def test_the_summary_in_place_of_an_answer_says_why(cell_of):
    cell = cell_of(*recovered("offline"))
    await cell.ask("What is it?")
    assert "Summary written without AI, " in cell.answer_html
    assert "Nobody answered: claude answers 503." in cell.answer_html


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.9, "60 s"), (60, "1 min"), (3_600, "1 h"), (172_799, "47 h"), (172_800, "2 days")],
)
def test_ages(seconds, text):
    assert age_text(seconds) == text


async def test_a_question_kept_for_later_says_where_and_offers_to_ask_for_the_answer(cell_of):
    cell = cell_of(*recovered("queued", job=JOB), lab=KeepingLab)
    await cell.ask("What is it?")
    assert cell.job == JOB
    box, answer = cell.notebook.outputs.values()
    assert VIEW_MIME in box  # for the button
    assert f"<code>await lab.answer(&quot;{JOB}&quot;)</code>" in answer["text/html"]
    assert f'await lab.answer("{JOB}")' in answer["text/plain"]
    assert "Nobody answered: claude answers 503." in answer["text/html"]

    cell.press(kind="collect")
    await cell._collecting
    assert cell._lab.job == JOB
    assert cell.note.startswith("There is no answer yet")

    attempts = (Attempt("openai", "gpt-6", 1.0),)
    cell._lab.kept = AnalysisResult(
        "1", "completed", "openai", "gpt-6", "It is **packed**.", attempts=attempts, elapsed=2.0,
        set_aside=(SetAside("claude", "model-x", "refused", "I can not"),),
    )  # fmt: skip
    assert await cell.collect()
    assert (cell.job, cell.note, cell.answer.question) == ("", "", "What is it?")
    _, answer = cell.notebook.outputs.values()
    assert "<strong>packed</strong>" in answer["text/html"]
    assert "openai / gpt-6 answered in 2.00 s." in answer["text/html"]
    assert "claude / model-x declined</summary><p>I can not</p>" in answer["text/html"]
    assert "1 attempt" in answer["text/html"]
    assert not await cell.collect()


async def test_an_error_of_asking_for_the_answer_is_told_and_the_job_stays(cell_of):
    cell = cell_of(*recovered("queued", job=JOB), lab=KeepingLab)
    await cell.ask("What is it?")
    cell._lab.kept = UnknownJob("There is no such job.")
    assert not await cell.collect()
    assert cell.note.startswith("There is no such job.")
    assert cell.job == JOB


async def test_a_new_question_forgets_the_job(cell_of):
    cell = cell_of(*recovered("queued", job=JOB), lab=KeepingLab)
    await cell.ask("What is it?")
    cell._lab.events = (STARTED, Token("a"), FINISHED)
    await cell.ask("And now?")
    assert cell.job == ""


async def test_a_lab_that_keeps_nothing_offers_no_button_and_a_job_of_no_form_is_not_shown(cell_of):
    cell = cell_of(*recovered("queued", job=JOB))
    await cell.ask("What is it?")
    assert cell.job == ""
    assert JOB in cell.answer_html
    cell = cell_of(*recovered("queued", job="<b>"), lab=KeepingLab)
    await cell.ask("What is it?")
    assert cell.job == ""
    assert "<b></" not in cell.answer_html


# -- what was tried

ATTEMPTS = (
    Attempt("claude", "model-x", 0.2, error="service_unavailable", input_tokens=1_200, estimated=True),
    Attempt("claude", "model-x", 0.1, wait=1.0, error="rate_limited"),
    Attempt("openai", "gpt-6", 2.5, input_tokens=1_200, output_tokens=85, cost=0.00431, shared=True),
)


async def test_what_was_tried_is_folded_below_the_answer(cell_of):
    cell = cell_of(STARTED, TO_OPENAI, Token("It is packed."), Finished("completed", "stop", attempts=ATTEMPTS))
    await cell.ask("What is it?")
    html = cell.answer_html
    assert '<details class="athena-attempts"><summary>3 attempts, 2 of them failed</summary>' in html
    assert "<td>claude</td><td>model-x</td><td>unavailable</td><td></td><td>200 ms</td><td>about 1,200 + 0</td>" in html
    assert "<td>rate limited</td><td>1.00 s</td><td>100 ms</td><td></td><td></td>" in html
    assert "<td>2.50 s</td><td>1,200 + 85</td><td>$0.0043</td>" in html
    lines = plain(cell).splitlines()
    assert "claude / model-x: rate limited, after a wait of 1.00 s, took 100 ms" in lines
    assert any(line.startswith("openai / gpt-6: answered; shared") for line in lines)


async def test_where_the_last_declines_too_its_attempt_says_so(cell_of):
    ended = Finished("refused", "content_filter", attempts=(Attempt("claude", "model-x", 0.1),))
    cell = cell_of(STARTED, Token("No."), ended)
    await cell.ask("What is it?")
    assert "claude / model-x: declined, took 100 ms" in plain(cell)


async def test_what_was_tried_in_vain_is_told_too(cell_of):
    error = RateLimited("claude limits the rate.", provider="claude").problem()
    cell = cell_of(STARTED, Failed(error, attempts=ATTEMPTS[:2]))
    await cell.ask("What is it?")
    assert "2 attempts, all failed" in cell.answer_html


async def test_endless_attempts_are_cut(cell_of):
    ended = Finished("completed", "stop", attempts=(ATTEMPTS[0],) * 1_000)
    cell = cell_of(STARTED, ended)
    await cell.ask("What is it?")
    assert cell.answer_html.count("<td>claude</td>") == 100
    assert "And 900 more." in cell.answer_html
    assert "And 900 more." in plain(cell)


# -- several opinions

MERGED = Assessment("malicious", HOSTILE, 80, ("T1055",), (Ioc("domain", "evil.example"),), "It is packed.")
BENIGN = Assessment("benign", None, 40, (), (), "It is fine.")


async def test_several_opinions_are_a_table_below_what_they_amount_to(cell_of):
    consensus = Consensus(
        MERGED,
        2 / 3,
        (
            Opinion("claude", "model-x", MERGED),
            Opinion("openai", "gpt-6", MERGED),
            Opinion("gemini", "", BENIGN),
            Opinion(HOSTILE, "m", error="rate_limited"),
        ),
        (Difference("verdict", {"malicious": ("claude", "openai"), "benign": ("gemini",)}),
         Difference("iocs", {HOSTILE: ("claude",), "": ("gemini",)})),
    )  # fmt: skip
    cell = cell_of(STARTED, Token("It is packed."), consensus, FINISHED, consensus=3)
    await cell.ask("What is it?")
    assert cell._lab.requests[0].options.consensus == 3
    html = cell.answer_html
    assert "The models&#x27; verdict: malicious, family" in html
    assert "3 of 4 providers gave an assessment; 67 % agree on the verdict." in html
    assert "<td>claude / model-x</td><td>malicious</td>" in html
    assert "<td>gemini</td><td>benign</td><td></td><td>40 %</td>" in html
    assert "no assessment (rate limited)" in html
    assert "<li>verdict: malicious (claude, openai); benign (gemini)</li>" in html
    assert "<li>indicators: &lt;img" in html
    assert "3 of 4 providers answered in" in html
    assert "<img" not in html
    lines = plain(cell).splitlines()
    assert "gemini: benign, 40 %" in lines
    assert "They differ in verdict: malicious (claude, openai); benign (gemini)" in lines


async def test_where_nobody_gives_an_assessment_that_is_said(cell_of):
    nothing = Consensus(None, 0.0, (Opinion("claude", "m", error="network"), Opinion("openai", "n")))
    cell = cell_of(STARTED, nothing, Finished("degraded", "none"))
    await cell.ask("What is it?")
    assert "0 of 2 providers gave an assessment." in cell.answer_html
    assert "athena-assessment" not in cell.answer_html


async def test_the_summary_without_ai_asks_nobodys_opinion(cell_of):
    cell = cell_of(Started("1", "offline", "none"), Token("S"), Finished("degraded", "offline"), consensus=3)
    cell.press(kind="summary")
    await cell.ended()
    assert cell._lab.requests[0].options.consensus == 1
