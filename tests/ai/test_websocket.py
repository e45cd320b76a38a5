"""Answers over a WebSocket: what goes right, and every way in which it goes wrong."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai import AnalysisOptions, AnalysisRequest, PipelineOptions, build_prompt
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.providers.selection import REFUSED_FOR
from athena_lab.ai.providers.wire import Garbage, StreamError
from athena_lab.ai.providers.wires import find_wire
from athena_lab.ai.retry import RetryOptions
from athena_lab.ai.send import Call, Tools
from athena_lab.ai.states import StreamState
from athena_lab.ai.transports import (
    MAX_LINE,
    Fault,
    HttpStatus,
    Message,
    NoUpgrade,
    SocketRequest,
    Tap,
    TransportFailure,
)
from athena_lab.ai.transports.sse import SseDecoder
from athena_lab.ai.transports.websocket import WebSocketTransport
from athena_lab.ai.types import Features
from athena_lab.errors import RateLimited
from athena_lab.events import Finished, Token, Usage
from tests.ai.conftest import KEY
from tests.ai.recorded import RESPONSES, TEXT
from tests.peers.scripted_server import ScriptedServer, cut, reply, stream
from tests.peers.socket_server import BINARY, CLOSE, PING, PONG, SocketServer, frame, talk, text
from tests.peers.socket_server import TEXT as TEXT_FRAME

PROMPT = build_prompt("Is the quick brown fox of this sample packed?")
REQUEST = AnalysisRequest("Is it packed?")
ANSWER = [message.data for message in SseDecoder().feed(RESPONSES)]
HEAD = ANSWER[: 8 + len(TEXT)]
"""Up to the last piece of the text."""
NO_RETRY = {"policies": ()}


@pytest.fixture
async def server():
    async with SocketServer(talk(ANSWER)) as server:
        server.will(stream([RESPONSES]))  # for who asks by other means
        yield server


@pytest.fixture
def socket_manager(manager_for):
    def make(**settings):
        changes = {"features": Features(websocket=True), **settings.pop("row_changes", {})}
        return manager_for("openai-responses", row_changes=changes, **settings)

    return make


@pytest.fixture
async def transport():
    transport = WebSocketTransport(10, heartbeat=0.05)
    yield transport
    await transport.aclose()


def asking(server, **headers):
    return SocketRequest(f"{server.url}/v1/responses", {"authorization": f"Bearer {KEY}", **headers}, ("ask",))


async def fail(manager, request=REQUEST):
    result = await manager.analyze(request, PROMPT)
    assert result.status == "failed"
    assert KEY not in repr(result)
    return result


# -- what goes right


async def test_an_answer_becomes_events(server, socket_manager):
    async with socket_manager().stream(REQUEST, PROMPT) as events:
        _, *middle, end = [event async for event in events]
    assert middle == [*map(Token, TEXT), Usage(11, 7, 2, 3)]
    assert (end.status, end.stop_reason) == ("completed", "completed")
    (sent,) = server.requests
    assert sent.path == "/v1/responses"
    assert sent.headers["authorization"] == f"Bearer {KEY}"
    assert "sec-websocket-extensions" not in sent.headers
    assert json.loads(server.received[0]) == {
        "type": "response.create",
        "model": "m-1",
        "instructions": PROMPT.system,
        "input": PROMPT.user,
        "max_output_tokens": 2_048,
        "store": False,
    }
    await server.until(lambda: server.live == 0)


@given(places=st.lists(st.integers(1, 400), max_size=6), final=st.booleans())
async def test_where_the_bytes_are_cut_does_not_matter(places, final):
    whole = "naïve 🦠 „UPX“".encode()
    parts = [frame(whole), frame(whole, BINARY), frame(b"x", PING)]
    if not final:
        parts += [frame(whole[:7], final=False), frame(whole[7:], 0)]
    data = b"".join(parts)

    async def script(peer):
        await peer.accept()
        for piece in cut(data, places):
            await peer.write(piece)
            await asyncio.sleep(0)
        await peer.close(1000)
        await peer.until_gone()

    async with SocketServer(script) as server:
        transport = WebSocketTransport(1)
        texts = [message.data async for message in transport.stream(asking(server))]
        await transport.aclose()
    assert texts == ["naïve 🦠 „UPX“"] * (2 if final else 3)


async def test_a_character_cut_in_two_is_mended_and_what_is_none_is_replaced(server, socket_manager):
    deltas = [b"na\xc3", b"\xafve ", b"\xff!"]
    pieces = [b'{"type": "response.output_text.delta", "delta": "' + delta + b'"}' for delta in deltas]
    server.will_talk(talk([frame(pieces[0]), frame(pieces[1], BINARY), frame(pieces[2]), ANSWER[-1]]))
    assert (await socket_manager().analyze(REQUEST, PROMPT)).text == "naïve \ufffd!"


async def test_frames_go_out_one_message_at_a_time(server, transport):
    turns = []

    async def script(peer):
        await peer.accept()
        turns.append(await peer.message())
        await peer.write(text("ready"))
        turns.append(await peer.message())
        await peer.write(text("done"))
        await peer.close(1000)
        await peer.until_gone()

    server.will_talk(script)
    request = SocketRequest(f"{server.url}/x", {}, ("setup", "question"))
    assert [message.data async for message in transport.stream(request)] == ["ready", "done"]
    assert turns == ["setup", "question"]


async def test_the_handshake_and_the_bytes_are_told(server, transport):
    class Note(Tap):
        told = []  # noqa: RUF012 - one test's

        def replied(self, reply):
            self.told.append((reply.status, reply.headers["x-ratelimit-remaining-requests"]))

        def received(self, size):
            self.told.append(size)

    server.will_talk(talk(["naïve"], close=1000, headers={"X-RateLimit-Remaining-Requests": "7"}))
    assert len([message async for message in transport.stream(asking(server), Note())]) == 1
    assert Note.told == [(101, "7"), 6]


async def test_a_peer_s_ping_is_answered_and_our_ping_keeps_a_silent_one(server, transport):
    opcodes = []

    async def script(peer):
        await peer.accept()
        await peer.write(frame(b"hello", PING))
        while opcodes.count(PING) < 3:
            opcode, payload = await peer.receive()
            opcodes.append(opcode)
            if opcode == PING:
                await peer.write(frame(payload, PONG))
            elif opcode == PONG:
                assert payload == b"hello"
        await peer.write(text("late"))
        await peer.close(1000)
        await peer.until_gone()

    server.will_talk(script)
    assert [message.data async for message in transport.stream(asking(server))] == ["late"]
    assert opcodes.count(PONG) == 1


async def test_a_slow_reader_slows_the_socket_and_is_not_taken_for_a_dead_peer(server, transport):
    sent = 0

    async def count(_number):
        nonlocal sent
        sent += 1

    server.will_talk(talk(["a" * 10_000] * 2_000, close=1000, before=count))
    messages = transport.stream(asking(server))
    assert (await anext(messages)).data
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):  # longer than ping and pong would take
            await server.until(lambda: sent == 2_000)
    assert sent < 1_500
    assert len([message async for message in messages]) == 1_999


async def test_leaving_closes_the_socket_at_once(server, socket_manager):
    server.will_talk(talk(HEAD))
    async with socket_manager().stream(REQUEST, PROMPT) as events:
        async for event in events:
            if isinstance(event, Token):
                break
    async with asyncio.timeout(1):
        await server.until(lambda: server.live == 0)


async def test_leaving_closes_a_socket_whose_peer_reads_nothing(server, transport):
    async def script(peer):
        await peer.accept()
        await asyncio.Event().wait()

    server.will_talk(script)
    request = SocketRequest(f"{server.url}/x", {}, ("a" * (16 << 20),))
    task = asyncio.create_task(anext(transport.stream(request)))
    await server.until(lambda: server.upgrades == 1)
    await asyncio.wait({task}, timeout=0.1)  # until the system's buffers are full
    task.cancel()
    async with asyncio.timeout(3):
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


async def test_cancelling_the_handshake_closes_the_connection(server, transport):
    async def script(peer):
        await peer.until_gone()

    server.will_talk(script)
    task = asyncio.create_task(anext(transport.stream(asking(server))))
    await server.until(lambda: server.upgrades == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await server.until(lambda: server.live == 0)


async def test_closing_ends_running_streams_with_an_error(server, socket_manager):
    server.will_talk(talk(HEAD))
    manager = socket_manager()
    async with manager.stream(REQUEST, PROMPT) as events:
        assert await anext(events)
        assert isinstance(await anext(events), Token)
        await manager.aclose()
        *_, end = [event async for event in events]
    assert end.error.code == "invalid_response"


# -- what goes wrong once connected


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        pytest.param(talk(HEAD, end="cut"), "invalid_response", "broke off", id="cut"),
        pytest.param(talk(HEAD, end="reset"), "invalid_response", "broke off", id="reset"),
        pytest.param(talk(HEAD, close=1000), "invalid_response", "before its end", id="1000 before the end"),
        pytest.param(talk([*HEAD, frame(b"", CLOSE)]), "invalid_response", "before its end", id="no code"),
        pytest.param(talk(HEAD, close=1001), "invalid_response", "code 1001", id="1001"),
        pytest.param(talk(HEAD, close=1009, reason="too big"), "invalid_request", "too big", id="1009"),
        pytest.param(talk(HEAD, close=1011, reason="ouch"), "service_unavailable", r"1011\): ouch", id="1011"),
        pytest.param(talk(HEAD, close=1012), "service_unavailable", "1012", id="1012"),
        pytest.param(talk(HEAD, close=1013, reason="later"), "service_unavailable", "later", id="1013"),
        pytest.param(talk(HEAD, close=3000), "unauthorized", "3000", id="3000"),
        pytest.param(talk(HEAD, close=4321, reason="x"), "invalid_response", "code 4321", id="4321"),
        pytest.param(
            talk([*HEAD, text(HEAD[-1])[:-9]], end="reset"), "invalid_response", "broke off", id="half frame, reset"
        ),
        pytest.param(talk([*HEAD, text(HEAD[-1])[:-9]], end="cut"), "invalid_response", "broke off", id="half, cut"),
        pytest.param(talk([*HEAD, b"\xff\xff\xff\xff"]), "invalid_response", "not a WebSocket's", id="garbage"),
        pytest.param(talk([*HEAD, b"HTTP/1.1 500 X\r\n\r\n"]), "invalid_response", "not a WebSocket's", id="HTTP"),
        pytest.param(talk([*HEAD, frame(b"x" * 9, 11)]), "invalid_response", "not a WebSocket's", id="opcode"),
        pytest.param(talk([*HEAD, frame(b"x", 0)]), "invalid_response", "not a WebSocket's", id="continues nothing"),
        pytest.param(talk([*HEAD, frame(b"a" * 126, PING)]), "invalid_response", "not a WebSocket's", id="long ping"),
        pytest.param(talk([*HEAD, frame(b"\x03", CLOSE)]), "invalid_response", "not a WebSocket's", id="bad close"),
        pytest.param(talk([*HEAD, "{"]), "invalid_response", "format", id="bad JSON"),
        pytest.param(talk([*HEAD, {"type": 7}]), "invalid_response", "format", id="wrong JSON"),
        pytest.param(talk([*HEAD, frame(b"\xff" * 9, BINARY)]), "invalid_response", "format", id="not UTF-8"),
        pytest.param(
            talk([*HEAD, frame(b"a" * (MAX_LINE + 1))]), "invalid_response", "longer than 1,048,576", id="oversize"
        ),
        pytest.param(
            talk([*HEAD, bytes([0x81, 127]) + struct.pack("!Q", 1 << 62)]),
            "invalid_response",
            "longer than 1,048,576|not a WebSocket's",
            id="an exabyte announced",
        ),
        pytest.param(
            talk([*HEAD, *[frame(b"a" * 65_536, final=False)] + [frame(b"a" * 65_536, 0, final=False)] * 100]),
            "invalid_response",
            "longer than 1,048,576",
            id="endless fragments",
        ),
    ],
)
async def test_an_answer_without_its_end_has_failed_and_keeps_its_text(  # noqa: PLR0917 - fixtures and parameters
    server, socket_manager, request, script, code, words
):
    server.will_talk(script)
    result = await fail(socket_manager(**NO_RETRY))
    assert result.error.code == code
    assert re.search(words, result.error.detail), result.error.detail
    assert "".join(TEXT).startswith(result.text)
    if "reset" not in request.node.callspec.id:  # which takes along what was still on its way
        assert result.text == "".join(TEXT)
    assert len(server.requests) == 1
    await server.until(lambda: server.live == 0)


async def test_an_endless_answer_is_cut_off(server, socket_manager):
    piece = {"type": "response.output_text.delta", "delta": "a" * 1_000_000}
    server.will_talk(talk(piece for _ in range(1_000)))
    result = await fail(socket_manager(**NO_RETRY))
    assert "longer than 33,554,432 bytes" in result.error.detail
    await server.until(lambda: server.live == 0)


async def test_a_ping_without_its_pong_is_a_dead_peer(server, transport):
    pings = []

    async def script(peer):
        await peer.accept()
        while True:
            opcode, _ = await peer.receive()
            pings.append(opcode == PING)

    server.will_talk(script)
    async with asyncio.timeout(5):
        with pytest.raises(TransportFailure, match="pings") as caught:
            await anext(transport.stream(asking(server)))
    assert caught.value.fault is Fault.TIMEOUT
    assert pings.count(True) == 1


async def test_silence_ends_with_the_deadline(server, socket_manager):
    server.will_talk(talk())
    options = PipelineOptions(retry=RetryOptions(attempts=1), deadline=DeadlineOptions(first_token=0.2))
    assert (await fail(socket_manager(options=options))).error.code == "provider_timeout"
    await server.until(lambda: server.live == 0)
    request = AnalysisRequest("?", options=AnalysisOptions(deadline=0.2))
    assert (await fail(socket_manager(tools=Tools()), request)).error.code == "deadline_exceeded"
    await server.until(lambda: server.live == 0)


@pytest.mark.parametrize(
    ("event", "code", "retry_after"),
    [
        ({"error": {"type": "server_error", "message": "m", "code": None}}, "service_unavailable", None),
        (
            {"status": 429, "error": {"type": "x", "message": "m", "headers": {"Retry-After-Ms": "1500"}}},
            "rate_limited",
            1.5,
        ),
        ({"status": 400, "error": {"type": "invalid_request_error", "message": "m"}}, "invalid_request", None),
        ({"status": 401, "error": {"message": f"Incorrect key {KEY}", "type": "x"}}, "unauthorized", None),
        ({"status": 429, "error": {"message": 7, "headers": [1]}}, "rate_limited", None),
        ({"error": None}, "service_unavailable", None),
    ],
)
async def test_errors_inside_an_answer_have_names(server, socket_manager, event, code, retry_after):
    server.will_talk(talk([*HEAD, {"type": "error", **event}]))
    error = (await fail(socket_manager(**NO_RETRY))).error
    assert (error.code, error.retry_after) == (code, retry_after)


async def test_an_attempt_that_broke_off_before_its_text_is_made_again(server, socket_manager):
    server.will_talk(talk(HEAD[:3], close=1013), talk(ANSWER))
    result = await socket_manager().analyze(REQUEST, PROMPT)
    assert [attempt.error for attempt in result.attempts] == ["service_unavailable", None]
    assert server.upgrades == 2


# -- the handshake


def refuse(status, body=b"", headers=None):
    """Answer an upgrade as a plain request."""

    async def script(peer):
        head = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        await peer.write(f"HTTP/1.1 {status} No\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body)

    return script


async def drop(peer):
    peer.writer.close()


async def rst(peer):
    peer.reset()


async def wrong_key(peer):
    await peer.accept(key=b"another")
    await peer.until_gone()


async def not_http(peer):
    await peer.write(b"SSH-2.0-OpenSSH_9.9\r\n")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "unauthorized"),
        (403, "forbidden"),
        (402, "quota_exceeded"),
        (429, "rate_limited"),
        (500, "service_unavailable"),
        (503, "service_unavailable"),
        (529, "service_unavailable"),
    ],
)
async def test_the_provider_s_own_refusals_have_names(server, socket_manager, status, code):
    body = json.dumps({"error": {"message": f"no, {KEY}", "type": "x"}}).encode()
    server.will_talk(refuse(status, body, {"retry-after": "7", "x-request-id": "req-7"}))
    error = (await fail(socket_manager(**NO_RETRY))).error
    assert (error.code, error.upstream_status, error.retry_after) == (code, status, 7.0)
    assert error.upstream_request_id == "req-7"
    assert "no, ***" in error.detail
    assert len(server.requests) == 1
    await server.until(lambda: server.live == 0)


async def test_a_refused_handshake_connects_nothing_and_tells_of_limits_all_the_same(server, socket_manager):
    refused = refuse(429, b"{}", {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "0"})
    server.will_talk(refused)
    provider = socket_manager(**NO_RETRY)._providers["peer"]
    states = []
    call = Call("peer", "m-1", PROMPT, 9, float("inf"), state=StreamState(states.append))
    with pytest.raises(RateLimited):
        async for _ in provider.stream(call):
            pass
    assert states == ["connecting"]
    assert provider.rate_limits().requests.limit == 60


async def test_an_endless_refusal_is_not_read_to_its_end(server, transport):
    async def script(peer):
        await peer.write(b"HTTP/1.1 500 No\r\ncontent-length: 99999999999\r\n\r\n")
        while True:
            await peer.write(b"a" * 65_536)

    server.will_talk(script)
    with pytest.raises(Exception, match="HTTP 500") as caught:
        await anext(transport.stream(asking(server)))
    assert len(caught.value.body) == 65_536
    await server.until(lambda: server.live == 0)


NO_WAY = {
    "404": refuse(404),
    "405": refuse(405),
    "426": refuse(426, headers={"upgrade": "h2c"}),
    "200": refuse(200, b"<html>"),
    "501": refuse(501),
    "redirect": refuse(302, headers={"location": "/elsewhere"}),
    "drop": drop,
    "reset": rst,
    "wrong key": wrong_key,
    "not HTTP": not_http,
}


@pytest.mark.parametrize("way", NO_WAY)
async def test_where_no_websocket_gets_through_the_same_attempt_goes_on_by_sse(server, socket_manager, patience, way):
    server.will_talk(NO_WAY[way])
    manager = socket_manager()
    result = await manager.analyze(REQUEST, PROMPT)
    assert (result.status, result.text) == ("completed", "".join(TEXT))
    assert [attempt.error for attempt in result.attempts] == [None]
    tries = server.upgrades
    assert tries >= 1
    assert server.requests[-1].json()["stream"] is True
    # It is remembered, but not for ever.
    patience.now += REFUSED_FOR - 1
    assert (await manager.analyze(REQUEST, PROMPT)).status == "completed"
    assert server.upgrades == tries
    patience.now += 1
    server.will_talk(talk(ANSWER))
    assert (await manager.analyze(REQUEST, PROMPT)).status == "completed"
    assert server.upgrades == tries + 1


@pytest.mark.parametrize("way", ["404", "drop", "redirect"])
async def test_who_names_the_websocket_gets_no_other(server, socket_manager, way):
    server.will_talk(NO_WAY[way])
    request = AnalysisRequest("?", options=AnalysisOptions(transport="websocket"))
    result = await fail(socket_manager(**NO_RETRY), request)
    assert result.error.code in {"invalid_request", "invalid_response", "provider_unreachable"}
    assert all(sent.method == "GET" for sent in server.requests)


async def test_a_host_that_is_not_there_is_not_asked_by_other_means(server, socket_manager):
    manager = socket_manager(**NO_RETRY)
    await server.__aexit__()
    result = await fail(manager)
    assert result.error.code == "provider_unreachable"
    assert "refuses" in result.error.detail
    assert manager._providers["peer"].selection.pick() == "websocket"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_the_handshake_is_not_followed(server, transport, status):
    async with ScriptedServer(reply(200, "{}")) as other:
        server.will_talk(refuse(status, headers={"location": f"{other.url}/elsewhere"}))
        with pytest.raises(NoUpgrade, match="redirects"):
            await anext(transport.stream(asking(server, **{"x-goog-api-key": KEY})))
        assert other.connections == 0
    await server.until(lambda: server.live == 0)


async def test_a_handshake_without_a_reply_ends_in_time(server, transport, monkeypatch):
    async def script(peer):
        await peer.until_gone()

    monkeypatch.setattr("athena_lab.ai.transports.websocket.HANDSHAKE_TIMEOUT", 0.05)
    server.will_talk(script)
    async with asyncio.timeout(5):
        with pytest.raises(NoUpgrade, match="in time"):
            await anext(transport.stream(asking(server)))
    await server.until(lambda: server.live == 0)


async def test_no_more_sockets_than_workers(server, transport):
    server.will_talk(talk(["a"]))
    transport = WebSocketTransport(2)
    streams = [transport.stream(asking(server)) for _ in range(3)]
    for messages in streams[:2]:
        assert (await anext(messages)).data == "a"
    third = asyncio.create_task(anext(streams[2]))
    await asyncio.wait({third}, timeout=0.1)
    assert not third.done()
    assert server.upgrades == 2
    await streams[0].aclose()
    assert (await third).data == "a"
    for messages in streams[1:]:
        await messages.aclose()
    await transport.aclose()
    with pytest.raises(RuntimeError, match="closed"):
        await anext(transport.stream(asking(server)))


@pytest.mark.parametrize(
    "script", [talk(ANSWER), talk(HEAD, close=1011, reason=f"no {KEY}"), refuse(401, KEY.encode()), drop, wrong_key]
)
async def test_no_key_and_no_prompt_leaks(server, socket_manager, caplog, script):
    server.will_talk(script)
    server.will(reply(401, KEY))
    manager = socket_manager(**NO_RETRY)
    with caplog.at_level(logging.DEBUG):
        result = await manager.analyze(REQUEST, PROMPT)
    shown = [repr(result), caplog.text, *(repr(vars(record)) for record in caplog.records)]
    assert not [text for text in shown if KEY in text or "brown fox" in text]
    assert all(KEY not in sent.path for sent in server.requests)


@pytest.mark.parametrize(
    "script", [talk([], close=1011), refuse(401), drop, wrong_key, talk([frame(b"x", 11)]), talk(end="cut")]
)
async def test_no_key_in_an_error_s_chain(server, transport, script):
    server.will_talk(script)
    with pytest.raises((HttpStatus, TransportFailure)) as caught:
        await anext(transport.stream(asking(server)))
    error = caught.value
    while error is not None:
        assert KEY not in repr(error) + repr(vars(error))
        error = error.__cause__ or error.__context__


# -- the parsers of frames


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=12,
)
KINDS = sorted({json.loads(data)["type"] for data in ANSWER} | {"error", "response.failed", "response.incomplete"})
NAMES = ["type", "delta", "item", "response", "error", "status", "usage", "headers", "sequence_number", "message"]
FRAMES = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS)},
    optional=dict.fromkeys(NAMES[1:], JSON | st.dictionaries(st.sampled_from(NAMES), JSON, max_size=4)),
)


@given(frames=st.lists((FRAMES | JSON).map(json.dumps) | st.text(max_size=30), max_size=5))
def test_arbitrary_frames_raise_nothing_but_the_named_errors(frames):
    wire = find_wire("openai-responses")
    parser = wire.socket_parser()
    for data in frames:
        message = Message(data)
        wire.place(message)
        try:
            items = list(parser.feed(message))
        except (Garbage, StreamError):
            return
        if any(isinstance(item, Finished) for item in items):
            return
    list(parser.end())


def test_what_frames_are_made_of():
    assert frame(b"a" * 200, TEXT_FRAME)[:4] == b"\x81\x7e\x00\xc8"
