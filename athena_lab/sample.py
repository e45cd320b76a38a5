"""Samples and the quarantine in which they are kept.

A sample is stored once, under its SHA-256, as ``<sha256>.sample``: mode 0600 in a folder of mode 0700, never
executable, with a name that no program associates with anything. The host hashes its bytes and never parses them.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, TYPE_CHECKING, Annotated, Self

import msgspec
from msgspec import Meta

from athena_lab.errors import EmptySample, NotAFile, SampleError, SampleNotFound, SampleTooLarge, SampleUnreadable
from athena_lab.telemetry import metrics

if TYPE_CHECKING:
    from types import TracebackType

MIB = 1 << 20
DEFAULT_MAX_BYTES = 256 * MIB
_MAX_NAME = 200
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\u1fff\u2c00-\ud7ff\uf900-\ufffd]")
"""Control, formatting and private characters, surrogates: what could disguise a name when it is shown."""


class Sample(msgspec.Struct, frozen=True):
    """A file in the quarantine. ``size`` in bytes; ``name`` is what it was called: a hint, and hostile."""

    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    size: int
    name: str = ""


def display_name(name: str) -> str:
    """The last component of a path of any system, without characters that could disguise it, at most 200 long."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    return _UNPRINTABLE.sub("\ufffd", last)[:_MAX_NAME]


class Quarantine:
    """The content-addressed store of samples.

    ``max_bytes`` caps a single sample. Raises `SampleUnreadable` if the folder cannot be made private.
    """

    def __init__(self, folder: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    def add_bytes(self, data: bytes | bytearray | memoryview, name: str = "") -> Sample:
        """Store `data`. Raises `EmptySample` and `SampleTooLarge`."""
        with self.receive(name) as incoming:
            incoming.write(data)
            return incoming.commit()

    def add_path(self, path: str | os.PathLike[str]) -> Sample:
        """Store a copy of the file at `path`.

        Raises `SampleNotFound`, `NotAFile`, `SampleUnreadable`, `EmptySample` and `SampleTooLarge`.
        """
        with open_regular(path, self.max_bytes) as source, self.receive(Path(path).name) as incoming:
            while block := source.read(MIB):
                incoming.write(block)
            return incoming.commit()

    def receive(self, name: str = "") -> Incoming:
        """A sample that arrives in pieces; see `Incoming`."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.folder.chmod(0o700)
        except OSError as error:
            raise SampleUnreadable(
                f"The quarantine folder {str(self.folder)!r} cannot be used: {error.strerror}.",
                next_step="Set [samples] folder in athena.toml to a folder of yours.",
            ) from error
        return Incoming(self, display_name(name))

    def get(self, sha256: str) -> Sample:
        """The stored sample of that hash. Raises `SampleNotFound`."""
        path = self.path(sha256)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise SampleNotFound(f"The quarantine holds no sample {sha256}.") from None
        try:
            name = path.with_suffix(".name").read_text("utf-8")
        except FileNotFoundError:
            name = ""
        return Sample(sha256, size, name)

    def path(self, sha256: str) -> Path:
        """Where the sample of that hash is, or would be. Raises `SampleNotFound` if it is not a hash."""
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise SampleNotFound(f"{sha256[:80]!r} is not a SHA-256 in lower-case hexadecimal.")
        return self.folder / f"{sha256}.sample"


class Incoming:
    """A sample on its way into the quarantine: `write` the pieces, then `commit`; leaving without it keeps nothing."""

    def __init__(self, quarantine: Quarantine, name: str) -> None:
        self._quarantine = quarantine
        self._name = name
        self._hash = hashlib.sha256()
        self._size = 0
        descriptor, path = tempfile.mkstemp(dir=quarantine.folder, suffix=".incoming")  # mode 0600
        self._file: IO[bytes] = os.fdopen(descriptor, "wb")
        self._path = Path(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, block: bytes | bytearray | memoryview) -> None:
        """Append. Raises `SampleTooLarge` as soon as the cap is passed."""
        self._size += len(block)
        if self._size > self._quarantine.max_bytes:
            raise _too_large(self._size, self._quarantine.max_bytes)
        self._hash.update(block)
        self._file.write(block)

    def commit(self) -> Sample:
        """Put the sample in its place. Raises `EmptySample`."""
        if self._size == 0:
            raise EmptySample("The sample is empty (0 bytes).")
        self._file.close()
        sample = Sample(self._hash.hexdigest(), self._size, self._name)
        place = self._quarantine.path(sample.sha256)
        self._path.replace(place)  # atomic; the same bytes if it was there
        if self._name:
            self._keep_name(place.with_suffix(".name"))
        metrics.SAMPLES_BYTES.inc(self._size)
        return sample

    def _keep_name(self, place: Path) -> None:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self._name)


def _too_large(size: int, limit: int) -> SampleTooLarge:
    return SampleTooLarge(f"The sample has {size:,} bytes or more; the limit is {limit:,}.")


def open_regular(path: str | os.PathLike[str], limit: int) -> IO[bytes]:
    """Open a file that may become a sample. Raises as `Quarantine.add_path`."""
    # O_NONBLOCK: opening a pipe that nobody writes must not hang; a regular file does not care.
    shown = repr(os.fspath(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL in the path
        raise SampleNotFound(f"There is no file {shown}.") from None
    except OSError as error:
        raise SampleUnreadable(f"{shown} cannot be read: {error.strerror}.") from error
    try:
        _check(os.fstat(descriptor), shown, limit)
    except SampleError:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def _check(status: os.stat_result, shown: str, limit: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise NotAFile(f"{shown} is a directory.")
    if not stat.S_ISREG(status.st_mode):
        raise NotAFile(f"{shown} is not a regular file.")
    if status.st_size > limit:
        raise _too_large(status.st_size, limit)
