"""The folder of the user's own modules: components by their hash, and a manifest.

It is this user's alone, since whoever can write there chooses what the lab runs. Every change writes the manifest anew
and puts it in the place of the old one in one step: a server that reads meanwhile sees one or the other.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from athena_lab.errors import BadModule, ModuleNotTaken
from athena_lab.wasm.manifest import MANIFEST, Entry, Manifest
from athena_lab.wasm.precompiled import make_private

if TYPE_CHECKING:
    from collections.abc import Iterator

_STORED: Final = re.compile(r"[a-z][a-z0-9-]*\.[0-9a-f]{64}\.wasm")
"""Names that we give: nothing else in the folder is ever deleted."""


def read_component(path: str | os.PathLike[str], most: int) -> bytes:
    """The bytes of a file that is to be taken, one more than may be at most. Raises `ModuleNotTaken`."""
    problem, step = "there is no such file", "Name a component: `athena modules build` makes one, in dist/."
    try:
        if Path(path).is_dir():
            problem = "that is a folder"
        elif Path(path).exists() and not Path(path).is_file():
            problem = "that is no regular file"
        elif Path(path).exists():
            with Path(path).open("rb") as file:
                return file.read(most + 1)
    except OSError as error:
        problem = error.strerror or problem
    except ValueError:  # a NUL in the path
        pass
    raise ModuleNotTaken(f"{os.fspath(path)!r} cannot be read: {problem}.", module="new module", next_step=step)


class OwnModules:
    """The modules of `folder`, which is made with the first of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self) -> tuple[Entry, ...]:
        """Raises `BadModule` if the manifest is broken; without one there are none."""
        try:
            content = (self.folder / MANIFEST).read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._unusable(error.strerror or "unreadable") from error
        try:
            rows = msgspec.json.decode(content, type=Manifest).modules
        except (msgspec.MsgspecError, RecursionError) as error:
            raise self._unusable(f"its manifest is broken: {error}") from error
        if not make_private(self.folder):
            raise self._unusable("others can write to it")
        return tuple(msgspec.structs.replace(row, foreign=True) for row in {row.name: row for row in rows}.values())

    def add(self, name: str, wasm: bytes) -> Entry:
        """Keep a component, in the place of one of that name. Raises `BadModule` if the folder cannot be used."""
        with self._writing():
            if not make_private(self.folder):
                raise self._unusable("others can write to it")
            digest = hashlib.sha256(wasm).hexdigest()
            entry = Entry(name, f"{name}.{digest}.wasm", digest, len(wasm), foreign=True)
            self._put(entry.file, wasm)
            self._keep((*(row for row in self.entries() if row.name != name), entry))
            return entry

    def remove(self, name: str) -> bool:
        """Whether it was there."""
        with self._writing():
            rows = self.entries()
            left = tuple(row for row in rows if row.name != name)
            if len(left) < len(rows):
                self._keep(left)
            return len(left) < len(rows)

    def _keep(self, rows: tuple[Entry, ...]) -> None:
        self._put(MANIFEST, msgspec.json.format(msgspec.json.encode(Manifest(rows))))
        kept = {row.file for row in rows}
        for path in self.folder.iterdir():
            if _STORED.fullmatch(path.name) and path.name not in kept:
                path.unlink(missing_ok=True)

    def _put(self, name: str, content: bytes) -> None:
        descriptor, temporary = tempfile.mkstemp(dir=self.folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(temporary).replace(self.folder / name)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            raise

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unusable(error.strerror or type(error).__name__) from error

    def _unusable(self, problem: str) -> BadModule:
        step = "Set [wasm.foreign] folder in athena.toml to a folder that only you can write to."
        return BadModule(
            f"The folder of your own modules, {str(self.folder)!r}: {problem}.", module="*", next_step=step
        )
