"""Batches and snapshots."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from athena_lab.jupyter.widgets.coalesce import Coalescer


def test_tokens_leave_as_one_numbered_batch():
    coalescer = Coalescer()
    assert coalescer.take() is None
    coalescer.add("a")
    coalescer.add("ß")
    batch = coalescer.take()
    assert (batch.seq, batch.data) == (1, "aß".encode())
    coalescer.add("c")
    assert coalescer.take().seq == 2
    assert coalescer.take() is None


def test_a_snapshot_ends_where_the_last_batch_ended():
    coalescer = Coalescer()
    coalescer.add("a")
    coalescer.take()
    coalescer.add("b")
    snapshot = coalescer.snapshot()
    assert (snapshot.seq, snapshot.data) == (1, b"a")
    assert coalescer.text == "ab"


def test_the_limit_cuts_at_a_whole_character():
    coalescer = Coalescer(limit=4)
    coalescer.add("abc")
    coalescer.add("😀")
    coalescer.add("d")
    assert (coalescer.text, coalescer.full) == ("abc", True)


def test_a_lone_surrogate_does_no_harm():
    coalescer = Coalescer()
    coalescer.add("a\ud800b")
    assert coalescer.text == "a?b"


@given(st.lists(st.tuples(st.text(min_size=1, max_size=5), st.booleans())), st.integers(0, 40))
def test_batches_are_the_text_whatever_the_rhythm(tokens, limit):
    coalescer = Coalescer(limit)
    sent = []
    for text, flush in tokens:
        coalescer.add(text)
        batch = coalescer.take() if flush else None
        if batch:
            sent.append(batch)
            assert coalescer.snapshot().data == b"".join(b.data for b in sent)
    rest = coalescer.take()
    received = b"".join(b.data for b in (*sent, *([rest] if rest else [])))
    assert received.decode() == coalescer.text
    assert [b.seq for b in sent] == list(range(1, len(sent) + 1))
    assert len(received) <= limit
    assert coalescer.full == (coalescer.text != "".join(text for text, _ in tokens).encode("utf-8", "replace").decode())
