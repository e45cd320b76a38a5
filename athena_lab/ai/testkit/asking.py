"""Checks of a whole provider, over real HTTP on loopback."""

from __future__ import annotations

import json
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from athena_lab.ai.prompt import Tool, build_prompt
from athena_lab.ai.providers.provider import Provider
from athena_lab.ai.send import Call, Progress
from athena_lab.ai.talk import Called, Turn
from athena_lab.ai.testkit.parsing import expect
from athena_lab.ai.testkit.server import ScriptedServer, cut, reply, stream
from athena_lab.ai.transports.http import AiohttpClients
from athena_lab.errors import APIError, InvalidResponse
from athena_lab.events import Finished, Token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from athena_lab.ai.prompt import Prompt
    from athena_lab.ai.send import Item
    from athena_lab.ai.testkit.recordings import Answer, Failure, Kit
    from athena_lab.ai.testkit.server import End, Request

KEY: Final = "sk-kit-0f1e2d3c4b5a69788796a5b4c3d2e1f0"
MODEL: Final = "kit-1"
PROMPT: Final = replace(
    build_prompt("What is the quick brown fox of this sample?"),
    tools=(Tool("look_up", "Looks a hash up.", {"type": "object", "properties": {"sha256": {"type": "string"}}}),),
    schema={"type": "object", "properties": {"pangram": {"type": "string"}}, "required": ["pangram"]},
)
SAMPLING: Final = ("temperature", "top_p", "topP", "top_k", "topK", "seed", "presence_penalty", "frequency_penalty")
PIECE: Final = 37
"""Bytes of a chunk; a prime, so that it meets no boundary of the data regularly."""


async def over_http(kit: Kit, answer: Answer) -> None:
    async with ScriptedServer() as server, _provider(kit, server, streaming=not answer.whole) as provider:
        for streaming in (True, False) if answer.whole else (True,):  # JSON comes where a stream was asked for, too
            server.will(stream(cut(answer.body, range(0, len(answer.body), PIECE)), content_type=_type(answer)))
            async with _provider(kit, server, streaming=streaming) as other:
                got = await _ask(other)
            expect(got == list(answer.events), f"{got} instead of {list(answer.events)}")
        expect(provider.missing is None, f"the row lacks something: {provider.missing}")


