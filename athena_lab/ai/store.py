"""The file of what outlives a process, for an event loop that never waits for the disk; and earlier answers from it."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from athena_lab.ai.later_options import MIB, LaterOptions
from athena_lab.ai.question import MAX_BYTES, encode
from athena_lab.ai.recovery import PastAnswer
from athena_lab.errors import BulkheadFull, QueueUnusable

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from athena_lab.ai.store_file import StoreFile
    from athena_lab.bulkheads import Bulkheads

_LOG: Final = logging.getLogger(__name__)
_T = TypeVar("_T")

MAX_UNWRITTEN: Final = 8 * MIB
"""Characters of answers that wait for the file; more are not kept."""
LOOK_SECONDS: Final = 2.0
"""For which a place to look an answer up is waited for: whoever asks has been waiting already."""
BATCH_SECONDS: Final = 0.25
"""For which answers are gathered before they are written."""


class Store:
    """Belongs to one event loop; the file to a thread of its own. ``path`` None: all is in memory alone.

    Looking an answer up needs a place of ``bulkheads``' service ``cache``; what is kept durably never waits for one.
    """

    def __init__(
        self, path: Path | None, options: LaterOptions | None = None, bulkheads: Bulkheads | None = None
    ) -> None:
        self.path = path
        self.options = options or LaterOptions()
        self.led_elsewhere: QueueUnusable | None = None
        """Another process has held the lock for long; the file itself can be used."""
        self._problem: QueueUnusable | None = None
        self.past = PastAnswers(self, bulkheads)
        self._file: StoreFile | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._closed = False

    @property
    def problem(self) -> QueueUnusable | None:
        return self._problem or self.led_elsewhere

    async def do(self, job: Callable[[StoreFile], _T]) -> _T:
        """Have this done with the file, behind all that was asked for before. Raises `QueueUnusable`."""
        if self._closed:
            raise QueueUnusable("The file of questions is closed.", reason="closed")
        try:
            done = await asyncio.get_running_loop().run_in_executor(self._executor, self._work, job)
        except QueueUnusable as error:
            self._failed(error)
            raise
        self._problem = None
        return done

    def undo(self, job: Callable[[StoreFile], object]) -> None:
        """The same for one who cannot wait."""
        self._executor.submit(self._work, job)

    @property
    def _executor(self) -> ThreadPoolExecutor:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="athena-store")
        return self._thread

    def _work(self, job: Callable[[StoreFile], _T]) -> _T:
        if self._file is None:
            from athena_lab.ai.store_file import StoreFile  # noqa: PLC0415 - sqlite3 comes with the first use

            self._file = StoreFile(self.path, self.options)
        return job(self._file)

    def _failed(self, error: QueueUnusable) -> None:
        if self._problem is None or self._problem.reason != error.reason:
            _LOG.warning("Questions and answers cannot be kept, at %s: %s", self.path, error)
        self._problem = error

    async def aclose(self) -> None:
        """Write what is left, and close the file. Idempotent."""
        if not self._closed:
            await self.past.flush()
            self._closed = True
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.submit(lambda: self._file.close() if self._file is not None else None)
            await asyncio.to_thread(thread.shutdown)


class PastAnswers:
    """`athena_lab.ai.recovery.Past`, of a store. Answers are written in batches, in the background."""

    def __init__(self, store: Store, bulkheads: Bulkheads | None = None) -> None:
        self._store = store
        self._bulkheads = bulkheads
        self._unwritten: dict[str, PastAnswer] = {}
        self._size = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    async def find(self, key: str) -> PastAnswer | None:
        if (known := self._unwritten.get(key)) is not None:
            return known
        try:
            async with self._place():
                found = await self._store.do(lambda file: file.answer(key))
        except (QueueUnusable, BulkheadFull, TimeoutError):
            return None
        try:
            return None if found is None else msgspec.json.decode(found, type=PastAnswer)
        except msgspec.MsgspecError:  # of another version
            return None

    def _place(self) -> AbstractAsyncContextManager[object]:
        return nullcontext() if self._bulkheads is None else self._bulkheads.hold("cache", seconds=LOOK_SECONDS)

    async def keep(self, key: str, answer: PastAnswer) -> None:
        options, size = self._store.options, len(answer.text)
        if not options.answers or size > min(MAX_BYTES, options.answers_bytes) or self._size + size > MAX_UNWRITTEN:
            return
        self._unwritten[key] = answer
        self._size += size
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(BATCH_SECONDS, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.create_task(self._write(), name="past answers")

    async def flush(self) -> None:
        """Until all are written, or cannot be."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._write()
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        answers, self._unwritten, self._size = self._unwritten, {}, 0
        if not answers:
            return
        try:
            await self._store.do(lambda file: file.keep_answers(_rows(answers)))
        except QueueUnusable:
            return  # the store has said so; without a disk there are no earlier answers


def _rows(answers: dict[str, PastAnswer]) -> dict[str, tuple[bytes, float]]:
    encoded = ((key, encode(answer), answer.at) for key, answer in answers.items())
    return {key: (data, at) for key, data, at in encoded if data is not None}
