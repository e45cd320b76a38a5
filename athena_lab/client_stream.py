"""An answer from a server, by the best door that is open: a WebSocket, else server-sent events, else polls.

All doors give the same numbered events. The client chooses the answer's id, so that it can repeat its question without
asking twice, and after a lost connection it goes on behind the last event that it has: nothing is lost or repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import secrets
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, get_args

import httpx
import msgspec

from athena_lab import api
from athena_lab.ai.transports.closing import closing
from athena_lab.ai.transports.sse import SseDecoder
from athena_lab.client_http import CONNECT_SECONDS, JSON_BODY, Disconnected, decode, encode, unreachable
from athena_lab.errors import AthenaError, Problem, ServerUnreachable, from_problem
from athena_lab.events import AnyEvent, Failed, Finished

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence

    import aiohttp

    from athena_lab.ai.transports import Message
    from athena_lab.ai.types import AnalysisRequest, TransportKind
    from athena_lab.client_http import ServerHttp

WAITS: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Seconds before each attempt to come back. An event that comes begins them anew."""
EVENT_SECONDS: Final = 45.0
"""A stream that is silent for longer is dead: the server sends a sign of life every 15 s."""
MAX_EVENT: Final = 64 << 20
"""Bytes of one event; a report is one."""
_POLL_SECONDS: Final = 25.0
_CONTROL_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 2.0

_ASK: Final = "api/v1/ai/analyze"
_KNOWN: Final = frozenset(kind.__struct_config__.tag for kind in get_args(AnyEvent))


class Unfit(Exception):
    """What stands between us and the server does not let this door through, or the server has none."""

    def __init__(self, error: AthenaError) -> None:
        super().__init__(error.detail)
        self.error = error


class Door(Protocol):
    def events(self, id_: str, after: int) -> AsyncGenerator[bytes | str]:
        """The events of answer `id_` behind number `after`, as JSON; asks the question where it was not asked yet.

        Raises `Disconnected`, `Unfit`, and the error that the server names.
        """


