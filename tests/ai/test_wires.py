"""What the wires ask for, field by field, and the gathering of function calls."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from athena_lab.ai.keys import Secret
from athena_lab.ai.prompt import Tool, build_prompt
from athena_lab.ai.providers.calls import MAX_ARGUMENTS, MAX_CALLS, MAX_NAME, Calls
from athena_lab.ai.providers.registry import DEFAULT_ROWS, Limits
from athena_lab.ai.providers.schemas import reduced
from athena_lab.ai.providers.wire import Garbage
from athena_lab.ai.send import Call
from athena_lab.ai.transports import whole_message
from athena_lab.ai.types import Model
from athena_lab.events import Finished, Token, ToolCall
from tests.ai.recorded import WIRES, gemini

ROWS = {row.name: row for row in DEFAULT_ROWS}
SCHEMA = {
    "type": "object",
    "properties": {"sure": {"type": "integer", "minimum": 0, "maximum": 100}},
    "required": ["sure"],
}
TOOL = Tool("look_up", "Looks a hash up.", {"type": "object", "properties": {}})
PLAIN = build_prompt("Is it packed?")
PROMPT = replace(PLAIN, tools=(TOOL,), schema=SCHEMA)
KEY = Secret("k")


def body_of(name, prompt=PROMPT, transport="sse", **changes):
    row = replace(ROWS[name], **changes)
    call = Call(name, row.model or "m-1", prompt, max_tokens=2_048, expires=0.0, transport=transport)
    request = WIRES[row.wire].request(row, "https://h/v1", KEY, call)
    return request, json.loads(request.body)


def test_the_fields_of_openai_s_responses():
    request, body = body_of("openai")
    assert request.url == "https://h/v1/responses"
    assert request.headers["authorization"] == "Bearer k"
    assert body == {
        "model": "gpt-6.2-sol",
        "instructions": PROMPT.system,
        "input": PROMPT.user,
        "max_output_tokens": 2_048,
        "store": False,
        "stream": True,
        "stream_options": {"include_obfuscation": False},
        "tools": [
            {
                "type": "function",
                "name": "look_up",
                "description": "Looks a hash up.",
                "parameters": TOOL.parameters,
                "strict": False,
            }
        ],
        "text": {"format": {"type": "json_schema", "name": "assessment", "schema": SCHEMA, "strict": False}},
    }
    _, whole = body_of("openai", PLAIN, "polling")
    assert whole["stream"] is False
    assert not {"stream_options", "tools", "text", "background"} & whole.keys()


def test_only_what_goes_on_in_the_background_is_stored():
    features = replace(ROWS["openai"].features, background=True)
    for transport in ("sse", "polling"):
        _, body = body_of("openai", PLAIN, transport, features=features)
        assert (body["store"], body["background"]) == (True, True)


def test_the_fields_of_gemini():
    request, body = body_of("gemini")
    assert request.url == "https://h/v1/models/gemini-3.8-flash:streamGenerateContent?alt=sse"
    assert request.headers["x-goog-api-key"] == "k"
    assert body == {
        "systemInstruction": {"parts": [{"text": PROMPT.system}]},
        "contents": [{"role": "user", "parts": [{"text": PROMPT.user}]}],
        "generationConfig": {
            "maxOutputTokens": 2_048,
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
        },
        "tools": [
            {
                "functionDeclarations": [
                    {
                        "name": "look_up",
                        "description": "Looks a hash up.",
                        "parametersJsonSchema": TOOL.parameters,
                    }
                ]
            }
        ],
    }
    request, body = body_of(
        "gemini", PLAIN, "polling", safety_settings={"HARM_CATEGORY_DANGEROUS_CONTENT": "BLOCK_NONE"}
    )
    assert request.url == "https://h/v1/models/gemini-3.8-flash:generateContent"
    assert body["safetySettings"] == [{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "threshold": "BLOCK_NONE"}]
    assert body["generationConfig"] == {"maxOutputTokens": 2_048}
    request, _ = body_of("gemini", PLAIN, model="../x?key=1")
    assert request.url == "https://h/v1/models/..%2Fx%3Fkey%3D1:streamGenerateContent?alt=sse"


def test_the_fields_of_anthropic_and_of_chat():
    _, body = body_of("claude")
    assert body["tools"] == [{"name": "look_up", "description": "Looks a hash up.", "input_schema": TOOL.parameters}]
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": reduced(SCHEMA)}}
    _, body = body_of("groq")
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "look_up", "description": "Looks a hash up.", "parameters": TOOL.parameters},
        }
    ]
    assert body["response_format"] == {"type": "json_schema", "json_schema": {"name": "assessment", "schema": SCHEMA}}
    _, body = body_of("deepseek")
    assert "response_format" not in body


@pytest.mark.parametrize(
    ("limits", "models", "expected"),
    [
        (Limits(), (), 2_048),
        (Limits(max_tokens=100), (), 100),
        (Limits(), (Model("m-1", output=1_000),), 1_000),
        (Limits(max_tokens=5_000), (Model("m-1", output=4_000),), 2_048),
        (Limits(), (Model("m-2", output=1),), 2_048),
    ],
)
def test_max_tokens_is_what_account_and_model_allow(limits, models, expected):
    _, body = body_of("local", limits=limits, models=models)
    assert body["max_tokens"] == expected


def test_a_schema_is_reduced_as_anthropic_s_sdk_reduces_it():
    from anthropic import transform_schema  # noqa: PLC0415 - a second
    from msgspec.json import schema  # noqa: PLC0415

    from athena_lab.events import Assessment  # noqa: PLC0415

    def bare(value):
        """Without descriptions, in which the bounds are put down in other words."""
        if isinstance(value, dict):
            return {key: bare(below) for key, below in value.items() if key not in {"description", "title"}}
        return [bare(below) for below in value] if isinstance(value, list) else value

    for wanted in (SCHEMA, schema(Assessment)):
        assert bare(reduced(wanted)) == bare(transform_schema(wanted))
    assert reduced(SCHEMA)["properties"]["sure"]["description"] == 'Must fit {"minimum":0,"maximum":100}.'


def test_of_two_reasons_for_an_end_gemini_s_last_counts():
    parser = WIRES["gemini"].parser()
    answer = f"[{gemini({'text': 'A'}, finish='STOP')[6:].decode()},{gemini(finish='SAFETY')[6:].decode()}]"
    assert list(parser.feed(whole_message(answer.encode()))) == [Token("A"), Finished("refused", "SAFETY")]


# -- function calls

CALLS = st.lists(st.tuples(st.text("ab", min_size=1), st.text(max_size=30)), max_size=8)


@given(CALLS, st.randoms())
def test_fragments_in_any_order_of_the_calls_make_the_same_calls(wanted, random):
    pieces = []
    for index, (name, arguments) in enumerate(wanted):
        cuts = [arguments[at : at + 3] for at in range(0, len(arguments), 3)]
        pieces.append([(index, f"id-{index}", name, ""), *((index, "", "", cut) for cut in cuts)])
    calls = Calls()
    for parts in pieces:  # calls begin in order; their fragments mix
        index, call, name, arguments = parts.pop(0)
        calls.add(index, id=call, name=name, arguments=arguments)
    while any(pieces):
        index, call, name, arguments = random.choice([parts for parts in pieces if parts]).pop(0)
        calls.add(index, id=call, name=name, arguments=arguments)
    made = list(calls.end(cut_off=False))
    assert made == [ToolCall(f"id-{at}", name, arguments or "{}") for at, (name, arguments) in enumerate(wanted)]
    assert list(calls.end(cut_off=False)) == []


def test_the_last_call_of_an_answer_that_was_cut_off_is_left_out():
    calls = Calls()
    calls.add(0, id="a", name="f", arguments="{}")
    calls.add(1, id="b", name="f", arguments='{"x":')
    assert list(calls.end(cut_off=True)) == [ToolCall("a", "f", "{}")]


def test_too_many_calls():
    calls = Calls()
    for index in range(MAX_CALLS):
        calls.add(index, name="f")
    with pytest.raises(Garbage, match=f"more than {MAX_CALLS} function calls"):
        calls.add(MAX_CALLS, name="f")
    calls = Calls()
    for _ in range(MAX_CALLS):
        calls.whole(id="", name="f", arguments="")
    with pytest.raises(Garbage):
        calls.whole(id="", name="f", arguments="")


def test_too_large_calls():
    half = "x" * (MAX_ARGUMENTS // 2)
    calls = Calls()
    calls.add(0, name="f", arguments=half)
    calls.add(1, name="f", arguments=half)
    with pytest.raises(Garbage, match="too large"):
        calls.add(1, arguments="x")
    for names in ({"id": "x" * (MAX_NAME + 1)}, {"name": "x" * (MAX_NAME + 1)}):
        with pytest.raises(Garbage, match="too large"):
            Calls().add(0, **names)


def test_a_call_without_a_name():
    calls = Calls()
    calls.add(0, id="a", arguments="{}")
    with pytest.raises(Garbage, match="without a name"):
        list(calls.end(cut_off=False))
