"""Batches of OpenAI (https://developers.openai.com/api/docs/guides/batch), of Groq, and Mistral's batch jobs.

All take a file with a line for each request, ``{custom_id, method, url, body}``, and give files with a line for each
result, in any order: ``{custom_id, response: {status_code, request_id, body}, error: {code, message}}``. Results and
errors stand in a file each; a request of a batch that expired stands among the errors.

OpenAI, and Groq below its own base URL: ``POST /batches`` with ``{input_file_id, endpoint, completion_window}``; ``GET
/batches/{id}`` until ``status`` is completed, failed, expired or cancelled; failed means that the file did not pass its
validation, and ``errors.data`` says which lines (counted from 1) did not. Mistral: ``POST /batch/jobs`` with
``{input_files, endpoint, model}``, and states of its own. Read in ``openai.types.batch`` (SDK 3.54), ``groq.types``
(1.7), ``mistralai.client.models.batchjob`` (3.7).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from msgspec import Meta

from athena_lab.ai.providers.channels import BatchResult, BatchState, safe_id
from athena_lab.ai.providers.wire import UNDECODABLE, Complaint, Garbage, StreamError
from athena_lab.ai.transports import HttpRequest, HttpStatus, ReplyInfo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from athena_lab.ai.providers.channels import BatchItem
    from athena_lab.ai.transports import Message

OK: Final = 200


class _File(msgspec.Struct):
    id: str


class _Error(msgspec.Struct):
    code: str | int | None = None
    message: str | None = None
    line: int | None = None


class _Errors(msgspec.Struct):
    data: list[_Error] | None = None


class _Batch(msgspec.Struct):
    id: str
    status: str
    errors: _Errors | None = None
    input_file_id: str | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None


class _Job(msgspec.Struct):
    """Mistral's."""

    id: str
    status: str
    errors: list[_Error] = []
    input_files: list[str] = []
    output_file: str | None = None
    error_file: str | None = None


class _Response(msgspec.Struct):
    status_code: Annotated[int, Meta(ge=100, le=599)] = OK
    request_id: str | None = None
    body: msgspec.Raw = msgspec.Raw(b"")


class _Line(msgspec.Struct):
    custom_id: str
    response: _Response | None = None
    error: _Error | None = None


_FILE: Final = msgspec.json.Decoder(_File)
_BATCH: Final = msgspec.json.Decoder(_Batch)
_JOB: Final = msgspec.json.Decoder(_Job)
_LINE: Final = msgspec.json.Decoder(_Line)
ENDS: Final = frozenset({"completed", "failed", "expired", "cancelled"})
JOB_ENDS: Final = frozenset({"SUCCESS", "FAILED", "TIMEOUT_EXCEEDED", "CANCELLED"})
_GOOD: Final = frozenset({"completed", "SUCCESS"})


