"""Bodies that arrive in pieces: they are checked before they are read, and never held whole in memory."""

from __future__ import annotations

import asyncio
import binascii
from typing import TYPE_CHECKING, ClassVar, TypeVar

import msgspec

from athena_lab.api import MAX_NAME
from athena_lab.errors import (
    AthenaError,
    BodyTooLarge,
    InvalidField,
    MalformedRequest,
    SampleTooLarge,
    UnsupportedMedia,
)
from athena_lab.jupyter.handlers.base import JSON, MAX_DECODED, OCTETS, AthenaHandler, decode_json

if TYPE_CHECKING:
    from athena_lab.sample import Incoming, Sample

_T = TypeVar("_T")


class _Bulk(msgspec.Struct, rename="camel"):
    """The fields that may be large: they are passed on as they are."""

    file_data: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    args: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)


class UploadHandler(AthenaHandler):
    """Takes JSON into memory up to a cap, and a sample's bytes straight into quarantine."""

    media: ClassVar[frozenset[str]] = frozenset({JSON, OCTETS})
    query: ClassVar[frozenset[str]] = frozenset({"name"})
    """What may be said of an upload in the query; a JSON body has fields for it."""
    _incoming: Incoming | None = None

    async def prepare(self) -> None:  # type: ignore[override]  # see AthenaHandler
        await super().prepare()
        if self.request.method != "POST":
            return
        if self.media_type() not in self.media:
            raise UnsupportedMedia(f"This route takes {' or '.join(sorted(self.media))}.")
        self._check_query()
        if self.media_type() == OCTETS and self._refusal is None:
            self._incoming = self.lab.receive(self.get_query_argument("name", ""))

    def _check_query(self) -> None:
        misplaced = self.query.intersection(self.request.query_arguments) if self.media_type() == JSON else ()
        if misplaced:
            raise InvalidField(f"{', '.join(sorted(misplaced))}: beside a JSON body this belongs into the body.")
        if len(self.get_query_argument("name", "")) > MAX_NAME:
            raise InvalidField(f"The name may have {MAX_NAME:,} characters.")

    @property
    def max_body(self) -> int:
        config = self.lab.config
        return config.http.max_json_bytes if self.media_type() == JSON else config.samples.max_bytes

    def too_large(self) -> AthenaError:
        if self.media_type() == JSON:
            return super().too_large()
        return SampleTooLarge(f"A sample may have {self.max_body:,} bytes.")

    def take(self, chunk: bytes) -> None:
        if self._incoming is not None:
            self._incoming.write(chunk)
        else:
            super().take(chunk)

    def decode(self, kind: type[_T]) -> _T:
        if self._refusal is None and len(self.body) > MAX_DECODED:
            bulk = decode_json(self.body, _Bulk)
            if len(self.body) - len(bytes(bulk.file_data)) - len(bytes(bulk.args)) > MAX_DECODED:
                raise BodyTooLarge(f"Beside fileData and args a JSON body may have {MAX_DECODED:,} bytes.")
        return super().decode(kind)

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
