"""Samples and the quarantine in which they are kept.

A sample is stored once, under its SHA-256, as ``<sha256>.sample``: mode 0600 in a folder of mode 0700, never
executable, with a name that no program associates with anything. The host hashes its bytes and never parses them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import tempfile
import time
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, TYPE_CHECKING, Annotated, NamedTuple, Self

import msgspec
from msgspec import Meta

from athena_lab.errors import (
    EmptySample,
    NotAFile,
    QuarantineUnusable,
    SampleError,
    SampleNotFound,
    SampleTooLarge,
    SampleUnreadable,
)
from athena_lab.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

MIB = 1 << 20
DEFAULT_MAX_BYTES = 256 * MIB
_MAX_NAME = 200
_INCOMING = ".incoming"
_LEFT_AFTER_SECONDS = 86_400
_KEPT_HASHES = 4_096
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\u1fff\u2c00-\ud7ff\uf900-\ufffd]")
"""Control, formatting and private characters, surrogates: what could disguise a name when it is shown."""


class Sample(msgspec.Struct, frozen=True):
    """A file in the quarantine. ``size`` in bytes; ``name`` is what it was called: a hint, and hostile."""

    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    size: int
    name: str = ""


def display_name(name: str) -> str:
    """The last component of a path of any system, without characters that could disguise it, at most 200 long."""
    last = PureWindowsPath(PurePosixPath(name).name).name
    return _UNPRINTABLE.sub("\ufffd", last)[:_MAX_NAME]


def check_path(source: object) -> str | os.PathLike[str]:
    """A path, or `NotAFile` for what cannot be one."""
    if isinstance(source, str | os.PathLike):
        return source
    raise NotAFile(f"A {type(source).__name__} is neither a path nor bytes nor a sample.")


class Hashes(NamedTuple):
    """Of a sample's bytes, in lower-case hexadecimal."""

    md5: str
    sha1: str
    sha256: str


class Hashing:
    """Hashes of bytes that come in pieces."""

    def __init__(self) -> None:
        # MD5 and SHA-1 are names that analysts share; nothing is trusted for them.
        self._all = tuple(hashlib.new(name, usedforsecurity=False) for name in Hashes._fields)

    def update(self, block: bytes | bytearray | memoryview) -> None:
        for one in self._all:
            one.update(block)

    def result(self) -> Hashes:
        return Hashes(*(one.hexdigest() for one in self._all))


