"""A reader that leaves frees everything at once."""

from __future__ import annotations

import asyncio
import random

from athena_lab.ai import build_prompt
from athena_lab.events import Token
from tests.ai.recorded import OPENAI, TEXT
from tests.peers.scripted_server import hang, sse, stream

PROMPT = build_prompt("?")
FIRST = sse({"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]})


async def turns(count: int) -> None:
    """So many turns of the event loop. Both ends live on it: a request alone takes 8 turns, one of 40 up to 33."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_leaving_the_block_closes_the_connection(server, manager_for, request_of):
    server.will(stream([FIRST], end="hang"))
    async with manager_for().stream(request_of(), PROMPT) as events:
        async for event in events:
            if event == Token("a"):
                break
    await server.until(lambda: server.live == 0)


async def test_cancelling_before_the_answer_closes_the_connection(server, manager_for, request_of):
    server.will(hang)
    task = asyncio.create_task(manager_for().analyze(request_of(), PROMPT))
    await server.until(lambda: len(server.requests) == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    await server.until(lambda: server.live == 0)


async def test_cancelled_calls_lose_no_slot_of_the_pool(server, manager_for, request_of):
    # Cancelled at every stage, from waiting for a connection to reading the answer. httpx's own pool answers none of
    # the last ten (httpcore issue 1093).
    manager = manager_for(row_changes={"workers": 10}, policies=())
    server.will(stream([OPENAI]))
    await manager.analyze(request_of(), PROMPT)
    chance = random.Random(1)
    answered: list[bool] = []

    async def cancel_many():
        for _ in range(25):
            task = asyncio.create_task(manager.analyze(request_of(), PROMPT))
            await turns(chance.randrange(40))
            answered.append(task.done())
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    await asyncio.gather(*(cancel_many() for _ in range(40)))
    assert set(answered) == {True, False}
    async with asyncio.timeout(5):
        results = await asyncio.gather(*(manager.analyze(request_of(), PROMPT) for _ in range(10)))
    assert [result.status for result in results] == ["completed"] * 10


async def test_cancelling_200_of_400_leaks_nothing(server, manager_for, request_of):
    released = asyncio.Event()

    async def wait_with_the_end(number):
        if number:
            await released.wait()

    head, tail = OPENAI[:400], OPENAI[400:]
    server.will(stream([head, tail], before=wait_with_the_end))
    manager = manager_for(row_changes={"workers": 400})
    tasks_before = len(asyncio.all_tasks())
    begun: list[int] = []
    all_begun = asyncio.Event()

    async def ask(number):
        text = ""
        async with manager.stream(request_of(), PROMPT) as events:
            async for event in events:
                if isinstance(event, Token):
                    if not text:
                        begun.append(number)
                        if len(begun) == 400:
                            all_begun.set()
                    text += event.text
        return text

    tasks = [asyncio.create_task(ask(number)) for number in range(400)]
    await asyncio.wait_for(all_begun.wait(), 60)
    assert server.live == 400
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks[::2], return_exceptions=True)
    await server.until(lambda: server.live == 200)
    released.set()
    texts = await asyncio.gather(*tasks[1::2])
    assert texts == ["".join(TEXT)] * 200
    assert sum(task.cancelled() for task in tasks) == 200
    await manager.aclose()
    await server.until(lambda: server.live == 0)
    await turns(10)
    assert len(asyncio.all_tasks()) == tasks_before


async def test_a_slow_reader_slows_the_socket_not_memory(server, manager_for, request_of):
    sent = 0

    async def count(_number):
        nonlocal sent
        sent += 1

    piece = sse({"choices": [{"index": 0, "delta": {"content": "a" * 10_000}, "finish_reason": None}]})
    server.will(stream([piece] * 2_000, end="hang", before=count))
    async with manager_for().stream(request_of(), PROMPT) as events:
        for _ in range(3):
            await anext(events)
        before = -1
        while sent > before:  # until the server can send no more
            before = sent
            await turns(200)
        assert sent < 1_500
        tokens = [await anext(events) for _ in range(1_998)]
    assert all(isinstance(token, Token) for token in tokens)
