"""Honest files of this machine: the most of them came with its packages."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNT = 1_000
MAX_SIZE = 4 << 20


def files() -> list[Path]:
    """A thousand programs, libraries, scripts and data, of at most 4 MiB each."""
    found = [file for file in _candidates() if file.is_file() and 0 < file.stat().st_size < MAX_SIZE]
    assert len(found) >= COUNT, "the packages that `make test` installs have more"
    return found[:COUNT]


def _candidates() -> Iterator[Path]:
    site = Path(sys.prefix) / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    folders = (
        (site, "*.exe", 60), (site, "*.dll", 60), (site, "*.so", 200), (site, "*.py", 500), (site, "*.js", 150),
        (REPOSITORY / "labextension" / "node_modules", "*.js", 300), (Path("/usr/bin"), "*", 300),
    )  # fmt: skip
    for folder, pattern, most in folders:
        found = sorted(folder.rglob(pattern))
        yield from found[:: max(1, len(found) // most)]
