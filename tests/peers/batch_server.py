"""Batch services as their SDKs expect them: Anthropic's, OpenAI's (and Groq's), Mistral's and Gemini's, on loopback.

What a request asks for in words is what becomes of it: BAD fails, REFUSED is declined, LOST has no result, HUGE has a
result that is too large, GARBLED one that is no answer; any other is answered with its ``q-<number>``. Results come
last first, with one of somebody else's among them.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from athena_lab.ai.testkit.server import Script, ScriptedServer, reply

if TYPE_CHECKING:
    from athena_lab.ai.testkit.server import Exchange, Request

HUGE = "x" * (1 << 20)
USAGE = (40, 8)
"""Tokens of each answer."""
STRANGER = "ffff"


@dataclass
class Batch:
    kind: str
    requests: list[tuple[str, dict[str, Any]]]
    model: str = ""
    upload: str = ""
    polls: int = 0
    cancelled: bool = False


@dataclass
class BatchServer:
    """``polls`` looks find a batch unfinished. ``end``: ended, expired, cancelled, or failed for what is BAD in it."""

    polls: int = 1
    end: str = "ended"
    largest: int = 100
    """Requests of a batch; more are turned down with 413, and one that says TURNED DOWN with 400."""
    faults: list[Script] = field(default_factory=list)
    """What comes in place of the next answers."""
    batches: dict[str, Batch] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    server: ScriptedServer = field(default_factory=ScriptedServer)

    def __post_init__(self) -> None:
        self.server.will(self._answer)
        self._numbers = itertools.count(1)

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.server.requests]

    def cancelled(self) -> bool:
        return bool(self.batches) and all(batch.cancelled for batch in self.batches.values())

    async def _answer(self, exchange: Exchange) -> None:
        if self.faults:
            await self.faults.pop(0)(exchange)
            return
        request = exchange.request
        path = request.path.removeprefix("/openai").partition("?")[0]
        if request.headers.get("authorization") is None and request.headers.get("x-goog-api-key") is None:
            await reply(401, {"error": {"message": "no key"}})(exchange)
            return
        for pattern, method in ROUTES:
            match = re.fullmatch(pattern, f"{request.method} {path}")
            if match:
                status, body = method(self, request, *match.groups())
                kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
                await reply(status, body, {"content-type": kind})(exchange)
                return
        await reply(404, {"error": {"message": f"no {path}"}})(exchange)

    def _accept(self, kind: str, requests: list[tuple[str, dict[str, Any]]], model: str = "") -> str | None:
        """The new batch's id; None for one that is turned down."""
        assert requests
        assert len({name for name, _ in requests}) == len(requests)
        assert not any(body.get("stream") or body.get("background") for _, body in requests)
        if len(requests) > self.largest or any("TURNED DOWN" in json.dumps(body) for _, body in requests):
            return None
        name = f"{kind}-{next(self._numbers)}"
        self.batches[name] = Batch(kind, requests, model)
        return name

    def _ended(self, name: str) -> bool:
        batch = self.batches[name]
        batch.polls += 1
        return batch.cancelled or batch.polls > self.polls

    def _results(self, name: str, answer: Any, fail: Any) -> list[dict[str, Any]]:
        """``answer`` and ``fail`` make lines of an id and what is asked, or of an id and a word."""
        batch = self.batches[name]
        lines = [answer(STRANGER, "q-0")]
        for each, body in reversed(batch.requests):
            said = json.dumps(body)
            question = re.search(r"q-\d+", said)
            if batch.cancelled or self.end in {"expired", "cancelled"}:
                if "LOST" not in said:
                    lines.append(fail(each, "expired" if self.end == "expired" else "cancelled"))
            elif "BAD" in said:
                lines.append(fail(each, "errored"))
            elif "LOST" not in said:
                word = "HUGE" if "HUGE" in said else "REFUSED" if "REFUSED" in said else ""
                text = HUGE if word == "HUGE" else question[0] if question else "?"
                line = answer(each, text, refused=word == "REFUSED")
                lines.append(garbled(line) if "GARBLED" in said else line)
        return lines

    # -- Anthropic

    def _anthropic_create(self, request: Request) -> tuple[int, Any]:
        asked = request.json()["requests"]
        assert all(set(one) == {"custom_id", "params"} and one["params"]["max_tokens"] for one in asked)
        name = self._accept("anthropic", [(one["custom_id"], one["params"]) for one in asked])
        if name is None:
            return 413, {"type": "error", "error": {"type": "request_too_large", "message": "too much"}}
        return 200, self._anthropic_state(name, ended=False)

    def _anthropic_poll(self, _: Request, name: str) -> tuple[int, Any]:
        return 200, self._anthropic_state(name, ended=self._ended(name))

    def _anthropic_state(self, name: str, *, ended: bool) -> dict[str, Any]:
        return {
            "id": name,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0),
            "created_at": "2026-11-23T00:00:00Z",
            "expires_at": "2026-11-24T00:00:00Z",
            "ended_at": "2026-11-23T00:00:01Z" if ended else None,
            "cancel_initiated_at": None,
            "archived_at": None,
            "results_url": f"https://elsewhere.invalid/v1/messages/batches/{name}/results" if ended else None,
        }

    def _anthropic_results(self, _: Request, name: str) -> tuple[int, Any]:
        def answer(each: str, text: str, *, refused: bool = False) -> dict[str, Any]:
            message = {
                "id": "msg_1",
                "type": "message",
                "role": "assistant",
                "model": "m-1",
                "content": [] if refused else [{"type": "text", "text": text}],
                "stop_reason": "refusal" if refused else "end_turn",
                "stop_sequence": None,
                "usage": {"input_tokens": USAGE[0], "output_tokens": USAGE[1]},
            }
            return {"custom_id": each, "result": {"type": "succeeded", "message": message}}

        def fail(each: str, word: str) -> dict[str, Any]:
            if word != "errored":
                return {"custom_id": each, "result": {"type": "canceled" if word == "cancelled" else word}}
            error = {"type": "error", "error": {"type": "invalid_request_error", "message": "bad"}, "request_id": None}
            return {"custom_id": each, "result": {"type": "errored", "error": error}}

        return 200, jsonl(self._results(name, answer, fail))

    def _anthropic_cancel(self, _: Request, name: str) -> tuple[int, Any]:
        self.batches[name].cancelled = True
        return 200, self._anthropic_state(name, ended=False) | {"processing_status": "canceling"}

    # -- OpenAI, Groq, and Mistral's files

    def _upload(self, request: Request) -> tuple[int, Any]:
        fields = multipart(request)
        assert fields["purpose"] == b"batch"
        name = f"file-{next(self._numbers)}"
        self.files[name] = fields["file"]
        return 200, {
            "id": name,
            "object": "file",
            "bytes": len(fields["file"]),
            "created_at": 1,
            "filename": "batch.jsonl",
            "purpose": "batch",
            "status": "processed",
            "sample_type": "batch_request",
            "source": "upload",
        }

    def _delete(self, _: Request, name: str) -> tuple[int, Any]:
        """Of a file or of a batch that has ended."""
        self.deleted.append(name)
        return 200, {"id": name, "object": "file", "type": "message_batch_deleted", "deleted": True}

    def _content(self, _: Request, name: str) -> tuple[int, Any]:
        return 200, self.files[name]

    def _openai_create(self, request: Request) -> tuple[int, Any]:
        asked = request.json()
        assert asked["completion_window"] == "24h"
        lines = [json.loads(line) for line in self.files[asked["input_file_id"]].splitlines()]
        assert {(line["method"], line["url"]) for line in lines} == {("POST", asked["endpoint"])}
        name = self._accept("openai", [(line["custom_id"], line["body"]) for line in lines], asked["endpoint"])
        if name is None:
            return 400, {"error": {"message": "too much", "type": "invalid_request_error", "code": None}}
        self.batches[name].upload = asked["input_file_id"]
        return 200, self._openai_state(name, "validating")

    def _openai_poll(self, _: Request, name: str) -> tuple[int, Any]:
        if not self._ended(name):
            return 200, self._openai_state(name, "in_progress")
        batch = self.batches[name]
        if self.end == "failed" and any("BAD" in json.dumps(body) for _, body in batch.requests):
            lines = [number for number, (_, body) in enumerate(batch.requests, 1) if "BAD" in json.dumps(body)]
            errors = [{"code": "invalid_request", "message": "bad", "line": line, "param": None} for line in lines]
            return 200, self._openai_state(name, "failed") | {"errors": {"object": "list", "data": errors}}
        status = (
            "cancelled" if batch.cancelled else {"ended": "completed", "failed": "completed"}.get(self.end, self.end)
        )
        lines = self._results(name, chat_line if "chat" in batch.model else responses_line, openai_failure)
        good = [line for line in lines if line["error"] is None and line["response"]["status_code"] == 200]
        state = self._openai_state(name, status)
        return 200, state | self._files(good, [line for line in lines if line not in good], "_id")

    def _files(self, good: list[Any], bad: list[Any], suffix: str = "") -> dict[str, str]:
        made = {}
        for kind, lines in (("output", good), ("error", bad)):
            if lines:
                made[f"{kind}_file{suffix}"] = name = f"file-{next(self._numbers)}"
                self.files[name] = jsonl(lines)
        return made

    def _openai_state(self, name: str, status: str) -> dict[str, Any]:
        return {
            "id": name,
            "object": "batch",
            "endpoint": self.batches[name].model,
            "input_file_id": self.batches[name].upload,
            "completion_window": "24h",
            "created_at": 1,
            "status": status,
            "errors": None,
        }

    def _openai_cancel(self, _: Request, name: str) -> tuple[int, Any]:
        self.batches[name].cancelled = True
        return 200, self._openai_state(name, "cancelling")

    # -- Mistral

    def _mistral_create(self, request: Request) -> tuple[int, Any]:
        asked = request.json()
        assert asked["endpoint"] == "/v1/chat/completions"
        lines = [json.loads(line) for name in asked["input_files"] for line in self.files[name].splitlines()]
        assert not any("model" in line["body"] for line in lines)
        name = self._accept("mistral", [(line["custom_id"], line["body"]) for line in lines], asked["model"])
        if name is None:
            return 422, {"detail": "too much"}
        self.batches[name].upload = asked["input_files"][0]
        return 200, self._mistral_state(name, "QUEUED")

    def _mistral_poll(self, _: Request, name: str) -> tuple[int, Any]:
        if not self._ended(name):
            return 200, self._mistral_state(name, "RUNNING")
        words = {"expired": "TIMEOUT_EXCEEDED", "cancelled": "CANCELLED", "failed": "FAILED"}
        status = "CANCELLED" if self.batches[name].cancelled else words.get(self.end, "SUCCESS")
        lines = self._results(name, chat_line, openai_failure)
        bad = [line for line in lines if line["error"] is not None or line["response"]["status_code"] != 200]
        return 200, self._mistral_state(name, status) | self._files([line for line in lines if line not in bad], bad)

    def _mistral_state(self, name: str, status: str) -> dict[str, Any]:
        counts = ("total_requests", "completed_requests", "succeeded_requests", "failed_requests")
        return {
            "id": name,
            "object": "batch",
            "input_files": [self.batches[name].upload],
            "endpoint": "/v1/chat/completions",
            "errors": [],
            "status": status,
            "created_at": 1,
            "output_file": None,
            "error_file": None,
            **dict.fromkeys(counts, 0),
        }

    def _mistral_cancel(self, _: Request, name: str) -> tuple[int, Any]:
        self.batches[name].cancelled = True
        return 200, self._mistral_state(name, "CANCELLATION_REQUESTED")

    # -- Gemini

    def _gemini_create(self, request: Request, model: str) -> tuple[int, Any]:
        batch = request.json()["batch"]
        assert batch["displayName"]
        asked = [(one["metadata"]["key"], one["request"]) for one in batch["inputConfig"]["requests"]["requests"]]
        assert all(body["contents"] for _, body in asked)
        name = self._accept("gemini", asked, model)
        if name is None:
            return 400, {"error": {"code": 400, "message": "too much", "status": "INVALID_ARGUMENT"}}
        return 200, self._gemini_state(name, "PENDING")

    def _gemini_poll(self, _: Request, name: str) -> tuple[int, Any]:
        if not self._ended(name):
            return 200, self._gemini_state(name, "RUNNING")
        word = "CANCELLED" if self.batches[name].cancelled else self.end.upper()
        state = self._gemini_state(name, "SUCCEEDED" if word in {"ENDED", "FAILED"} else word)
        lines = [] if word in {"CANCELLED", "EXPIRED"} else self._results(name, gemini_line, gemini_failure)
        state["metadata"]["output"] = output = {"inlinedResponses": {"inlinedResponses": lines}}
        return 200, state | {"done": True, "response": output}

    def _gemini_state(self, name: str, word: str) -> dict[str, Any]:
        metadata = {"displayName": "b", "state": f"BATCH_STATE_{word}", "model": self.batches[name].model}
        return {"name": f"batches/{name}", "metadata": metadata}

    def _gemini_cancel(self, _: Request, name: str) -> tuple[int, Any]:
        self.batches[name].cancelled = True
        return 200, {}


