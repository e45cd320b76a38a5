"""What attempts used and cost: as the provider counts, or estimated where it does not."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai import AnalysisOptions, build_prompt
from athena_lab.ai.ledger import Ledger
from athena_lab.ai.meter import ALLOWANCE, Count, cost, prompt_tokens
from athena_lab.ai.pipeline import PipelineOptions
from athena_lab.ai.retry import RetryOptions
from athena_lab.ai.types import Model, Spent
from athena_lab.errors import InvalidResponse, ProviderTimeout, RateLimited
from athena_lab.events import Token, Usage
from tests.ai.recorded import ANTHROPIC, OPENAI, TEXT
from tests.peers.scripted_server import cut, drop, hang, raw, reply, sse, stream

PROMPT = build_prompt("Is it packed?")
PRICED = {"models": (Model("m-1", input_price=3.0, cached_price=0.3, output_price=15.0),)}
ONCE = PipelineOptions(RetryOptions(attempts=1))
HALF = OPENAI[: OPENAI.index("naïve".encode())].rpartition(b"\n\n")[0] + b"\n\n"
"""The answer's first two pieces."""
ESTIMATED_INPUT = prompt_tokens(PROMPT)


@pytest.mark.parametrize(
    ("model", "usage", "expected"),
    [
        (Model("m", input_price=3.0, output_price=15.0), Usage(1_000_000, 1_000_000), 18.0),
        (Model("m", input_price=3.0, cached_price=0.3, output_price=15.0), Usage(1_000_000, 0, 500_000), 1.65),
        (Model("m", input_price=3.0, output_price=15.0), Usage(1_000_000, 0, 1_000_000), 3.0),
        (Model("m", input_price=0.0, output_price=0.0), Usage(9, 9), 0.0),
        (Model("m", input_price=1.0, output_price=0.0), Usage(10, 0, 99), 1e-5),
        (Model("m", input_price=3.0), Usage(10, 10), None),
        (Model("m", output_price=3.0), Usage(10, 10), None),
        (Model("m", cached_price=3.0), Usage(10, 10), None),
        (Model("m"), Usage(), None),
    ],
)
def test_costs(model, usage, expected):
    assert cost(model, usage) == pytest.approx(expected)


