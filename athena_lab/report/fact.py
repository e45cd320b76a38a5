"""The base of what modules report as facts."""

from __future__ import annotations

import msgspec


class Fact(msgspec.Struct, frozen=True, omit_defaults=True):
    """Base of the facts."""
