"""The decoder against every place at which a network may cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.ai.send import PROGRESS
from athena_lab.ai.transports import MAX_LINE, Fault, Message, TransportFailure
from athena_lab.ai.transports.sse import SseDecoder
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
    parser = WIRES[wire].parser()
    return [item for message in decode(*chunks) for item in parser.feed(message) if item is not PROGRESS]


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


def test_invalid_utf8_is_replaced_and_split_utf8_is_not_harmed():
    assert decode(b"data: a\xffb\n\n") == [Message("a�b")]
    virus = "🦠".encode()
    assert decode(b"data: " + virus[:1], virus[1:3], virus[3:] + b"\n\n") == [Message("🦠")]


@pytest.mark.parametrize("before", [b"", b"\n\n\r\n", b": keep-alive\n\n: keep-alive\n\n", b"\xef\xbb\xbf", b"  "])
def test_json_where_a_stream_was_expected_is_one_whole_message(before):
    body = b'{\n "error":\r\n {"message": "no"}\n}\n'
    for place in range(len(before + body) + 1):
        data = before + body
        (message,) = decode(data[:place], data[place:])
        assert message.whole
        assert message.data.split() == body.decode().split()


def test_braces_in_a_stream_are_not_taken_for_json():
    assert decode(b'data: 1\n\n{"a": 1}\n\ndata: 2\n\n') == [Message("1"), Message("2")]


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
