"""Batches at one provider: sent as one, followed to their end, and their results given to whom they belong.

A batch runs on, and is billed, until it ends or is cancelled. So when nobody waits for it any more, it is cancelled;
where its id is not known yet, that waits for it. Ids of ours are random, and a result under any other is nobody's. What
the provider keeps of a batch for weeks, questions, findings and answers, is deleted once its results are read.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, Self, TypeVar

from msgspec.structs import replace

from athena_lab.ai.broken_utf8 import Mender
from athena_lab.ai.providers.attempt import FAILURES, Truncated, named
from athena_lab.ai.providers.channels import BatchItem
from athena_lab.ai.providers.following import WAITS, Cancelling, next_wait
from athena_lab.ai.providers.wire import Garbage, StreamError, Translator
from athena_lab.ai.transports import MAX_LINE, MAX_TOTAL, Fault, HttpStatus, Message, TransportFailure
from athena_lab.ai.transports.lines import LineTransport
from athena_lab.ai.transports.plain import JsonTransport
from athena_lab.errors import DeadlineExceeded
from athena_lab.events import Finished

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from athena_lab.ai.providers.attempt import Endpoint
    from athena_lab.ai.providers.channels import BatchFormat, BatchResult, BatchState
    from athena_lab.ai.send import Call, Item, Tools
    from athena_lab.ai.transports import HttpRequest
    from athena_lab.ai.transports.http import HttpClient
    from athena_lab.errors import AthenaError

CREATES: Final = 2
"""Times that creating a batch is tried again."""
ROUNDS: Final = 3
"""Times that a batch is sent, each time without those requests for which it failed before."""
DELETES: Final = 4
"""Requests at a time that delete what is kept there."""
DIVISIBLE: Final = frozenset({400, 413, 422})
"""Statuses with which one request, or their sum, may have a whole batch turned down."""
_FINAL: Final = frozenset({Fault.TOO_LARGE, Fault.REDIRECT, Fault.NOT_DATA})
_T = TypeVar("_T")


class Pace(NamedTuple):
    """Seconds from one look at a batch to the next: ``first``, then half as much again each time, up to ``longest``."""

    first: float
    longest: float

    def wait(self, looks: int) -> float:
        return min(self.longest, self.first * 1.5 ** min(looks, 64))


class Outcome(NamedTuple):
    """What became of one request: items as of an attempt, or the error with which they end."""

    items: tuple[Item, ...]
    failure: AthenaError | None = None


@dataclass(eq=False, slots=True)
class Entry:
    """One request in a batch. Whoever leaves cancels ``outcome``."""

    call: Call
    outcome: asyncio.Future[Outcome] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    id: str = field(default_factory=lambda: os.urandom(16).hex())


class Batches:
    """Sends batches to one provider. ``default_model`` is asked where a call names none."""

    def __init__(
        self,
        endpoint: Endpoint,
        form: BatchFormat,
        client: HttpClient,
        tools: Tools,
        default_model: Callable[[], Awaitable[str]],
    ) -> None:
        row = endpoint.row
        self._endpoint = endpoint
        # What goes in a batch goes on without a connection as it is.
        self._row = replace(row, features=replace(row.features, background=False))
        self._format = form
        self._whole = JsonTransport(client, MAX_TOTAL)
        self._lines = LineTransport(client)
        self._tools = tools
        self.default_model = default_model
        self._running: set[asyncio.Task[None]] = set()
        self._cancelling = Cancelling(self._whole, row.name, "a batch may run on: cancelling it")
        self._forgetting = Cancelling(self._whole, row.name, "a batch may be kept there: deleting it", DELETES)
        self._closed = False

    def start(self, entries: Sequence[Entry], pace: Pace) -> asyncio.Task[None]:
        """Send those who wait, all for one model. Cancelling the task cancels the batch."""
        task = asyncio.create_task(self._send(entries, pace, _Uploads.to_find_one(len(entries))))
        self._running.add(task)
        task.add_done_callback(partial(self._ended, entries))
        return task

    async def aclose(self) -> None:
        """Cancel all batches that run, here and at the provider: at most `following.CANCEL` seconds."""
        self._closed = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._cancelling.aclose()
        await self._forgetting.aclose()

    def _ended(self, entries: Sequence[Entry], task: asyncio.Task[None]) -> None:
        """Nobody is left waiting, come what may: not even by a bug of ours."""
        self._running.discard(task)
        bug = None if task.cancelled() else task.exception()
        if bug is None:
            self._fail(entries, TransportFailure(Fault.BROKEN_OFF, "the connection was closed here"))
            return
        for entry in waiting(entries):
            entry.outcome.set_exception(bug)

    async def _send(self, entries: Sequence[Entry], pace: Pace, uploads: _Uploads) -> None:
        """A batch, and others for those of its requests that have no part in its failure.

        Those are sent again in at most `ROUNDS`; what is turned down is halved as long as ``uploads`` are left. Then
        each of the rest fails with the error of the last batch that it was in.
        """
        for last in (*[False] * (ROUNDS - 1), True):
            try:
                state = await self._once(entries, pace)
            except _TurnedDown as turned:
                await self._halve(entries, pace, uploads, turned.error)
                return
            except FAILURES as error:
                self._fail(entries, error)
                return
            rest = self._blame(entries, state)
            if last or not rest or not uploads.take(1):
                self._fail(entries, state.failure or Garbage("has no result for this request"))
                return
            entries = rest

    async def _halve(self, entries: Sequence[Entry], pace: Pace, uploads: _Uploads, error: HttpStatus) -> None:
        half = len(entries) // 2
        if not uploads.take(2):
            self._fail(entries, error)
            return
        await asyncio.gather(self._send(entries[:half], pace, uploads), self._send(entries[half:], pace, uploads))

    def _blame(self, entries: Sequence[Entry], state: BatchState) -> list[Entry]:
        """Fail those for whom the whole batch was turned down. The others, if there are any that were."""
        faults = {entries[place].id: fault for place, fault in state.at_fault.items() if 0 <= place < len(entries)}
        for entry in waiting(entries):
            if entry.id in faults:
                self._fail([entry], faults[entry.id])
        return waiting(entries) if faults else []

    async def _once(self, entries: Sequence[Entry], pace: Pace) -> BatchState:
        """Create a batch, follow it, and give its results to those who wait. Its last state."""
        beginning = asyncio.create_task(self._begin(entries))
        ended = False
        try:
            state = await asyncio.shield(beginning)
            looks = 0
            while not state.ended and self._expire(entries):
                await self._tools.sleep(pace.wait(looks))
                looks += 1
                state = await self._persist(partial(self._look, state.id), entries)
            ended = state.ended
            if ended:
                await self._split(state, entries)
                for request in self._format.forget(state):
                    self._forgetting.leave(partial(_known, request))
            return state
        finally:
            if not (ended or (beginning.done() and beginning.exception())):
                self._cancelling.leave(partial(self._learn, beginning))

    async def _begin(self, entries: Sequence[Entry]) -> BatchState:
        ours = self._endpoint
        items = []
        for entry in entries:
            call = replace(entry.call, transport="polling")
            body = ours.wire.request(self._row, ours.base_url, ours.key, call).body
            entry.call.traffic.sent += len(body)
            items.append(BatchItem(entry.id, body))
        try:
            upload = self._format.upload(items)
            uploaded = await self._persist(partial(self._ask, upload), entries, CREATES) if upload else None
            create = self._format.create(entries[0].call.model, items, uploaded)
            state = self._format.state(await self._persist(partial(self._ask, create), entries, CREATES))
        except HttpStatus as error:
            if len(entries) > 1 and error.reply.status in DIVISIBLE:
                raise _TurnedDown(error) from None
            raise
        for entry in waiting(entries):
            if entry.call.state.value == "connecting":
                entry.call.state.move("connected")
        return state

    async def _learn(self, beginning: asyncio.Task[BatchState]) -> HttpRequest | None:
        state = await beginning
        return None if state.ended else self._format.cancel(state.id)

    def _expire(self, entries: Sequence[Entry]) -> bool:
        """Whether anybody waits whose time is not over. The others are told that it is."""
        for entry in waiting(entries):
            if entry.call.expires <= self._tools.clock():
                entry.outcome.set_result(Outcome((), too_late(entry.call)))
        return bool(waiting(entries))

    async def _look(self, batch_id: str) -> BatchState:
        return self._format.state(await self._ask(self._format.poll(batch_id)))

    async def _ask(self, request: HttpRequest) -> Message:
        if self._closed:
            raise TransportFailure(Fault.BROKEN_OFF, "the connection was closed here")
        async with aclosing(self._whole.stream(request)) as messages:
            async for message in messages:
                return message
        raise Truncated

    async def _persist(self, ask: Callable[[], Awaitable[_T]], entries: Sequence[Entry], most: int = len(WAITS)) -> _T:
        """Ask, and ask again where it fails in a way that may pass, as long as anybody has time for it.

        A request that creates something (``most`` is `CREATES` for those) is sent again only where the provider said
        that it failed: of what it may have created nobody would know.
        """
        failures = 0
        while True:
            try:
                return await ask()
            except (HttpStatus, TransportFailure, Truncated) as error:
                if most == CREATES and not isinstance(error, HttpStatus):
                    raise
                left = max((entry.call.expires for entry in waiting(entries)), default=0.0) - self._tools.clock()
                wait = next_wait(named(error, self._translator(entries)), failures, left, most)
                if wait is None or self._closed or (isinstance(error, TransportFailure) and error.fault in _FINAL):
                    raise
            failures += 1
            await self._tools.sleep(wait)

    async def _split(self, state: BatchState, entries: Sequence[Entry]) -> None:
        by_id = {entry.id: entry for entry in entries}
        for data in state.results:
            self._deliver(data, by_id)
        for request in self._format.results(state):
            await self._persist(partial(self._read, request, by_id), entries)

    async def _read(self, request: HttpRequest, by_id: Mapping[str, Entry]) -> None:
        async with aclosing(self._lines.stream(request)) as lines:
            async for line in lines:
                self._deliver(line.data, by_id)

    def _deliver(self, data: str, by_id: Mapping[str, Entry]) -> None:
        """A result that cannot be read or is too large, that came before, or that nobody waits for changes nothing."""
        if len(data) > MAX_LINE:
            return
        try:
            result = self._format.result(data)
        except Garbage:
            return
        entry = by_id.get(result.id)
        if entry is not None and not entry.outcome.done():
            entry.call.traffic.received += len(data)
            entry.outcome.set_result(self._outcome(entry.call, result))

    def _outcome(self, call: Call, result: BatchResult) -> Outcome:
        items: list[Item] = []
        try:
            if result.failure is not None:
                raise result.failure
            for item in Mender().items(self._endpoint.wire.parser().feed(Message(result.answer, whole=True))):
                items.append(item)
                if isinstance(item, Finished):
                    return Outcome(tuple(items))
            raise Truncated
        except FAILURES as error:
            return self._failed(error, self._endpoint.translator(call), items)

    def _fail(self, entries: Sequence[Entry], error: Exception) -> None:
        """Each with an error of its own, since each is told how often it was tried."""
        for entry in waiting(entries):
            entry.outcome.set_result(self._failed(error, self._translator(entries)))

    @staticmethod
    def _failed(error: Exception, translator: Translator, items: Sequence[Item] = ()) -> Outcome:
        refusal = translator.refusal(error) if isinstance(error, (HttpStatus, StreamError)) else None
        if refusal:
            return Outcome((*items, Finished("refused", refusal)))
        return Outcome(tuple(items), named(error, translator))

    def _translator(self, entries: Sequence[Entry]) -> Translator:
        """For what is said of all: it must not tell one caller another's question."""
        ours = self._endpoint
        prompts = [entry.call.prompt for entry in entries]
        private = tuple(text for prompt in prompts for text in (prompt.system, prompt.user))
        return Translator(ours.wire, self._row.name, entries[0].call.model, (ours.key,), private)


class _TurnedDown(Exception):
    """A batch of several requests was not created, and one of them, or that they are so many, may be why."""

    def __init__(self, error: HttpStatus) -> None:
        super().__init__()
        self.error = error


@dataclass(eq=False, slots=True)
class _Uploads:
    """How many batches may still be sent in place of one."""

    left: int

    @classmethod
    def to_find_one(cls, requests: int) -> Self:
        """Enough to find by halves the one request for which they are turned down, and to send again what is left."""
        return cls(2 * (requests - 1).bit_length() + ROUNDS - 1)

    def take(self, count: int) -> bool:
        """Whether so many are left; then they are no more."""
        if self.left < count:
            return False
        self.left -= count
        return True


async def _known(request: HttpRequest) -> HttpRequest:
    return request


def waiting(entries: Sequence[Entry]) -> list[Entry]:
    """Those whose callers wait for an outcome."""
    return [entry for entry in entries if not entry.outcome.done()]


def too_late(call: Call) -> DeadlineExceeded:
    return DeadlineExceeded(
        f"The time given for this request is over; {call.provider} has not finished its batch.",
        provider=call.provider,
        model=call.model,
        next_step="Ask with a longer deadline (in the request, or under [ai] in athena.toml), or not in a batch.",
    )
