from __future__ import annotations

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.wasm.images import Image, Images, take

PAGE = 65_536


@given(
    grown=st.integers(0, 2),
    fresh=st.lists(st.tuples(st.integers(0, PAGE - 1), st.integers(1, 255)), max_size=8),
    written=st.lists(st.tuples(st.integers(0, 3 * PAGE - 1), st.integers(0, 255)), max_size=40),
)
def test_an_image_is_the_memory_that_it_was_taken_of(grown, fresh, written):
    new = bytearray(PAGE)
    for at, byte in fresh:
        new[at] = byte
    memory = new + bytes(grown * PAGE)
    for at, byte in written:
        memory[at % len(memory)] = byte
    store = wasmtime.Store()
    target = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(1, None)))
    target.write(store, new, 0)
    image = take(memory, new)
    image.restore(store, target)
    assert target.read(store) == memory
    assert sum(len(part) for _, part in image.parts) <= 4_096 * (len(fresh) + len(written))


def image(size):
    return Image(size, ((0, bytes(size)),))


def test_those_used_last_are_kept():
    images = Images(4_000)
    for name in ("a", "b"):
        images.keep((name, None), image(1_500))
    assert images.find(("a", None)) == image(1_500)
    images.keep(("c", None), image(1_500))
    assert images.find(("a", None)) == image(1_500)
    with pytest.raises(KeyError):
        images.find(("b", None))
    assert images.size <= 4_000
    images.keep(("a", None), None)
    assert images.find(("a", None)) is None
    assert images.size < 2_500


def test_what_is_too_large_is_remembered_as_none():
    images = Images(1_000)
    images.keep(("a", None), image(1_001))
    assert images.find(("a", None)) is None
    nothing = Images(0)
    nothing.keep(("a", "state"), image(1))
    with pytest.raises(KeyError):
        nothing.find(("a", "state"))
