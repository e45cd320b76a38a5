"""Your code as it is, and the component in Athena Lab's sandbox, on a sample that is made here."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
COMPONENT = ROOT / "dist" / "@name@.wasm"
sys.path.insert(0, str(ROOT))

PROGRAM = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"


def test_a_hidden_program_is_found():
    from analyzer import analyze

    result = analyze(b"harmless" + PROGRAM, {})
    assert [finding.id for finding in result.findings] == ["embedded-program"]
    assert analyze(b"harmless MZ", {}).findings == []


@pytest.mark.skipif(not COMPONENT.exists(), reason="run `athena modules build` first")
def test_the_component_finds_it_too():
    from athena_lab.trial import try_module

    result = try_module(COMPONENT, b"harmless" + PROGRAM)
    assert result.error is None, result.error
    assert [finding.id for finding in result.findings] == ["@name@/embedded-program"]
