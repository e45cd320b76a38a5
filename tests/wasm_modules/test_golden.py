"""The golden cases of all modules through the built components, and their outputs against the contract's Structs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import golden
import msgspec
import pytest

from athena_lab.report.behaviour import SandboxFacts
from athena_lab.report.crypto import CryptoFacts
from athena_lab.report.deobfuscation import DeobfuscationFacts
from athena_lab.report.facts import FileFacts
from athena_lab.report.network import NetworkFacts
from athena_lab.report.patterns import PatternFacts

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


FACTS: dict[str, type[msgspec.Struct]] = {
    "crypto": CryptoFacts,
    "deobfuscator": DeobfuscationFacts,
    "file-processor": FileFacts,
    "network": NetworkFacts,
    "pattern-matcher": PatternFacts,
    "sandbox": SandboxFacts,
}
CASES = [(module, name) for module in golden.modules() for name in golden.names(module)]


@pytest.mark.parametrize(("module", "name"), CASES)
def test_outputs_are_the_golden_ones(guest: Callable[[str], Guest], module: str, name: str) -> None:
    arguments = golden.ARGUMENTS.get(module, {})
    output = guest(module).call("analyze", golden.sample(name, module), name, **arguments)
    expected = golden.expected(name, module)
    assert msgspec.json.decode(output.data) == expected["data"]
    assert plain(msgspec.to_builtins(list(output.findings))) == plain(expected["findings"])


@pytest.mark.parametrize(("module", "name"), CASES)
def test_facts_fit_the_structs_and_have_nothing_else(module: str, name: str) -> None:
    data = golden.expected(name, module)["data"]
    facts = msgspec.convert(data, type=FACTS[module], strict=True)
    if module == "file-processor":
        # Its default, which the Structs leave out.
        assert data["strings"].pop("min_length") == facts.strings.min_length == 5
    assert plain(msgspec.to_builtins(facts)) == plain(data)