@given(st.text(max_size=200))
def test_a_prompt_has_about_a_token_for_four_bytes(text):
    size = len(PROMPT.system.encode()) + len(f"# Question\n{text}".encode("utf-8", "replace"))
    assert prompt_tokens(build_prompt(text)) == -(-size // 4)


async def ask(manager, request, prompt=PROMPT):
    return await manager.analyze(request, prompt)


@pytest.fixture
def metered(manager_for):
    """A manager whose model has prices, and its ledger."""

    def make(wire="openai-chat", changes=PRICED, **settings):
        ledger = Ledger()
        return manager_for(wire, row_changes=changes, ledger=ledger, **settings), ledger

    return make


async def test_an_answer_says_what_it_cost_and_it_is_written_down(server, metered, request_of):
    server.will(stream([OPENAI]))
    manager, ledger = metered()
    result = await ask(manager, request_of())
    expected = (11 * 3.0 + 7 * 15.0) / 1_000_000
    assert result.usage.cost == pytest.approx(expected)
    (attempt,) = result.attempts
    assert (attempt.cost, attempt.estimated) == (pytest.approx(expected), False)
    assert attempt.sent == len(server.requests[0].body)
    assert attempt.received == len(OPENAI)
    assert ledger.today("peer") == Spent(1, 11, 0, 7, pytest.approx(expected))


async def test_what_has_no_price_costs_none_and_not_nothing(server, metered, request_of):
    server.will(stream([OPENAI]))
    manager, ledger = metered(changes={})
    result = await ask(manager, request_of())
    assert result.usage.cost is None
    assert ledger.today() == Spent(1, 11, 0, 7, None, unpriced=1)


async def test_all_attempts_of_a_request_are_counted_and_the_request_once(server, metered, request_of):
    server.will(reply(200, "", {"content-type": "text/event-stream"}), reply(503), stream([OPENAI]))
    manager, ledger = metered()
    result = await ask(manager, request_of())
    assert [(a.error, a.estimated, a.output_tokens) for a in result.attempts] == [
        ("invalid_response", True, 0),
        ("service_unavailable", False, 0),
        (None, False, 7),
    ]
    spent = ledger.today()
    assert (spent.requests, spent.estimated, spent.input_tokens) == (1, 1, ESTIMATED_INPUT + 11)


@pytest.mark.parametrize("end", ["cut", "reset", "clean"])
async def test_a_stream_that_breaks_off_is_estimated(server, metered, request_of, end):
    server.will(stream([HALF], end=end))
    manager, ledger = metered(options=ONCE)
    result = await ask(manager, request_of())
    assert result.status == "failed"
    output = -(-len("".join(TEXT[:2])) // 4)
    assert ledger.today() == Spent(
        1, ESTIMATED_INPUT, 0, output, pytest.approx((ESTIMATED_INPUT * 3 + output * 15) / 1e6), 0, 1
    )


async def test_counts_that_came_before_the_end_are_used_and_the_output_is_estimated(server, metered, request_of):
    cut_off = ANTHROPIC[: ANTHROPIC.index(b"content_block_stop")].rpartition(b"\n\n")[0] + b"\n\n"
    server.will(stream([cut_off], end="cut"))
    manager, ledger = metered("anthropic", options=ONCE)
    await ask(manager, request_of())
    spent = ledger.today()
    assert (spent.input_tokens, spent.estimated) == (11, 1)
    assert spent.output_tokens == -(-len("".join(TEXT)) // 4)


async def test_a_cancelled_stream_is_estimated(server, metered, request_of):
    server.will(stream([HALF], end="hang"))
    manager, ledger = metered()
    async with manager.stream(request_of(), PROMPT) as events:
        async for event in events:
            if isinstance(event, Token):
                break
    spent = ledger.today("peer")
    assert (spent.requests, spent.input_tokens, spent.estimated) == (1, ESTIMATED_INPUT, 1)
    assert spent.output_tokens == -(-len(TEXT[0]) // 4)


async def test_one_that_is_cancelled_while_the_provider_thinks_is_counted(server, metered, request_of):
    server.will(hang)
    manager, ledger = metered()
    asking = asyncio.create_task(ask(manager, request_of()))
    await server.until(lambda: len(server.requests) == 1)
    asking.cancel()
    await asyncio.wait([asking])
    assert ledger.today() == Spent(1, ESTIMATED_INPUT, 0, 0, pytest.approx(ESTIMATED_INPUT * 3 / 1e6), 0, 1)


@pytest.mark.parametrize(
    "script", [reply(400), reply(401), reply(429), reply(503), reply(504), drop, raw(b"nonsense\r\n")]
)
async def test_what_is_refused_or_never_arrives_is_not_billed(server, metered, request_of, script):
    server.will(script)
    manager, ledger = metered(options=ONCE)
    result = await ask(manager, request_of())
    assert result.status == "failed"
    assert ledger.today() == Spent()
    assert [(a.input_tokens, a.cost, a.estimated) for a in result.attempts] == [(0, 0.0, False)]


async def test_a_provider_that_does_not_count_is_estimated(server, metered, request_of):
    chunks = cut(OPENAI, [OPENAI.index(b'data: {"id": "c", "choices": []')])
    server.will(stream([chunks[0], sse("[DONE]")]))
    manager, ledger = metered()
    result = await ask(manager, request_of())
    assert result.status == "completed"
    assert ledger.today().estimated == 1
    assert ledger.today().output_tokens == max(len(TEXT), -(-len("".join(TEXT)) // 4))


async def test_a_mad_count_is_not_believed(server, metered, request_of):
    mad = OPENAI.replace(b'"prompt_tokens": 11', b'"prompt_tokens": 9007199254740992')
    mad = mad.replace(b'"completion_tokens": 7', b'"completion_tokens": 9007199254740992')
    server.will(stream([mad]))
    manager, ledger = metered()
    result = await ask(manager, request_of())
    spent = ledger.today()
    assert (spent.input_tokens, spent.output_tokens) == (4 * prompt_tokens(PROMPT) + ALLOWANCE, 4 * 2_048 + ALLOWANCE)
    assert spent.cost == result.usage.cost < 1.0


async def test_the_offline_summary_costs_nothing(metered, request_of):
    manager, ledger = metered()
    result = await ask(manager, request_of(provider="offline"))
    assert result.status == "degraded"
    assert ledger.today() == Spent()


async def test_a_provider_tells_its_usage(server, metered, request_of):
    server.will(stream([OPENAI]))
    manager, _ = metered()
    await ask(manager, request_of())
    usage = await manager._providers["peer"].usage()
    assert usage.today == usage.total
    assert usage.today.requests == 1


async def test_a_repair_counts_as_a_request(server, metered, request_of):
    server.will(stream([OPENAI]))
    manager, ledger = metered()
    prompt = build_prompt("?", schema={"type": "object"})
    await ask(manager, request_of(options=AnalysisOptions(structured=True)), prompt)
    assert (ledger.today().input_tokens, ledger.today().output_tokens) == (22, 14)


@given(st.lists(st.text(min_size=1, max_size=40), max_size=20), st.booleans())
def test_an_estimate_is_never_below_the_pieces(pieces, asked):
    count = Count(PROMPT)
    for piece in pieces:
        count.see(Token(piece))
    used, estimated = count.result(ProviderTimeout("It stopped.", provider="p"), asked=asked)
    assert estimated == (asked or bool(pieces))
    assert used.output_tokens >= len(pieces)
    assert used.input_tokens == (ESTIMATED_INPUT if estimated else 0)


@pytest.mark.parametrize(
    ("error", "billed"),
    [
        (None, True),
        (RateLimited("Too many.", provider="p", upstream_status=429), False),
        (ProviderTimeout("Gateway.", provider="p", upstream_status=504), False),
        (ProviderTimeout("Silent.", provider="p"), True),
        (InvalidResponse("Not HTTP.", provider="p"), False),
        (InvalidResponse("Broke off.", provider="p", upstream_status=200), True),
    ],
)
def test_what_may_have_been_billed_without_a_piece(error, billed):
    assert Count(PROMPT).result(error, asked=True)[1] == billed
    assert Count(PROMPT).result(error, asked=False) == (Usage(), False)
