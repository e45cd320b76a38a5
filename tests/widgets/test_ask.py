"""The analysis cell on the kernel's side: a lab that is told what to say, and no Jupyter server."""

from __future__ import annotations

import asyncio

import pytest

from athena_lab.ai.types import MAX_QUESTION
from athena_lab.errors import NoProvider, ServerUnreachable, ServiceUnavailable
from athena_lab.events import (
    Assessment,
    Failed,
    Finished,
    Ioc,
    Reconnecting,
    Recovered,
    Started,
    Structured,
    Token,
    Usage,
)
from athena_lab.jupyter.widgets.ask import SUMMARY_QUESTION, VIEW_MIME, AskCell
from athena_lab.jupyter.widgets.coalesce import MAX_TEXT
from tests.report.make import SHA, report
from tests.widgets.cells import FINISHED, STARTED, SayingLab


async def test_a_finished_answer_is_rendered_kept_and_published(cell_of):
    cell = cell_of(STARTED, Token("It is **packed** "), Token("[file-processor/packer]."), Usage(1, 2), FINISHED)
    await cell.ask("What is it?")
    assert cell._lab.requests[0].question == "What is it?"
    assert cell._lab.requests[0].sample == SHA
    assert (cell.provider, cell.model, cell.running) == ("claude", "model-x", False)
    assert "<strong>packed</strong>" in cell.answer_html
    assert 'href="#athena-abababababab-file-processor/packer"' in cell.answer_html
    assert cell.answer.text == "It is **packed** [file-processor/packer]."
    assert cell.answer.ending == "completed"
    [output] = cell.notebook.outputs.values()
    assert cell.answer_html in output["text/html"]
    assert VIEW_MIME not in output
    assert "It is **packed**" in output["text/plain"]


async def test_the_batches_are_the_text(cell_of):
    cell = cell_of(STARTED, *(Token(f"{i} ") for i in range(5000)), FINISHED)
    await cell.ask("Count.")
    batches = [(content, data) for content, data in cell.sent if content["kind"] == "batch"]
    assert b"".join(data for _, data in batches).decode() == cell.answer.text
    assert [content["seq"] for content, _ in batches] == list(range(1, len(batches) + 1))
    assert len(batches) < 100


async def test_the_first_token_leaves_at_once_and_the_rest_by_the_timer(cell_of):
    gate = asyncio.Event()
    cell = cell_of(STARTED, Token("a"), Token("b"), gate, FINISHED)
    task = asyncio.ensure_future(cell.ask("Go."))
    await cell.hears(2)
    assert [data for _, data in cell.sent] == [b"a", b"b"]
    gate.set()
    await task


ASSESSMENT = Assessment(
    "malicious",
    "Evil\u202e<b>",
    85,
    ("T1055",),
    (Ioc("domain", "evil.example"), Ioc("url", "http://203.0.113.9/<script>"), Ioc("ipv4", "203.0.113.9")),
    "It is **packed**.",
)


async def test_a_structured_answer_shows_verdict_techniques_and_defanged_indicators(cell_of):
    usage = Usage(1_200, 85, cost=0.00431)
    cell = cell_of(STARTED, Token("It is **packed**."), usage, Structured(ASSESSMENT), FINISHED, structured=True)
    await cell.ask("What is it?")
    assert cell._lab.requests[0].options.structured
    html = cell.answer_html
    assert r"The model&#x27;s verdict: malicious, family Evil\u202e&lt;b&gt;, 85 % sure." in html
    assert "<code>T1055</code>" in html
    assert "evil[.]example" in html
    assert "hxxp[://]203[.]0[.]113[.]9/&lt;script&gt;" in html
    assert "<script" not in html
    assert ", 1,200 + 85 tokens, $0.0043." in html
    [output] = cell.notebook.outputs.values()
    assert "domain: evil[.]example" in output["text/plain"]


async def test_an_invalid_structured_answer_is_shown_as_text_and_says_so(cell_of):
    structured = Structured(problem="Expected `int`, got `str`.", raw="prose")
    cell = cell_of(STARTED, Token("prose"), structured, FINISHED)
    await cell.ask("What is it?")
    assert "no valid assessment: Expected `int`, got `str`." in cell.answer_html
    assert "prose" in cell.answer_html
    [output] = cell.notebook.outputs.values()
    assert "no valid assessment" in output["text/plain"]


