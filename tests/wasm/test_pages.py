from __future__ import annotations

import ctypes
import sys

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.wasm.pages import LENT_MOST, PAGE, Loan, whole_pages

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="pages are lent on Linux")
PAGES = 4


def guest():
    store = wasmtime.Store()
    memory = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(1, None)))
    memory.write(store, b"\xee" * PAGES * PAGE, 0)
    return store, memory, ctypes.addressof(memory.data_ptr(store).contents)


def lend(loan, sample, address):
    def read(target):
        target[: len(sample)] = sample
        return len(sample)

    loan.put(address, loan.fill(read))


@given(samples=st.lists(st.binary(max_size=PAGES * PAGE), min_size=1, max_size=4), first=st.binary(min_size=PAGE + 1))
def test_each_guest_sees_its_own_sample_and_zeros(samples, first):
    loan = Loan()
    for sample in (first[: PAGES * PAGE], *samples):
        store, memory, address = guest()
        lend(loan, sample, address)
        size = whole_pages(len(sample))
        assert memory.read(store, 0, size) == sample + bytes(size - len(sample))
        assert memory.read(store, size, PAGES * PAGE) == b"\xee" * (PAGES * PAGE - size)
        memory.write(store, b"\xff" * PAGES * PAGE, 0)  # nobody else sees it


def test_a_sample_may_fill_all_that_is_lent():
    loan, (store, memory, _) = Loan(), guest()
    memory.grow(store, LENT_MOST // 65_536)
    sample = bytes(range(256)) * (LENT_MOST // 256)
    lend(loan, sample, ctypes.addressof(memory.data_ptr(store).contents))
    assert memory.read(store, 0, LENT_MOST) == sample
    with pytest.raises(ValueError, match="structures"):
        lend(loan, sample + b"x", 0)
