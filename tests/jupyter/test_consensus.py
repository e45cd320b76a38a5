"""Several providers that are asked to agree, through a lab in this process and over HTTP."""

from __future__ import annotations

import asyncio
import json

import pytest

from athena_lab.ai.types import AnalysisOptions, AnalysisRequest
from athena_lab.events import Consensus, Finished, Opinion, Structured, Token
from athena_lab.lab import open_lab
from tests.peers.answers import says
from tests.peers.scripted_server import ScriptedServer, reply

FOUND = {"family": None, "techniques": ["T1027.002"], "iocs": [], "summary": "Packed with UPX."}
TEXT = "1 of 2 says malicious (local); two says benign; three gave no assessment (unauthorized).\n\nPacked with UPX."


def found(**fields):
    return says(json.dumps({"verdict": "malicious", "family": None, "confidence": 80} | FOUND | fields))


@pytest.fixture
def models(provider, jp_asyncio_loop, monkeypatch):
    """Three providers: one says malicious, one benign, one does not take the key."""
    others = [ScriptedServer(found(verdict="benign", confidence=60)), ScriptedServer(reply(401))]
    provider.will(found())
    for name, server in zip(("TWO", "THREE"), others, strict=True):
        jp_asyncio_loop.run_until_complete(server.__aenter__())
        settings = {"WIRE": "openai-chat", "BASE_URL": f"{server.url}/v1", "MODEL": "m", "PRIORITY": "90"}
        for key, value in settings.items():
            monkeypatch.setenv(f"ATHENA_PROVIDERS__{name}__{key}", value)
    monkeypatch.setenv("ATHENA_PROVIDERS__LOCAL__MODEL", "m")
    monkeypatch.setenv("ATHENA_PROVIDERS__LOCAL__PRIORITY", "1")
    yield [provider, *others]
    for server in others:
        jp_asyncio_loop.run_until_complete(server.__aexit__())


@pytest.fixture(params=["in this process", "over HTTP"])
def lab(models, request, jp_asyncio_loop):  # noqa: ARG001 - the providers are to be there first
    lab = open_lab() if request.param == "in this process" else request.getfixturevalue("served").client()
    yield lab
    jp_asyncio_loop.run_until_complete(lab.aclose())


async def test_an_answer_of_several(lab, models):
    sample = await lab.add(b"hello")
    request = AnalysisRequest("What is it?", sample=sample.sha256, options=AnalysisOptions(consensus=3))
    result = await lab.analyze(request)
    assert (result.status, result.text, result.verdict.verdict) == ("completed", TEXT, "malicious")
    assert result.consensus.agreement == 0.5
    assert {it.provider: (it.assessment and it.assessment.verdict, it.error) for it in result.consensus.opinions} == {
        "local": ("malicious", None),
        "two": ("benign", None),
        "three": (None, "unauthorized"),
    }
    assert [it.said for it in result.consensus.differences] == [{"benign": ("two",), "malicious": ("local",)}]
    assert sorted((it.provider, it.error) for it in result.attempts) == [
        ("local", None),
        ("three", "unauthorized"),
        ("two", None),
    ]
    schemas = [json.loads(server.requests[-1].body)["messages"][0]["content"] for server in models]
    assert all('"confidence"' in system for system in schemas), "each is asked for a structured answer"


async def test_its_events(lab):
    request = AnalysisRequest("What is it?", options=AnalysisOptions(consensus=3))
    async with lab.stream(request) as events:
        text, *_, consensus, structured, end = [event async for event in events][1:]
    assert text == Token(TEXT)
    assert isinstance(consensus, Consensus)
    assert [it.provider for it in consensus.opinions] == ["local", "three", "two"]
    assert consensus.opinions[1] == Opinion("three", "m", error="unauthorized")
    assert structured == Structured(consensus.merged)
    assert isinstance(end, Finished)


async def test_as_json(models, call):  # noqa: ARG001 - the providers are to be there first
    body = {"question": "What is it?", "options": {"consensus": 3}}
    status, answer = await asyncio.wait_for(call("api", "v1", "ai", "analyze", body=body), 30)
    assert (status, answer["verdict"]["verdict"], answer["consensus"]["agreement"]) == (200, "malicious", 0.5)
    assert {it["provider"]: it.get("error") for it in answer["consensus"]["opinions"]}["three"] == "unauthorized"