async def test_the_reader_is_told_of_a_wait_until_text_comes(cell_of):
    notes, gate = [], asyncio.Event()
    waiting = Reconnecting("claude", 2, 4.0, "service_unavailable")
    cell = cell_of(STARTED, waiting, gate, Token("a"), FINISHED)
    cell.observe(lambda change: (notes.append(change["new"]), gate.set()), "note")
    await cell.ask("Go.")
    assert notes == ["claude: unavailable; asked again after 4 s.", ""]


async def test_stop_keeps_what_came_and_closes_the_stream(cell_of):
    cell = cell_of(STARTED, Token("so far"), asyncio.Event())
    cell._ipython_display_()
    cell.press(kind="ask", question="Go.")
    await cell.hears()
    cell.press(kind="stop")
    await cell.ended()
    assert (cell.answer.ending, cell.answer.text, cell.running) == ("stopped", "so far", False)
    assert cell._lab.closed == 1
    assert "was stopped" in cell.answer_html


async def test_the_stop_button_does_not_cancel_the_notebooks_cell(cell_of):
    cell = cell_of(STARTED, Token("x"), asyncio.Event())
    task = asyncio.ensure_future(cell.ask("Go."))
    await cell.hears()
    cell.stop()
    await task
    assert cell.answer.ending == "stopped"


async def test_a_cancelled_cell_cancels_the_question(cell_of):
    cell = cell_of(STARTED, Token("x"), asyncio.Event())
    task = asyncio.ensure_future(cell.ask("Go."))
    await cell.hears()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (cell.answer.ending, cell._lab.closed, cell.running) == ("stopped", 1, False)


async def test_a_question_cancelled_before_its_first_step_never_leaves_a_spinner(cell_of):
    cell = cell_of(STARTED, FINISHED)
    cell.press(kind="ask", question="Go.")
    cell._task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cell.ended()
    assert (cell.running, cell.answer.ending, cell._lab.requests) == (False, "stopped", [])


async def test_an_error_shows_its_next_step_and_keeps_the_text(cell_of):
    error = ServiceUnavailable("The provider answers 503.", provider="claude").problem()
    cell = cell_of(STARTED, Token("half an"), Failed(error))
    await cell.ask("Go.")
    assert cell.answer.ending == "failed"
    assert "half an" in cell.answer_html
    assert "The provider answers 503. Ask again in a minute, or choose another provider." in cell.answer_html


async def test_an_error_before_the_stream_is_shown_not_raised(cell_of):
    cell = cell_of(ServerUnreachable("No server answers."))
    await cell.ask("Go.")
    assert "No server answers. Start the server with `jupyter athena`" in cell.answer_html
    assert cell.answer.ending == "failed"


async def test_without_ipython_the_answer_is_printed_as_text(capsys):
    cell = AskCell(SayingLab(STARTED, Token("It is **packed**."), FINISHED), report())
    await cell.ask("What is it?")
    printed = capsys.readouterr().out
    assert printed.startswith("claude / model-x answered in ")
    assert "It is **packed**." in printed
    assert "{" not in printed
    cell.close()


async def test_without_a_provider_the_cell_says_how_to_set_one_and_shows_the_summary(cell_of):
    cell = cell_of(
        Started("1", "offline", "none"),
        Recovered("offline", NoProvider("No provider is configured.").problem()),
        Token("The findings: [file-processor/packer]."),
        Finished("degraded", "offline", ("file-processor/packer",)),
    )
    await cell.ask("Go.")
    assert "ANTHROPIC_API_KEY" in cell.answer_html
    assert "Summary written without AI" in cell.answer_html
    assert "The findings:" in cell.answer_html
    assert cell.answer.problem.code == "no_provider"


async def test_without_a_provider_and_a_report_there_is_nothing_to_summarise(cell_of):
    cell = cell_of(NoProvider("No provider is configured."))
    await cell.ask("Go.")
    assert cell.answer.ending == "failed"
    assert "ANTHROPIC_API_KEY" in cell.answer_html


@pytest.mark.parametrize("events", [(STARTED, Token("x")), (), (STARTED, Token("x"), ZeroDivisionError("a bug"))])
async def test_a_stream_without_an_end_never_leaves_a_spinner(cell_of, events):
    cell = cell_of(*events)
    try:
        await cell.ask("Go.")
    except ZeroDivisionError:
        assert events[-1].args == ("a bug",)
    assert (cell.running, cell.answer.ending, cell.answer.problem.code) == (False, "failed", "internal")


