"""Against llmock, which somebody else wrote: four wires over real HTTP, and faults in the middle of streams."""

from __future__ import annotations

import re
import subprocess
import threading

import httpx
import pytest

from athena_lab.ai import AIManager, AnalysisRequest, ProviderRow, build_prompt
from athena_lab.ai.send import Tools
from athena_lab.ai.types import Features
from tests.system import LLMOCK

PROMPT = build_prompt("What is an overlay?")


@pytest.fixture(scope="module")
def llmock():
    """Its address. It says when it listens; what it says after that is read, so that it never waits for a reader."""
    if not LLMOCK.is_file():
        pytest.skip("llmock is not installed: python tests/system.py llmock")
    command = [LLMOCK, "serve", "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        said = process.stderr
        line = next((line for line in said if "running on" in line), None)
        assert line is not None, "llmock does not start"
        reader = threading.Thread(target=said.read)
        reader.start()
        yield re.search(r"http://[\d.:]+", line)[0]
        process.terminate()
        reader.join()


def row(name, wire, base_url, **settings):
    return ProviderRow(name=name, wire=wire, base_url=base_url, key_env="KEY", workers=50, **settings)


def rows(llmock, *, streaming=True):
    settings = {"features": Features(streaming=streaming)}
    usage = {"include_usage": True}
    return {
        "claude": row("claude", "anthropic", f"{llmock}/anthropic/v1", model="claude-sonnet-4-6", **settings),
        "openai": row("openai", "openai-chat", f"{llmock}/v1", model="gpt-4o", stream_options=usage, **settings),
        "mistral": row("mistral", "openai-chat", f"{llmock}/mistral/v1", model="mistral-small-latest", **settings),
        "groq": row(
            "groq", "openai-chat", f"{llmock}/groq/openai/v1", model="groq/compound", stream_options=usage, **settings
        ),
    }


NAMES = ("claude", "openai", "mistral", "groq")


@pytest.fixture
async def scenario(llmock):
    """Queues behaviours for the next requests."""
    async with httpx.AsyncClient(base_url=f"{llmock}/_llmock") as client:

        async def queue(*behaviors):
            (await client.post("/scenario", json={"behaviors": list(behaviors)})).raise_for_status()

        (await client.post("/reset")).raise_for_status()
        queue.client = client
        yield queue


async def ask(provider_row, patience, **settings):
    tools = Tools(sleep=settings.pop("sleep", patience.sleep), random=patience.chance)
    async with AIManager([provider_row], environ={"KEY": "sk-llmock"}, tools=tools, **settings) as manager:
        return await manager.analyze(AnalysisRequest("What is an overlay?"), PROMPT)


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("name", NAMES)
async def test_an_answer(llmock, scenario, patience, name, streaming):
    await scenario({"type": "reply", "text": "An overlay is data behind the image. Ünïcödé 🦠."})
    result = await ask(rows(llmock, streaming=streaming)[name], patience)
    assert (result.status, result.provider) == ("completed", name)
    assert result.text == "An overlay is data behind the image. Ünïcödé 🦠."
    assert result.error is None
    if name in {"claude", "openai"} or not streaming:
        assert result.usage.input_tokens > 0
        assert result.usage.output_tokens > 0


@pytest.mark.parametrize("name", NAMES)
async def test_models(llmock, scenario, name):
    await scenario({"type": "delay", "seconds": 0.0})
    async with AIManager([rows(llmock)[name]], environ={"KEY": "sk-llmock"}) as manager:
        (status,) = await manager.providers()
    assert status.state == "available"
    assert status.models


@pytest.mark.parametrize("fault", ["disconnect", "truncate", "malformed"])
@pytest.mark.parametrize("name", NAMES)
async def test_a_broken_stream_is_never_taken_for_an_answer(llmock, scenario, patience, name, fault):
    await scenario(
        {"type": "reply", "text": "one two three four five six seven eight"},
        {"type": "stream_fault", "kind": fault, "after_chunks": 5},
    )
    result = await ask(rows(llmock)[name], patience, policies=())
    assert result.status == "failed"
    assert result.error.code == "invalid_response"
    assert "one two three four five six seven eight".startswith(result.text)
    assert result.text


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "invalid_request"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "invalid_request"),
        (422, "invalid_request"),
    ],
)
async def test_what_retrying_cannot_mend_is_asked_once(llmock, scenario, patience, name, status, code):  # noqa: PLR0917 - fixtures and parameters
    await scenario({"type": "fail", "status": status, "times": None})
    result = await ask(rows(llmock)[name], patience)
    assert result.error.code == code
    assert len(result.attempts) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
async def test_what_passes_is_asked_again(llmock, scenario, patience, name, status):
    await scenario({"type": "fail", "status": status, "times": 2})
    result = await ask(rows(llmock)[name], patience)
    assert result.status == "completed"
    assert [attempt.error is None for attempt in result.attempts] == [False, False, True]


async def test_the_verdict_on_waiting_for_retry_after(llmock, scenario, patience):
    import asyncio  # noqa: PLC0415 - the one test here that really waits: llmock judges by its own clock

    await scenario({"type": "fail", "status": 429, "retry_after": 1.3, "times": 1})
    for name in NAMES:
        result = await ask(rows(llmock)[name], patience, sleep=asyncio.sleep)
        assert result.status == "completed"
    verdict = (await scenario.client.get("/verdict")).json()
    assert verdict["findings"] == []
