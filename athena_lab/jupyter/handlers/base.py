"""What all our handlers share: who may call, how errors are told, how bodies are read and events written."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import math
import socket
import uuid
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, cast

import msgspec
from jupyter_server.auth.identity import User
from jupyter_server.base.handlers import JupyterHandler
from tornado.iostream import StreamClosedError
from tornado.web import Finish, HTTPError, stream_request_body

from athena_lab import api
from athena_lab.errors import (
    AthenaError,
    BodyTooLarge,
    InvalidField,
    MalformedRequest,
    MethodNotAllowed,
    NotAllowed,
    NotAuthenticated,
    RequestError,
    UnknownRoute,
    UnsupportedMedia,
)
from athena_lab.sample import MIB
from athena_lab.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable

    from tornado.iostream import IOStream

    from athena_lab.lab import Lab

_T = TypeVar("_T")

JSON = "application/json"
OCTETS = "application/octet-stream"
EVENTS = "text/event-stream"
MAX_DECODED = 256 * 1024
"""Bytes of JSON that are turned into objects: on the event loop, at many times their size in memory."""
KEEP_ALIVE_SECONDS = 15.0
STALLED_SECONDS = 60.0
"""A reader of events that takes nothing for so long is cut off: it holds a provider's connection or a worker."""
_DISCARDED = 16 * MIB
"""Bytes beyond the cap that are read and thrown away, so that the sender gets an answer; then it is cut off."""
_KERNEL = User(username="athena-kernel", name="A kernel of this server")

_BY_STATUS: dict[int, type[RequestError]] = {
    400: MalformedRequest,
    401: NotAuthenticated,
    403: NotAllowed,
    404: UnknownRoute,
    405: MethodNotAllowed,
    415: UnsupportedMedia,
}
"""Our name for what tornado and jupyter_server raise."""

Scope = Literal["public", "analysis", "control"]


