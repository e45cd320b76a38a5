"""The official SDKs read the same recorded bytes, from the same server, and agree with us on what they say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from athena_lab.ai.testkit.server import ScriptedServer, reply, stream
from athena_lab.events import Finished, Token, ToolCall, Usage
from tests.ai.kits import KITS

MESSAGES = [{"role": "user", "content": "?"}]
KEY = "sk-test"


@dataclass
class Said:
    """What an answer says, whoever reads it. ``calls`` by name and arguments."""

    text: str = ""
    calls: list[tuple[str, Any]] = field(default_factory=list)
    reason: str | None = None
    usage: tuple[int, int] | None = None


def ours(answer) -> Said:
    said = Said()
    for event in answer.events:
        match event:
            case Token():
                said.text += event.text
            case ToolCall():
                said.calls.append((event.name, value(event.arguments)))
            case Usage():
                said.usage = (event.input_tokens, event.output_tokens)
            case Finished():
                said.reason = event.stop_reason.partition(":")[0]
    return said


def value(arguments: str | None) -> Any:
    """Of JSON; text that is none is compared as text."""
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return arguments


class Fragments:
    """Calls put together from their fragments, as the SDKs' users do it: by index."""

    def __init__(self) -> None:
        self._calls: dict[int, list[str]] = {}

    def add(self, index: int, name: str | None, arguments: str | None) -> None:
        call = self._calls.setdefault(index, ["", ""])
        call[0] = call[0] or name or ""
        call[1] += arguments or ""

    def end(self) -> list[tuple[str, Any]]:
        return [(name, value(arguments)) for name, arguments in self._calls.values()]


def say_chat(said: Said, fragments: Fragments, chunk: Any) -> None:
    """A chunk or an answer, of the OpenAI, the Groq or the Mistral SDK."""
    usage = chunk.usage or getattr(getattr(chunk, "x_groq", None), "usage", None)
    if usage:
        said.usage = (usage.prompt_tokens, usage.completion_tokens)
    for choice in chunk.choices:
        delta = choice.delta if hasattr(choice, "delta") else choice.message
        said.text += chat_text(delta.content) + (getattr(delta, "refusal", None) or "")
        for number, call in enumerate(delta.tool_calls or ()):
            index = getattr(call, "index", None)
            fragments.add(number if index is None else index, call.function.name, call.function.arguments)
        said.reason = choice.finish_reason or said.reason


def chat_text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(part.text for part in content if part.type == "text")
    return content if isinstance(content, str) else ""


async def openai_chat(url: str, *, whole: bool) -> Said:
    from openai import AsyncOpenAI  # noqa: PLC0415 - a second

    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        return await chat(client, whole=whole)


async def groq_chat(url: str, *, whole: bool) -> Said:
    from groq import AsyncGroq  # noqa: PLC0415 - half a second

    async with AsyncGroq(base_url=url, api_key=KEY, max_retries=0) as client:
        return await chat(client, whole=whole)


async def chat(client: Any, *, whole: bool) -> Said:
    said, fragments = Said(), Fragments()
    answer = await client.chat.completions.create(model="m-1", messages=MESSAGES, stream=not whole)
    if whole:
        say_chat(said, fragments, answer)
    else:
        async for chunk in answer:
            say_chat(said, fragments, chunk)
    said.calls = fragments.end()
    return said


async def mistral_chat(url: str, *, whole: bool) -> Said:
    from mistralai.client import Mistral  # noqa: PLC0415 - a second

    said, fragments = Said(), Fragments()
    async with Mistral(api_key=KEY, server_url=url) as client:
        if whole:
            say_chat(said, fragments, await client.chat.complete_async(model="m-1", messages=MESSAGES))
        else:
            async with await client.chat.stream_async(model="m-1", messages=MESSAGES) as events:
                async for event in events:
                    say_chat(said, fragments, event.data)
    said.calls = fragments.end()
    return said


async def openai_responses(url: str, *, whole: bool) -> Said:
    from openai import AsyncOpenAI  # noqa: PLC0415 - a second

    said, response = Said(), None
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=KEY, max_retries=0) as client:
        answer = await client.responses.create(model="m-1", input="?", stream=not whole)
        if whole:
            response = answer
            parts = [part for item in answer.output if item.type == "message" for part in item.content]
            said.text = "".join(part.text if part.type == "output_text" else part.refusal for part in parts)
            say_items(said, answer.output)
        else:
            async for event in answer:
                if event.type in {"response.output_text.delta", "response.refusal.delta"}:
                    said.text += event.delta
                elif event.type == "response.output_item.done":
                    say_items(said, [event.item])
                response = getattr(event, "response", response)
    said.reason = response.status if response.incomplete_details is None else response.incomplete_details.reason
    said.usage = (response.usage.input_tokens, response.usage.output_tokens)
    return said


