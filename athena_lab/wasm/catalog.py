"""Which modules exist: the components folder and its manifest, and the folder of the user's own.

A component is accepted only if its bytes are those of the manifest and it imports nothing but stdin; the imports are
checked by `runtime`, which has an engine to ask.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import msgspec

from athena_lab.errors import BadModule, UnknownModule
from athena_lab.wasm.contract import RESERVED
from athena_lab.wasm.manifest import MANIFEST, Entry, Manifest

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from athena_lab.wasm.own import OwnModules

ALLOWED_IMPORT = re.compile(r"wasi:(cli/stdin|io/(streams|error|poll))@0\.2\.\d+")
"""All that a module may import. ``wasi:io/poll`` is what ``streams`` refers to; without a clock nothing sleeps."""


class Catalog:
    """The modules of one folder, and the user's own. `scan` reads the manifests again, so that a new one is found."""

    def __init__(self, folder: Path, own: OwnModules | None = None) -> None:
        self.folder = folder
        self.own = own
        self.problem: BadModule | None = None
        """Why the user's own modules, or one of them, are not among the entries."""
        self._entries: dict[str, Entry] = {}

    def scan(self) -> tuple[Entry, ...]:
        """Read the manifests. Raises `BadModule` if there is none of ours or it is broken."""
        path = self.folder / MANIFEST
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except OSError as error:
            raise BadModule(f"No manifest at {str(path)!r}: {error.strerror}.", module="*") from error
        except msgspec.MsgspecError as error:
            raise BadModule(f"The manifest {str(path)!r} is broken: {error}.", module="*") from error
        ours = {entry.name: msgspec.structs.replace(entry, foreign=False) for entry in manifest.modules}
        self._entries = {**ours, **self._foreign(ours)}  # ours are loaded first
        return self.entries

    def _foreign(self, ours: Container[str]) -> dict[str, Entry]:
        """What is wrong with them must not keep ours from working."""
        self.problem = None
        try:
            own = self.own.entries() if self.own else ()
        except BadModule as problem:
            self.problem = problem
            return {}
        clashing = {entry.name for entry in own if entry.name in ours or entry.name in RESERVED}
        for name in sorted(clashing):
            step = f"Remove yours (`athena modules remove {name}`), and add it again under another name."
            self.problem = BadModule("A module of that name comes with Athena Lab.", module=name, next_step=step)
        return {entry.name: entry for entry in own if entry.name not in clashing}

    def is_foreign(self, name: str) -> bool:
        """Of a module that the last `scan` found."""
        return name in self._entries and self._entries[name].foreign

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
        folder = self.own.folder if entry.foreign and self.own else self.folder
        path = folder / entry.file
        try:
            data = path.read_bytes()
        except OSError as error:
            raise BadModule(f"{str(path)!r} cannot be read: {error.strerror}.", module=entry.name) from error
        if hashlib.sha256(data).hexdigest() != entry.sha256:
            raise BadModule(f"The bytes of {entry.file} are not those of the manifest.", module=entry.name)
        return data
