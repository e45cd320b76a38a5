"""The WebSocket as programs in other languages see it: its handshake, its messages, and what is refused."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
import yarl

from athena_lab.jupyter.handlers import base, stream
from tests.peers.answers import QUESTION, hang_after, says, until

ASK = {"type": "ask", "request": QUESTION}
KEY = "k" * 22


@pytest.fixture
def connect(served, jp_asyncio_loop):
    """Opens a WebSocket with the kernel's token, and whatever else is asked for."""
    session = jp_asyncio_loop.run_until_complete(make_session())

    def open_(headers=None, **options):
        url = yarl.URL(served.url("api/v1/ai/stream"), encoded=True)
        return session.ws_connect(url, headers=served.headers if headers is None else headers, **options)

    yield open_
    jp_asyncio_loop.run_until_complete(session.close())


async def make_session():
    return aiohttp.ClientSession()


async def hear(socket):
    """The next message, and the state before it, if one was told."""
    async with asyncio.timeout(10):
        return await socket.receive_json()


async def hear_all(socket):
    messages = []
    while not messages or messages[-1].get("event", {}).get("event") not in {"finished", "failed"}:
        messages.append(await hear(socket))
    return messages


async def hear_events(socket):
    return [message for message in await hear_all(socket) if message["type"] == "event"]


async def hear_error(socket):
    message = await hear(socket)
    assert message["type"] == "error", message
    return message["problem"]["code"]


# -- the handshake


@pytest.mark.parametrize(
    ("extra", "status"),
    [
        ({}, 101),
        ({"Authorization": ""}, 401),
        ({"Authorization": "token wrong"}, 401),
        ({"Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-WebSocket-Version": "8"}, 400),
    ],
)
async def test_who_may_open_one(connect, served, extra, status):
    if status == 101:
        async with connect(served.headers | extra) as socket:
            await socket.send_json(ASK)
            assert (await hear(socket))["type"] == "state"
        return
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await connect(served.headers | extra)
    assert caught.value.status == status
    if "Sec-Fetch-Site" not in extra:  # tornado's own check, after ours
        assert caught.value.headers["Content-Type"] == "application/problem+json"


async def test_the_servers_own_pages_may(connect, served):
    async with connect(served.headers | {"Origin": f"http://127.0.0.1:{served.port}"}) as socket:
        await socket.send_json(ASK)
        assert len(await hear_events(socket)) == 6