def garbled(line: dict[str, Any]) -> Any:
    return json.loads(re.sub(r'"(usage\w*)": ', r'"\1": 7, "x": ', json.dumps(line)))


def gemini_line(each: str, text: str, *, refused: bool = False) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": USAGE[0], "candidatesTokenCount": USAGE[1], "totalTokenCount": sum(USAGE)}
    said = {"promptFeedback": {"blockReason": "SAFETY"}} if refused else {"candidates": [candidate]}
    return {"metadata": {"key": each}, "response": {**said, "usageMetadata": usage}}


def gemini_failure(each: str, _word: str) -> dict[str, Any]:
    return {"metadata": {"key": each}, "error": {"code": 3, "message": "bad"}}


def chat_line(each: str, text: str, *, refused: bool = False) -> dict[str, Any]:
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "" if refused else text},
                "finish_reason": "content_filter" if refused else "stop",
            }
        ],
        "usage": {"prompt_tokens": USAGE[0], "completion_tokens": USAGE[1], "total_tokens": sum(USAGE)},
    }
    return openai_line(each, body)


def responses_line(each: str, text: str, *, refused: bool = False) -> dict[str, Any]:
    content = {"type": "refusal", "refusal": text} if refused else {"type": "output_text", "text": text}
    body = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "output": [{"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [content]}],
        "usage": {"input_tokens": USAGE[0], "output_tokens": USAGE[1]},
    }
    return openai_line(each, body)


def openai_line(each: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    response = {"status_code": status, "request_id": "req_1", "body": body}
    return {"id": "batch_req_1", "custom_id": each, "response": response, "error": None}


def openai_failure(each: str, word: str) -> dict[str, Any]:
    if word == "errored":
        return openai_line(each, {"error": {"message": "bad", "type": "invalid_request_error", "code": None}}, 400)
    error = {"code": f"batch_{word}", "message": "This request could not be executed in time."}
    return {"id": "batch_req_1", "custom_id": each, "response": None, "error": error}


def jsonl(lines: list[dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(line) for line in lines).encode()


def multipart(request: Request) -> dict[str, bytes]:
    match = re.search(r"boundary=\"?([^\";]+)", request.headers["content-type"])
    assert match is not None
    fields = {}
    for part in request.body.split(f"--{match[1]}".encode())[1:-1]:
        head, _, body = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]+)"', head)
        assert name is not None
        fields[name[1].decode()] = body.removesuffix(b"\r\n")
    return fields


ROUTES = [
    (r"POST /v1/messages/batches", BatchServer._anthropic_create),
    (r"GET /v1/messages/batches/([\w-]+)", BatchServer._anthropic_poll),
    (r"GET /v1/messages/batches/([\w-]+)/results", BatchServer._anthropic_results),
    (r"POST /v1/messages/batches/([\w-]+)/cancel", BatchServer._anthropic_cancel),
    (r"POST /v1/files", BatchServer._upload),
    (r"DELETE /v1/(?:messages/batches|files|batches)/([\w-]+)", BatchServer._delete),
    (r"GET /v1/files/([\w-]+)/content", BatchServer._content),
    (r"POST /v1/batches", BatchServer._openai_create),
    (r"GET /v1/batches/(openai-\d+)", BatchServer._openai_poll),
    (r"POST /v1/batches/(openai-\d+)/cancel", BatchServer._openai_cancel),
    (r"POST /v1/models/([\w.-]+):batchGenerateContent", BatchServer._gemini_create),
    (r"GET /v1/batches/(gemini-\d+)", BatchServer._gemini_poll),
    (r"POST /v1/batches/(gemini-\d+):cancel", BatchServer._gemini_cancel),
    (r"POST /v1/batch/jobs", BatchServer._mistral_create),
    (r"GET /v1/batch/jobs/([\w-]+)", BatchServer._mistral_poll),
    (r"POST /v1/batch/jobs/([\w-]+)/cancel", BatchServer._mistral_cancel),
]