async def cut_off_over_http(kit: Kit, answer: Answer) -> None:
    ends: tuple[End, ...] = ("clean", "cut", "reset")
    async with ScriptedServer() as server, _provider(kit, server, streaming=not answer.whole) as provider:
        for number, place in enumerate(range(0, len(answer.body) // 2, 101)):
            server.will(
                stream([answer.body[:place]] if place else [], end=ends[number % 3], content_type=_type(answer))
            )
            items, error = await _fail(provider)
            expect(error is not None, f"cut off at {place}, it is taken for an answer: {items}")


async def has_its_name(kit: Kit, failure: Failure) -> None:
    async with ScriptedServer() as server, _provider(kit, server) as provider:
        server.will(
            stream(cut(failure.body, range(0, len(failure.body), PIECE)))
            if failure.status == 200  # noqa: PLR2004 - HTTP
            else reply(failure.status, failure.body, failure.headers)
        )
        items, error = await _fail(provider)
    if failure.error is None:
        end = items[-1] if items else None
        expect(isinstance(end, Finished) and end.status == "refused", f"{error or items} instead of a refusal")
        return
    expect(type(error) is failure.error, f"{error!r} instead of {failure.error.__name__}")
    if error is not None:
        expect(error.provider == kit.row.name and error.model == MODEL, f"{error} does not say whose it is")
        expect(error.next_step, f"{error} has no next step")
        expect(error.retry_after == failure.retry_after, f"wait {error.retry_after}, not {failure.retry_after}")
        expect(error.should_retry == failure.should_retry, f"should_retry is {error.should_retry}")


async def errors_however_broken_are_named(kit: Kit) -> None:
    bodies = (b"", b"\xff\xfe", b"null", b"[]", b'"no"', b"<html>", b'{"error": 7}', b"[" * 100_000, b'{"error": [{}]}')
    async with ScriptedServer() as server, _provider(kit, server) as provider:
        for body in bodies:
            for status in (400, 401, 402, 403, 404, 413, 422, 429, 498, 500, 503, 529):
                server.will(reply(status, body))
                items, error = await _fail(provider)
                expect(error is not None and not items, f"{status} with {body[:40]!r} is taken for {items}")


async def asks_for_what_the_row_allows(kit: Kit) -> None:
    for allowed in (True, False):
        sent = await _requests(kit, allowed=allowed)
        for request in sent:
            text = request.body.decode()
            expect(request.method == "POST" and MODEL in request.path + text, "the model is not asked for")
            for name, part in (("system", PROMPT.system), ("user", PROMPT.user)):
                written = (json.dumps(part, ensure_ascii=False), json.dumps(part))
                expect(any(form in text for form in written), f"the prompt's {name} is not in the request")
            expect(not any(f'"{name}"' in text for name in SAMPLING), "sampling parameters are sent")
            expect((PROMPT.tools[0].name in text) == allowed, f"tools, when allowed is {allowed}")
            expect(("pangram" in text) == allowed, f"a schema, when allowed is {allowed}")
            numbers = set(_numbers(request.json()))
            expect(numbers & {7} and not numbers & {4_096}, "max_tokens is not what the row's limits allow")
        streaming, whole = sent
        expect((streaming.path, streaming.body) != (whole.path, whole.body), "a stream is asked for as a whole answer")


async def gives_a_talk_back(kit: Kit) -> None:
    """What functions came to is told, whoever asked for them: on the wire, or as text."""
    calls = (
        Called(1, "kit-1", "look_up", '{"sha256": "ab"}', "It is known since Tuesday."),
        Called(2, "kit-2", "look_up", "{}", "The hash is missing.", failed=True),
    )
    for who in (kit.row.name, "another"):
        talk = (Turn(who, MODEL, "I look it up.", calls),)
        for allowed in (True, False):
            for closing in (True, False):
                prompt = replace(PROMPT, talk=talk, looks=12, closing=closing)
                for request in await _requests(kit, allowed=allowed, prompt=prompt):
                    text = request.body.decode()
                    request.json()
                    for called in calls:
                        expect(text.count(called.result) == 1, f"the result {called.result!r} is not told once")
                    expect(text.count("I look it up.") == 1, "what the model wrote is not told once")


async def key_in_a_header_only(kit: Kit) -> None:
    """And no error repeats it, wherever the provider does."""
    async with ScriptedServer() as server, _provider(kit, server) as provider:
        for status in (401, 429, 500):
            body = json.dumps({"error": {"message": f"bad key {KEY}", "type": KEY, "code": KEY, "status": KEY}})
            server.will(reply(status, body, {"x-request-id": KEY, "request-id": KEY}))
            _, error = await _fail(provider)
            said = f"{error} {error!r} {error.problem() if error else ''}"
            expect(KEY[:12] not in said, f"the key is in an error: {said}")
        for request in server.requests:
            expect(KEY not in request.path and KEY.encode() not in request.body, "the key is in a URL or a body")
            with_key = [name for name, value in request.headers.items() if KEY in value]
            expect(bool(with_key) == bool(kit.row.key_variables), f"headers with the key: {with_key}")


async def models_are_listed(kit: Kit) -> None:
    async with ScriptedServer() as server, _provider(kit, server) as provider:
        server.will(reply(200, kit.models))
        models = await provider.models()
        expect([model.id for model in models] == list(kit.model_ids), f"{models}")
        expect(server.requests[0].method == "GET", "models are asked for by GET")
        for body in (b"<html>", b"[1]", b"null", b"[" * 100_000):
            server.will(reply(200, body))
            try:
                models = await provider.models()
            except InvalidResponse:
                continue
            raise AssertionError(f"{body[:40]!r} is taken for a list of models: {models}")


async def a_key_is_validated(kit: Kit) -> None:
    async with ScriptedServer() as server, _provider(kit, server) as provider:
        server.will(reply(200, kit.models), reply(401), reply(403))
        expect(await provider.validate_key(), "a good key is refused")
        expect(not await provider.validate_key(), "401 is taken for a good key")
        expect(not await provider.validate_key(), "403 is taken for a good key")


async def closing_closes_the_connection(kit: Kit) -> None:
    """At once, in the middle of an answer."""
    answer = next(answer for answer in kit.answers if not answer.whole and isinstance(answer.events[0], Token))
    async with ScriptedServer() as server, _provider(kit, server) as provider:
        server.will(stream([answer.body[:-2]], end="hang"))
        async with aclosing(provider.stream(_call(provider))) as items:
            async for item in items:
                if isinstance(item, Token):
                    break
        await server.until(lambda: server.live == 0)


@asynccontextmanager
async def _provider(
    kit: Kit, server: ScriptedServer, *, streaming: bool = True, **changes: Any
) -> AsyncIterator[Provider]:
    """The row brought to life, with its address on loopback."""
    features = replace(kit.row.features, streaming=streaming, websocket=False, background=False)
    url = server.url + urlsplit(kit.row.base_url).path
    row = replace(kit.row, **{"features": features, "base_url": url, "base_url_env": "", **changes})
    provider = Provider(row, dict.fromkeys(row.key_variables, KEY), AiohttpClients())
    try:
        yield provider
    finally:
        await provider.aclose()


async def _requests(kit: Kit, *, allowed: bool, prompt: Prompt = PROMPT) -> list[Request]:
    """Those for a stream and for a whole answer, where the row does (not) allow functions and schemas."""
    async with ScriptedServer(reply(503)) as server:
        for streaming in (True, False):
            features = replace(
                kit.row.features,
                streaming=streaming,
                websocket=False,
                background=False,
                function_calling=allowed,
                structured_output=allowed,
            )
            limits = replace(kit.row.limits, max_tokens=7)
            async with _provider(kit, server, features=features, limits=limits) as provider:
                await _fail(provider, prompt)
        return server.requests


def _call(provider: Provider, prompt: Prompt = PROMPT) -> Call:
    return Call(provider.name, MODEL, prompt, max_tokens=4_096, expires=float("inf"))


async def _ask(provider: Provider, prompt: Prompt = PROMPT) -> list[Item]:
    async with aclosing(provider.stream(_call(provider, prompt))) as items:
        return [item async for item in items if not isinstance(item, Progress)]


async def _fail(provider: Provider, prompt: Prompt = PROMPT) -> tuple[list[Item], APIError | None]:
    try:
        return await _ask(provider, prompt), None
    except APIError as error:
        return [], error


def _numbers(value: Any) -> list[int]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for below in value for number in _numbers(below)]
    return [value] if isinstance(value, int) and not isinstance(value, bool) else []


def _type(answer: Answer) -> str:
    return "application/json" if answer.whole else "text/event-stream"
