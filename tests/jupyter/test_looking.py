"""A model looks again, through every door: both labs, and each way in which a client hears of it."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import sys

import httpx
import pytest

from athena_lab.ai.types import AnalysisOptions, AnalysisRequest
from athena_lab.client import LabClient
from athena_lab.events import Finished, ToolCall, ToolResult
from athena_lab.lab import open_lab
from tests.jupyter.conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "peers"))

from model_server import Behaviour, ModelServer

REBUILT = os.environ.get("ATHENA_COMPONENTS", "")
"""Read before the environment of the tests is cleared."""
QUESTION = "Is anything hidden in it?"
KEY = 0x5A
PLAIN = json.dumps({"servers": ["http://c2.example/gate"], "campaign": "demo"}).encode()
HIDDEN = b"CFG1" + struct.pack("<BH", KEY, len(PLAIN)) + bytes(byte ^ KEY for byte in PLAIN)
SAMPLE = b"An installer, or so it says.\0" + bytes(1_000) + HIDDEN + bytes(200)
ADDRESS = SAMPLE.index(bytes(byte ^ KEY for byte in b"http"))


@pytest.fixture(autouse=True)
def _real_modules(monkeypatch):
    monkeypatch.setenv("ATHENA_WASM__COMPONENTS", REBUILT or str(ROOT / "wasm" / "components"))
    monkeypatch.setenv("ATHENA_WASM__MEMORY_BYTES", str(256 << 20))


@pytest.fixture
def model(jp_asyncio_loop, monkeypatch):
    """A local model server with function calling."""
    server = jp_asyncio_loop.run_until_complete(
        asyncio.start_server(ModelServer(Behaviour(rate=0, delay=0)).serve, "127.0.0.1", 0)
    )
    monkeypatch.setenv("ATHENA_LOCAL_URL", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
    monkeypatch.setenv("ATHENA_PROVIDERS__LOCAL__FEATURES__FUNCTION_CALLING", "true")
    yield
    server.close()


@pytest.fixture
def served(model, jp_serverapp, http_server, http_server_port):  # noqa: ARG001 - in this order
    token = jp_serverapp.web_app.settings["athena_kernel_token"]
    return f"http://127.0.0.1:{http_server_port[1]}{jp_serverapp.base_url}", token


@pytest.fixture(params=["in this process", "websocket", "sse", "polling"])
def lab(request, served, jp_asyncio_loop):
    made = open_lab() if request.param == "in this process" else LabClient(*served, transport=request.param)
    yield made
    jp_asyncio_loop.run_until_complete(made.aclose())


@pytest.fixture
def here(model, jp_asyncio_loop):  # noqa: ARG001 - the lab is told of it
    made = open_lab()
    yield made
    jp_asyncio_loop.run_until_complete(made.aclose())


async def test_calls_and_results_are_events_and_stay_in_the_answer(lab):
    sample = await lab.add(SAMPLE)
    async with lab.stream(AnalysisRequest(QUESTION, sample=sample.sha256)) as events:
        heard = [event async for event in events]
    looks = [event for event in heard if isinstance(event, ToolCall | ToolResult)]
    assert [(type(look).__name__, look.number) for look in looks] == [
        (kind, number) for number in (1, 2, 3) for kind in ("ToolCall", "ToolResult")
    ]
    search, rule, read = (look for look in looks if isinstance(look, ToolResult))
    assert (search.name, rule.name, read.name) == ("search_strings", "match_yara", "read_bytes")
    assert {search.outcome, rule.outcome, read.outcome} == {"ok"}
    assert f"at {ADDRESS:#x}, 4 bytes" in rule.text
    assert f"XOR key {KEY:#x}" in rule.text
    assert "CFG1" in read.text
    end = heard[-1]
    assert isinstance(end, Finished)
    assert end.citations[-3:] == ("call/1", "call/2", "call/3")
    assert end.unknown_citations == ()

    answer = await lab.analyze(AnalysisRequest(QUESTION, sample=sample.sha256))
    assert [result.text for result in answer.tool_results] == [search.text, rule.text, read.text]
    assert [call.number for call in answer.tool_calls] == [1, 2, 3]


async def test_an_answer_cites_what_the_first_report_does_not_hold(here):
    report = await here.triage(SAMPLE)
    answer = await here.analyze(AnalysisRequest(QUESTION, sample=report.sample.sha256))
    digits = SAMPLE[ADDRESS - 32 : ADDRESS - 16].hex()
    assert b"CFG1".hex() in digits
    assert digits in answer.text.replace(" ", "")
    assert digits not in report.to_json()
    assert f"`{ADDRESS:#x}` [call/2]" in answer.text


async def test_an_answer_cites_what_no_module_could_read(here):
    key = bytes.fromhex("8d31c7e2")
    under_key = bytes(byte ^ key[at % len(key)] for at, byte in enumerate(PLAIN))
    report = await here.triage(bytes(1_000) + b"CFG1" + struct.pack("<H", len(PLAIN)) + key + under_key)
    answer = await here.analyze(AnalysisRequest(QUESTION, sample=report.sample.sha256))
    assert "c2.example" not in report.to_json()
    assert f"decoded: `{PLAIN.decode()}` [call/4]" in answer.text
    assert answer.unknown_citations == ()


async def test_where_nothing_is_to_be_looked_at_nothing_is(here):
    sample = await here.add(SAMPLE)
    for options in (AnalysisOptions(tools=False), AnalysisOptions(consensus=2), AnalysisOptions(batch=True)):
        answer = await here.analyze(AnalysisRequest(QUESTION, sample=sample.sha256, options=options))
        assert answer.tool_results == ()
        assert answer.status == "completed"
    assert (await here.analyze(AnalysisRequest(QUESTION))).tool_results == ()


async def test_a_structured_answer_comes_after_looking(here):
    sample = await here.add(SAMPLE)
    request = AnalysisRequest(QUESTION, sample=sample.sha256, options=AnalysisOptions(structured=True))
    answer = await here.analyze(request)
    assert len(answer.tool_results) == 3
    assert answer.verdict is not None


async def test_a_client_that_comes_back_hears_the_rest_of_the_looks(served):
    url, token = served
    async with LabClient(url, token) as lab:
        sample = await lab.add(SAMPLE)
    body = {"question": QUESTION, "sample": sample.sha256}
    accept = {"Authorization": f"token {token}", "Accept": "text/event-stream"}
    asked = {**accept, "Idempotency-Key": "k" * 22}
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
        first = (await http.post("api/v1/ai/analyze", json=body, headers=asked)).text
        kinds = [line.removeprefix("event: ") for line in first.splitlines() if line.startswith("event: ")]
        assert kinds.count("tool_call") == kinds.count("tool_result") == 3
        at = kinds.index("tool_result") + 1
        again = await http.post("api/v1/ai/analyze", json=body, headers={**asked, "Last-Event-ID": f"{'k' * 22}:{at}"})
    rest = [line.removeprefix("event: ") for line in again.text.splitlines() if line.startswith("event: ")]
    assert rest == kinds[at:]


async def test_looking_can_be_turned_off(model, monkeypatch):  # noqa: ARG001 - the lab is told of it
    monkeypatch.setenv("ATHENA_AI__LOOKING__ENABLED", "false")
    async with open_lab() as lab:
        sample = await lab.add(SAMPLE)
        assert (await lab.analyze(AnalysisRequest(QUESTION, sample=sample.sha256))).tool_results == ()
