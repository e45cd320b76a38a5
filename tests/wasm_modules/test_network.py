"""The built network component: indicators, defanged forms, and the cases of ioc_finder and ioc_fanger."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from harness import Guest
from suites import literal, load, sdist

if TYPE_CHECKING:
    from pathlib import Path

Guests = Callable[[str], Guest]
STDIN_ONLY = {"wasi:cli/stdin@0.2.12", "wasi:io/error@0.2.12", "wasi:io/streams@0.2.12"}
FINDER = "ioc_finder==9.4.1"
FANGER = "ioc_fanger==5.1.1"
THEIRS = {
    "urls": {"url"}, "urls_complete": {"url"}, "domains": {"domain", "onion"}, "ipv4s": {"ipv4"}, "ipv6s": {"ipv6"},
    "email_addresses": {"email"}, "email_addresses_complete": {"email"}, "md5s": {"md5"}, "sha1s": {"sha1"},
    "sha256s": {"sha256"}, "sha512s": {"sha512"}, "ssdeeps": {"ssdeep"}, "cves": {"cve"},
    "bitcoin_addresses": {"bitcoin"}, "registry_key_paths": {"registry-key"},
    "file_paths": {"windows-path", "unix-path", "pdb"}, "user_agents": {"user-agent"},
}  # fmt: skip
"""ioc_finder's names for what we look for too."""
FINDER_FLOOR = 0.9
"""Of its indicators. Left out on purpose: hashes of one repeated digit, CVEs of years that are none, URLs without
a scheme (their domains are found), mail addresses with comments, quotes or numbers for a host, a name with the
digits of an escape, what goes on behind a comma in a row that no date, time, address or hash tells, and other
spellings of one IPv6 address.
"""
FANGER_FLOOR = 0.85
"""Of its pairs. ``bad-dot-com`` and ``9,10,11,12`` are names and numbers of their own in what is not a report."""


@pytest.fixture
def module(guest: Guests) -> Guest:
    return guest("network")


def indicators(module: Guest, sample: str | bytes, function: str = "indicators") -> list[dict[str, Any]]:
    data = sample.encode() if isinstance(sample, str) else sample
    return msgspec.json.decode(module.call(function, data).data)["indicators"]


def values(module: Guest, sample: str | bytes) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for it in indicators(module, sample):
        found.setdefault(it["kind"], set()).add(it["value"])
    return found


def test_it_describes_itself_and_imports_stdin_alone(module: Guest) -> None:
    description = module.describe()
    assert (description.name, description.slot) == ("network", "network")
    assert [function.name for function in description.functions] == [
        "analyze",
        "indicators",
        "extract",
        "defang",
        "refang",
    ]
    assert set(module.component.type.imports(module.engine)) == STDIN_ONLY


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("get http://evil.example.com/a.exe now", "url", "http://evil.example.com/a.exe"),
        ("hxxps[:]//evil[.]com/x", "url", "https://evil.com/x"),
        ("at 203[.]0.113.7:", "ipv4", "203.0.113.7"),
        ("from 8.8.8.8 on", "ipv4", "8.8.8.8"),
        ("to 2001:4860:4860::8888 then", "ipv6", "2001:4860:4860::8888"),
        ("evil[.]co[.]uk", "domain", "evil.co.uk"),
        ("mail me[at]evil[dot]com", "email", "me@evil.com"),
        ("d41d8cd98f00b204e9800998ecf8427e", "md5", "d41d8cd98f00b204e9800998ecf8427e"),
        ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha1", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "sha256",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("see CVE-2017-11882.", "cve", "CVE-2017-11882"),
        ("by T1059.001, then", "attack", "T1059.001"),
        ("pay 1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
        (r"HKLM\Software\Microsoft\Windows\CurrentVersion\Run", "registry-key",
         r"HKLM\Software\Microsoft\Windows\CurrentVersion\Run"),
        (r"C:\Users\me\AppData\evil.exe ", "windows-path", r"C:\Users\me\AppData\evil.exe"),
        ("C:\\build\\evil\\Release\\evil.pdb\0", "pdb", "C:\\build\\evil\\Release\\evil.pdb"),
    ],
)  # fmt: skip
def test_it_finds_in_the_clear_and_in_utf_16(module: Guest, text: str, kind: str, value: str) -> None:
    assert value in values(module, text).get(kind, set())
    assert value in values(module, b"\xff\xfe" + text.encode("utf-16le")).get(kind, set())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", "bitcoin"),  # a wrong checksum
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed", "ethereum"),  # EIP-55 is broken
        ("255.256.344.1", "ipv4"),
        ("setup.exe.config", "domain"),
        ("CVE-17-1", "cve"),
    ],
)
def test_what_only_looks_like_one_is_none(module: Guest, text: str, kind: str) -> None:
    assert kind not in values(module, text)


