"""A talk on every wire: over HTTP on loopback, with what is sent held against the types of the providers' own SDKs."""

from __future__ import annotations

import json
from itertools import product

import anthropic.types as claude
import msgspec
import pytest
from google.genai import types as gemini
from groq.types.chat import completion_create_params as groq
from mistralai.client.models import ChatCompletionRequest
from msgspec.structs import replace
from openai.types import responses
from openai.types.chat import completion_create_params as chat

from athena_lab.ai import AIManager, AnalysisRequest, ProviderRow, build_prompt
from athena_lab.ai.failover import FailoverOptions
from athena_lab.ai.pipeline import PipelineOptions
from athena_lab.ai.prompt import Tool, told
from athena_lab.ai.providers.wires import find_wire
from athena_lab.ai.send import Call, Looked, Tools
from athena_lab.ai.talk import Called, Turn
from athena_lab.ai.testkit.server import ScriptedServer, reply, sse, stream
from athena_lab.ai.transports import Message
from athena_lab.ai.types import AnalysisOptions, Features
from athena_lab.events import ToolCall
from tests.ai.conftest import KEY
from tests.ai.fits import fits
from tests.ai.kits.anthropic import anthropic as messages
from tests.ai.kits.anthropic import block, ended, text_block
from tests.ai.kits.responses import CREATED, response
from tests.ai.recorded import responses as events
from tests.ai.test_gemini_live import END as LIVE_END
from tests.ai.test_gemini_live import SETUP, SPEECH
from tests.peers.socket_server import BINARY, SocketServer, frame

TOOL = Tool(
    "read_bytes",
    "Reads bytes.",
    {
        "type": "object",
        "properties": {"offset": {"type": "integer"}},
        "required": ["offset"],
        "additionalProperties": False,
    },
)
ASKED = ['{"offset":0}', '{"offset":64}']
FEATURES = Features(function_calling=True, structured_output=True)
WIRES = ("openai-chat", "openai-responses", "anthropic", "gemini")


class Look:
    tools = (TOOL,)

    def __init__(self):
        self.asked = []

    async def run(self, name, arguments, *, seconds, characters):  # noqa: ARG002 - takes no time
        self.asked.append((name, arguments))
        offset = json.loads(arguments)["offset"]
        return Looked("ok", f"{offset:08x}  4d 5a") if offset < 64 else Looked("failed", "behind the end")


def chunks(*choices):
    return b"".join(map(sse, choices)) + sse("[DONE]")


def calls_of_chat():
    first = {
        "index": 0,
        "id": "abcdEFGH1",
        "type": "function",
        "function": {"name": "read_bytes", "arguments": ASKED[0]},
    }
    second = {
        "index": 1,
        "id": "abcdEFGH2",
        "type": "function",
        "function": {"name": "read_bytes", "arguments": ASKED[1]},
    }
    delta = {"role": "assistant", "content": "I look."}
    return chunks(
        {"choices": [{"index": 0, "delta": {"role": "assistant", "reasoning_content": "Hm, "}}]},
        {"choices": [{"index": 0, "delta": {"reasoning_content": "bytes."}}]},
        {"choices": [{"index": 0, "delta": delta}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [first, second]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    )


def text_of_chat(text):
    return chunks(
        {"choices": [{"index": 0, "delta": {"content": text}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    )


def done(index, item):
    return {"type": "response.output_item.done", "output_index": index, "item": item}


REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA", "status": None}


def calls_of_responses():
    said = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "phase": "commentary"}
    return events(
        CREATED,
        done(0, REASONING),
        {"type": "response.output_text.delta", "delta": "I look."},
        done(1, {**said, "content": [{"type": "output_text", "text": "I look.", "annotations": []}]}),
        *(
            done(
                2 + at,
                {
                    "type": "function_call",
                    "id": f"fc_{at}",
                    "call_id": f"call_{at}",
                    "name": "read_bytes",
                    "arguments": a,
                    "status": "completed",
                },
            )
            for at, a in enumerate(ASKED)
        ),
        {"type": "response.completed", "response": response("completed")},
    )


def text_of_responses(text):
    return events(
        CREATED,
        {"type": "response.output_text.delta", "delta": text},
        {"type": "response.completed", "response": response("completed")},
    )


def calls_of_anthropic():
    return messages(
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "Hm."},
            {"type": "signature_delta", "signature": "sig+/="},
        ),
        *block(1, {"type": "redacted_thinking", "data": "sealed"}),
        *text_block(2, "I look."),
        *(
            event
            for at, arguments in enumerate(ASKED, 3)
            for event in block(
                at,
                {"type": "tool_use", "id": f"toolu_{at}", "name": "read_bytes", "input": {}},
                {"type": "input_json_delta", "partial_json": arguments},
            )
        ),
        *ended("tool_use"),
    )


def text_of_anthropic(text):
    return messages(*text_block(0, text), *ended("end_turn"))


def of_gemini(*parts):
    usage = {"promptTokenCount": 9, "candidatesTokenCount": 2}
    end = {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}], "usageMetadata": usage}
    return b"".join(sse({"candidates": [{"content": {"role": "model", "parts": [part]}}]}) for part in parts) + sse(end)


