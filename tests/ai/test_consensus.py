"""Several providers asked at once: around a Send of the test's own, and over loopback through the whole pipeline."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing

import msgspec
import pytest

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, build_prompt
from athena_lab.ai.consensus import ConsensusOptions, policy
from athena_lab.ai.pipeline import PipelineOptions
from athena_lab.ai.send import Call, Tools
from athena_lab.ai.states import StreamState
from athena_lab.ai.structured import schema
from athena_lab.errors import AthenaError, InvalidResponse, RateLimited, ServiceUnavailable
from athena_lab.events import Assessment, Consensus, Failed, Finished, Ioc, Opinion, Recovered, Structured, Token, Usage
from tests.ai.several import ENVIRON, Peers, Routes, rows
from tests.ai.test_structured import GOOD, chat
from tests.ai.virtual_time import run
from tests.peers.scripted_server import hang, reply, sse, stream

PROMPT = build_prompt("Is it packed?", schema=schema())
END = Finished("completed", "stop")


def asking(count, **fields):
    return AnalysisRequest("Is it packed?", options=AnalysisOptions(consensus=count, **fields))


def assessment(verdict="malicious", confidence=80, summary="Packed."):
    return Assessment(verdict, None, confidence, (), (), summary)


def says(*args, usage=Usage(10, 5, cost=0.25), after=0.0, end=END):  # noqa: B008 - frozen
    found = assessment(*args)
    return [(after, Token(found.summary)), (0.0, usage), (0.0, Structured(found)), (0.0, end)]


def ask(peers, count, *, names="abc", prompt=PROMPT, request=None, expires=120.0, **options):
    """What comes out, an error as the last; the calls as they were sent; the shared state's walk."""
    calls, states = [], []
    call = Call("a", "m-a", prompt, 100, expires, state=StreamState(states.append), request=request or asking(count))

    def send(branch):
        calls.append(branch)
        return peers.send(branch)

    async def collect():
        tools = Tools(clock=lambda: asyncio.get_running_loop().time(), router=Routes(*names))
        out = []
        try:
            async with aclosing(policy(PipelineOptions(**options), tools)(send)(call)) as items:
                async for item in items:
                    out.append(item)  # noqa: PERF401 - what came before an error counts
        except AthenaError as error:
            out.append(error)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert peers.open == set()
        return out

    return run(collect()), calls, states


def test_all_are_asked_at_once_and_merged():
    scripts = {"a": says("benign", 20, after=3.0), "b": says("malicious", 60, after=2.0), "c": says(after=1.0)}
    out, _, states = ask(Peers(scripts), 3)
    text, usage, consensus, structured, end = out
    sentence = "2 of 3 say malicious (b, c); a says benign."
    assert text == Token(f"{sentence}\n\nPacked.")
    assert usage == Usage(30, 15, cost=0.75)
    assert structured == Structured(consensus.merged)
    assert consensus.merged == assessment("malicious", 47, text.text)
    assert consensus.agreement == pytest.approx(2 / 3)
    assert [(it.provider, it.model) for it in consensus.opinions] == [("a", "m-a"), ("b", "m-b"), ("c", "m-c")]
    assert end == END
    assert states == ["connecting", "connected"]


def test_each_is_bound_to_its_provider_and_told_in_one_list():
    out, calls, _ = ask(Peers(dict.fromkeys("abc", says())), 3)
    assert [(call.provider, call.request.provider, call.request.options.consensus) for call in calls] == [
        ("a", "a", 1),
        ("b", "b", 1),
        ("c", "c", 1),
    ]
    assert len({id(call.state) for call in calls}) == 3
    assert len({id(call.tried) for call in calls}) == 3
    assert len({id(call.attempts) for call in calls}) == 1
    assert out[-1] == END


def test_no_more_than_asked_for():
    out, calls, _ = ask(Peers(dict.fromkeys("abc", says())), 2)
    assert [call.provider for call in calls] == ["a", "b"]
    assert out[2].merged.summary == "2 of 2 say malicious (a, b).\n\nPacked."


