"""What is done about each kind of error, by the table, and what stands in for an answer that nobody gave."""

from __future__ import annotations

import msgspec
import pytest

from athena_lab.ai import AIManager, AnalysisRequest, PipelineOptions, build_prompt
from athena_lab.ai.recovery import DEFAULT_RULES, PastAnswer, RecoveryOptions
from athena_lab.ai.retry import RetryOptions
from athena_lab.ai.send import Tools
from athena_lab.ai.types import AnalysisOptions
from athena_lab.config import load_config
from athena_lab.errors import (
    ConfigError,
    InvalidRequest,
    ProviderTimeout,
    RateLimited,
    ServiceUnavailable,
    error_codes,
)
from athena_lab.events import Recovered
from athena_lab.report.findings import Finding
from tests.ai.conftest import KEY, row
from tests.ai.recorded import OPENAI, TEXT
from tests.peers.scripted_server import drop, reply, sse, stream

FINDING = Finding("file-processor/packer", "medium", 90, "Packed with UPX")
PROMPT = build_prompt("Is it packed?", findings=[FINDING], sha256="ab" * 32)
REQUEST = AnalysisRequest("Is it packed?")
ONCE = RetryOptions(attempts=1)


class Kept:
    """Stands in for the file: what is asked of it is what counts here."""

    def __init__(self):
        self.answers = {}
        self.questions = []
        self.full = False

    async def find(self, key):
        return self.answers.get(key)

    async def keep(self, key, answer):
        if isinstance(key, AnalysisRequest):
            self.questions.append((key, answer))
            return None if self.full else "job-1"
        self.answers[key] = answer
        return None


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
async def manager_of(server, patience, kept):
    made = []

    def make(rules=None, **settings):
        tools = Tools(patience.clock, patience.sleep, patience.chance)
        settings = {"later": kept, "past": kept, **settings}
        options = PipelineOptions(retry=ONCE, recovery=RecoveryOptions(rules or {}))
        made.append(AIManager([row(server)], environ={"PEER_KEY": KEY}, tools=tools, options=options, **settings))
        return made[-1]

    yield make
    for manager in made:
        await manager.aclose()


async def test_anything_else_ends_in_the_summary_without_ai(server, manager_of):
    server.will(reply(400, {"error": {"message": "too long"}}))
    manager = manager_of()
    async with manager.stream(REQUEST, PROMPT) as events:
        told = [event async for event in events]
    assert isinstance(told[1], Recovered)
    result = await manager.analyze(REQUEST, PROMPT)
    assert (result.status, result.provider, result.recovered.how) == ("degraded", "offline", "offline")
    assert result.text.startswith("*Written without AI")
    assert "Packed with UPX" in result.text
    assert result.citations == ("file-processor/packer",)
    assert (result.error.code, result.error.attempts, result.error.request_id) == ("invalid_request", 1, result.id)
    assert result.recovered.error == result.error


async def test_the_network_serves_an_earlier_answer_marked_stale(server, manager_of, kept):
    server.will(stream([OPENAI]), drop)
    manager = manager_of()
    assert (await manager.analyze(REQUEST, PROMPT)).status == "completed"
    (answer,) = kept.answers.values()
    assert (answer.provider, answer.text) == ("peer", "".join(TEXT))
    result = await manager.analyze(REQUEST, PROMPT)
    assert (result.status, result.stop_reason, result.recovered.how) == ("degraded", "stale", "stale")
    assert (result.provider, result.text, result.error.code) == ("peer", "".join(TEXT), "provider_unreachable")
    assert 0 <= result.recovered.age < 60
    assert result.notice.startswith("An earlier answer of peer / m-1, ")
    assert result.notice in repr(result)


@pytest.mark.parametrize(
    ("asks", "how"), [({"provider": "peer"}, "stale"), ({"model": "m-1"}, "stale"), ({"model": "m-2"}, "offline")]
)
async def test_a_named_model_is_not_answered_by_another_s_word(server, manager_of, asks, how):
    server.will(stream([OPENAI]), drop)
    manager = manager_of()
    await manager.analyze(REQUEST, PROMPT)
    assert (await manager.analyze(AnalysisRequest("Is it packed?", **asks), PROMPT)).recovered.how == how


async def test_another_question_s_answer_is_not_served(server, manager_of):
    server.will(stream([OPENAI]), drop)
    manager = manager_of()
    await manager.analyze(REQUEST, PROMPT)
    assert (await manager.analyze(REQUEST, build_prompt("Another?"))).recovered.how == "offline"


async def test_a_rate_limit_queues_the_question_and_gives_the_summary_for_now(server, manager_of, kept):
    server.will(reply(429, "", {"retry-after": "600"}))
    result = await manager_of().analyze(REQUEST, PROMPT)
    assert (result.status, result.stop_reason) == ("degraded", "queued")
    assert (result.recovered.how, result.recovered.job) == ("queued", "job-1")
    assert result.text.startswith("*Written without AI")
    ((request, why),) = kept.questions
    assert (request, why.code) == (REQUEST, "rate_limited")