@stream_request_body
class AthenaHandler(JupyterHandler):
    """Base of our handlers.

    Every request passes `prepare` before a byte of its body is read: host, length, origin, identity, scope, XSRF.
    `scope` says who may: ``public`` everybody, ``analysis`` users and kernels, ``control`` users alone.
    """

    scope: ClassVar[Scope] = "analysis"
    controls: ClassVar[frozenset[str]] = frozenset()
    """Methods that are for users alone, whatever the scope."""
    asks: ClassVar[bool] = False
    """Whether even a GET starts something, as a WebSocket's does."""
    _work: asyncio.Future[Any] | None = None
    _refusal: AthenaError | None = None
    _allowed_origin: str | None = None
    request_id = ""

    @property
    def lab(self) -> Lab:
        return cast("Lab", self.settings["athena_lab"])

    # -- who may call

    def set_default_headers(self) -> None:
        # tornado calls it at the start, and again when an error clears what was set since.
        super().set_default_headers()
        self.request_id = self.request_id or uuid.uuid4().hex
        self.set_header("X-Request-Id", self.request_id)
        if self._allowed_origin is not None:
            self.set_header("Access-Control-Allow-Origin", self._allowed_origin)
            self.set_header("Vary", "Origin")

    async def prepare(self) -> None:  # type: ignore[override]  # jupyter_server's own is async too, but not typed so
        self.body = bytearray()
        self._writing = asyncio.Lock()
        self.request.connection.set_max_body_size(self.max_body + _DISCARDED)  # type: ignore[union-attr]  # HTTP/1
        self.current_user = self._jupyter_current_user = None
        if not self.check_host():
            raise NotAllowed("This server does not answer to that host name.")
        self._check_origin_header()
        self._check_length()
        if self.request.method == "OPTIONS":
            return
        self.current_user = self._jupyter_current_user = await self._identify()
        if self.scope != "public":
            self._check_access()

    def _check_origin_header(self) -> None:
        origin = self.request.headers.get("Origin")
        if origin is None:
            return
        if not self.is_allowed_origin(origin):
            raise NotAllowed("Pages of that origin may not call this server.")
        if not self._is_own_origin(origin):
            self._allowed_origin = origin
            self.set_default_headers()

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether pages of that origin may call: our own, and those listed, exactly."""
        return self._is_own_origin(origin) or origin in self.settings["athena_allowed_origins"]

    def _is_own_origin(self, origin: str) -> bool:
        return origin.partition("://")[2].lower() == self.request.host.lower()

    async def _identify(self) -> User | None:
        if self._is_kernel():
            return _KERNEL
        user = self.identity_provider.get_user(self)
        return await user if not isinstance(user, User | None) else user

    def _is_kernel(self) -> bool:
        # A kernel's token opens our handlers alone, nothing else of the server.
        token = self.settings["athena_kernel_token"]
        kind, _, given = self.request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "token" and hmac.compare_digest(given.strip().encode(), token.encode())

    def _check_access(self) -> None:
        if self.current_user is None:
            raise NotAuthenticated("There is no valid token or login with this request.")
        if self.current_user is _KERNEL:
            if self.scope == "control" or self.request.method in self.controls:
                raise NotAllowed("A kernel may analyse, but not change the server's modules or providers.")
            return
        reads = self.request.method in {"GET", "HEAD"}
        action = "read" if reads and not self.asks else "execute"
        if not self.authorizer.is_authorized(self, self.current_user, action, "athena"):
            raise NotAllowed("You are not allowed to do this here.")
        if not reads:
            self.check_xsrf_cookie()

    async def options(self, *_: str) -> None:
        """Answers a preflight; `prepare` has refused foreign origins."""
        self.set_header("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS")
        self.set_header(
            "Access-Control-Allow-Headers",
            "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Prefer, X-XSRFToken",
        )
        self.set_header("Access-Control-Max-Age", "600")
        self.set_status(HTTPStatus.NO_CONTENT)

    # -- reading

    def media_type(self) -> str:
        return self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def max_body(self) -> int:
        """Bytes that the request's body may have."""
        return 0 if self.scope == "public" else MAX_DECODED

    def too_large(self) -> AthenaError:
        return BodyTooLarge(f"A JSON body may have {self.max_body:,} bytes.")

    def _check_length(self) -> None:
        length = int(self.request.headers.get("Content-Length", "0"))  # tornado has refused what is no number
        if length > self.max_body + _DISCARDED:
            raise self.too_large()
        if length > self.max_body:
            self._refusal = self.too_large()

    def data_received(self, chunk: bytes) -> None:
        if self._refusal is None and self.request.method == "POST":
            try:
                self.take(chunk)
            except AthenaError as error:
                self._refusal = error  # told once the body has ended: who still sends does not listen

    def take(self, chunk: bytes) -> None:
        """Keep a piece of the body. Raises the error that refuses it."""
        if len(self.body) + len(chunk) > self.max_body:
            raise self.too_large()
        self.body += chunk

    def decode(self, kind: type[_T]) -> _T:
        """The body as a Struct. Raises `UnsupportedMedia`, `BodyTooLarge`, `MalformedRequest` and `InvalidField`."""
        if self._refusal is not None:
            raise self._refusal
        if self.media_type() != JSON:
            raise UnsupportedMedia(f"This route takes {JSON}.")
        return decode_json(self.body or b"{}", kind)

    def raw_body(self, media: str) -> bytes:
        """The body as it is. Raises `UnsupportedMedia` and what refused it."""
        if self._refusal is not None:
            raise self._refusal
        if self.media_type() != media:
            raise UnsupportedMedia(f"This route takes {media}.")
        return bytes(self.body)

    # -- writing

    def answer(self, value: msgspec.Struct, status: int = HTTPStatus.OK) -> None:
        self.set_status(status)
        self.set_header("Content-Type", JSON)
        self.set_header("Cache-Control", "no-store")
        self.write(msgspec.json.encode(value))

    @property
    def prefers_async(self) -> bool:
        """Whether the caller wants no more than a receipt (RFC 7240, 4.1)."""
        given = ",".join(self.request.headers.get_list("Prefer"))
        return any(part.partition(";")[0].strip().lower() == "respond-async" for part in given.split(","))

    def accept(self, id_: str, path: str) -> None:
        """The receipt: what runs goes on, and `path` is where to ask for it."""
        url = f"{self.base_url}{path}/{id_}"
        self.set_header("Location", url)
        self.set_header("Preference-Applied", "respond-async")
        self.answer(api.Accepted(id_, url), HTTPStatus.ACCEPTED)

    def from_query(self, kind: type[_T]) -> _T:
        """What the query says of the Struct's fields. Others pass: JupyterLab adds one against caches."""
        given = {
            name: self.get_query_argument(name)
            for name in cast("type[msgspec.Struct]", kind).__struct_encode_fields__
            if name in self.request.query_arguments
        }
        try:
            return msgspec.convert(given, kind, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidField(f"The query does not fit: {error}.") from None

    @property
    def wants_events(self) -> bool:
        return EVENTS in self.request.headers.get("Accept", "")

    async def send_events(self, events: AsyncGenerator[bytes]) -> None:
        """Write events (see `event_frame`) as they come, a comment where none comes, an ``error`` for what fails.

        What fails before the first event is raised, and told by the status.
        """
        self.set_header("Content-Type", EVENTS)
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Accel-Buffering", "no")
        limit_unacknowledged(self.request.connection.stream)  # type: ignore[union-attr]  # HTTP/1
        keep_alive = asyncio.ensure_future(self._keep_alive())
        try:
            async with contextlib.aclosing(events):  # a reader that goes between two events ends their source too
                async for event in events:
                    await self._send(event)
        except StreamClosedError:
            raise Finish from None
        except Exception as error:
            # Whatever it is: an end without a word would be taken for the end of the answer.
            if not self._headers_written:
                raise
            self.log_exception(type(error), error, error.__traceback__)
            named = error if isinstance(error, AthenaError) else AthenaError("Something went wrong inside the server.")
            await self._send(event_frame("error", msgspec.json.encode(named.problem(self.request_id))))
        finally:
            keep_alive.cancel()

    async def _send(self, data: bytes) -> None:
        try:
            async with asyncio.timeout(STALLED_SECONDS), self._writing:
                # One at a time: tornado forgets a flush that is waited for when another begins.
                self.write(data)
                await self.flush()
        except TimeoutError:
            self.request.connection.stream.close()  # type: ignore[union-attr]  # HTTP/1
            raise StreamClosedError from None

    async def _keep_alive(self) -> None:
        with contextlib.suppress(StreamClosedError):  # the writer of events finds out by itself
            while True:
                await asyncio.sleep(KEEP_ALIVE_SECONDS)
                if not self._writing.locked():
                    await self._send(b": keep-alive\n\n")

    # -- the caller goes away

    async def work(self, job: Awaitable[_T]) -> _T:
        """Await `job`, and cancel it when the caller hangs up."""
        work: asyncio.Future[_T] = asyncio.ensure_future(job)
        self._work = work
        try:
            return await work
        except asyncio.CancelledError:
            if self._hung_up:
                raise Finish from None
            raise

    _hung_up = False

    def on_connection_close(self) -> None:
        self._hung_up = True
        if self._work is not None:
            self._work.cancel()
        super().on_connection_close()

    # -- errors

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        if isinstance(error, AthenaError) and error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.debug("%s %s: %s [%s]", self.request.method, self.request.path, error.code, self.request_id)
        elif isinstance(error, AthenaError):
            self.log.warning("%s %s: %s [%s]", self.request.method, self.request.path, error, self.request_id)
        else:
            super().log_exception(kind, error, trace)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        if not isinstance(error, AthenaError):
            error = _named(status_code, error)
        self.write_problem(error)

    def write_problem(self, error: AthenaError) -> None:
        self.set_status(error.status)
        self.set_header("Content-Type", "application/problem+json")
        self.set_header("Cache-Control", "no-store")
        if error.status == HTTPStatus.UNAUTHORIZED:
            self.set_header("WWW-Authenticate", "token")
        if (seconds := error.problem().retry_after) is not None:
            self.set_header("Retry-After", str(math.ceil(seconds)))
        if error.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(self._methods()))
        self.finish(msgspec.json.encode(error.problem(self.request_id)))

    def _methods(self) -> list[str]:
        absent = AthenaHandler._unimplemented_method
        return [method for method in self.SUPPORTED_METHODS if getattr(type(self), method.lower()) is not absent]

    def on_finish(self) -> None:
        method = self.request.method if self.request.method in self.SUPPORTED_METHODS else "other"
        metrics.HTTP_REQUESTS.labels(type(self).__name__, method, str(self.get_status())).inc()
        super().on_finish()


