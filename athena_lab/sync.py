"""The lab for scripts: plain functions that wait.

They run the async interface on one event loop in a background thread, so that they also work in a notebook, whose own
loop is running already.
"""

from __future__ import annotations

import asyncio
import os
import threading
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from athena_lab.ai.types import AnalysisOptions, AnalysisRequest
from athena_lab.client import connect
from athena_lab.errors import LabClosed

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from athena_lab.ai.types import AnalysisResult, AnalysisType
    from athena_lab.report import Report

_T = TypeVar("_T")
_ours = os.getpid()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    global _ours  # noqa: PLW0603 - the process whose thread this is
    _ours = os.getpid()
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="athena-sync", daemon=True).start()
    return loop


def run(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run on the background loop and wait. Interrupting the wait cancels the work.

    Raises `LabClosed` in a process that was forked from one that has used it: threads do not survive a fork, and the
    sandbox has its own, too.
    """
    if _loop.cache_info().currsize and os.getpid() != _ours:
        coroutine.close()
        raise LabClosed(
            "This process was forked from one that has used Athena Lab.",
            next_step='Start processes with multiprocessing.get_context("spawn"), or use it first in the child.',
        )
    future = asyncio.run_coroutine_threadsafe(coroutine, _loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def triage(path: str | os.PathLike[str], *, analysis_type: AnalysisType = "full") -> Report:
    """Analyse the file at `path`. Raises the errors of `athena_lab.errors`."""
    return run(_triage(path, analysis_type))


def ask(
    path: str | os.PathLike[str],
    question: str,
    *,
    provider: str | None = None,
    model: str | None = None,
    **options: Any,
) -> AnalysisResult:
    """Analyse the file at `path` and ask a language model about it.

    `options` are those of `AnalysisOptions`. The result's ``status`` says whether the answer is whole.
    """
    return run(_ask(path, question, provider, model, AnalysisOptions(**options)))


async def _triage(path: str | os.PathLike[str], analysis_type: AnalysisType) -> Report:
    async with connect() as lab:
        return await lab.triage(path, analysis_type=analysis_type)


async def _ask(
    path: str | os.PathLike[str], question: str, provider: str | None, model: str | None, options: AnalysisOptions
) -> AnalysisResult:
    async with connect() as lab:
        sample = await lab.add(path)
        request = AnalysisRequest(
            question=question, sample=sample.sha256, provider=provider, model=model, options=options
        )
        return await lab.analyze(request)
