"""How long jobs are waited for and kept, and how much they may take."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

MIB: Final = 1 << 20


class JobOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.jobs]``. Times in seconds."""

    grace: Annotated[float, Meta(ge=0, le=3_600)] = 60.0
    """How long an answer goes on that nobody reads.

    A client that lost its connection comes back after 1, 2, 4, 8 and 16 s; each of its five attempts may take 5 s.
    That makes 56 s.
    """
    keep: Annotated[float, Meta(ge=0, le=86_400)] = 900.0
    """How long an answer can be read after its end."""
    running: Annotated[int, Meta(ge=1, le=10_000)] = 32
    """Answers at once."""
    max_bytes: Annotated[int, Meta(ge=1_024, le=1_024 * MIB)] = 32 * MIB
    """Of one answer's events. 128,000 tokens, the most that can be asked for, take 24 MiB."""
    total_bytes: Annotated[int, Meta(ge=1_024, le=4_096 * MIB)] = 128 * MIB
    """Of all answers that are kept; those that ended first are forgotten first."""
    ahead_events: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """How far the provider is read ahead of the furthest reader."""
    ahead_bytes: Annotated[int, Meta(ge=1, le=64 * MIB)] = MIB
    """The same, in bytes; one event more may come."""
