"""A provider that says what it is told, and timers that run when they are told."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import aclosing, asynccontextmanager

from athena_lab.ai.answer import Answer
from athena_lab.events import Finished, Started


async def settle(turns=60):
    """Let every task do what it can without time passing."""
    for _ in range(turns):
        await asyncio.sleep(0)


class Timers:
    def __init__(self):
        self.now = 0.0
        self._due = {}
        self._numbers = itertools.count()

    def clock(self):
        return self.now

    def after(self, seconds, action):
        number = next(self._numbers)
        self._due[number] = (self.now + seconds, action)
        return _Timer(lambda: self._due.pop(number, None))

    def advance(self, seconds):
        self.now += seconds
        for number, (due, action) in list(self._due.items()):
            if due <= self.now and self._due.pop(number, None):
                action()

    @property
    def waiting(self):
        return len(self._due)


class _Timer:
    def __init__(self, cancel):
        self.cancel = cancel


class Source:
    """A stream as the AI core makes it, states and all. ``say`` gives it events, or an error to raise.

    ``pulled`` are the events that were taken from it, ``closed`` says that its connection is.
    """

    def __init__(self):
        self.pulled = []
        self.closed = False
        self.opened = 0
        self._items = asyncio.Queue()

    def say(self, *items):
        for item in items:
            self._items.put_nowait(item)

    @asynccontextmanager
    async def open(self, state):
        self.opened += 1
        answer = Answer(Started("a-1", "peer", "m-1"), state, known=(), attempts=[], elapsed=lambda: 0.0, observers=())
        async with aclosing(answer.events(self._connected(state))) as events, aclosing(self._noted(events)) as noted:
            yield noted

    async def _noted(self, events):
        async for event in events:
            self.pulled.append(event)
            yield event

    async def _connected(self, state):
        try:
            state.move("connecting")
            state.move("connected")
            while True:
                item = await self._items.get()
                if isinstance(item, BaseException):
                    raise item
                yield item
                if isinstance(item, Finished):
                    return
        finally:
            self.closed = True