def say_items(said: Said, items: Any) -> None:
    for item in items:
        if item.type == "function_call" and item.status == "completed":
            said.calls.append((item.name, value(item.arguments)))


async def anthropic(url: str, *, whole: bool) -> Said:
    from anthropic import AsyncAnthropic  # noqa: PLC0415 - a second

    async with AsyncAnthropic(base_url=url, api_key=KEY, max_retries=0) as client:
        asked = {"model": "m-1", "max_tokens": 9, "messages": MESSAGES}
        if whole:
            message = await client.messages.create(**asked)
        else:
            async with client.messages.stream(**asked) as events:
                message = await events.get_final_message()
    text = "".join(block.text for block in message.content if block.type == "text")
    if not text and message.stop_details is not None:
        text = message.stop_details.explanation
    usage = message.usage
    given = usage.input_tokens + (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0)
    calls = [(block.name, block.input) for block in message.content if block.type == "tool_use"]
    return Said(text, calls, message.stop_reason, (given, usage.output_tokens))


async def gemini(url: str, *, whole: bool) -> Said:
    from google import genai  # noqa: PLC0415 - two seconds

    said = Said()
    client = genai.Client(api_key=KEY, http_options={"base_url": url, "api_version": "v1beta"})
    try:
        if whole:
            say_gemini(said, await client.aio.models.generate_content(model="m-1", contents="?"))
        else:
            async for chunk in await client.aio.models.generate_content_stream(model="m-1", contents="?"):
                say_gemini(said, chunk)
    finally:
        await client.aio.aclose()
        client.close()
    return said


def say_gemini(said: Said, chunk: Any) -> None:
    usage = chunk.usage_metadata
    if usage is not None:
        said.usage = (usage.prompt_token_count, (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0))
    if chunk.prompt_feedback is not None:
        said.reason = chunk.prompt_feedback.block_reason.value
    for candidate in chunk.candidates or ():
        for part in (candidate.content.parts if candidate.content else None) or ():
            said.text += part.text if part.text and not part.thought else ""
            if part.function_call is not None:
                said.calls.append((part.function_call.name, part.function_call.args or {}))
        said.reason = candidate.finish_reason.value if candidate.finish_reason else said.reason


SDKS = {
    "claude": anthropic,
    "openai": openai_responses,
    "deepseek": openai_chat,
    "gemini": gemini,
    "mistral": mistral_chat,
    "groq": groq_chat,
    "local": openai_chat,
}
DIFFER = {
    "two function calls with one index": "they are told apart by their ids, which is for the SDKs' users to do",
    "a function call that is cut off": "the SDKs give the fragment",
    "a function call without index and id": "the SDKs say that the index is None",
    "text without an end": "[DONE] is our reason where there is none",
    "text in an array": "the SDK reads server-sent events only",
    "a refusal in words": "Mistral's and Groq's SDKs drop a refusal, which is OpenAI's",
}
IN_FRAGMENTS = {"a function call", "two function calls", "a function call with arguments that are not JSON"}


def comparable(name: str, answer: str) -> bool:
    """Mistral streams function calls whole, and its SDK takes nothing else."""
    if answer == "a refusal in words":
        return SDKS[name] is openai_chat
    return answer not in DIFFER and not (name == "mistral" and answer in IN_FRAGMENTS)


CASES = [
    pytest.param(SDKS[name], answer, id=f"{name}: {answer.name}")
    for name, kit in KITS.items()
    for answer in kit.answers
    if comparable(name, answer.name)
]


def test_the_sdks_are_compared():
    assert len(CASES) > 50
    assert {answer.name for kit in KITS.values() for answer in kit.answers} >= set(DIFFER) | IN_FRAGMENTS


# google-genai derives a class from aiohttp's session when it is imported, which aiohttp warns of.
@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
@pytest.mark.parametrize(("sdk", "answer"), CASES)
async def test_the_sdk_agrees(sdk, answer):
    async with ScriptedServer() as server:
        server.will(reply(200, answer.body) if answer.whole else stream([answer.body]))
        assert await sdk(server.url, whole=answer.whole) == ours(answer)
