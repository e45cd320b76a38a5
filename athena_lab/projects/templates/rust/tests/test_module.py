"""The component in Athena Lab's sandbox, on a sample that is made here."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from athena_lab.trial import try_module

COMPONENT = Path(__file__).parent.parent / "dist" / "@name@.wasm"
PROGRAM = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"


@pytest.mark.skipif(not COMPONENT.exists(), reason="run `athena modules build` first")
@pytest.mark.parametrize(("sample", "found"), [(b"harmless" + PROGRAM, 1), (b"harmless MZ", 0)])
def test_a_hidden_program_is_found(sample, found):
    result = try_module(COMPONENT, sample)
    assert result.error is None, result.error
    assert len(result.findings) == found
