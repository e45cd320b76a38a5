"""The list of a folder's components."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from athena_lab.wasm.contract import Name

MANIFEST = "manifest.json"


class Entry(msgspec.Struct, frozen=True):
    """One module of the manifest. ``size`` in bytes; ``file`` relative to the manifest's folder."""

    name: Name
    file: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]*\.wasm$(?!\n)")]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
    size: int
    foreign: bool = False
    """It did not come with Athena Lab. The folder says so, whatever a manifest claims."""


class Manifest(msgspec.Struct, frozen=True):
    """``manifest.json``, as far as the host needs it; the build keeps more in it."""

    modules: tuple[Entry, ...]
