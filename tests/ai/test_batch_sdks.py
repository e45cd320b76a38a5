"""The official SDKs drive the same batch server as we do: what it says is what they expect."""

from __future__ import annotations

import json

import pytest

from tests.peers.batch_server import USAGE, BatchServer

KEY = "sk-test"
QUESTIONS = {"a": "What is q-1?", "b": "BAD q-2", "c": "What is q-3?"}


@pytest.fixture
async def peer():
    peer = BatchServer(polls=1)
    async with peer.server:
        yield peer


def messages(question):
    return [{"role": "user", "content": question}]


async def test_anthropic(peer):
    from anthropic import AsyncAnthropic  # noqa: PLC0415 - a second

    async with AsyncAnthropic(base_url=peer.server.url, api_key=KEY, max_retries=0) as client:
        batches = client.messages.batches
        asked = [
            {"custom_id": name, "params": {"model": "m-1", "max_tokens": 9, "messages": messages(question)}}
            for name, question in QUESTIONS.items()
        ]
        batch = await batches.create(requests=asked)
        assert batch.processing_status == "in_progress"
        states = [(await batches.retrieve(batch.id)).processing_status for _ in range(2)]
        assert states == ["in_progress", "ended"]
        # The SDK would follow results_url, which names another host here; the path is the same.
        read = await client.get(f"/v1/messages/batches/{batch.id}/results", cast_to=bytes)
        assert (await batches.cancel(batch.id)).processing_status == "canceling"
        assert (await batches.delete(batch.id)).id == batch.id
    from anthropic.types.messages import MessageBatchIndividualResponse  # noqa: PLC0415

    lines = [MessageBatchIndividualResponse.model_validate_json(line) for line in read.splitlines()]
    said = {line.custom_id: line.result for line in lines}
    assert {name: result.type for name, result in said.items() if name in QUESTIONS} == {
        "a": "succeeded",
        "b": "errored",
        "c": "succeeded",
    }
    assert said["a"].message.content[0].text == "q-1"
    assert said["a"].message.usage.output_tokens == USAGE[1]
    assert said["b"].error.error.type == "invalid_request_error"


async def openai_like(client, endpoint):
    """The results by id, of the OpenAI or the Groq SDK."""
    body = {"model": "m-1", "messages": None, "input": None}
    lines = [
        {"custom_id": name, "method": "POST", "url": endpoint, "body": body | {"messages": messages(question)}}
        for name, question in QUESTIONS.items()
    ]
    data = "\n".join(json.dumps(line) for line in lines).encode()
    uploaded = await client.files.create(file=("batch.jsonl", data), purpose="batch")
    assert uploaded.bytes == len(data)
    batch = await client.batches.create(input_file_id=uploaded.id, endpoint=endpoint, completion_window="24h")
    assert batch.status == "validating"
    batches = [await client.batches.retrieve(batch.id) for _ in range(2)]
    assert [batch.status for batch in batches] == ["in_progress", "completed"]
    read = [await client.files.content(name) for name in (batches[1].output_file_id, batches[1].error_file_id)]
    assert (await client.batches.cancel(batch.id)).status == "cancelling"
    assert (await client.files.delete(uploaded.id)).deleted
    results = [json.loads(line) for each in read for line in (await getattr(each, "aread", each.read)()).splitlines()]
    return {result["custom_id"]: result["response"] for result in results}


@pytest.mark.parametrize("endpoint", ["/v1/chat/completions", "/v1/responses"])
async def test_openai(peer, endpoint):
    from openai import AsyncOpenAI  # noqa: PLC0415 - a second
    from openai.types.chat import ChatCompletion  # noqa: PLC0415
    from openai.types.responses import Response  # noqa: PLC0415

    async with AsyncOpenAI(base_url=f"{peer.server.url}/v1", api_key=KEY, max_retries=0) as client:
        said = await openai_like(client, endpoint)
    assert {name: said[name]["status_code"] for name in QUESTIONS} == {"a": 200, "b": 400, "c": 200}
    if endpoint == "/v1/responses":
        assert Response.model_construct(**said["a"]["body"]).status == "completed"
    else:
        assert ChatCompletion.model_validate(said["a"]["body"]).choices[0].message.content == "q-1"


async def test_groq(peer):
    from groq import AsyncGroq  # noqa: PLC0415 - half a second

    async with AsyncGroq(base_url=peer.server.url, api_key=KEY, max_retries=0) as client:
        said = await openai_like(client, "/v1/chat/completions")
    assert {name: said[name]["status_code"] for name in QUESTIONS} == {"a": 200, "b": 400, "c": 200}


async def test_mistral(peer):
    from mistralai.client import Mistral  # noqa: PLC0415 - a second

    lines = [{"custom_id": name, "body": {"messages": messages(question)}} for name, question in QUESTIONS.items()]
    data = "\n".join(json.dumps(line) for line in lines).encode()
    async with Mistral(api_key=KEY, server_url=peer.server.url) as client:
        file = await client.files.upload_async(file={"file_name": "batch.jsonl", "content": data}, purpose="batch")
        jobs = client.batch.jobs
        job = await jobs.create_async(input_files=[file.id], model="m-1", endpoint="/v1/chat/completions")
        assert job.status == "QUEUED"
        states = [await jobs.get_async(job_id=job.id) for _ in range(2)]
        assert [state.status for state in states] == ["RUNNING", "SUCCESS"]
        read = await client.files.download_async(file_id=states[1].output_file)
        assert (await jobs.cancel_async(job_id=job.id)).status == "CANCELLATION_REQUESTED"
        assert (await client.files.delete_async(file_id=file.id)).deleted
    said = {line["custom_id"]: line["response"] for line in map(json.loads, (await read.aread()).splitlines())}
    assert said["a"]["body"]["choices"][0]["message"]["content"] == "q-1"


# google-genai derives a class from aiohttp's session when it is imported, which aiohttp warns of.
@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
async def test_gemini(peer):
    from google import genai  # noqa: PLC0415 - two seconds

    client = genai.Client(api_key=KEY, http_options={"base_url": peer.server.url, "api_version": "v1"})
    asked = [
        {"contents": [{"role": "user", "parts": [{"text": question}]}], "metadata": {"key": name}}
        for name, question in QUESTIONS.items()
    ]
    try:
        batches = client.aio.batches
        job = await batches.create(model="m-1", src=asked, config={"display_name": "b"})
        states = [await batches.get(name=job.name) for _ in range(2)]
        assert [state.state.value for state in states] == ["JOB_STATE_RUNNING", "JOB_STATE_SUCCEEDED"]
        await batches.cancel(name=job.name)
        await batches.delete(name=job.name)
    finally:
        await client.aio.aclose()
        client.close()
    said = {response.metadata["key"]: response for response in states[1].dest.inlined_responses}
    assert said["a"].response.candidates[0].content.parts[0].text == "q-1"
    assert said["b"].error.code == 3
    assert peer.cancelled()
