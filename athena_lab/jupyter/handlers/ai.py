"""Questions over HTTP: whole, as server-sent events, or as a job that is asked for its events.

A hang-up cancels a question that is answered whole. One whose answer comes in numbered events is a job: its reader may
come back, and it is cancelled when nobody does (`athena_lab.ai.job`).
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import msgspec

from athena_lab import api
from athena_lab.ai.jobs import check_id
from athena_lab.ai.types import AnalysisRequest
from athena_lab.errors import InvalidField
from athena_lab.jupyter.handlers import queue
from athena_lab.jupyter.handlers.base import AthenaHandler, PolledHandler, event_frame
from athena_lab.jupyter.handlers.queue import BATCH_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.job import Job

_RETRY_MILLISECONDS = 1_000
_BEGIN_SECONDS = 5.0
"""How long ``respond-async`` waits for the answer to begin, so that what cannot begin is told by the status."""
_LAST_EVENT = re.compile(r"([A-Za-z0-9_-]{22,64}):([0-9]{1,15})")


class ProvidersHandler(PolledHandler):
    async def get(self) -> None:
        asked = self.from_query(api.AskProviders)
        self.answer(api.Providers(tuple(await self.work(self.lab.providers(refresh=asked.refresh)))))


class BreakerHandler(AthenaHandler):
    scope = "control"  # whoever shares the server shares its providers

    async def post(self, name: str) -> None:
        asked = self.decode(api.SetBreaker)
        self.answer(await self.work(self.lab.breaker(name, asked.state)))


class UsageHandler(PolledHandler):
    async def get(self) -> None:
        self.answer(await self.work(self.lab.usage(self.from_query(api.AskUsage).days)))


class JobBase(AthenaHandler):
    """What all that serve jobs share."""

    def last_event(self) -> tuple[str, int] | None:
        """Job and number in Last-Event-ID; None without one. Raises `InvalidField`."""
        given = self.request.headers.get("Last-Event-ID")
        if given is None:
            return None
        if (found := _LAST_EVENT.fullmatch(given)) is None:
            raise InvalidField("Last-Event-ID is not one of ours.")
        return found[1], int(found[2])

    async def frames(self, job: Job, after: int) -> AsyncGenerator[bytes]:
        first = b"retry: %d\n" % _RETRY_MILLISECONDS
        with job.reader(after) as reader:
            async for entries in reader.batches(BATCH_BYTES):
                events = (event_frame(kind, data, id_=f"{job.id}:{seq}") for seq, kind, data in entries)
                yield first + b"".join(events)
                first = b""


class AskHandler(JobBase):
    _key: str | None = None
    """The id that the caller chose."""

    async def post(self) -> None:
        request = self.decode(AnalysisRequest)
        last, self._key = self.last_event(), self.request.headers.get("Idempotency-Key")
        if self._key is not None:
            check_id(self._key)
        if self.wants_events:
            await self.work(self.send_events(self._events(request, last)))
        elif self.prefers_async:
            await self._accept(request)
        else:
            self.answer(await self.work(self.lab.analyze(request)))

    async def _events(self, request: AnalysisRequest, last: tuple[str, int] | None) -> AsyncGenerator[bytes]:
        job, after = (self.lab.jobs.get(last[0]), last[1]) if last else (self._submit(request, polled=False), 0)
        async with contextlib.aclosing(self.frames(job, after)) as frames:
            async for frame in frames:
                yield frame

    def _submit(self, request: AnalysisRequest, *, polled: bool) -> Job:
        return self.lab.submit(request, id_=self._key, polled=polled)

    async def _accept(self, request: AnalysisRequest) -> None:
        job = self._submit(request, polled=True)
        with job.reader() as reader:
            await reader.wait(_BEGIN_SECONDS)
        if job.failure is not None and not job.last:
            raise job.failure.with_traceback(None)
        self.accept(job.id, "api/v1/ai/jobs")


class JobHandler(JobBase):
    _track_activity = False

    async def get(self, id_: str) -> None:
        query, last = self.from_query(api.JobQuery), self.last_event()
        if last is not None and last[0] != id_:
            raise InvalidField("Last-Event-ID is of another analysis.")
        if self.wants_events:
            await self.work(self.send_events(self._frames(id_, last[1] if last else query.after)))
        elif id_ in self.lab.jobs:
            self.answer(await self.work(self._page(self.lab.jobs.get(id_), query)))
        else:
            self.answer(await self.work(queue.page(self.lab.later, id_, query)))

    def _frames(self, id_: str, after: int) -> AsyncGenerator[bytes]:
        if id_ in self.lab.jobs:
            return self.frames(self.lab.jobs.get(id_), after)
        return queue.frames(self.lab.later, id_, after)

    async def delete(self, id_: str) -> None:
        await cancel(self, id_)

    async def _page(self, job: Job, query: api.JobQuery) -> api.JobPage:
        with job.reader(query.after) as reader:
            await reader.wait(query.wait)
            entries = reader.take_many(BATCH_BYTES)
            finished = reader.finished
        return api.JobPage(
            id=job.id,
            state=job.state,
            events=tuple(msgspec.Raw(entry.data) for entry in entries),
            next=reader.seq,
            done=finished,
            result=await job.result() if finished else None,
        )


class PauseHandler(AthenaHandler):
    async def post(self, id_: str) -> None:
        job = self.lab.jobs.get(id_)
        job.pause()
        self.answer(state_of(job))


class ResumeHandler(AthenaHandler):
    async def post(self, id_: str) -> None:
        job = self.lab.jobs.get(id_)
        job.resume()
        self.answer(state_of(job))


class CancelHandler(AthenaHandler):
    async def post(self, id_: str) -> None:
        await cancel(self, id_)


async def cancel(handler: AthenaHandler, id_: str) -> None:
    """Cancel the job, and answer when its connection to the provider is closed."""
    if id_ not in handler.lab.jobs:
        handler.answer(await queue.cancel(handler.lab.later, id_))
        return
    job = handler.lab.jobs.get(id_)
    job.cancel()
    await job.wait_closed()
    handler.answer(state_of(job))


def state_of(job: Job) -> api.JobState:
    return api.JobState(job.id, job.state, job.last, job.done)