def test_fewer_than_asked_for_are_able_and_it_says_so():
    out, *_ = ask(Peers({"a": says(), "b": says()}), 7, names="ab")
    assert out[2].merged.summary.startswith("2 of 2 say malicious (a, b); 7 were to be asked, and only 2 can be.")


def test_a_provider_named_is_asked_alone():
    request = AnalysisRequest("?", provider="a", options=AnalysisOptions(consensus=3))
    out, calls, _ = ask(Peers({"a": says()}), 3, request=request)
    assert [call.provider for call in calls] == ["a"]
    assert out[2].merged.summary.startswith("1 of 1 says malicious (a); 3 were to be asked, and only 1 can be.")


@pytest.mark.parametrize(("count", "prompt"), [(1, PROMPT), (3, build_prompt("?"))])
def test_without_need_of_it_nothing_is_between(count, prompt):
    out, calls, _ = ask(Peers({"a": [(0.0, Token("x")), (0.0, END)]}), count, prompt=prompt)
    assert out == [Token("x"), END]
    assert calls[0].request.options.consensus == count


def test_what_fails_at_one_is_its_opinion():
    scripts = {
        "a": [(1.0, RateLimited("x", provider="a"))],
        "b": [(1.0, Structured(problem="no JSON", raw="Hm.")), (0.0, END)],
        "c": says(),
        "d": [(1.0, Structured(problem="no JSON", raw="")), (0.0, Finished("refused", "safety"))],
    }
    out, *_ = ask(Peers(scripts), 4, names="abcd")
    assert out[2].opinions == (
        Opinion("a", "m-a", error="rate_limited"),
        Opinion("b", "m-b", error="invalid_response"),
        Opinion("c", "m-c", assessment()),
        Opinion("d", "m-d", error="refused"),
    )
    assert out[2].agreement is None
    assert out[0].text.startswith("1 of 1 says malicious (c); a gave no assessment (rate_limited); b gave no")
    assert out[1] == Usage(10, 5, cost=0.25)


def test_all_fail():
    scripts = {name: [(1.0, ServiceUnavailable("x", provider=name))] for name in "abc"}
    out, _, states = ask(Peers(scripts), 3)
    assert [(type(item), item.provider) for item in out] == [(ServiceUnavailable, "a")]
    assert states[-1] == "error"


def test_all_break_off_and_what_was_received_is_told():
    broke = InvalidResponse("x", provider="b", upstream_status=200)
    off = Structured(problem="off", raw="{Pa")
    scripts = {
        "a": [(1.0, ServiceUnavailable("x", provider="a"))],
        "b": [(1.0, Token("Pa")), *((0.0, it) for it in (Usage(7, 2, cost=0.5), off, broke))],
        "c": [(1.0, Usage(3, 1, cost=0.25)), (0.0, InvalidResponse("x", provider="c", upstream_status=200))],
    }
    out, _, states = ask(Peers(scripts), 3)
    assert out[0] == Usage(10, 3, cost=0.75)
    assert [it.error for it in out[1].opinions] == ["service_unavailable", "invalid_response", "invalid_response"]
    assert out[1].merged is None
    assert out[2:] == [off, broke]
    assert states[-1] == "error"


def test_all_fail_without_a_word_and_what_it_cost_is_told():
    scripts = {"a": [(1.0, Usage(3, 1)), (0.0, ServiceUnavailable("x", provider="a"))]}
    out, *_ = ask(Peers(scripts), 1 + 1, names="a")
    assert [out[0], type(out[1])] == [Usage(3, 1), ServiceUnavailable]


def test_an_answer_that_no_policy_has_read_is_read_here():
    raw = msgspec.json.encode(assessment()).decode()
    scripts = {
        "a": [(1.0, Token(raw[:9])), (0.0, Token(raw[9:])), (0.0, END)],
        "b": [(1.0, Token("No.")), (0.0, Finished("refused", "safety"))],
        "c": [(1.0, Token("Hm.")), (0.0, END)],
        "d": [(1.0, Token(raw[:9])), (0.0, InvalidResponse("x", provider="d"))],
    }
    out, *_ = ask(Peers(scripts), 4, names="abcd")
    assert [it.assessment or it.error for it in out[2].opinions] == [
        assessment(), "refused", "invalid_response", "invalid_response",
    ]  # fmt: skip
    assert (out[2].merged.verdict, out[-1]) == ("malicious", END)
    for names, shown in (("bd", None), ("bc", "Hm."), ("b", "No.")):
        out, *_ = ask(Peers({"a": scripts[names[0]], "b": scripts[names[-1]]}), 2, names="ab")
        assert next((item.text for item in out if isinstance(item, Token)), None) == shown
    assert out[-1] == Finished("refused", "safety")


