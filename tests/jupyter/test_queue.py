"""Questions that wait for a provider, by every door: as jobs, as a list, after a restart."""

from __future__ import annotations

import asyncio
import time

import httpx
import msgspec
import pytest

from athena_lab.ai.later_options import LaterOptions
from athena_lab.ai.question import Question
from athena_lab.ai.store_file import StoreFile
from athena_lab.ai.types import AnalysisOptions, AnalysisRequest
from athena_lab.errors import RateLimited, SampleNotFound, UnknownJob
from tests.jupyter.server_process import TOKEN, jupyter_athena
from tests.jupyter.test_job_routes import EVENTS, http, parse  # noqa: F401 - a fixture
from tests.jupyter.test_lab import lab, make_lab, model, served  # noqa: F401 - fixtures
from tests.peers.answers import Served, says
from tests.peers.scripted_server import ScriptedServer, reply

LIMITED = RateLimited("Too many.", provider="local").problem()
SHA256 = "a" * 64
UNKNOWN = "k" * 22


def time_goes_by(later, seconds):
    before = later._clock
    later._clock = lambda: before() + seconds
    later.wake()


@pytest.fixture
def later(jp_serverapp):
    return jp_serverapp.web_app.settings["athena_lab"].later


async def queue(later, **fields):
    return await later.keep(
        AnalysisRequest(**{"question": "What is it?", "provider": "local", "model": "m", **fields}), LIMITED
    )


class TestOverHttp:
    @pytest.fixture
    def served(self, provider, jp_serverapp, http_server, http_server_port):  # noqa: ARG002 - in this order
        settings = jp_serverapp.web_app.settings
        token = settings["athena_kernel_token"]
        return Served(settings["athena_lab"], http_server_port[1], jp_serverapp.base_url, token)

    @pytest.fixture
    def later(self, served):  # noqa: F811 - a fixture
        return served.lab.later

    async def test_a_queued_question_is_a_job(self, http, later, provider):  # noqa: F811 - a fixture
        id_ = await queue(later)
        path = f"api/v1/ai/jobs/{id_}"
        page = (await http.get(path)).json()
        assert page == {"id": id_, "state": "queued", "events": [], "next": 0, "done": False, "result": None}
        waiting = asyncio.ensure_future(http.get(path, params={"wait": 20}))
        as_events = asyncio.ensure_future(http.get(path, headers=EVENTS))
        time_goes_by(later, 60)
        page = (await waiting).json()
        assert (page["state"], page["next"], page["done"]) == ("completed", 4, True)
        assert [event["event"] for event in page["events"]] == ["started", "token", "usage", "finished"]
        assert (page["result"]["status"], page["result"]["text"]) == ("completed", "It is packed.")
        events, _ = parse((await as_events).text)
        assert [id_ for id_, *_ in events] == [f"{id_}:{seq}" for seq in range(1, 5)]
        assert [event for *_, event in events] == page["events"]
        rest = parse((await http.get(path, headers=EVENTS | {"Last-Event-ID": f"{id_}:3"})).text)[0]
        assert [name for _, name, _ in rest] == ["finished"]
        assert (await http.get(path, params={"after": 2})).json()["events"] == page["events"][2:]
        assert len(provider.requests) == 1

    async def test_a_limited_provider_s_question_is_queued_and_answered(self, later, provider, served):  # noqa: F811 - a fixture
        provider.will(reply(429, "{}", {"retry-after": "1"}), says("It is packed."))
        options = AnalysisOptions(deadline=0.5)
        async with served.client() as client:
            asked = AnalysisRequest("What is it?", provider="local", model="m", options=options)
            answer = await client.analyze(asked)
            assert (answer.status, answer.stop_reason, answer.recovered.how) == ("degraded", "queued", "queued")
            id_ = answer.recovered.job
            assert [(it.id, it.why.code) for it in await client.queued()] == [(id_, "rate_limited")]
            assert await client.answer(id_) is None
            time_goes_by(later, 60)
            await later.wait(id_, 20)
            assert (await client.answer(id_)).text == "It is packed."
        assert len(provider.requests) == 2

    async def test_a_large_answer_comes_in_pages(self, http, later, provider):  # noqa: F811 - a fixture
        texts = ["x" * 50_000] * 5
        provider.will(says(*texts))
        id_ = await queue(later)
        time_goes_by(later, 60)
        page = (await http.get(f"api/v1/ai/jobs/{id_}", params={"wait": 20})).json()
        assert (page["next"], page["done"], page["result"]) == (2, False, None)
        page = (await http.get(f"api/v1/ai/jobs/{id_}", params={"after": 2})).json()
        assert (page["next"], page["done"], page["result"]["text"]) == (4, True, "".join(texts))

    @pytest.mark.parametrize("query", ["after=1", "after=-1", "wait=31"])
    async def test_a_query_that_does_not_fit(self, http, later, query):  # noqa: F811 - a fixture
        id_ = await queue(later)
        for headers in ({}, EVENTS):
            answer = await http.get(f"api/v1/ai/jobs/{id_}?{query}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")

    @pytest.mark.parametrize("method", ["delete", "post"])
    async def test_it_is_taken_out_of_the_queue(self, http, later, provider, method):  # noqa: F811 - a fixture
        id_ = await queue(later)
        path = f"api/v1/ai/jobs/{id_}"
        for _ in range(2):
            state = (await http.request(method, path if method == "delete" else f"{path}/cancel")).json()
            assert state == {"id": id_, "state": "failed", "last": 2, "done": True}
        time_goes_by(later, 60)
        page = (await http.get(path)).json()
        assert (page["state"], page["result"]["error"]["code"]) == ("failed", "analysis_cancelled")
        assert (await http.get("api/v1/ai/queue")).json() == {"questions": []}
        assert provider.requests == []

    async def test_unknown_ids(self, http):  # noqa: F811 - a fixture
        for headers in ({}, EVENTS):
            answer = await http.get(f"api/v1/ai/jobs/{UNKNOWN}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")

    async def test_a_file_that_cannot_be_used_shows_in_health(self, http, later, served):  # noqa: F811 - a fixture
        path = served.lab.later._store.path
        path.mkdir(parents=True)
        assert await queue(later) is None
        part = (await http.get("health")).json()["components"]["later"]
        assert (part["status"], str(path) in part["detail"]) == ("degraded", False)
        assert "cannot be opened" in part["detail"]
        path.rmdir()
        assert await queue(later)
        assert (await http.get("health")).json()["components"]["later"]["status"] == "healthy"

    async def test_only_who_has_the_token_reads_them(self, http, later):  # noqa: F811 - a fixture
        id_ = await queue(later)
        for path in ("api/v1/ai/queue", f"api/v1/ai/jobs/{id_}"):
            assert (await http.get(path, headers={"Authorization": "token wrong"})).status_code == 401
        answer = await http.delete(f"api/v1/ai/jobs/{id_}", headers={"Authorization": "token wrong"})
        assert answer.status_code == 401
        assert (await later.get(id_)).state == "queued"


