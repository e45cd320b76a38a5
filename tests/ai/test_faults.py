"""Everything that goes wrong between us and a provider has a name, keeps the text, and ends."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import re
import tracemalloc

import pytest

from athena_lab.ai import AnalysisOptions, AnalysisRequest, PipelineOptions, build_prompt
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.retry import RetryOptions
from athena_lab.ai.send import Tools
from athena_lab.ai.transports import MAX_TOTAL
from athena_lab.config import load_config
from athena_lab.lab import open_lab
from tests.ai.conftest import KEY
from tests.ai.recorded import ANTHROPIC, OPENAI, STREAMS, TEXT
from tests.peers.scripted_server import ScriptedServer, drop, hang, raw, reply, sse, stream

PROMPT = build_prompt("Is the quick brown fox of this sample packed?")
REQUEST = AnalysisRequest("Is it packed?")
NO_RETRY = {"policies": ()}


async def fail(manager, request):
    result = await manager.analyze(request, PROMPT)
    assert result.status == "failed"
    assert result.error is not None
    return result


def openai_error(code=None, kind="x", message="reason"):
    return {"error": {"message": message, "type": kind, "code": code, "param": None}}


def anthropic_error(kind, code=None):
    details = {"details": {"error_code": code}} if code else {}
    return {"type": "error", "error": {"type": kind, "message": "reason", **details}, "request_id": "r"}


@pytest.mark.parametrize(
    ("wire", "status", "body", "code"),
    [
        ("openai-chat", 400, openai_error(), "invalid_request"),
        ("openai-chat", 400, openai_error("context_length_exceeded"), "invalid_request"),
        ("openai-chat", 401, openai_error("invalid_api_key", "invalid_request_error"), "unauthorized"),
        ("openai-chat", 401, openai_error(None, "invalid_request_error"), "unauthorized"),
        ("openai-chat", 402, {"error": {"message": "Insufficient Balance"}}, "quota_exceeded"),
        ("openai-chat", 403, openai_error(), "forbidden"),
        ("openai-chat", 404, openai_error("model_not_found"), "invalid_request"),
        ("openai-chat", 408, "", "provider_timeout"),
        ("openai-chat", 413, "<html>too large</html>", "invalid_request"),
        ("openai-chat", 422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, "invalid_request"),
        ("openai-chat", 422, {"object": "error", "message": "extra", "type": "t", "code": "1300"}, "invalid_request"),
        ("openai-chat", 429, openai_error("rate_limit_exceeded"), "rate_limited"),
        ("openai-chat", 429, openai_error("insufficient_quota", "insufficient_quota"), "quota_exceeded"),
        ("openai-chat", 498, openai_error(), "service_unavailable"),
        ("openai-chat", 500, b"\xff\xfe garbage", "service_unavailable"),
        ("openai-chat", 502, "<html>bad gateway</html>", "service_unavailable"),
        ("openai-chat", 503, "[" * 100_000, "service_unavailable"),
        ("openai-chat", 504, "", "provider_timeout"),
        ("openai-chat", 418, {"error": "I am a teapot"}, "invalid_request"),
        ("anthropic", 400, anthropic_error("invalid_request_error"), "invalid_request"),
        ("anthropic", 401, anthropic_error("authentication_error"), "unauthorized"),
        ("anthropic", 402, anthropic_error("billing_error"), "quota_exceeded"),
        ("anthropic", 403, anthropic_error("permission_error"), "forbidden"),
        ("anthropic", 404, anthropic_error("not_found_error"), "invalid_request"),
        ("anthropic", 413, anthropic_error("request_too_large"), "invalid_request"),
        ("anthropic", 429, anthropic_error("rate_limit_error"), "rate_limited"),
        ("anthropic", 429, anthropic_error("rate_limit_error", "enforced_spend_limit_reached"), "quota_exceeded"),
        ("anthropic", 429, anthropic_error("rate_limit_error", "contract_spend_limit_reached"), "quota_exceeded"),
        ("anthropic", 429, anthropic_error("rate_limit_error", "ramp_limit_exceeded"), "rate_limited"),
        ("anthropic", 500, anthropic_error("api_error"), "service_unavailable"),
        ("anthropic", 504, anthropic_error("timeout_error"), "provider_timeout"),
        ("anthropic", 529, anthropic_error("overloaded_error"), "service_unavailable"),
        ("anthropic", 529, json.dumps([anthropic_error("overloaded_error")], indent=2), "service_unavailable"),
    ],
)
async def test_statuses_have_names(server, manager_for, wire, status, body, code):  # noqa: PLR0917 - fixtures and parameters
    server.will(reply(status, body, {"x-request-id": "req-7"}))
    result = await fail(manager_for(wire, **NO_RETRY), REQUEST)
    error = result.error
    assert error.code == code
    assert (error.provider, error.model, error.upstream_status, error.upstream_request_id) == (
        "peer",
        "m-1",
        status,
        "req-7",
    )
    assert error.next_step


@pytest.mark.parametrize(
    ("wire", "message", "code"),
    [
        ("openai-chat", {"error": {"message": "m", "type": "server_error", "code": None}}, "service_unavailable"),
        ("openai-chat", {"error": {"message": "m", "code": 429}}, "rate_limited"),
        ("openai-chat", {"error": {"message": "m", "type": "BadRequestError", "code": 400}}, "invalid_request"),
        ("openai-chat", {"object": "error", "message": "m", "type": "t", "code": 503}, "service_unavailable"),
        ("openai-chat", {"error": "plain words"}, "service_unavailable"),
        ("openai-chat", {"choices": [], "x_groq": {"error": "over capacity"}}, "service_unavailable"),
        ("openai-chat", {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}, "service_unavailable"),
        ("anthropic", anthropic_error("overloaded_error"), "service_unavailable"),
        ("anthropic", anthropic_error("rate_limit_error", "enforced_spend_limit_reached"), "quota_exceeded"),
        ("anthropic", anthropic_error("an_error_of_tomorrow"), "service_unavailable"),
    ],
)
async def test_errors_inside_a_stream_have_names_and_keep_the_text(server, manager_for, wire, message, code):
    head, _, _ = STREAMS[wire].partition(b"data: [DONE]" if wire == "openai-chat" else b"event: message_delta")
    head = head.replace(b'"stop"', b"null")
    server.will(stream([head, sse(message, "error" if wire == "anthropic" else "")]))
    result = await fail(manager_for(wire, **NO_RETRY), REQUEST)
    assert result.error.code == code
    assert result.text == "".join(TEXT)


@pytest.mark.parametrize("wire", STREAMS)
async def test_an_error_in_json_over_lines_instead_of_a_stream(server, manager_for, wire):
    body, code = {
        "anthropic": (anthropic_error("overloaded_error"), "service_unavailable"),
        "gemini": ([{"error": {"code": 503, "message": "m", "status": "UNAVAILABLE"}}], "service_unavailable"),
    }.get(wire, (openai_error("insufficient_quota"), "quota_exceeded"))
    server.will(stream([b"\n\n: wait\n", *(line + b"\n" for line in json.dumps(body, indent=2).encode().split(b"\n"))]))
    result = await fail(manager_for(wire, **NO_RETRY), REQUEST)
    assert result.error.code == code


def ends(wire):
    """Every length of the recording at which it is not yet complete: before the last blank line of its last word."""
    data = STREAMS[wire]
    words = {"openai-chat": b'"stop"', "gemini": b'"STOP"'}
    last = data.index(words[wire]) if wire in words else len(data) - 1
    return data, range(0, last, 97)


@pytest.mark.parametrize("end", ["clean", "cut", "reset"])
@pytest.mark.parametrize("wire", STREAMS)
async def test_a_stream_without_its_end_has_failed(server, manager_for, wire, end):
    manager = manager_for(wire, **NO_RETRY)
    data, places = ends(wire)
    for place in places:
        server.will(stream([data[:place]] if place else [], end=end))
        result = await fail(manager, REQUEST)
        assert result.error.code in {"invalid_response", "provider_unreachable"}, place
        assert "".join(TEXT).startswith(result.text)
        assert result.text.encode() in data.replace(b'"}', b"").replace(b"\\n", b"\n") or result.text


async def test_what_was_billed_before_the_break_is_told(server, manager_for):
    head, _, _ = ANTHROPIC.partition(b"event: message_delta")
    server.will(stream([head], end="cut"))
    result = await fail(manager_for("anthropic", **NO_RETRY), REQUEST)
    assert result.usage.input_tokens == 11
    assert result.text == "".join(TEXT)


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        pytest.param(drop, "provider_unreachable", "closed the connection", id="drop"),
        pytest.param(raw(b"SSH-2.0-OpenSSH_9.9\r\n"), "invalid_response", "not HTTP", id="another protocol"),
        pytest.param(raw(b"\x16\x03\x01\x02" * 50), "invalid_response", "not HTTP", id="bytes"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000), "invalid_response", "not HTTP", id="long header"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
            "invalid_response",
            "broke off|not HTTP",
            id="bad chunk",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"),
            "invalid_response",
            "broke off",
            id="short body",
        ),
        pytest.param(
            reply(200, b"not gzip", {"content-encoding": "gzip"}), "invalid_response", "packed", id="bad gzip"
        ),
        pytest.param(
            reply(200, "<html>", {"content-type": "text/html; charset=utf-8"}),
            "invalid_response",
            "web page",
            id="HTML",
        ),
        pytest.param(stream([sse("{")]), "invalid_response", "format", id="bad JSON"),
        pytest.param(stream([sse({"choices": 7})]), "invalid_response", "format", id="wrong JSON"),
        pytest.param(stream([sse("[DONE]")]), "invalid_response", "format", id="nothing but the end"),
        pytest.param(stream([]), "invalid_response", "before its end", id="nothing"),
        pytest.param(reply(200, "null"), "invalid_response", "before its end", id="null"),
        pytest.param(reply(204), "invalid_response", "before its end", id="no content"),
        pytest.param(reply(200, "[]"), "invalid_response", "format", id="list"),
    ],
)
async def test_answers_that_are_none(server, manager_for, script, code, words):
    server.will(script)
    result = await fail(manager_for(**NO_RETRY), REQUEST)
    assert result.error.code == code
    assert re.search(words, result.error.detail)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(server, manager_for, status):
    server.will(reply(status, "", {"location": f"{server.url}/elsewhere"}))
    result = await fail(manager_for(**NO_RETRY), REQUEST)
    assert result.error.code == "invalid_response"
    assert "redirects" in result.error.detail
    assert "base_url" in result.error.next_step
    assert len(server.requests) == 1


@pytest.mark.parametrize("wire", STREAMS)
async def test_a_redirect_to_another_host_does_not_take_the_key_along(server, manager_for, wire):
    async with ScriptedServer(reply(200, "{}")) as other:
        server.will(reply(307, "", {"location": f"{other.url}/elsewhere"}))
        await fail(manager_for(wire, **NO_RETRY), REQUEST)
        assert other.connections == 0
    (sent,) = server.requests
    assert any(KEY in value for value in sent.headers.values())
    assert KEY not in sent.path


async def peak_of(call):
    """What it gives, and the most memory that it held, in bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        return await call, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_an_endless_line_is_cut_off(server, manager_for):
    server.will(stream((b"data: " if number == 0 else b"a" * 65_536 for number in range(10**6)), end="clean"))
    result, peak = await peak_of(fail(manager_for(**NO_RETRY), REQUEST))
    assert "longer than 1,048,576 bytes" in result.error.detail
    assert peak < 16 << 20
    await server.until(lambda: server.live == 0)


