"""What the sandbox sees of the constructs that thug and box-js are known for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import constructs
import msgspec
import pytest

from athena_lab.report.behaviour import SandboxFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Guest


def sees(module: Guest, construct: constructs.Construct) -> bool:
    ending = "html" if construct.script.startswith("<") else "js"
    output = module.call("analyze", construct.script.encode(), f"a.{ending}")
    facts = msgspec.json.decode(output.data, type=SandboxFacts)
    return any(construct.target in it.target for it in getattr(facts, construct.seen_in))


@pytest.mark.parametrize(("of", "all_of_them"), [("thug", constructs.PAGES), ("box-js", constructs.SCRIPTS)])
def test_constructs_are_seen(
    guest: Callable[[str], Guest],
    capsys: pytest.CaptureFixture[str],
    of: str,
    all_of_them: tuple[constructs.Construct, ...],
) -> None:
    module = guest("sandbox")
    unseen = [construct.name for construct in all_of_them if not sees(module, construct)]
    share = 1 - len(unseen) / len(all_of_them)
    with capsys.disabled():
        seen = f"{len(all_of_them) - len(unseen)} of {len(all_of_them)} constructs seen ({share:.0%})"
        print(f"\n{of}: {seen}; not: {unseen}")
    assert not unseen
