"""The base of what modules report."""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Base of the facts. Times are Unix seconds, sizes bytes. Texts are the sample's own, and hostile.

    A fact is made from JSON and never changed, so that none is part of a cycle: the garbage collector, which would look
    at thousands of them in each report that is kept, need not.
    """
