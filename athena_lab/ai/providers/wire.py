"""What a wire protocol's adapter is, and what all adapters share: the shape of an error table and the reading of it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated, Any, Final, Protocol

import msgspec
from msgspec import Meta

from athena_lab.ai.keys import Secret, quotable
from athena_lab.ai.transports import Fault, HttpRequest, HttpStatus, Message, TransportFailure
from athena_lab.ai.types import Model
from athena_lab.errors import (
    APIError,
    Forbidden,
    InvalidRequest,
    InvalidResponse,
    ProviderTimeout,
    ProviderUnreachable,
    QuotaExceeded,
    RateLimited,
    ServiceUnavailable,
    Unauthorized,
)
from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.send import Call, Item

ErrorType = type[APIError]

STATUSES: Final[Mapping[int, ErrorType]] = {
    400: InvalidRequest,
    401: Unauthorized,
    402: QuotaExceeded,
    403: Forbidden,
    404: InvalidRequest,
    405: InvalidRequest,
    408: ProviderTimeout,
    409: ServiceUnavailable,
    413: InvalidRequest,
    422: InvalidRequest,
    425: ServiceUnavailable,
    429: RateLimited,
    498: ServiceUnavailable,
    504: ProviderTimeout,
    529: ServiceUnavailable,
}
"""What a status means with every provider. 409 is a lock time-out, 498 Groq's word for no capacity, 529 overloaded."""

FAULTS: Final[Mapping[Fault, ErrorType]] = {
    Fault.TIMEOUT: ProviderTimeout,
    Fault.UNREACHABLE: ProviderUnreachable,
    Fault.BROKEN_OFF: InvalidResponse,
    Fault.NOT_HTTP: InvalidResponse,
    Fault.TOO_LARGE: InvalidResponse,
    Fault.NOT_DATA: InvalidResponse,
    Fault.REDIRECT: InvalidResponse,
}

NEXT_STEPS: Final[Mapping[Fault, str]] = {
    Fault.REDIRECT: "Set the provider's base_url to the address that it redirects to.",
    Fault.NOT_HTTP: "Check the provider's base_url: something else listens there.",
    Fault.NOT_DATA: "Check the provider's base_url and the proxy: a web page came instead of an answer.",
}

SERVER_ERROR: Final = 500
_VERDICTS: Final[Mapping[str, bool]] = {"true": True, "false": False}
"""What ``x-should-retry``, which OpenAI and Anthropic send, says of sending the same request again."""
CONTEXT_STEP: Final = "Ask with a shorter question or a quick analysis, or choose a model with a longer context."
MODEL_STEP: Final = "Choose a model that the provider lists; GET /api/v1/ai/providers shows them."
SCHEMA_NAME: Final = "assessment"
"""Under which wires that want a name for it send the schema of an answer."""


class Complaint(Value, frozen=True):
    """What a provider says in an error: its ``code`` in particular, the ``kind`` of error in general, and a message."""

    code: str = ""
    kind: str = ""
    message: str = ""
    retry_after: float | None = None
    """Seconds, where the body and not a header says so."""


class ErrorTable(Value, frozen=True):
    """One wire's errors: by code, else by status, else (inside a stream, where there is none) by kind."""

    codes: Mapping[str, ErrorType]
    """Of codes and of kinds that say more than the status that comes with them."""
    kinds: Mapping[str, ErrorType]
    next_steps: Mapping[str, str]
    """For codes and kinds about which there is more to say than the error's own next step."""
    refusals: frozenset[str] = frozenset()
    """Codes, kinds or whole messages with which the provider declines to answer: a refusal is no error."""

    def refusal(self, said: Complaint) -> str | None:
        """The provider's word, if what it says is that it declines."""
        words = (said.code, said.kind, said.message)
        return next((word for word in words if word in self.refusals), None)

    def look_up(self, status: int | None, said: Complaint) -> ErrorType:
        for code in (said.code, said.kind):
            if code in self.codes:
                return self.codes[code]
        if status is None:
            return self.kinds.get(said.kind, ServiceUnavailable)
        if status in STATUSES:
            return STATUSES[status]
        return ServiceUnavailable if status >= SERVER_ERROR else InvalidRequest

    def next_step(self, said: Complaint) -> str | None:
        return self.next_steps.get(said.code) or self.next_steps.get(said.kind)


