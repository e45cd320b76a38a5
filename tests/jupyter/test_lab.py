"""One suite for both labs: the one in this process and the one over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
import zipfile

import pytest
from tornado.httpclient import HTTPClientError

import athena_lab
from athena_lab.ai.types import AnalysisOptions
from athena_lab.api import TriageOptions
from athena_lab.client import LabClient, connect
from athena_lab.errors import (
    EmptySample,
    InvalidField,
    LabClosed,
    ModuleDeadline,
    ModuleRefused,
    ModuleTrap,
    NoProvider,
    NotAFile,
    NotAllowed,
    NotAuthenticated,
    SampleNotFound,
    SampleTooLarge,
    ServerUnreachable,
    SessionConflict,
    UnknownFunction,
    UnknownModule,
    UnknownSession,
)
from athena_lab.events import Finished, Started, Token
from athena_lab.lab import Lab, open_lab
from athena_lab.report import Report
from tests.jupyter.conftest import ROOT

sys.path.insert(0, str(ROOT / "tests" / "peers"))
sys.path.insert(0, str(ROOT / "tests" / "wasm_modules"))

import capture_samples
import packets
from model_server import Behaviour, ModelServer
from scripted_server import ScriptedServer, hang, reply, sse, stream

REBUILT = os.environ.get("ATHENA_COMPONENTS", "")
"""Read before the environment of the tests is cleared."""


@pytest.fixture
def model(jp_asyncio_loop, monkeypatch):
    """A local model server, which the lab is told of."""
    server = jp_asyncio_loop.run_until_complete(
        asyncio.start_server(ModelServer(Behaviour(rate=0, delay=0)).serve, "127.0.0.1", 0)
    )
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    monkeypatch.setenv("ATHENA_LOCAL_URL", url)
    yield url
    server.close()


@pytest.fixture
def hanging_model(jp_asyncio_loop, monkeypatch):
    """A model server that never answers."""
    server = ScriptedServer(hang)
    jp_asyncio_loop.run_until_complete(server.__aenter__())
    monkeypatch.setenv("ATHENA_LOCAL_URL", server.url)
    yield
    jp_asyncio_loop.run_until_complete(server.__aexit__())


@pytest.fixture
def served(jp_serverapp, http_server, http_server_port):  # noqa: ARG001 - http_server makes it listen
    """The URL of a Jupyter server that listens, and the token of its kernels."""
    token = jp_serverapp.web_app.settings["athena_kernel_token"]
    return f"http://127.0.0.1:{http_server_port[1]}{jp_serverapp.base_url}", token


@pytest.fixture(params=["in this process", "over HTTP"])
def make_lab(request, jp_asyncio_loop):
    """Opens a lab. Name it behind the fixtures that set the environment."""
    opened = []
    served = request.getfixturevalue("served") if request.param == "over HTTP" else None

    def make():
        opened.append(LabClient(*served) if served else open_lab())
        return opened[-1]

    yield make
    for lab in opened:
        jp_asyncio_loop.run_until_complete(lab.aclose())


@pytest.fixture
def lab(model, make_lab):  # noqa: ARG001 - the model is to be there first
    return make_lab()


async def test_a_path_bytes_and_a_sample_give_the_same_report(lab, tmp_path):
    (tmp_path / "a.bin").write_bytes(b"hello" * 1000)
    of_path = await lab.triage(tmp_path / "a.bin")
    of_bytes = await lab.triage(b"hello" * 1000)
    of_sample = await lab.triage(await lab.add(str(tmp_path / "a.bin")), analysis_type="quick")
    assert isinstance(of_path, Report)
    assert of_path.status == "completed"
    assert of_path.sample.name == "a.bin"
    assert of_path.sample.sha256 == of_bytes.sample.sha256 == of_sample.sample.sha256
    data = {bytes(report.results["analysis"]["misbehave"].data) for report in (of_path, of_bytes, of_sample)}
    assert data == {b'{"size":5000,"sum":532000}'}
    assert of_sample.analysis_type == "quick"


async def test_a_sample_has_the_name_that_its_caller_gives(lab):
    sample = await lab.add(b"hello", "first.bin")
    renamed = athena_lab.Sample(sample.sha256, sample.size, "second.exe")
    assert (await lab.triage(renamed)).sample.name == "second.exe"
    assert (await lab.triage(athena_lab.Sample(sample.sha256, 0))).sample.name == "first.bin"


async def test_results_stream_and_the_report_comes_last(lab):
    async with lab.stream_triage(b"hello") as parts:
        seen = [part async for part in parts]
    assert [type(part).__name__ for part in seen] == ["ModuleResult", "Report"]
    assert seen[1].module_results == (seen[0],)


async def test_execute_returns_decoded_json(lab):
    assert await lab.execute("misbehave", "echo", source=b"abc") == {"size": 3, "sum": 294}
    with pytest.raises(ModuleTrap) as caught:
        await lab.execute("misbehave", "trap")
    assert caught.value.module == "misbehave"
    with pytest.raises(ModuleDeadline):
        await lab.execute("misbehave", "loop", timeout=0.05)


@pytest.fixture
def real_modules(monkeypatch):
    """The catalog has the modules that are shipped, or those that were rebuilt elsewhere."""
    monkeypatch.setenv("ATHENA_WASM__COMPONENTS", REBUILT or str(ROOT / "wasm" / "components"))
    monkeypatch.setenv("ATHENA_WASM__MEMORY_BYTES", str(256 << 20))
    monkeypatch.setenv("ATHENA_SAMPLES__MAX_BYTES", str(16 << 20))


@pytest.mark.usefixtures("real_modules")
async def test_a_file_inside_a_sample_becomes_a_sample_of_its_own(make_lab):
    lab = make_lab()
    big = bytes(range(256)) * (36 << 10)  # more than one answer holds
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../folder/inner.bin", big)
        archive.writestr("empty", b"")
    sample = await lab.add(buffer.getvalue(), "outer.zip")
    report = await lab.triage(sample, modules=["file-processor"])
    child = report.facts.children[0]
    taken = await lab.extract(sample, child.index)
    assert (taken.sha256, taken.size, taken.name) == (child.sha256, len(big), "inner.bin")
    assert (await lab.add(taken)).size == len(big)
    assert (await lab.triage(taken, modules=["file-processor"])).sample.sha256 == child.sha256
    with pytest.raises(EmptySample):
        await lab.extract(sample, 1)
    with pytest.raises(ModuleRefused, match="no child 7"):
        await lab.extract(sample, 7)
    with pytest.raises(SampleNotFound):
        await lab.extract(athena_lab.Sample("0" * 64, 1), 0)
    for wrong in (lab.extract(sample, -1), lab.extract(sample, 0, timeout=-1)):
        with pytest.raises(InvalidField):
            await wrong


@pytest.mark.usefixtures("real_modules")
async def test_a_file_in_a_capture_becomes_a_sample_of_its_own(make_lab):
    lab = make_lab()
    sample = await lab.add(packets.pcap(capture_samples.talks()), "talks.pcap")
    report = await lab.triage(sample, modules=["network"])
    files = report.network.capture.files.items
    program = next(file for file in files if file.size == len(capture_samples.PROGRAM))
    taken = await lab.extract(sample, program.index, module="network")
    assert (taken.sha256, taken.size) == (program.sha256, program.size)
    with pytest.raises(InvalidField):
        await lab.extract(sample, 0, module="crypto")


async def test_taking_a_file_out_needs_the_module_for_it(lab):
    with pytest.raises(UnknownModule):
        await lab.extract(b"x", 0)


async def test_a_session_keeps_what_its_module_left(lab):
    session = await lab.open_session("misbehave", ttl=60)
    counts = [await lab.execute("misbehave", "count", session=session.id) for _ in range(3)]
    assert counts == [1, 2, 3]
    assert await lab.execute("misbehave", "count") == 1
    (listed,) = await lab.sessions()
    assert (listed.id, listed.module, listed.calls, listed.ttl) == (session.id, "misbehave", 3, 60)
    await lab.triage(b"hello", options=TriageOptions(sessions=(session.id,)))
    assert (await lab.close_session(session.id)).calls == 4
    with pytest.raises(UnknownSession):
        await lab.execute("misbehave", "count", session=session.id)
    assert await lab.sessions() == ()


async def test_of_two_calls_at_once_that_keep_something_one_is_told(lab):
    session = await lab.open_session("misbehave")
    calls = (lab.execute("misbehave", "count", session=session.id) for _ in range(8))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    kept = [answer for answer in answers if isinstance(answer, int)]
    assert all(isinstance(answer, SessionConflict) for answer in answers if not isinstance(answer, int))
    assert await lab.execute("misbehave", "count", session=session.id) == len(kept) + 1


async def test_what_cannot_be_is_named_alike(lab, tmp_path):
    (tmp_path / "big").write_bytes(b"x" * 4_000_001)
    (tmp_path / "empty").touch()
    for source, error in (
        (tmp_path, NotAFile),
        (tmp_path / "none", SampleNotFound),
        (tmp_path / "empty", EmptySample),
        (b"", EmptySample),
        (tmp_path / "big", SampleTooLarge),
        (b"x" * 4_000_001, SampleTooLarge),
        (athena_lab.Sample("0" * 64, 1), SampleNotFound),
    ):
        with pytest.raises(error) as caught:
            await lab.triage(source)
        assert type(caught.value) is error
        assert str(caught.value).endswith(".")
    with pytest.raises(UnknownModule):
        await lab.triage(b"x", modules=["none"])
    with pytest.raises(UnknownFunction):
        await lab.execute("misbehave", "none")
    for wrong in (
        lab.triage(b"x", analysis_type="pattern"),
        lab.triage(b"x", analysis_type="deep"),
        lab.triage(b"x", modules=[5]),
        lab.triage(b"x", options=TriageOptions(timeout=-1)),
        lab.execute("misbehave", "echo", {"x": object()}),
        lab.execute("misbehave", "echo", {"x": "\ud800"}),
        lab.execute("misbehave", "echo", timeout="soon"),
        lab.analyze(athena_lab.AnalysisRequest(question="")),
        lab.analyze(athena_lab.AnalysisRequest(question="?", options=AnalysisOptions(deadline=0))),
    ):
        with pytest.raises(InvalidField):
            await wrong
    with pytest.raises(NotAFile, match="int"):
        await lab.triage(5)


async def test_a_failed_module_is_in_the_report(lab):
    report = await lab.triage(b"x", options=TriageOptions(timeout=1e-6))
    assert report.status == "failed"
    assert report.module_results[0].error.code == "module_deadline"
    assert (await lab.triage(b"x")).status == "completed"  # a failure is not remembered


@pytest.mark.usefixtures("greedy_too")
async def test_the_state_of_everything_is_told(lab):
    await lab.triage(b"hello")
    assert [module.name for module in (await lab.capabilities()).modules] == ["misbehave"]
    assert {module.name: module.status for module in (await lab.modules()).modules}["greedy"] == "failed"
    assert (await lab.wasm_metrics()).modules["misbehave"].calls == 1
    assert (await lab.wasm_status()).status == "degraded"
    health = await lab.health()
    assert health.components["wasm"].status == "degraded"
    assert "not loaded: greedy. GET /api/v1/status/wasm says what is wrong." in health.components["wasm"].detail
    assert health.components["providers"].detail == "1 configured."
    states = {status.name: status.state for status in await lab.providers()}
    assert states["local"] == "available"
    assert states["claude"] == "no_api_key"


async def test_an_answer_streams_and_ends(lab):
    sample = await lab.add(b"hello")
    request = athena_lab.AnalysisRequest(question="What is it?", sample=sample.sha256)
    async with lab.stream(request) as events:
        seen = [event async for event in events]
    assert isinstance(seen[0], Started)
    assert seen[0].provider == "local"
    assert isinstance(seen[-1], Finished)
    assert seen[-1].status == "completed"
    text = "".join(event.text for event in seen if isinstance(event, Token))
    result = await lab.analyze(request)
    assert (result.status, result.text) == ("completed", text)


async def test_a_stream_that_is_left_frees_everything(lab):
    request = athena_lab.AnalysisRequest(question="What is it?")
    for _ in range(20):
        async with lab.stream(request) as events:
            async for event in events:
                if isinstance(event, Token):
                    break
    assert (await lab.analyze(request)).status == "completed"


async def test_without_a_provider_the_summary_stands_in_where_there_is_a_sample(make_lab):
    lab = make_lab()
    request = athena_lab.AnalysisRequest(question="What is it?")
    with pytest.raises(NoProvider, match=r"API_KEY.*offline"):
        await lab.analyze(request)
    with pytest.raises(NoProvider):
        async with lab.stream(request) as events:
            [event async for event in events]
    sample = await lab.add(b"hello")
    for provider in ("offline", "claude", None):
        asked = athena_lab.AnalysisRequest(question="What is it?", sample=sample.sha256, provider=provider)
        result = await lab.analyze(asked)
        assert (result.status, result.provider) == ("degraded", "offline")
        assert "without AI" in result.text
        assert sample.sha256 in result.text
    assert (result.error.code, result.recovered.how) == ("no_provider", "offline")
    assert "API_KEY" in result.error.next_step


@pytest.mark.usefixtures("hanging_model")
async def test_a_provider_that_hangs_ends_at_the_deadline_with_a_name(make_lab):
    options = AnalysisOptions(deadline=0.2)
    result = await make_lab().analyze(athena_lab.AnalysisRequest("What is it?", model="m", options=options))
    assert (result.status, result.recovered.how) == ("degraded", "offline")
    assert result.error.code == "deadline_exceeded"
    assert result.error.next_step


async def test_use_after_close_has_a_name(lab):
    await lab.aclose()
    await lab.aclose()
    for call in (lab.triage(b"x"), lab.providers(), lab.modules(), lab.analyze(athena_lab.AnalysisRequest("?"))):
        with pytest.raises(LabClosed):
            await call


# -- what only one of them has


async def test_a_client_without_a_server_says_so():
    async with LabClient("http://127.0.0.1:9/", "x") as lab:
        with pytest.raises(ServerUnreachable, match="jupyter athena"):
            await lab.modules()


async def test_a_client_of_another_server_says_so():
    async with ScriptedServer() as other, LabClient(other.url, "x") as lab:
        other.will(reply(200, "<html>"), reply(500, "oops"))
        with pytest.raises(ServerUnreachable, match="another version"):
            await lab.modules()
        with pytest.raises(ServerUnreachable, match="status 500"):
            await lab.modules()


async def test_a_stream_that_breaks_off_is_asked_for_again_and_not_taken_for_its_end():
    pieces = [
        sse({"event": "future"}, "future"),
        *(sse({"event": "token", "text": text}, "token") for text in "abcdefg"),
    ]
    waits = []

    async def sleep(seconds):
        waits.append(seconds)

    async with ScriptedServer() as other, LabClient(other.url, "x", transport="sse", sleep=sleep) as lab:
        other.will(stream(pieces[:3], end="cut"), stream(pieces[3:4], end="cut"), stream([]))
        seen = []
        with pytest.raises(ServerUnreachable, match="broke off"):
            await read_into(seen, lab)
        assert "".join(seen) == "abc"
        assert waits == [1, 1, 2, 4, 8, 16]  # an event that comes begins them anew
        asked = [request for request in other.requests if request.path == "/api/v1/ai/analyze"]
        numbers = [request.headers.get("last-event-id", "").partition(":")[2] for request in asked]
        assert numbers == ["", "3", "4", "4", "4", "4", "4"]
        assert len({request.headers["idempotency-key"] for request in asked}) == 1
        assert other.requests[-1].path.endswith("/cancel")


@pytest.mark.parametrize("doors", [1, 2])
async def test_where_a_door_is_shut_the_next_is_taken(doors):
    """A proxy that knows no WebSocket; or an old one, which gives no events either."""
    token, end = {"event": "token", "text": "a"}, {"event": "finished", "status": "completed", "stop_reason": "stop"}
    events = [sse(token, "token"), sse(end, "finished")]
    page = {"id": "x", "state": "completed", "events": [token, end], "next": 2, "done": True}

    async def proxy(exchange):
        request = exchange.request
        if request.path.endswith("/ai/stream"):
            await reply(502, "no")(exchange)
        elif request.headers.get("accept") == "text/event-stream":
            await (stream(events) if doors == 1 else reply(200, "<html>", {"content-type": "text/html"}))(exchange)
        else:
            await reply(202 if request.method == "POST" else 200, page)(exchange)

    async with ScriptedServer(proxy) as other, LabClient(other.url, "x") as lab:
        seen = []
        await read_all_into(seen, lab)
        assert [type(event) for event in seen] == [Token, Finished]
        assert len({request.headers["idempotency-key"] for request in other.requests if request.method == "POST"}) == 1


async def read_all_into(seen, lab):
    async with lab.stream(athena_lab.AnalysisRequest("?")) as events:
        seen += [event async for event in events]


async def read_into(seen, lab):
    async with lab.stream(athena_lab.AnalysisRequest("?")) as events:
        async for event in events:
            seen.append(event.text)


async def test_a_client_with_a_wrong_token_and_a_kernel_that_wants_too_much(served):
    async with LabClient(served[0], "wrong-token") as lab:
        assert "wrong-token" not in repr(lab)
        with pytest.raises(NotAuthenticated):
            await lab.triage(b"x")
    async with LabClient(*served) as lab:
        with pytest.raises(NotAllowed):
            await lab.reload("misbehave")


async def test_hanging_up_stops_the_work_in_the_server(jp_serverapp, served):
    runtime = jp_serverapp.web_app.settings["athena_lab"]._runtime
    async with LabClient(*served) as lab:
        call = asyncio.ensure_future(lab.execute("misbehave", "loop", timeout=60))
        while not runtime.busy:  # noqa: ASYNC110 - the worker thread has no loop on which to set an event
            await asyncio.sleep(0)
        call.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await call
        async with asyncio.timeout(5):
            while runtime.busy:  # noqa: ASYNC110 - the same
                await asyncio.sleep(0)


def test_connect_finds_the_server_of_this_kernel(tmp_path, monkeypatch):
    found = connect({"ATHENA_URL": "http://127.0.0.1:3000/x/", "ATHENA_TOKEN": "t"})
    assert isinstance(found, LabClient)
    assert found.url == "http://127.0.0.1:3000/x/"
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "jpserver-42.json").write_text('{"url": "http://127.0.0.1:9/", "token": "t", "pid": 42}')
    assert connect({"JPY_PARENT_PID": "42"}).url == "http://127.0.0.1:9/"
    assert isinstance(connect({"JPY_PARENT_PID": "43"}), Lab)
    assert isinstance(connect({}), Lab)


def test_scripts_have_plain_functions(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"hello")
    report = athena_lab.triage(tmp_path / "a.bin")
    assert report.sample.size == 5
    answer = athena_lab.ask(tmp_path / "a.bin", "What is it?", provider="offline")
    assert (answer.status, answer.error) == ("degraded", None)
    answer = athena_lab.ask(tmp_path / "a.bin", "What is it?")
    assert (answer.status, answer.error.code) == ("degraded", "no_provider")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_says_why_it_cannot():
    code = """if True:
        import athena_lab, os
        from athena_lab.errors import LabClosed
        athena_lab.triage(b"x")
        child = os.fork()
        if child == 0:
            try:
                athena_lab.triage(b"x")
            except LabClosed as error:
                os._exit(0 if "spawn" in str(error) else 1)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=False).returncode == 0


async def test_plain_functions_work_while_a_loop_is_running():
    assert athena_lab.triage(os.fspath(ROOT / "LICENSE")).status == "completed"


async def test_a_stream_that_cannot_start_has_a_status(jp_fetch):
    headers = {"Accept": "text/event-stream", "Content-Type": "application/json"}
    with pytest.raises(HTTPClientError) as caught:
        await jp_fetch("api", "v1", "ai", "analyze", method="POST", body='{"question": "?"}', headers=headers)
    assert caught.value.code == 503
    assert json.loads(caught.value.response.body)["code"] == "no_provider"
