"""One try at a provider: the ways in which it is asked, and how an answer's messages become events."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Final, Protocol, cast

from msgspec.structs import replace

from athena_lab.ai.broken_utf8 import Mender
from athena_lab.ai.providers.channels import TalkingSocketWire
from athena_lab.ai.providers.selection import refuses_upgrade
from athena_lab.ai.providers.wire import Garbage, StreamError, Translator
from athena_lab.ai.talk import private as talk_texts
from athena_lab.ai.transports import HttpStatus, NoUpgrade, SocketClosed, Tap, TransportFailure
from athena_lab.events import Finished, ToolCall
from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.channels import SocketWire
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.providers.selection import Selection
    from athena_lab.ai.providers.wire import Parser, Wire
    from athena_lab.ai.send import Call, Item, Send
    from athena_lab.ai.transports import HttpRequest, Message, ReplyInfo, SocketRequest, Transport
    from athena_lab.ai.types import TransportKind
    from athena_lab.errors import APIError

    Socket = AsyncGenerator[Message, str | None]

DRAIN: Final = 0.05
"""Seconds to wait for the end of the HTTP response behind the end of the answer, so that its connection can be kept."""
_SWITCHING: Final = 101


class Truncated(Exception):
    """The connection ended before the answer did."""


FAILURES: Final = (HttpStatus, StreamError, TransportFailure, Garbage, Truncated)
"""All that an attempt may raise."""


class Endpoint(Value, frozen=True):
    """Where, as whom and in which words a provider is asked. ``learn`` is told of each reply's head."""

    row: ProviderRow
    wire: Wire
    base_url: str
    key: Secret | None
    learn: Callable[[ReplyInfo], None]

    def request(self, call: Call) -> HttpRequest:
        return self.wire.request(self.row, self.base_url, self.key, call)

    def translator(self, call: Call | None = None) -> Translator:
        private = (call.prompt.system, call.prompt.user, *talk_texts(call.prompt.talk)) if call else ()
        return Translator(self.wire, self.row.name, call.model if call else "", (self.key,), private)


class Learn(Tap):
    """Hears what a reply's head says of the provider's limits."""

    __slots__ = ("_learn",)

    def __init__(self, endpoint: Endpoint) -> None:
        self._learn = endpoint.learn

    def replied(self, reply: ReplyInfo) -> None:
        self._learn(reply)


class Watch(Learn):
    """One attempt as its transport tells of it."""

    __slots__ = ("_call",)

    def __init__(self, endpoint: Endpoint, call: Call) -> None:
        super().__init__(endpoint)
        self._call = call

    def sent(self, size: int) -> None:
        self._call.traffic.sent += size

    def received(self, size: int) -> None:
        self._call.traffic.received += size

    def replied(self, reply: ReplyInfo) -> None:
        # Later replies of the same answer, as of polls, change nothing.
        if self._call.state.value == "connecting":
            self._call.state.move("connected")
        self._learn(reply)


class SocketWatch(Watch):
    """A handshake that is refused connects nothing: the attempt may go on by other means."""

    __slots__ = ()

    def replied(self, reply: ReplyInfo) -> None:
        if reply.status == _SWITCHING:
            self._call.state.move("connected")
        self._learn(reply)


class OverHttp:
    """A POST, and its answer as a stream or whole."""

    def __init__(self, endpoint: Endpoint, transport: Transport[HttpRequest]) -> None:
        self._endpoint = endpoint
        self._transport = transport

    def send(self, call: Call) -> AsyncGenerator[Item, None]:
        messages = self._transport.stream(self._endpoint.request(call), Watch(self._endpoint, call))
        return events(messages, self._endpoint.wire.parser(), drain=True)


class SocketTransport(Protocol):
    def stream(self, request: SocketRequest, tap: Tap = ...) -> Socket:
        """As `Transport.stream`; what is sent into it is sent over the socket."""


