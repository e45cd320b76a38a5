"""Files inside the sample, as modules list them: a tree, each file before those that are in it."""

from __future__ import annotations

from athena_lab.report.fact import Fact


class Child(Fact, frozen=True):
    """A file inside the sample or inside another child. `name` is hostile."""

    index: int
    """The number to extract it by."""
    depth: int
    """1 for what is in the sample itself."""
    name: str
    kind: str
    """How it is in its parent: ``zip-entry``, ``tar-member``, ``gzip-content`` ..."""
    size: int
    parent: int | None = None
    """Index of the child that it is in; None: the sample itself."""
    offset: int | None = None
    """Where it begins in its parent, if it stands there as it is."""
    sha256: str = ""
    """Empty if it was not unpacked to its end, and of a stand-in, which is none of the sample's."""
    format: str = ""
    """`Format.id` of its content."""
    cut: bool = False
    """It is longer than what is unpacked; ``size`` is how far that came."""