class PolledHandler(AthenaHandler):
    """What dashboards ask for again and again: it does not keep an idle server alive."""

    _track_activity = False


class UnknownRouteHandler(AthenaHandler):
    """Every path below ours that is no route."""

    async def prepare(self) -> None:  # type: ignore[override]  # see AthenaHandler
        await super().prepare()
        raise UnknownRoute(f"There is nothing at {self.request.path[:200]!r}.")


def event_frame(name: str, data: bytes, *, id_: str = "") -> bytes:
    """One server-sent event. `data` is JSON in one line."""
    number = b"id: %s\n" % id_.encode() if id_ else b""
    return b"%sevent: %s\ndata: %s\n\n" % (number, name.encode(), data)


def limit_unacknowledged(stream: IOStream) -> None:
    """A peer that acknowledges nothing for `STALLED_SECONDS` is gone; without a word, TCP would try for 15 minutes."""
    if hasattr(socket, "TCP_USER_TIMEOUT") and stream.socket.family != socket.AF_UNIX:
        milliseconds = int(STALLED_SECONDS * 1_000)
        stream.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def decode_json(body: bytes | bytearray | str, kind: type[_T]) -> _T:
    """Raises `MalformedRequest` for what is not JSON, `InvalidField` for JSON of another shape."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        raise InvalidField(f"The body does not fit: {api.misfit(error, kind)}.") from None
    except RecursionError:
        raise MalformedRequest("The body is nested too deeply.") from None
    except ValueError as error:  # DecodeError and UnicodeDecodeError
        raise MalformedRequest(f"The body is not valid JSON: {error}.") from None


def _named(status: int, error: BaseException | None) -> AthenaError:
    kind = _BY_STATUS.get(status)
    if kind is None:
        return AthenaError("Something went wrong inside the server.")
    reason = (error.log_message or "") if isinstance(error, HTTPError) else ""
    sentence = reason.partition("\n")[0][:200].replace("%", "") or HTTPStatus(status).phrase
    return kind(f"{sentence.rstrip('.')}.")
