"""OpenAI Responses without a request's own connection: over a WebSocket, and in the background.

WebSocket: the address is that of the HTTP request; one ``response.create`` with the members of its body asks, and the
events that answer are those of the stream. An ``error`` event has the status and the headers that HTTP would have had.
Sources: https://platform.openai.com/docs/guides/websocket-mode, https://platform.openai.com/docs/guides/background, and
OpenAI's Python SDK 3.54 (``resources/responses``, ``types/responses/responses_server_event.py``).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from athena_lab.ai.providers import openai_words
from athena_lab.ai.providers.channels import Place, closed_as
from athena_lab.ai.providers.openai_responses import OpenAIResponses, OpenAIResponsesParser
from athena_lab.ai.providers.wire import UNDECODABLE, StreamError, decode_loosely, retry_after
from athena_lab.ai.transports import HttpRequest, SocketRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.send import Call, Item
    from athena_lab.ai.transports import Message


class _Response(msgspec.Struct):
    id: str = ""


class _Head(msgspec.Struct):
    """Of an event, or of an answer in one piece."""

    sequence_number: int | None = None
    response: _Response | None = None
    id: str = ""
    object: str = ""


_HEAD = msgspec.json.Decoder(_Head)


class SocketParser(OpenAIResponsesParser):
    """One answer over a WebSocket."""

    def feed(self, message: Message) -> Iterator[Item]:
        try:
            yield from super().feed(message)
        except StreamError as error:
            seconds = retry_after(_headers(message.data), time.time())
            if seconds is None:
                raise
            raise StreamError(replace(error.complaint, retry_after=seconds), error.status) from None


class OpenAIResponsesLive(OpenAIResponses):
    """The wire, with its `SocketWire` and its `BackgroundWire`."""

    def socket_request(self, row: ProviderRow, base_url: str, key: Secret | None, call: Call) -> SocketRequest:
        event = {"type": "response.create", **self.body(row, call)}
        return SocketRequest(f"{base_url}/responses", openai_words.headers(key), (msgspec.json.encode(event).decode(),))

    def socket_parser(self) -> SocketParser:
        return SocketParser()

    def socket_closed(self, code: int, reason: str) -> StreamError | None:
        return closed_as(code, reason)

    def place(self, message: Message) -> Place:
        try:
            head = _HEAD.decode(message.data)
        except UNDECODABLE:
            return Place()
        whole = head.id if head.object == "response" else ""
        return Place((head.response and head.response.id) or whole or None, head.sequence_number)

    def poll_request(self, base_url: str, key: Secret | None, response_id: str) -> HttpRequest:
        return HttpRequest("GET", _address(base_url, response_id), openai_words.headers(key))

    def resume_request(self, base_url: str, key: Secret | None, response_id: str, after: int) -> HttpRequest:
        start = f"&starting_after={after}" if after >= 0 else ""
        return HttpRequest("GET", f"{_address(base_url, response_id)}?stream=true{start}", openai_words.headers(key))

    def cancel_request(self, base_url: str, key: Secret | None, response_id: str) -> HttpRequest:
        return HttpRequest("POST", f"{_address(base_url, response_id)}/cancel", openai_words.headers(key))


def _address(base_url: str, response_id: str) -> str:
    """The id is the provider's, so it is quoted: it may not lead elsewhere."""
    return f"{base_url}/responses/{quote(response_id[:256], safe='')}"


def _headers(data: str) -> dict[str, str]:
    """Of an ``error`` event, its names in lower case."""
    said: Any = decode_loosely(data.encode())
    error = said.get("error") if isinstance(said, dict) else None
    headers = error.get("headers") if isinstance(error, dict) else None
    if not isinstance(headers, dict):
        return {}
    return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}
