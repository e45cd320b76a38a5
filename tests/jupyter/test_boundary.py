"""What hostile or broken callers do to a real `jupyter athena`, seen from outside."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from tests.jupyter.conftest import TEST_COMPONENTS
from tests.jupyter.server_process import TOKEN, jupyter_athena

MIB = 1 << 20
AUTH = {"Authorization": f"token {TOKEN}"}
OCTETS = AUTH | {"Content-Type": "application/octet-stream"}
JSON = AUTH | {"Content-Type": "application/json"}
HEADER_SECONDS, BODY_SECONDS = 2.0, 3.0
BIG = 500 * MIB


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with jupyter_athena(
        tmp_path_factory.mktemp("boundary"),
        f"--AthenaApp.header_timeout={HEADER_SECONDS}",
        f"--AthenaApp.body_timeout={BODY_SECONDS}",
        ATHENA_WASM__COMPONENTS=str(TEST_COMPONENTS),
        ATHENA_BULKHEADS__CPU__WORKERS="1",
        ATHENA_HTTP__MAX_JSON_BYTES="1000000",
    ) as started:
        yield started
        assert "Traceback" not in started.log.read_text()


@pytest.fixture
def client(server):
    with httpx.Client(base_url=server.url, timeout=30, trust_env=False, headers={"Connection": "close"}) as client:
        yield client


def memory(server):
    return psutil.Process(server.process.pid).memory_info().rss


def connect(server, head, **headers):
    lines = [head, "Host: 127.0.0.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall("\r\n".join([*lines, "", ""]).encode())
    return connection


def pour(connection, size, frame=lambda block: block):
    """Send up to `size` bytes until the other side has had enough; gives how many it took."""
    block, sent = frame(bytes(MIB)), 0
    with contextlib.suppress(ConnectionError):
        while sent < size:
            connection.sendall(block)
            sent += MIB
    return sent


def answer(connection):
    with contextlib.suppress(ConnectionError):
        return connection.recv(65_536)
    return b""


def chunk(block):
    return b"%x\r\n%s\r\n" % (len(block), block)


def until(client, condition):
    """Ask the server, which gives it time, until the condition holds; pytest's time limit is the end of it."""
    while not condition():
        assert client.get("/health").status_code == 200


POSTS = ("api/v1/samples", "api/v1/wasm/analyze", "api/v1/wasm/load", "api/v1/wasm/init", "api/v1/ai/analyze", "health")


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("chunked", [False, True], ids=["of known length", "in chunks"])
@pytest.mark.parametrize("known", [False, True], ids=["anonymous", "with a token"])
def test_a_body_of_500_mib_costs_no_memory(server, client, path, chunked, known):
    kind = "application/json" if known else "application/octet-stream"  # a sample of that size would be right
    headers = {"Content_Type": kind} | ({"Authorization": AUTH["Authorization"]} if known else {})
    length = {"Transfer_Encoding": "chunked"} if chunked else {"Content_Length": BIG}
    before = memory(server)
    with connect(server, f"POST /{path} HTTP/1.1", **headers, **length) as connection:
        took = pour(connection, BIG, chunk if chunked else bytes)
        got = answer(connection)
    assert took < 64 * MIB  # what the buffers of two sockets and the patience with late senders hold
    assert re.match(rb"HTTP/1.1 4\d\d |$", got), got[:200]
    assert client.get("/health").status_code == 200
    assert memory(server) - before < 48 * MIB
    assert not list(server.quarantine.glob("*.incoming"))


def test_connections_that_never_finish_a_header_are_closed(server, client):
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 30)) for _ in range(100)]
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 30)) for _ in range(100)]
        for connection in slow:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        assert client.get("/health").status_code == 200
        assert {answer(connection) for connection in silent + slow} == {b""}
    assert time.monotonic() - started >= HEADER_SECONDS  # not because it refuses them


@pytest.mark.parametrize("end", ["stalls", "closes", "resets"])
def test_an_upload_that_breaks_off_leaves_nothing(server, client, end):
    with connect(server, "POST /api/v1/samples HTTP/1.1", Content_Length=MIB, **_underscored(OCTETS)) as connection:
        connection.sendall(bytes(MIB // 2))
        until(client, lambda: list(server.quarantine.glob("*.incoming")))
        if end == "stalls":
            assert answer(connection) == b""
        elif end == "resets":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    until(client, lambda: not list(server.quarantine.glob("*.incoming")))


def _underscored(headers):
    return {name.replace("-", "_"): value for name, value in headers.items()}


def test_many_uploads_at_once_are_all_kept(server, client):
    samples = [os.urandom(16) * (MIB // 16) for _ in range(40)]
    before = len(list(server.quarantine.glob("*.sample")))

    def upload(data):
        return client.post("/api/v1/samples", content=data, headers=OCTETS)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(upload, samples))
    assert [answer.status_code for answer in answers] == [200] * 40
    assert len({answer.json()["sha256"] for answer in answers}) == 40
    files = list(server.quarantine.iterdir())
    assert len([file for file in files if file.suffix == ".sample"]) == before + 40
    assert not [file for file in files if file.suffix == ".incoming"]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


def test_health_answers_while_the_only_worker_is_busy(client):
    before = calls(client)
    with ThreadPoolExecutor(1) as pool:
        body = {"module": "misbehave", "function": "loop", "timeout": 5}
        looping = pool.submit(client.post, "/api/v1/wasm/execute", json=body, headers=AUTH)
        until(client, lambda: calls(client) > before)
        for _ in range(20):
            assert client.get("/health").status_code == 200
        assert not looping.done()
        assert looping.result().status_code == 504


def calls(client):
    return client.get("/api/v1/wasm/metrics", headers=AUTH).json()["modules"]["misbehave"]["calls"]


def test_a_caller_that_hangs_up_frees_the_worker(server, client):
    before = calls(client)
    body = b'{"module": "misbehave", "function": "loop", "timeout": 600}'
    with connect(
        server, "POST /api/v1/wasm/execute HTTP/1.1", Content_Length=len(body), **_underscored(JSON)
    ) as connection:
        connection.sendall(body)
        until(client, lambda: calls(client) > before)
    echo = {"module": "misbehave", "function": "echo", "fileData": "eA==", "timeout": 20}
    assert client.post("/api/v1/wasm/execute", json=echo, headers=AUTH).json()["result"] == {"size": 1, "sum": 120}