# -- both labs


@pytest.fixture
def asked(lab, request):  # noqa: F811 - a fixture
    """What queues the questions of the lab."""
    return lab.later if hasattr(lab, "later") else request.getfixturevalue("later")


async def test_a_queued_question_is_listed_and_its_answer_comes(lab, asked):  # noqa: F811 - fixtures
    assert await lab.queued() == ()
    id_ = await queue(asked, question="What?" * 1_000)
    [waiting] = await lab.queued()
    assert (waiting.id, waiting.question, waiting.sample) == (id_, ("What?" * 1_000)[:1_000], None)
    assert (waiting.why, waiting.tries, waiting.running) == (LIMITED, 0, False)
    assert 0 < waiting.next_try <= 6.25
    assert 0 <= waiting.age < 5
    assert await lab.answer(id_) is None
    time_goes_by(asked, 60)
    await asked.wait(id_, 20)
    answer = await lab.answer(id_)
    assert answer.status == "completed"
    assert "Verdict" in answer.text
    assert await lab.queued() == ()


async def test_one_that_cannot_be_asked_ends_with_its_error(lab, asked):  # noqa: F811 - fixtures
    id_ = await queue(asked, sample=SHA256)
    assert [waiting.sample for waiting in await lab.queued()] == [SHA256]
    time_goes_by(asked, 60)
    await asked.wait(id_, 20)
    answer = await lab.answer(id_)
    assert (answer.status, answer.error.code) == ("failed", "sample_not_found")


@pytest.mark.parametrize("id_", [UNKNOWN, "x", "../queue"])
async def test_an_answer_that_nobody_knows(lab, id_):  # noqa: F811 - a fixture
    with pytest.raises(UnknownJob):
        await lab.answer(id_)


async def test_a_job_of_this_session_has_an_answer_too(request, lab):  # noqa: F811 - a fixture
    here = lab
    if not hasattr(lab, "submit"):
        here = request.getfixturevalue("jp_serverapp").web_app.settings["athena_lab"]
    job = here.submit(AnalysisRequest("What is it?"), polled=True)
    await job.wait_closed()
    assert (await lab.answer(job.id)).status == "completed"
    broken = here.submit(AnalysisRequest("What is it?", sample=SHA256), polled=True)
    await broken.wait_closed()
    with pytest.raises(SampleNotFound):
        await lab.answer(broken.id)


# -- a restart


def asks_a_server(home, settings):
    """Starts a server, asks it for the question's job, and ends it."""
    with jupyter_athena(home, **settings) as server, httpx.Client(base_url=server.url, trust_env=False) as client:
        headers = {"Authorization": f"token {TOKEN}"}
        return client.get(f"/api/v1/ai/jobs/{UNKNOWN}?wait=20", headers=headers, timeout=30).json()


async def test_after_a_restart_a_queued_question_is_asked_and_its_answer_kept(tmp_path):
    path, now = tmp_path / "questions.db", time.time()
    asked = msgspec.json.encode(AnalysisRequest("What is it?", provider="local", model="m"))
    file = StoreFile(path, LaterOptions())
    file.keep(Question(UNKNOWN, asked, msgspec.json.encode(LIMITED), "queued", 0, now, now), now)
    file.close()
    async with ScriptedServer(says("It is packed.")) as provider:
        settings = {
            "ATHENA_LOCAL_URL": provider.url,
            "ATHENA_AI__HEALTH__MONITOR": "off",
            "ATHENA_AI__LATER__PATH": str(path),
        }
        for _ in range(2):
            page = await asyncio.to_thread(asks_a_server, tmp_path, settings)
            assert (page["state"], page["result"]["text"]) == ("completed", "It is packed.")
        assert len(provider.requests) == 1
