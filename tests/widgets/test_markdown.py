"""What a model writes, made harmless, and its citations."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from athena_lab.jupyter.widgets.markdown import ATTRIBUTES, TAGS, Citations, render_markdown, sanitise
from tests.report.make import report

KNOWN = Citations.of(report(), unknown=("made-up/finding",))
ANCHOR = "#athena-abababababab-file-processor/packer"


class Page(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.example/beacon.png)",
    "![x][r]\n\n[r]: http://evil.example/beacon.png",
    "[click](javascript:alert(1))",
    "[click](http://evil.example)",
    "<http://evil.example>",
    "[click](data:text/html,x)",
    f'[click]({ANCHOR} "title")',
    "| a |\n|---|\n| <b onclick=x>1</b> |",
    "```html\n<iframe src=//evil.example>\n```",
    '```"><script>\nx\n```',
    "&lt;script&gt; &#x3c;script&#x3e;",
    "<svg/onload=alert(1)>",
    "<style>*{background:url(//evil.example)}</style>",
]


def check(html: str) -> None:
    for tag, attributes in Page(html).elements:
        assert tag in TAGS | {"wbr"}  # where a long word may be broken: ours
        assert set(attributes) <= ATTRIBUTES.get(tag, set())
        if "href" in attributes:
            assert (attributes["href"] or "").startswith("#athena-abababababab-file-processor/")


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_passes(text):
    html = render_markdown(text, KNOWN)
    check(html)
    assert "href" not in html
    assert "http://" not in html


@given(st.lists(st.sampled_from([*HOSTILE, "file-processor/packer", "*", "`", "[", "](", "\n", "\\", "|", "&"])))
def test_no_combination_passes_either(pieces):
    check(render_markdown("".join(pieces), KNOWN))


def test_a_link_is_its_text_and_its_address_defanged():
    html = render_markdown("[click](http://evil.example/a) <http://b.example>", KNOWN)
    assert html == "<p>click (<code>hxxp[://]evil[.]example/a</code>) hxxp[://]b[.]example</p>\n"


@pytest.mark.parametrize(
    "text",
    [
        "[file-processor/packer]",
        "`file-processor/packer`",
        "`[file-processor/packer]`",
        "file-processor/packer.",
        "(see file-processor/packer)",
    ],
)
def test_a_finding_that_exists_is_a_link_to_it(text):
    links = [attributes for tag, attributes in Page(render_markdown(text, KNOWN)).elements if tag == "a"]
    assert [link["href"] for link in links] == [ANCHOR]


@pytest.mark.parametrize(
    "text", ["file-processor/never", "`file-processor/never`", "made-up/finding", "[file-processor/never.]"]
)
def test_a_finding_that_does_not_exist_is_flagged(text):
    html = render_markdown(text, KNOWN)
    assert '<mark class="athena-unknown"' in html
    assert "(no such finding)" in html
    assert "href" not in html


@pytest.mark.parametrize("text", ["and/or", "application/pdf", "C:/windows/system32", "src/file-processor/packer"])
def test_other_words_with_a_slash_are_left_alone(text):
    html = render_markdown(text, KNOWN)
    assert "<a" not in html
    assert "<mark" not in html


def test_without_a_report_nothing_is_linked_and_only_named_ids_are_flagged():
    html = render_markdown("file-processor/packer and x/y", Citations.of(None, unknown=("x/y",)))
    assert "<a" not in html
    assert html.count("<mark") == 1


def test_what_hides_shows_itself_in_text_and_code():
    html = render_markdown("a\u202eb `c\u202ed`\n\n```\ne\x1b[2J\nf\n```\n", KNOWN)
    assert r"a\u202eb" in html
    assert r"c\u202ed" in html
    assert "e\\x1b[2J\nf\n" in html


def test_ordinary_markdown_stays():
    html = render_markdown("# A\n\n- **b** *c* ~~d~~\n\n1. e\n\n| f |\n|---|\n| g |\n\n> h\n\n---\n", KNOWN)
    assert {tag for tag, _ in Page(html).elements} >= {
        "h1",
        "ul",
        "li",
        "strong",
        "em",
        "s",
        "ol",
        "table",
        "td",
        "blockquote",
        "hr",
    }


def test_an_image_is_a_word_and_an_address():
    assert render_markdown("![cat](http://a.example/b.png)", KNOWN) == (
        "<p>!cat (<code>hxxp[://]a[.]example/b.png</code>)</p>\n"
    )


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("<img src=x onerror=alert(1)>a", "a"),
        ("<script>alert(1)</script>a", "a"),
        ("<style>*{}</style>a", "a"),
        ('<a href="http://evil.example">a</a>', "<a>a</a>"),
        ('<a href="#other">a</a>', "<a>a</a>"),
        ('<a href="javascript:alert(1)" onclick="x">a</a>', "<a>a</a>"),
        (f'<a href="{ANCHOR}">a</a>', f'<a href="{ANCHOR}">a</a>'),
        ('<p style="position:fixed" id="x">a</p>', "<p>a</p>"),
    ],
)
def test_the_sanitiser_alone_would_hold(html, clean):
    assert sanitise(html) == clean


def test_long_words_may_be_broken_and_short_ones_and_tags_stay():
    html = render_markdown(f"{'&' * 300} {'A' * 100_000} {'B' * 256}\n\n    {'C' * 600}", Citations())
    assert f"{'&amp;' * 256}<wbr>{'&amp;' * 44} " in html
    assert max(len(piece) for piece in re.split(r"<[^>]*>|\s", html) if "&" not in piece) == 256
    assert f"{'B' * 256}</p>" in html