def calls_of_gemini():
    first = {"functionCall": {"id": "g-1", "name": "read_bytes", "args": {"offset": 0}}, "thoughtSignature": "c2ln"}
    second = {"functionCall": {"id": "g-2", "name": "read_bytes", "args": {"offset": 64}}}
    return of_gemini({"text": "Hm.", "thought": True}, {"text": "I look."}, first, second)


MODELS = {
    "openai-chat": (calls_of_chat, text_of_chat),
    "openai-responses": (calls_of_responses, text_of_responses),
    "anthropic": (calls_of_anthropic, text_of_anthropic),
    "gemini": (calls_of_gemini, lambda text: of_gemini({"text": text})),
}


def valid(wire, body):
    """By the types of the SDK of whoever made the wire: which members there are, and what they hold."""
    match wire:
        case "openai-chat":
            messages = [
                {key: it for key, it in message.items() if key not in {"reasoning_content", "reasoning"}}
                for message in body["messages"]
            ]
            kinds = (chat.CompletionCreateParamsStreaming, groq.CompletionCreateParams)
            assert all(fits(body | {"messages": messages}, kind) for kind in kinds)
        case "openai-responses":
            assert fits(body, responses.response_create_params.ResponseCreateParamsStreaming)
        case "anthropic":
            assert fits(body, claude.message_create_params.MessageCreateParamsStreaming)
        case "gemini":
            for content in body["contents"]:
                gemini.Content.model_validate(content)
            gemini.Tool.model_validate(body["tools"][0])


def row_for(server, wire, name="peer", priority=1, **changes):
    settings = {"key_env": "PEER_KEY", "model": f"m-{name}", "features": FEATURES, **changes}
    return ProviderRow(name=name, wire=wire, base_url=f"{server.url}/v1", priority=priority, **settings)


def prompt():
    return replace(build_prompt("What is it?"), tools=Look.tools)


async def ask(rows, look, **options):
    pipeline = PipelineOptions(failover=FailoverOptions(restarts=0), **options)
    async with AIManager(rows, environ={"PEER_KEY": KEY}, options=pipeline) as manager:
        return await manager.analyze(AnalysisRequest("What is it?"), prompt(), look=look)


@pytest.mark.parametrize("wire", WIRES)
async def test_calls_and_their_results_go_back_on_the_wire(wire):
    calls, text = MODELS[wire]
    look = Look()
    async with ScriptedServer(stream([calls()]), stream([text("It is MZ [call/1], not [call/9].")])) as server:
        result = await ask([row_for(server, wire)], look)
        first, second = (request.json() for request in server.requests)
    assert [json.loads(arguments) for _, arguments in look.asked] == list(map(json.loads, ASKED))
    assert (result.status, result.text) == ("completed", "I look.\n\nIt is MZ [call/1], not [call/9].")
    assert (result.citations, result.unknown_citations) == (("call/1",), ("call/9",))
    assert [(it.number, it.outcome, it.text) for it in result.tool_results] == [
        (1, "ok", "00000000  4d 5a"),
        (2, "failed", "behind the end"),
    ]
    assert [call.number for call in result.tool_calls] == [1, 2]
    assert len(result.attempts) == 2
    for body in (first, second):
        valid(wire, body)
    told = json.dumps(second)
    assert told.count("00000000  4d 5a") == told.count("behind the end") == 1
    assert "10 more calls may be run" in told
    assert "at most\\n  12 calls" in json.dumps(first)


async def test_chat_gives_reasoning_back_under_its_name():
    async with ScriptedServer(stream([calls_of_chat()]), stream([text_of_chat("x")])) as server:
        await ask([row_for(server, "openai-chat")], Look())
        *_, assistant, one, two = server.requests[1].json()["messages"]
    assert assistant["reasoning_content"] == "Hm, bytes."
    assert assistant["content"] == "I look."
    assert [call["id"] for call in assistant["tool_calls"]] == [one["tool_call_id"], two["tool_call_id"]]
    assert [call["function"]["arguments"] for call in assistant["tool_calls"]] == ASKED


