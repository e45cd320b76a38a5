"""YARA's own tests, from the source package of yara-python, against pattern-matcher."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import suites
from c_cases import Case, Cases
from harness import Guest, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = ("test-rules.c", "test-math.c", "test-string.c", "test-pe.c", "test-elf.c", "test-macho.c", "test-dotnet.c")
EXTERNALS = {"var_zero": 0, "var_one": 1, "var_true": True, "var_false": False}
LEAST = 780
FLOOR = 0.97
"""Of the cases that can be read, and that our YARA has the modules for."""
LEFT: dict[str, tuple[int, ...]] = {
    "a constant that overflows is undefined when it is matched, not an error": (
        305, 309, 313, 317, 321, 325, 329, 333, 337, 341,
    ),
    "a shift by less than nothing is undefined when it is matched": (368, 370),
    "less than none of the strings is what no file has": (479, 483, 487, 491),
    "a set of rules without a rule is an error": (1892,),
    "0 % and 101 % are what every file has, and none": (1969, 1973),
    "a range that begins below 0, or ends before it begins, is empty": (2043, 2294),
    "an expression may begin with an empty alternative": (2687,),
}  # fmt: skip
"""Lines of test-rules.c that are left failing, by what the engine does instead. None hides a match from a rule that
YARA compiles."""
FOREIGN = (b'import "tests"', b'import \\"tests\\"')
"""A module that exists for YARA's tests alone."""


def verdict(module: Guest, case: Case) -> str:
    """Empty where the module does as it should, else what it did."""
    args: dict[str, Any] = {
        "sources": [{"text": case.rule.decode("utf-8", "backslashreplace")}],
        "externals": EXTERNALS,
    }
    try:
        # A module is never called without a byte.
        answer = module.call("scan", case.sample or b"\0", now=1, **args)
    except Refused as refused:
        return "" if case.expected is None else refused.args[0].message
    if case.expected is None:
        return "it compiles"
    matches = msgspec.json.decode(answer.data)["matches"]
    places = [place for match in matches for string in match["strings"] for place in string["places"]]
    if isinstance(case.expected, bool):
        return "" if bool(matches) == case.expected else f"matches: {bool(matches)}"
    if isinstance(case.expected, bytes):
        found = [place["data"] for place in places]
        return "" if case.expected[:64].hex() in found else f"it finds {found}"
    count = len(places) or len(matches)
    return "" if count == case.expected else f"{count} matches"


def test_yara_s_own_cases(guest: Callable[[str], Guest], say: Callable[[str], None]) -> None:
    module = guest("pattern-matcher")
    cases = Cases(suites.sdist("yara-python==4.5.4") / "yara" / "tests")
    all_cases = [case for file in FILES for case in cases.read(file)]
    unread = Counter(case.why_unread for case in all_cases if case.why_unread)
    foreign = [case for case in all_cases if not case.why_unread and any(word in case.rule for word in FOREIGN)]
    ours = [case for case in all_cases if not case.why_unread and case not in foreign]
    failures = {case.place: said for case in ours if (said := verdict(module, case))}
    share = 1 - len(failures) / len(ours)
    lines = [f"YARA's own cases: {len(ours) - len(failures)} of {len(ours)} pass ({share:.1%})"]
    lines += [f"  left out: {count}, since {why}" for why, count in unread.items()]
    lines += [f"  left out: {len(foreign)}, since they are of a module for YARA's tests alone"]
    lines += [f"  {place}: {said}" for place, said in failures.items()]
    say("\n".join(lines))
    known = {f"test-rules.c:{line}" for places in LEFT.values() for line in places}
    assert len(ours) >= LEAST
    assert share >= FLOOR
    assert set(failures) <= known
