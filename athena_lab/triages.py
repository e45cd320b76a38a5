"""Triages that run by themselves, for callers that come back for the report."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Final

from athena_lab import api
from athena_lab.errors import AnalysisCancelled, AthenaError, BulkheadFull, UnknownJob
from athena_lab.report import ModuleResult, Report

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    Open = Callable[[], AbstractAsyncContextManager[AsyncIterator[ModuleResult | Report]]]

KEEP: Final = 900.0
"""Seconds that a report can be read after its end: as long as an answer (`[ai.jobs] keep`)."""
RUNNING: Final = 64
"""Triages at once. Their modules wait for the places of the sandbox like any other's."""
KEPT: Final = 64
"""Of those that ended; the first are forgotten first. A report's data has some 100 KiB, at most 16 MiB a module."""
_RETRY_AFTER: Final = 5.0


class Triage:
    """One triage. Its modules' deadlines bound its time."""

    def __init__(self, open_: Open) -> None:
        self.id = secrets.token_urlsafe(24)
        self.results: list[ModuleResult] = []
        self.report: Report | None = None
        self.error: AthenaError | None = None
        self._changed = asyncio.Event()
        self.task = asyncio.create_task(self._run(open_))

    async def _run(self, open_: Open) -> None:
        try:
            async with open_() as parts:
                async for part in parts:
                    if isinstance(part, Report):
                        self.report = part
                    else:
                        self.results.append(part)
                    self._tell()
        except AthenaError as error:
            self.error = error
        except asyncio.CancelledError:
            self.error = AnalysisCancelled("The analysis was cancelled.")
        except Exception:
            self.error = AthenaError("Something went wrong inside the server.")
            raise
        finally:
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    @property
    def done(self) -> bool:
        return self.report is not None or self.error is not None

    async def wait(self, after: int, seconds: float) -> None:
        """Until there is more than so many results, or the end; so long at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(self.results) <= after and not self.done:
                    await self._changed.wait()

    def state(self, after: int = 0) -> api.TriageState:
        results = tuple(self.results[after:])
        problem = self.error.problem() if self.error else None
        cancelled = isinstance(self.error, AnalysisCancelled)
        ended = self.report.status if self.report else "cancelled" if cancelled else "failed"
        status = ended if self.done else "processing"
        return api.TriageState(self.id, status, results, after + len(results), self.report, problem)

    async def cancel(self) -> None:
        """What was found stays. Returns when nothing of it runs any more."""
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class Triages:
    """Belongs to one event loop. ``clock`` gives monotonic seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._running: dict[str, Triage] = {}
        self._ended: dict[str, tuple[Triage, float]] = {}
        """In the order of their ends, with the time until which they are kept."""

    def start(self, open_: Open) -> Triage:
        """Raises `BulkheadFull`."""
        if len(self._running) >= RUNNING:
            raise BulkheadFull(f"{len(self._running)} analyses are running already.", retry_after=_RETRY_AFTER)
        triage = Triage(open_)
        self._running[triage.id] = triage
        triage.task.add_done_callback(lambda _task: self._end(triage))
        return triage

    def get(self, id_: str) -> Triage:
        """Raises `UnknownJob`."""
        self._sweep()
        if (triage := self._running.get(id_)) is not None:
            return triage
        if (ended := self._ended.get(id_)) is not None:
            return ended[0]
        raise UnknownJob(
            "There is no analysis of a sample with that id.",
            next_step=f"Analyse the sample again: its report is kept for {KEEP / 60:.0f} minutes after its end.",
        )

    async def aclose(self) -> None:
        """Cancel all. Idempotent."""
        for triage in tuple(self._running.values()):
            await triage.cancel()
        self._ended.clear()

    def _end(self, triage: Triage) -> None:
        del self._running[triage.id]
        self._ended[triage.id] = (triage, self._clock() + KEEP)
        self._sweep()

    def _sweep(self) -> None:
        now = self._clock()
        for id_, (_, until) in list(self._ended.items()):
            if until <= now or len(self._ended) > KEPT:
                del self._ended[id_]