def test_mistral_takes_the_talk():
    body = body_of("openai-chat", "mistral", turn("elsewhere", prefix="not nine"))
    taken = ChatCompletionRequest.model_validate({key: body[key] for key in ("model", "messages", "tools")})
    assert [type(message).__name__ for message in taken.messages[-3:]] == [
        "AssistantMessage",
        "ToolMessage",
        "ToolMessage",
    ]
    ids = [call["id"] for call in body["messages"][-3]["tool_calls"]]
    assert all(len(id_) == 9 and id_.isalnum() for id_ in ids), "Mistral takes no others"


def test_deepseek_gets_reasoning_with_every_call_even_where_there_is_none():
    *_, assistant, _, _ = body_of("openai-chat", "deepseek", turn("elsewhere"), reasoning_field="reasoning_content")[
        "messages"
    ]
    assert assistant["reasoning_content"] == ""
    *_, assistant, _, _ = body_of("openai-chat", "mistral", turn("elsewhere"))["messages"]
    assert "reasoning_content" not in assistant, "who does not know it refuses it"


async def test_responses_gets_its_reasoning_back_sealed_and_in_its_place():
    async with ScriptedServer(stream([calls_of_responses()]), stream([text_of_responses("x")])) as server:
        await ask([row_for(server, "openai-responses", reasoning_field="encrypted_content")], Look())
        first, second = (request.json() for request in server.requests)
    assert first["include"] == ["reasoning.encrypted_content"]
    assert first["input"] == prompt().user
    kinds = [item.get("type") or item["role"] for item in second["input"]]
    assert kinds == ["user", "reasoning", "assistant", *["function_call"] * 2, *["function_call_output"] * 2]
    assert second["input"][1]["encrypted_content"] == "gAAA"
    assert second["input"][2]["phase"] == "commentary"
    assert second["store"] is False
    assert "include" not in body_of("openai-responses", "peer"), "models that do not reason refuse it"


async def test_anthropic_gets_its_thinking_back_signed_and_in_its_place():
    async with ScriptedServer(stream([calls_of_anthropic()]), stream([text_of_anthropic("x")])) as server:
        await ask([row_for(server, "anthropic")], Look())
        _, assistant, results = server.requests[1].json()["messages"]
    thinking, sealed, text, one, two = assistant["content"]
    assert thinking == {"type": "thinking", "thinking": "Hm.", "signature": "sig+/="}
    assert sealed == {"type": "redacted_thinking", "data": "sealed"}
    assert text == {"type": "text", "text": "I look."}
    assert (one["input"], two["input"]) == ({"offset": 0}, {"offset": 64})
    assert [result["tool_use_id"] for result in results["content"]] == ["toolu_3", "toolu_4"]
    assert [result["is_error"] for result in results["content"]] == [False, True]


async def test_gemini_gets_its_signatures_back_and_results_by_their_ids():
    async with ScriptedServer(stream([calls_of_gemini()]), stream([of_gemini({"text": "x"})])) as server:
        await ask([row_for(server, "gemini")], Look())
        _, model, results = server.requests[1].json()["contents"]
    text, one, two = model["parts"]
    assert text == {"text": "I look."}
    assert one == {
        "functionCall": {"id": "g-1", "name": "read_bytes", "args": {"offset": 0}},
        "thoughtSignature": "c2ln",
    }
    assert "thoughtSignature" not in two
    said = [part["functionResponse"] for part in results["parts"]]
    assert [(it["id"], list(it["response"])) for it in said] == [("g-1", ["output"]), ("g-2", ["error"])]


def turn(provider, *, prefix="x/1", carried=None):
    calls = tuple(
        Called(at, f"{prefix}{at}", "read_bytes", arguments, f"result {at}", failed=at == 2)
        for at, arguments in enumerate(ASKED, 1)
    )
    return Turn(provider, "m-1", "I look.", calls, carried)


def body_of(wire, provider, *turns, closing=False, **changes):
    row = ProviderRow(name=provider, wire=wire, base_url="http://127.0.0.1:9/v1", features=FEATURES, **changes)
    asked = replace(prompt(), talk=turns, looks=12, closing=closing)
    call = Call(provider, "m-1", asked, 100, 1e9)
    return json.loads(find_wire(wire).request(row, row.base_url, None, call).body)