class Parser(Protocol):
    """Makes events of one answer's messages; one parser per answer."""

    def feed(self, message: Message) -> Iterator[Item]:
        """Yields a `Finished` with the answer's own end. Raises `StreamError` for an error inside the answer."""
        ...

    def end(self) -> Iterator[Item]:
        """What is left to say when the connection has ended: nothing, if the answer had not come to its end."""
        ...


class Wire(Protocol):
    """One wire protocol. Stateless; `parser` gives what keeps state.

    One that has a ``talks`` that is true gives the model the turns of ``call.prompt.talk`` back in its provider's own
    words, behind the user's text, and heeds ``closing``; its parser may yield a `Carry` before the end of a turn that
    asks for functions. Any other is given a talk as part of the user's text.
    """

    version: str
    """Of the provider's API that it speaks."""
    errors: ErrorTable

    def request(self, row: ProviderRow, base_url: str, key: Secret | None, call: Call) -> HttpRequest:
        """For an answer in pieces, or whole where ``call.transport`` is ``polling``."""
        ...

    def models_request(self, row: ProviderRow, base_url: str, key: Secret | None) -> HttpRequest:
        """The cheapest request that proves address, key and service: the list of models."""
        ...

    def models(self, message: Message) -> tuple[Model, ...]:
        """What the answer to it lists. Raises Garbage."""
        ...

    def parser(self) -> Parser: ...

    def complaint(self, body: bytes) -> Complaint:
        """Read an error's body, however broken; an empty complaint for what cannot be read."""
        ...


class StreamError(Exception):
    """An error that came inside an answer whose status was 200. ``status`` is what it says itself."""

    def __init__(self, complaint: Complaint, status: int | None = None) -> None:
        super().__init__("an error inside the answer")
        self.complaint = complaint
        self.status = status


UNDECODABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What decoding JSON from outside may raise."""
Count = Annotated[int, Meta(ge=0, le=1 << 53)]
"""Tokens, as a provider counts them."""
_REQUEST_ID: Final = re.compile(r"[\w.:-]{1,128}")


class Garbage(Exception):
    """A message that is not what this wire speaks. ``what`` goes on from "The answer of ..."."""

    def __init__(self, what: str = "is not in the format of its wire") -> None:
        super().__init__(what)
        self.what = what


class ModelList(msgspec.Struct):
    """What ``GET /models`` answers with OpenAI and all who follow it, who add limits under names of their own."""

    class Entry(msgspec.Struct):
        id: Annotated[str, Meta(min_length=1)]
        max_input_tokens: Any = None
        """Anthropic's, as ``max_tokens`` for the output."""
        max_context_length: Any = None
        """Mistral's."""
        context_window: Any = None
        """Groq's, as ``max_completion_tokens``."""
        max_model_len: Any = None
        """vLLM's."""
        max_tokens: Any = None
        max_completion_tokens: Any = None

    data: list[Entry] = []


MAX_MODELS: Final = 200


def models_of(message: Message) -> tuple[Model, ...]:
    """At most `MAX_MODELS`, with ids of at most 256 characters. Raises Garbage."""
    try:
        listed = msgspec.json.decode(message.data, type=ModelList)
    except UNDECODABLE:
        raise Garbage from None
    return tuple(_model(entry) for entry in listed.data[:MAX_MODELS])


def _model(entry: ModelList.Entry) -> Model:
    contexts = (entry.max_input_tokens, entry.max_context_length, entry.context_window, entry.max_model_len)
    return Model(entry.id[:256], _limit(*contexts), _limit(entry.max_tokens, entry.max_completion_tokens))


def _limit(*values: Any) -> int | None:
    """The first that can be a number of tokens."""
    return next((value for value in values if type(value) is int and 0 < value <= 1 << 53), None)


