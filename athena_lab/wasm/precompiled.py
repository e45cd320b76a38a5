"""The cache of precompiled components.

Deserialising machine code trusts it entirely. So the cache is used only in a folder into which nobody but this user
(and root) can put a file, a file counts only if it is this user's, and its bytes only if they are those that were
written: a file that a crash or a bad disk has damaged would take the process down. A file is named by what it was made
from: the component's hash, wasmtime's version and the engine's settings.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from pathlib import Path

_DIGEST = 32


class PrecompiledCache:
    """Bytes by key. `folder` None, or one that others can write to, means no cache."""

    def __init__(self, folder: Path | None, *, engine_key: str) -> None:
        self._folder = folder if folder is not None and make_private(folder) else None
        self._engine_key = engine_key

    def load(self, component_sha256: str) -> bytes | None:
        """The precompiled form, or None. Read, not mapped: a mapped file that is cut short kills the process."""
        place = self._path(component_sha256)
        data = _read_own(place) if place else None
        if data is None or hashlib.sha256(data[_DIGEST:]).digest() != data[:_DIGEST]:
            return None
        return data[_DIGEST:]

    def store(self, component_sha256: str, code: bytes | bytearray) -> None:
        """Write atomically. A full disk only costs the next start its time."""
        place = self._path(component_sha256)
        if place is None:
            return
        try:
            descriptor, temporary = tempfile.mkstemp(dir=place.parent)
        except OSError:
            return
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(hashlib.sha256(code).digest())
                file.write(code)
            Path(temporary).replace(place)
        except OSError:
            Path(temporary).unlink(missing_ok=True)

    def forget(self, component_sha256: str) -> None:
        """Give the room back."""
        if (place := self._path(component_sha256)) is not None:
            place.unlink(missing_ok=True)

    def _path(self, component_sha256: str) -> Path | None:
        if self._folder is None:
            return None
        key = hashlib.sha256(f"{component_sha256} {self._engine_key}".encode()).hexdigest()
        return self._folder / f"{key}.cwasm"


def _read_own(path: Path) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read() if _mine(os.fstat(descriptor)) else None


def make_private(folder: Path) -> bool:
    """Make the folder if there is none; whether nobody but this user can put a file there."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        real = folder.resolve()
        return _mine(real.stat()) and not folder.is_symlink() and all(_safe_above(parent) for parent in real.parents)
    except OSError:
        return False


def _mine(status: os.stat_result) -> bool:
    if not hasattr(os, "getuid"):  # Windows: the profile's access list keeps others out
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def _safe_above(folder: Path) -> bool:
    """Whether nobody else can rename what is in a folder above: it is ours or root's, and closed or sticky."""
    status = folder.stat()
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid in {0, os.getuid()} and (not status.st_mode & 0o022 or bool(status.st_mode & stat.S_ISVTX))
