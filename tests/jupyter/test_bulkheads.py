"""Full queues over real HTTP: the named refusal at once, and what health and metrics say meanwhile."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

V1 = ("api", "v1")
LOOP = {"module": "misbehave", "function": "loop", "timeout": 60}
ECHO = {"module": "misbehave", "function": "echo"}


@pytest.fixture
def one_call_and_one_that_waits(monkeypatch):
    monkeypatch.setenv("ATHENA_BULKHEADS__CONTAINER__WORKERS", "1")
    monkeypatch.setenv("ATHENA_BULKHEADS__CONTAINER__QUEUE", "1")


@pytest.fixture
def places(request):
    request.getfixturevalue("one_call_and_one_that_waits")  # before the lab is opened
    return request.getfixturevalue("served").lab._bulkheads


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for happens beyond the sockets
            await asyncio.sleep(0.01)


async def test_a_full_queue_refuses_at_once_by_name_while_questions_are_answered(places, call, jp_fetch):
    await call(*V1, "wasm", "load", body={})
    _, capabilities = await call(*V1, "wasm", "capabilities")
    assert (capabilities["limits"]["workers"], capabilities["limits"]["queue"]) == (1, 1)
    running = asyncio.ensure_future(call(*V1, "wasm", "execute", body=LOOP, request_timeout=90))
    await until(lambda: places["cpu"].running)
    waiting = asyncio.ensure_future(call(*V1, "wasm", "execute", body=ECHO, request_timeout=90))
    await until(lambda: places["container"].depth)

    began = time.monotonic()
    status, problem = await call(*V1, "wasm", "execute", body=ECHO)
    assert (status, problem["code"], problem["module"]) == (503, "queue_full", "misbehave")
    assert "2 calls" in problem["detail"]
    assert "[bulkheads] container" in problem["next_step"]
    assert time.monotonic() - began < 5  # the loop goes on for a minute

    status, health = await call("health")
    assert (status, health["status"]) == (200, "degraded")
    assert health["components"]["queues"] == {"status": "degraded", "detail": "Full, more is refused: container."}
    lines = (await jp_fetch("metrics")).body.decode().splitlines()
    assert 'athena_bulkhead_running{bulkhead="container"} 1.0' in lines
    assert 'athena_bulkhead_waiting{bulkhead="container"} 1.0' in lines
    assert 'athena_bulkhead_running{bulkhead="cpu"} 1.0' in lines
    assert 'athena_bulkhead_rejected_total{bulkhead="container"} 0.0' not in lines

    status, answer = await call(*V1, "ai", "analyze", body={"question": "?", "model": "m"})
    assert (status, answer["status"]) == (200, "completed")

    assert not running.done()
    running.cancel()
    waiting.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)


async def test_questions_that_wait_keep_no_module_from_running(places, call):
    async with asyncio.timeout(30):
        for _ in range(places["ai"].options.workers):
            await places.hold("ai", "network").enter()
        question = json.dumps({"question": "?", "model": "m"}).encode()
        asking = asyncio.ensure_future(call(*V1, "ai", "analyze", raw=question, request_timeout=60))
        await until(lambda: places["ai"].depth)
        status, answer = await call(*V1, "wasm", "execute", body=ECHO)
        assert (status, answer["result"]["size"]) == (200, 0)
        assert places["ai"].depth == 1
        for bulkhead in places.of("ai", "network"):
            bulkhead.leave()
        status, answer = await asking
        assert (status, answer["status"]) == (200, "completed")
