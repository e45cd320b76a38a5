"""Hostile text, numbers and times in words."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.report.display import defang, seconds_text, shown, size_text, technique_url, time_text, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain ~ text", "plain ~ text"),
        ("Grüße, 漢字 😀", "Grüße, 漢字 😀"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("\ud800 alone", r"\ud800 alone"),
        ("\U000e0041", r"\U000e0041"),
        ("line\u2028end", r"line\u2028end"),
        ("\x80\xad", r"\x80\xad"),
    ],
)
def test_nothing_hides(text, expected):
    assert visible(text) == expected


@given(st.text())
def test_what_is_visible_has_no_invisible_character(text):
    assert not {unicodedata.category(c) for c in visible(text)} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def test_a_cut_is_marked():
    assert visible("abcdef", 3) == "abc…"
    assert visible("abc", 3) == "abc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://evil.example/a.php?b=1.2", "hxxp[://]evil[.]example/a.php?b=1.2"),
        ("HTTPS://Evil.Example:8080", "hxxps[://]Evil[.]Example:8080"),
        ("ftp://a.b", "fxp[://]a[.]b"),
        ("wss://a.b/c", "wss[://]a[.]b/c"),
        ("xhttp://a.b", "xhxxp[://]a[.]b"),
        ("see www.evil.example.", "see www[.]evil.example."),
        ("mail a.b@evil.example", "mail a.b[@]evil.example"),
        ("10.1.2.3:80 and 1.2.3.4.5", "10.1.2[.]3:80 and 1.2.3.4.5"),
        ("kernel32.dll", "kernel32.dll"),
    ],
)
def test_defang(text, expected):
    assert defang(text) == expected


@given(st.text())
def test_no_program_follows_what_is_shown(text):
    assert "http://" not in shown(text + "http://" + text).lower()


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (5 << 40, "5120.0 GiB")]
)
def test_sizes(size, text):
    assert size_text(size) == text


def test_times():
    assert seconds_text(0.0124) == "12 ms"
    assert seconds_text(1.5) == "1.50 s"
    assert time_text(0) == "1970-01-01 00:00:00 UTC"
    assert time_text(1 << 62) == str(1 << 62)


def test_only_technique_ids_have_a_page():
    assert technique_url("T1027.002") == "https://attack.mitre.org/techniques/T1027/002/"
    assert technique_url("T1027") == "https://attack.mitre.org/techniques/T1027/"
    assert technique_url('T1027"><script>') is None