async def test_unknown_citations_are_flagged(cell_of):
    finished = Finished("completed", "end_turn", (), ("file-processor/never",))
    cell = cell_of(STARTED, Token("See file-processor/never."), finished)
    await cell.ask("Go.")
    assert "athena-unknown" in cell.answer_html
    assert "The answer cites findings that the report does not have: file-processor/never." in cell.answer_html


async def test_an_endless_answer_is_cut(cell_of):
    cell = cell_of(STARTED, *(Token("x" * 100_000) for _ in range(20)), FINISHED)
    await cell.ask("Go.")
    assert len(cell.answer.text) == MAX_TEXT
    assert (cell.answer.ending, cell.answer.cut) == ("degraded", True)
    assert "The answer was cut" in cell.answer_html


async def test_the_summary_button_asks_no_model(cell_of):
    cell = cell_of(Started("1", "offline", "summary"), Token("S"), Finished("degraded", "offline"))
    cell.press(kind="summary")
    await cell.ended()
    request = cell._lab.requests[0]
    assert (request.provider, request.model, request.question) == ("offline", None, SUMMARY_QUESTION)
    assert "Summary written without AI" in cell.answer_html


async def test_provider_and_model_are_the_callers_choice(cell_of):
    cell = cell_of(STARTED, FINISHED, provider="claude", model="m", about=None)
    await cell.ask("Go.")
    request = cell._lab.requests[0]
    assert (request.provider, request.model, request.sample) == ("claude", "m", None)


async def test_a_page_that_comes_late_gets_a_snapshot(cell_of):
    gate = asyncio.Event()
    cell = cell_of(STARTED, Token("a"), gate, FINISHED)
    cell.press(kind="ask", question="Go.")
    await cell.hears()
    cell.press(kind="resync", run=cell.run_id)
    assert cell.sent[-1] == ({"kind": "snapshot", "run": cell.run_id, "seq": 1}, b"a")
    cell.press(kind="resync", run=cell.run_id - 1)
    cell.press(kind="nonsense")
    cell.press(kind="ask", question=["not a text"])
    assert len(cell.sent) == 2
    gate.set()
    await cell.ended()


async def test_a_message_from_another_thread_is_handled_on_the_cells_own_loop(cell_of):
    cell = cell_of(STARTED, Token("a"), FINISHED)
    await asyncio.to_thread(asyncio.run, asyncio.to_thread(cell.press, kind="ask", question="Go."))
    await cell.hears()
    await cell.ended()
    assert cell._task.get_loop() is asyncio.get_running_loop()
    assert cell.answer.ending == "completed"


async def test_a_bug_behind_a_click_goes_to_the_log(cell_of):
    logged = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context["exception"]))
    cell = cell_of(STARTED, ZeroDivisionError("a bug"))
    cell.press(kind="ask", question="Go.")
    await asyncio.wait([cell._task])
    await asyncio.sleep(0)
    assert [str(error) for error in logged] == ["a bug"]


async def test_one_question_at_a_time(cell_of):
    cell = cell_of(STARTED, Token("a"), asyncio.Event())
    cell.press(kind="ask", question="One.")
    await cell.hears()
    cell.press(kind="ask", question="Two.")
    with pytest.raises(RuntimeError, match="answering"):
        await cell.ask("Three.")
    assert not cell.notebook.outputs
    cell.stop()
    await cell.ended()
    assert [request.question for request in cell._lab.requests] == ["One."]


async def test_a_shown_cell_keeps_its_box_and_puts_the_answer_beside_it(cell_of):
    cell = cell_of(STARTED, Token("a"), FINISHED)
    cell._ipython_display_()
    assert cell.mirrored
    box, answer = cell.notebook.outputs
    await cell.ask("Go.")
    assert VIEW_MIME in cell.notebook.outputs[box]
    assert "answered in" in cell.notebook.outputs[answer]["text/html"]
    assert len(cell.notebook.outputs) == 2


async def test_a_long_question_is_cut_and_an_empty_one_asks_for_a_summary(cell_of):
    cell = cell_of(STARTED, FINISHED, question="x" * (MAX_QUESTION + 5))
    await cell.ask()
    await cell.ask("  ")
    assert [len(cell._lab.requests[0].question), cell._lab.requests[1].question] == [MAX_QUESTION, SUMMARY_QUESTION]


async def test_the_question_is_shown_as_text(cell_of):
    cell = cell_of(STARTED, Token("a"), FINISHED)
    await cell.ask("<img src=x onerror=alert(1)> \u202e")
    assert "<img" not in cell.answer_html
    assert r"\u202e" in cell.answer_html
