"""An answer that comes whole."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from athena_lab.ai.transports import MAX_WHOLE, NO_TAP, Fault, Tap, TransportFailure, whole_message

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.transports import HttpRequest, Message
    from athena_lab.ai.transports.http import HttpClient


class JsonTransport:
    """One message, once the answer is complete. Blank lines before it, which some servers send while they wait, go."""

    def __init__(self, client: HttpClient, limit: int = MAX_WHOLE) -> None:
        self._client = client
        self._limit = limit
        """Bytes."""

    async def stream(self, request: HttpRequest, tap: Tap = NO_TAP) -> AsyncGenerator[Message, None]:
        async with aclosing(self._client.chunks(request, accept="application/json", tap=tap)) as chunks:
            body = bytearray()
            async for chunk in chunks:
                body += chunk
                if len(body) > self._limit:
                    raise TransportFailure(Fault.TOO_LARGE, f"the answer is longer than {self._limit:,} bytes")
        yield whole_message(bytes(body))

    async def aclose(self) -> None:
        await self._client.aclose()
