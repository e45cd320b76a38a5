"""Tables for pandas."""

from __future__ import annotations

import sys

import pytest
from msgspec.structs import replace

from athena_lab.errors import InvalidField, MissingPackage
from athena_lab.report.behaviour import MadeAddress, Touched
from athena_lab.report.deobfuscation import LayerIndicator
from athena_lab.report.document import DocumentFacts, Link
from athena_lab.report.tree import Lead, Node
from tests.report.make import (
    HOSTILE,
    behaviour_facts,
    deobfuscation,
    deobfuscation_facts,
    failed,
    file_facts,
    network,
    network_facts,
    ok,
    report,
    sandbox,
)


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


def test_what_only_layers_or_the_run_show_is_an_indicator_too():
    pytest.importorskip("pandas")
    known = network_facts().indicators[0]
    hidden = (LayerIndicator("url", "http://hidden.example/a"), LayerIndicator(known.kind, known.value))
    layers = replace(deobfuscation_facts(), layers=(replace(deobfuscation_facts().layers[0], indicators=hidden),) * 2)
    asked = (
        Touched("asks", "HTTP://Asked.example/b"),
        Touched("asks", "http://asked.example/b"),
        Touched("asks", "file:///c:/x"),
        Touched("asks", hidden[0].value),
        Touched("asks", "asked.example:443"),
    )
    made = (MadeAddress("url", "http://made.example/c", 0x401000), MadeAddress("url", hidden[0].value, 0x401000))
    run = replace(behaviour_facts(), network=asked, addresses=made)
    links = (Link("template", "HTTPS://Linked.example/t.dotm"), Link("launch", "cmd.exe"), Link("uri", hidden[0].value))
    file = ok(facts=file_facts(documents=(DocumentFacts(links=links),)))
    found = (Lead("mutex", "Inside"), Lead("url", hidden[0].value), Lead("url", "ftp://asked.example/", None))
    inside = Node("file-processor", 7, "", "zip-entry", 5, leads=found)
    frame = report(file, network(), deobfuscation(layers), sandbox(run), children=(inside,)).to_dataframe("indicators")
    rows = frame[["kind", "value", "source", "leads_somewhere"]].to_numpy().tolist()
    assert len(rows) == len(network_facts().indicators) + 6
    assert rows[-6:] == [
        ["url", "https://linked.example/t.dotm", "document", None],
        ["url", hidden[0].value, "document", None],
        ["url", "http://asked.example/b", "run", None],
        ["url", "http://made.example/c", "code", True],
        ["mutex", "Inside", "file file-processor 7", True],
        ["url", "ftp://asked.example/", "file file-processor 7", None],
    ]


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