async def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_off(server, manager_for):
    packed = gzip.compress(bytes(128 << 20), 1)  # half a MiB
    server.will(reply(200, packed, {"content-encoding": "gzip", "content-type": "text/event-stream"}))
    manager = manager_for(**NO_RETRY)
    await manager.providers()  # which imports the libraries, that have no part in the peak
    result, peak = await peak_of(fail(manager, REQUEST))
    assert result.error.code == "invalid_response"
    assert peak < 64 << 20
    await server.until(lambda: server.live == 0)


async def test_thousands_of_identical_pieces_are_an_answer(server, manager_for):
    # As of a hex dump of zeros. Some clients take it for a loop and give up after a hundred.
    piece = sse({"choices": [{"index": 0, "delta": {"content": "00 "}, "finish_reason": None}]})
    server.will(stream([piece * 500] * 10 + [sse({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})]))
    result = await manager_for(**NO_RETRY).analyze(REQUEST, PROMPT)
    assert (result.status, result.text) == ("completed", "00 " * 5_000)


async def test_an_endless_stream_is_cut_off(server, manager_for):
    server.will(stream(b": wait\n" * 20_000 for _ in range(10**6)))
    result = await fail(manager_for(**NO_RETRY), REQUEST)
    assert f"longer than {MAX_TOTAL:,} bytes" in result.error.detail
    await server.until(lambda: server.live == 0)


