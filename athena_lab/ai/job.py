"""One running answer, decoupled from its readers: a log of numbered events, fed from a stream.

The stream is read by a task of the job's own, so a reader may come, go and come back without the provider noticing;
and it is read no further than a bounded distance ahead of the furthest reader, so a slow reader slows the provider's
socket, and not memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, Self

import msgspec

from athena_lab.ai.answer import Folder
from athena_lab.ai.states import TRANSITIONS, State, StreamState
from athena_lab.errors import (
    AnalysisCancelled,
    AthenaError,
    BulkheadFull,
    DeadlineExceeded,
    InvalidField,
    InvalidResponse,
    Rejected,
)
from athena_lab.events import AnyEvent, Failed, Finished, Started, Token

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from athena_lab.ai.job_options import JobOptions
    from athena_lab.ai.types import AnalysisResult

    Open = Callable[[StreamState], AbstractAsyncContextManager[AsyncIterator[AnyEvent]]]
    """Opens the stream. The state given is the one that the stream moves."""

logger = logging.getLogger(__name__)

ENTRY_BYTES: Final = 160
"""What an entry takes beside its data: two objects and their places in two lists."""


class Timer(Protocol):
    def cancel(self) -> None: ...


class Ledger(Protocol):
    """What a job needs of those who keep it."""

    options: JobOptions

    def clock(self) -> float:
        """Monotonic seconds."""
        ...

    def after(self, seconds: float, action: Callable[[], None]) -> Timer:
        """Do it later, on the event loop."""
        ...

    def room_for(self, size: int, *, needed: bool) -> bool:
        """Count so many bytes of an event; False where they do not fit and are not needed, and so are not counted."""
        ...

    def ended(self, job: Job) -> None:
        """It has come to its end."""


class Entry(NamedTuple):
    """One event. ``seq`` counts from 1; ``kind`` is its tag, ``data`` its JSON."""

    seq: int
    kind: str
    data: bytes


class Job:
    """One answer. `polled`: it runs to its end whoever asks. `named`: a caller knows its id, and can come back.

    Belongs to one event loop. The log ends with `Finished` or `Failed`; or, where the answer could not even begin,
    or a bug broke it, `failure` says why.
    """

    def __init__(self, id_: str, open_: Open, ledger: Ledger, *, polled: bool, named: bool) -> None:
        self.id = id_
        self.polled = polled
        self.named = named or polled
        self.failure: Exception | None = None
        self.done = False
        self._open = open_
        self._ledger = ledger
        self._state = StreamState(lambda _: self._tell())
        self._began = ledger.clock()
        self._log: list[Entry] = []
        self._ends: list[int] = []
        """For each entry, the bytes up to its end."""
        self._furthest = 0
        self._readers: set[Reader] = set()
        self._started: Started | None = None
        self._folding = asyncio.Lock()
        self._result: AnalysisResult | None = None
        self._paused = False
        self._resumes_as: State = "streaming"
        self._why_cancelled: Rejected | None = None
        self._changed = asyncio.Event()
        self._go = asyncio.Event()
        self._timer: Timer | None = None
        self._task = asyncio.ensure_future(self._run())
        # A task that is cancelled before its first step never reaches its `finally`.
        self._task.add_done_callback(lambda _: self._finish())
        self._watch()

    def __repr__(self) -> str:
        return f"<Job {self.id[:4]}... {self.state}, {len(self._log)} events>"

    # -- what it is

    @property
    def state(self) -> State:
        """``paused`` from the moment it is asked for: a stream that waits for its provider only becomes so later."""
        return "paused" if self._paused and not self.ended and not self.done else self._state.value

    @property
    def ended(self) -> bool:
        """Its log has its last event. `done` says that the connection to the provider is closed, too."""
        return bool(self._log) and self._log[-1].kind in _TERMINAL

    @property
    def last(self) -> int:
        """The last event's number, 0 before the first."""
        return len(self._log)

    @property
    def size(self) -> int:
        """Bytes that its events take."""
        return self._ends[-1] if self._ends else 0

    @property
    def being_read(self) -> bool:
        return bool(self._readers)

    async def result(self) -> AnalysisResult | None:
        """What it amounts to, once its log has an end. Made once, in a thread: the whole log is decoded."""
        if not self.ended:
            return None
        async with self._folding:
            if self._result is None:
                self._result = await asyncio.to_thread(_fold, tuple(self._log))
        return self._result

    async def outcome(self) -> AnalysisResult | None:
        """As `result`. Where there is none, and will be none, raises what broke it."""
        if self.done and self.failure is not None and not self.ended:
            raise self.failure.with_traceback(None)
        return await self.result()

    # -- reading

    def reader(self, after: int = 0) -> Reader:
        """A reader of what comes behind event `after`. Raises `InvalidField` for one that has not been yet."""
        if after > len(self._log):
            raise InvalidField(f"There is no event {after} yet; the last one is {len(self._log)}.")
        return Reader(self, after)

    async def changed(self) -> None:
        """Until an event comes, the state changes, or it is done."""
        await self._changed.wait()

    async def wait_closed(self) -> None:
        """Until its connection to the provider is closed and its log has its end."""
        await asyncio.wait([self._task])

    # -- control

    def pause(self) -> None:
        """Read no more from the provider until `resume`. Time goes on: the request's deadline, and the provider's."""
        if self.done or self._paused:
            return
        self._paused = True
        self._move_if_legal("paused")
        self._watch()
        self._tell()

    def resume(self) -> None:
        if self.done or not self._paused:
            return
        self._paused = False
        if self._state.value == "paused":
            self._move_if_legal("buffering" if self._is_ahead() else self._resumes_as)
        self._go.set()
        self._watch()
        self._tell()

    def limit(self, seconds: float) -> None:
        """End it after so many seconds, whoever reads or pauses it."""
        over = DeadlineExceeded("The time given for this request is over.")
        timer = self._ledger.after(seconds, lambda: self.cancel(over))
        self._task.add_done_callback(lambda _: timer.cancel())

    def cancel(self, why: Rejected | None = None) -> None:
        """Close the connection to the provider at once; what came is kept. Nothing happens after the end."""
        if self.done or self.ended or self._why_cancelled is not None:
            return
        self._why_cancelled = why or AnalysisCancelled("The analysis was cancelled.")
        self._task.cancel()

    # -- the task

    async def _run(self) -> None:
        try:
            async with self._open(self._state) as events:
                async for event in events:
                    self._append(event)
                    if isinstance(event, Finished | Failed):
                        break
                    await self._hold()
        except asyncio.CancelledError:
            if self._why_cancelled is None:
                raise  # the loop itself is ending
            self._fail(self._why_cancelled)
        except AthenaError as error:
            self._fail(error)
        except Exception as error:  # a bug, whatever it is: without an end, its readers would wait for ever
            logger.exception("The answer of job %s... broke off", self.id[:4])
            self._fail(error)

    async def _hold(self) -> None:
        """Wait while it is paused, or too far ahead."""
        while self._paused or self._is_ahead():
            self._move_if_legal("paused" if self._paused else "buffering")
            self._go.clear()
            await self._go.wait()
        if self._state.value in {"paused", "buffering"}:
            self._move_if_legal(self._resumes_as)

    def _is_ahead(self) -> bool:
        if self.polled:
            return False
        options, last = self._ledger.options, len(self._log)
        read = self._ends[self._furthest - 1] if self._furthest else 0
        return last - self._furthest >= options.ahead_events or self.size - read >= options.ahead_bytes

    def _append(self, event: AnyEvent) -> None:
        if isinstance(event, Started):
            self._started = event
        elif isinstance(event, Token):
            self._resumes_as = "streaming"
        entry = Entry(len(self._log) + 1, str(event.__struct_config__.tag), msgspec.json.encode(event))
        size = len(entry.data) + ENTRY_BYTES
        terminal = entry.kind in _TERMINAL
        if not terminal and self.size + size > self._ledger.options.max_bytes:
            raise self._too_large()
        if not self._ledger.room_for(size, needed=terminal):
            raise BulkheadFull("All answers that run now have no more room in memory together.")
        if terminal:
            self._move_if_legal("completed" if entry.kind == "finished" else "failed")
        self._log.append(entry)
        self._ends.append(self.size + size)
        self._tell()

    def _too_large(self) -> InvalidResponse:
        limit = self._ledger.options.max_bytes
        provider, model = (self._started.provider, self._started.model) if self._started else ("", None)
        return InvalidResponse(f"The answer takes more than {limit:,} bytes.", provider=provider, model=model)

    def _fail(self, error: Exception) -> None:
        """End the log with the error, once. Where it has not begun, or for a bug, its readers get the error itself."""
        if self.ended:
            logger.warning("The connection of job %s... did not close well: %s", self.id[:4], type(error).__name__)
        elif self._started is None or not isinstance(error, AthenaError):
            self.failure = error
        else:
            elapsed = self._ledger.clock() - self._began
            self._append(Failed(error.problem(self._started.id), elapsed=elapsed))

    def _finish(self) -> None:
        if not self.ended:
            self.failure = self.failure or self._why_cancelled or AthenaError("The answer broke off without its end.")
            self._move_if_legal("failed")
        self.done = True
        self._open = _opened
        self._watch()
        self._ledger.ended(self)
        self._tell()

    # -- small parts

    def _move_if_legal(self, to: State) -> None:
        # The stream moves the state too, and where it stands between two attempts it can neither pause nor buffer.
        before = self._state.value
        if to in TRANSITIONS[before]:
            if to == "paused" and before in {"connected", "streaming"}:
                self._resumes_as = before
            self._state.move(to)

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _watch(self) -> None:
        """Set the time after which nobody is expected any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        patience = None if self.done or self._readers else self._patience()
        if patience is not None:
            self._timer = self._ledger.after(patience, self._abandon)

    def _patience(self) -> float | None:
        options = self._ledger.options
        if self.polled:
            return options.keep if self._paused else None
        return options.grace

    def _abandon(self) -> None:
        self.cancel(AnalysisCancelled("Nobody has read the answer for a while, so it was cancelled."))

    def _attach(self, reader: Reader) -> None:
        self._readers.add(reader)
        self._watch()

    def _detach(self, reader: Reader) -> None:
        self._readers.discard(reader)
        if self._readers or self.named:
            self._watch()
        else:
            self.cancel()  # nobody can come back to it

    def _taken(self, seq: int) -> None:
        if seq > self._furthest:
            self._furthest = seq
            if not self._paused and not self._is_ahead():
                self._go.set()


class Reader:
    """Reads a job's log from a number on. While it is open, the job is being read."""

    def __init__(self, job: Job, after: int) -> None:
        self.job = job
        self.seq = after
        """The last event that was taken."""

    def __enter__(self) -> Self:
        self.job._attach(self)  # noqa: SLF001 - a part of the job
        return self

    def __exit__(self, *_: object) -> None:
        self.job._detach(self)  # noqa: SLF001 - the same

    def take(self) -> Entry | None:
        """The next event, if it is there. At the end of a log that has none of its own, raises what broke it."""
        job = self.job
        if self.seq < job.last:
            entry = job._log[self.seq]  # noqa: SLF001 - the same
            self.seq = entry.seq
            job.named = True  # events travel with the job's id
            job._taken(entry.seq)  # noqa: SLF001 - the same
            return entry
        if job.done and job.failure is not None:
            raise job.failure.with_traceback(None)  # one for all readers: it would gather theirs
        return None

    def take_many(self, size: int) -> list[Entry]:
        """The events that are there, until they have so many bytes. Raises as `take` does."""
        entries: list[Entry] = []
        while size > 0 and self.seq < self.job.last and (entry := self.take()):
            entries.append(entry)
            size -= len(entry.data)
        if not entries:
            self.take()
        return entries

    @property
    def finished(self) -> bool:
        """The log has its end, and all of it was taken."""
        return self.job.ended and self.seq == self.job.last

    @property
    def exhausted(self) -> bool:
        """There is nothing more to take, and there will not be."""
        return self.seq == self.job.last and (self.job.ended or self.job.done)

    async def batches(self, size: int) -> AsyncGenerator[list[Entry]]:
        """All events to the end, as they come, of those that are there as many as `take_many` gives."""
        while not self.finished:
            if entries := self.take_many(size):
                yield entries
            else:
                await self.job.changed()

    async def wait(self, seconds: float) -> None:
        """Until there is something to take, the job is done, or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.seq == self.job.last and not self.job.done:
                    await self.job.changed()


_TERMINAL: Final = frozenset({"finished", "failed"})


def _fold(log: Sequence[Entry]) -> AnalysisResult:
    folder = Folder()
    for entry in log:
        folder.take(msgspec.json.decode(entry.data, type=AnyEvent))
    return folder.result()


def _opened(_state: StreamState) -> AbstractAsyncContextManager[AsyncIterator[AnyEvent]]:
    """Stands in for what opened a stream: it held the question, which is not needed any more."""
    raise AssertionError("a job opens its stream once")
