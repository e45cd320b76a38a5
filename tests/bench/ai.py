"""The way of a question beside plain HTTP clients.

- clients: requests/s at 32 concurrent, and how many of 10 requests a pool of 10 answers after 5 s of cancelled ones
- streams: whole answers/s at 32 concurrent, through our pipeline and through plain httpx with httpx-sse
- events: typed events/s parsed from recorded bytes
- first token: what we add to the time until the first token, over the bare client
- idle: memory of one open stream that nothing comes on

The server is a process of its own on loopback. With two cores, server and client have one each.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import statistics
import subprocess
import sys
import time
import tracemalloc
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import httpx_aiohttp
from httpx_sse import EventSource, aconnect_sse
from openai import AsyncOpenAI, OpenAI

from athena_lab.ai import AIManager, AnalysisRequest, ProviderRow, build_prompt
from athena_lab.ai.send import PROGRESS
from athena_lab.ai.transports.sse import SseDecoder
from athena_lab.ai.types import Features
from athena_lab.events import Token
from tests.ai.recorded import OPENAI, WIRES
from tests.bench.litellm_router import measured
from tests.bench.table import Table, ratio
from tests.peers.scripted_server import Exchange, ScriptedServer, sse, stream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    from athena_lab.ai import Prompt

_numbers = itertools.count()
REQUEST = AnalysisRequest("What is this?")
SECONDS = 2.0


def prompt() -> Prompt:
    """Another one each time: identical questions at the same time would share a call."""
    return build_prompt(f"What is this, and why, in {next(_numbers)} words?")


def client(kind: str, connections: int) -> Any:
    if kind == "httpx2":
        limits2 = httpx2.Limits(max_connections=connections, max_keepalive_connections=connections)
        return httpx2.AsyncClient(limits=limits2, timeout=5)
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    made = httpx.AsyncClient if kind == "httpx" else httpx_aiohttp.HttpxAiohttpClient
    return made(limits=limits, timeout=5)


async def rate(task: Callable[[], Awaitable[object]], concurrent: int = 32) -> float:
    """How often per second the task is done, by so many at a time."""
    done = 0
    end = time.perf_counter() + SECONDS

    async def work() -> None:
        nonlocal done
        while time.perf_counter() < end:
            await task()
            done += 1

    await asyncio.gather(*(work() for _ in range(concurrent)))
    return done / SECONDS


async def bench_clients(url: str) -> Table:
    rows = []
    for kind in ("httpx", "httpx2", "httpx-aiohttp"):
        async with client(kind, 32) as http:
            per_second = await rate(lambda http=http: http.post(f"{url}/whole", content=b"x" * 2_000))
        rows.append([kind, f"{per_second:,.0f}", f"{await survivors(kind, url)} of 10"])
    note = "32 requests at a time; then 10 requests to a pool of 10 connections after 5 s of cancelled ones."
    return Table("HTTP clients", note, ["", "requests/s", "answered after cancelling"], rows)


async def survivors(kind: str, url: str) -> int:
    chance = random.Random(1)
    end = time.perf_counter() + 5
    async with client(kind, 10) as http:

        async def one() -> None:
            async with http.stream("POST", url + chance.choice(["/whole", "/hang", "/late"]), content=b"x") as response:
                async for _ in response.aiter_bytes():
                    pass

        async def cancel() -> None:
            while time.perf_counter() < end:
                task = asyncio.create_task(one())
                await asyncio.sleep(chance.random() * 0.03)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        await asyncio.gather(*(cancel() for _ in range(40)))
        asked = (asyncio.wait_for(http.get(f"{url}/whole"), 3) for _ in range(10))
        answers = await asyncio.gather(*asked, return_exceptions=True)
        return sum(not isinstance(answer, BaseException) for answer in answers)


async def bench_streams(url: str) -> Table:
    rates = {}
    for kind in ("httpx", "httpx-aiohttp"):
        async with client(kind, 32) as http:
            rates[f"{kind} with httpx-sse"] = await rate(lambda http=http: plain(http, url))
    async with AsyncOpenAI(api_key="none", base_url=f"{url}/stream", max_retries=0) as sdk:
        rates["openai SDK"] = await rate(lambda: through_sdk(sdk))
    async with AIManager([row(url, "/stream")], environ={}) as manager:
        rates["ours: the whole pipeline, over httpx-aiohttp"] = await rate(lambda: manager.analyze(REQUEST, prompt()))
    whole = row(url, "/stream", features=Features(streaming=False))
    async with AIManager([whole], environ={}) as manager:
        rates["ours, answers in one piece"] = await rate(lambda: manager.analyze(REQUEST, prompt()))
    rates["litellm.Router"] = measured(f"{url}/stream")["per_second"]
    base = rates["httpx with httpx-sse"]
    note = "Whole streamed answers, 32 at a time, from a server in another process."
    rows = [[name, f"{value:,.0f}", ratio(value, base)] for name, value in rates.items()]
    return Table("Streams", note, ["", "answers/s", "beside httpx"], rows)


async def plain(http: httpx.AsyncClient, url: str) -> None:
    async with aconnect_sse(http, "POST", f"{url}/stream/chat/completions", content=b"x" * 2_000) as source:
        async for event in source.aiter_sse():
            if event.data != "[DONE]":
                json.loads(event.data)


async def through_sdk(sdk: AsyncOpenAI) -> None:
    stream = await sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], stream=True)
    async for _ in stream:
        pass


CHAT = sse({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]})  # fmt: skip  # one event
RESPONSE = {"type": "response.output_text.delta", "item_id": "i", "output_index": 0, "content_index": 0,
            "delta": "word ", "sequence_number": 1, "logprobs": []}  # fmt: skip  # one event
BLOCK = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word "}}
GEMINI = {"candidates": [{"content": {"parts": [{"text": "word "}], "role": "model"}, "index": 0}]}
PIECES = {
    "anthropic": sse(BLOCK, "content_block_delta"),
    "gemini": sse(GEMINI),
    "openai-chat": CHAT,
    "openai-responses": sse(RESPONSE, "response.output_text.delta"),
}
"""A token of five letters, on each wire."""
READS = 5_000
PER_READ = 20


def bench_events() -> Table:
    rates = {"httpx-sse and json, untyped": rate_of_httpx_sse(), "openai SDK": rate_of_sdk()}
    rates |= {f"ours, {wire}": rate_of_ours(wire) for wire in WIRES}
    base = rates["openai SDK"]
    rows = [[name, f"{value:,.0f}", ratio(value, base)] for name, value in rates.items()]
    note = f"Bytes to events, no network, {PER_READ} events a read."
    return Table("Events", note, ["", "events/s", "beside the openai SDK"], rows)


def rate_of_ours(wire: str) -> float:
    decoder, parser, events = SseDecoder(), WIRES[wire].parser(), 0
    chunk = PIECES[wire] * PER_READ
    began = time.perf_counter()
    for _ in range(READS):
        for message in decoder.feed(chunk):
            events += sum(item is not PROGRESS for item in parser.feed(message))
    return events / (time.perf_counter() - began)


def rate_of_httpx_sse() -> float:
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Reads())
    began = time.perf_counter()
    events = sum(bool(json.loads(event.data)) for event in EventSource(response).iter_sse())
    return events / (time.perf_counter() - began)


def rate_of_sdk() -> float:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Reads2())

    with OpenAI(api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(answer))) as sdk:
        stream = sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": "?"}], stream=True)
        began = time.perf_counter()
        events = sum(bool(chunk.choices) for chunk in stream)
        return events / (time.perf_counter() - began)


def reads() -> Iterator[bytes]:
    return (CHAT * PER_READ for _ in range(READS // 10))


class Reads(httpx.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        return reads()


class Reads2(httpx2.SyncByteStream):
    def __iter__(self) -> Iterator[bytes]:
        return reads()


async def bench_first_token(url: str) -> Table:
    async with AIManager([row(url, "/stream")], environ={}) as manager, client("httpx-aiohttp", 4) as http:

        async def ours() -> None:
            async with manager.stream(REQUEST, prompt()) as events:
                async for event in events:
                    if isinstance(event, Token):
                        return

        async def bare() -> None:
            async with http.stream("POST", f"{url}/stream/chat/completions", content=b"x" * 2_000) as response:
                async for _ in response.aiter_bytes():
                    return

        times = {name: [await timed(task) for _ in range(300)] for name, task in (("bare", bare), ("ours", ours))}
    medians = {name: statistics.median(taken) * 1e3 for name, taken in times.items()}
    rows = [[name, f"{value:.2f}", f"{value - medians['bare']:+.2f}"] for name, value in medians.items()]
    return Table(
        "First token", "Median of 300 requests, one after the other.", ["", "ms", "beside the bare client"], rows
    )


async def timed(task: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await task()
    return time.perf_counter() - began


async def bench_idle(url: str, count: int = 200) -> Table:
    async with AIManager([row(url, "/hang")], environ={}) as manager, AsyncExitStack() as stack:

        async def open_one() -> None:
            events = await stack.enter_async_context(manager.stream(REQUEST, prompt()))
            await anext(events)
            task = asyncio.ensure_future(anext(events))
            stack.push_async_callback(cancelled, task)

        await open_one()
        await asyncio.sleep(0.5)
        tracemalloc.start()
        for _ in range(count):
            await open_one()
        await asyncio.sleep(1)
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    rows = [["ours", f"{used / count / 1_024:.1f}"]]
    return Table(
        "Open streams", f"Python memory of a stream on which nothing comes, mean of {count}.", ["", "KiB"], rows
    )


async def cancelled(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def row(url: str, path: str, **settings: Any) -> ProviderRow:
    return ProviderRow(name="peer", wire="openai-chat", base_url=url + path, model="m", workers=1_000, **settings)


WHOLE = json.dumps({"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}).encode()
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(WHOLE)


async def script(exchange: Exchange) -> None:
    path = exchange.request.path
    if path.startswith("/stream") and b'"stream":false' not in exchange.request.body:
        await stream([OPENAI])(exchange)
    elif path.startswith("/hang"):
        await stream([], end="hang")(exchange)
    else:
        if path.startswith("/late"):
            await asyncio.sleep(0.05)
        await exchange.write(HEAD + WHOLE)


async def serve() -> None:
    async with ScriptedServer(script) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()


async def bench(url: str) -> list[Table]:
    return [
        await bench_streams(url),
        await bench_first_token(url),
        bench_events(),
        await bench_idle(url),
        await bench_clients(url),
    ]


def served(bench: Callable[[str], Coroutine[Any, Any, list[Table]]]) -> list[Table]:
    """What the benchmark measures at a server in a process of its own, whose address it is given."""
    command = [sys.executable, "-m", "tests.bench.ai"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        tables = asyncio.run(bench(server.stdout.readline().strip()))
        server.terminate()
    return tables


def run() -> list[Table]:
    return served(bench)


if __name__ == "__main__":
    asyncio.run(serve())