async def test_an_endless_error_is_not_read_to_its_end(server, manager_for):
    async def script(exchange):
        await exchange.head(500, {"transfer-encoding": "chunked"})
        while not exchange.gone.is_set():
            await exchange.chunk(b"a" * 65_536)

    server.will(script)
    assert (await fail(manager_for(**NO_RETRY), REQUEST)).error.code == "service_unavailable"
    await server.until(lambda: server.live == 0)


async def test_a_reset_behind_the_answer_s_own_end_does_no_harm(server, manager_for):
    server.will(stream([OPENAI], end="reset"))
    assert (await manager_for(**NO_RETRY).analyze(REQUEST, PROMPT)).status == "completed"


async def test_a_server_that_never_closes_does_no_harm(server, manager_for):
    server.will(stream([OPENAI], end="hang"))
    assert (await manager_for(**NO_RETRY).analyze(REQUEST, PROMPT)).status == "completed"


async def test_a_message_that_repeats_the_prompt_is_withheld(server, manager_for):
    server.will(reply(400, openai_error(message="bad input: " + PROMPT.user)))
    result = await fail(manager_for(**NO_RETRY), REQUEST)
    assert "withheld" in result.error.detail
    assert "brown fox" not in result.error.detail


async def test_keep_alives_do_not_hold_a_silent_provider_s_time_open(server, manager_for):
    asked = asyncio.Event()

    async def keep_alive(exchange):
        await exchange.head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        asked.set()
        while True:
            await exchange.chunk(b": keep-alive\n\n")
            await asyncio.sleep(0)

    server.will(keep_alive)
    options = PipelineOptions(retry=RetryOptions(attempts=1), deadline=DeadlineOptions(first_token=0.2))
    result = await fail(manager_for(options=options), REQUEST)
    assert asked.is_set()
    assert result.error.code == "provider_timeout"
    await server.until(lambda: server.live == 0)