class RemoteEvents:
    """An answer on its way. Close it: that cancels what has not ended."""

    def __init__(self, http: ServerHttp, doors: Sequence[Door], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._http = http
        self._doors = list(doors)
        self._sleep = sleep
        self._id = secrets.token_urlsafe(24)
        self._seq = 0
        self._ended = False
        self._first: AnyEvent | None = None
        self._events = self._read()

    async def begin(self) -> None:
        """Until there is an event. Raises what keeps the answer from beginning."""
        self._first = await anext(self._events)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnyEvent:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return await anext(self._events)

    async def pause(self) -> None:
        await self._control("pause")

    async def resume(self) -> None:
        await self._control("resume")

    async def aclose(self) -> None:
        try:
            if not self._ended:
                # Where it does not get through, the server cancels an answer that nobody reads.
                with contextlib.suppress(AthenaError):
                    await self._control("cancel")
        finally:
            await self._events.aclose()

    async def _control(self, what: str) -> None:
        try:
            await self._http.send("POST", f"api/v1/ai/jobs/{self._id}/{what}", timeout=_CONTROL_SECONDS)
        except Disconnected as lost:
            raise lost.error from None

    async def _read(self) -> AsyncGenerator[AnyEvent]:
        failures = 0
        while True:
            seen = self._seq
            try:
                async with contextlib.aclosing(self._read_once()) as events:
                    async for event in events:
                        yield event
                if self._ended:
                    return
                step = "Ask again."
                lost = Disconnected(ServerUnreachable("The server's stream broke off before its end.", next_step=step))
            except Disconnected as error:
                lost = error
            except Unfit as unfit:
                lost = Disconnected(unfit.error, refused=len(self._doors) == 1)
            except AthenaError:
                self._ended = True
                raise
            failures = 0 if self._seq > seen else failures
            if not self._seq and not lost.refused and len(self._doors) > 1:
                self._doors.pop(0)
                continue
            if failures == len(WAITS) or (lost.refused and not self._seq):
                raise lost.error
            await self._sleep(WAITS[failures])
            failures += 1

    async def _read_once(self) -> AsyncGenerator[AnyEvent]:
        async with contextlib.aclosing(self._doors[0].events(self._id, self._seq)) as events:
            async for data in events:
                self._seq += 1
                event = _decode_event(data)
                if event is None:
                    continue
                self._ended = isinstance(event, Finished | Failed)
                yield event
                if self._ended:
                    return


def doors(http: ServerHttp, sockets: WebSockets, request: AnalysisRequest, only: TransportKind | None) -> list[Door]:
    """From the best to the one that always works; or `only` one."""
    every: dict[TransportKind, Door] = {
        "websocket": SocketDoor(http, sockets, request),
        "sse": EventDoor(http, request),
        "polling": PollDoor(http, request),
    }
    return [every[only]] if only else list(every.values())


class WebSockets:
    """aiohttp's client, imported when it is first needed."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._open_until: AsyncGenerator[None, None] | None = None

    async def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            library = await asyncio.to_thread(importlib.import_module, "aiohttp")
            if self._session is None:
                connector = library.TCPConnector(limit=0, force_close=True)
                self._session = library.ClientSession(connector=connector)
                self._open_until = await closing(self._session.close)
        return self._session

    async def aclose(self) -> None:
        if self._open_until is not None:
            await self._open_until.aclose()


class SocketDoor:
    """``/api/v1/ai/stream``"""

    def __init__(self, http: ServerHttp, sockets: WebSockets, request: AnalysisRequest) -> None:
        self._http = http
        self._sockets = sockets
        self._request = request

    async def events(self, id_: str, after: int) -> AsyncGenerator[bytes | str]:
        session = await self._sockets.session()
        import aiohttp  # noqa: PLC0415 - loaded by now

        command = api.Resume(id_, after) if after else api.Ask(self._request, id_)
        try:
            async with self._connect(session) as socket:
                await socket.send_str(encode(command).decode())
                while True:
                    message = await socket.receive(EVENT_SECONDS)
                    if message.type is not aiohttp.WSMsgType.TEXT:
                        raise Disconnected(_closed(self._http.url))
                    event = _event_in(message.data)
                    if event is not None:
                        yield event
        except aiohttp.WSServerHandshakeError as error:
            refusal = f"The server at {self._http.url} refuses a WebSocket with status {error.status}."
            raise Unfit(ServerUnreachable(refusal)) from None
        except aiohttp.ClientConnectorError as error:
            raise Disconnected(unreachable(self._http.url, error), refused=True) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Disconnected(unreachable(self._http.url, error)) from None

    def _connect(self, session: aiohttp.ClientSession) -> Any:
        import aiohttp  # noqa: PLC0415 - loaded by now
        import yarl  # noqa: PLC0415 - comes with it

        return session.ws_connect(
            # As it is: aiohttp would decode what Jupyter has encoded in its base URL.
            yarl.URL(f"{self._http.url}api/v1/ai/stream", encoded=True),
            headers=self._http.headers,
            timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_SECONDS),
            compress=15,
            max_msg_size=MAX_EVENT,
            ssl=self._http.tls or True,
        )


class EventDoor:
    """``/api/v1/ai/analyze`` as server-sent events."""

    def __init__(self, http: ServerHttp, request: AnalysisRequest) -> None:
        self._http = http
        self._request = request

    async def events(self, id_: str, after: int) -> AsyncGenerator[bytes | str]:
        number = {"Last-Event-ID": f"{id_}:{after}"} if after else {}
        async with post_for_events(self._http, _ASK, self._request, _keyed(id_) | number) as messages:
            async for message in messages:
                yield message.data


class PollDoor:
    """``/api/v1/ai/jobs/{id}``"""

    def __init__(self, http: ServerHttp, request: AnalysisRequest) -> None:
        self._http = http
        self._request = request
        self._accepted = False

    async def events(self, id_: str, after: int) -> AsyncGenerator[bytes | str]:
        if not self._accepted:
            headers = JSON_BODY | _keyed(id_) | {"Prefer": "respond-async"}
            await self._http.send("POST", _ASK, (202,), content=encode(self._request), headers=headers)
            self._accepted = True
        timeout = httpx.Timeout(_POLL_SECONDS + EVENT_SECONDS, connect=CONNECT_SECONDS)
        while True:
            query = {"after": str(after), "wait": str(_POLL_SECONDS)}
            answer = await self._http.send("GET", f"api/v1/ai/jobs/{id_}", params=query, timeout=timeout)
            page: _Page = decode(answer, _Page)
            for event in page.events:
                yield bytes(event)
            if page.done:
                return
            after += len(page.events)


@contextlib.asynccontextmanager
async def post_for_events(
    http: ServerHttp, path: str, body: msgspec.Struct, headers: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[AsyncIterator[Message]]:
    """Server-sent events as they come. Raises `Disconnected`, `Unfit`, and the error that the server names."""
    all_headers = JSON_BODY | {"Accept": "text/event-stream"} | dict(headers)
    timeout = httpx.Timeout(EVENT_SECONDS, connect=CONNECT_SECONDS)
    async with http.open("POST", path, content=encode(body), headers=all_headers, timeout=timeout) as response:
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise Unfit(ServerUnreachable("The server's answer is no stream of events; it may be of another version."))
        async with contextlib.aclosing(_messages(response)) as messages:
            yield messages


async def _messages(response: httpx.Response) -> AsyncGenerator[Message]:
    decoder = SseDecoder(limit=MAX_EVENT)
    async for chunk in response.aiter_bytes():
        for message in decoder.feed(chunk):
            if message.event == "error":
                raise from_problem(decode(message.data, Problem))
            yield message


class _Page(msgspec.Struct):
    """Of `api.JobPage`, what is needed here."""

    events: tuple[msgspec.Raw, ...]
    done: bool


class _Message(msgspec.Struct):
    """Of `api.AnyMessage`, what is needed here: its kinds may be more in a newer server."""

    type: str
    event: msgspec.Raw = msgspec.Raw()
    problem: Problem | None = None


class _Tag(msgspec.Struct):
    event: str


def _event_in(message: str) -> bytes | None:
    """The event in a message of the WebSocket, None for another message. Raises the error in it."""
    decoded: _Message = decode(message, _Message)
    if decoded.type == "error" and decoded.problem is not None:
        raise from_problem(decoded.problem)
    return bytes(decoded.event) if decoded.type == "event" else None


def _decode_event(data: bytes | str) -> AnyEvent | None:
    """None for one of a newer server."""
    tag: _Tag = decode(data, _Tag)
    if tag.event not in _KNOWN:
        return None
    event: AnyEvent = decode(data, AnyEvent)
    return event


def _keyed(id_: str) -> dict[str, str]:
    return {"Idempotency-Key": id_}


def _closed(url: str) -> ServerUnreachable:
    return ServerUnreachable(f"The server at {url} closed the connection.", next_step="Ask again.")