@pytest.mark.parametrize("wire", WIRES)
def test_a_talk_of_others_is_taken_on_every_wire(wire):
    for carried in (None, {"reasoning_content": "x"}, [{"type": "thinking"}], [{"functionCall": {}}], "x"):
        body = body_of(wire, "peer", turn("other", carried=carried), turn("third"))
        valid(wire, body)
        text = json.dumps(body)
        assert "x/1" not in text, "ids are ours: not everybody takes any"
        assert text.count("call00001") >= 2
        assert "result 2" in text
    if wire == "gemini":
        calls = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
        signed = ["thoughtSignature" in call for call in calls]
        assert signed == [True, False, True, False], "Google wants a signature with the first of each step"


@pytest.mark.parametrize("wire", WIRES)
def test_what_was_carried_and_does_not_fit_is_left_out(wire):
    shapes = {
        "openai-chat": {"reasoning": "Hm."},
        "openai-responses": [{"type": "function_call"}],
        "anthropic": [{"type": "thinking", "thinking": "a", "signature": "b"}, {"type": "tool_use"}],
        "gemini": [{"functionCall": {}}],
    }
    body = body_of(wire, "peer", turn("peer", carried=shapes[wire]))
    valid(wire, body)
    assert "result 2" in json.dumps(body)


@pytest.mark.parametrize(
    ("wire", "member", "value"),
    [
        ("openai-chat", "tool_choice", "none"),
        ("openai-responses", "tool_choice", "none"),
        ("anthropic", "tool_choice", {"type": "none"}),
        ("gemini", "toolConfig", {"functionCallingConfig": {"mode": "NONE"}}),
    ],
)
def test_at_the_end_no_more_may_be_asked_for(wire, member, value):
    body = body_of(wire, "peer", turn("peer"), closing=True)
    valid(wire, body)
    assert body[member] == value
    assert "tools" in body
    assert member not in body_of(wire, "peer", turn("peer"))


@pytest.mark.parametrize(("before", "after"), [pair for pair in product(WIRES, WIRES) if pair[0] != pair[1]])
async def test_the_next_provider_goes_on_with_the_talk_on_its_own_wire(before, after):
    calls, text = MODELS[before][0], MODELS[after][1]
    look = Look()
    async with (
        ScriptedServer(stream([calls()]), reply(503, {"error": {"message": "overloaded"}})) as one,
        ScriptedServer(stream([text("It is MZ.")])) as two,
    ):
        rows = [row_for(one, before, "one", 1), row_for(two, after, "two", 2)]
        result = await ask(rows, look)
        (sent,) = (request.json() for request in two.requests)
    assert (result.status, result.provider) == ("completed", "two")
    assert result.text == "I look.\n\nIt is MZ."
    assert len(look.asked) == 2
    valid(after, sent)
    assert json.dumps(sent).count("00000000  4d 5a") == 1
    assert len(result.tool_results) == 2


async def test_a_provider_without_function_calling_gets_the_report_alone():
    async with ScriptedServer(stream([text_of_chat("It is MZ.")])) as server:
        result = await ask([row_for(server, "openai-chat", features=Features())], Look())
        body = server.requests[0].json()
    assert result.text == "It is MZ."
    assert "tools" not in body
    assert "look at the file again" not in body["messages"][0]["content"]


async def test_a_provider_without_function_calling_is_told_the_talk_of_another_as_text():
    async with (
        ScriptedServer(stream([calls_of_chat()]), reply(503)) as one,
        ScriptedServer(stream([text_of_chat("It is MZ.")])) as two,
    ):
        rows = [row_for(one, "openai-chat", "one", 1), row_for(two, "openai-chat", "two", 2, features=Features())]
        result = await ask(rows, Look())
        _, user = two.requests[0].json()["messages"]
    assert result.text == "I look.\n\nIt is MZ."
    assert "00000000  4d 5a" in user["content"]
    assert "Call 2, read_bytes" in user["content"]


async def test_an_error_does_not_repeat_what_a_call_gave():
    secret = "the bytes of the sample that nobody else should ever see"

    class Telling(Look):
        async def run(self, *_args, **_options):
            return Looked("ok", secret)

    failing = reply(400, {"error": {"message": f"cannot read {secret}"}})
    async with ScriptedServer(stream([calls_of_chat()]), failing) as server:
        result = await ask([row_for(server, "openai-chat")], Telling())
    assert secret not in result.error.detail


