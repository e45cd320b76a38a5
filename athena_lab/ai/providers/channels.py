"""What a wire may add to `Wire`: speaking over a WebSocket, answers that go on without a connection, and batches."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from athena_lab.ai.providers.wire import Complaint, Garbage, StreamError
from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.providers.wire import Parser
    from athena_lab.ai.send import Call
    from athena_lab.ai.transports import HttpRequest, HttpStatus, Message, SocketRequest


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


@runtime_checkable
class TalkingSocketWire(SocketWire, Protocol):
    """A wire that satisfies it is told what its calls came to on the connection on which it asked for them."""

    def socket_results(self, call: Call) -> str:
        """The frame that tells the results of the talk's last turn."""
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


class Place(Value, frozen=True):
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


class BatchItem(Value, frozen=True):
    """One request of a batch: our id of it, and the body with which it would be asked for alone."""

    hidden = frozenset({"body"})

    id: str
    body: bytes


class BatchState(Value, frozen=True):
    """A batch as the provider describes it."""

    id: str
    ended: bool
    failure: StreamError | None = None
    """Why requests without a result have none; None where nothing is said of that."""
    at_fault: Mapping[int, StreamError] = {}
    """By place, from 0: the requests for which the whole batch was turned down."""
    files: tuple[str, ...] = ()
    """Ids of files that hold the results."""
    uploads: tuple[str, ...] = ()
    """Ids of files that hold the requests."""
    results: Sequence[str] = ()
    """Results that came with the state, each as JSON."""


class BatchResult(Value, frozen=True):
    """One request's result: ``answer``, JSON as it would have come alone, or ``failure``."""

    hidden = frozenset({"answer"})

    id: str
    answer: str = ""
    failure: StreamError | HttpStatus | None = None


class BatchFormat(Protocol):
    """How batches are sent to one address with one key. Stateless. What reads raises Garbage.

    Addresses are made from the base URL, never taken from an answer: the key goes along.
    """

    def upload(self, items: Sequence[BatchItem]) -> HttpRequest | None:
        """What is sent before the batch; None where nothing is."""
        ...

    def create(self, model: str, items: Sequence[BatchItem], uploaded: Message | None) -> HttpRequest:
        """To begin the batch. ``uploaded`` is the answer to `upload`."""
        ...

    def state(self, message: Message) -> BatchState:
        """Of the answers to `create` and `poll`."""
        ...

    def poll(self, batch_id: str) -> HttpRequest: ...

    def results(self, state: BatchState) -> Sequence[HttpRequest]:
        """For the results, one on each line, where they did not come with the state."""
        ...

    def result(self, data: str) -> BatchResult: ...

    def cancel(self, batch_id: str) -> HttpRequest: ...

    def forget(self, state: BatchState) -> Sequence[HttpRequest]:
        """To delete what is kept of a batch that has ended."""
        ...


@runtime_checkable
class BatchWire(Protocol):
    """A wire that satisfies it sends batches where its row's ``features.batching`` is set."""

    def batch_format(self, row: ProviderRow, base_url: str, key: Secret | None) -> BatchFormat: ...


_BATCH_ID: Final = re.compile(r"[\w.-]{1,256}", re.ASCII)


def safe_id(text: str) -> str:
    """An id that may stand in a path. Raises Garbage for any other."""
    if not _BATCH_ID.fullmatch(text) or not text.strip("."):
        raise Garbage("names a batch in a way that is no id")
    return text
