"""Questions asked over real HTTP of a server that answers as it is told."""

from __future__ import annotations

import asyncio
import json

import pytest

from athena_lab.ai import AIManager, PipelineOptions, build_prompt
from athena_lab.ai.recovery import RecoveryOptions
from athena_lab.ai.types import Features
from athena_lab.errors import ConfigError, InvalidField, NoProvider
from athena_lab.events import Failed, Finished, Started, Token, Usage
from athena_lab.report.findings import Finding
from tests.ai.conftest import KEY, row
from tests.ai.recorded import ANTHROPIC, EVENTS, OPENAI, STREAMS, TEXT, WHOLE
from tests.peers.scripted_server import cut, reply, sse, stream

FINDINGS = [Finding("file-processor/packer", "high", 90, "Packed with a known packer")]
PROMPT = build_prompt("Is it packed?", sha256="0" * 64, findings=FINDINGS)
ALONE = build_prompt("What is an overlay?")


async def collect(manager, request, prompt=PROMPT):
    async with manager.stream(request, prompt) as events:
        return [event async for event in events]


@pytest.mark.parametrize("wire", STREAMS)
async def test_a_stream_becomes_events(server, manager_for, request_of, wire):
    server.will(stream(cut(STREAMS[wire], range(0, len(STREAMS[wire]), 37))))
    started, *middle, end = await collect(manager_for(wire), request_of())
    assert (started.provider, started.model) == ("peer", "m-1")
    assert [*middle, Finished(end.status, end.stop_reason)] == EVENTS[wire]
    assert end.citations == ("file-processor/packer",)
    assert [attempt.error for attempt in end.attempts] == [None]


async def test_the_request_on_openai_s_wire(server, manager_for, request_of):
    server.will(stream([OPENAI]))
    options = {"stream_options": {"include_usage": True}, "max_tokens_field": "max_completion_tokens"}
    await collect(manager_for(row_changes=options), request_of(model="m-2"))
    (sent,) = server.requests
    assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    body = sent.json()
    assert body.pop("messages") == [
        {"role": "system", "content": PROMPT.system},
        {"role": "user", "content": PROMPT.user},
    ]
    assert body == {
        "model": "m-2",
        "max_completion_tokens": 2_048,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def test_the_request_on_anthropic_s_wire(server, manager_for, request_of):
    server.will(stream([ANTHROPIC]))
    await collect(manager_for("anthropic"), request_of())
    (sent,) = server.requests
    assert (sent.method, sent.path) == ("POST", "/v1/messages")
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert sent.headers["anthropic-version"] == "2026-10-21"
    assert "x-api-key" not in sent.headers
    assert sent.json() == {
        "model": "m-1",
        "max_tokens": 2_048,
        "system": PROMPT.system,
        "messages": [{"role": "user", "content": PROMPT.user}],
        "stream": True,
    }


@pytest.mark.parametrize("streaming", [True, False])
@pytest.mark.parametrize("wire", STREAMS)
async def test_an_answer_in_one_piece(server, manager_for, request_of, wire, streaming):
    # A provider under load sends blank lines before its JSON, and some send JSON where a stream was asked for.
    server.will(reply(200, "\n\n\n" + json.dumps(WHOLE[wire], indent=1)))
    manager = manager_for(wire, row_changes={"features": Features(streaming=streaming)})
    _, *middle, end = await collect(manager, request_of())
    assert middle == [Token("".join(TEXT)), EVENTS[wire][-2]]
    assert end.status == "completed"
    (sent,) = server.requests
    assert sent.json().get("stream", "streamGenerateContent" in sent.path) is streaming


async def test_analyze_folds_the_stream(server, manager_for, request_of):
    server.will(stream([OPENAI]))
    result = await manager_for().analyze(request_of(), PROMPT)
    assert (result.status, result.text, result.stop_reason) == ("completed", "".join(TEXT), "stop")
    assert result.usage == Usage(11, 7)
    assert result.citations == ("file-processor/packer",)
    assert result.error is None


def chat(delta, reason=None, **more):
    return sse({"choices": [{"index": 0, "delta": delta, "finish_reason": reason}], **more})


DONE = sse("[DONE]")


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([chat({"content": "a"}, "stop")], ("completed", "stop", "a"), id="no [DONE]"),
        pytest.param([chat({"content": "a"}), DONE], ("completed", "[DONE]", "a"), id="no finish_reason"),
        pytest.param([chat({"content": "a"}, "length"), DONE], ("degraded", "length", "a"), id="cut off"),
        pytest.param([chat({"content": "a"}, "content_filter"), DONE], ("refused", "content_filter", "a"), id="filter"),
        pytest.param([chat({"refusal": "No."}), chat({}, "stop"), DONE], ("refused", "stop", "No."), id="refusal"),
        pytest.param(
            [chat({"content": [{"type": "thinking"}, {"type": "text", "text": "a"}]}, "stop"), DONE],
            ("completed", "stop", "a"),
            id="content in parts",
        ),
        pytest.param([chat({"reasoning_content": "hm"}), chat({"content": "a"}, "stop")], ("completed", "stop", "a")),
        pytest.param([chat({"content": "a"}, "a word of tomorrow"), DONE], ("completed", "a word of tomorrow", "a")),
        pytest.param([b": keep-alive\n\n" * 3, sse(""), chat({"content": "a"}, "stop")], ("completed", "stop", "a")),
    ],
)
async def test_ends_on_openai_s_wire(server, manager_for, request_of, chunks, expected):
    server.will(stream(chunks))
    result = await manager_for().analyze(request_of(), PROMPT)
    assert (result.status, result.stop_reason, result.text) == expected


