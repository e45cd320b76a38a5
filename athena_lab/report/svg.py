"""Entropy of a file and packets over time as pictures: one line or path, no script, no import.

A sanitiser that drops SVG leaves the text of ``<title>`` standing, so that is one sentence that says what the picture
shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import seconds_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from athena_lab.report.facts import EntropyProfile

WIDTH, HEIGHT = 512, 96
MAX_ENTROPY = 8.0
"""Bits per byte."""
MAX_POINTS = 256
PACKED = 7.2
"""Bits per byte from which compressed or encrypted content is likely."""


def entropy_plot(entropy: EntropyProfile) -> str:
    """Inline SVG; empty for a profile without points."""
    points = entropy.profile[:MAX_POINTS]
    if not points:
        return ""
    step = WIDTH / len(points)
    line = " ".join(f"{x * step:.1f},{_y(p):.1f} {(x + 1) * step:.1f},{_y(p):.1f}" for x, p in enumerate(points))
    return (
        f'<svg class="athena-entropy" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'preserveAspectRatio="none"><title>{entropy_sentence(entropy)}</title>'
        f'<polygon points="0,{HEIGHT} {line} {WIDTH},{HEIGHT}" fill="currentColor" fill-opacity=".18"/>'
        f'<line x1="0" x2="{WIDTH}" y1="{_y(PACKED):.1f}" y2="{_y(PACKED):.1f}" stroke="currentColor" '
        f'stroke-opacity=".45" stroke-dasharray="4 4"/>'
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.25"/></svg>'
    )


def entropy_sentence(entropy: EntropyProfile) -> str:
    """What the picture shows, in words."""
    points = entropy.profile[:MAX_POINTS]
    high = sum(point >= PACKED for point in points)
    return (
        f"Entropy over the file: {entropy.overall:.2f} of 8 bits per byte overall, from {min(points):.2f} to "
        f"{max(points):.2f} in {len(points)} blocks of {entropy.block_size} bytes; {high} at or above {PACKED}."
    )


def timeline_plot(packets: Sequence[int], start: float, end: float) -> str:
    """Packets over the time of a capture as inline SVG; empty where all came at once."""
    parts = [max(0, count) for count in packets[:MAX_POINTS]]
    most = max(parts, default=0)
    if not most:
        return ""
    step = WIDTH / len(parts)
    bars = "".join(
        f"M{x * step:.1f} {HEIGHT}V{HEIGHT * (1 - count / most):.1f}h{step * 0.8:.1f}V{HEIGHT}z"
        for x, count in enumerate(parts)
        if count
    )
    width = max(0.0, end - start) / len(parts)
    sentence = (
        f"Packets over the time: {sum(parts):,} in {len(parts)} parts of {seconds_text(width)}, at most {most:,}."
    )
    return (
        f'<svg class="athena-entropy" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'preserveAspectRatio="none"><title>{sentence}</title>'
        f'<path d="{bars}" fill="currentColor" fill-opacity=".6"/></svg>'
    )


def _y(entropy: float) -> float:
    return HEIGHT * (1 - min(max(entropy, 0.0), MAX_ENTROPY) / MAX_ENTROPY)
