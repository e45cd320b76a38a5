"""The decoder against every place at which a network may cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai.broken_utf8 import Mender
from athena_lab.ai.send import PROGRESS
from athena_lab.ai.transports import MAX_LINE, Fault, Message, TransportFailure
from athena_lab.ai.transports.sse import SseDecoder
from athena_lab.events import Finished, Token
from tests.ai.recorded import EVENTS, STREAMS, WIRES
from tests.peers.scripted_server import cut


def decode(*chunks: bytes) -> list[Message]:
    decoder = SseDecoder()
    messages = [message for chunk in chunks for message in decoder.feed(chunk)]
    return [*messages, *decoder.end()]


def spaced(messages: list[Message]) -> list[object]:
    """The messages, with space in JSON bodies made equal: line ends between tokens mean nothing."""
    return [message.data.split() if message.whole else message for message in messages]


def events(wire: str, *chunks: bytes) -> list[object]:
    parser, mender = WIRES[wire].parser(), Mender()
    items = [item for message in decode(*chunks) for item in mender.items(parser.feed(message))]
    if not items or not isinstance(items[-1], Finished):
        items += mender.items(parser.end())
    return [item for item in items if item is not PROGRESS]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("wire", STREAMS)
def test_a_stream_cut_in_two_anywhere_means_the_same(wire, end):
    data = STREAMS[wire].replace(b"\n", end)
    for place in range(len(data) + 1):
        assert events(wire, data[:place], data[place:]) == EVENTS[wire]


@pytest.mark.parametrize("wire", STREAMS)
def test_a_stream_in_single_bytes_means_the_same(wire):
    assert events(wire, *(bytes([byte]) for byte in STREAMS[wire])) == EVENTS[wire]


@given(st.sampled_from(sorted(STREAMS)), st.lists(st.integers(1, 2_000)), st.sampled_from(["\n", "\r\n", "\r"]))
def test_a_stream_cut_into_many_pieces_means_the_same(wire, places, end):
    data = STREAMS[wire].replace(b"\n", end.encode())
    assert events(wire, *cut(data, places)) == EVENTS[wire]


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_no_bytes_break_the_decoder(chunks):
    assert spaced(decode(*chunks)) == spaced(decode(b"".join(chunks)))


@given(st.lists(st.sampled_from([b"data", b":", b" ", b"\n", b"\r", b"a", b"event", b"\xff", b"{"]), max_size=40))
def test_cutting_never_changes_what_is_decoded(tokens):
    data = b"".join(tokens)
    for place in range(len(data) + 1):
        assert spaced(decode(data[:place], data[place:])) == spaced(decode(data))


def test_the_standard_s_own_examples():
    assert decode(b"data: YHOO\ndata: +2\ndata: 10\n\n") == [Message("YHOO\n+2\n10")]
    assert decode(b": test\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n") == [
        Message("first"),
        Message("second"),
        Message(" third"),
    ]
    assert decode(b"data\n\ndata\ndata\n\ndata:") == [Message(""), Message("\n")]
    assert decode(b"\xef\xbb\xbfdata: bom\n\n") == [Message("bom")]
    assert decode(b"event: a\n\ndata: x\n\n") == [Message("x")]


def test_a_line_end_cut_in_two_is_one():
    data = b"data: a\r\ndata: b\r\n\r\ndata: c\r\r\ndata: d\n\r\n"
    for place in range(len(data) + 1):
        assert decode(data[:place], data[place:]) == [Message("a\nb"), Message("c"), Message("d")]
    assert decode(*(bytes([byte]) for byte in data)) == [Message("a\nb"), Message("c"), Message("d")]


def test_utf8_split_between_chunks_is_not_harmed():
    virus = "🦠".encode()
    assert decode(b"data: " + virus[:1], virus[1:3], virus[3:] + b"\n\n") == [Message("🦠")]


def chat_of(*pieces: bytes) -> bytes:
    """A stream on OpenAI's wire whose tokens are bytes, not characters."""
    chunks = [b'data: {"choices":[{"index":0,"delta":{"content":"' + piece + b'"}}]}\n\n' for piece in pieces]
    return b"".join([*chunks, b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'])


def text_of(data: bytes) -> str:
    tokens = [item.text for item in events("openai-chat", data) if isinstance(item, Token)]
    assert all(tokens)
    return "".join(tokens)


WORDS = st.text(st.characters(exclude_characters='"\\\x00', exclude_categories=["Cs", "Cc"], max_codepoint=0x10FF7F))


@given(WORDS, st.lists(st.integers(0, 60)))
def test_utf8_split_between_events_is_not_harmed(words, places):
    assert text_of(chat_of(*cut(words.encode(), places))) == words


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([b"a\xffb"], "a\ufffdb"),
        ([b"a\xf0\x9f", b"b"], "a\ufffdb"),
        ([b"a\xf0\x9f"], "a\ufffd"),
        ([b"\xa6\xa0"], "\ufffd\ufffd"),
        ([b"\xf0", b"\x9f", b"\xa6", b"\xa0!"], "🦠!"),
        (["\U0010ffff".encode()], "\ufffd"),
        (["\U0010ffff".encode() + b"\xff"], "\ufffd\ufffd"),
    ],
)
def test_what_is_no_utf8_is_replaced(pieces, text):
    assert text_of(chat_of(*pieces)) == text