async def test_groq_s_usage_is_counted(server, manager_for, request_of):
    usage = {"x_groq": {"usage": {"prompt_tokens": 3, "completion_tokens": 4}}}
    server.will(stream([chat({"content": "a"}), chat({}, "stop", **usage), DONE]))
    assert (await manager_for().analyze(request_of(), PROMPT)).usage == Usage(3, 4)


@pytest.mark.parametrize(
    ("stop_reason", "status"),
    [
        ("end_turn", "completed"),
        ("refusal", "refused"),
        ("max_tokens", "degraded"),
        ("model_context_window_exceeded", "degraded"),
        ("pause_turn", "degraded"),
    ],
)
async def test_ends_on_anthropic_s_wire(server, manager_for, request_of, stop_reason, status):
    server.will(stream([ANTHROPIC.replace(b"end_turn", stop_reason.encode())]))
    result = await manager_for("anthropic").analyze(request_of(), PROMPT)
    assert (result.status, result.stop_reason) == (status, stop_reason)


async def test_text_is_there_before_the_answer_is_complete(server, manager_for, request_of):
    # The server sends its second piece only after the reader has the first.
    seen = asyncio.Event()

    async def second_waits(number):
        if number:
            await asyncio.wait_for(seen.wait(), 5)

    server.will(stream([chat({"content": "a"}), chat({"content": "b"}, "stop")], before=second_waits))
    async with manager_for().stream(request_of(), PROMPT) as events:
        assert isinstance(await anext(events), Started)
        assert await anext(events) == Token("a")
        seen.set()
        assert await anext(events) == Token("b")


async def test_connections_are_kept(server, manager_for, request_of):
    read = asyncio.Event()

    async def end_follows_later(exchange):
        await exchange.head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        await exchange.chunk(OPENAI)
        await read.wait()
        read.clear()
        await exchange.write(b"0\r\n\r\n")

    server.will(end_follows_later)
    manager = manager_for()
    for _ in range(5):
        async with manager.stream(request_of(), PROMPT) as events:
            async for event in events:
                if isinstance(event, Usage):  # then only the answer's end is left of what was sent
                    read.set()
    assert server.connections == 1


# -- choosing


async def test_the_first_by_priority_that_has_a_key_is_asked(server, request_of):
    server.will(stream([OPENAI]))
    rows = [
        row(server, name="third", priority=3),
        row(server, name="keyless", priority=1, key_env=("NOT_SET", "NOR_THIS")),
        row(server, name="second", priority=2),
        row(server, name="off", priority=1, enabled=False),
    ]
    async with AIManager(rows, environ={"PEER_KEY": KEY}) as manager:
        assert (await manager.analyze(request_of(), PROMPT)).provider == "second"
        assert (await manager.analyze(request_of(provider="third"), PROMPT)).provider == "third"
        with pytest.raises(InvalidField, match="names are keyless, second, third, offline") as caught:
            await manager.analyze(request_of(provider="off"), PROMPT)
        assert caught.value.status == 422
        with pytest.raises(NoProvider, match=r"Set NOT_SET or NOR_THIS .* provider=.offline"):
            await manager.analyze(request_of(provider="keyless"), ALONE)
        result = await manager.analyze(request_of(provider="keyless"), PROMPT)
        assert (result.status, result.provider) == ("degraded", "offline")
        assert "Set NOT_SET or NOR_THIS" in result.error.next_step


async def test_nobody_to_ask(request_of):
    from athena_lab.ai import DEFAULT_ROWS  # noqa: PLC0415 - only here

    async with AIManager(DEFAULT_ROWS, environ={}) as manager:
        with pytest.raises(NoProvider, match=r"ANTHROPIC_API_KEY.*ATHENA_LOCAL_URL.*offline"):
            await manager.analyze(request_of(), ALONE)
        result = await manager.analyze(request_of(provider="offline"), PROMPT)
    assert (result.provider, result.model, result.status, result.stop_reason) == (
        "offline",
        "none",
        "degraded",
        "offline",
    )
    assert "Written without AI" in result.text
    assert result.citations == ("file-processor/packer",)


