"""An answer that comes whole."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from athena_lab.ai.transports import NO_TAP, Tap, whole_message

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.ai.transports import HttpRequest, Message
    from athena_lab.ai.transports.http import HttpClient


class JsonTransport:
    """One message, once the answer is complete. Blank lines before it, which some servers send while they wait, go."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client

    async def stream(self, request: HttpRequest, tap: Tap = NO_TAP) -> AsyncGenerator[Message, None]:
        async with aclosing(self._client.chunks(request, accept="application/json", tap=tap)) as chunks:
            body = b"".join([chunk async for chunk in chunks])
        yield whole_message(body)

    async def aclose(self) -> None:
        await self._client.aclose()
