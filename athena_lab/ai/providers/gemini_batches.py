"""Batches of Gemini (https://ai.google.dev/api/batch-api), with requests and results in line.

``POST /models/{model}:batchGenerateContent`` with a ``batch`` of ``{displayName, inputConfig: {requests: {requests:
[...]}}}``, each ``{request, metadata: {key}}``, begins an operation; ``GET /batches/{id}`` gives its ``metadata.state``
(``BATCH_STATE_...`` or ``JOB_STATE_...``) and in the end, under ``response`` or ``metadata.output``,
``inlinedResponses.inlinedResponses``: each with its request's metadata and a ``response`` or an ``error``
(google.rpc.Status). Read in ``google.genai.batches`` of the SDK 3.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from athena_lab.ai.providers.channels import BatchResult, BatchState, safe_id
from athena_lab.ai.providers.wire import UNDECODABLE, Complaint, Garbage, StreamError
from athena_lab.ai.transports import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from athena_lab.ai.providers.channels import BatchItem
    from athena_lab.ai.transports import Message

_ENDS: Final = frozenset({"SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELLED", "EXPIRED"})
_GOOD: Final = frozenset({"SUCCEEDED", "PARTIALLY_SUCCEEDED"})
_KINDS: Final = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
"""google.rpc.Code, by number."""


class _Status(msgspec.Struct):
    """google.rpc.Status."""

    code: int = 2
    message: str = ""


class _Inlined(msgspec.Struct, rename="camel"):
    inlined_responses: list[msgspec.Raw] = []


class _Output(msgspec.Struct, rename="camel"):
    inlined_responses: _Inlined = msgspec.field(default_factory=_Inlined)


class _Metadata(msgspec.Struct):
    state: str = ""
    output: _Output | None = None


class _Operation(msgspec.Struct):
    name: str
    done: bool = False
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    response: _Output | None = None
    error: _Status | None = None


class _Key(msgspec.Struct):
    key: str


class _Result(msgspec.Struct):
    metadata: _Key
    response: msgspec.Raw = msgspec.Raw(b"")
    error: _Status | None = None


_OPERATION: Final = msgspec.json.Decoder(_Operation)
_RESULT: Final = msgspec.json.Decoder(_Result)


class GeminiBatches:
    """See `channels.BatchFormat`."""

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        self._base_url = base_url
        self._headers = headers

    def upload(self, items: Sequence[BatchItem]) -> None:  # noqa: ARG002 - nothing is sent before
        return None

    def create(self, model: str, items: Sequence[BatchItem], uploaded: Message | None) -> HttpRequest:  # noqa: ARG002 - nothing is
        requests = [{"request": msgspec.Raw(item.body), "metadata": {"key": item.id}} for item in items]
        batch = {"displayName": "athena-lab", "inputConfig": {"requests": {"requests": requests}}}
        url = f"{self._base_url}/models/{quote(model.removeprefix('models/'), safe='')}:batchGenerateContent"
        return HttpRequest("POST", url, self._headers, msgspec.json.encode({"batch": batch}))

    def state(self, message: Message) -> BatchState:
        try:
            operation = _OPERATION.decode(message.data)
        except UNDECODABLE:
            raise Garbage from None
        word = operation.metadata.state.removeprefix("BATCH_STATE_").removeprefix("JOB_STATE_")
        output = operation.response or operation.metadata.output or _Output()
        failure = None
        if operation.error is not None:
            failure = _error(operation.error)
        elif word in _ENDS - _GOOD:
            failure = StreamError(Complaint(f"batch_{word.lower()}"))
        return BatchState(
            safe_id(operation.name.removeprefix("batches/")),
            operation.done or word in _ENDS,
            failure,
            results=[bytes(result).decode("utf-8", "replace") for result in output.inlined_responses.inlined_responses],
        )

    def poll(self, batch_id: str) -> HttpRequest:
        return HttpRequest("GET", f"{self._base_url}/batches/{batch_id}", self._headers)

    def results(self, state: BatchState) -> Sequence[HttpRequest]:  # noqa: ARG002 - they come with it
        return ()

    def result(self, data: str) -> BatchResult:
        try:
            result = _RESULT.decode(data)
        except UNDECODABLE:
            raise Garbage from None
        if result.error is not None:
            return BatchResult(result.metadata.key, failure=_error(result.error))
        return BatchResult(result.metadata.key, bytes(result.response).decode("utf-8", "replace"))

    def cancel(self, batch_id: str) -> HttpRequest:
        return HttpRequest("POST", f"{self._base_url}/batches/{batch_id}:cancel", self._headers, b"{}")

    def forget(self, state: BatchState) -> Sequence[HttpRequest]:
        return (HttpRequest("DELETE", f"{self._base_url}/batches/{state.id}", self._headers),)


def _error(status: _Status) -> StreamError:
    kind = _KINDS[status.code] if 0 <= status.code < len(_KINDS) else "UNKNOWN"
    return StreamError(Complaint("", kind, status.message))