async def test_a_local_server_s_first_model_is_taken(server, request_of):
    server.will(reply(200, {"data": [{"id": "tiny-1"}, {"id": "tiny-2"}]}), stream([OPENAI]))
    rows = [row(server, name="local", model="", key_env="", base_url_env="LOCAL")]
    async with AIManager(rows, environ={"LOCAL": server.url}) as manager:
        result = await manager.analyze(request_of(), PROMPT)
    assert (result.status, result.model) == ("completed", "tiny-1")
    assert [sent.path for sent in server.requests] == ["/v1/models", "/v1/chat/completions"]
    assert "authorization" not in server.requests[1].headers
    assert server.requests[1].json()["model"] == "tiny-1"


@pytest.mark.parametrize("url", ["localhost:8080", "ftp://x/", "http://u:p@x/", "http://x/?key=1", "http://x y/"])
async def test_a_bad_local_url_is_named(server, url):
    with pytest.raises(ConfigError, match="LOCAL is not an http or https address"):
        AIManager([row(server, base_url_env="LOCAL")], environ={"LOCAL": url, "PEER_KEY": KEY})


async def test_configuration_that_cannot_be_used(server):
    with pytest.raises(ConfigError, match=r"no wire named carrier-pigeon; there are anthropic, gemini, openai-chat"):
        AIManager([row(server, "carrier-pigeon")], environ={})
    with pytest.raises(ConfigError, match="cannot be named offline"):
        AIManager([row(server, name="offline")], environ={})


async def test_a_key_that_cannot_be_sent_takes_out_its_own_row_alone(server, request_of):
    server.will(stream([OPENAI]))
    rows = [row(server, name="broken", priority=1, key_env="BROKEN_KEY"), row(server, name="good", priority=2)]
    async with AIManager(rows, environ={"BROKEN_KEY": "sk-oh dear", "PEER_KEY": KEY}) as manager:
        assert manager.configured == ("good",)
        assert (await manager.analyze(request_of(), PROMPT)).provider == "good"
        with pytest.raises(NoProvider, match="BROKEN_KEY holds a space") as caught:
            await manager.analyze(request_of(provider="broken"), ALONE)
        status, _ = await manager.providers()
    assert (status.name, status.state) == ("broken", "no_api_key")
    assert "BROKEN_KEY holds a space" in status.detail
    assert "dear" not in str(caught.value) + status.detail
    async with AIManager(rows[:1], environ={"BROKEN_KEY": "sk-oh dear"}) as manager:
        with pytest.raises(NoProvider, match="BROKEN_KEY holds a space"):
            await manager.analyze(request_of(), ALONE)


@pytest.mark.parametrize("provider", [None, "keyless"])
async def test_where_nobody_can_be_asked_the_summary_of_the_findings_stands_in(server, request_of, provider):
    async with AIManager([row(server, name="keyless", key_env="NOT_SET")], environ={}) as manager:
        async with manager.stream(request_of(provider=provider), PROMPT) as events:
            seen = [event async for event in events]
        assert (seen[0].provider, seen[1].how, seen[1].error.code) == ("offline", "offline", "no_provider")
        result = await manager.analyze(request_of(provider=provider), PROMPT)
        with pytest.raises(NoProvider):  # nobody waits for it, and it is to be asked again
            async with manager.stream(request_of(provider=provider), PROMPT, recover=False):
                pass
    assert (result.status, result.stop_reason, result.error.code) == ("degraded", "offline", "no_provider")
    assert "Written without AI" in result.text
    assert result.citations == ("file-processor/packer",)


async def test_a_rule_of_one_s_own_lets_the_error_stand(server, request_of):
    options = PipelineOptions(recovery=RecoveryOptions(rules={"no_provider": ("fail",)}))
    rows = [row(server, name="keyless", key_env="NOT_SET")]
    async with AIManager(rows, environ={}, options=options) as manager:
        with pytest.raises(NoProvider):
            await manager.analyze(request_of(), PROMPT)


# -- closing


async def test_use_after_close(server, manager_for, request_of):
    server.will(stream([OPENAI]))
    manager = manager_for()
    await manager.analyze(request_of(), PROMPT)
    await manager.aclose()
    await manager.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await manager.analyze(request_of(), PROMPT)
    with pytest.raises(RuntimeError, match="closed"):
        await manager.providers()
    with pytest.raises(RuntimeError, match="closed"):
        await manager.analyze(request_of(provider="offline"), PROMPT)
    await server.until(lambda: server.live == 0)


async def test_closing_ends_running_streams_with_an_error(server, manager_for, request_of):
    server.will(stream([chat({"content": "a"})], end="hang"))
    manager = manager_for()
    async with manager.stream(request_of(), PROMPT) as events:
        assert [type(await anext(events)) for _ in range(2)] == [Started, Token]
        await manager.aclose()
        (end,) = [event async for event in events]
    assert isinstance(end, Failed)
    assert end.error.code in {"invalid_response", "provider_unreachable"}
