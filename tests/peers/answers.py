"""A provider for the lab of a running server, which says what a test tells it, and clients of that server."""

from __future__ import annotations

import asyncio
import random

import msgspec

from athena_lab.client import LabClient
from athena_lab.events import AnyEvent
from tests.peers.scripted_server import sse, stream

TRANSPORTS = ("websocket", "sse", "polling")
QUESTION = {"question": "What is it?", "provider": "local", "model": "m"}


def piece(text):
    return sse({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]})


STOP = sse({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
USAGE = sse({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}})
DONE = sse("[DONE]")


def says(*texts):
    """A whole answer of these pieces."""
    return stream([*map(piece, texts), STOP, USAGE, DONE])


def hang_after(*texts):
    """These pieces, and then silence."""
    return stream(list(map(piece, texts)), end="hang")


class Endless:
    """Streams an answer of what cannot be compressed for as long as it is read; ``sent`` counts its pieces."""

    def __init__(self, size=16_384):
        self.sent = 0
        self._size = size
        self._chance = random.Random(1)

    async def __call__(self, exchange):
        await exchange.head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        while True:
            self.sent += 1
            await exchange.chunk(piece(f"{self.sent} {self._chance.randbytes(self._size // 2).hex()}"))


async def turns(count=500):
    """So many turns of the event loop, on which all of this lives."""
    for _ in range(count):
        await asyncio.sleep(0)


async def stalls(counter):
    """Until what is counted no longer grows, whatever the loop does."""
    before = -1
    while counter() > before:
        before = counter()
        await turns()


class Served(msgspec.Struct):
    lab: object
    port: int
    base: str
    token: str

    def url(self, path="", port=None):
        return f"http://127.0.0.1:{port or self.port}{self.base}{path}"

    @property
    def headers(self):
        return {"Authorization": f"token {self.token}"}

    def client(self, port=None, **options):
        return LabClient(self.url(port=port), self.token, **options)

    @property
    def jobs(self):
        return list(self.lab.jobs._jobs.values())


def logged(job):
    return [msgspec.json.decode(entry.data, type=AnyEvent) for entry in job._log]


async def until(job, condition):
    async with asyncio.timeout(20):
        while not condition():
            await job.changed()