def test_a_half_character_that_never_ended_is_no_answer():
    data = chat_of(b"a\xf0\x9f")
    head = data[: data.index(b'"stop"')]
    assert events("openai-chat", head) == [Token("a")]


@pytest.mark.parametrize("before", [b"", b"\n\n\r\n", b": keep-alive\n\n: keep-alive\n\n", b"\xef\xbb\xbf", b"  "])
def test_json_where_a_stream_was_expected_is_one_whole_message(before):
    body = b'{\n "error":\r\n {"message": "no"}\n}\n'
    for place in range(len(before + body) + 1):
        data = before + body
        (message,) = decode(data[:place], data[place:])
        assert message.whole
        assert message.data.split() == body.decode().split()


def test_json_between_or_behind_events_is_given_when_they_have_ended():
    """Google's way to break off an answer with an error."""
    assert decode(b'data: 1\n\n{"a": 1}\n\ndata: 2\n\n') == [Message("1"), Message("2"), Message('{"a": 1}')]
    error = b'data: 1\n\n[{\n  "error": {\n    "code": 503\n  }\n}\n]\n'
    for place in range(len(error) + 1):
        first, second = decode(error[:place], error[place:])
        assert first == Message("1")
        assert second.data.split() == ["[{", '"error":', "{", '"code":', "503", "}", "}", "]"]
    assert decode(b"data: 1\n\nunknown: {\n\n") == [Message("1")]


def test_json_behind_events_ends_at_the_cap():
    decoder = SseDecoder()
    list(decoder.feed(b"data: 1\n\n"))
    with pytest.raises(TransportFailure):  # noqa: PT012 - the line that is one too many is not known
        for _ in range(MAX_LINE // 65_536 + 2):
            list(decoder.feed(b'{"a' + b"a" * 65_536 + b"\n"))


@pytest.mark.parametrize("size", [1, 4_096, 65_536])
def test_an_endless_line_ends_at_the_cap(size):
    decoder = SseDecoder()
    with pytest.raises(TransportFailure) as caught:  # noqa: PT012 - the chunk that is one too many is not known
        for _ in range(MAX_LINE // size + 2):
            list(decoder.feed(b"a" * size))
    assert caught.value.fault is Fault.TOO_LARGE


def test_an_endless_event_ends_at_the_cap():
    decoder = SseDecoder()
    line = b"data: " + b"a" * 65_536 + b"\n"
    with pytest.raises(TransportFailure):  # noqa: PT012 - as above
        for _ in range(MAX_LINE // 65_536 + 2):
            list(decoder.feed(line))
