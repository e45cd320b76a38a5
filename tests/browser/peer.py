"""A model server on a thread of its own: the browser's tests say what it answers, and see what it is asked."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

sys.path.insert(0, str(Path(__file__).parent.parent / "peers"))

import looking
from model_server import MODEL, answer_to, call_chunks, chunks
from scripted_server import ScriptedServer, reply, sse, stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripted_server import Exchange, Script

PACE = 0.02
"""Seconds between two tokens."""
_TALK_ENDS = 5.0
"""Seconds in which an answer that was told to end, or is read to its end, has ended."""


class Peer:
    """``answer`` is the script for questions; every other request than for models is a beacon, and is remembered."""

    def __init__(self) -> None:
        self.answer: Script = plausible
        self.asked = self.answering = 0
        self.beacons: list[str] = []
        self._talks: list[asyncio.Event] = []
        self._answers: set[asyncio.Task[None]] = set()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._server = ScriptedServer(self._route)

    @property
    def origin(self) -> str:
        return self._server.url

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def until(self, condition: Callable[[], bool], seconds: float = 30) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, seconds)

    def rest(self) -> None:
        """End what a test left talking or silent: who asks the same would be given that answer, and the counts would
        not hold. The lab waits for an answer that nobody reads for a minute.
        """
        while self._talks:
            self._release(self._talks.pop())
        with self._changed:
            if not self._changed.wait_for(lambda: self.answering == 0, _TALK_ENDS):
                self._loop.call_soon_threadsafe(self._end)
        self.until(lambda: self.answering == 0)

    def _end(self) -> None:
        for answer in self._answers:
            answer.cancel()

    def talk(self, start: str, end: str) -> Callable[[], None]:
        """Answer with a beginning, then words without end until the function that this returns is called."""
        released = asyncio.Event()
        self._talks.append(released)

        async def script(exchange: Exchange) -> None:
            await exchange.head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
            first, *words, last = chunks(start, MODEL, usage=None)
            for chunk in (first, *words):
                await exchange.chunk(sse(chunk))
            while not released.is_set():
                await exchange.chunk(sse(_token("word ")))
                with suppress(TimeoutError):
                    await asyncio.wait_for(released.wait(), 0.1)
            for chunk in (_token(end), last):
                await exchange.chunk(sse(chunk))
            await exchange.chunk(sse("[DONE]"))
            await exchange.write(b"0\r\n\r\n")

        self.answer = script
        return lambda: self._release(released)

    def look(self) -> Callable[[], None]:
        """Look into the sample first, then be silent until the function that this returns is called, and answer."""
        released = asyncio.Event()
        self._talks.append(released)

        async def script(exchange: Exchange) -> None:
            body = exchange.request.json()
            results = looking.results_of(body["messages"])
            if calls := looking.next_calls(looking.offered(body), results):
                made = map(sse, call_chunks(calls, MODEL, len(results)))
                await stream([*made, sse("[DONE]")])(exchange)
            else:
                await released.wait()
                await stream(_events(looking.shown(results)))(exchange)

        self.answer = script
        return lambda: self._release(released)

    def say(self, text: str) -> None:
        """Answer every question with this text."""
        self.answer = stream(_events(text))

    def fail(self, status: int = 503) -> None:
        """Answer every question with that status; say how one is all the same."""
        self.answer = reply(status, {"error": {"message": "overloaded"}})

    def break_off(self, text: str) -> None:
        """Begin to answer, then reset the connection."""
        first, *words, _ = chunks(text, MODEL, usage=None)
        self.answer = stream([sse(chunk) for chunk in (first, *words)], end="reset")

    def decline(self, text: str) -> None:
        """Begin to answer, then refuse to go on."""
        first, *words, last = chunks(text, MODEL, usage=None)
        refusal = last | {"choices": [{**last["choices"][0], "finish_reason": "content_filter"}]}
        self.answer = stream([*(sse(chunk) for chunk in (first, *words, refusal)), sse("[DONE]")])

    async def _route(self, exchange: Exchange) -> None:
        if exchange.request.path == "/v1/models":
            await reply(200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})(exchange)
        elif exchange.request.path == "/v1/chat/completions":
            self._count(1)
            try:
                await self._answer(exchange)
            finally:  # at the end of the answer, or because the client has closed the connection
                self._count(-1)
        else:
            with self._changed:
                self.beacons.append(exchange.request.path)
                self._changed.notify_all()
            await reply(404)(exchange)

    async def _answer(self, exchange: Exchange) -> None:
        answer = asyncio.create_task(self.answer(exchange))
        self._answers.add(answer)
        try:
            await asyncio.wait({answer})
            if answer.cancelled():  # by `rest`; nobody asks again for this
                await reply(400, {"error": {"message": "The test is over."}})(exchange)
            else:
                answer.result()
        finally:
            self._answers.discard(answer)
            answer.cancel()

    def _release(self, talk: asyncio.Event) -> None:
        self._loop.call_soon_threadsafe(talk.set)

    def _count(self, change: int) -> None:
        with self._changed:
            self.answering += change
            self.asked += max(change, 0)
            self._changed.notify_all()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._server.__aenter__(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._server.__aexit__(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def plausible(exchange: Exchange) -> None:
    """What the model server for demonstrations answers, at a pace that can be watched."""
    messages = exchange.request.json()["messages"]
    prompt = "\n".join(message["content"] for message in messages if message["role"] == "user")
    await stream(_events(answer_to(prompt)), before=_pause)(exchange)


def _events(text: str) -> list[bytes]:
    return [*map(sse, chunks(text, MODEL, usage=None)), sse("[DONE]")]


def _token(text: str) -> dict[str, object]:
    first, word, *_ = chunks("x", MODEL, usage=None)
    return first | {"choices": [{**word["choices"][0], "delta": {"content": text}}]}


async def _pause(_number: int) -> None:
    await asyncio.sleep(PACE)
