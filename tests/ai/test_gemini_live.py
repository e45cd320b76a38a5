"""Gemini over a WebSocket."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai import AnalysisRequest, build_prompt
from athena_lab.ai.prompt import Tool
from athena_lab.ai.providers.channels import SocketWire
from athena_lab.ai.providers.gemini_live import ENDS, live_url
from athena_lab.ai.providers.wire import Garbage, StreamError
from athena_lab.ai.providers.wires import find_wire
from athena_lab.ai.transports import Message
from athena_lab.ai.types import Features
from athena_lab.events import Finished, Token, ToolCall, Usage
from tests.ai.conftest import KEY
from tests.ai.recorded import TEXT
from tests.peers.socket_server import BINARY, SocketServer, frame, text

PROMPT = build_prompt("Is it packed?")
REQUEST = AnalysisRequest("Is it packed?")
SETUP = {"setupComplete": {"sessionId": "s-1"}}
SPEECH = [{"serverContent": {"modelTurn": {"parts": [{"text": piece}]}}} for piece in TEXT]
USAGE = {
    "promptTokenCount": 9,
    "toolUsePromptTokenCount": 2,
    "responseTokenCount": 4,
    "thoughtsTokenCount": 3,
    "cachedContentTokenCount": 2,
}
END = {"serverContent": {"turnComplete": True, "interactionStatus": "IDLE"}, "usageMetadata": USAGE}
ANSWER = [
    {"serverContent": {"modelTurn": {"parts": [{"text": "Hm.", "thought": True}]}}},
    *SPEECH,
    {"sessionResumptionUpdate": {"newHandle": "h"}},
    {"goAway": {"timeLeft": "50s"}},
    {"serverContent": {"generationComplete": True}},
    END,
]


def session(*messages, close=None, reason=""):
    """Setup, then the turn, then these messages, in binary frames as Google sends them."""

    async def script(peer):
        await peer.accept()
        await peer.message()
        await peer.write(frame(json.dumps(SETUP).encode(), BINARY))
        await peer.message()
        for message in messages:
            await peer.write(frame(json.dumps(message, ensure_ascii=False).encode(), BINARY))
        if close is not None:
            await peer.close(close, reason)
        await peer.until_gone()

    return script


@pytest.fixture
async def server():
    async with SocketServer(session(*ANSWER)) as server:
        yield server


@pytest.fixture
def manager(manager_for):
    features = Features(websocket=True, function_calling=True, structured_output=True)
    return manager_for("gemini", row_changes={"features": features, "model": "gemini-live-3"}, policies=())


async def test_an_answer_becomes_events(server, manager):
    async with manager.stream(REQUEST, PROMPT) as events:
        _, *middle, end = [event async for event in events]
    assert middle == [*map(Token, TEXT), Usage(11, 7, 2, 3)]
    assert (end.status, end.stop_reason) == ("completed", "turnComplete")
    (sent,) = server.requests
    assert sent.path == "/ws/google.ai.generativelanguage.v1.GenerativeService.BidiGenerateContent"
    assert sent.headers["x-goog-api-key"] == KEY
    setup, turn = map(json.loads, server.received)
    assert setup == {
        "setup": {
            "model": "models/gemini-live-3",
            "generationConfig": {"maxOutputTokens": 2_048, "responseModalities": ["TEXT"]},
            "systemInstruction": {"parts": [{"text": PROMPT.system}]},
        }
    }
    turns = [{"role": "user", "parts": [{"text": PROMPT.user}]}]
    assert turn == {"clientContent": {"turns": turns, "turnComplete": True}}


async def test_function_calls_arrive_and_end_the_turn(server, manager):
    calls = [{"id": "c-1", "name": "look_up", "args": {"sha256": "ab"}}, {"name": "disassemble"}]
    server.will_talk(session(*SPEECH[:1], {"toolCall": {"functionCalls": calls}}))
    tool = Tool("look_up", "Looks a hash up.", {"type": "object"})
    async with manager.stream(
        REQUEST, PROMPT.__class__(PROMPT.system, PROMPT.user, PROMPT.material, (tool,))
    ) as events:
        _, *middle, end = [event async for event in events]
    first, second = ToolCall("c-1", "look_up", '{"sha256": "ab"}'), ToolCall("call_1", "disassemble", "{}")
    assert middle == [Token(TEXT[0]), first, second]
    assert (end.status, end.stop_reason) == ("completed", "toolCall")
    (tools,) = json.loads(server.received[0])["setup"]["tools"]
    assert tools["functionDeclarations"][0]["name"] == "look_up"


@pytest.mark.parametrize(
    ("content", "status", "reason"),
    [
        ({"turnComplete": True}, "completed", "turnComplete"),
        ({"interrupted": True, "turnComplete": True}, "degraded", "interrupted"),
        ({"turnComplete": True, "turnCompleteReason": "BLOCKLIST"}, "refused", "BLOCKLIST"),
        ({"turnComplete": True, "turnCompleteReason": "A_WORD_OF_TOMORROW"}, "degraded", "A_WORD_OF_TOMORROW"),
    ],
)
async def test_ends(server, manager, content, status, reason):
    server.will_talk(
        session(
            *SPEECH,
            {"serverContent": {"turnComplete": True, "interactionStatus": "IN_PROGRESS"}},
            {"serverContent": content},
        )
    )
    result = await manager.analyze(REQUEST, PROMPT)
    assert (result.status, result.stop_reason, result.text) == (status, reason, "".join(TEXT))


@pytest.mark.parametrize(
    ("script", "code"),
    [
        (session(*SPEECH, close=1000), "invalid_response"),
        (session(*SPEECH, {"goAway": {"timeLeft": "0s"}}, close=1001), "invalid_response"),
        (session(close=1007, reason="API key not valid. Please pass a valid API key."), "unauthorized"),
        (session(close=1008, reason="Your API key was reported as leaked."), "unauthorized"),
        (session(close=1008, reason="models/x is not found for API version v1beta"), "invalid_request"),
        (session(close=1007, reason="Request contains an invalid argument."), "invalid_request"),
        (session(close=1011, reason="You exceeded your current quota"), "rate_limited"),
        (session(close=1011, reason="Internal error occurred."), "service_unavailable"),
        (session({"error": {"code": 8, "message": "m", "status": "rate_limit_error"}}), "rate_limited"),
        (session({"error": {"code": 16, "message": "m"}}), "unauthorized"),
        (session({"error": {"code": 99, "message": "m"}}), "service_unavailable"),
        (session({"error": "words"}), "service_unavailable"),
        (
            session({"serverContent": {"turnComplete": True, "turnCompleteReason": "MALFORMED_FUNCTION_CALL"}}),
            "service_unavailable",
        ),
        (session({"serverContent": 7}), "invalid_response"),
    ],
)
async def test_failures_have_names(server, manager, script, code):
    server.will_talk(script)
    result = await manager.analyze(REQUEST, PROMPT)
    assert result.error.code == code
    assert KEY not in repr(result)


def test_the_reasons_known_are_those_of_the_sdk():
    types = pytest.importorskip("google.genai.types", reason="google-genai is not installed")
    assert {reason.value for reason in types.TurnCompleteReason} <= set(ENDS)


def test_the_wire():
    assert isinstance(find_wire("gemini"), SocketWire)
    base = "https://generativelanguage.googleapis.com/v1beta"
    method = "google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    assert live_url(base) == f"https://generativelanguage.googleapis.com/ws/{method}"
    assert live_url("http://gateway:1/google/v1beta/") == f"http://gateway:1/google/ws/{method}"
    assert live_url("http://gateway:1") == f"http://gateway:1/ws/{method}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=12,
)
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "serverContent": st.fixed_dictionaries(
            {},
            optional={
                "modelTurn": st.fixed_dictionaries({}, optional={"parts": st.lists(JSON, max_size=3)}) | JSON,
                "turnComplete": st.booleans() | JSON,
                "turnCompleteReason": st.sampled_from(sorted(ENDS)) | JSON,
                "interrupted": st.booleans(),
            },
        )
        | JSON,
        "toolCall": st.fixed_dictionaries({"functionCalls": st.lists(JSON, max_size=3)}) | JSON,
        "usageMetadata": st.dictionaries(st.sampled_from(sorted(USAGE)), st.integers(-1, 1 << 60), max_size=3) | JSON,
        "error": JSON,
    },
)


@given(frames=st.lists((MESSAGES | JSON).map(json.dumps) | st.text(max_size=30), max_size=5))
def test_arbitrary_frames_raise_nothing_but_the_named_errors(frames):
    parser = find_wire("gemini").socket_parser()
    for data in frames:
        try:
            items = list(parser.feed(Message(data)))
        except (Garbage, StreamError):
            return
        if any(isinstance(item, Finished) for item in items):
            return
    list(parser.end())


def test_a_text_frame_is_as_good_as_a_binary_one():
    assert text({"a": 1}) == frame(b'{"a": 1}')
