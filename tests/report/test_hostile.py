"""A report that comes back as JSON was written by anybody: no field of it may become markup or steer a terminal."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import msgspec
import pytest
from markdown_it import MarkdownIt

from athena_lab.errors import BadOutput
from athena_lab.report import Report
from tests.report.make import (
    conclusion,
    crypto,
    deobfuscation,
    failed,
    network,
    nodes,
    ok,
    patterns,
    report,
    sandbox,
)

BAIT = "x' \"><script>alert(1)</script>\n\x1b[2J\u202e<img src=x> http://evil.example/ ![x](http://e.vil/p) `|`"


def places(node, path=()):
    """The ways to all strings of the document, and to all keys."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield (*path, key), "key"
            yield from places(value, (*path, key))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from places(value, (*path, index))
    elif isinstance(node, str):
        yield path, "value"


def with_bait(document, ways, what, bait):
    changed = json.loads(json.dumps(document))
    for *above, last in ways:
        node = changed
        for step in above:
            node = node[step]
        if what == "key":
            node[bait] = node.pop(last)
        else:
            node[last] = bait
    return json.dumps(changed)


def small():
    """A report with every field, and few of each."""
    facts = msgspec.json.decode(report().module_results[0].data)
    facts["strings"]["items"] = facts["strings"]["items"][:1]
    facts["entropy"]["profile"] = facts["entropy"]["profile"][:2]
    made = json.loads(report(ok(), failed(), children=nodes()).to_json())
    made["results"]["conclusion"] = {"analysis-engine": json.loads(msgspec.json.encode(conclusion()))}
    made["results"]["analysis"]["file-processor"]["data"] = facts
    made["results"]["deobfuscation"] = {"deobfuscator": json.loads(msgspec.json.encode(deobfuscation()))}
    made["results"]["crypto"] = {"crypto": json.loads(msgspec.json.encode(crypto()))}
    made["results"]["network"] = {"network": json.loads(msgspec.json.encode(network()))}
    made["results"]["patterns"] = {"pattern-matcher": json.loads(msgspec.json.encode(patterns()))}
    made["results"]["sandbox"] = {"sandbox": json.loads(msgspec.json.encode(sandbox()))}
    return json.loads(json.dumps(made).replace("http://", "hxxp://").replace("\\u202e", "").replace("\\u001b", ""))


DOCUMENT = small()


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.shape = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.shape.append((tag, *sorted(name for name, _ in attrs)))


def forms_of(text):
    made = Report.from_json(text)
    return made.to_html(), made.to_markdown(), made.to_text()


def is_taken(text):
    """Whether it is read as a report, with all its facts."""
    try:
        for result in Report.from_json(text).module_results:
            result.facts()
    except (msgspec.MsgspecError, BadOutput):
        return False
    return True


@pytest.mark.parametrize(
    ("bait", "what", "at_once", "least"), [(BAIT, "value", 20, 300), ("a\n", "value", 20, 300), (BAIT, "key", 1, 200)]
)
def test_no_field_that_comes_back_becomes_markup(bait, what, at_once, least):
    allowed = {shape[0] for shape in Tags(Report.from_json(json.dumps(DOCUMENT)).to_html()).shape}
    lines = len(forms_of(json.dumps(DOCUMENT))[2].splitlines())
    ways = [path for path, kind in places(DOCUMENT) if kind == what]
    ways = [path for path in ways if is_taken(with_bait(DOCUMENT, [path], what, bait))]
    assert len(ways) > least
    for begin in range(0, len(ways), at_once):
        these = ways[begin : begin + at_once]
        forms = forms_of(with_bait(DOCUMENT, these, what, bait))
        html, markdown, text = forms
        tags = {shape[0] for shape in Tags(html).shape}
        assert tags <= allowed, these
        assert "<script" not in html + MarkdownIt("commonmark", {"html": True}).render(markdown), these
        for form in forms:
            assert not re.search("[\x1b\u202e]", form), these
            assert "http://" not in form.replace("https://attack.mitre.org", ""), these
        assert len(text.splitlines()) <= lines, these


def test_a_report_s_id_is_hexadecimal():
    for bad in ('"><script>alert(1)</script>', "g" * 32, "0" * 31, "0" * 32 + "\n", ""):
        with pytest.raises(msgspec.ValidationError):
            Report.from_json(json.dumps({**DOCUMENT, "id": bad}))
    assert "<script" not in msgspec.structs.replace(report(), id='"><script>').to_html()
