"""What a wire adds that speaks over a WebSocket too, and what the ways mean in which a provider closes one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from athena_lab.ai.providers.wire import Complaint, StreamError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.providers.wire import Parser
    from athena_lab.ai.send import Call
    from athena_lab.ai.transports import SocketRequest


@runtime_checkable
class SocketWire(Protocol):
    """Beside `Wire`. A wire that satisfies it is asked over a WebSocket where its row's ``features.websocket`` is set."""

    def socket_request(self, row: ProviderRow, base_url: str, key: Secret | None, call: Call) -> SocketRequest:
        """Address and headers of the handshake, and the frames that ask. The key stands in a header, never in the URL."""
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
