"""A local model server for tests and demonstrations: OpenAI's wire, no model behind it.

    python tests/peers/model_server.py --port 8080 --rate 50

It streams a plausible answer in Markdown that cites the finding ids which it finds in the prompt, like
``[file-processor/overlay]``; asked with a schema, it answers in JSON. Where functions are offered that look into the
sample, it asks for some of them first, one after the other, each by what the one before it gave, and cites what they
showed (`looking`). ``GET /v1/models`` lists one model. It binds 127.0.0.1, prints ``listening on
http://127.0.0.1:PORT/v1`` once it does; ends on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import looking
from scripted_server import Request, read_request, sse

if TYPE_CHECKING:
    from collections.abc import Iterator

MODEL = "plausible-1"
_ID = re.compile(r"\[([a-z][a-z0-9-]*/[a-z0-9._/-]+)\] (\w+)")


@dataclass(frozen=True)
class Behaviour:
    """``rate`` in tokens per second, 0 for as fast as possible; ``delay`` before the first token, in seconds."""

    rate: float = 50.0
    delay: float = 0.2


def answer_to(prompt: str) -> str:
    """The same answer for the same prompt."""
    found = list(dict.fromkeys(_ID.findall(prompt)))
    if not found:
        return (
            "**Verdict: unknown.** The question came without findings, so there is nothing to base a verdict on.\n\n"
            "Triage a file first, then ask about it.\n"
        )
    severe = [name for name, severity in found if severity in {"high", "critical"}]
    verdict = "suspicious, look closer" if severe else "nothing in the findings points to malware"
    reasons = "".join(f"- Severity {severity}: this is what [{name}] shows.\n" for name, severity in found[:8])
    first = found[0][0]
    return (
        f"**Verdict: {verdict}.**\n\n"
        f"### Why\n\n{reasons}\n"
        f"### What to check next\n\n"
        f"1. Compare the strings with the imports, starting from [{first}].\n"
        "2. Look the SHA-256 up with the services that you trust.\n"
        "3. Note what is *not known*: nothing was executed.\n"
    )


def assessment_of(prompt: str) -> str:
    """The same as JSON, as a structured answer."""
    found = list(dict.fromkeys(_ID.findall(prompt)))
    severe = any(severity in {"high", "critical"} for _, severity in found)
    return json.dumps(
        {
            "verdict": "suspicious" if severe else "benign" if found else "unknown",
            "family": None,
            "confidence": 60 if found else 0,
            "techniques": ["T1027"] if severe else [],
            "iocs": [],
            "summary": answer_to(prompt),
        }
    )


def chunks(text: str, model: str, *, usage: dict[str, int] | None) -> Iterator[dict[str, Any]]:
    """The chunks of a streamed answer, in order."""
    base = {"id": "chatcmpl-local", "object": "chat.completion.chunk", "created": 0, "model": model}

    def choice(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield choice({"role": "assistant", "content": ""})
    for piece in re.findall(r"\s*\S+\s*", text):
        yield choice({"content": piece})
    yield choice({}, "stop")
    if usage is not None:
        yield {**base, "choices": [], "usage": usage}


def call_chunks(calls: list[tuple[str, dict[str, Any]]], model: str, first: int) -> Iterator[dict[str, Any]]:
    """The chunks of a turn that asks for functions, their arguments in pieces."""
    base = {"id": "chatcmpl-local", "object": "chat.completion.chunk", "created": 0, "model": model}

    def choice(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield choice({"role": "assistant", "content": None})
    for index, call in enumerate(calls_of(calls, first)):
        arguments = call["function"]["arguments"]
        begun = {**call, "function": {**call["function"], "arguments": ""}}
        yield choice({"tool_calls": [{"index": index, **begun}]})
        for at in range(0, len(arguments), 24):
            yield choice({"tool_calls": [{"index": index, "function": {"arguments": arguments[at : at + 24]}}]})
    yield choice({}, "tool_calls")


def calls_of(calls: list[tuple[str, dict[str, Any]]], first: int) -> list[dict[str, Any]]:
    return [
        {"id": f"local{number:04d}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for number, (name, arguments) in enumerate(calls, first)
    ]


class ModelServer:
    def __init__(self, behaviour: Behaviour = Behaviour()) -> None:
        self.behaviour = behaviour

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while True:
                await self._answer(await read_request(reader), writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has gone
        except (ValueError, KeyError, TypeError) as error:
            _send(writer, 400, {"error": {"message": f"bad request: {error}", "type": "invalid_request_error"}})
        finally:
            writer.close()

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        route = (request.method, request.path)
        if route == ("GET", "/v1/models"):
            _send(writer, 200, {"object": "list", "data": [{"id": MODEL, "object": "model"}]})
        elif route == ("GET", "/health"):
            _send(writer, 200, {"status": "ok"})
        elif route == ("POST", "/v1/chat/completions"):
            await self._complete(request.json(), writer)
        else:
            _send(writer, 404, {"error": {"message": "no such path", "type": "not_found_error"}})
        await writer.drain()

    async def _complete(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        prompt = "\n".join(message["content"] for message in body["messages"] if message["role"] == "user")
        results = looking.results_of(body["messages"])
        calls = looking.next_calls(looking.offered(body), results)
        made = [answer_to(prompt), looking.shown(results)]
        structured = "response_format" in body or looking.wants_json(body["messages"])
        text = assessment_of(prompt) if structured else "\n".join(filter(None, made))
        model = body.get("model") or MODEL
        words = len(text.split())
        usage = {"prompt_tokens": len(json.dumps(body["messages"])) // 4, "completion_tokens": words}
        if not body.get("stream"):
            said = {"content": None, "tool_calls": calls_of(calls, len(results))} if calls else {"content": text}
            message = {"role": "assistant", **said}
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
            _send(writer, 200, {"id": "chatcmpl-local", "model": model, "choices": [choice], "usage": usage})
            return
        asked = (body.get("stream_options") or {}).get("include_usage")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        await asyncio.sleep(self.behaviour.delay)
        answer = (
            call_chunks(calls, model, len(results)) if calls else chunks(text, model, usage=usage if asked else None)
        )
        for chunk in answer:
            await _chunk(writer, sse(chunk))
            if self.behaviour.rate:
                await asyncio.sleep(1 / self.behaviour.rate)
        await _chunk(writer, sse("[DONE]"))
        writer.write(b"0\r\n\r\n")


async def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


def _send(writer: asyncio.StreamWriter, status: int, body: dict[str, Any]) -> None:
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} Peer\r\ncontent-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    writer.write(head.encode() + data)


async def run(port: int, behaviour: Behaviour) -> None:
    server = await asyncio.start_server(ModelServer(behaviour).serve, "127.0.0.1", port)
    bound = server.sockets[0].getsockname()[1]
    print(f"listening on http://127.0.0.1:{bound}/v1", flush=True)  # noqa: T201 - who starts it waits for this line
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with server:
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="A local model server without a model, for tests.")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one (%(default)s)")
    parser.add_argument("--rate", type=float, default=50.0, help="tokens per second, 0: no limit (%(default)s)")
    parser.add_argument("--delay", type=float, default=0.2, help="seconds before the first token (%(default)s)")
    arguments = parser.parse_args()
    asyncio.run(run(arguments.port, Behaviour(arguments.rate, arguments.delay)))


if __name__ == "__main__":
    main()
