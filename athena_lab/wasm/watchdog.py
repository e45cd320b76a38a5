"""Ends calls that outlive their deadline: one thread for all of them.

It does not stand on an event loop, since a loop that is blocked must not suspend deadlines.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Watchdog:
    """Calls actions at monotonic times. Actions must be quick and must not raise.

    It looks through all that are pending each time: there are no more of them than calls in the runtime.
    """

    def __init__(self) -> None:
        self._pending: dict[int, tuple[float, Callable[[], None]]] = {}
        self._numbers = itertools.count()
        self._wake = threading.Condition()
        self._looks = math.inf
        """When it looks again."""
        self._closed = False
        self._thread: threading.Thread | None = None

    def at(self, when: float, action: Callable[[], None]) -> Callable[[], None]:
        """Call `action` once `time.monotonic()` reaches `when`, in a thread of its own; the result takes it back."""
        number = next(self._numbers)
        with self._wake:
            self._pending[number] = when, action
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="athena-watchdog", daemon=True)
                self._thread.start()
            elif when < self._looks:  # else it looks in time by itself: to wake it for every call takes its time
                self._wake.notify()

        def forget() -> None:
            with self._wake:
                self._pending.pop(number, None)

        return forget

    def close(self) -> None:
        """Forget what is pending and end the thread."""
        with self._wake:
            self._closed = True
            self._pending.clear()
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (due := self._next()) is not None:
            due()

    def _next(self) -> Callable[[], None] | None:
        with self._wake:
            while not self._closed:
                number = min(self._pending, key=lambda n: self._pending[n][0], default=None)
                wait = None if number is None else self._pending[number][0] - time.monotonic()
                if number is not None and wait is not None and wait <= 0:
                    return self._pending.pop(number)[1]
                self._looks = math.inf if number is None else self._pending[number][0]
                self._wake.wait(wait)
            return None