class TestWithAnAllowList:
    @pytest.fixture
    def jp_server_config(self, jp_server_config):
        return jp_server_config | {"AthenaApp": {"allowed_origins": ["https://dash.example"]}}

    async def test_only_what_is_listed_may(self, connect, served):
        async with connect(served.headers | {"Origin": "https://dash.example", "Sec-Fetch-Site": "cross-site"}):
            pass
        for origin in ("http://dash.example", "https://dash.example.evil", "https://dash.example:444"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await connect(served.headers | {"Origin": origin})
            assert caught.value.status == 403


async def test_a_plain_request_is_told_what_the_route_is(call):
    status, problem = await call("api", "v1", "ai", "stream")
    assert (status, problem["code"]) == (400, "malformed_request")


async def test_messages_are_compressed(connect, provider):
    provider.will(says(*("the same again " for _ in range(50))))
    async with connect(compress=15) as socket:
        assert socket.compress == 15
        await socket.send_json(ASK)
        assert len(await hear_events(socket)) == 53
    async with connect(compress=0) as socket:
        assert not socket.compress
        await socket.send_json(ASK)
        assert len(await hear_events(socket)) == 53


async def test_a_sign_of_life_comes_while_nothing_else_does(connect, provider, monkeypatch):
    monkeypatch.setattr(base, "KEEP_ALIVE_SECONDS", 0.02)
    provider.will(hang_after())
    async with connect(autoping=False) as socket:
        await socket.send_json(ASK)
        async with asyncio.timeout(10):
            while (await socket.receive()).type is not aiohttp.WSMsgType.PING:
                pass
        for _ in range(3):  # and it does not ask for an answer
            await socket.receive()


# -- an answer


async def test_events_have_numbers_and_states_are_told(connect, served):
    async with connect() as socket:
        await socket.send_json(ASK)
        messages = await hear_all(socket)
        [job] = served.jobs
        assert {message["id"] for message in messages} == {job.id}
        assert messages[0]["type"] == "state"
        events = [message for message in messages if message["type"] == "event"]
        assert [message["seq"] for message in events] == [1, 2, 3, 4, 5, 6]
        assert [message["event"]["event"] for message in events][::5] == ["started", "finished"]
        states = [message["state"] for message in messages if message["type"] == "state"]
        assert len(states) == len(set(states))
        for after in range(6):  # one connection serves one answer after another
            await socket.send_json({"type": "resume", "id": job.id, "after": after})
            assert await hear_events(socket) == events[after:]
        await socket.send_json({"type": "resume", "id": job.id, "after": 6})
        assert (await hear(socket))["state"] == "completed"
        await socket.send_json({"type": "resume", "id": job.id, "after": 7})
        assert await hear_error(socket) == "invalid_field"


async def test_a_client_may_go_and_come_back_by_its_id(connect, provider, served):
    provider.will(hang_after("a", "b"))
    async with connect() as socket:
        await socket.send_json(ASK | {"id": KEY})
        while (await hear(socket)).get("seq") != 2:
            pass
    assert not served.lab.jobs.get(KEY).done
    async with connect() as socket:
        await socket.send_json({"type": "resume", "id": KEY, "after": 2})
        while (message := await hear(socket))["type"] != "event":
            pass
        assert (message["seq"], message["event"]["text"]) == (3, "b")
        await socket.send_json({"type": "cancel"})
        *_, last = await hear_all(socket)
        assert (last["seq"], last["event"]["error"]["code"]) == (4, "analysis_cancelled")
        async with asyncio.timeout(5):
            await provider.until(lambda: provider.live == 0)


async def test_pause_and_continue(connect, provider, served):
    provider.will(hang_after("a"))
    async with connect() as socket:
        await socket.send_json(ASK)
        while (await hear(socket)).get("seq") != 2:
            pass
        await socket.send_json({"type": "pause"})
        assert (await hear(socket))["state"] == "paused"
        await socket.send_json({"type": "continue"})
        assert (await hear(socket))["state"] == "streaming"
        [job] = served.jobs
        job.cancel()
        await until(job, lambda: job.done)


# -- what is refused, with a name, while the connection goes on


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("", "malformed_request"),
        ("{", "malformed_request"),
        ("[" * 100_000, "invalid_field"),
        ("[]", "invalid_field"),
        ('"ask"', "invalid_field"),
        ("{}", "invalid_field"),
        ('{"type":"nonsense"}', "invalid_field"),
        ('{"type":"ask"}', "invalid_field"),
        ('{"type":"ask","request":{"question":""}}', "invalid_field"),
        ('{"type":"ask","request":{"question":"?"},"id":"short"}', "invalid_field"),
        ('{"type":"ask","request":{"question":"?"},"more":1}', "invalid_field"),
        ('{"type":"ask","request":{"question":"?","provider":"claude"}}', "no_provider"),
        ('{"type":"ask","request":{"question":"?","provider":"nobody"}}', "invalid_field"),
        (f'{{"type":"resume","id":"{KEY}"}}', "unknown_job"),
        (f'{{"type":"resume","id":"{KEY}","after":-1}}', "invalid_field"),
        ('{"type":"pause"}', "malformed_request"),
        ('{"type":"cancel"}', "malformed_request"),
        (b"\xff\xfe", "malformed_request"),
    ],
)
async def test_what_is_wrong_has_a_name_and_the_connection_goes_on(connect, message, code):
    async with connect() as socket:
        for _ in range(2):
            await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))
            answer = await hear(socket)
            while answer["type"] == "state":
                answer = await hear(socket)
            assert answer["problem"]["code"] == code
        await socket.send_json(ASK)
        assert len(await hear_events(socket)) == 6


async def test_the_next_question_may_follow_at_once(connect):
    async with connect() as socket:
        for _ in range(50):
            await socket.send_json(ASK)
            assert len(await hear_events(socket)) == 6


async def test_one_answer_at_a_time(connect, provider):
    provider.will(hang_after("a"))
    async with connect() as socket:
        await socket.send_json(ASK)
        while (await hear(socket)).get("seq") != 2:
            pass
        await socket.send_json(ASK)
        assert await hear_error(socket) == "malformed_request"
        await socket.send_json({"type": "cancel"})
        assert (await hear_events(socket))[-1]["event"]["event"] == "failed"


@pytest.mark.parametrize("compress", [0, 15])
async def test_a_message_that_is_too_large_ends_the_connection_alone(connect, compress):
    async with connect(compress=compress) as socket:
        await socket.send_str(" " * (base.MAX_DECODED + 1))
        async with asyncio.timeout(10):
            message = await socket.receive()
        assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING}
    async with connect() as socket:
        await socket.send_json(ASK)
        assert len(await hear_events(socket)) == 6


async def test_there_are_only_so_many(connect, monkeypatch):
    monkeypatch.setattr(stream, "_MAX_SOCKETS", 2)
    async with connect(), connect():
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connect()
        assert refused.value.status == 503
    async with asyncio.timeout(10):
        while True:  # until the server knows that they are closed
            try:
                async with connect():
                    return
            except aiohttp.WSServerHandshakeError:
                await asyncio.sleep(0)


async def test_one_on_which_nothing_is_asked_is_closed(connect, monkeypatch):
    monkeypatch.setattr(stream, "_IDLE_SECONDS", 0.05)
    async with connect() as socket, asyncio.timeout(10):
        message = await socket.receive()
    assert message.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED}


class TestReaders:
    """Who may read, and no more."""

    async def test_a_user_who_may_only_read_asks_nothing(self, connect, jp_serverapp, monkeypatch):
        monkeypatch.setattr(
            jp_serverapp.authorizer, "is_authorized", lambda _handler, _user, action, _resource: action == "read"
        )
        token = {"Authorization": f"token {jp_serverapp.identity_provider.token}"}
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await connect(headers=token)
        assert refused.value.status == 403
