"""The doors as programs in other languages see them: headers, numbers, cursors, refusals."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re

import httpx
import pytest

from tests.peers.answers import QUESTION, hang_after, says, until

ASK = "api/v1/ai/analyze"
EVENTS = {"Accept": "text/event-stream"}
KEY = "k" * 22


@pytest.fixture
def http(served, jp_asyncio_loop):
    client = httpx.AsyncClient(base_url=served.url(), headers=served.headers, trust_env=False, timeout=20)
    yield client
    jp_asyncio_loop.run_until_complete(client.aclose())


def parse(text):
    """(id, event, data) of each event, and the fields that stand alone."""
    frames = [dict(line.split(": ", 1) for line in frame.split("\n")) for frame in text.strip().split("\n\n")]
    return [(frame["id"], frame["event"], json.loads(frame["data"])) for frame in frames], frames


@contextlib.asynccontextmanager
async def first_events(http, count, **options):
    """A stream of events that is open, and its first events as text."""
    async with http.stream("POST", ASK, json=QUESTION, **options) as response:
        text = ""
        async for chunk in response.aiter_text():
            text += chunk
            if text.count("\n\n") >= count:
                break
        yield text


# -- events with numbers


async def test_events_have_numbers_and_can_be_resumed_from_any(http, served):
    whole = await http.post(ASK, json=QUESTION, headers=EVENTS)
    events, frames = parse(whole.text)
    [job] = served.jobs
    assert [id_ for id_, *_ in events] == [f"{job.id}:{seq}" for seq in range(1, 7)]
    assert [name for _, name, _ in events] == ["started", "token", "token", "token", "usage", "finished"]
    assert [frame.get("retry") for frame in frames] == ["1000", *[None] * 5]
    for seq in range(6):
        headers = EVENTS | {"Last-Event-ID": f"{job.id}:{seq}"}
        for answer in (
            await http.post(ASK, json=QUESTION, headers=headers),
            await http.get(f"api/v1/ai/jobs/{job.id}", headers=headers),
            await http.get(f"api/v1/ai/jobs/{job.id}?after={seq}", headers=EVENTS),
        ):
            assert parse(answer.text)[0] == events[seq:]
    assert len(served.jobs) == 1


async def test_a_stream_of_events_is_read_as_it_comes_and_can_be_left(http, provider, served):
    provider.will(hang_after("a"))
    async with first_events(http, 2, headers=EVENTS) as text:
        assert parse(text)[0][1][2] == {"event": "token", "text": "a"}
    [job] = served.jobs
    await until_left(job)
    assert not job.done  # for the grace time
    assert provider.live == 1
    cancelled = await http.post(f"api/v1/ai/jobs/{job.id}/cancel")
    assert cancelled.json() == {"id": job.id, "state": "failed", "last": 3, "done": True}
    await provider.until(lambda: provider.live == 0)
    rest = await http.get(f"api/v1/ai/jobs/{job.id}?after=2")
    [failed] = rest.json()["events"]
    assert failed["error"]["code"] == "analysis_cancelled"


async def until_left(job):
    async with asyncio.timeout(5):
        while job.being_read:  # noqa: ASYNC110 - nothing tells when it is no longer
            await asyncio.sleep(0)


async def test_who_hangs_up_without_an_id_is_not_waited_for(http, provider):
    whole, events = (QUESTION, {}), (QUESTION | {"model": None}, EVENTS)
    for body, headers in (whole, events):  # a whole answer has no id; of events, none comes while its model is unknown
        provider.will(hang_after())
        asked = asyncio.ensure_future(http.post(ASK, json=body, headers=headers))
        await provider.until(lambda: provider.live == 1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        async with asyncio.timeout(2):
            await provider.until(lambda: provider.live == 0)


async def test_a_repeated_question_with_a_key_is_asked_once(http, provider, served):
    headers = EVENTS | {"Idempotency-Key": KEY}
    first, again = [await http.post(ASK, json=QUESTION, headers=headers) for _ in range(2)]
    assert first.text == again.text
    assert f"id: {KEY}:1\n" in first.text
    assert len(provider.requests) == len(served.jobs) == 1
    other = await http.post(ASK, json=QUESTION | {"question": "Other?"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "invalid_field")
    weak = await http.post(ASK, json=QUESTION, headers=EVENTS | {"Idempotency-Key": "weak"})
    assert (weak.status_code, weak.json()["code"]) == (422, "invalid_field")


@pytest.mark.parametrize("last", ["", "x", "x:y", "a:-1", "a b:1", "x:1:2", "é:1", ":1"])
async def test_a_number_that_is_none_of_ours(http, served, last):
    answer = await http.post(ASK, json=QUESTION, headers=EVENTS | {"Last-Event-ID": last.encode()})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field")
    assert not served.jobs


async def test_a_number_of_a_job_that_is_not_there(http):
    answer = await http.post(ASK, json=QUESTION, headers=EVENTS | {"Last-Event-ID": f"{KEY}:3"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")


# -- polls


async def accept(http, **headers):
    return await http.post(ASK, json=QUESTION, headers={"Prefer": "respond-async", **headers})


async def test_a_job_is_accepted_and_polled(http, provider):
    answer = await accept(http)
    assert answer.status_code == 202
    assert answer.headers["Preference-Applied"] == "respond-async"
    receipt = answer.json()
    assert receipt["status"] == "processing"
    assert re.fullmatch(r"[\w-]{32}", receipt["id"])
    assert answer.headers["Location"] == receipt["url"] == f"/a%40b/api/v1/ai/jobs/{receipt['id']}"
    events, after, page = [], 0, {"done": False}
    while not page["done"]:
        assert "result" not in page or page["result"] is None
        page = (await http.get(f"api/v1/ai/jobs/{receipt['id']}", params={"after": after, "wait": 20})).json()
        events += page["events"]
        assert page["next"] == len(events)
        after = page["next"]
    assert [event["event"] for event in events] == ["started", "token", "token", "token", "usage", "finished"]
    assert (page["state"], page["result"]["status"], page["result"]["text"]) == (
        "completed",
        "completed",
        "It is packed.",
    )
    assert len(provider.requests) == 1


async def test_a_poll_waits_for_the_next_event(http, provider, served):
    gate = asyncio.Event()

    async def script(exchange):
        await hang_after("a")(exchange) if gate.is_set() else await gate.wait()

    provider.will(script)
    receipt = (await accept(http)).json()
    [job] = served.jobs
    path = f"api/v1/ai/jobs/{job.id}"
    started = (await http.get(path)).json()
    assert (started["next"], started["done"]) == (1, False)
    waiting = asyncio.ensure_future(http.get(path, params={"after": 1, "wait": 30}))
    await until_read(job)
    await http.post(f"{path}/cancel")
    page = (await waiting).json()
    assert page["id"] == receipt["id"]
    assert [event["error"]["code"] for event in page["events"]] == ["analysis_cancelled"]
    assert page["done"]


async def until_read(job):
    async with asyncio.timeout(5):
        while not job.being_read:  # noqa: ASYNC110 - nothing tells when it is
            await asyncio.sleep(0)


async def test_a_poll_that_waits_in_vain_comes_back_empty(http, provider):
    provider.will(hang_after())
    receipt = (await accept(http)).json()
    page = (await http.get(f"api/v1/ai/jobs/{receipt['id']}", params={"after": 1, "wait": 0.05})).json()
    assert (page["events"], page["next"], page["done"]) == ([], 1, False)


async def test_pages_are_small(http, provider):
    provider.will(says(*("x" * 1_000 for _ in range(200))))
    receipt = (await accept(http)).json()
    path = f"api/v1/ai/jobs/{receipt['id']}"
    after, pages = 0, 0
    while True:
        answer = await http.get(path, params={"after": after, "wait": 5})
        after, pages = answer.json()["next"], pages + 1
        if answer.json()["done"]:
            break
        assert len(answer.content) < 70_000
    assert after == 203
    assert pages > 3


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=7", "wait=31", "wait=-1", "wait=nan", "after=1e300"])
async def test_a_query_that_does_not_fit(http, provider, query):
    provider.will(hang_after())
    receipt = (await accept(http)).json()
    answer = await http.get(f"api/v1/ai/jobs/{receipt['id']}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_field"), answer.text


async def test_what_cannot_begin_has_a_status_by_every_door(http):
    for headers in ({}, EVENTS, {"Prefer": "wait=10, Respond-Async; foo=bar"}):
        answer = await http.post(ASK, json=QUESTION | {"provider": "claude"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (503, "no_provider")
        answer = await http.post(ASK, json=QUESTION | {"sample": "0" * 64}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "sample_not_found")


async def test_unknown_jobs_are_unknown(http):
    for method, path in (
        ("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("POST", "/pause"), ("POST", "/resume"),
    ):  # fmt: skip
        answer = await http.request(method, f"api/v1/ai/jobs/{KEY}{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_job")


async def test_pause_and_resume_tell_the_state(http, provider, served):
    provider.will(hang_after("a"))
    receipt = (await accept(http)).json()
    [job] = served.jobs
    await until(job, lambda: job.last == 2)
    for action, state in (("pause", "paused"), ("pause", "paused"), ("resume", "streaming"), ("resume", "streaming")):
        answer = await http.post(f"api/v1/ai/jobs/{receipt['id']}/{action}")
        assert answer.json() == {"id": job.id, "state": state, "last": 2, "done": False}
    assert (await http.delete(f"api/v1/ai/jobs/{job.id}")).json()["state"] == "failed"
    assert (await http.delete(f"api/v1/ai/jobs/{job.id}")).json()["last"] == 3


class TestWithRoomForOne:
    @pytest.fixture(autouse=True)
    def _one(self, monkeypatch):
        monkeypatch.setenv("ATHENA_AI__JOBS__RUNNING", "1")

    async def test_the_second_is_told_when_to_come_again(self, http, provider):
        provider.will(hang_after())
        first = await accept(http)
        second = await accept(http)
        assert (second.status_code, second.json()["code"]) == (503, "bulkhead_full")
        assert int(second.headers["Retry-After"]) == second.json()["retry_after"] == 5
        await http.delete(f"api/v1/ai/jobs/{first.json()['id']}")
        assert (await accept(http)).status_code == 202