async def test_what_cannot_be_queued_ends_in_the_summary(server, manager_of, kept):
    kept.full = True
    server.will(reply(429, "", {"retry-after": "600"}))
    assert (await manager_of().analyze(REQUEST, PROMPT)).recovered.how == "offline"


async def test_what_has_begun_stays_and_fails_by_name(server, manager_of):
    piece = {"choices": [{"index": 0, "delta": {"content": "It is "}, "finish_reason": None}]}
    server.will(stream([sse(piece)], end="cut"), reply(503))
    rules = {"invalid_response": ("offline",)}
    result = await manager_of(rules).analyze(REQUEST, PROMPT)
    assert (result.status, result.text, result.recovered) == ("failed", "It is ", None)
    assert result.error.code == "invalid_response"


async def test_a_refusal_or_a_cut_answer_is_not_kept(server, manager_of, kept):
    cut = {"choices": [{"index": 0, "delta": {"content": "It is "}, "finish_reason": "length"}]}
    server.will(stream([sse(cut), sse("[DONE]")]))
    assert (await manager_of().analyze(REQUEST, PROMPT)).status == "degraded"
    assert kept.answers == {}


@pytest.mark.parametrize(
    ("rules", "how"),
    [
        ({"service_unavailable": ("fail",)}, None),
        ({"service_unavailable": ("queue", "fail")}, "queued"),
        ({"service_unavailable": ("stale", "queue")}, "queued"),
        ({"other": ("fail",)}, "offline"),
        ({"service_unavailable": ("fail", "offline")}, None),
    ],
)
async def test_the_table_is_the_settings(server, manager_of, rules, how):
    server.will(reply(503))
    result = await manager_of(rules).analyze(REQUEST, PROMPT)
    assert (result.recovered and result.recovered.how) == how
    assert result.error.code == "service_unavailable"
    assert result.status == ("failed" if how is None else "degraded")
    told = {
        None: "",
        "queued": "its answer will be that of job job-1",
        "offline": "without AI",
    }
    assert told[how] in result.notice
    assert bool(result.notice) == (how is not None)


async def test_a_structured_answer_is_served_stale_whole(server, manager_of):
    request = AnalysisRequest("?", options=AnalysisOptions(structured=True))
    prompt = build_prompt("?", schema={"type": "object"})
    said = {"verdict": "benign", "family": None, "confidence": 9, "techniques": [], "iocs": [], "summary": "Fine."}
    text = msgspec.json.encode(said).decode()
    piece = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": "stop"}]}
    server.will(stream([sse(piece), sse("[DONE]")]), drop)
    manager = manager_of()
    first = await manager.analyze(request, prompt)
    again = await manager.analyze(request, prompt)
    assert (again.status, again.text, again.verdict) == ("degraded", "Fine.", first.verdict)


def test_every_rule_names_an_error_and_ends():
    codes = error_codes()
    for code, steps in DEFAULT_RULES.items():
        assert code == "other" or code in codes
        assert steps[-1] in {"offline", "fail"}


def test_when_the_same_provider_is_asked_again():
    options = RecoveryOptions({"network": ("retry", "fail")})
    timeout, down = (kind("x", provider="p") for kind in (ProviderTimeout, ServiceUnavailable))
    assert options.retries(timeout, last=False)
    assert not options.retries(down, last=False)
    assert options.retries(down, last=True)
    assert not options.retries(InvalidRequest("x", provider="p"), last=True)
    assert options.retries(InvalidRequest("x", provider="p", should_retry=True), last=True)
    assert options.moves_on(RateLimited("x", provider="p"))
    assert not options.moves_on(InvalidRequest("x", provider="p"))


def test_rules_from_the_environment(tmp_path):
    environ = {"ATHENA_AI__RECOVERY__RULES__RATE_LIMITED": '["failover", "fail"]'}
    config = load_config(environ, tmp_path)
    assert config.ai.options.recovery.rules == {"rate_limited": ("failover", "fail")}
    for wrong in ('["give-up"]', "[]"):
        with pytest.raises(ConfigError, match="RULES"):
            load_config({"ATHENA_AI__RECOVERY__RULES__RATE_LIMITED": wrong}, tmp_path)


def test_a_rule_for_no_error_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="rate_limit"):
        load_config({"ATHENA_AI__RECOVERY__RULES__RATE_LIMIT": '["fail"]'}, tmp_path)


def test_past_answers_travel():
    answer = PastAnswer("p", "m", "text")
    assert msgspec.json.decode(msgspec.json.encode(answer), type=PastAnswer) == answer
