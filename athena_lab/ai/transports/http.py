"""The HTTP client below all transports: the httpx interface over aiohttp's connection pool.

Why this pair. Calls cancelled for 5 s on a pool of 10, then 10 requests, and requests/s at 32 concurrent, loopback,
two cores, November 2026: httpx's own pool answered 0 of 10 (httpcore issue 1093) and 376/s; httpx2 10 of 10 and
1,462/s; httpx over httpx-aiohttp 10 of 10 and 3,651/s (``tests/bench/ai.py``). Proxies and certificate
authorities follow httpx's variables: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR.

HTTP/2 is not offered: aiohttp has none, and with httpx2 2.16 and h2 4.4 stop does not stop. Against Node's http2 over
TLS, same machine: of 20 streams on one connection 10 were cancelled, and half a second later the server still had 20
open, since none is reset; calls beside cancelled ones failed with write errors (118 and 237 in 5 s), and connections
were left over. It made 549 and 743 requests/s at 32 concurrent, where httpx over httpx-aiohttp made 1,883 and 1,476 by
HTTP/1.1 and TLS. One connection carried 100 streams at most, and 2 for a server that announces no limit.

The libraries cost 0.2 s to import, so that happens in a worker thread with the first request.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import aclosing
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from athena_lab.ai.transports import (
    MAX_ERROR_BODY,
    MAX_TOTAL,
    NO_TAP,
    OURS,
    Fault,
    HttpRequest,
    HttpStatus,
    ReplyInfo,
    Tap,
    TransportFailure,
)
from athena_lab.ai.transports.closing import closing
from athena_lab.ai.transports.foreign import foreign_errors, translate

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator

    import httpx

CONNECT_TIMEOUT: Final = 10.0
"""Seconds to reach a provider."""
READ_TIMEOUT: Final = 600.0
"""Seconds between two chunks. A backstop: the deadline policy is far stricter."""
KEEP_ALIVE: Final = 60.0
"""Seconds that an idle connection is kept."""


ClientFactory = Callable[[int], "httpx.AsyncClient"]
"""Makes a client with a pool of so many connections; called in a worker thread."""


class AiohttpClients:
    """The client factory. Its clients share one TLS context, which takes 20 ms to make."""

    def __init__(self) -> None:
        self._tls: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def __call__(self, connections: int) -> httpx.AsyncClient:
        """Redirects are never followed: they would carry the key along."""
        import httpx  # noqa: PLC0415 - see the module's docstring
        import httpx_aiohttp  # noqa: PLC0415

        with self._lock:
            self._tls = self._tls or httpx.create_ssl_context()
        client = httpx_aiohttp.HttpxAiohttpClient(
            verify=self._tls,
            limits=httpx.Limits(
                max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEP_ALIVE
            ),
            timeout=httpx.Timeout(READ_TIMEOUT, connect=CONNECT_TIMEOUT),
            follow_redirects=False,
        )
        # Requests take no cookies along; to look for them in answers took 3 % of a request.
        client.cookies.extract_cookies = lambda _response: None  # type: ignore[method-assign, assignment]
        return client


class HttpClient:
    """One provider's connections. Made with the first request, in a thread; unusable once closed."""

    def __init__(self, connections: int, factory: ClientFactory) -> None:
        self._connections = connections
        self._factory = factory
        self._client: httpx.AsyncClient | None = None
        self._open_until: AsyncGenerator[None, None] | None = None
        self._lock = asyncio.Lock()
        self._closed = False

    async def chunks(self, request: HttpRequest, *, accept: str, tap: Tap = NO_TAP) -> AsyncGenerator[bytes, None]:
        """Send the request and yield its answer's body as it comes, at most `MAX_TOTAL` bytes of it."""
        import httpx  # noqa: PLC0415 - see the module's docstring

        client = await self._open()
        failure: TransportFailure | None = None
        reply: ReplyInfo | None = None
        headers = {**request.headers, **OURS, "accept": accept}
        tap.sent(len(request.body))
        try:
            asked = httpx.Request(request.method, _url(request.url), headers=headers, content=request.body)
            async with aclosing(await client.send(asked, stream=True)) as response:
                reply = ReplyInfo(response.status_code, _headers(response))
                tap.replied(reply)
                if not response.is_success:
                    raise await _refusal(response, reply)
                async with aclosing(_capped(response, reply)) as chunks:
                    async for chunk in chunks:
                        tap.received(len(chunk))
                        yield chunk
        except foreign_errors() as error:
            failure = translate(error, reply)
        except RuntimeError:  # what aiohttp raises for a read on a connection that `aclose` has closed
            if not self._closed:
                raise
            failure = TransportFailure(Fault.BROKEN_OFF, "the connection was closed here", reply)
        # Raised out here, so that the library's error, which holds the request's headers, is not chained to ours.
        if failure is not None:
            raise failure

    async def aclose(self) -> None:
        async with self._lock:
            self._closed = True
            if self._open_until is not None:
                await self._open_until.aclose()

    async def _open(self) -> httpx.AsyncClient:
        if self._client is not None and not self._closed:
            return self._client
        async with self._lock:
            if self._closed:
                raise RuntimeError("This HttpClient is closed.")
            if self._client is None:
                self._client = await asyncio.to_thread(self._factory, self._connections)
                self._open_until = await closing(self._client.aclose)
            return self._client


@lru_cache(maxsize=64)
def _url(text: str) -> httpx.URL:
    """Parsed once: a provider has few of them, and httpx takes as long for one as for sending it."""
    import httpx  # noqa: PLC0415 - see the module's docstring

    return httpx.URL(text)


def _headers(response: httpx.Response) -> dict[str, str]:
    """With names in lower case. httpx's own way to a dict looks for the encoding with each of them."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers.raw}


async def _capped(response: httpx.Response, reply: ReplyInfo) -> AsyncGenerator[bytes, None]:
    if "text/html" in reply.headers.get("content-type", ""):
        raise TransportFailure(Fault.NOT_DATA, "it answered with a web page", reply)
    if _is_packed(reply):
        raise TransportFailure(Fault.NOT_DATA, "it packed its answer, which was not asked for", reply)
    total = 0
    async for chunk in response.aiter_raw():
        total += len(chunk)
        if total > MAX_TOTAL:
            raise TransportFailure(Fault.TOO_LARGE, f"the answer is longer than {MAX_TOTAL:,} bytes", reply)
        yield chunk


def _is_packed(reply: ReplyInfo) -> bool:
    """Some bytes can unpack to gigabytes before anybody counts them; so what was not asked for is not unpacked."""
    return reply.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}


async def _refusal(response: httpx.Response, reply: ReplyInfo) -> Exception:
    """What a status that is not 2xx means. Of the body no more is read than is needed."""
    if response.is_redirect:
        return TransportFailure(Fault.REDIRECT, "it redirects elsewhere, which is not followed", reply)
    body = bytearray()
    if _is_packed(reply):
        return HttpStatus(reply, b"")
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) >= MAX_ERROR_BODY:
            break
    return HttpStatus(reply, bytes(body[:MAX_ERROR_BODY]))
