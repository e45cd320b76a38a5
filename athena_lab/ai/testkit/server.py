"""An HTTP/1.1 server on loopback that does exactly what a test tells it to, down to the byte.

A script is an async function of an `Exchange`; the helpers below make the usual ones::

    async with ScriptedServer() as server:
        server.will(reply(429, "{}", {"retry-after": "2"}), stream([sse("one"), sse("[DONE]")]))
        ... ask server.url ...
        assert server.requests[0].headers["authorization"] == "Bearer ..."

Scripts are used up in order; the last one stays.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    import ssl


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Exchange:
    """One request and the means to answer it. ``gone`` is set when the client closes the connection."""

    request: Request
    writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    keep: bool = True
    """Whether the connection is kept for the next request."""

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        await self.write("\r\n".join([*lines, "", ""]).encode())

    async def chunk(self, data: bytes) -> None:
        await self.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def until_gone(self) -> None:
        await self.gone.wait()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        self.keep = False


Script = Callable[[Exchange], Awaitable[None]]


def sse(data: Any, event: str = "") -> bytes:
    """One server-sent event; what is not text is sent as JSON."""
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return (f"event: {event}\n" if event else "").encode() + f"data: {text}\n\n".encode()


def reply(status: int, body: str | bytes | dict[str, Any] = b"", headers: Mapping[str, str] | None = None) -> Script:
    """A whole answer."""
    data = json.dumps(body) if isinstance(body, dict) else body
    raw = data.encode() if isinstance(data, str) else data

    async def script(exchange: Exchange) -> None:
        usual = {"content-type": "application/json", "content-length": str(len(raw))}
        await exchange.head(status, usual | dict(headers or {}))
        await exchange.write(raw)

    return script


End = Literal["clean", "cut", "reset", "hang"]


def stream(
    chunks: Iterable[bytes],
    *,
    end: End = "clean",
    content_type: str = "text/event-stream",
    headers: Mapping[str, str] | None = None,
    before: Callable[[int], Awaitable[None]] | None = None,
) -> Script:
    """A chunked answer. ``before`` is awaited before each chunk, with its number.

    The end is clean, a closed connection without the last chunk (cut), a reset, or silence until the client goes.
    """

    async def script(exchange: Exchange) -> None:
        usual = {"content-type": content_type, "transfer-encoding": "chunked"}
        await exchange.head(200, usual | dict(headers or {}))
        for number, data in enumerate(chunks):
            if before is not None:
                await before(number)
            await exchange.chunk(data)
        if end == "clean":
            await exchange.write(b"0\r\n\r\n")
        elif end == "cut":
            exchange.keep = False
        elif end == "reset":
            exchange.reset()
        else:
            await exchange.until_gone()

    return script


def raw(data: bytes) -> Script:
    """Bytes as they are, then the end of the connection."""

    async def script(exchange: Exchange) -> None:
        await exchange.write(data)
        exchange.keep = False

    return script


async def hang(exchange: Exchange) -> None:
    """No answer at all."""
    await exchange.until_gone()


async def drop(exchange: Exchange) -> None:
    """Close at once."""
    exchange.keep = False


class ScriptedServer:
    """See the module's docstring. ``live`` counts the connections that are open now, ``connections`` all there were."""

    def __init__(self, *scripts: Script, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.requests: list[Request] = []
        self.connections = 0
        self.live = 0
        self.changed = asyncio.Condition()
        self._scripts: deque[Script] = deque(scripts)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def will(self, *scripts: Script) -> None:
        """Forget the scripts that are left, and follow these."""
        self._scripts = deque(scripts)

    @property
    def url(self) -> str:
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()
        return f"{'https' if self._tls else 'http'}://{host}:{port}"

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition, on this server's counts, holds."""
        async with self.changed:
            await self.changed.wait_for(condition)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=2_048, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await self._count(1)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone, as clients do in these tests
        except asyncio.CancelledError:
            pass  # by __aexit__; asyncio.streams of Python 3.11 would log it as an error
        finally:
            writer.close()
            await self._count(-1)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            exchange = Exchange(request, writer)
            self.requests.append(request)
            async with self.changed:
                self.changed.notify_all()
            await play(self._next(), exchange, reader)
            if not exchange.keep or exchange.gone.is_set():
                return

    def _next(self) -> Script:
        return self._scripts.popleft() if len(self._scripts) > 1 else self._scripts[0]

    async def _count(self, change: int) -> None:
        async with self.changed:
            self.live += change
            self.connections += max(change, 0)
            self.changed.notify_all()


async def play(script: Script, exchange: Exchange, reader: asyncio.StreamReader) -> None:
    """The script, to its end or until the client has gone."""
    watcher = asyncio.create_task(_watch(reader, exchange))
    playing = asyncio.ensure_future(script(exchange))
    try:
        await asyncio.wait({watcher, playing}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done() or not exchange.gone.is_set():
            await playing
    finally:
        watcher.cancel()
        playing.cancel()
        await asyncio.gather(watcher, playing, return_exceptions=True)


async def _watch(reader: asyncio.StreamReader, exchange: Exchange) -> None:
    """Notice that the client closes. Clients here send nothing while they wait for an answer.

    StreamReader has no public way to wait for the end without taking what comes before it.
    """
    private: Any = reader
    while not reader.at_eof() and reader.exception() is None:
        try:
            await private._wait_for_data("watch")  # noqa: SLF001 - see above
        except ConnectionError:
            break
        if private._buffer:  # noqa: SLF001 - see above
            return
    exchange.gone.set()


async def read_request(reader: asyncio.StreamReader) -> Request:
    """Raises IncompleteReadError when the client has closed the connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    """The bytes, cut at these places."""
    bounds = [0, *sorted(place for place in places if 0 < place < len(data)), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(bounds) if start < end]
