"""Batches at the providers: each question gets its own answer, one bad question fails alone, and nothing runs on."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, build_prompt, coalesce, recovery
from athena_lab.ai.pipeline import ORDER
from athena_lab.ai.providers.batches import DELETES
from athena_lab.ai.send import Tools
from athena_lab.ai.testkit.server import drop, hang, raw, reply, stream
from athena_lab.ai.transports import MAX_LINE
from athena_lab.ai.types import Features, Model
from athena_lab.events import Failed, Finished, Token, Usage
from tests.ai.conftest import KEY, row
from tests.peers.batch_server import USAGE, BatchServer

PRICED = (Model("m-1", input_price=2.0, output_price=10.0),)
POLICIES = tuple(policy for policy in ORDER if policy not in {recovery.policy, coalesce.policy})
"""An error is to be seen as it is, and the same question twice is two."""
FEATURES = Features(batching=True)


@dataclass(frozen=True)
class Service:
    """One of the formats, and the requests that a batch takes: before it, to create, look, read and cancel it."""

    wire: str
    create: tuple[str, ...]
    poll: str
    changes: tuple[tuple[str, str], ...] = ()
    cancel_sign: str = "/"
    reads: int = 1
    """0 where the results come with the last look."""

    @property
    def cancel(self):
        return f"POST {self.poll.removeprefix('GET ')}{self.cancel_sign}cancel"


FILES = ("POST /v1/files",)
SERVICES = {
    "anthropic": Service("anthropic", ("POST /v1/messages/batches",), "GET /v1/messages/batches/anthropic-1"),
    "openai chat": Service("openai-chat", (*FILES, "POST /v1/batches"), "GET /v1/batches/openai-2"),
    "openai responses": Service("openai-responses", (*FILES, "POST /v1/batches"), "GET /v1/batches/openai-2"),
    "gemini": Service(
        "gemini", ("POST /v1/models/m-1:batchGenerateContent",), "GET /v1/batches/gemini-1", cancel_sign=":", reads=0
    ),
    "mistral": Service(
        "openai-chat", (*FILES, "POST /v1/batch/jobs"), "GET /v1/batch/jobs/mistral-2", (("batch_format", "jobs"),)
    ),
}


@pytest.fixture(params=SERVICES.values(), ids=SERVICES)
def service(request):
    return request.param


@pytest.fixture
async def peer():
    peer = BatchServer()
    async with peer.server:
        yield peer


@pytest.fixture
async def lab(peer, patience):
    """Makes managers whose sleeps take no time."""
    async with AsyncExitStack() as stack:

        def make(service, *, tools=None, features=FEATURES, **settings):
            changes = {"models": PRICED, "batch_price": 0.5, "features": features, **dict(service.changes)}
            tools = tools or Tools(patience.clock, patience.sleep, patience.chance)
            rows = [row(peer.server, service.wire, **changes)]
            settings = {"policies": POLICIES, **settings}
            manager = AIManager(rows, environ={"PEER_KEY": KEY}, tools=tools, **settings)
            stack.push_async_callback(manager.aclose)
            return manager

        yield make


async def ask(manager, question, *, batch=True, **options):
    """Every event."""
    request = AnalysisRequest(question, options=AnalysisOptions(batch=batch, **options))
    async with manager.stream(request, build_prompt(question)) as events:
        return [event async for event in events]


async def ask_all(manager, *questions, **options):
    return await asyncio.gather(*(ask(manager, question, **options) for question in questions))


def text(events):
    return "".join(event.text for event in events if isinstance(event, Token))


def error(events):
    assert isinstance(events[-1], Failed), events
    return events[-1].error


def questions(count):
    return [f"What is q-{number}?" for number in range(1, count + 1)]


async def test_five_questions_are_one_batch(service, lab, peer, patience):
    manager = lab(service)
    answers = await ask_all(manager, *questions(5))
    assert [text(events) for events in answers] == [f"q-{number}" for number in range(1, 6)]
    (batch,) = peer.batches.values()
    assert len(batch.requests) == 5
    assert peer.asked[: len(service.create)] == list(service.create)
    assert peer.asked[len(service.create) :][:2] == [service.poll] * 2
    name, value = ("x-goog-api-key", KEY) if service.wire == "gemini" else ("authorization", f"Bearer {KEY}")
    assert {request.headers[name] for request in peer.server.requests} == {value}
    assert patience.slept == [0.1, 2.0, 3.0]
    assert not any("cancel" in asked for asked in peer.asked)


async def test_each_is_counted_as_its_own_at_half_the_price(service, lab):
    manager = lab(service)
    answers = await ask_all(manager, *questions(3))
    for events in answers:
        (usage,) = (event for event in events if isinstance(event, Usage))
        assert (usage.input_tokens, usage.output_tokens) == USAGE
        assert usage.cost == pytest.approx((USAGE[0] * 2.0 + USAGE[1] * 10.0) / 1e6 / 2)
        end = events[-1]
        assert isinstance(end, Finished)
        (attempt,) = end.attempts
        assert (attempt.input_tokens, attempt.cost, attempt.estimated) == (USAGE[0], usage.cost, False)
        assert attempt.sent > 100
        assert attempt.received > 100
    spent = (await manager.usage()).today
    assert (spent.requests, spent.input_tokens, spent.output_tokens) == (3, 3 * USAGE[0], 3 * USAGE[1])
    assert spent.cost == pytest.approx(3 * answers[0][-1].attempts[0].cost)


async def test_one_bad_question_fails_alone(service, lab):
    bad = ["BAD", "LOST", "HUGE", "GARBLED"]
    answers = await ask_all(lab(service), "What is q-1?", *(f"What is {word} q-9?" for word in bad), "What is q-2?")
    assert [text(answers[0]), text(answers[-1])] == ["q-1", "q-2"]
    problems = [error(events) for events in answers[1:-1]]
    assert [problem.code for problem in problems] == ["invalid_request", *["invalid_response"] * 3]
    assert "bad" in problems[0].detail
    assert "has no result for this request" in problems[1].detail
    assert "has no result for this request" in problems[2].detail
    assert "format of its wire" in problems[3].detail


async def test_a_refusal_is_one(service, lab):
    refused, answered = await ask_all(lab(service), "What is REFUSED q-1?", "What is q-2?")
    assert refused[-1].status == "refused"
    assert (answered[-1].status, text(answered)) == ("completed", "q-2")


@pytest.mark.parametrize("end", ["expired", "cancelled"])
async def test_a_batch_that_ends_early_fails_each(service, lab, peer, end):
    peer.end = end
    problems = [error(events) for events in await ask_all(lab(service), "q-1", "LOST q-2")]
    code = "invalid_response" if service.wire == "anthropic" else "service_unavailable"  # it says nothing of the whole
    assert [problem.code for problem in problems] == ["service_unavailable", code]
    assert end.removesuffix("led") in problems[0].detail


@pytest.mark.parametrize("name", ["openai chat", "openai responses"])
async def test_a_batch_that_fails_for_one_question_is_sent_again_without_it(lab, peer, name):
    peer.end = "failed"
    bad, *good = await ask_all(lab(SERVICES[name]), "BAD q-9", "What is q-1?", "What is q-2?")
    assert (error(bad).code, "bad" in error(bad).detail) == ("service_unavailable", True)
    assert [text(events) for events in good] == ["q-1", "q-2"]
    assert [len(batch.requests) for batch in peer.batches.values()] == [3, 2]


async def test_a_batch_that_is_turned_down_is_sent_in_halves(service, lab, peer):
    answers = await ask_all(lab(service), *questions(5), "TURNED DOWN q-6", *questions(2))
    status = {"anthropic": 413, "mistral": 422}.get(next(iter(peer.batches)).partition("-")[0], 400)
    assert error(answers[5]).upstream_status == status
    assert error(answers.pop(5)).code == "invalid_request"
    assert [text(events) for events in answers] == [f"q-{number}" for number in (1, 2, 3, 4, 5, 1, 2)]
    assert sorted(len(batch.requests) for batch in peer.batches.values()) == [1, 2, 4]


def blame_the_first(peer):
    """Whatever is in a batch, it fails for its first request."""

    def poll(self, _, name):
        errors = {"object": "list", "data": [{"code": "invalid_request", "message": "bad", "line": 1}]}
        return 200, self._openai_state(name, "failed") | {"errors": errors}

    async def answer(exchange):
        if exchange.request.path.startswith("/v1/batches/openai") and exchange.request.method == "GET":
            status, body = poll(peer, None, exchange.request.path.rpartition("/")[2])
            await reply(status, body)(exchange)
        else:
            await peer._answer(exchange)

    peer.server.will(answer)


async def test_who_blames_one_request_at_a_time_is_not_asked_for_each(lab, peer):
    blame_the_first(peer)
    problems = [error(events) for events in await ask_all(lab(SERVICES["openai chat"]), *questions(30))]
    assert [len(batch.requests) for batch in peer.batches.values()] == [30, 29, 28]
    assert {problem.code for problem in problems} == {"service_unavailable"}
    assert all("bad" in problem.detail for problem in problems)


async def test_who_turns_down_everything_is_not_asked_for_each(service, lab, peer):
    peer.largest = 0
    problems = [error(events) for events in await ask_all(lab(service), *questions(32))]
    assert {problem.code for problem in problems} == {"invalid_request"}
    assert peer.asked.count(service.create[-1]) == 13  # 1, 2, 4, and 3 times 2 of the 8
    assert len(peer.asked) == 13 * len(service.create)


async def test_the_one_that_is_turned_down_is_found_among_many(service, lab, peer):
    answers = await ask_all(lab(service), *questions(20), "TURNED DOWN q-99", *questions(12))
    assert error(answers.pop(20)).code == "invalid_request"
    assert [text(events) for events in answers] == [f"q-{number}" for number in (*range(1, 21), *range(1, 13))]
    assert peer.asked.count(service.create[-1]) <= 13


async def test_a_few_deletes_at_a_time(lab, peer):
    running, most = 0, 0

    async def answer(exchange):
        nonlocal running, most
        if exchange.request.method == "DELETE":
            running += 1
            most = max(most, running)
            for _ in range(50):
                await asyncio.sleep(0)  # whoever else would be here comes meanwhile
            running -= 1
        await peer._answer(exchange)

    peer.server.will(answer)
    manager = lab(SERVICES["openai chat"])
    await ask_all(manager, *(f"TURNED DOWN q-{n}" if n == 1 else f"What is q-{n}?" for n in range(1, 33)))
    await manager.aclose()
    assert len(peer.deleted) >= 10
    assert most == DELETES


async def test_a_key_that_is_refused(service, lab, peer):
    peer.faults += [reply(401, {"error": {"message": "no", "type": "authentication_error"}})]
    problems = [error(events) for events in await ask_all(lab(service), *questions(3))]
    assert {problem.code for problem in problems} == {"unauthorized"}
    assert len(peer.asked) == 1


async def test_what_passes_is_waited_for(service, lab, peer, patience):
    """At the creation, at a look, and at the results."""
    overloaded = reply(503, "{}", {"retry-after": "7"})
    peer.polls = 0
    peer.faults = [overloaded, overloaded]
    manager = lab(service)
    peer.server.will(*[peer._answer] * (2 + len(service.create)), reply(500), peer._answer, overloaded, peer._answer)
    (answer,) = await ask_all(manager, "What is q-1?")
    assert text(answer) == "q-1"
    assert patience.slept == [0.1, 7.0, 7.0, 2.0, 1.0, 7.0][: 5 + service.reads]
    assert len(peer.batches) == 1


async def test_a_creation_of_which_nobody_knows_is_not_repeated(service, lab, peer):
    peer.faults = [drop]
    problems = [error(events) for events in await ask_all(lab(service), *questions(2))]
    assert {problem.code for problem in problems} == {"provider_unreachable"}
    assert len(peer.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [reply(200, b"[1]"), reply(200, {"id": "../../etc", "status": "x", "processing_status": "x"}), raw(b"junk")],
)
async def test_garbage_for_a_batch(service, lab, peer, answer):
    peer.server.will(*[peer._answer] * (len(service.create) - 1), answer)
    problems = [error(events) for events in await ask_all(lab(service), *questions(2))]
    assert {problem.code for problem in problems} == {"invalid_response"}


async def test_a_result_is_not_followed_elsewhere(service, lab, peer):
    peer.polls = 0
    elsewhere = reply(302, b"", {"location": "http://localhost:9/"})
    peer.server.will(*[peer._answer] * (len(service.create) + service.reads), elsewhere)
    problems = [error(events) for events in await ask_all(lab(service), *questions(2))]
    assert {problem.code for problem in problems} == {"invalid_response"}
    assert "redirects elsewhere" in problems[0].detail


async def test_results_over_the_limit_fail_those_that_are_left(service, lab, peer):
    peer.polls = 0
    line = b"x" * (MAX_LINE // 2) + b"\n"
    first = b"{}\n"
    flood = stream([first, *[line] * 66], content_type="application/jsonl")
    peer.server.will(*[peer._answer] * (len(service.create) + service.reads), flood)
    problems = [error(events) for events in await ask_all(lab(service), *questions(2))]
    assert {problem.code for problem in problems} == {"invalid_response"}
    assert "longer than" in problems[0].detail


async def test_an_error_about_all_tells_nobody_another_s_question(lab, peer):
    secret = "the family is called Hidden-Dragon-47 and it beacons to 192.0.2.7"
    peer.faults = [reply(403, {"error": {"type": "permission_error", "message": f"not for: {secret}"}})]
    manager = lab(SERVICES["anthropic"])
    problems = [error(events) for events in await ask_all(manager, "What is q-1?", secret)]
    assert [problem.code for problem in problems] == ["forbidden"] * 2
    assert all("withheld" in problem.detail for problem in problems)


async def test_nothing_is_kept_of_it_there(service, lab, peer):
    manager = lab(service)
    await ask_all(manager, "What is q-1?", "BAD q-2")
    await manager.aclose()
    kept = {*peer.files} or {*peer.batches}
    assert len(kept) == (3 if peer.files else 1)
    assert {*peer.deleted} == kept


# -- leaving


async def test_who_leaves_takes_out_its_own_question_alone(service, lab, peer):
    looked, go = asyncio.Event(), asyncio.Event()

    async def sleep(seconds):
        if seconds > 1:
            looked.set()
            await go.wait()

    manager = lab(service, tools=Tools(sleep=sleep))
    tasks = [asyncio.create_task(ask(manager, question)) for question in questions(3)]
    await looked.wait()
    tasks[1].cancel()
    await asyncio.gather(tasks[1], return_exceptions=True)
    go.set()
    assert [text(await tasks[number]) for number in (0, 2)] == ["q-1", "q-3"]
    assert not peer.cancelled()
    spent = (await manager.usage()).today
    assert (spent.requests, spent.estimated) == (3, 1)


async def test_with_the_last_one_the_batch_is_cancelled(service, lab, peer):
    looked = asyncio.Event()

    async def sleep(seconds):
        if seconds > 1:
            looked.set()
            await asyncio.Event().wait()

    manager = lab(service, tools=Tools(sleep=sleep))
    tasks = [asyncio.create_task(ask(manager, question)) for question in questions(2)]
    await looked.wait()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await peer.server.until(lambda: peer.asked[-1] == service.cancel)
    await manager.aclose()
    assert peer.cancelled()


async def test_a_batch_is_cancelled_though_its_id_was_not_known_yet(service, lab, peer):
    held = asyncio.Event()

    async def late(exchange):
        await held.wait()
        await peer._answer(exchange)

    peer.server.will(*[peer._answer] * (len(service.create) - 1), late, peer._answer)
    manager = lab(service)
    task = asyncio.create_task(ask(manager, "What is q-1?"))
    await peer.server.until(lambda: len(peer.asked) == len(service.create))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    held.set()
    await peer.server.until(lambda: peer.asked[-1] == service.cancel)
    await manager.aclose()
    assert peer.cancelled()


async def test_closing_ends_all_and_fails_who_waits(service, lab, peer):
    looked = asyncio.Event()

    async def sleep(seconds):
        if seconds > 1:
            looked.set()
            await asyncio.Event().wait()

    manager = lab(service, tools=Tools(sleep=sleep))
    task = asyncio.create_task(ask(manager, "What is q-1?"))
    await looked.wait()
    await manager.aclose()
    assert "closed here" in error(await task).detail
    assert peer.cancelled()


async def test_each_has_its_own_deadline(service, lab, peer, patience):
    peer.polls = 6
    late = ask(lab(service), "What is q-1?", deadline=10.0)
    in_time = ask(lab(service), "What is q-1?", deadline=100.0)
    assert error(await late).code == "deadline_exceeded"
    assert patience.now >= 1_010
    peer.batches.clear()
    assert text(await in_time) == "q-1"


async def test_a_deadline_holds_while_nothing_comes(service, lab, peer, monkeypatch):
    monkeypatch.setattr("athena_lab.ai.providers.following.CANCEL", 0.1)
    peer.server.will(*[peer._answer] * (len(service.create) - 1), hang)
    manager = lab(service, tools=Tools())
    assert error(await ask(manager, "What is q-1?", deadline=0.4)).code == "deadline_exceeded"


# -- who is asked one by one


@pytest.mark.parametrize(
    "options", [{"batch": False}, {"transport": "sse"}], ids=["without being asked to", "by another transport"]
)
async def test_a_question_that_goes_alone(lab, peer, options):
    chat = b'data: {"choices": [{"delta": {"content": "alone"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    peer.server.will(stream([chat]))
    answers = await ask_all(lab(SERVICES["openai chat"]), *questions(2), **options)
    assert [text(events) for events in answers] == ["alone"] * 2
    assert peer.asked == ["POST /v1/chat/completions"] * 2


async def test_a_provider_without_batches_is_asked_one_by_one(lab, peer, patience):
    chat = b'data: {"choices": [{"delta": {"content": "alone"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    peer.server.will(stream([chat]))
    answers = await ask_all(lab(SERVICES["openai chat"], features=Features()), *questions(2))
    assert [text(events) for events in answers] == ["alone"] * 2
    assert peer.asked == ["POST /v1/chat/completions"] * 2
    assert patience.slept == []
