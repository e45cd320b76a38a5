"""Questions that wait for a provider, and their answers, over HTTP: as jobs, and as a list."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from athena_lab import api
from athena_lab.ai.question import result
from athena_lab.errors import InvalidField
from athena_lab.jupyter.handlers.base import PolledHandler, event_frame

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.later import Later
    from athena_lab.ai.question import Question

BATCH_BYTES: Final = 64 << 10
"""Of events that are on their way to a reader at once; where they come by polls, all are lost with one of them."""


class QueueHandler(PolledHandler):
    async def get(self) -> None:
        self.answer(api.Queue(await self.work(self.lab.queued())))


class Kept(NamedTuple):
    """A question and the events of its answer, as far as there are any."""

    question: Question
    events: list[msgspec.Raw]

    @classmethod
    def of(cls, question: Question) -> Kept:
        return cls(question, msgspec.json.decode(question.events or b"[]", type=list[msgspec.Raw]))

    @property
    def done(self) -> bool:
        return self.question.state == "done"

    @property
    def state(self) -> api.JobStateName:
        if not self.done:
            return "queued" if self.question.state == "queued" else "connecting"
        return "completed" if _kind(self.events[-1]) == "finished" else "failed"

    def behind(self, after: int) -> list[msgspec.Raw]:
        """The events behind that number, as many as go at once. Raises `InvalidField` for one that has not been yet."""
        if after > len(self.events):
            raise InvalidField(f"There is no event {after} yet; the last one is {len(self.events)}.")
        taken, size = [], 0
        for event in self.events[after:]:
            taken.append(event)
            size += len(bytes(event))
            if size >= BATCH_BYTES:
                break
        return taken


async def page(later: Later, id_: str, query: api.JobQuery) -> api.JobPage:
    """Waits, where there is no answer yet, as the query says. Raises `UnknownJob`."""
    kept = Kept.of(await later.wait(id_, query.wait))
    events = kept.behind(query.after)
    last = query.after + len(events)
    done = kept.done and last == len(kept.events)
    whole = await asyncio.to_thread(result, kept.question) if done else None
    return api.JobPage(id_, kept.state, tuple(events), last, done, whole)


async def frames(later: Later, id_: str, after: int) -> AsyncGenerator[bytes]:
    """The answer as server-sent events, when there is one. Raises `UnknownJob`."""
    kept = Kept.of(await later.get(id_))
    kept.behind(after)  # refuses a number before it waits
    if not kept.done:
        kept = Kept.of(await later.wait(id_, None))
    for number, event in enumerate(kept.events[after:], after + 1):
        yield event_frame(_kind(event), bytes(event), id_=f"{id_}:{number}")


async def cancel(later: Later, id_: str) -> api.JobState:
    """Take it out of the queue. Raises `UnknownJob`."""
    kept = Kept.of(await later.cancel(id_))
    return api.JobState(id_, kept.state, len(kept.events), kept.done)


class _Tagged(msgspec.Struct):
    event: str


def _kind(event: msgspec.Raw) -> str:
    return msgspec.json.decode(event, type=_Tagged).event
