"""A WebSocket server on loopback that does exactly what a test tells it to, down to the byte (RFC 6455).

A script is an async function of a `Peer`; it answers or refuses the handshake itself. `talk` makes the usual ones::

    async with SocketServer(talk(['{"type": "one"}'], close=1000)) as server:
        ... connect to server.url ...
        assert server.requests[0].headers["authorization"] == "Bearer ..."
        assert server.received == ['{"type": "response.create"}']

A plain HTTP script of `scripted_server` can stand among the scripts: it answers what is not an upgrade.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.peers.scripted_server import Exchange, Request, ScriptedServer, play, read_request

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    SocketScript = Callable[["Peer"], Awaitable[None]]

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Gone(ConnectionError):
    """The client has closed the connection, or said that it will."""


def frame(payload: bytes, opcode: int = TEXT, *, final: bool = True) -> bytes:
    """An unmasked frame."""
    head = bytes([(0x80 if final else 0) | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 1 << 16:
        return head + struct.pack("!BH", 126, len(payload)) + payload
    return head + struct.pack("!BQ", 127, len(payload)) + payload


def text(value: Any) -> bytes:
    """A text frame; what is not text is sent as JSON."""
    return frame((value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)).encode())


@dataclass
class Peer:
    """One connection and the means to answer it. Frames of the client are noted in ``received`` of the server."""

    request: Request
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: SocketServer

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def accept(self, headers: Mapping[str, str] | None = None, *, key: bytes = MAGIC) -> None:
        digest = hashlib.sha1(self.request.headers["sec-websocket-key"].encode() + key).digest()
        lines = [
            "HTTP/1.1 101 Switching Protocols",
            "upgrade: websocket",
            "connection: Upgrade",
            f"sec-websocket-accept: {base64.b64encode(digest).decode()}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        await self.write("\r\n".join([*lines, "", ""]).encode())

    async def receive(self) -> tuple[int, bytes]:
        """The next frame of the client: opcode and payload. Raises Gone."""
        try:
            first, second = await self.reader.readexactly(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
            assert second & 0x80, "a client's frames are masked"
            mask = await self.reader.readexactly(4)
            data = await self.reader.readexactly(size)
        except asyncio.IncompleteReadError:
            raise Gone from None
        return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))

    async def message(self) -> str:
        """The next text of the client. Raises Gone, for a close frame too."""
        while True:
            opcode, payload = await self.receive()
            if opcode == CLOSE:
                raise Gone
            if opcode == TEXT:
                self.server.received.append(payload.decode())
                return payload.decode()

    async def close(self, code: int, reason: str = "") -> None:
        await self.write(frame(struct.pack("!H", code) + reason.encode(), CLOSE))

    async def until_gone(self) -> None:
        while True:
            await self.message()

    def reset(self) -> None:
        """Close with RST instead of FIN."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


def talk(
    frames: Iterable[Any] = (),
    *,
    close: int | None = None,
    reason: str = "",
    end: str = "hang",
    headers: Mapping[str, str] | None = None,
    first: bool = True,
    before: Callable[[int], Awaitable[None]] | None = None,
) -> SocketScript:
    """Shake hands, wait for the client's first text, send the frames (bytes as they are), and end.

    The end is a close frame with ``close``, else silence until the client goes (hang), a cut connection, or a reset.
    """

    async def script(peer: Peer) -> None:
        await peer.accept(headers)
        if first:
            await peer.message()
        for number, item in enumerate(frames):
            if before is not None:
                await _unless_gone(peer, before(number))
            await peer.write(item if isinstance(item, bytes) else text(item))
        if close is not None:
            await peer.close(close, reason)
        elif end == "reset":
            peer.reset()
        if close is not None or end == "hang":
            await peer.until_gone()

    return script


async def _unless_gone(peer: Peer, waiting: Awaitable[None]) -> None:
    """Raises Gone as soon as the client goes."""
    wait = asyncio.ensure_future(waiting)
    gone = asyncio.ensure_future(peer.message())
    try:
        await asyncio.wait({wait, gone}, return_when=asyncio.FIRST_COMPLETED)
        await (wait if wait.done() else gone)
    finally:
        wait.cancel()
        gone.cancel()
        await asyncio.gather(wait, gone, return_exceptions=True)


class SocketServer(ScriptedServer):
    """See the module's docstring. ``upgrades`` counts handshakes, ``requests`` has them and the plain requests."""

    def __init__(self, *scripts: SocketScript, tls: Any = None) -> None:
        super().__init__(tls=tls)
        self.received: list[str] = []
        self.upgrades = 0
        self._talks: list[SocketScript] = list(scripts)

    def will_talk(self, *scripts: SocketScript) -> None:
        """Forget the scripts for sockets that are left, and follow these. `will` is for plain requests."""
        self._talks = list(scripts)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            request = await read_request(reader)
            self.requests.append(request)
            upgrade = "upgrade" in request.headers
            self.upgrades += upgrade
            async with self.changed:
                self.changed.notify_all()
            if upgrade:
                script = self._talks.pop(0) if len(self._talks) > 1 else self._talks[0]
                await script(Peer(request, reader, writer, self))
                return
            exchange = Exchange(request, writer)
            await play(self._next(), exchange, reader)
            if not exchange.keep or exchange.gone.is_set():
                return
