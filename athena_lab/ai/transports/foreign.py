"""The one place where the HTTP libraries' errors become ours. They are imported when one is to be translated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.ai.transports import Fault, TransportFailure

if TYPE_CHECKING:
    from athena_lab.ai.transports import ReplyInfo


def foreign_errors() -> tuple[type[Exception], ...]:
    """What httpx and aiohttp raise when an exchange fails."""
    import aiohttp  # noqa: PLC0415 - see the module's docstring
    import httpx  # noqa: PLC0415

    return (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, aiohttp.ClientError, OSError)


def translate(error: BaseException, reply: ReplyInfo | None) -> TransportFailure:
    """Ours for one of theirs; ``reply`` is what had come of an answer.

    httpx-aiohttp maps every aiohttp connection error to `httpx.ConnectTimeout`, so of httpx's errors the cause is what
    is looked at.
    """
    import aiohttp  # noqa: PLC0415
    import httpx  # noqa: PLC0415

    table: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Fault, str], ...] = (
        (TimeoutError, Fault.TIMEOUT, "it did not answer in time"),
        (aiohttp.ClientConnectorDNSError, Fault.UNREACHABLE, "its host name cannot be resolved"),
        ((aiohttp.ClientSSLError, aiohttp.ServerFingerprintMismatch), Fault.UNREACHABLE, "TLS with it failed"),
        ((aiohttp.ClientHttpProxyError, aiohttp.ClientProxyConnectionError), Fault.UNREACHABLE, "the proxy failed"),
        (aiohttp.ClientConnectorError, Fault.UNREACHABLE, "it refuses the connection"),
        (aiohttp.ClientPayloadError, Fault.BROKEN_OFF, "the connection broke off in the middle of the answer"),
        (aiohttp.WSServerHandshakeError, Fault.NOT_HTTP, "it does not shake hands as WebSockets do"),
        (aiohttp.ClientResponseError, Fault.NOT_HTTP, "what it answered is not HTTP"),
        (httpx.DecodingError, Fault.NOT_DATA, "its answer cannot be decompressed"),
        (httpx.TimeoutException, Fault.TIMEOUT, "it did not answer in time"),
    )
    for cause in (error,) if isinstance(error, aiohttp.ClientError) else (error.__cause__, error):
        for kinds, fault, detail in table:
            if isinstance(cause, kinds) and not isinstance(cause, aiohttp.ServerDisconnectedError):
                return TransportFailure(fault, detail, reply)
        if isinstance(cause, (aiohttp.ClientError, OSError)):
            break
    fault = Fault.UNREACHABLE if reply is None else Fault.BROKEN_OFF
    return TransportFailure(fault, "it closed the connection", reply)
