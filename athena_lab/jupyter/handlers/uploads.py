"""Bodies that arrive in pieces: they are checked before they are read, and never held whole in memory."""

from __future__ import annotations

import asyncio
import binascii
from typing import TYPE_CHECKING

from tornado.web import stream_request_body

from athena_lab.errors import (
    AthenaError,
    BodyTooLarge,
    InvalidField,
    MalformedRequest,
    SampleTooLarge,
    UnsupportedMedia,
)
from athena_lab.jupyter.handlers.base import JSON, OCTETS, AthenaHandler
from athena_lab.sample import MIB

if TYPE_CHECKING:
    from athena_lab.sample import Incoming, Sample

_DISCARDED = 16 * MIB
"""Bytes beyond the cap that are read and thrown away, so that the sender gets an answer; then it is cut off."""


@stream_request_body
class UploadHandler(AthenaHandler):
    """Takes JSON into memory up to a cap, and a sample's bytes straight into quarantine."""

    _incoming: Incoming | None = None
    _refusal: AthenaError | None = None

    async def prepare(self) -> None:  # type: ignore[override]  # see AthenaHandler
        self.body = bytearray()
        await super().prepare()
        if self.request.method != "POST":
            return
        if self.media_type() not in {JSON, OCTETS}:
            raise UnsupportedMedia(f"This route takes {JSON} or {OCTETS}.")
        self._check_length()
        if self.media_type() == OCTETS and self._refusal is None:
            self._incoming = self.lab.receive(self.get_query_argument("name", ""))

    def _limit(self) -> int:
        config = self.lab.config
        return config.http.max_json_bytes if self.media_type() == JSON else config.samples.max_bytes

    def _check_length(self) -> None:
        length = int(self.request.headers.get("Content-Length", "0"))  # tornado has refused what is no number
        if length > self._limit() + _DISCARDED:
            raise self._too_large()
        if length > self._limit():
            self._refusal = self._too_large()
        self.request.connection.set_max_body_size(self._limit() + _DISCARDED)  # type: ignore[union-attr]  # HTTP/1

    def _too_large(self) -> AthenaError:
        limit = f"{self._limit():,} bytes"
        if self.media_type() == JSON:
            return BodyTooLarge(f"A JSON body may have {limit}.")
        return SampleTooLarge(f"A sample may have {limit}.")

    def data_received(self, chunk: bytes) -> None:
        if self._refusal is None:
            try:
                self._take(chunk)
            except AthenaError as error:
                self._refusal = error  # told once the body has ended: who still sends does not listen

    def _take(self, chunk: bytes) -> None:
        if self._incoming is not None:
            self._incoming.write(chunk)
        elif len(self.body) + len(chunk) > self._limit():
            raise self._too_large()
        else:
            self.body += chunk

    def uploaded(self) -> Sample | None:
        """The sample that was the body, None for a body of JSON. Raises `EmptySample` and what refused the body."""
        if self._refusal is not None:
            raise self._refusal
        return self._incoming.commit() if self._incoming is not None else None

    async def take_base64(self, text: str, name: str) -> Sample:
        """A sample from a JSON field. Raises `InvalidField`, `EmptySample` and `SampleTooLarge`."""
        try:
            data = await asyncio.to_thread(binascii.a2b_base64, text, strict_mode=True)
        except (binascii.Error, ValueError) as error:
            raise InvalidField(f"fileData is not base64: {error}.") from None
        return await self.lab.add(data, name)

    def on_finish(self) -> None:
        self._drop()
        super().on_finish()

    def on_connection_close(self) -> None:
        self._drop()
        super().on_connection_close()

    def _drop(self) -> None:
        if self._incoming is not None:
            self._incoming.__exit__(None, None, None)
            self._incoming = None


def one_sample(file_data: str | None, sample: str | None, *, needed: bool) -> None:
    """Raises `InvalidField` unless there is one sample, or none where none is needed."""
    if file_data is not None and sample is not None:
        raise InvalidField("Give fileData or sample, not both.")
    if needed and file_data is None and sample is None:
        raise MalformedRequest("There is no sample: give fileData (base64) or sample (sha256), or upload the bytes.")