async def test_responses_over_a_socket_takes_the_talk_along():
    def session(body):
        async def script(peer):
            await peer.accept()
            await peer.message()
            for line in body.decode().splitlines():
                if line.startswith("data: "):
                    await peer.write(frame(line[6:].encode()))
            await peer.until_gone()

        return script

    features = replace(FEATURES, websocket=True)
    async with SocketServer(session(calls_of_responses()), session(text_of_responses("It is MZ."))) as server:
        result = await ask([row_for(server, "openai-responses", features=features)], Look())
        first, second = map(json.loads, server.received)
    assert result.text == "I look.\n\nIt is MZ."
    assert server.upgrades == 2
    assert isinstance(first["input"], str)
    assert [item["type"] for item in second["input"][-2:]] == ["function_call_output"] * 2


CALLS = {
    "toolCall": {
        "functionCalls": [{"id": f"g-{at}", "name": "read_bytes", "args": json.loads(a)} for at, a in enumerate(ASKED)]
    }
}
LIVE = {"features": replace(FEATURES, websocket=True)}


async def send(peer, *messages):
    for message in messages:
        await peer.write(frame(json.dumps(message).encode(), BINARY))


async def live(peer):
    """One session: two calls, and the answer once their results have come."""
    await peer.accept()
    await peer.message()
    await send(peer, SETUP)
    await peer.message()
    await send(peer, *SPEECH[:1], CALLS)
    await peer.message()
    await send(peer, *SPEECH[1:], LIVE_END)
    await peer.until_gone()


async def test_a_live_session_is_told_results_on_its_own_connection():
    async with SocketServer(live) as server:
        result = await ask([row_for(server, "gemini", **LIVE)], Look())
        *_, told = map(json.loads, server.received)
        await server.until(lambda: server.live == 0)
    assert server.upgrades == 1
    assert result.status == "completed"
    gemini.LiveClientToolResponse.model_validate(told["toolResponse"])
    said = told["toolResponse"]["functionResponses"]
    assert [(it["id"], it["name"], list(it["response"])) for it in said] == [
        ("g-0", "read_bytes", ["output"]),
        ("g-1", "read_bytes", ["error"]),
    ]


async def test_where_the_connection_is_gone_a_new_one_is_told_the_talk_as_text():
    async def hangs_up(peer):
        await peer.accept()
        await peer.message()
        await send(peer, SETUP)
        await peer.message()
        await send(peer, CALLS)
        await peer.message()
        peer.reset()

    async def answers(peer):
        await peer.accept()
        await peer.message()
        await send(peer, SETUP)
        await peer.message()
        await send(peer, *SPEECH, LIVE_END)
        await peer.until_gone()

    look = Look()
    tools = Tools(sleep=lambda _seconds: _at_once())
    async with SocketServer(hangs_up, answers) as server:
        async with AIManager([row_for(server, "gemini", **LIVE)], environ={"PEER_KEY": KEY}, tools=tools) as manager:
            result = await manager.analyze(AnalysisRequest("?"), prompt(), look=look)
        turn_ = json.loads(server.received[-1])
    assert (result.status, server.upgrades, len(look.asked)) == ("completed", 2, 2)
    (content,) = turn_["clientContent"]["turns"]
    assert "00000000  4d 5a" in content["parts"][0]["text"]


async def _at_once():
    """No wait."""


@pytest.mark.parametrize("wire", WIRES)
def test_whatever_a_provider_lets_be_carried_goes_back_without_harm(wire):
    """A parser hears calls with hostile ids and names; what is made of them is still JSON that the SDK's types fit."""
    parser = find_wire(wire).parser()
    items = []
    for line in MODELS[wire][0]().decode().splitlines():
        if line.startswith("data: "):
            items += parser.feed(Message(line[6:]))
    items += parser.end() if wire == "gemini" else []
    carried = [item.what for item in items if hasattr(item, "what")]
    assert sum(isinstance(item, ToolCall) for item in items) == 2
    assert len(carried) == 1
    msgspec.json.encode(carried[0])
    valid(wire, body_of(wire, "peer", turn("peer", carried=carried[0])))


def test_a_talk_as_text_is_fenced():
    text = told(replace(prompt(), talk=(turn("other"),))).user
    assert text.count("UNTRUSTED") == 2 * 3, "what it wrote, and the arguments of two calls; results are fenced before"
    assert AnalysisOptions().tools


def test_the_types_of_sdks_refuse_what_they_do_not_know():
    for wire in ("openai-chat", "openai-responses", "anthropic"):
        body = body_of(wire, "peer", turn("peer"))
        talk = body["input"] if wire == "openai-responses" else body["messages"]
        talk[-1]["unknown"] = 1
        with pytest.raises(AssertionError):
            valid(wire, body)
