"""What of questions and answers is kept on disk, and for how long."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

MIB: Final = 1 << 20


class LaterOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[ai.later]``: questions that are asked again when a provider is back, and earlier answers. Times in seconds."""

    path: str = ""
    """The file; empty for ``questions.db`` in the user's data folder, ``:memory:`` for none: nothing outlives the
    process then."""
    expire: Annotated[float, Meta(ge=60, le=30 * 86_400)] = 86_400.0
    """How long a question is asked again; after that it ends with its error."""
    tries: Annotated[int, Meta(ge=1, le=1_000)] = 20
    """How often a provider is asked again, which may cost each time; after that it ends with its error. Tries that
    reached no provider do not count, an answer that cannot be used counts as a third of them."""
    queued: Annotated[int, Meta(ge=0, le=1_000)] = 100
    """Questions that wait or are being asked; with so many, no other is taken."""
    at_once: Annotated[int, Meta(ge=1, le=32)] = 2
    """Of them asked at the same time."""
    keep: Annotated[float, Meta(ge=60, le=365 * 86_400)] = 7 * 86_400.0
    """How long an answer can be read after it came; at most the latest 1,000, of 64 MiB together."""
    answers: Annotated[int, Meta(ge=0, le=10_000)] = 1_000
    """Earlier answers, of which one may stand in, marked, where no provider answers; 0 keeps none."""
    answers_bytes: Annotated[int, Meta(ge=0, le=1_024 * MIB)] = 64 * MIB
    """Of them all; the oldest are forgotten first."""
