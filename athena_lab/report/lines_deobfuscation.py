"""Layers of obfuscation for a terminal and for Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import shown, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.deobfuscation import DeobfuscationFacts, Layer

MAX_LAYERS = 16
MAX_TEXT = 160
"""Characters of a layer's text."""
MAX_INDICATORS = 4


def layer_rows(facts: DeobfuscationFacts) -> Iterator[tuple[str, str]]:
    """A name and what there is to say, for each layer and the decoded files."""
    for layer in facts.layers[:MAX_LAYERS]:
        yield f"layer {layer.index}", _said(layer)
    if len(facts.layers) > MAX_LAYERS:
        yield "layers", f"{len(facts.layers) - MAX_LAYERS} more in report.deobfuscation"
    for child in facts.children[:MAX_LAYERS]:
        yield f"decoded {child.index}", f"{shown(child.name, 60)}, {size_text(child.size)}, SHA-256 {child.sha256}"


def _said(layer: Layer) -> str:
    where = "sample" if layer.parent is None else f"layer {layer.parent}"
    found = [shown(indicator.value, 80) for indicator in layer.indicators[:MAX_INDICATORS]]
    news = f"; new: {', '.join(found)}" if found else ""
    sizes = f"{size_text(layer.length)} -> {size_text(layer.size)}"
    entropy = f"entropy {layer.entropy_before:.2f} -> {layer.entropy_after:.2f}"
    place = "" if layer.rewritten else f" at {layer.offset:#x}"
    head = f"{layer.technique} in {where}{place}, {sizes}, {entropy}, {layer.confidence} % sure{news}"
    return f"{head}: {shown(layer.after, MAX_TEXT)}"