def test_nobody_gave_an_assessment_then_what_one_wrote_is_the_answer():
    scripts = {
        "a": [(1.0, RateLimited("x", provider="a"))],
        "b": [(1.0, Finished("refused", "safety"))],
        "c": [(1.0, Usage(1, 1)), (0.0, Structured(problem="no JSON", raw="Hm.")), (0.0, END)],
    }
    out, *_ = ask(Peers(scripts), 3)
    assert out[:2] == [Token("Hm."), Usage(1, 1)]
    assert (out[2].merged, len(out[2].opinions)) == (None, 3)
    assert out[3:] == [Structured(problem="no JSON", raw="Hm."), END]


def test_a_failure_goes_before_a_refusal_so_that_something_can_stand_in():
    scripts = {"a": [(0.0, Finished("refused", "safety"))], "b": [(1.0, ServiceUnavailable("x", provider="b"))]}
    out, *_ = ask(Peers(scripts), 2)
    assert out[-1].provider == "b"


def test_all_refuse():
    refusal = [(0.0, Finished("refused", "safety"))]
    out, *_ = ask(Peers({"a": refusal, "b": refusal}), 2, names="ab")
    assert out[-1] == Finished("refused", "safety")
    assert [it.error for it in out[1].opinions] == ["refused", "refused"]


@pytest.mark.parametrize(("expires", "margin", "theirs"), [(120.0, 1.0, 119.0), (2.0, 1.0, 1.5), (120.0, 10.0, 110.0)])
def test_there_is_time_left_to_merge(expires, margin, theirs):
    _, calls, _ = ask(Peers({"a": says()}), 2, names="a", expires=expires, consensus=ConsensusOptions(margin))
    assert [call.expires for call in calls] == [theirs]


def test_the_end_is_that_of_whom_the_summary_is_of():
    long = Finished("degraded", "max_tokens")
    out, *_ = ask(Peers({"a": says("malicious", 50), "b": says("malicious", 90, "Long.", end=long)}), 2, names="ab")
    assert out[-1] == long
    assert out[0].text.endswith("\n\nLong.")


def test_leaving_ends_all():
    peers = Peers(dict.fromkeys("abc", says(after=60.0)))

    async def leave():
        tools = Tools(clock=lambda: 0.0, router=Routes(*"abc"))
        call = Call("a", "m-a", PROMPT, 100, 120.0, request=asking(3))

        async def read():
            async with aclosing(policy(PipelineOptions(), tools)(peers.send)(call)) as items:
                async for _ in items:
                    pass

        task = asyncio.create_task(read())
        await asyncio.sleep(1.0)
        assert peers.open == set("abc")
        task.cancel()
        await asyncio.wait([task])
        assert peers.open == set()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(leave())


# -- over loopback


@pytest.fixture
async def manager(peers):
    async with AIManager(rows(peers), environ=ENVIRON) as manager:
        yield manager


def answers(**changes):
    return chat(json.dumps(GOOD | changes))


