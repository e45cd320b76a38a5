"""Against llmock, which somebody else wrote: all four wires over real HTTP, and its verdict on how we take its faults.

The verdict is strict: warnings count. llmock keeps time by its own clock, so here retries really wait, though briefly.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import threading

import httpx
import pytest
from msgspec.structs import replace

from athena_lab.ai import AIManager, AnalysisRequest, PipelineOptions, ProviderRow, build_prompt
from athena_lab.ai.batching import BatchingOptions
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.prompt import Tool
from athena_lab.ai.retry import RetryOptions
from athena_lab.ai.types import AnalysisOptions, Features
from athena_lab.events import ToolCall
from tests.system import LLMOCK

TEXT = "An overlay is data behind the image. Ünïcödé 🦠."
LOOK_UP = Tool("look_up", "Looks a hash up.", {"type": "object", "properties": {"sha256": {"type": "string"}}})
PROMPT = replace(build_prompt("What is an overlay?"), tools=(LOOK_UP,))
PATIENT = PipelineOptions(RetryOptions(base=1.0, jitter=0.0))
"""No jitter, and waits long beside what a busy machine adds: llmock looks for each to be longer than the one before."""
HASTY = PipelineOptions(PATIENT.retry, DeadlineOptions(first_token=1.5, between_tokens=1.5))


@pytest.fixture(scope="module")
def llmock():
    """Its address. It says when it listens; what it says after that is read, so that it never waits for a reader."""
    if not LLMOCK.is_file():
        pytest.skip("llmock is not installed: python tests/system.py llmock")
    command = [LLMOCK, "serve", "--host", "127.0.0.1", "--port", "0", "--stream-chunk-delay-ms", "20"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        said = process.stderr
        line = next((line for line in said if "running on" in line), None)
        assert line is not None, "llmock does not start"
        reader = threading.Thread(target=said.read)
        reader.start()
        yield re.search(r"http://[\d.:]+", line)[0]
        process.terminate()
        reader.join()


CHAT = {"wire": "openai-chat", "stream_options": {"include_usage": True}}
ROWS = {
    "claude": ({"wire": "anthropic", "model": "claude-sonnet-4-6"}, "/anthropic/v1"),
    "openai": ({"wire": "openai-responses", "model": "gpt-4o"}, "/v1"),
    "deepseek": ({**CHAT, "model": "deepseek-flash"}, "/v1"),
    "gemini": ({"wire": "gemini", "model": "gemini-2.5-pro"}, "/gemini/v1beta"),
    "mistral": ({"wire": "openai-chat", "model": "mistral-small-latest"}, "/mistral/v1"),
    "groq": ({**CHAT, "model": "groq/compound"}, "/groq/openai/v1"),
    "local": ({**CHAT, "model": "local-1"}, "/v1"),
}
MATCHES = {name: {"path": f"{path}/*"} for name, (_, path) in ROWS.items()} | {
    "openai": {"path": "/v1/responses"},
    "deepseek": {"model": "deepseek-flash"},
    "local": {"model": "local-1"},
}


@pytest.fixture
async def llmock_client(llmock):
    async with httpx.AsyncClient(base_url=f"{llmock}/_llmock") as client:
        (await client.post("/reset")).raise_for_status()
        yield client


@pytest.fixture
def ask(llmock, llmock_client):
    """Asks one provider, for whose requests the behaviours are queued before."""

    async def ask(name, behaviors, *, streaming=True, tools=False, **settings):
        if behaviors:
            queued = [{**behavior, "match": MATCHES[name]} for behavior in behaviors]
            (await llmock_client.post("/scenario", json={"behaviors": queued})).raise_for_status()
        values, path = ROWS[name]
        features = Features(streaming=streaming, function_calling=tools)
        row = ProviderRow(name=name, base_url=llmock + path, key_env="KEY", workers=50, features=features, **values)
        settings = {"options": PATIENT, **settings}
        async with AIManager([row], environ={"KEY": "sk-llmock"}, **settings) as manager:
            request = AnalysisRequest(f"What is an overlay to {name}?", options=AnalysisOptions(deadline=20.0))
            return await manager.analyze(request, PROMPT)

    return ask


@pytest.fixture
def ask_all(ask):
    """Asks all providers at once, each with behaviours of its own."""

    async def ask_all(*behaviors, **settings):
        results = await asyncio.gather(*(ask(name, behaviors, **settings) for name in ROWS))
        return dict(zip(ROWS, results, strict=True))

    return ask_all


@pytest.fixture
def verdict(llmock_client):
    """What llmock finds wrong with us, warnings too."""

    async def verdict():
        said = (await llmock_client.get("/verdict")).json()
        assert said["calls"] >= len(ROWS)
        return said["findings"]

    return verdict


@pytest.mark.parametrize("streaming", [True, False])
async def test_an_answer(ask_all, verdict, streaming):
    for name, result in (await ask_all({"type": "reply", "text": TEXT}, streaming=streaming)).items():
        assert (result.status, result.provider, result.text) == ("completed", name, TEXT)
        if name != "mistral" or not streaming:
            assert result.usage.input_tokens > 0
            assert result.usage.output_tokens > 0
    assert await verdict() == []


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize(
    ("reason", "status"), [("length", "degraded"), ("content_filter", "refused"), ("stop", "completed")]
)
async def test_how_an_answer_ends(ask_all, verdict, reason, status, streaming):
    reply = {"type": "reply", "text": TEXT, "finish_reason": reason}
    results = await ask_all(reply, streaming=streaming)
    if reason == "content_filter":
        results.pop("openai")  # llmock's Responses know no filter
    assert {name: (result.status, result.text) for name, result in results.items()} == dict.fromkeys(
        results, (status, TEXT)
    )
    assert await verdict() == []


@pytest.mark.parametrize("streaming", [True, False])
async def test_function_calls(ask_all, verdict, streaming):
    calls = [{"name": "look_up", "arguments": {"sha256": "ab", "n": 1}}, {"name": "look_up", "arguments": {}}]
    results = await ask_all({"type": "reply", "text": "I look.", "tool_calls": calls}, tools=True, streaming=streaming)
    for result in results.values():
        assert (result.status, result.text) == ("completed", "I look.")
        assert [call.name for call in result.tool_calls] == ["look_up", "look_up"]
        assert len({call.id for call in result.tool_calls}) == 2
        assert result.tool_calls[0].arguments.replace(" ", "") == '{"sha256":"ab","n":1}'
    assert await verdict() == []


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("kind", ["malformed_arguments", "unknown_tool"])
async def test_broken_function_calls_are_passed_on(ask_all, verdict, kind, streaming):
    for result in (await ask_all({"type": "tool_fault", "kind": kind}, tools=True, streaming=streaming)).values():
        assert result.status == "completed"
        (call,) = result.tool_calls
        assert isinstance(call, ToolCall)
        assert kind != "unknown_tool" or call.name != "look_up"
    assert await verdict() == []


async def test_models(llmock, verdict, ask_all):
    for name, (values, path) in ROWS.items():
        row = ProviderRow(name=name, base_url=llmock + path, key_env="KEY", **values)
        async with AIManager([row], environ={"KEY": "sk-llmock"}) as manager:
            (status,) = await manager.providers()
        assert status.state == "available"
        assert status.models
        if name == "gemini":
            assert "gemini-2.5-pro" in status.models
    await ask_all()
    assert await verdict() == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_what_retrying_cannot_mend_is_asked_once(ask_all, verdict, status):
    code = {401: "unauthorized", 403: "forbidden"}.get(status, "invalid_request")
    for name, result in (await ask_all({"type": "fail", "status": status, "times": None})).items():
        # llmock's Gemini says FAILED_PRECONDITION with 422: that is its word for an account that may not be served.
        assert result.error.code == ("forbidden" if (name, status) == ("gemini", 422) else code)
        assert len(result.attempts) == 1
    assert await verdict() == []


@pytest.mark.parametrize(
    ("status", "streaming"),
    [*((status, True) for status in (408, 409, 429, 500, 502, 503, 504, 529)), (429, False), (500, False)],
)
async def test_what_passes_is_asked_again(ask_all, verdict, status, streaming):
    soon = {"retry_after": 0.1} if status in {429, 503, 504, 529} else {}
    results = await ask_all({"type": "fail", "status": status, "times": 2, **soon}, streaming=streaming)
    for result in results.values():
        assert result.status == "completed"
        assert [attempt.error is None for attempt in result.attempts] == [False, False, True]
    assert await verdict() == []


async def test_an_outage_ends(ask_all, verdict):
    for result in (await ask_all({"type": "fail", "status": 503, "times": None, "retry_after": 0.1})).values():
        assert result.error.code == "service_unavailable"
        assert len(result.attempts) == 3
    assert await verdict() == []


async def test_retry_after_is_waited_for(ask_all, verdict):
    for result in (await ask_all({"type": "fail", "status": 429, "retry_after": 1.3, "times": 1})).values():
        assert result.status == "completed"
    assert await verdict() == []


@pytest.mark.parametrize("kind", ["disconnect", "truncate", "malformed"])
async def test_a_stream_broken_before_its_first_token_is_asked_for_again(ask_all, verdict, kind):
    # llmock takes an answer that it has sent to its end for one that was read: a long one shows that we had gone.
    fault, long = {"type": "stream_fault", "kind": kind, "after_chunks": 0}, TEXT * 8
    for result in (await ask_all(fault, {"type": "reply", "text": long, "times": None})).values():
        assert (result.status, result.text) == ("completed", long)
        assert len(result.attempts) == 2
    assert await verdict() == []


@pytest.mark.parametrize("after", [0, 6])
async def test_a_stalled_stream_is_left(ask_all, verdict, after):
    fault = {"type": "stream_fault", "kind": "stall", "stall_seconds": 10.0, "after_chunks": after}
    for result in (await ask_all(fault, {"type": "reply", "text": TEXT, "times": None}, options=HASTY)).values():
        if after:  # it had begun, so it is begun anew
            assert (result.status, result.text, result.attempts[0].error) == ("completed", TEXT, "provider_timeout")
        else:
            assert (result.error.code, result.recovered.how) == ("provider_timeout", "offline")
    assert await verdict() == []


@pytest.mark.parametrize("behavior", ["delay", "slow_first_token"])
async def test_a_slow_answer_is_waited_for(ask_all, verdict, behavior):
    for result in (await ask_all({"type": behavior, "seconds": 0.2}, {"type": "reply", "text": TEXT})).values():
        assert (result.status, result.text) == ("completed", TEXT)
    assert await verdict() == []


@pytest.mark.parametrize("fault", ["disconnect", "truncate", "malformed"])
async def test_a_stream_broken_in_the_middle_is_begun_anew(ask_all, verdict, fault):
    """Nobody else is there to go on with it."""
    behaviors = (
        {"type": "reply", "text": "one two three four five six seven eight"},
        {"type": "stream_fault", "kind": fault, "after_chunks": 6},
        {"type": "reply", "text": TEXT, "times": None},
    )
    for result in (await ask_all(*behaviors)).values():
        assert (result.status, result.error, len(result.attempts)) == ("completed", None, 2)
        assert result.text == TEXT
        (begun,) = result.set_aside
        assert "one two three four five six seven eight".startswith(begun.text)
    assert await verdict() == []


@pytest.mark.usefixtures("llmock_client")
@pytest.mark.parametrize("name", ["claude", "openai chat", "groq"])
async def test_a_batch(llmock, name):
    """Its Gemini and Mistral batches are not what those providers' SDKs expect."""
    values, path = (ROWS["local"][0], "/v1") if name == "openai chat" else ROWS[name]
    features = Features(batching=True)
    row = ProviderRow(name="peer", base_url=llmock + path, key_env="KEY", features=features, **values)
    options = replace(PATIENT, batching=BatchingOptions(first_poll=1.0, longest_poll=1.0))
    async with AIManager([row], environ={"KEY": "sk-llmock"}, options=options) as manager:
        asked = [AnalysisRequest(f"What is q-{n}?", options=AnalysisOptions(batch=True)) for n in range(3)]
        results = await asyncio.gather(*(manager.analyze(each, build_prompt(each.question)) for each in asked))
    assert [result.status for result in results] == ["completed"] * 3
    assert all(result.text and result.usage.output_tokens for result in results)