def test_what_leads_nowhere_says_so(module: Guest) -> None:
    tags = {it["value"]: it.get("tags", []) for it in indicators(module, "10.0.0.1 127.0.0.1 www.w3.org example.com")}
    assert tags["10.0.0.1"] == ["private"]
    assert tags["127.0.0.1"] == ["loopback"]
    assert "benign" in tags["www.w3.org"]
    assert "documentation" in tags["example.com"]


def test_findings_name_what_to_look_at_first(module: Guest) -> None:
    sample = b"\0http://198.18.0.1/\0http://45.33.32.156/run.exe\0" + b"a" * 56 + b".onion\0c2.duckdns.org\0"
    findings = {finding.id: finding for finding in module.call("analyze", sample).findings}
    assert findings["url-bare-address"].severity == "medium"
    assert findings["url-program"].techniques == ("T1105",)
    assert "dynamic-dns" in findings


def test_defanging_and_back_is_the_same(module: Guest) -> None:
    text = "http://evil.com/a.exe, 8.8.8.8 and me@evil.com"
    defanged = msgspec.json.decode(module.call("defang", text=text).data)["text"]
    assert "http://" not in defanged
    assert not re.search(r"\d\.\d", defanged)
    assert msgspec.json.decode(module.call("refang", text=defanged).data)["text"] == text


@pytest.mark.timeout(600)  # pip makes a place to build in, to read the package's name
def test_no_fewer_indicators_than_ioc_finder(module: Guest, say: Callable[[str], None]) -> None:
    folder = sdist(FINDER) / "tests" / "find_iocs_cases"
    expected, missed = 0, []
    every = [case.values for file in sorted(folder.glob("[a-z]*.py")) for case in cases(file)]
    for text, results, _options in every:
        found = values(module, text)
        for theirs, kinds in THEIRS.items():
            ours = {plain(value) for kind in kinds for value in found.get(kind, ())}
            for value in results.get(theirs, ()):
                expected += 1
                if plain(value) not in ours:
                    missed.append((theirs, value))
    share = 1 - len(missed) / expected
    say(f"ioc_finder: {expected - len(missed)} of {expected} indicators ({share:.1%}); missed: {missed}")
    assert expected > 100
    assert share >= FINDER_FLOOR


def cases(file: Path) -> list[Any]:
    """All parameters of pytest in a file of cases; of one that needs ioc_finder itself none."""
    if "feature__" in file.name:
        return []
    lists = (value for value in vars(load(file)).values() if isinstance(value, list))
    return [case for values in lists for case in values]


def plain(value: str) -> str:
    return value.lower().rstrip("/")


@pytest.mark.timeout(600)
def test_ioc_fanger_s_pairs(module: Guest, say: Callable[[str], None]) -> None:
    file = sdist(FANGER) / "tests" / "conftest.py"
    pairs = [
        *literal(file, "DEFANG_TO_FANG_PAIRS"),
        *((text, text) for text in literal(file, "ALREADY_FANGED_STRINGS")),
    ]
    wrong = []
    for defanged, meant in pairs:
        got = msgspec.json.decode(module.call("refang", text=defanged).data)["text"]
        if got != meant:
            wrong.append((defanged, meant, got))
    share = 1 - len(wrong) / len(pairs)
    say(f"ioc_fanger: {len(pairs) - len(wrong)} of {len(pairs)} ({share:.1%}); not: {wrong}")
    assert len(pairs) >= 20
    assert share >= FANGER_FLOOR
