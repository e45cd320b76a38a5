from __future__ import annotations

import ctypes
import sys

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.wasm import sharing
from athena_lab.wasm.pages import LENT_MOST, PAGE, CopiedPages, whole_pages

PAGES = 4
lends = pytest.mark.skipif(sharing.lender() is None, reason="pages are not lent here")


def guest():
    store = wasmtime.Store()
    memory = wasmtime.Memory(store, wasmtime.MemoryType(wasmtime.Limits(PAGES * PAGE // 65_536 + 1, None)))
    memory.write(store, b"\xee" * PAGES * PAGE, 0)
    return store, memory, ctypes.addressof(memory.data_ptr(store).contents)


def lend(loan, sample, address):
    def read(target):
        assert len(target) == LENT_MOST
        target[: len(sample)] = sample
        return len(sample)

    loan.put(address, loan.fill(read))


@lends
@given(pieces=st.lists(st.tuples(st.binary(max_size=64), st.integers(0, PAGES * PAGE)), min_size=2, max_size=5))
def test_each_guest_sees_its_own_sample_and_zeros(pieces):
    loan = sharing.lender()
    for piece, length in pieces:
        sample = (piece * (length // max(len(piece), 1) + 1))[:length]
        store, memory, address = guest()
        lend(loan, sample, address)
        size = whole_pages(len(sample))
        assert memory.read(store, 0, size) == sample + bytes(size - len(sample))
        assert memory.read(store, size, PAGES * PAGE) == b"\xee" * (PAGES * PAGE - size)
        memory.write(store, b"\xff" * PAGES * PAGE, 0)  # nobody else sees it


@lends
def test_a_sample_may_fill_all_that_is_lent():
    loan, (store, memory, _) = sharing.lender(), guest()
    memory.grow(store, LENT_MOST // 65_536)
    sample = bytes(range(256)) * (LENT_MOST // 256)
    lend(loan, sample, ctypes.addressof(memory.data_ptr(store).contents))
    assert memory.read(store, 0, LENT_MOST) == sample


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no Python has it")
def test_a_python_that_knows_no_files_without_a_name_copies(monkeypatch):
    monkeypatch.delattr("os.memfd_create", raising=False)
    assert sharing.ways() == (CopiedPages,)
    assert sharing.lender() is None
