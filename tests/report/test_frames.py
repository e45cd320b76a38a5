"""Tables for pandas."""

from __future__ import annotations

import sys

import pytest

from athena_lab.errors import InvalidField, MissingPackage
from tests.report.make import HOSTILE, failed, network, ok, report


@pytest.mark.parametrize(
    ("what", "rows", "column"),
    [
        ("findings", 4, "severity"),
        ("sections", 2, "entropy"),
        ("strings", 500, "text"),
        ("imports", 3, "library"),
        ("indicators", 2, "leads_somewhere"),
        ("flows", 1, "bytes_up"),
        ("dns", 1, "answers"),
        ("http", 1, "status"),
        ("tls", 1, "ja4"),
        ("files", 1, "sha256"),
        ("beacons", 1, "interval"),
        ("domains", 1, "mean_length"),
        ("credentials", 1, "user"),
    ],
)
def test_each_table(what, rows, column):
    pytest.importorskip("pandas")
    frame = report(ok(), network()).to_dataframe(what)
    assert len(frame) == rows
    assert column in frame.columns


def test_text_is_as_it_is_in_the_sample():
    pytest.importorskip("pandas")
    assert report().to_dataframe("strings")["text"][0] == HOSTILE


def test_without_facts_a_table_is_empty_and_keeps_its_columns():
    pytest.importorskip("pandas")
    frame = report(failed("file-processor")).to_dataframe("imports")
    assert list(frame.columns) == ["arch", "library", "name", "ordinal", "delayed"]


def test_without_pandas_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingPackage, match="pip install pandas"):
        report().to_dataframe()


def test_an_unknown_table_is_named():
    with pytest.raises(InvalidField, match="findings, sections, strings, imports"):
        report().to_dataframe("exports")
