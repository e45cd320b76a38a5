"""Markdown of a language model as HTML that may stand in a page.

Hostile twice over: a model writes what a sample talked it into. Raw HTML, images and links do not exist here; a link
becomes its text and its address, defanged. The only links left lead to findings of the report on the same page.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from typing import TYPE_CHECKING

import msgspec
import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token

from athena_lab.report.display import shown
from athena_lab.report.html import finding_anchor

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from athena_lab.report.model import Report

TAGS = frozenset(
    "a blockquote br code del em h1 h2 h3 h4 h5 h6 hr li mark ol p pre s strong table tbody td th thead tr ul".split()  # noqa: SIM905 - reads better than 25 quoted words
)
ATTRIBUTES = {"a": {"href", "class"}, "mark": {"class", "title"}, "ol": {"start"}}
_FINDING_ID = re.compile(r"(?<![\w./-])[a-z][a-z0-9-]{0,63}/[a-z0-9][a-z0-9._/-]{0,95}")
_WORD = re.compile(r"[^\s<>]+")
_PIECE = re.compile(r"(?:&#?\w+;|[^&]){256}")
MAX_WORD = 256
"""Characters of HTML. No tag of ours has an attribute that long."""
_OUR_ANCHOR = re.compile(r"#athena-[0-9a-f]{12}-[a-z0-9._/-]+")


class Citations(msgspec.Struct, frozen=True):
    """Which finding ids exist, where they are on the page, and which are known not to exist."""

    anchors: dict[str, str] = {}
    modules: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()

    @classmethod
    def of(cls, report: Report | None, unknown: Iterable[str] = ()) -> Citations:
        if report is None:
            return cls(unknown=frozenset(unknown))
        return cls(
            anchors={f.id: finding_anchor(report.sample.sha256, f.id) for f in report.findings},
            modules=frozenset(result.module for result in report.module_results),
            unknown=frozenset(unknown),
        )


def render_markdown(text: str, citations: Citations) -> str:
    """CommonMark and tables, as sanitised HTML."""
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        _defuse(token, citations)
    return _breakable(sanitise(parser.renderer.render(tokens, parser.options, {})))


def sanitise(html: str) -> str:
    """The second line of defence: only what an answer is made of, and no address but those of findings."""
    return _cleaner().clean(html)


def _breakable(html: str) -> str:
    """Long words may be broken: browsers lay out one of 100,000 letters for seconds. Tags have no words that long."""
    return _WORD.sub(lambda word: word[0] if len(word[0]) <= MAX_WORD else _PIECE.sub(r"\g<0><wbr>", word[0]), html)


@cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")


@cache
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        attribute_filter=_filter_attribute,
        url_schemes=set(),
        link_rel=None,
    )


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    if (tag, name) == ("a", "href"):
        return value if _OUR_ANCHOR.fullmatch(value) else None
    return value


def _defuse(token: Token, citations: Citations) -> None:
    """Make the token's text show itself, and its finding ids links."""
    if token.type in {"fence", "code_block"}:
        token.content = "".join(shown(line) + "\n" for line in token.content.splitlines())
        token.info = ""
    if token.children is not None:
        token.children = list(_inline(token.children, citations))


def _inline(children: Iterable[Token], citations: Citations) -> Iterator[Token]:
    """Links do not nest, so a closing token belongs to the opening one before it; an autolink's text is its address."""
    href = ""
    for child in children:
        if child.type == "link_open":
            href = "" if child.markup == "autolink" else str(child.attrGet("href") or "")
        elif child.type == "link_close":
            yield _markup(f" (<code>{escape(shown(href, 300))}</code>)" if href else "")
        elif child.type == "text":
            yield _markup(_with_links(child.content, citations))
        elif child.type == "code_inline":
            yield _code(child, citations)
        else:
            yield child


def _code(child: Token, citations: Citations) -> Token:
    finding_id = _known(child.content.strip("[]"), citations)
    if finding_id is not None:
        return _markup(_link(finding_id, citations))
    child.content = shown(child.content)
    return child


def _with_links(text: str, citations: Citations) -> str:
    pieces, end = [], 0
    for match in _FINDING_ID.finditer(text):
        finding_id = _known(match[0], citations)
        if finding_id is None:
            continue
        pieces += [escape(shown(text[end : match.start()])), _link(finding_id, citations)]
        end = match.start() + len(finding_id)
    return "".join((*pieces, escape(shown(text[end:]))))


def _known(text: str, citations: Citations) -> str | None:
    """The finding id at the start of ``text``: one that exists, or one that claims to and does not."""
    if _FINDING_ID.fullmatch(text) is None:
        return None
    bare = text.rstrip("./-_")
    for candidate in (text, bare):
        if candidate in citations.anchors:
            return candidate
    return bare if bare in citations.unknown or bare.partition("/")[0] in citations.modules else None


def _link(finding_id: str, citations: Citations) -> str:
    anchor = citations.anchors.get(finding_id)
    if anchor is not None:
        return f'<a class="athena-cite" href="#{anchor}">{escape(finding_id)}</a>'
    title = "The answer cites a finding that the report does not have: distrust it."
    return f'<mark class="athena-unknown" title="{title}">{escape(finding_id)} (no such finding)</mark>'


def _markup(content: str) -> Token:
    return Token("html_inline", "", 0, content=content)