async def test_three_providers_agree_and_differ(manager, peers):
    peers[0].will(answers(summary="Packed with UPX."))
    peers[1].will(answers(verdict="benign", confidence=60, techniques=[], iocs=[]))
    peers[2].will(answers(confidence=95, family="Emotet", summary="It is Emotet."))
    result = await manager.analyze(asking(3), PROMPT)
    assert (result.status, result.stop_reason, result.error) == ("completed", "stop", None)
    assert result.verdict.verdict == "malicious"
    assert result.verdict.iocs == (Ioc("url", "http://203.0.113.9/a"),)
    assert result.text == "2 of 3 say malicious (one, three); two says benign.\n\nIt is Emotet."
    assert result.text == result.verdict.summary
    assert result.consensus.agreement == pytest.approx(2 / 3)
    assert {it.member: it.said for it in result.consensus.differences} == {
        "verdict": {"benign": ("two",), "malicious": ("one", "three")},
        "family": {"none": ("one", "two"), "Emotet": ("three",)},
        "techniques": {"T1027.002": ("one", "three"), "T1055": ("one", "three")},
        "iocs": {"url http://203.0.113.9/a": ("one", "three")},
    }
    assert (result.usage.input_tokens, result.usage.output_tokens) == (30, 15)
    assert sorted(attempt.provider for attempt in result.attempts) == ["one", "three", "two"]
    assert [len(server.requests) for server in peers] == [1, 1, 1]


async def test_whoever_fails_is_not_replaced_by_one_that_is_asked_already(manager, peers):
    peers[0].will(reply(401))
    peers[1].will(answers())
    peers[2].will(reply(400, {"error": {"message": "no"}}))
    result = await manager.analyze(asking(3), PROMPT)
    assert [it.error for it in result.consensus.opinions] == ["unauthorized", None, "invalid_request"]
    assert result.status == "completed"
    assert [len(server.requests) for server in peers] == [1, 1, 1]


async def test_who_is_silent_is_given_up_before_the_deadline(manager, peers):
    peers[0].will(answers())
    peers[1].will(hang)
    peers[2].will(answers())
    result = await manager.analyze(asking(3, deadline=0.8), PROMPT)
    assert [it.error for it in result.consensus.opinions] == [None, "deadline_exceeded", None]
    assert (result.status, result.error) == ("completed", None)
    assert result.elapsed < 0.8
    await peers[1].until(lambda: peers[1].live == 0)


async def test_where_all_fail_something_stands_in(manager, peers):
    for server in peers:
        server.will(reply(401))
    async with manager.stream(asking(3), PROMPT) as events:
        told = [event async for event in events]
    recovered = next(event for event in told if isinstance(event, Recovered))
    assert (recovered.how, recovered.error.code) == ("offline", "unauthorized")
    assert told[-1].status == "degraded"
    assert not any(isinstance(event, Consensus | Failed) for event in told)


async def test_where_all_break_off_what_was_received_stands(manager, peers):
    begun = sse({"choices": [{"index": 0, "delta": {"content": '{"summary": "It is'}}]})
    used = sse({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5}})
    for server in peers:
        server.will(stream([used, begun], end="cut"))
    result = await manager.analyze(asking(3), PROMPT)
    assert (result.status, result.error.code, result.recovered) == ("failed", "invalid_response", None)
    assert result.structured.raw.startswith('{"summary": "It is')
    assert len(result.consensus.opinions) == 3
    assert result.usage.input_tokens == sum(attempt.input_tokens for attempt in result.attempts)


@pytest.mark.parametrize("first", ["answer", "refusal", "503"])
async def test_alone_it_reads_the_answers_itself(peers, first):
    refusal = [sse({"choices": [{"index": 0, "delta": {"content": "No."}, "finish_reason": "content_filter"}]})]
    scripts = {"answer": answers(), "refusal": stream([*refusal, sse("[DONE]")]), "503": reply(503)}
    peers[0].will(scripts[first])
    peers[1].will(answers())
    async with AIManager(rows(peers), environ=ENVIRON, policies=(policy,)) as manager:
        result = await manager.analyze(asking(2), PROMPT)
    assert (result.status, result.verdict.verdict) == ("completed", "malicious")
    assert result.text.startswith("2 of 2 say" if first == "answer" else "1 of 1 says")


async def test_an_answer_that_does_not_fit_is_repaired_in_its_own_branch(manager, peers):
    peers[0].will(answers(verdict="evil"), answers())
    peers[1].will(answers())
    peers[2].will(answers())
    result = await manager.analyze(asking(3), PROMPT)
    assert result.consensus.agreement == 1.0
    assert [len(server.requests) for server in peers] == [2, 1, 1]
    assert result.usage.input_tokens == 40
