"""What a wire may add to `Wire`: speaking over a WebSocket, and answers that go on without a connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from athena_lab.ai.providers.wire import Complaint, StreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.providers.wire import Parser
    from athena_lab.ai.send import Call
    from athena_lab.ai.transports import HttpRequest, Message, SocketRequest


@runtime_checkable
class SocketWire(Protocol):
    """A wire that satisfies it is asked over a WebSocket where its row's ``features.websocket`` is set."""

    def socket_request(self, row: ProviderRow, base_url: str, key: Secret | None, call: Call) -> SocketRequest:
        """Address and headers of the handshake, and the frames that ask. The key stands in a header, not in the URL."""
        ...

    def socket_parser(self) -> Parser:
        """For the messages of one answer; none of them is whole."""
        ...

    def socket_closed(self, code: int, reason: str) -> StreamError | None:
        """What a close before the answer's end means; None for a connection that merely broke off."""
        ...


CLOSE_STATUSES: Final[Mapping[int, int]] = {
    1007: 400,  # data that does not fit the type
    1008: 400,  # against a policy
    1009: 413,  # too big
    1011: 500,  # unexpected condition
    1012: 503,  # restarts
    1013: 503,  # try again later
    1014: 502,  # bad gateway
    3000: 401,  # unauthorized
    3003: 403,  # forbidden
    3008: 408,  # timeout
}
"""Close codes (RFC 6455, 7.4, and IANA's registry) that say what HTTP says with a status."""


def closed_as(code: int, reason: str) -> StreamError | None:
    """What a close code means with every provider."""
    status = CLOSE_STATUSES.get(code)
    return None if status is None else StreamError(Complaint(str(code), message=reason), status)


@dataclass(frozen=True, slots=True)
class Place:
    """How far an answer had come with a message: its id and the message's number, where it tells them."""

    id: str | None = None
    number: int | None = None


@runtime_checkable
class BackgroundWire(Protocol):
    """A wire that satisfies it asks for background responses where its row's ``features.background`` is set.

    Its `request` starts one then, and its parser takes an answer that is whole but not yet complete for progress.
    """

    def place(self, message: Message) -> Place:
        """An empty one for a message that cannot be read, which the parser will name."""
        ...

    def poll_request(self, base_url: str, key: Secret | None, response_id: str) -> HttpRequest:
        """For the answer as it stands, whole."""
        ...

    def resume_request(self, base_url: str, key: Secret | None, response_id: str, after: int) -> HttpRequest:
        """For the stream's messages after that number; -1 is before all."""
        ...

    def cancel_request(self, base_url: str, key: Secret | None, response_id: str) -> HttpRequest:
        """To end the answer: nothing else does. Idempotent."""
        ...