class OverSocket:
    """A WebSocket of its own for each answer; a wire that wants to be told results on it keeps it for that long."""

    def __init__(self, endpoint: Endpoint, transport: SocketTransport) -> None:
        self._endpoint = endpoint
        self._wire = cast("SocketWire", endpoint.wire)
        self._transport = transport

    async def send(self, call: Call) -> AsyncGenerator[Item, None]:
        socket, messages = await self._going_on(call) or self._begin(call)
        called = waits = False
        try:
            # A socket stays open behind an answer, so its end is not waited for.
            async with aclosing(events(messages, self._wire.socket_parser(), drain=False)) as items:
                async for item in items:
                    called = called or isinstance(item, ToolCall)
                    waits = called and isinstance(item, Finished) and item.status == "completed"
                    yield item
        except SocketClosed as closed:
            error = self._wire.socket_closed(closed.code, closed.reason)
            if error is None:
                raise
            raise error from None
        finally:
            if waits and call.kept is not None and isinstance(self._wire, TalkingSocketWire):
                call.kept.put(self._key(call, len(call.prompt.talk) + 1), socket)
            else:
                await socket.aclose()

    def _begin(self, call: Call) -> tuple[Socket, AsyncGenerator[Message, None]]:
        ours = self._endpoint
        request = self._wire.socket_request(ours.row, ours.base_url, ours.key, call)
        socket = self._transport.stream(request, SocketWatch(ours, call))
        return socket, _lent(socket)

    async def _going_on(self, call: Call) -> tuple[Socket, AsyncGenerator[Message, None]] | None:
        """On the connection of the turn before, where that waits for what its calls came to.

        None where it does not, or has gone meanwhile: a new one is told the talk.
        """
        if call.kept is None or not isinstance(self._wire, TalkingSocketWire):
            return None
        socket = call.kept.take(self._key(call, len(call.prompt.talk)))
        if socket is None:
            return None
        try:
            first = await socket.asend(self._wire.socket_results(call))
        except (TransportFailure, StopAsyncIteration):
            await socket.aclose()
            return None
        call.state.move("connected")
        return socket, _lent(socket, first)

    def _key(self, call: Call, turn: int) -> tuple[str, str, int]:
        return self._endpoint.row.name, call.model, turn


async def _lent(socket: Socket, first: Message | None = None) -> AsyncGenerator[Message, None]:
    """The socket's messages. Closing this leaves the socket open."""
    if first is not None:
        yield first
    async for message in socket:
        yield message


def attempt(ways: Mapping[TransportKind, Send], selection: Selection, call: Call) -> AsyncGenerator[Item, None]:
    """Ask the way that ``call.transport`` names; where no WebSocket gets through, the next best way that there is.

    Reading it raises one of `FAILURES`.
    """
    return _by_socket(ways, selection, call) if call.transport == "websocket" else ways[call.transport](call)


async def _by_socket(
    ways: Mapping[TransportKind, Send], selection: Selection, call: Call
) -> AsyncGenerator[Item, None]:
    try:
        async with aclosing(ways["websocket"](call)) as items:
            async for item in items:
                yield item
    except (HttpStatus, NoUpgrade) as error:  # both only before the first message
        if call.wanted is not None or not refuses_upgrade(error):
            raise
    else:
        return
    selection.note_refusal()
    call = replace(call, transport=selection.pick())
    async with aclosing(ways[call.transport](call)) as items:
        async for item in items:
            yield item


async def events(messages: AsyncGenerator[Message, None], parser: Parser, *, drain: bool) -> AsyncGenerator[Item, None]:
    """The answer's events up to its own end. A connection that ends before has broken off, whatever it says."""
    mender = Mender()
    broken: TransportFailure | Truncated = Truncated()
    async with aclosing(messages):
        try:
            async for message in messages:
                items = parser.feed(message)
                for item in items if mender.idle and message.data.isascii() else mender.items(items):
                    if isinstance(item, Finished) and drain:
                        await _drain(messages)
                    yield item
                    if isinstance(item, Finished):
                        return
        except TransportFailure as error:
            broken = error
    for item in mender.items(parser.end()):
        yield item
        if isinstance(item, Finished):
            return
    raise broken


async def _drain(messages: AsyncGenerator[Message, None]) -> None:
    """Read to the end of the response. That it does not come, or breaks off there, costs a connection and no more."""
    with suppress(TimeoutError, TransportFailure):
        async with asyncio.timeout(DRAIN):
            async for _ in messages:
                pass


def named(error: Exception, translator: Translator) -> APIError:
    """The named error of one of `FAILURES`."""
    match error:
        case HttpStatus():
            return translator.status(error)
        case StreamError():
            return translator.stream_error(error)
        case TransportFailure():
            return translator.failure(error)
        case Garbage(what=what):
            return translator.unusable(what)
        case _:
            return translator.unusable("broke off before its end")
