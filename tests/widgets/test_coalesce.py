"""Batches and snapshots."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from athena_lab.jupyter.widgets.coalesce import Batch, Coalescer, Snapshot


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


def test_after_a_new_beginning_one_message_takes_the_old_text_back_and_gives_the_new():
    coalescer = Coalescer(limit=4)
    coalescer.add("old")
    coalescer.take()
    coalescer.add("unsent")
    coalescer.restart()
    assert (coalescer.text, coalescer.full) == ("", False)
    coalescer.add("new")
    assert coalescer.take() == Snapshot(2, b"new")
    coalescer.add("!")
    assert coalescer.take() == Batch(3, b"!")
    assert coalescer.snapshot() == Snapshot(3, b"new!")


def test_what_was_taken_back_goes_at_once_and_where_nothing_was_shown_nothing_goes():
    coalescer = Coalescer()
    coalescer.restart()
    assert coalescer.take() is None
    coalescer.add("a")
    assert coalescer.take() == Batch(1, b"a")
    coalescer.restart()
    coalescer.restart()
    assert coalescer.take() == Snapshot(2, b"")
    assert coalescer.take() is None


class Page:
    """What `ask.js` does with messages of which some are lost."""

    def __init__(self):
        self.seq, self.text = 0, b""

    def take(self, message):
        """Whether it has to ask for a snapshot."""
        if isinstance(message, Snapshot):
            if message.seq >= self.seq:
                self.seq, self.text = message.seq, message.data
        elif message.seq == self.seq + 1:
            self.seq, self.text = message.seq, self.text + message.data
        else:
            return message.seq > self.seq
        return False


@given(st.lists(st.tuples(st.sampled_from(["token", "restart", "flush", "lost"]), st.text(max_size=3))))
def test_a_page_shows_the_text_whatever_is_taken_back_or_lost(steps):
    coalescer, page = Coalescer(), Page()
    for step, text in [*steps, ("token", "end"), ("flush", "")]:
        if step == "token":
            coalescer.add(text)
        elif step == "restart":
            coalescer.restart()
        elif (message := coalescer.take()) and step == "flush" and page.take(message):
            page.take(coalescer.snapshot())
    assert page.text.decode() == coalescer.text


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
