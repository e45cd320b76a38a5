"""Answers that go on at the provider without a connection: followed to their end, picked up where a connection broke,
and cancelled when nobody waits for them any more.

A background response runs on, and is billed, until it ends or is cancelled. So whoever leaves before its end leaves a
task behind that cancels it; where its id is not known yet, that task first waits for it.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from athena_lab.ai.broken_utf8 import Mender
from athena_lab.ai.providers.attempt import Truncated, Watch, named
from athena_lab.ai.providers.following import Cancelling, next_wait
from athena_lab.ai.providers.wire import Garbage, StreamError
from athena_lab.ai.transports import Fault, HttpStatus, TransportFailure
from athena_lab.events import Finished, Reconnecting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.providers.attempt import Endpoint
    from athena_lab.ai.providers.channels import BackgroundWire
    from athena_lab.ai.send import Call, Item, Tools
    from athena_lab.ai.transports import HttpRequest, Message, Transport

POLLS: Final = (1.0, 1.0, 2.0, 3.0, 5.0)
"""Seconds between two looks at an answer that does not stream; the last one stays."""


@dataclass(slots=True)
class _Answer:
    """A background response that has begun: its id, and what is read of its first connection."""

    id: str
    head: list[Message]
    messages: AsyncGenerator[Message, None]


@dataclass(slots=True)
class _Progress:
    """How far the answer was read. ``failures`` in a row, ``after`` is the number of the last message."""

    after: int = -1
    failures: int = 0
    resumed: bool = False
    """Nothing has come yet since the last reconnection."""


class Background:
    """Asks one provider for background responses; `send` is for ``sse`` and ``polling`` alike."""

    def __init__(
        self, endpoint: Endpoint, stream: Transport[HttpRequest], whole: Transport[HttpRequest], tools: Tools
    ) -> None:
        self._endpoint = endpoint
        self._wire = cast("BackgroundWire", endpoint.wire)
        self._stream = stream
        self._whole = whole
        self._tools = tools
        self._running: set[asyncio.Task[_Answer]] = set()
        self._cancelling = Cancelling(whole, endpoint.row.name, "a background response may run on: cancelling it")
        self._closed = False

    async def send(self, call: Call) -> AsyncGenerator[Item, None]:
        """A `Send`. It tells of each reconnection, repeats nothing and loses nothing."""
        beginning = asyncio.create_task(self._begin(call))
        self._running.add(beginning)
        ended = False
        try:
            answer = await asyncio.shield(beginning)
            follow = self._polled if call.transport == "polling" else self._streamed
            async with aclosing(follow(call, answer)) as items:
                async for item in items:
                    ended = isinstance(item, Finished)
                    yield item
        except StreamError:
            ended = True  # by the provider's own word
            raise
        finally:
            self._running.discard(beginning)
            if not ended and not self._closed:
                self._cancelling.leave(partial(self._learn, beginning))

    async def aclose(self) -> None:
        """Cancel what still runs, and wait for that and for what was left before: at most `CANCEL` seconds."""
        self._closed = True
        for beginning in self._running:
            self._cancelling.leave(partial(self._learn, beginning))
        await self._cancelling.aclose()

    async def _begin(self, call: Call) -> _Answer:
        """Send the request, and read until the answer's id is known."""
        transport = self._whole if call.transport == "polling" else self._stream
        messages = transport.stream(self._endpoint.request(call), Watch(self._endpoint, call))
        head: list[Message] = []
        try:
            async for message in messages:
                head.append(message)
                if found := self._wire.place(message).id:
                    return _Answer(found, head, messages)
                if message.whole:
                    break
        except BaseException:
            await messages.aclose()
            raise
        await messages.aclose()
        if head:
            return _Answer("", head, messages)
        raise Truncated

    async def _streamed(self, call: Call, answer: _Answer) -> AsyncGenerator[Item, None]:
        parser, mender = self._endpoint.wire.parser(), Mender()
        progress = _Progress()
        messages = _after(answer.head, answer.messages)
        while True:
            broken: Exception = Truncated()
            async with aclosing(messages):
                try:
                    async for message in messages:
                        if not self._is_news(message, progress):
                            continue
                        _flows(call, progress)
                        for item in mender.items(parser.feed(message)):
                            yield item
                            if isinstance(item, Finished):
                                return
                except (HttpStatus, TransportFailure) as error:
                    broken = error
            async with aclosing(self._pause(call, broken, progress, answer)) as told:
                async for event in told:
                    yield event
            ours = self._endpoint
            request = self._wire.resume_request(ours.base_url, ours.key, answer.id, progress.after)
            messages = self._stream.stream(request, Watch(ours, call))

    async def _polled(self, call: Call, answer: _Answer) -> AsyncGenerator[Item, None]:
        parser, mender = self._endpoint.wire.parser(), Mender()
        progress = _Progress()
        await answer.messages.aclose()
        message: Message | None = answer.head[-1]
        looks = 0
        while True:
            if message is not None:
                _flows(call, progress)
                for item in mender.items(parser.feed(message)):
                    yield item
                    if isinstance(item, Finished):
                        return
                if not answer.id:
                    raise Garbage("has no id to ask for it by")
                await self._tools.sleep(POLLS[min(looks, len(POLLS) - 1)])
                looks += 1
            ours = self._endpoint
            request = self._wire.poll_request(ours.base_url, ours.key, answer.id)
            try:
                message = await self._look(request, call)
            except (HttpStatus, TransportFailure, Truncated) as error:
                message = None
                async with aclosing(self._pause(call, error, progress, answer)) as told:
                    async for event in told:
                        yield event

    async def _look(self, request: HttpRequest, call: Call) -> Message:
        if self._closed:
            raise TransportFailure(Fault.BROKEN_OFF, "the connection was closed here")
        async with aclosing(self._whole.stream(request, Watch(self._endpoint, call))) as messages:
            async for message in messages:
                return message
        raise Truncated

    def _is_news(self, message: Message, progress: _Progress) -> bool:
        """Whether the message was not read before. Raises Garbage where one is missing before it."""
        number = self._wire.place(message).number
        if number is None:
            return True
        if number <= progress.after:
            return False
        if progress.resumed and number > progress.after + 1:
            raise Garbage("leaves out a part after a reconnection")
        progress.after, progress.resumed = number, False
        return True

    async def _pause(
        self, call: Call, broken: Exception, progress: _Progress, answer: _Answer
    ) -> AsyncGenerator[Reconnecting, None]:
        """Tell of the failure and wait. Raises it where reconnecting does not help, or no more, or not in time."""
        error = named(broken, self._endpoint.translator(call))
        wait = next_wait(error, progress.failures, call.expires - self._tools.clock())
        if wait is None or self._closed or not answer.id:
            raise broken
        progress.failures += 1
        progress.resumed = True
        call.state.move("error")
        call.state.move("reconnecting")
        yield Reconnecting(call.provider, progress.failures + 1, wait, error.code)
        await self._tools.sleep(wait)
        call.state.move("connecting")

    async def _learn(self, beginning: asyncio.Task[_Answer]) -> HttpRequest | None:
        answer = await beginning
        if beginning not in self._running:  # else its reader closes it
            await answer.messages.aclose()
        ours = self._endpoint
        return self._wire.cancel_request(ours.base_url, ours.key, answer.id) if answer.id else None


async def _after(head: list[Message], messages: AsyncGenerator[Message, None]) -> AsyncGenerator[Message, None]:
    async with aclosing(messages):
        for message in head:
            yield message
        async for message in messages:
            yield message


def _flows(call: Call, progress: _Progress) -> None:
    """Something new has come; a stream that had begun before goes on."""
    if progress.failures and call.state.value == "connected":
        call.state.move("streaming")
    progress.failures = 0