class OpenAIBatches:
    """See `channels.BatchFormat`. ``endpoint`` is what each request is for, as a path of OpenAI's."""

    def __init__(self, base_url: str, headers: Mapping[str, str], endpoint: str) -> None:
        self._base_url = base_url
        self._headers = headers
        self._endpoint = endpoint

    def upload(self, items: Sequence[BatchItem]) -> HttpRequest:
        """As multipart/form-data (RFC 7578). The boundary is random, so that no question can hold it."""
        boundary = os.urandom(16).hex()
        fields = (
            b'name="purpose"\r\n\r\nbatch',
            b'name="file"; filename="batch.jsonl"\r\nContent-Type: application/jsonl\r\n\r\n'
            + b"\n".join(self._line(item) for item in items),
        )
        start = f"--{boundary}\r\nContent-Disposition: form-data; ".encode()
        body = b"".join(start + field + b"\r\n" for field in fields) + f"--{boundary}--\r\n".encode()
        headers = {**self._headers, "content-type": f"multipart/form-data; boundary={boundary}"}
        return HttpRequest("POST", f"{self._base_url}/files", headers, body)

    def create(self, model: str, items: Sequence[BatchItem], uploaded: Message | None) -> HttpRequest:  # noqa: ARG002 - each request names its model
        body = {"input_file_id": _file(uploaded), "endpoint": self._endpoint, "completion_window": "24h"}
        return HttpRequest("POST", f"{self._base_url}/batches", self._headers, msgspec.json.encode(body))

    def state(self, message: Message) -> BatchState:
        try:
            batch = _BATCH.decode(message.data)
        except UNDECODABLE:
            raise Garbage from None
        errors = (batch.errors and batch.errors.data) or []
        return BatchState(
            safe_id(batch.id),
            batch.status in ENDS,
            _failure(batch.status, errors),
            {error.line - 1: _error(error) for error in errors if error.line} if batch.status == "failed" else {},
            _files(batch.output_file_id, batch.error_file_id),
            _files(batch.input_file_id),
        )

    def poll(self, batch_id: str) -> HttpRequest:
        return HttpRequest("GET", f"{self._base_url}/batches/{batch_id}", self._headers)

    def results(self, state: BatchState) -> Sequence[HttpRequest]:
        return [HttpRequest("GET", f"{self._base_url}/files/{file}/content", self._headers) for file in state.files]

    def result(self, data: str) -> BatchResult:
        try:
            line = _LINE.decode(data)
            answer = bytes(line.response.body).decode() if line.response is not None else ""
        except UNDECODABLE:
            raise Garbage from None
        said = line.response
        if said is None or line.error is not None:
            return BatchResult(line.custom_id, failure=_error(line.error or _Error()))
        if said.status_code != OK:
            reply = ReplyInfo(said.status_code, {"x-request-id": said.request_id or ""})
            return BatchResult(line.custom_id, failure=HttpStatus(reply, answer.encode()))
        return BatchResult(line.custom_id, answer)

    def cancel(self, batch_id: str) -> HttpRequest:
        return HttpRequest("POST", f"{self._base_url}/batches/{batch_id}/cancel", self._headers)

    def forget(self, state: BatchState) -> Sequence[HttpRequest]:
        """A batch itself holds neither questions nor answers."""
        files = (*state.uploads, *state.files)
        return [HttpRequest("DELETE", f"{self._base_url}/files/{file}", self._headers) for file in files]

    def _line(self, item: BatchItem) -> bytes:
        line = {"custom_id": item.id, "method": "POST", "url": self._endpoint, "body": msgspec.Raw(item.body)}
        return msgspec.json.encode(line)


class MistralJobs(OpenAIBatches):
    """A job names the model for all of its requests."""

    def create(self, model: str, items: Sequence[BatchItem], uploaded: Message | None) -> HttpRequest:  # noqa: ARG002 - they are uploaded
        body = {"input_files": [_file(uploaded)], "endpoint": self._endpoint, "model": model, "timeout_hours": 24}
        return HttpRequest("POST", f"{self._base_url}/batch/jobs", self._headers, msgspec.json.encode(body))

    def state(self, message: Message) -> BatchState:
        try:
            job = _JOB.decode(message.data)
        except UNDECODABLE:
            raise Garbage from None
        return BatchState(
            safe_id(job.id),
            job.status in JOB_ENDS,
            _failure(job.status, job.errors),
            files=_files(job.output_file, job.error_file),
            uploads=_files(*job.input_files),
        )

    def poll(self, batch_id: str) -> HttpRequest:
        return HttpRequest("GET", f"{self._base_url}/batch/jobs/{batch_id}", self._headers)

    def cancel(self, batch_id: str) -> HttpRequest:
        return HttpRequest("POST", f"{self._base_url}/batch/jobs/{batch_id}/cancel", self._headers)

    def _line(self, item: BatchItem) -> bytes:
        body: dict[str, Any] = msgspec.json.decode(item.body)
        body = {name: value for name, value in body.items() if name not in {"model", "stream"}}
        return msgspec.json.encode({"custom_id": item.id, "body": body})


def _file(uploaded: Message | None) -> str:
    try:
        return safe_id(_FILE.decode(uploaded.data if uploaded is not None else "").id)
    except UNDECODABLE:
        raise Garbage from None


def _files(*names: str | None) -> tuple[str, ...]:
    return tuple(safe_id(name) for name in names if name)


def _failure(status: str, errors: Sequence[_Error]) -> StreamError | None:
    """Of the requests without a result, where the batch did not end well."""
    if status in _GOOD:
        return None
    said = next((error for error in errors if error.message), _Error())
    code = f"batch_{status.lower()}" if said.code is None else str(said.code)
    return StreamError(Complaint(code, "", said.message or ""))


def _error(error: _Error) -> StreamError:
    return StreamError(Complaint("" if error.code is None else str(error.code), "", error.message or ""))
