"""The streaming analysis cell: a question, and the answer as it comes.

The kernel gathers tokens for 33 ms and sends them as one binary message (`coalesce`); when the run is over, the answer
is rendered here, sanitised, and kept in a synced trait and in the notebook's output.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import anywidget
import traitlets
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from athena_lab.ai.types import MAX_QUESTION, AnalysisOptions, AnalysisRequest
from athena_lab.errors import AthenaError
from athena_lab.jupyter.widgets.answer import OFFLINE, Answer, plain_answer, render_answer, standalone
from athena_lab.jupyter.widgets.coalesce import FLUSH_EVERY, Batch
from athena_lab.jupyter.widgets.markdown import Citations
from athena_lab.jupyter.widgets.recovered import job_of
from athena_lab.jupyter.widgets.run import Run, kept

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from athena_lab.ai.types import AnalysisResult
    from athena_lab.events import AnyEvent
    from athena_lab.report.model import Report

HERE = Path(__file__).parent
VIEW_MIME = "application/vnd.jupyter.widget-view+json"
SUMMARY_QUESTION = "Summarise the findings."


class Asks(Protocol):
    """What the cell needs of a lab."""

    def stream(self, request: AnalysisRequest) -> AbstractAsyncContextManager[AsyncIterator[AnyEvent]]: ...


@runtime_checkable
class Keeps(Protocol):
    """A lab that keeps questions for later, too."""

    async def answer(self, job: str) -> AnalysisResult | None: ...


class AskCell(anywidget.AnyWidget):
    """Asks a lab about a report, or without one, and shows the answer as it comes.

    ``provider`` and ``model`` override the lab's choice; ``structured`` asks for a verdict with techniques and
    indicators beside the text, ``consensus`` that of so many providers, merged. Show the cell and type; or run
    ``await cell.ask("...")``, which ends as a plain output that is saved with the notebook and needs no kernel to be
    read.
    """

    _esm = HERE / "ask.js"
    _css = "\n".join((HERE / name).read_text(encoding="utf-8") for name in ("ask.css", "answer.css"))

    cell_id = traitlets.Unicode().tag(sync=True)
    question = traitlets.Unicode().tag(sync=True)
    running = traitlets.Bool(default_value=False).tag(sync=True)
    run_id = traitlets.Int(0).tag(sync=True)
    provider = traitlets.Unicode().tag(sync=True)
    model = traitlets.Unicode().tag(sync=True)
    subject = traitlets.Unicode().tag(sync=True)
    """Start of the sample's SHA-256; empty without a report."""
    note = traitlets.Unicode().tag(sync=True)
    """What the reader should know while the answer waits: who failed, and when it is asked again."""
    answer_html = traitlets.Unicode().tag(sync=True)
    job = traitlets.Unicode().tag(sync=True)
    """Where the answer will be that nobody gave yet, if the lab can be asked for it."""
    mirrored = traitlets.Bool(default_value=False).tag(sync=True)
    """The answer stands in an output of its own too, so the widget does not show it twice."""

    def __init__(
        self,
        lab: Asks,
        report: Report | None = None,
        question: str = "",
        provider: str | None = None,
        model: str | None = None,
        *,
        structured: bool = False,
        consensus: int = 1,
        publish: Callable[..., Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.answer: Answer | None = None
        """The last answer, whole or as far as it came."""
        self._lab, self._report, self._provider, self._model = lab, report, provider, model
        self._publish, self._clock = publish or _publish, clock
        self._options = AnalysisOptions(structured=structured, consensus=consensus)
        self._run = Run("", clock)
        self._loop = _running_loop()
        self._task: asyncio.Task[None] | None = None
        self._collecting: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._flush_at = 0.0
        self._view_output = ""
        self._answer_outputs: list[str] = []
        super().__init__(
            cell_id=uuid.uuid4().hex,
            question=question[:MAX_QUESTION],
            provider=provider or "",
            model=model or "",
            subject=report.sample.sha256[:12] if report else "",
        )
        self.on_msg(self._on_message)

    async def ask(self, question: str | None = None, *, provider: str | None = None) -> None:
        """Ask and wait for the end, good or bad: `answer` says which. ``provider="offline"`` asks no model.

        A cell that is not on show yet shows itself, and leaves the finished answer in its place. Raises `RuntimeError`
        while another question is being answered.
        """
        task = self._start(self.question if question is None else question, provider)
        if not self._answer_outputs:
            self._view_output = self._show_view()
        await task

    async def collect(self) -> bool:
        """Ask for the answer to a question that was kept for later, and show it. False while there is none.

        Raises `RuntimeError` while a question is being answered.
        """
        job = self.job
        await self._collect()
        return bool(job) and not self.job

    def stop(self) -> None:
        """Stop at once; what came is kept. Nothing happens when nothing runs."""
        if self._task is not None and not self._task.done():
            self._run.stopped = True
            if self._run.begun:
                self._task.cancel()

    def _ipython_display_(self) -> None:
        self._show_view()
        self._mirror()

    # -- a run -------------------------------------------------------------------------------------------------

    def _start(self, question: str, provider: str | None) -> asyncio.Task[None]:
        self._check_idle()
        request = AnalysisRequest(
            question=question.strip()[:MAX_QUESTION] or SUMMARY_QUESTION,
            sample=self._report.sample.sha256 if self._report else None,
            provider=provider or self._provider,
            model=None if provider else self._model,
            options=self._options if provider != OFFLINE else AnalysisOptions(),
        )
        self._run = Run(request.question, self._clock)
        with self.hold_sync():
            self.question, self.answer_html, self.job = request.question, "", ""
            self.run_id += 1
            self.running = True
        self._task = asyncio.ensure_future(self._drive(self._run, request))
        self._task.add_done_callback(self._finish_unbegun)
        return self._task

    def _check_idle(self) -> None:
        if self._task is not None and not self._task.done():
            raise RuntimeError("This cell is answering a question; await it, or stop it first.")

    async def _drive(self, run: Run, request: AnalysisRequest) -> None:
        run.begun = True
        try:
            if not run.stopped:
                await self._consume(run, request)
        except AthenaError as error:
            run.problem = error.problem()
        except asyncio.CancelledError:
            if not run.stopped:  # not our stop button: whoever cancelled must see it
                run.stopped = True
                raise
        finally:
            self._finish(run)

    async def _consume(self, run: Run, request: AnalysisRequest) -> None:
        async with self._lab.stream(request) as events:
            async for event in events:
                run.take(event)
                if (self.provider, self.model) != (run.provider, run.model) and run.provider:
                    self.provider, self.model = run.provider, run.model
                if self.note != run.note:
                    self.note = run.note
                if run.needs_no_more:
                    return
                await self._pace()

    async def _pace(self) -> None:
        """Flush when it is time, now or by a timer, and let other tasks in, such as the stop button's message."""
        now = self._clock()
        if now >= self._flush_at:
            self._flush()
            await asyncio.sleep(0)
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._flush_at - now, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        piece = self._run.text.take()
        if piece is not None:
            self._flush_at = self._clock() + FLUSH_EVERY
            kind = "batch" if isinstance(piece, Batch) else "snapshot"
            self.send({"kind": kind, "run": self.run_id, "seq": piece.seq}, [piece.data])

    def _finish_unbegun(self, _task: asyncio.Task[None]) -> None:
        """A task that is cancelled before its first step never reaches its `finally`."""
        if not self._run.begun:
            self._run.stopped = True
            self._finish(self._run)

    def _finish(self, run: Run) -> None:
        self._flush()
        self._show_answer(run.answer())

    def _show_answer(self, answer: Answer) -> None:
        self.answer = answer
        citations = Citations.of(self._report, answer.unknown_citations)
        with self.hold_sync():
            self.answer_html = render_answer(answer, citations)
            self.note = ""
            self.job = job_of(answer.recovered) if isinstance(self._lab, Keeps) else ""
            self.running = False
        self._update_outputs()

    async def _collect(self) -> None:
        self._check_idle()
        job, lab = self.job, self._lab
        if not job or not isinstance(lab, Keeps):
            return
        self.note = "Asking for the answer"
        try:
            result = await lab.answer(job)
        except AthenaError as error:
            self.note = str(error)
            return
        if self.job != job:
            return  # another question was asked meanwhile
        if result is None:
            self.note = "There is no answer yet: the question waits until a provider is back"
        else:
            self._show_answer(kept(self.question, result))

    # -- the page ----------------------------------------------------------------------------------------------

    def _on_message(self, _widget: AskCell, content: dict[str, Any], _buffers: list[memoryview]) -> None:
        """JupyterLab may deliver messages in a subshell, a thread with a loop of its own; a lab belongs to one loop."""
        if self._loop is None or self._loop is _running_loop():
            self._handle(content)
        else:
            self._loop.call_soon_threadsafe(self._handle, content)

    def _handle(self, content: dict[str, Any]) -> None:
        match content:
            case {"kind": "ask", "question": str(question)} if question.strip() and not self.running:
                self._start(question, None).add_done_callback(_log_failure)
            case {"kind": "summary"} if not self.running:
                self._start(SUMMARY_QUESTION, OFFLINE).add_done_callback(_log_failure)
            case {"kind": "collect"} if self.job and not self.running:
                if self._collecting is None or self._collecting.done():
                    self._collecting = asyncio.ensure_future(self._collect())
                    self._collecting.add_done_callback(_log_failure)
            case {"kind": "stop"}:
                self.stop()
            case {"kind": "resync", "run": self.run_id}:
                snapshot = self._run.text.snapshot()
                self.send({"kind": "snapshot", "run": self.run_id, "seq": snapshot.seq}, [snapshot.data])
            case _:
                pass  # of an earlier run, or a second click

    def _show_view(self) -> str:
        output = uuid.uuid4().hex
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        self._publish({VIEW_MIME: view, "text/plain": "Athena's question box"}, raw=True, display_id=output)
        return output

    def _mirror(self) -> None:
        """Put the answer beside the view, in an output of its own."""
        self._answer_outputs.append(uuid.uuid4().hex)
        self.mirrored = True
        self._publish(self._answer_bundle(), raw=True, display_id=self._answer_outputs[-1])

    def _update_outputs(self) -> None:
        bundle = self._answer_bundle()
        for output in self._answer_outputs:
            self._publish(bundle, raw=True, display_id=output, update=True)
        if self._view_output and self.job:
            self._mirror()  # the view stays, for its button
        elif self._view_output:
            self._publish(bundle, raw=True, display_id=self._view_output, update=True)
        self._view_output = ""

    def _answer_bundle(self) -> dict[str, str]:
        if self.answer is None:
            return {"text/html": "", "text/plain": ""}
        return {"text/html": standalone(self.answer_html), "text/plain": plain_answer(self.answer)}


def _publish(data: dict[str, Any], **options: Any) -> None:
    """Without IPython there is nothing but text; a view that shows nothing is not for it."""
    if InteractiveShell.initialized():
        display(data, **options)  # type: ignore[no-untyped-call]
    elif VIEW_MIME not in data and data["text/plain"]:
        print(data["text/plain"])  # noqa: T201 - what else displaying is in a script


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _log_failure(task: asyncio.Task[None]) -> None:
    """Nobody awaits a question asked by a click, so what is wrong with it goes to the kernel's log at once."""
    if not task.cancelled() and (error := task.exception()):
        task.get_loop().call_exception_handler({"message": "A question failed", "exception": error, "task": task})
