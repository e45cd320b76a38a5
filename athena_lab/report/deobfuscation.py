"""The facts that the deobfuscator reports, typed: its `Output.data`.

Offsets and lengths are bytes of the layer's parent, sizes bytes of the layer. All text of layers is hostile.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from athena_lab.report.children import Child
from athena_lab.report.fact import Fact

Percent = Annotated[int, Meta(ge=0, le=100)]
Language = Literal["javascript", "powershell", "vbscript", "vba", "batch", "python", "html", "none"]


class Step(Fact, frozen=True):
    """A technique that was undone ``count`` times in a text that was written anew."""

    technique: str
    count: int


class LayerIndicator(Fact, frozen=True):
    """An indicator of compromise that leads somewhere; ``kind`` as network has it."""

    kind: str
    value: str


class Layer(Fact, frozen=True):
    """What stands behind a part of its parent, or behind the whole of it."""

    index: int
    depth: int
    """1 for what is in the sample itself."""
    technique: str
    """The one that was undone; of several the most frequent."""
    language: Language
    confidence: Percent
    rewritten: bool
    """The whole text of the parent, written anew; otherwise what a part of it stands for."""
    offset: int
    length: int
    size: int
    sha256: str
    entropy_before: float
    entropy_after: float
    """Bits per byte."""
    before: str
    after: str
    """The beginnings of both; of a text written anew, where they begin to differ."""
    parent: int | None = None
    """None: the sample."""
    steps: tuple[Step, ...] = ()
    key: str = ""
    """Hexadecimal, of an XOR that was undone; of moved letters the number of places."""
    strings: tuple[str, ...] = ()
    """Some that the parent does not show."""
    indicators: tuple[LayerIndicator, ...] = ()
    """Some that the parent does not show."""


class Used(Fact, frozen=True):
    """What peeling took."""

    layers: int
    bytes: int
    steps: int
    """Of evaluation."""


class DeobfuscationFacts(Fact, frozen=True):
    """Answer of the deobfuscator's ``analyze``."""

    size: int
    language: Language
    used: Used
    layers: tuple[Layer, ...] = ()
    children: tuple[Child, ...] = ()
    """Decoded files and innermost scripts, each worth an analysis of its own."""
    last: int | None = msgspec.field(default=None, name="final")
    """Index of the layer that is the most decoded text: the deepest script, else the deepest text."""