async def test_the_whole_time_is_kept_to(server, manager_for):
    server.will(hang)
    request = AnalysisRequest("?", options=AnalysisOptions(deadline=0.2))
    result = await fail(manager_for(tools=Tools()), request)
    assert result.error.code == "deadline_exceeded"
    assert 0.2 <= result.elapsed < 2
    await server.until(lambda: server.live == 0)


async def test_learning_the_model_takes_of_the_request_s_time(server, manager_for):
    server.will(hang)
    request = AnalysisRequest("?", options=AnalysisOptions(deadline=0.2))
    async with asyncio.timeout(3):
        result = await fail(manager_for(tools=Tools(), row_changes={"model": ""}), request)
    assert result.error.code == "deadline_exceeded"
    assert 0.2 <= result.elapsed < 2
    await server.until(lambda: server.live == 0)


async def test_a_provider_that_says_not_to_try_again_is_not_asked_again(server, manager_for):
    server.will(reply(500, "", {"x-should-retry": "false"}))
    result = await fail(manager_for(), REQUEST)
    assert (result.error.code, len(server.requests)) == ("service_unavailable", 1)


async def test_a_provider_that_says_to_try_again_is_asked_again(server, manager_for):
    server.will(reply(400, "", {"x-should-retry": "true"}), stream([OPENAI]))
    result = await manager_for().analyze(REQUEST, PROMPT)
    assert [attempt.error for attempt in result.attempts] == ["invalid_request", None]


async def test_the_settings_reach_the_policies(server):
    environ = {
        "ATHENA_LOCAL_URL": server.url,
        "ATHENA_PROVIDERS__LOCAL__MODEL": "m-1",
        "ATHENA_AI__FIRST_TOKEN": "0.5",
        "ATHENA_AI__RETRY__ATTEMPTS": "2",
    }
    async with open_lab(load_config(environ), environ=environ) as lab:
        await lab.providers()  # which imports the HTTP libraries: they take longer than a first token may here
        server.will(hang)
        slow = await lab.analyze(REQUEST)
        server.will(reply(500, "", {"retry-after": "0"}))
        failed = await lab.analyze(REQUEST)
    assert (slow.error.code, len(slow.attempts)) == ("provider_timeout", 1)
    assert "first_token under [ai]" in slow.error.next_step
    assert [attempt.error for attempt in failed.attempts] == ["service_unavailable"] * 2


async def test_the_time_of_a_request_that_names_none_is_the_setting_s(server, manager_for):
    server.will(hang)
    options = PipelineOptions(deadline=DeadlineOptions(deadline=0.1))
    result = await fail(manager_for(tools=Tools(), options=options), REQUEST)
    assert result.error.code == "deadline_exceeded"
    assert "[ai]" in result.error.next_step


@pytest.mark.parametrize("status", [200, 400])
async def test_what_is_packed_unasked_is_not_unpacked(server, manager_for, request_of, status):
    # 64 MiB of zeros, packed twice: a few hundred bytes.
    bomb = gzip.compress(gzip.compress(bytes(64 << 20), mtime=0), mtime=0)
    server.will(reply(status, bomb, {"content-encoding": "gzip, gzip"}))
    tracemalloc.start()
    result = await manager_for(policies=()).analyze(request_of(), PROMPT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert result.error.code == ("invalid_response" if status == 200 else "invalid_request")
    assert peak < 8 << 20
