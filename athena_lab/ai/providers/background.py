"""Answers that go on at the provider without a connection: followed to their end, picked up where a connection broke,
and cancelled when nobody waits for them any more.

A background response runs on, and is billed, until it ends or is cancelled. So whoever leaves before its end leaves a
task behind that cancels it; where its id is not known yet, that task first waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from athena_lab.ai.broken_utf8 import Mender
from athena_lab.ai.providers.attempt import FAILURES, Truncated, Watch, named
from athena_lab.ai.providers.wire import Garbage, StreamError
from athena_lab.ai.transports import Fault, HttpStatus, TransportFailure
from athena_lab.errors import InvalidResponse, NetworkError, RateLimited, ServiceUnavailable
from athena_lab.events import Finished, Reconnecting

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.providers.attempt import Endpoint
    from athena_lab.ai.providers.channels import BackgroundWire
    from athena_lab.ai.send import Call, Item, Tools
    from athena_lab.ai.transports import HttpRequest, Message, Transport
    from athena_lab.errors import APIError

WAITS: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each try to reconnect. What comes of one begins the row anew."""
POLLS: Final = (1.0, 1.0, 2.0, 3.0, 5.0)
"""Seconds between two looks at an answer that does not stream; the last one stays."""
CANCEL: Final = 5.0
"""Seconds that cancelling may take, with learning the id."""

_log = logging.getLogger(__name__)


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
        self._cancelling: set[asyncio.Task[None]] = set()
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
                self._leave(beginning)

    async def aclose(self) -> None:
        """Cancel what still runs, and wait for that and for what was left before: at most `CANCEL` seconds."""
        self._closed = True
        for beginning in self._running:
            self._leave(beginning)
        await asyncio.gather(*self._cancelling)

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
        wait = WAITS[min(progress.failures, len(WAITS) - 1)]
        wait = max(wait, error.retry_after or 0.0)
        hopeless = self._closed or progress.failures >= len(WAITS) or not answer.id or not _passes(error)
        if hopeless or self._tools.clock() + wait >= call.expires:
            raise broken
        progress.failures += 1
        progress.resumed = True
        call.state.move("error")
        call.state.move("reconnecting")
        yield Reconnecting(call.provider, progress.failures + 1, wait, error.code)
        await self._tools.sleep(wait)
        call.state.move("connecting")

    def _leave(self, beginning: asyncio.Task[_Answer]) -> None:
        task = asyncio.create_task(self._cancel(beginning))
        self._cancelling.add(task)
        task.add_done_callback(self._cancelling.discard)

    async def _cancel(self, beginning: asyncio.Task[_Answer]) -> None:
        """Best effort: that it fails is written to the log, since nobody waits for it who could be told."""
        try:
            async with asyncio.timeout(CANCEL):
                with suppress(*FAILURES):  # of a request that began nothing
                    answer = await beginning
                    if beginning not in self._running:  # else its reader closes it
                        await answer.messages.aclose()
                    if answer.id:
                        await self._send_cancel(answer.id)
        except TimeoutError:
            _log.warning("%s: a background response may run on: cancelling it took too long.", self._name)

    async def _send_cancel(self, response_id: str) -> None:
        ours = self._endpoint
        request = self._wire.cancel_request(ours.base_url, ours.key, response_id)
        try:
            async with aclosing(self._whole.stream(request)) as messages:
                async for _ in messages:
                    pass
        except (HttpStatus, TransportFailure) as error:
            _log.warning("%s: a background response may run on: cancelling it failed: %s.", self._name, error)

    @property
    def _name(self) -> str:
        return self._endpoint.row.name


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


def _passes(error: APIError) -> bool:
    """Whether a failure to follow an answer may pass; the answer itself goes on meanwhile."""
    if error.should_retry is not None:
        return error.should_retry
    return isinstance(error, (NetworkError, RateLimited, ServiceUnavailable, InvalidResponse))
