"""The conclusion, the tree of files inside and a comparison, as they are shown."""

from __future__ import annotations

import msgspec
import pytest

from athena_lab.report.comparison import Likeness, compared
from athena_lab.report.html_conclusion import by_tactic, points
from athena_lab.report.tree import walk
from tests.report.make import HOSTILE, conclusion, conclusion_facts, nodes, ok, report


def test_the_level_and_the_score_are_those_of_the_conclusion():
    concluded = report(ok(), conclusion())
    assert concluded.verdict.level == "suspicious"
    assert concluded.verdict.sentence.startswith("Suspicious (44 of 100): 2 high findings")
    assert report(ok()).verdict.sentence.startswith("Suspicious: 2 high findings")


def test_the_arithmetic_is_shown_with_its_sums():
    html = report(ok(), conclusion()).to_html()
    assert "<h4>Score: 44 of 100</h4>" in html
    assert "44 (80 % sure)" in html
    assert "7 smaller ones are in the sums" in html


def test_techniques_stand_under_each_of_their_tactics():
    rows = by_tactic(conclusion_facts().techniques)
    assert [(tactic, [one.id for one in found]) for tactic, found in rows] == [
        ("defense-evasion", ["T1027.002"]),
        ("other", [HOSTILE]),
    ]
    html = report(ok(), conclusion()).to_html()
    assert "Defense evasion" in html
    assert "of files inside only the worst counts" in html
    assert "and 5 more" in html


@pytest.mark.parametrize(("number", "text"), [(44.0, "44"), (46.75, "46.75"), (0.5, "0.5"), (0.0, "0"), (100.0, "100")])
def test_points_have_no_needless_digits(number, text):
    assert points(number) == text


def test_the_tree_is_shown_in_every_form():
    shown = report(ok(), children=nodes())
    assert [depth for depth, _ in walk(shown.children)] == [0, 1, 0]
    for form in (shown.to_html(), shown.to_markdown(), shown.to_text()):
        assert "suspicious" in form
        assert "left out: " in form
        assert "network 1" in form


def test_large_trees_and_conclusions_stay_within_their_budgets():
    made = report(ok(), conclusion(conclusion_facts(2_000)), children=nodes(2_000))
    assert len(made.to_html()) < 520_000
    assert len(made.to_text().splitlines()) < 800
    assert "more in report.children" in made.to_text()


def test_nothing_inside_is_shown_as_nothing():
    shown = report(ok())
    assert "Files inside, analysed" not in shown.to_html() + shown.to_markdown() + shown.to_text()


def test_hostile_words_of_two_samples_stay_words():
    first, second = report(ok()), report(ok(), name="other.exe")
    second = msgspec.structs.replace(second, sample=msgspec.structs.replace(second.sample, sha256="cd" * 32))
    made = compared(first, second, Likeness(7, 300))
    assert "<script>" not in made.to_html()
    for form in (made.to_html(), made.to_text()):
        assert "\x1b" not in form
        assert "TLSH distance 300" in form
    assert made.alike == 100.0
    assert not made.identical
