"""What the policies cost, and how soon another provider answers.

- around nothing: all policies around a call that does nothing, beside tenacity alone
- a request: one at a time, the whole pipeline beside plain httpx and the openai SDK
- failover: what a refused connection, and a provider that hangs, add to the time until the first token

Every question is another one: identical ones at the same time would share a call.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import statistics
import time
from typing import TYPE_CHECKING, Any

import tenacity
from openai import AsyncOpenAI

from athena_lab.ai import AIManager, AnalysisRequest, PipelineOptions, ProviderRow, build_prompt
from athena_lab.ai.breaker import BreakerOptions
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.guards import Guard
from athena_lab.ai.pipeline import ORDER, compose
from athena_lab.ai.send import Call, Tools
from athena_lab.events import Finished, Token
from tests.bench.ai import client, served
from tests.bench.litellm_router import measured
from tests.bench.table import Table, ratio

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from athena_lab.ai.send import Item

REQUEST = AnalysisRequest("?")
BODY = {"model": "m", "messages": [{"role": "user", "content": "x" * 1_000}], "stream": False}
TIMES = 400
FIRST_TOKEN = 0.2
"""Seconds that a provider which hangs is given."""
PATIENT = BreakerOptions(failures=1_000, failure_ratio=1.0)
"""So that the first provider is asked every time."""
_numbers = itertools.count()


def prompt() -> Any:
    return build_prompt(f"Question {next(_numbers)}?")


def row(name: str, base_url: str, priority: int = 1) -> ProviderRow:
    return ProviderRow(
        name=name, wire="openai-chat", base_url=base_url, model="m", workers=1_000, priority=priority, health=""
    )


async def median(task: Callable[[], Awaitable[object]], times: int = TIMES) -> float:
    """Milliseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await task()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken) * 1e3


# -- around nothing


class OneRoute:
    """Nobody else is there: what choosing costs is the manager's, once for each question."""

    def best(self, _call: Call) -> None:
        return None

    def alone(self, _call: Call) -> bool:
        return True


async def nothing(_call: Call) -> AsyncGenerator[Item, None]:
    yield Finished("completed", "stop")


async def per_call(send: Callable[[], Awaitable[object]], times: int = 5_000) -> float:
    """Microseconds; the best of five rounds."""
    rounds = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(times):
            await send()
        rounds.append((time.perf_counter() - began) / times * 1e6)
    return min(rounds)


async def bench_nothing() -> Table:
    tools = Tools(guards={"peer": Guard(row("peer", "http://127.0.0.1:9/v1"), time.monotonic, lambda: 0.5)})
    tools = Tools(guards=tools.guards, router=OneRoute())  # type: ignore[arg-type]  # all that the policies ask of one
    prompts = itertools.cycle([build_prompt(f"Question {number}?") for number in range(64)])

    def asked(policies: Any) -> Callable[[], Awaitable[object]]:
        composed = compose([policy(PipelineOptions(), tools) for policy in policies], nothing)

        async def ask() -> None:
            call = Call("peer", "m", next(prompts), 100, time.monotonic() + 60, request=REQUEST)
            async for _ in composed(call):
                pass

        return ask

    async def retried() -> None:
        async for trial in tenacity.AsyncRetrying():
            with trial:
                await asyncio.sleep(0)

    times = {
        "no policy": await per_call(asked(())),
        "tenacity alone": await per_call(retried),
        f"ours, all {len(ORDER)}": await per_call(asked(ORDER)),
    }
    rows = [[name, f"{value:.1f}", ratio(value, times["tenacity alone"])] for name, value in times.items()]
    return Table("Policies around nothing", "One call after the other, without a network.", ["", "us", ""], rows)


# -- over loopback


async def bench_requests(url: str) -> Table:
    times = {}
    async with client("httpx", 4) as http:
        times["httpx"] = await median(lambda: http.post(f"{url}/whole/chat/completions", json=BODY))
    async with client("httpx", 4) as http:
        times["httpx, a stream"] = await median(lambda: read(http, url))
    async with AsyncOpenAI(api_key="none", base_url=f"{url}/stream", max_retries=0) as sdk:
        times["openai SDK, a stream"] = await median(lambda: through_sdk(sdk))
    async with AIManager([row("peer", f"{url}/stream")], environ={}) as manager:
        times["ours, a stream"] = await median(lambda: manager.analyze(REQUEST, prompt()))
    times["litellm.Router, a stream"] = measured(f"{url}/stream")["ms"]
    base = times["httpx, a stream"]
    rows = [[name, f"{value:.2f}", ratio(value, base)] for name, value in times.items()]
    note = f"Whole answers, one after the other; the median of {TIMES}."
    return Table("One request at a time", note, ["", "ms", "beside httpx, a stream"], rows)


async def read(http: Any, url: str) -> None:
    async with http.stream("POST", f"{url}/stream/chat/completions", json=BODY) as response:
        async for _ in response.aiter_lines():
            pass


async def through_sdk(sdk: AsyncOpenAI) -> None:
    async for _ in await sdk.chat.completions.create(model="m", messages=[], stream=True):
        pass


async def first_token(manager: AIManager) -> None:
    async with manager.stream(REQUEST, prompt()) as events:
        async for event in events:
            if isinstance(event, Token):
                return


def closed_port() -> int:
    """Nobody listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


async def bench_failover(url: str) -> Table:
    good = f"{url}/stream"
    options = PipelineOptions(breaker=PATIENT, deadline=DeadlineOptions(first_token=FIRST_TOKEN))

    async def of(rows: list[ProviderRow], times: int) -> float:
        async with AIManager(rows, environ={}, options=options) as manager:
            await first_token(manager)
            return await median(lambda: first_token(manager), times)

    alone = await of([row("good", good)], TIMES)
    refused = await of([row("gone", f"http://127.0.0.1:{closed_port()}/v1"), row("good", good, 2)], TIMES)
    hung = await of([row("hangs", f"{url}/hang"), row("good", good, 2), row("other", good, 3)], 20)
    rows = [
        ["the provider answers", f"{alone:.2f}", ""],
        ["the first refuses the connection", f"{refused:.2f}", f"+{refused - alone:.2f}"],
        [
            f"the first of three hangs, left after {FIRST_TOKEN * 1e3:.0f} ms",
            f"{hung:.2f}",
            f"+{hung - alone - FIRST_TOKEN * 1e3:.2f}",
        ],
    ]
    return Table("Failover", "Median time until the first token.", ["", "ms", "added, ms"], rows)


async def bench(url: str) -> list[Table]:
    return [await bench_nothing(), await bench_requests(url), await bench_failover(url)]


def run() -> list[Table]:
    return served(bench)
