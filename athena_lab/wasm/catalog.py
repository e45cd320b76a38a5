"""Which modules exist: the components folder and its manifest.

A component is accepted only if its bytes are those of the manifest and it imports nothing but stdin; the imports are
checked by `runtime`, which has an engine to ask.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from athena_lab.errors import BadModule, UnknownModule
from athena_lab.wasm.contract import Name

if TYPE_CHECKING:
    from pathlib import Path

ALLOWED_IMPORT = re.compile(r"wasi:(cli/stdin|io/(streams|error|poll))@0\.2\.\d+")
"""All that a module may import. ``wasi:io/poll`` is what ``streams`` refers to; without a clock nothing sleeps."""

MANIFEST = "manifest.json"


class Entry(msgspec.Struct, frozen=True):
    """One module of the manifest. ``size`` in bytes; ``file`` relative to the manifest's folder."""

    name: Name
    file: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]*\.wasm$")]
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    size: int


class Manifest(msgspec.Struct, frozen=True):
    """``manifest.json``, as far as the host needs it; the build keeps more in it."""

    modules: tuple[Entry, ...]


class Catalog:
    """The modules of one folder. `scan` reads the manifest again, so that a rebuilt module is found."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._entries: dict[str, Entry] = {}

    def scan(self) -> tuple[Entry, ...]:
        """Read the manifest. Raises `BadModule` if there is none or it is broken."""
        path = self.folder / MANIFEST
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except OSError as error:
            raise BadModule(f"No manifest at {str(path)!r}: {error.strerror}.", module="*") from error
        except msgspec.MsgspecError as error:
            raise BadModule(f"The manifest {str(path)!r} is broken: {error}.", module="*") from error
        self._entries = {entry.name: entry for entry in manifest.modules}
        return manifest.modules

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What the last `scan` found."""
        return tuple(self._entries.values())

    def entry(self, name: str) -> Entry:
        """Raises `UnknownModule`."""
        try:
            return self._entries[name]
        except KeyError:
            known = ", ".join(sorted(self._entries)) or "none"
            raise UnknownModule(f"There is no module {name[:80]!r}; there are: {known}.") from None

    def read(self, entry: Entry) -> bytes:
        """The component's bytes, verified. Raises `BadModule`."""
        path = self.folder / entry.file
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BadModule(f"{str(path)!r} cannot be read: {error.strerror}.", module=entry.name) from error
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise BadModule(f"The bytes of {entry.file} are not those of the manifest.", module=entry.name)
        return data
