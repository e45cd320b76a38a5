"""The cache of precompiled components.

Deserialising machine code trusts it entirely, so that the cache is used only in a folder that nobody but this user can
write to. A file is named by what it was made from: the component's hash, wasmtime's version and the engine's settings.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path


class PrecompiledCache:
    """Bytes by key. `folder` None, or one that others can write to, means no cache."""

    def __init__(self, folder: Path | None, *, engine_key: str) -> None:
        self._folder = folder if folder is not None and _make_private(folder) else None
        self._engine_key = engine_key

    def load(self, component_sha256: str) -> bytes | None:
        """The precompiled form, or None. Read, not mapped: a mapped file that is cut short kills the process."""
        place = self._path(component_sha256)
        try:
            return place.read_bytes() if place else None
        except OSError:
            return None

    def _path(self, component_sha256: str) -> Path | None:
        if self._folder is None:
            return None
        key = hashlib.sha256(f"{component_sha256} {self._engine_key}".encode()).hexdigest()
        return self._folder / f"{key}.cwasm"

    def store(self, component_sha256: str, code: bytes | bytearray) -> None:
        """Write atomically. A full disk only costs the next start its time."""
        place = self._path(component_sha256)
        if place is None:
            return
        descriptor, temporary = tempfile.mkstemp(dir=place.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(code)
            Path(temporary).replace(place)
        except OSError:
            Path(temporary).unlink(missing_ok=True)


def _make_private(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = folder.lstat()
    except OSError:
        return False
    if not hasattr(os, "getuid"):  # Windows: the profile's access list keeps others out
        return True
    return status.st_uid == os.getuid() and status.st_mode & 0o022 == 0 and folder.is_dir() and not folder.is_symlink()
