"""Answers over a WebSocket: the same events as by the other doors, and pause, continue and cancel beside them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, cast

import msgspec
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from athena_lab import api
from athena_lab.errors import AthenaError, BulkheadFull, MalformedRequest
from athena_lab.jupyter.handlers import base
from athena_lab.jupyter.handlers.base import MAX_DECODED, AthenaHandler, decode_json, limit_unacknowledged
from athena_lab.jupyter.handlers.queue import BATCH_BYTES

if TYPE_CHECKING:
    from athena_lab.ai.job import Job, Reader

_VERSION = "13"
"""Of the protocol: RFC 6455."""
_MAX_SOCKETS = 256
"""Open at once: each takes some 110 KiB and a file descriptor."""
_IDLE_SECONDS = 60.0
"""A connection on which nothing is asked for so long is closed."""


class StreamHandler(WebSocketHandler, AthenaHandler):
    """One answer at a time. Who goes without a ``cancel`` may come back, here or by another door."""

    asks = True
    open_sockets: ClassVar[set[StreamHandler]] = set()
    _reader: Reader | None = None
    _idle: asyncio.TimerHandle | None = None
    _sending: asyncio.Task[None] | None = None

    # -- the handshake. `prepare` has checked host, origin, identity and scope, as for every request.

    async def get(self, *args: Any, **kwargs: Any) -> None:
        headers = self.request.headers
        connection = {part.strip().lower() for part in headers.get("Connection", "").split(",")}
        if headers.get("Upgrade", "").lower() != "websocket" or "upgrade" not in connection:
            raise MalformedRequest("This route is a WebSocket; the request does not ask for one.")
        if headers.get("Sec-WebSocket-Version") != _VERSION or not headers.get("Sec-WebSocket-Key"):
            raise MalformedRequest(f"The WebSocket's key or version {_VERSION} is missing.")
        if len(self.open_sockets) >= _MAX_SOCKETS:
            raise BulkheadFull(f"{_MAX_SOCKETS} WebSockets are open already.", retry_after=5.0)
        await super().get(*args, **kwargs)

    def check_origin(self, origin: str) -> bool:  # type: ignore[override]  # tornado's and jupyter_server's differ
        return self.is_allowed_origin(origin)

    def get_compression_options(self) -> dict[str, Any]:
        # 144 KiB for a connection instead of 256; short messages gain nothing from more.
        return {"compression_level": 6, "mem_level": 5}

    @property
    def max_message_size(self) -> int:
        return MAX_DECODED

    @property
    def ping_interval(self) -> float:
        return base.KEEP_ALIVE_SECONDS

    @property
    def ping_timeout(self) -> float:
        return 0.0  # a reader that is slow to read its pings is not gone; `limit_unacknowledged` finds those who are

    async def open(self, *_: str) -> None:
        self.open_sockets.add(self)
        self._idle = asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._close_unused)
        self.set_nodelay(True)
        if self.ws_connection is not None and self.ws_connection.stream is not None:
            limit_unacknowledged(self.ws_connection.stream)

    def _close_unused(self) -> None:
        if self._reader is None:
            self.close(reason="Nothing was asked.")

    # -- what comes

    async def on_message(self, message: str | bytes) -> None:
        try:
            self._handle(decode_json(message, cast("type[Any]", api.AnyCommand)))  # a union is no type
        except AthenaError as error:
            await self._tell_error(error)

    def _handle(self, command: api.AnyCommand) -> None:
        match command:
            case api.Ask():
                self._check_free()
                self._send_job(self.lab.submit(command.request, id_=command.id), 0)
            case api.Resume():
                self._check_free()
                self._send_job(self.lab.jobs.get(command.id), command.after)
            case api.Pause():
                self._current().pause()
            case api.Continue():
                self._current().resume()
            case api.Cancel():
                self._current().cancel()

    def _check_free(self) -> None:
        if self._reader is not None and not self._reader.exhausted:
            raise MalformedRequest("This connection is busy with an answer.", next_step="Open one for each answer.")

    def _current(self) -> Job:
        if self._reader is None:
            raise MalformedRequest("Nothing was asked here yet.", next_step="Send an ask or a resume first.")
        return self._reader.job

    # -- what goes

    def _send_job(self, job: Job, after: int) -> None:
        self._reader = job.reader(after)
        self._sending = asyncio.ensure_future(self._send_all(job, self._reader))

    async def _send_all(self, job: Job, reader: Reader) -> None:
        try:
            with reader:
                await self._tell_events(job, reader)
        except WebSocketClosedError:
            pass  # it may come back
        except Exception as error:  # noqa: BLE001 - an end without a word would be taken for the answer's
            self.log_exception(type(error), error, error.__traceback__)
            named = error if isinstance(error, AthenaError) else AthenaError("Something went wrong inside the server.")
            await self._tell_error(named)

    async def _tell_events(self, job: Job, reader: Reader) -> None:
        told = None
        while True:
            if told != job.state:
                told = job.state
                await self._tell(api.StateChange(job.id, told))
                job.named = True
            elif entries := reader.take_many(BATCH_BYTES):
                await self._tell(*(api.JobEvent(job.id, entry.seq, msgspec.Raw(entry.data)) for entry in entries))
            elif reader.finished:
                return
            else:
                await job.changed()

    async def _tell_error(self, error: AthenaError) -> None:
        try:
            await self._tell(api.StreamError(error.problem(self.request_id)))
        except WebSocketClosedError:
            return  # nobody is there to be told

    async def _tell(self, *messages: msgspec.Struct) -> None:
        """The next are sent when these have left: nothing piles up for a reader that is slow."""
        try:
            async with asyncio.timeout(base.STALLED_SECONDS), self._writing:
                await asyncio.gather(*[self.write_message(msgspec.json.encode(message)) for message in messages])
        except TimeoutError:
            self.close()
            raise WebSocketClosedError from None

    def on_close(self) -> None:
        self.open_sockets.discard(self)
        if self._idle is not None:
            self._idle.cancel()
        if self._sending is not None:
            self._sending.cancel()
