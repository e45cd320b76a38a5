from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.wasm.images import Image, Images, take
from athena_lab.wasm.pages import PAGE as MACHINE_PAGE
from athena_lab.wasm.pages import CopiedPages, Part
from athena_lab.wasm.sharing import ways

PAGE = 65_536
MEGABYTE = 1 << 20


@pytest.mark.parametrize("pages", ways())
@given(
    grown=st.integers(0, 2),
    fresh=st.lists(st.tuples(st.integers(0, PAGE - 1), st.integers(1, 255)), max_size=8),
    written=st.lists(st.tuples(st.integers(0, 3 * PAGE - 1), st.integers(0, 255)), max_size=40),
)
def test_an_image_is_the_memory_that_it_was_taken_of(pages, grown, fresh, written):
    new = bytearray(PAGE)
    for at, byte in fresh:
        new[at] = byte
    memory = new + bytes(grown * PAGE)
    for at, byte in written:
        memory[at % len(memory)] = byte
    image = take(memory, new, pages)
    for _ in range(2):
        store, target = instance(new)
        image.restore(store, target)
        assert target.read(store) == memory
        target.write(store, b"\xff" * len(memory), 0)  # nobody else sees it
    assert image.bytes <= MACHINE_PAGE * 17 * (len(fresh) + len(written))


@pytest.mark.parametrize("pages", ways())
@given(
    kept=st.lists(st.integers(0, 4 * PAGE - 1), max_size=20),
    written=st.lists(st.integers(0, 4 * PAGE - 1), max_size=40),
)
def test_what_calls_write_to_is_made_ready_and_nothing_else_is_seen(pages, kept, written):
    memory = bytearray(4 * PAGE)
    for at in kept:
        memory[at] = 1
    image = take(memory, bytes(PAGE), pages)
    assert image.written is None
    after = bytearray(memory)
    for at in written:
        after[at] = 3
    image.learn(memory, after)
    ready = {page for run in image.written for page in range(run.start, run.end, MACHINE_PAGE)}
    assert ready >= {at // MACHINE_PAGE * MACHINE_PAGE for at in written}
    assert len(ready) <= 3 * len({at // MACHINE_PAGE for at in written})
    for _ in range(2):
        store, target = instance(bytes(PAGE))
        image.restore(store, target)
        assert target.read(store) == memory
        target.write(store, b"\xff" * len(memory), 0)


def instance(content):
    store = wasmtime.Store()
    memory = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(1, None)))
    memory.write(store, content, 0)
    return store, memory


def test_a_guest_that_was_given_shared_pages_grows_and_ends_as_others_do():
    image = take(b"\x01" * 2 * PAGE, bytes(PAGE))
    store, memory = instance(bytes(PAGE))
    image.restore(store, memory)
    memory.grow(store, 3)
    memory.write(store, b"\x02" * PAGE, 4 * PAGE)
    assert memory.read(store) == b"\x01" * 2 * PAGE + bytes(2 * PAGE) + b"\x02" * PAGE
    store.close()
    store, memory = instance(bytes(PAGE))
    image.restore(store, memory)
    assert memory.read(store) == b"\x01" * 2 * PAGE


@pytest.mark.skipif(ways() == (CopiedPages,), reason="pages are not shared here")
def test_what_is_let_go_of_leaves_no_file_open():
    def files():
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return sum("athena-image" in str(link.readlink()) for link in links)

    before = files()
    images = Images(2 * MEGABYTE)
    for name in "abc":
        images.keep((name, None), image(PAGE))
    assert files() == before + 1  # each counts as a megabyte at least
    del images
    assert files() == before


def image(size):
    return Image(size, (Part(0, bytes(size)),))


def test_those_used_last_are_kept():
    images, kept = Images(8 * MEGABYTE), {name: image(3 * MEGABYTE) for name in "abc"}
    for name in "ab":
        images.keep((name, None), kept[name])
    assert images.find(("a", None)) is kept["a"]
    images.keep(("c", None), kept["c"])
    assert images.find(("a", None)) is kept["a"]
    with pytest.raises(KeyError):
        images.find(("b", None))
    assert images.size <= 8 * MEGABYTE
    images.keep(("a", None), None)
    assert images.find(("a", None)) is None
    assert images.size < 4 * MEGABYTE


def test_what_is_too_large_is_remembered_as_none():
    images = Images(MEGABYTE)
    images.keep(("a", None), image(MEGABYTE + 1))
    assert images.find(("a", None)) is None
    nothing = Images(0)
    nothing.keep(("a", "state"), image(1))
    with pytest.raises(KeyError):
        nothing.find(("a", "state"))
