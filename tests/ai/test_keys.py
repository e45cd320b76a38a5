"""A key is in the request's header, and nowhere else."""

from __future__ import annotations

import copy
import logging
import pickle
import traceback

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai import AnalysisRequest, build_prompt
from athena_lab.ai.keys import MAX_QUOTE, Secret, quotable, read_key
from athena_lab.ai.transports import HttpRequest, TransportFailure
from athena_lab.ai.transports.http import AiohttpClients, HttpClient
from athena_lab.errors import AthenaError, ConfigError
from tests.ai.conftest import KEY
from tests.ai.recorded import OPENAI
from tests.peers.scripted_server import drop, raw, reply, sse, stream

PROMPT = build_prompt("A question that nobody else asks?")


def test_a_secret_shows_nothing():
    secret = Secret(KEY)
    for shown in (repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", repr([secret]), repr({"k": secret})):
        assert KEY not in shown
    assert secret.reveal() == KEY
    assert not hasattr(secret, "__dict__")
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, msgspec.json.encode):
        with pytest.raises(TypeError) as caught:
            leak(secret)
        assert KEY not in str(caught.value)


@pytest.mark.parametrize("value", ["sk-a\nb", "sk-ä", "sk-a b", "sk-\x00"])
def test_a_key_that_cannot_be_sent_is_named_not_shown(value):
    with pytest.raises(ConfigError) as caught:
        read_key(("SOME_KEY",), {"SOME_KEY": value})
    assert "SOME_KEY" in str(caught.value)
    assert value not in "".join(traceback.format_exception(caught.value))


def test_the_first_variable_that_is_set_wins():
    found = read_key(("A", "B", "C"), {"A": " ", "B": f" {KEY}\n", "C": "other"})
    assert found is not None
    assert found.reveal() == KEY
    assert read_key(("A",), {}) is None
    assert read_key((), {"A": "x"}) is None


@given(st.text(max_size=30), st.integers(0, 20), st.integers(8, 31), st.text(max_size=30))
def test_no_long_part_of_a_key_is_quoted(before, start, length, after):
    part = KEY[start : start + length]
    quoted = quotable(before + part + after, secrets=[None, Secret(KEY)])
    assert all(KEY[at : at + 8] not in quoted for at in range(len(KEY) - 7))
    assert len(quoted) <= MAX_QUOTE


@pytest.mark.parametrize(
    "text",
    ["sk-ant-api03-abcdefgh", "gsk_abcdefghijkl", "AIzaSyAbcdefghijk", "Bearer abc", "sk-proj-abc***************xyz"],
)
def test_known_formats_of_keys_are_masked(text):
    assert quotable(f"Incorrect API key provided: {text}. Find yours") in {
        "Incorrect API key provided: ***. Find yours",
        "Incorrect API key provided: *** Find yours",
    }


@given(st.text(max_size=2_000))
def test_quotes_are_one_printable_line(text):
    quoted = quotable(text)
    assert quoted.isprintable()
    assert len(quoted) <= MAX_QUOTE


SCRIPTS = {
    "echo": reply(401, {"error": {"message": f"Incorrect API key provided: {KEY}", "code": "invalid_api_key"}}),
    "echo as code": reply(400, {"error": {"message": "m", "code": KEY, "type": KEY}}, {"x-request-id": KEY}),
    "echo in the stream": stream([sse({"error": {"message": f"key {KEY}", "type": KEY}})]),
    "echo of the header": reply(400, {"error": {"message": f"authorization: Bearer {KEY}"}}),
    "redirect": reply(307, "", {"location": "http://localhost:1/"}),
    "not HTTP": raw(b"garbage\r\n\r\n"),
    "dropped": drop,
    "broken": stream([b"data: {\n\n"], end="reset"),
    "good": stream([OPENAI]),
}


def everything_about(error: BaseException | None) -> str:
    """The error and all that it drags along."""
    shown = []
    while error is not None:
        shown += [*traceback.format_exception(error), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    return "".join(shown)


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize("wire", ["openai-chat", "anthropic"])
async def test_no_key_and_no_prompt_leaks(server, manager_for, caplog, wire, script):
    records = []
    server.will(script)
    with caplog.at_level(logging.DEBUG):
        manager = manager_for(wire, observers=[records.append], policies=())
        result = await manager.analyze(AnalysisRequest("What?"), PROMPT)
        statuses = await manager.providers()
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    shown = [repr(result), repr(msgspec.json.encode(result)), repr(statuses), repr(records), caplog.text, repr(manager)]
    shown += [repr(vars(record)) for record in caplog.records]
    for text in shown:
        assert KEY not in text
        assert "nobody else asks" not in text


async def test_the_http_library_s_error_is_not_chained(server):
    client = HttpClient(1, AiohttpClients())
    server.will(drop)
    request = HttpRequest("GET", server.url, {"authorization": f"Bearer {KEY}"})
    with pytest.raises(TransportFailure) as caught:
        await anext(client.chunks(request, accept="*/*"))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert KEY not in repr(request)
    await client.aclose()


@pytest.mark.parametrize("script", [script for name, script in SCRIPTS.items() if name != "good"])
async def test_no_key_in_an_error_s_chain(server, manager_for, script):
    server.will(script)
    provider = manager_for()._providers["peer"]
    with pytest.raises(AthenaError) as caught:
        await provider.models()
    assert KEY not in everything_about(caught.value)
