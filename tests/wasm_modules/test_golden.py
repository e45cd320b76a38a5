"""The golden cases of file-processor through the built component, and its output against the contract's Structs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import golden
import msgspec
import pytest

from athena_lab.report.facts import FileFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Guest

DEFAULTS: list[Any] = [[], {}, "", None, 0, False, "file"]


def plain(value: Any) -> Any:
    """Without the members that have their defaults: the Structs leave them out, the module writes some."""
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if item not in DEFAULTS and item != ()}
        return {key: plain(item) for key, item in kept.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


@pytest.mark.parametrize("name", golden.names())
def test_outputs_are_the_golden_ones(guest: Callable[[str], Guest], name: str) -> None:
    output = guest("file-processor").call("analyze", golden.sample(name), name, max_strings=golden.MAX_STRINGS)
    expected = golden.expected(name)
    assert msgspec.json.decode(output.data) == expected["data"]
    assert plain(msgspec.to_builtins(list(output.findings))) == plain(expected["findings"])


@pytest.mark.parametrize("name", golden.names())
def test_facts_fit_the_structs_and_have_nothing_else(name: str) -> None:
    data = golden.expected(name)["data"]
    facts = msgspec.convert(data, type=FileFacts, strict=True)
    # Its default, which the Structs leave out.
    assert data["strings"].pop("min_length") == facts.strings.min_length == 5
    assert plain(msgspec.to_builtins(facts)) == plain(data)
