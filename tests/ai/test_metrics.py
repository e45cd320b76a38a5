"""The Prometheus series, by the names that dashboards know, with labels that nobody can make grow."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from athena_lab.ai import build_prompt
from athena_lab.ai.metrics import note, record, watch
from athena_lab.ai.observe import PolicyEvent
from athena_lab.ai.types import Model
from tests.ai.recorded import OPENAI
from tests.peers.scripted_server import reply, stream

PROMPT = build_prompt("?")
NAMES = (
    "athena_ai_rate_limit_hits_total",
    "athena_ai_circuit_state",
    "athena_ai_circuit_failures_total",
    "athena_ai_retries_total",
    "athena_ai_failovers_total",
    "athena_ai_refusals_total",
    "athena_ai_hedges_total",
    "athena_ai_queue_size",
    "athena_bulkhead_running",
    "athena_bulkhead_waiting",
    "athena_bulkhead_wait_seconds_bucket",
    "athena_bulkhead_rejected_total",
    "athena_ai_requests_total",
    "athena_ai_request_duration_seconds_bucket",
    "athena_ai_time_to_first_token_seconds_bucket",
    "athena_ai_tokens_used_total",
    "athena_ai_cost_estimate_dollars",
    "athena_ai_stream_events_total",
    "athena_ai_errors_total",
    "athena_pool_utilization",
    "athena_request_size_bytes_bucket",
    "athena_response_size_bytes_bucket",
)


EVENTS = [
    (PolicyEvent("failover", "p", "refused"), "athena_ai_failovers_total", {"provider": "p", "reason": "refused"}),
    (PolicyEvent("refusal", "p"), "athena_ai_refusals_total", {"provider": "p"}),
    (PolicyEvent("hedge", "p", "won"), "athena_ai_hedges_total", {"provider": "p", "outcome": "won"}),
]


def value(name, **labels):
    return REGISTRY.get_sample_value(name, labels) or 0.0


def samples(text):
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


@pytest.fixture
def measured(manager_for):
    def make(name="peer", **settings):
        changes = {"name": name, "models": (Model("m-1", input_price=1.0, output_price=2.0),)}
        manager = manager_for(row_changes=changes, observers=(record,), notes=(note,), **settings)
        watch(manager)
        return manager

    return make


async def test_every_series_is_exported_by_its_name(server, measured, request_of):
    server.will(stream([OPENAI]), reply(401))
    manager = measured("exported")
    await manager.analyze(request_of(), PROMPT)
    await manager.analyze(request_of(), PROMPT)
    text = generate_latest(REGISTRY).decode()
    assert set(NAMES) <= samples(text)
    lines = text.splitlines()
    assert any(line.startswith('athena_ai_cost_estimate_dollars{provider="exported"} ') for line in lines)
    assert b"athena_ai_cost_estimate_dollars{" in open_metrics(REGISTRY)


async def test_what_a_question_counts(server, measured, request_of):
    server.will(stream([OPENAI]), reply(401))
    manager = measured("counted")
    events = {
        kind: value("athena_ai_stream_events_total", type=kind) for kind in ("started", "token", "finished", "failed")
    }
    await manager.analyze(request_of(), PROMPT)
    await manager.analyze(request_of(), PROMPT)
    assert value("athena_ai_requests_total", provider="counted", status="completed") == 1
    assert value("athena_ai_requests_total", provider="counted", status="failed") == 1
    assert value("athena_ai_errors_total", provider="counted", type="unauthorized") == 1
    assert value("athena_ai_tokens_used_total", provider="counted", direction="input") == 11
    assert value("athena_ai_tokens_used_total", provider="counted", direction="output") == 7
    assert value("athena_ai_cost_estimate_dollars", provider="counted") == pytest.approx(25e-6)
    assert value("athena_request_size_bytes_sum", provider="counted") == sum(len(r.body) for r in server.requests)
    assert value("athena_response_size_bytes_sum", provider="counted") == len(OPENAI)
    grown = {kind: value("athena_ai_stream_events_total", type=kind) - before for kind, before in events.items()}
    assert grown == {"started": 2, "token": 4, "finished": 1, "failed": 1}


async def test_the_pool_is_as_full_as_it_is(server, measured, request_of):
    release = asyncio.Event()

    async def wait(_number):
        await release.wait()

    server.will(stream([OPENAI], before=wait))
    manager = measured("pooled")
    asking = [asyncio.create_task(manager.analyze(request_of(), PROMPT)) for _ in range(25)]
    await server.until(lambda: len(server.requests) == 25)
    assert value("athena_pool_utilization", provider="pooled") == 0.25
    release.set()
    await asyncio.gather(*asking)
    assert value("athena_pool_utilization", provider="pooled") == 0.0


async def test_a_manager_that_is_gone_is_not_kept_alive(server):
    from athena_lab.ai import AIManager  # noqa: PLC0415 - no fixture may hold it
    from tests.ai.conftest import row  # noqa: PLC0415

    manager = AIManager([row(server, name="gone")], environ={})
    watch(manager)
    await manager.aclose()
    alive = weakref.ref(manager)
    del manager
    gc.collect()
    assert alive() is None
    assert value("athena_pool_utilization", provider="gone") == 0.0


HOSTILE = ['m"} 1\nathena_fake 1', "a" * 256, "m\\", "🦉\u202e", *(f"m-{number}" for number in range(50))]


async def test_whoever_asks_cannot_make_the_series_grow(server, measured, request_of):
    server.will(stream([OPENAI]))
    manager = measured("bounded")
    await manager.analyze(request_of(), PROMPT)
    before = len(list(text_string_to_metric_families(generate_latest(REGISTRY).decode())))
    lines = generate_latest(REGISTRY).count(b"\n")
    for model in HOSTILE:
        await manager.analyze(request_of(model=model), PROMPT)
    with pytest.raises(Exception, match="no provider of that name"):
        await manager.analyze(request_of(provider='x"} 1'), PROMPT)
    after = generate_latest(REGISTRY)
    assert after.count(b"\n") == lines
    assert len(list(text_string_to_metric_families(after.decode()))) == before
    assert b"athena_fake" not in after
    assert b"m-49" not in after
    assert value("athena_ai_requests_total", provider="bounded", status="completed") == 1 + len(HOSTILE)


async def test_what_the_policies_do_is_counted(server, measured, request_of, patience):
    limited = reply(429, "", {"retry-after": "1"})
    server.will(limited, reply(503), stream([OPENAI]), *[reply(503)] * 9)
    manager = measured("policed")
    before = {name: value(name, provider="policed") for name in NAMES}
    await manager.analyze(request_of(), PROMPT)
    counted = {name: value(name, provider="policed") - before[name] for name in NAMES}
    assert counted["athena_ai_retries_total"] == 2
    assert counted["athena_ai_rate_limit_hits_total"] == 1
    assert (counted["athena_ai_circuit_failures_total"], counted["athena_ai_circuit_state"]) == (0, 0)
    for _ in range(3):
        await manager.analyze(request_of(), PROMPT)
    assert value("athena_ai_circuit_failures_total", provider="policed") == 3
    assert value("athena_ai_circuit_state", provider="policed") == 2
    patience.now += 40
    server.will(stream([OPENAI]))
    await manager.analyze(request_of(), PROMPT)
    assert value("athena_ai_circuit_state", provider="policed") == 1


@pytest.mark.parametrize(("event", "name", "labels"), EVENTS)
def test_each_event_has_its_series(event, name, labels):
    before = value(name, **labels)
    note(event)
    assert value(name, **labels) == before + 1
