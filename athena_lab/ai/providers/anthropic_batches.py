"""Anthropic's Message Batches (https://platform.claude.com/docs/en/build-with-claude/batch-processing).

``POST /messages/batches`` with ``{"requests": [{custom_id, params}]}``; ``GET .../{id}`` until ``processing_status`` is
``ended``; ``GET .../{id}/results`` gives a line for each request, in any order: ``{custom_id, result: {type, ...}}``,
where the type is succeeded (with ``message``), errored (with ``error``), canceled or expired. The ``results_url`` that
the state names is not followed. Read in ``anthropic.types.messages`` of the SDK 2.12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from athena_lab.ai.providers.channels import BatchResult, BatchState, safe_id
from athena_lab.ai.providers.wire import UNDECODABLE, Complaint, Garbage, StreamError
from athena_lab.ai.transports import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from athena_lab.ai.providers.channels import BatchItem
    from athena_lab.ai.transports import Message


class _Batch(msgspec.Struct):
    id: str
    processing_status: str


class _Result(msgspec.Struct):
    type: str
    message: msgspec.Raw = msgspec.Raw(b"")
    error: msgspec.Raw = msgspec.Raw(b"")


class _Line(msgspec.Struct):
    custom_id: str
    result: _Result


_BATCH: Final = msgspec.json.Decoder(_Batch)
_LINE: Final = msgspec.json.Decoder(_Line)
_WORDS: Final = {"canceled": "The batch was cancelled.", "expired": "The batch ended before its turn came."}


class AnthropicBatches:
    """See `channels.BatchFormat`. ``complaint`` reads an error as it comes alone."""

    def __init__(self, base_url: str, headers: Mapping[str, str], complaint: Callable[[bytes], Complaint]) -> None:
        self._url = f"{base_url}/messages/batches"
        self._headers = headers
        self._complaint = complaint

    def upload(self, items: Sequence[BatchItem]) -> None:  # noqa: ARG002 - nothing is sent before
        return None

    def create(self, model: str, items: Sequence[BatchItem], uploaded: Message | None) -> HttpRequest:  # noqa: ARG002 - each request names its model
        requests = [{"custom_id": item.id, "params": msgspec.Raw(item.body)} for item in items]
        return HttpRequest("POST", self._url, self._headers, msgspec.json.encode({"requests": requests}))

    def state(self, message: Message) -> BatchState:
        try:
            batch = _BATCH.decode(message.data)
        except UNDECODABLE:
            raise Garbage from None
        return BatchState(safe_id(batch.id), batch.processing_status == "ended")

    def poll(self, batch_id: str) -> HttpRequest:
        return HttpRequest("GET", f"{self._url}/{batch_id}", self._headers)

    def results(self, state: BatchState) -> Sequence[HttpRequest]:
        return (HttpRequest("GET", f"{self._url}/{state.id}/results", self._headers),)

    def result(self, data: str) -> BatchResult:
        try:
            line = _LINE.decode(data)
            answer = bytes(line.result.message).decode()
        except UNDECODABLE:
            raise Garbage from None
        kind = line.result.type
        if kind == "succeeded":
            return BatchResult(line.custom_id, answer)
        said = (
            self._complaint(bytes(line.result.error))
            if kind == "errored"
            else Complaint(kind, "", _WORDS.get(kind, ""))
        )
        return BatchResult(line.custom_id, failure=StreamError(said))

    def cancel(self, batch_id: str) -> HttpRequest:
        return HttpRequest("POST", f"{self._url}/{batch_id}/cancel", self._headers)

    def forget(self, state: BatchState) -> Sequence[HttpRequest]:
        return (HttpRequest("DELETE", f"{self._url}/{state.id}", self._headers),)
