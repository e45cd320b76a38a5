"""Hashes of likeness against the packages that people use: ppdeep, py-tlsh and telfhash, on real and made-up bytes."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import corpus
import msgspec
import ppdeep
import pytest
import suites
import tlsh
from harness import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness import Guest

SEED = 20_261_128
MOST = 400_000
"""Bytes of a real file that ppdeep is given: it takes two seconds for a megabyte."""


@pytest.fixture(scope="module")
def module(guest: Callable[[str], Guest]) -> Guest:
    return guest("file-processor")


def fuzzy(module: Guest, data: bytes) -> dict[str, str]:
    return {"ssdeep": "", "tlsh": ""} | msgspec.json.decode(module.call("fuzzy", data).data)


def made_up() -> list[bytes]:
    """Random, even, short, repeated and padded bytes: of each kind that the algorithms treat in their own way."""
    chance = random.Random(SEED)
    data = [chance.randbytes(size) for size in (1, 6, 7, 8, 49, 50, 51, 191, 192, 193, 255, 256, 4_096, 40_000)]
    data += [bytes(size) for size in (1, 64, 5_000)]
    data += [b"a" * 3_000, b"abc" * 5_000, bytes(range(256)) * 40]
    data += [chance.randbytes(20_000) + bytes(pad) for pad in (1, 6, 7, 8, 20_000)]
    data += [chance.randbytes(30) * 300, b"".join(bytes([chance.randrange(4)]) * 9 for _ in range(3_000))]
    return data


def real() -> list[bytes]:
    files = sorted(corpus.fetch())[:24]
    return [(corpus.folder() / digest).read_bytes()[:MOST] for digest in files]


@pytest.mark.timeout(300)
def test_ssdeep_is_ppdeeps(module: Guest) -> None:
    for data in (*made_up(), *(content[:100_000] for content in real())):
        assert fuzzy(module, data)["ssdeep"] == ppdeep.hash(data), (len(data), data[:16])


@pytest.mark.timeout(300)
def test_tlsh_is_py_tlshs(module: Guest) -> None:
    agreed = 0
    for data in (*made_up(), *real()):
        expected = tlsh.forcehash(data)
        assert fuzzy(module, data)["tlsh"] == ("" if expected == "TNULL" else expected), (len(data), data[:16])
        agreed += expected != "TNULL"
    assert agreed >= 30


def test_the_published_example(module: Guest) -> None:
    """From the documentation of ssdeep's fuzzy hashing API, and of TLSH's."""
    text = b"Lorem ipsum dolor sit amet, consectetur adipiscing elit"
    assert fuzzy(module, text)["tlsh"] == "T12D900249414E0BD59A46503F3ADA802AE50825242B2590561CF690599112214C051556"
    assert fuzzy(module, b"Also called fuzzy hashes, Ctph can match inputs that have homologies.")["ssdeep"] == (
        "3:AXGBicFlgVNhBGcL6wCrFQEv:AXGHsNhxLsr2C"
    )


def compare(module: Guest, first: str, second: str) -> dict[str, Any]:
    return msgspec.json.decode(module.call("compare", first=first, second=second).data)


def altered(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(1, 12)):
        at = chance.randrange(len(changed))
        changed[at : at + chance.randrange(40)] = chance.randbytes(chance.randrange(40))
    return bytes(changed) + chance.randbytes(chance.choice((0, len(data) // 3, len(data))))


def test_distances_are_py_tlshs(module: Guest) -> None:
    chance = random.Random(SEED)
    distances = set()
    for _ in range(60):
        first = chance.randbytes(chance.choice((300, 2_000, 9_000, 30_000)))
        pair = tlsh.forcehash(first), tlsh.forcehash(altered(first, chance))
        expected = tlsh.diff(*pair)
        assert compare(module, *pair) == {"kind": "tlsh", "distance": expected}, pair
        distances.add(expected)
    assert len(distances) >= 10


def ppdeep_with_ssdeeps_costs(first: str, second: str) -> int:
    """ppdeep counts a replaced character once; ssdeep counts it as a deletion and an insertion, as its own
    `edit_dist.c` says (``EDIT_DISTN_REPLACE_COST 2``)."""

    def distance(one: str, two: str) -> int:
        above = list(range(len(two) + 1))
        for row, letter in enumerate(one, 1):
            left = [row]
            for column, other in enumerate(two, 1):
                left.append(min(above[column] + 1, left[-1] + 1, above[column - 1] + 2 * (letter != other)))
            above = left
        return above[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ppdeep, "_levenshtein", distance)
        return ppdeep.compare(first, second)


def test_scores_are_ppdeeps_with_the_costs_of_ssdeep(module: Guest) -> None:
    chance = random.Random(SEED)
    scores = set()
    for _ in range(60):
        first = chance.randbytes(chance.choice((300, 2_000, 9_000, 30_000)))
        hashes = ppdeep.hash(first), ppdeep.hash(altered(first, chance))
        expected = ppdeep_with_ssdeeps_costs(*hashes)
        assert compare(module, *hashes) == {"kind": "ssdeep", "score": expected}, hashes
        scores.add(expected)
    assert len(scores) >= 10


def test_what_is_no_pair_of_hashes_is_refused(module: Guest) -> None:
    for pair in (("", ""), ("3:a:b", "T1" + "0" * 70), ("x" * 72, "y" * 72), ("3:" + "a" * 99 + ":b", "3:a:b")):
        with pytest.raises(Refused):
            compare(module, *pair)


ORACLE = """
import json, sys
import telfhash
print(json.dumps({path: telfhash.telfhash(path)[0]["telfhash"] for path in sys.argv[1:]}))
"""


@pytest.mark.timeout(300)
def test_telfhash_is_trend_micros(module: Guest, tmp_path: Path) -> None:
    """The package runs by itself, with the newer binding of TLSH, whose hashes are the same."""
    path_of_others = os.pathsep.join(str(suites.wheel(name)) for name in ("telfhash==0.9.8", "capstone==5.0.9"))
    environment = os.environ | {"PYTHONPATH": path_of_others}
    contents = [(corpus.folder() / digest).read_bytes() for digest in sorted(corpus.fetch())]
    paths = []
    for content in (content for content in contents if content.startswith(b"\x7fELF")):
        path = tmp_path / hashlib.sha256(content).hexdigest()
        path.write_bytes(content)
        paths.append(path)
    command = [sys.executable, "-c", ORACLE, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, env=environment)
    expected = msgspec.json.decode(done.stdout.splitlines()[-1])
    told = 0
    for path in paths:
        facts = msgspec.json.decode(module.call("analyze", path.read_bytes(), max_strings=0).data)
        ours = facts["executables"][0].get("telfhash", "")
        theirs = expected[str(path)]
        assert ours == ("" if theirs in {"-", "tnull"} else theirs), path
        told += bool(ours)
    assert told >= 10