class Quarantine:
    """The content-addressed store of samples. ``max_bytes`` caps a single sample.

    Its folder is made with the first sample, for this user alone; one that others can write to is refused.
    """

    def __init__(self, folder: Path, *, max_bytes: int = DEFAULT_MAX_BYTES) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self._prepared = False
        self._hashes: dict[str, Hashes] = {}
        """Of samples stored lately, by their SHA-256."""

    def add_bytes(self, data: bytes | bytearray | memoryview, name: str = "", *, is_inside: bool = False) -> Sample:
        """Store `data`. What was found inside another sample takes no name from one that was given by somebody.

        Raises `EmptySample`, `SampleTooLarge` and `QuarantineUnusable`.
        """
        with self.receive(name, is_inside=is_inside) as incoming:
            incoming.write(data)
            return incoming.commit()

    def add_path(self, path: str | os.PathLike[str]) -> Sample:
        """Store a copy of the file at `path`.

        Raises `SampleNotFound`, `NotAFile`, `SampleUnreadable`, and as `add_bytes`.
        """
        with open_regular(path, self.max_bytes) as source, self.receive(Path(path).name) as incoming:
            while block := _read(source):
                incoming.write(block)
            return incoming.commit()

    def receive(self, name: str = "", *, is_inside: bool = False) -> Incoming:
        """A sample that arrives in pieces; see `Incoming` and `add_bytes`. Raises `QuarantineUnusable`."""
        with self.writing():
            if not self._prepared:
                self._prepare()
            return Incoming(self, display_name(name), is_inside=is_inside)

    def get(self, sha256: str) -> Sample:
        """The stored sample of that hash. Raises `SampleNotFound`."""
        path = self.path(sha256)
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            raise SampleNotFound(f"The quarantine holds no sample {sha256}.") from None
        try:
            name = path.with_suffix(".name").read_text("utf-8", "replace")
        except FileNotFoundError:
            name = ""
        return Sample(sha256, size, name)

    def hashes(self, sha256: str) -> Hashes | None:
        """Hashes of a sample that was stored lately; None if they would have to be made anew."""
        return self._hashes.get(sha256)

    def stored(self, hashes: Hashes) -> None:
        """Remember the hashes of a sample that has just been stored."""
        self._hashes[hashes.sha256] = hashes
        while len(self._hashes) > _KEPT_HASHES:
            with contextlib.suppress(StopIteration, KeyError):  # another thread does the same
                del self._hashes[next(iter(self._hashes))]

    def path(self, sha256: str) -> Path:
        """Where the sample of that hash is, or would be. Raises `SampleNotFound` if it is not a hash."""
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise SampleNotFound(f"{sha256[:80]!r} is not a SHA-256 in lower-case hexadecimal.")
        return self.folder / f"{sha256}.sample"

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Names the operating system's errors."""
        try:
            yield
        except OSError as error:
            raise QuarantineUnusable(f"The quarantine {str(self.folder)!r}: {error.strerror}.") from error

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        status = self.folder.stat()
        if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o022):
            raise QuarantineUnusable(f"Others can write to the quarantine {str(self.folder)!r}.")
        for left in self.folder.glob(f"*{_INCOMING}"):  # by a process that was killed
            with contextlib.suppress(FileNotFoundError):  # another thread's, which has come to its place meanwhile
                if time.time() - left.stat().st_mtime > _LEFT_AFTER_SECONDS:
                    left.unlink()
        self._prepared = True


class Incoming:
    """A sample on its way into the quarantine: `write` the pieces, then `commit`; leaving without it keeps nothing."""

    def __init__(self, quarantine: Quarantine, name: str, *, is_inside: bool) -> None:
        self._quarantine = quarantine
        self._name, self._is_inside = name, is_inside
        self._hashing = Hashing()
        self._size = 0
        descriptor, path = tempfile.mkstemp(dir=quarantine.folder, suffix=_INCOMING)  # mode 0600
        self._file: IO[bytes] = os.fdopen(descriptor, "wb", buffering=0)  # errors belong to the write that met them
        self._path = Path(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def write(self, block: bytes | bytearray | memoryview) -> None:
        """Append. Raises `SampleTooLarge` as soon as the cap is passed, and `QuarantineUnusable`."""
        self._size += len(block)
        if self._size > self._quarantine.max_bytes:
            raise _too_large(self._size, self._quarantine.max_bytes)
        self._hashing.update(block)
        with self._quarantine.writing():
            _write_all(self._file, block)

    def commit(self) -> Sample:
        """Put the sample in its place. Raises `EmptySample` and `QuarantineUnusable`."""
        if self._size == 0:
            raise EmptySample("The sample is empty (0 bytes).")
        self._file.close()
        hashes = self._hashing.result()
        sample = Sample(hashes.sha256, self._size, self._name)
        place = self._quarantine.path(sample.sha256)
        with self._quarantine.writing():
            if self._name and not (self._is_inside and place.exists()):
                self._keep_name(place.with_suffix(".name"))
            self._path.replace(place)  # atomic; the same bytes if it was there
        self._quarantine.stored(hashes)
        metrics.SAMPLES_BYTES.inc(self._size)
        return sample

    def _keep_name(self, place: Path) -> None:
        descriptor, path = tempfile.mkstemp(dir=place.parent, suffix=_INCOMING)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self._name)
        Path(path).replace(place)


def _write_all(file: IO[bytes], block: bytes | bytearray | memoryview) -> None:
    left = memoryview(block)
    while left:
        left = left[file.write(left) :]


def _read(source: IO[bytes]) -> bytes:
    try:
        return source.read(MIB)
    except OSError as error:
        raise SampleUnreadable(f"The file cannot be read to its end: {error.strerror}.") from error


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