def output_limit(row: ProviderRow, call: Call) -> int:
    """Tokens of output to ask for: what the call wants, no more than the account and the model allow."""
    limits = (call.max_tokens, row.limits.max_tokens, row.known(call.model).output)
    return min(limit for limit in limits if limit is not None)


def bearer(key: Secret | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key.reveal()}"}


def decode_loosely(body: bytes) -> Any:
    """JSON of any shape, None for what is not JSON. The first element of a list that has one."""
    try:
        value = msgspec.json.decode(body)
    except UNDECODABLE:
        return None
    return value[0] if isinstance(value, list) and value else value


def error_in(body: bytes) -> dict[str, Any] | Complaint:
    """What stands under ``error``, or at the top; a complaint already where that is a text, or nothing to be read."""
    said = decode_loosely(body)
    error = said.get("error", said) if isinstance(said, dict) else None
    if isinstance(error, str):
        return Complaint(message=error)
    return error if isinstance(error, dict) else Complaint()


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


class Translator:
    """Makes the named error of whatever went wrong with one call."""

    def __init__(
        self, wire: Wire, provider: str, model: str, secrets: tuple[Secret | None, ...], private: tuple[str, ...]
    ) -> None:
        self._wire = wire
        self._provider = provider
        self._model = model
        self._quote: Callable[[str], str] = lambda text: quotable(text, secrets=secrets, private=private)

    def refusal(self, error: HttpStatus | StreamError) -> str | None:
        """The provider's word, if the error says that it declines to answer."""
        said = self._wire.complaint(error.body) if isinstance(error, HttpStatus) else error.complaint
        return self._wire.errors.refusal(said)

    def status(self, error: HttpStatus) -> APIError:
        """Of an answer that is not 2xx."""
        complaint = self._wire.complaint(error.body)
        return self._complain(complaint, error.reply.status, error.reply.headers, f"HTTP {error.reply.status}")

    def stream_error(self, error: StreamError) -> APIError:
        """Of an error inside an answer."""
        return self._complain(error.complaint, error.status, {}, "an error inside its answer")

    def failure(self, error: TransportFailure) -> APIError:
        """Of a transport that failed."""
        reply = error.reply
        return FAULTS[error.fault](
            f"{self._provider} cannot be used: {error.detail}.",
            provider=self._provider,
            model=self._model,
            upstream_status=reply.status if reply else None,
            upstream_request_id=self._request_id(reply.headers) if reply else None,
            next_step=NEXT_STEPS.get(error.fault),
        )

    def _request_id(self, headers: Mapping[str, str]) -> str | None:
        value = headers.get("request-id") or headers.get("x-request-id") or ""
        return self._quote(value) if _REQUEST_ID.fullmatch(value) else None

    def unusable(self, what: str) -> APIError:
        """Of an answer with status 200 that is garbage or has no end."""
        detail = f"The answer of {self._provider} {what}."
        return InvalidResponse(detail, provider=self._provider, model=self._model, upstream_status=200)

    def _complain(self, said: Complaint, status: int | None, headers: Mapping[str, str], how: str) -> APIError:
        word = said.code or said.kind
        code = f" ({self._quote(word)})" if word else ""
        reason = f": {self._quote(said.message)}" if said.message else ""
        return self._wire.errors.look_up(status, said)(
            f"{self._provider} answered with {how}{code}{reason}".rstrip(".") + ".",
            provider=self._provider,
            model=self._model,
            upstream_status=status,
            upstream_request_id=self._request_id(headers),
            retry_after=first_known(retry_after(headers, time.time()), said.retry_after),
            should_retry=_VERDICTS.get(headers.get("x-should-retry", "")),
            next_step=self._wire.errors.next_step(said),
        )


def first_known(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


LONGEST_WAIT: Final = 86_400.0
"""Seconds. Whoever asks for more gets that."""


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds to wait: ``retry-after-ms``, else ``retry-after`` in seconds or as an HTTP date (``now``: Unix seconds).

    None for what is absent, negative, or not to be understood.
    """
    for name, scale in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) * scale
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return min(seconds, LONGEST_WAIT)
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - for the few that send a date

    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - now)
    except (KeyError, ValueError, OverflowError):
        return None
