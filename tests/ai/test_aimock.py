"""Against aimock, which somebody else wrote: OpenAI's Responses and Gemini Live over real WebSockets."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import threading

import pytest

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, ProviderRow, build_prompt
from athena_lab.ai.send import Tools
from athena_lab.ai.types import Features
from athena_lab.events import Finished, Started, Token, ToolCall
from tests.conftest import ROOT
from tests.system import AIMOCK

ANSWER = "An overlay is data behind the image. Ünïcödé 🦠 „UPX“."
NAMES = ("openai", "gemini")
CUT = "This answer is cut off in its middle, on purpose and without a word."


@pytest.fixture(scope="module")
def aimock():
    """Its address. It says when it listens; what it says after that is read, so that it never waits for a reader."""
    if not AIMOCK.is_file():
        pytest.skip("aimock is not installed: python tests/system.py aimock")
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node to run aimock with")
    fixtures = ROOT / "tests" / "data" / "aimock"
    command = [node, AIMOCK, "--host", "127.0.0.1", "--port", "0", "--fixtures", fixtures, "--chunk-size", "8"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said = process.stdout
        line = next((line for line in said if "listening on" in line), None)
        assert line is not None, "aimock does not start"
        reader = threading.Thread(target=said.read)
        reader.start()
        yield re.search(r"http://[\d.:]+", line)[0]
        process.terminate()
        reader.join()


def row(aimock, name, *, websocket=True):
    features = Features(websocket=websocket, function_calling=True)
    settings = {"name": name, "key_env": "KEY", "features": features}
    if name == "openai":
        return ProviderRow(wire="openai-responses", base_url=f"{aimock}/v1", model="gpt-5", **settings)
    return ProviderRow(wire="gemini", base_url=f"{aimock}/v1beta", model="gemini-live-3", **settings)


@pytest.fixture
async def ask(aimock, patience):
    """Asks over a WebSocket, or not at all."""

    async def asked(name, question, *, transport="websocket", read=None):
        tools = Tools(sleep=patience.sleep, random=patience.chance)
        request = AnalysisRequest(question, options=AnalysisOptions(transport=transport))
        rows = [row(aimock, name)]
        async with (
            AIManager(rows, environ={"KEY": "sk-aimock"}, tools=tools, policies=()) as manager,
            manager.stream(request, build_prompt(question)) as events,
        ):
            found = []
            async for event in events:
                found.append(event)
                if read is not None and len(found) == read:
                    break
            return found

    return asked


@pytest.mark.parametrize("name", NAMES)
async def test_an_answer(ask, name):
    started, *middle, end = await ask(name, "What is an overlay?")
    assert isinstance(started, Started)
    texts = [event.text for event in middle if isinstance(event, Token)]
    assert "".join(texts) == ANSWER
    assert len(texts) > 3
    assert isinstance(end, Finished)
    assert end.status == "completed"


@pytest.mark.parametrize("name", NAMES)
async def test_function_calls_arrive(ask, name):
    _, *middle, end = await ask(name, "Please look it up")
    calls = [event for event in middle if isinstance(event, ToolCall)]
    assert [(call.name, call.arguments) for call in calls] == [("lookup_hash", '{"sha256":"ab"}')]
    assert calls[0].id
    assert end.status == "completed"


@pytest.mark.parametrize("name", NAMES)
async def test_text_and_function_calls_arrive(ask, name):
    _, *middle, end = await ask(name, "Please say and look")
    assert "".join(event.text for event in middle if isinstance(event, Token)) == "Looking it up."
    calls = [event for event in middle if isinstance(event, ToolCall)]
    assert [call.name for call in calls] == ["lookup_hash", "disassemble"]
    assert len({call.id for call in calls}) == 2
    assert end.status == "completed"


@pytest.mark.parametrize("name", NAMES)
async def test_a_cut_answer_is_a_failure_and_keeps_its_text(ask, name):
    _, *middle, end = await ask(name, "Is this cut?")
    text = "".join(event.text for event in middle if isinstance(event, Token))
    assert CUT.startswith(text)
    assert text != CUT
    assert end.error.code == "invalid_response"


@pytest.mark.parametrize("name", NAMES)
async def test_an_error_inside_the_socket_has_its_name(ask, name):
    assert (await ask(name, "I am limited"))[-1].error.code == "rate_limited"
    assert (await ask(name, "An unknown model"))[-1].error.code == "invalid_request"


async def test_a_rate_limit_s_headers_are_read(ask):
    error = (await ask("openai", "I am limited", transport="sse"))[-1].error
    assert (error.code, error.upstream_status, error.retry_after) == ("rate_limited", 429, 7.0)


@pytest.mark.parametrize("name", NAMES)
async def test_whoever_leaves_is_let_go(ask, name):
    events = await ask(name, "Be slow", read=3)
    assert [type(event) for event in events] == [Started, Token, Token]


@pytest.mark.parametrize("wire", ["openai-chat", "openai-responses"])
async def test_a_batch(aimock, patience, wire):
    features = Features(batching=True)
    rows = [ProviderRow("openai", wire, f"{aimock}/v1", key_env="KEY", model="gpt-5", features=features)]
    tools = Tools(patience.clock, patience.sleep, patience.chance)
    options = AnalysisOptions(batch=True)
    async with AIManager(rows, environ={"KEY": "sk-aimock"}, tools=tools) as manager:
        asked = [AnalysisRequest(f"What is q-{number}?", options=options) for number in range(3)]
        results = await asyncio.gather(*(manager.analyze(each, build_prompt(each.question)) for each in asked))
    assert [(result.status, result.text) for result in results] == [("completed", "Mock batch completion")] * 3
    assert patience.slept == [0.1, 2.0, 3.0]
