"""analysis-engine's rules: each finding that they name is one that a module makes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

WASM = Path(__file__).resolve().parents[2] / "wasm"
RULES = WASM / "modules" / "analysis-engine" / "rules"
NAMED = re.compile(r"finding:([a-z-]+)/([a-z0-9-]*)(\*?)")


def named() -> set[tuple[str, str, bool]]:
    """Module, slug, and whether any ending will do."""
    found = set()
    for file in RULES.glob("*.toml"):
        tomllib.loads(file.read_text())  # and not a comment
        found |= {(module, slug, bool(star)) for module, slug, star in NAMED.findall(file.read_text())}
    return found


def slugs(module: str) -> str:
    """What its sources, and those of the crates beside it, have in quotes; of rules the names."""
    files = [*(WASM / "modules" / module).rglob("src/**/*.rs"), *(WASM / "crates").rglob("src/**/*.rs")]
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    rules = "".join(file.read_text() for file in (WASM / "modules" / module / "rules").glob("*.yar"))
    return text + "".join(
        f'"rule-{name.replace("_", "-")}"' for name in re.findall(r"^rule (\w+)", rules, re.MULTILINE)
    )


def test_what_the_rules_ask_for_exists():
    there = {module: slugs(module) for module, _, _ in named() if (WASM / "modules" / module).is_dir()}
    assert len(named()) > 60
    missing = [
        f"{module}/{slug}"
        for module, slug, any_ending in sorted(named())
        if module in there and slug and f'"{slug}' + ("" if any_ending else '"') not in there[module]
    ]
    assert [name for name in missing if name != "file-processor/malformed-"] == []  # made of words by module-kit
