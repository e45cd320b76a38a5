"""An analysis cell whose lab says what it is told, and that keeps what it sends to the page; no Jupyter server."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager

from athena_lab.events import Finished, Started
from athena_lab.jupyter.widgets import AskCell

STARTED = Started("1", "claude", "model-x")
FINISHED = Finished("completed", "end_turn", ("file-processor/packer",))


class SayingLab:
    """Says what it is told. An exception among the events is raised, an `asyncio.Event` is waited for."""

    def __init__(self, *events):
        self.events = events
        self.requests = []
        self.closed = 0

    @asynccontextmanager
    async def stream(self, request):
        self.requests.append(request)
        try:
            async with aclosing(self._say()) as events:
                yield events
        finally:
            self.closed += 1

    async def _say(self):
        for event in self.events:
            if isinstance(event, asyncio.Event):
                await event.wait()
            elif isinstance(event, BaseException):
                raise event
            else:
                yield event


class Notebook:
    """Keeps what is published, as outputs by their id."""

    def __init__(self):
        self.outputs = {}

    def __call__(self, bundle, *, raw, display_id, update=False):
        assert raw
        assert (display_id in self.outputs) == update
        self.outputs[display_id] = bundle


class Cell(AskCell):
    """Keeps the messages to the page."""

    def __init__(self, lab, *args, **kwargs):
        self.sent = []
        self.heard = asyncio.Event()
        self.notebook = Notebook()
        super().__init__(lab, *args, publish=self.notebook, **kwargs)

    def send(self, content, buffers=None):
        self.sent.append((content, b"".join(bytes(b) for b in buffers or [])))
        self.heard.set()

    async def hears(self, messages=1):
        while len(self.sent) < messages:
            self.heard.clear()
            await self.heard.wait()

    def press(self, **content):
        self._on_message(self, content, [])

    async def ended(self):
        await self._task
