"""Answers that come in pieces: a request's bytes through a decoder, message by message."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol

from athena_lab.ai.transports import NO_TAP, Message, Tap

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from athena_lab.ai.transports import HttpRequest
    from athena_lab.ai.transports.http import HttpClient


class Decoder(Protocol):
    """Bytes in, messages out, wherever the bytes are cut."""

    def feed(self, chunk: bytes) -> Iterator[Message]: ...

    def end(self) -> Iterator[Message]: ...


class DecodingTransport:
    """A `Transport`. What it accepts, and how that is decoded, is its class's."""

    accept: ClassVar[str]
    decoder: ClassVar[type[Decoder]]

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def stream(self, request: HttpRequest, tap: Tap = NO_TAP) -> AsyncGenerator[Message, None]:
        decoder = self.decoder()
        chunks = self._client.chunks(request, accept=self.accept, tap=tap)
        try:
            async for chunk in chunks:
                for message in decoder.feed(chunk):
                    yield message
        finally:
            await chunks.aclose()
        for message in decoder.end():
            yield message

    async def aclose(self) -> None:
        await self._client.aclose()
