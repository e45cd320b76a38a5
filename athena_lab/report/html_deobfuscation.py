"""Layers of obfuscation as HTML: what a text was, beside what it is."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from athena_lab.report.display import shown, size_text
from athena_lab.report.markup import Row, code, details, table, take

if TYPE_CHECKING:
    from athena_lab.report.children import Child
    from athena_lab.report.deobfuscation import DeobfuscationFacts, Layer

BUDGET = 60_000
"""Characters of HTML for all layers."""
CHILDREN_BUDGET = 10_000
MAX_LAYERS = 64
MAX_SIDE = 900
"""Characters of text on each side."""
MAX_LISTED = 12
"""Strings and indicators, each."""
OPEN = 2
"""Layers that are unfolded, beside the last one."""


def deobfuscation_html(facts: DeobfuscationFacts) -> str:
    """The layers, the first and the most decoded one open; nothing where nothing was peeled."""
    if not facts.layers:
        return ""
    pieces, left = take(facts.layers, lambda layer: _layer(facts, layer), MAX_LAYERS, BUDGET)
    more = f"<p>{left} more layers are not shown here; <code>report.deobfuscation</code> has all.</p>" if left else ""
    head = ("Number", "Name", "How", "Format", "Size", "SHA-256")
    files = table(head, facts.children, _child, CHILDREN_BUDGET, kept="report.deobfuscation")
    return f"<h4>Layers: {len(facts.layers)}</h4>{''.join(pieces)}{more}" + details(
        f"Decoded files: {len(facts.children)}", files
    )


def _layer(facts: DeobfuscationFacts, layer: Layer) -> str:
    where = "the sample" if layer.parent is None else f"layer {layer.parent}"
    entropy = f"entropy {layer.entropy_before:.2f} → {layer.entropy_after:.2f}"
    summary = (
        f"Layer {layer.index}: {layer.technique} in {where}, {_language(layer)}{size_text(layer.length)} → "
        f"{size_text(layer.size)}, {entropy}, {layer.confidence} % sure"
    )
    opened = layer.index < OPEN or layer.index == facts.last
    return details(summary, _sides(layer) + _told(layer), opened=opened)


def _language(layer: Layer) -> str:
    return "" if layer.language == "none" else f"{layer.language}, "


def _sides(layer: Layer) -> str:
    heads = '<th scope="col">Before</th><th scope="col">After</th>'
    cells = "".join(f"<td><code>{_lines(text)}</code></td>" for text in (layer.before, layer.after))
    return f"<table class='athena-layers'><thead><tr>{heads}</tr></thead><tbody><tr>{cells}</tr></tbody></table>"


def _lines(text: str) -> str:
    """A text as it stands, line by line."""
    more = "…" if len(text) > MAX_SIDE else ""
    return "\n".join(escape(shown(line)) for line in text[:MAX_SIDE].splitlines()) + more


def _told(layer: Layer) -> str:
    steps = ", ".join(f"{escape(shown(step.technique, 40))} {step.count}" for step in layer.steps[:MAX_LISTED])
    parts = (
        f"at <code>{layer.offset:#x}</code>",
        f"key {code(layer.key, 80).markup}" if layer.key else "",
        f"undone: {steps}" if steps else "",
        _list("new indicators", [indicator.value for indicator in layer.indicators]),
        _list("new strings", list(layer.strings)),
    )
    return f"<p>{'; '.join(part for part in parts if part)}</p>"


def _list(name: str, texts: list[str]) -> str:
    if not texts:
        return ""
    more = f" and {len(texts) - MAX_LISTED} more" if len(texts) > MAX_LISTED else ""
    return f"{name}: {', '.join(code(text, 120).markup for text in texts[:MAX_LISTED])}{more}"


def _child(child: Child) -> Row:
    digest = code(child.sha256, 64)
    return Row((str(child.index), code(child.name), child.kind, child.format, size_text(child.size), digest))
