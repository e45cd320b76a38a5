"""What goes on at a provider without a connection: how long a failure to ask for it is borne, and how it is ended."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final

from athena_lab.ai.providers.attempt import FAILURES
from athena_lab.ai.transports import HttpStatus, TransportFailure
from athena_lab.errors import InvalidResponse, NetworkError, RateLimited, ServiceUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from athena_lab.ai.transports import HttpRequest, Transport
    from athena_lab.errors import APIError

WAITS: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each try to reconnect. What comes of one begins the row anew."""
CANCEL: Final = 5.0
"""Seconds that cancelling may take, with learning the id."""

_log = logging.getLogger(__name__)


def next_wait(error: APIError, failures: int, left: float, most: int = len(WAITS)) -> float | None:
    """Seconds to wait before asking again after so many failures in a row and this one.

    None where asking again does not help, or no more (after ``most``), or not within the seconds ``left``.
    """
    if failures >= most or not _passes(error):
        return None
    wait = max(WAITS[min(failures, len(WAITS) - 1)], error.retry_after or 0.0)
    return wait if wait < left else None


def _passes(error: APIError) -> bool:
    """Whether a failure to ask may pass; what is asked for goes on meanwhile."""
    if error.should_retry is not None:
        return error.should_retry
    return isinstance(error, (NetworkError, RateLimited, ServiceUnavailable, InvalidResponse))


class Cancelling:
    """Ends what nobody waits for any more, in tasks that outlive whoever left. ``what`` is what may go wrong.

    Of the requests that end it at most ``at_once`` run at a time; the time of each begins with its turn.
    """

    def __init__(self, whole: Transport[HttpRequest], provider: str, what: str, at_once: int = 100) -> None:
        self._whole = whole
        self._provider = provider
        self._what = what
        self._turns = asyncio.Semaphore(at_once)
        self._tasks: set[asyncio.Task[None]] = set()

    def leave(self, learn: Callable[[], Awaitable[HttpRequest | None]]) -> None:
        """``learn`` gives the request that ends it, once its id is known; None if there is nothing to end."""
        task = asyncio.create_task(self._cancel(learn))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Wait for all of it: at most `CANCEL` seconds."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=CANCEL)
        for task in late:
            task.cancel()
        if late:
            _log.warning("%s: %s took too long, %d times.", self._provider, self._what, len(late))
        for error in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(error, Exception):
                raise error

    async def _cancel(self, learn: Callable[[], Awaitable[HttpRequest | None]]) -> None:
        """Best effort: that it fails is written to the log, since nobody waits for it who could be told."""
        try:
            async with self._turns, asyncio.timeout(CANCEL):
                with suppress(*FAILURES):  # of a request that began nothing
                    if request := await learn():
                        await self._send(request)
        except TimeoutError:
            _log.warning("%s: %s took too long.", self._provider, self._what)

    async def _send(self, request: HttpRequest) -> None:
        try:
            async with aclosing(self._whole.stream(request)) as messages:
                async for _ in messages:
                    pass
        except (HttpStatus, TransportFailure) as error:
            _log.warning("%s: %s failed: %s.", self._provider, self._what, error)
