"""The peer that stands in for a local model, started as its users start it."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from athena_lab.ai import DEFAULT_ROWS, AIManager, AnalysisRequest, build_prompt
from athena_lab.report.findings import Finding

PEER = Path(__file__).parents[1] / "peers" / "model_server.py"
FINDINGS = (
    Finding("file-processor/overlay", "low", 90, "Data behind the image"),
    Finding("file-processor/packer", "high", 80, "Packed"),
)


@pytest.fixture
async def model_server():
    process = await asyncio.create_subprocess_exec(
        sys.executable, PEER, "--port", "0", "--rate", "0", "--delay", "0", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode()
    yield line.split()[-1]
    process.terminate()
    assert await process.wait() == 0


async def test_the_default_rows_reach_it_by_its_variable(model_server):
    prompt = build_prompt("Is it bad?", sha256="ab" * 32, findings=FINDINGS)
    for url in (model_server, model_server.removesuffix("/v1"), model_server + "/"):
        async with AIManager(DEFAULT_ROWS, environ={"ATHENA_LOCAL_URL": url}) as manager:
            statuses = {status.name: status for status in await manager.providers()}
            result = await manager.analyze(AnalysisRequest("Is it bad?"), prompt)
        assert statuses["local"].state == "available"
        assert statuses["claude"].state == "no_api_key"
        assert (result.status, result.provider, result.model) == ("completed", "local", "plausible-1")
        assert set(result.citations) == {"file-processor/overlay", "file-processor/packer"}
        assert result.unknown_citations == ()
        assert result.usage.output_tokens > 10


async def test_it_answers_in_one_piece_too_and_names_what_it_does_not_know(model_server):
    import httpx  # noqa: PLC0415 - only here

    async with httpx.AsyncClient() as client:
        body = {"messages": [{"role": "user", "content": "hello"}]}
        answer = (await client.post(f"{model_server}/chat/completions", json=body)).json()
        assert "without findings" in answer["choices"][0]["message"]["content"]
        assert (await client.get(f"{model_server}/nothing")).status_code == 404
        assert (await client.post(f"{model_server}/chat/completions", json={})).status_code == 400
