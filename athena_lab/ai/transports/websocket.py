"""An answer over a WebSocket (RFC 6455), one connection an answer, on aiohttp.

- aiohttp's own ``ws_connect`` follows redirects and carries the key along: a middleware sees each response before that,
  and lets 101 pass and nothing else.
- Proxies and certificate authorities as everywhere: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE,
  SSL_CERT_DIR. Through a proxy without TLS an upgrade seldom passes; what then happens is the caller's business.
- While a message is waited for, a ping tells whether the peer still lives. Not while the reader is slow: then nothing
  is read, so that the socket slows down and not the memory fills, and a pong could not be seen.
- permessage-deflate is not offered: lengths of what is compressed together with what an attacker wrote tell of the
  rest, and a small frame could become a large message.

aiohttp costs 0.1 s to import, so that happens in a worker thread with the first connection.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from athena_lab.ai.broken_utf8 import decode
from athena_lab.ai.transports import (
    MAX_ERROR_BODY,
    MAX_LINE,
    MAX_TOTAL,
    NO_TAP,
    OURS,
    Fault,
    HttpStatus,
    Message,
    NoUpgrade,
    ReplyInfo,
    SocketClosed,
    SocketRequest,
    Tap,
    TransportFailure,
)
from athena_lab.ai.transports.foreign import foreign_errors, translate
from athena_lab.ai.transports.http import CONNECT_TIMEOUT

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Mapping

    import aiohttp

HANDSHAKE_TIMEOUT: Final = 10.0
"""Seconds for the reply to the handshake, once connected."""
HEARTBEAT: Final = 15.0
"""Seconds without a message after which a ping is sent, and again until its pong must have come."""
CLOSE_TIMEOUT: Final = 1.0
"""Seconds to hand the close frame to the system. The peer's is not waited for: the socket closes at once."""
_NO_CODE: Final = 0
"""aiohttp's word for a close frame without a code."""
_SWITCHING: Final = 101
_REDIRECTS: Final = range(300, 400)


class WebSocketTransport:
    """At most ``connections`` at a time; further ones wait. ``heartbeat`` in seconds."""

    def __init__(self, connections: int, *, heartbeat: float = HEARTBEAT) -> None:
        self._connections = connections
        self._heartbeat = heartbeat
        self._connector: aiohttp.TCPConnector | None = None
        self._lock = asyncio.Lock()
        self._closed = False

    async def stream(self, request: SocketRequest, tap: Tap = NO_TAP) -> AsyncGenerator[Message, str | None]:
        """One message a text or binary frame, until the peer closes. Raises as all transports do.

        A frame that is sent into the generator (``asend``) goes out before the next message is waited for. A peer
        that closes with a code other than 1000 raises `SocketClosed`. The caller, who knows where an answer
        ends, closes the generator, and with it the socket.
        """
        async with self._connected(request, tap) as socket:
            frames = iter(request.frames)
            await _send(socket, next(frames), tap)
            async with aclosing(_capped(socket, self._heartbeat, tap)) as received:
                async for data in received:
                    more = yield Message(decode(data))
                    if (frame := more or next(frames, None)) is not None:
                        await _send(socket, frame, tap)

    async def aclose(self) -> None:
        """Close all connections. Idempotent."""
        async with self._lock:
            self._closed = True
            if self._connector is not None:
                await self._connector.close()

    @asynccontextmanager
    async def _connected(
        self, request: SocketRequest, tap: Tap
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse[bool]]:
        connector = await self._open()
        import aiohttp  # noqa: PLC0415 - see the module's docstring; it is there by now

        door = _Door(tap)
        session = aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            middlewares=(door.pass_101,),
            # `connect` is the wait for one of the connections: the deadlines of the caller end it.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=HANDSHAKE_TIMEOUT),
        )
        try:
            socket = await _shake_hands(session, request, door)
            try:
                yield socket
            finally:
                await _hang_up(socket)
        finally:
            await session.close()

    async def _open(self) -> aiohttp.TCPConnector:
        async with self._lock:
            if self._closed:
                raise RuntimeError("This WebSocketTransport is closed.")
            if self._connector is None:
                tls = await asyncio.to_thread(_prepare)
                import aiohttp  # noqa: PLC0415

                self._connector = aiohttp.TCPConnector(limit=self._connections, ssl=tls, force_close=True)
            return self._connector


def _prepare() -> ssl.SSLContext:
    """The imports, and the certificate authorities by httpx's rules. In a worker thread."""
    import aiohttp  # noqa: F401, PLC0415
    import httpx  # noqa: PLC0415

    return httpx.create_ssl_context()


