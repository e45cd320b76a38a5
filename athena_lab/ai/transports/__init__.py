"""How a request reaches a provider and how its answer comes back, below any provider's vocabulary.

One idea, three ways: `SseTransport` for an answer that streams, `WebSocketTransport` for one that comes over a socket,
`JsonTransport` for one that comes whole. All yield `Message`, raise `HttpStatus` for a reply that is not what was
asked for (2xx, or 101 for a WebSocket) and `TransportFailure` for everything else that goes wrong; the wire adapters
turn both into the named errors, since only they know the provider.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

MAX_LINE: Final = 1 << 20
"""Bytes of one line, or of one event's data."""
MAX_TOTAL: Final = 32 << 20
"""Bytes of one answer."""
MAX_WHOLE: Final = 4 << 20
"""Bytes of an answer that comes as one piece of JSON: as objects it takes a multiple of that."""
MAX_ERROR_BODY: Final = 64 << 10
"""Bytes of an error's body that are read; the rest is left."""
OURS: Final = {"accept-encoding": "identity", "user-agent": "athena-lab"}
"""Headers of every request. What is not asked for packed need not be unpacked; and who asks is no secret."""
BOM: Final = b"\xef\xbb\xbf"
"""UTF-8's byte order mark, which may stand before the first line."""


class HttpRequest(Value, frozen=True):
    """What to send. Headers and body stay out of the repr: they hold the key and the prompt."""

    hidden = frozenset({"headers", "body"})

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""


class SocketRequest(Value, frozen=True):
    """What to send over a WebSocket: the first of the frames at once, each further one after the next message.

    ``url`` is http or https: the scheme says whether there is TLS, and which proxy variable counts.
    """

    hidden = frozenset({"headers", "frames"})

    url: str
    headers: Mapping[str, str]
    frames: tuple[str, ...]


class Tap:
    """Is told of one request on its way, on the event loop: quick, and without raising. This one does nothing."""

    __slots__ = ()

    def sent(self, size: int) -> None:
        """So many bytes of the request's body are on their way."""

    def replied(self, reply: ReplyInfo) -> None:
        """The response has begun, whatever its status."""

    def received(self, size: int) -> None:
        """So many bytes of its body have come."""


NO_TAP: Final = Tap()


class Message(Value, frozen=True):
    """One event of a stream (``whole`` False), or an answer that came in one piece.

    ``data`` is UTF-8 with invalid bytes replaced.
    """

    data: str
    event: str = ""
    whole: bool = False


def whole_message(body: bytes) -> Message:
    """An answer that came in one piece."""
    return Message(body.removeprefix(BOM).decode("utf-8", "replace").strip(), whole=True)


class ReplyInfo(Value, frozen=True):
    """What an answer's head says. Header names are in lower case."""

    hidden = frozenset({"headers"})

    status: int
    headers: Mapping[str, str]


class Fault(Enum):
    """What went wrong below HTTP's own status codes."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    BROKEN_OFF = "broken off"
    NOT_HTTP = "not HTTP"
    TOO_LARGE = "too large"
    NOT_DATA = "not data"
    REDIRECT = "redirect"


class TransportFailure(Exception):
    """``detail`` is words of ours; no URL, header or body is in it."""

    def __init__(self, fault: Fault, detail: str, reply: ReplyInfo | None = None) -> None:
        super().__init__(detail)
        self.fault = fault
        self.detail = detail
        self.reply = reply


class NoUpgrade(TransportFailure):
    """The way to the provider lets no WebSocket through, which says nothing of the provider itself."""


class SocketClosed(TransportFailure):
    """The provider closed a WebSocket, and said why (RFC 6455, 7.4). ``reason`` is in its words: quote with care."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(Fault.BROKEN_OFF, f"it closed the connection with code {code}")
        self.code = code
        self.reason = reason


class HttpStatus(Exception):
    """An answer whose status is not 2xx (or 101), with the first `MAX_ERROR_BODY` bytes of its body."""

    def __init__(self, reply: ReplyInfo, body: bytes) -> None:
        super().__init__(f"HTTP {reply.status}")
        self.reply = reply
        self.body = body


RequestT_contra = TypeVar("RequestT_contra", contravariant=True)


class Transport(Protocol[RequestT_contra]):
    def stream(self, request: RequestT_contra, tap: Tap = NO_TAP) -> AsyncGenerator[Message, None]:
        """Send, and yield what comes. Closing the generator closes the connection at once."""
        ...

    async def aclose(self) -> None:
        """Close all connections. Idempotent."""
        ...
