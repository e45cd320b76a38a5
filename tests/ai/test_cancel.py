"""A reader that leaves frees everything at once."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from athena_lab.ai import AIManager, AnalysisOptions, build_prompt
from athena_lab.ai.send import Tools
from athena_lab.ai.transports.sse import SseDecoder
from athena_lab.ai.types import Features
from athena_lab.events import Token
from tests.ai.conftest import KEY, PLAIN, row
from tests.ai.recorded import OPENAI, RESPONSES, TEXT
from tests.peers.scripted_server import hang, sse, stream
from tests.peers.socket_server import SocketServer, talk

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


async def half_cancelled(manager, server, request, count, released):
    """Begin so many streams, cancel every other one, let the rest go on, and give their texts."""
    begun: list[int] = []
    all_begun = asyncio.Event()

    async def ask(number):
        text = ""
        async with manager.stream(request, PROMPT) as events:
            async for event in events:
                if isinstance(event, Token):
                    if not text:
                        begun.append(number)
                        if len(begun) == count:
                            all_begun.set()
                    text += event.text
        return text

    tasks = [asyncio.create_task(ask(number)) for number in range(count)]
    await asyncio.wait_for(all_begun.wait(), 90)
    assert server.live == count
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks[::2], return_exceptions=True)
    assert sum(task.cancelled() for task in tasks) == count // 2
    await server.until(lambda: server.live == count // 2)
    released.set()
    return await asyncio.gather(*tasks[1::2])


def sockets_of_this_process():
    return sum(link.is_socket() for link in Path("/proc/self/fd").iterdir())


async def nothing_left(manager, server, tasks_before, sockets_before):
    await manager.aclose()
    await server.until(lambda: server.live == 0)
    await turns(10)
    assert len(asyncio.all_tasks()) == tasks_before
    assert sockets_of_this_process() == sockets_before


async def test_cancelling_500_of_1000_leaks_nothing(server, manager_for, request_of):
    released = asyncio.Event()

    async def wait_with_the_end(number):
        if number:
            await released.wait()

    head, tail = OPENAI[:400], OPENAI[400:]
    server.will(stream([head, tail], before=wait_with_the_end))
    manager = manager_for(row_changes={"workers": 1_000})
    before = len(asyncio.all_tasks()), sockets_of_this_process()
    texts = await half_cancelled(manager, server, request_of(), 1_000, released)
    assert texts == ["".join(TEXT)] * 500
    # Every slot of the pool is still there to be had.
    results = await asyncio.gather(*(manager.analyze(request_of(), PROMPT) for _ in range(1_000)))
    assert {result.status for result in results} == {"completed"}
    await nothing_left(manager, server, *before)


async def test_cancelling_100_of_200_sockets_leaks_nothing(request_of, patience):
    released = asyncio.Event()
    answer = [message.data for message in SseDecoder().feed(RESPONSES)]

    async def wait_with_the_end(number):
        if number == 9:  # behind the first piece of the text
            await released.wait()

    async with SocketServer(talk(answer, before=wait_with_the_end)) as server:
        tools = Tools(patience.clock, patience.sleep, patience.chance)
        peer = row(server, "openai-responses", features=Features(websocket=True), workers=200)
        before = len(asyncio.all_tasks()), sockets_of_this_process()
        async with AIManager([peer], environ={"PEER_KEY": KEY}, tools=tools, options=PLAIN) as manager:
            texts = await half_cancelled(manager, server, request_of(), 200, released)
            assert texts == ["".join(TEXT)] * 100
            results = await asyncio.gather(*(manager.analyze(request_of(), PROMPT) for _ in range(200)))
            assert {result.status for result in results} == {"completed"}
            assert len(server.requests) == server.upgrades == 400
            await nothing_left(manager, server, *before)


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


async def test_who_waits_for_a_place_has_sent_nothing_and_is_told_so(server, manager_for, request_of):
    server.will(stream([FIRST], end="hang"))
    manager = manager_for(row_changes={"workers": 1, "queue": 1}, tools=Tools())
    async with manager.stream(request_of(), PROMPT) as first:
        async for event in first:
            if isinstance(event, Token):
                break
        waiting = asyncio.ensure_future(manager.analyze(request_of(options=AnalysisOptions(deadline=0.3)), PROMPT))
        await turns(20)
        refused = await manager.analyze(request_of(), PROMPT)
        result = await waiting
    assert (refused.error.code, refused.attempts) == ("bulkhead_full", ())
    assert (result.error.code, result.attempts) == ("deadline_exceeded", ())
    assert "waited for others" in result.error.detail
    assert len(server.requests) == 1