class _Door:
    """Lets the one response pass that is a handshake's, and tells of every response."""

    def __init__(self, tap: Tap) -> None:
        self.reply: ReplyInfo | None = None
        self._tap = tap

    async def pass_101(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        response = await handler(request)
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.reply = ReplyInfo(response.status, headers)
        self._tap.replied(self.reply)
        if response.status != _SWITCHING:
            raise await _refusal(response, self.reply)
        return response


async def _refusal(response: aiohttp.ClientResponse, reply: ReplyInfo) -> Exception:
    try:
        if reply.status in _REDIRECTS:
            return NoUpgrade(Fault.REDIRECT, "it redirects elsewhere, which is not followed", reply)
        body = bytearray()
        while chunk := await response.content.read(MAX_ERROR_BODY - len(body)):
            body += chunk
        return HttpStatus(reply, bytes(body))
    finally:
        response.close()


async def _shake_hands(
    session: aiohttp.ClientSession, request: SocketRequest, door: _Door
) -> aiohttp.ClientWebSocketResponse[bool]:
    from urllib.request import getproxies  # noqa: PLC0415 - it brings all of http and email with it

    failure: TransportFailure
    try:
        proxy, proxy_headers = proxy_for(request.url, getproxies())
        # With TLS the proxy is first asked for a tunnel; without, the request itself goes to it.
        to_proxy = {} if request.url.startswith("https:") else proxy_headers
        return await session.ws_connect(
            request.url,
            headers={**request.headers, **OURS, **to_proxy},
            proxy=proxy,
            proxy_headers=proxy_headers,
            max_msg_size=MAX_LINE,
            decode_text=False,
            compress=0,
            autoping=False,  # pings and pongs are looked at here, where it is known whether one is waited for
            timeout=_no_wait(),
        )
    except foreign_errors() as error:
        failure = _handshake_failure(error, door.reply)
    except ValueError:  # aiohttp's word for a proxy of a kind that it does not know
        failure = NoUpgrade(Fault.UNREACHABLE, "the proxy failed", door.reply)
    # Raised out here, so that the library's error, which holds the request's headers, is not chained to ours.
    raise failure


def _no_wait() -> aiohttp.ClientWSTimeout:
    import aiohttp  # noqa: PLC0415

    return aiohttp.ClientWSTimeout(ws_close=0.0)


def _handshake_failure(error: Exception, reply: ReplyInfo | None) -> TransportFailure:
    """`NoUpgrade` for what a proxy or a server that knows no WebSockets does; not for a host that cannot be reached."""
    import aiohttp  # noqa: PLC0415

    failure = translate(error, reply)
    proxy = isinstance(error, (aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError))
    unreachable = isinstance(error, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL))
    if proxy or not unreachable:
        return NoUpgrade(failure.fault, failure.detail, failure.reply)
    return failure


def proxy_for(url: str, proxies: Mapping[str, str]) -> tuple[str | None, dict[str, str]]:
    """The proxy for a URL, and the headers for it; its password stands in them and not in the address."""
    from urllib.request import proxy_bypass  # noqa: PLC0415 - as above

    import aiohttp  # noqa: PLC0415

    parts = urlsplit(url)
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or proxy_bypass(parts.hostname or ""):
        return None, {}
    proxy = urlsplit(found if "://" in found else f"http://{found}")
    address = proxy._replace(netloc=proxy.netloc.rpartition("@")[2]).geturl()
    if proxy.username is None:
        return address, {}
    credentials = aiohttp.encode_basic_auth(proxy.username, proxy.password or "")
    return address, {"proxy-authorization": credentials}


async def _capped(
    socket: aiohttp.ClientWebSocketResponse[bool], heartbeat: float, tap: Tap
) -> AsyncGenerator[bytes, None]:
    total = 0
    while (data := await _receive(socket, heartbeat)) is not None:
        tap.received(len(data))
        total += len(data)
        if total > MAX_TOTAL:
            raise TransportFailure(Fault.TOO_LARGE, f"the answer is longer than {MAX_TOTAL:,} bytes")
        yield data


async def _receive(socket: aiohttp.ClientWebSocketResponse[bool], heartbeat: float) -> bytes | None:
    """The next message's data, None at a regular end."""
    import aiohttp  # noqa: PLC0415

    pinged = False
    while True:
        try:
            message = await socket.receive(timeout=heartbeat)
        except TimeoutError:
            if pinged:
                raise TransportFailure(Fault.TIMEOUT, "it no longer answers pings") from None
            pinged = True
            await _sent(socket.ping())
            continue
        match message.type:
            case aiohttp.WSMsgType.TEXT | aiohttp.WSMsgType.BINARY:
                data: bytes = message.data
                return data
            case aiohttp.WSMsgType.PING:
                await _sent(socket.pong(message.data))
            case aiohttp.WSMsgType.PONG:
                pinged = False
            case aiohttp.WSMsgType.CLOSE if message.data in {aiohttp.WSCloseCode.OK, _NO_CODE}:
                return None
            case aiohttp.WSMsgType.CLOSE:
                raise SocketClosed(message.data, message.extra or "")
            case _:
                raise _breach(message.data)


async def _send(socket: aiohttp.ClientWebSocketResponse[bool], frame: str, tap: Tap) -> None:
    tap.sent(len(frame.encode()))
    await _sent(socket.send_str(frame))


async def _sent(sending: Coroutine[None, None, None]) -> None:
    """What cannot be sent is not told here: what the peer said before it hung up is still to be read."""
    with suppress(*foreign_errors()):
        await sending


def _breach(reason: object) -> TransportFailure:
    """Of a connection that ended without a close frame. ``reason`` is aiohttp's error, if it was not merely cut."""
    import aiohttp  # noqa: PLC0415

    if not isinstance(reason, aiohttp.WebSocketError):
        return TransportFailure(Fault.BROKEN_OFF, "the connection broke off in the middle of the answer")
    if reason.code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
        return TransportFailure(Fault.TOO_LARGE, f"a message of the answer is longer than {MAX_LINE:,} bytes")
    return TransportFailure(Fault.NOT_DATA, "what it sends is not a WebSocket's messages")


async def _hang_up(socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
    """Close frame, then the socket, whatever the peer does."""
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await socket.close()
