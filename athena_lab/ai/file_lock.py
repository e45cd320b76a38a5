"""A lock that one process holds at a time, and that the operating system takes back when it dies (flock(2))."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from athena_lab.ai.database import make_private

if TYPE_CHECKING:
    from pathlib import Path


class FileLock:
    """On a file of its own, which stays: were it removed, two could hold a lock of that name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self) -> bool:
        """Whether it is ours now, or was already. Raises OSError where the file cannot be made, or is not ours."""
        if self._descriptor is not None:
            return True
        make_private(self._path)  # whoever may read it may hold it
        descriptor = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Idempotent."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
