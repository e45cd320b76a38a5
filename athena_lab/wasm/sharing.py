"""Whether guests can share pages here, which depends on the system and on the Python."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from athena_lab.wasm.pages import CopiedPages

if sys.platform == "linux":
    from athena_lab.wasm import shared_pages

if TYPE_CHECKING:
    from athena_lab.wasm.pages import Lender, Pages


def ways() -> tuple[type[Pages], ...]:
    """All that work here, the best first."""
    if sys.platform == "linux" and shared_pages.is_possible():
        return shared_pages.SharedPages, CopiedPages
    return (CopiedPages,)


def lender() -> Lender | None:
    """None where pages cannot be shared: samples are copied then."""
    if sys.platform == "linux" and shared_pages.is_possible():
        with contextlib.suppress(OSError):  # no more files may be open
            return shared_pages.Loan()
    return None
