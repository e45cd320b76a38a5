"""A module's project: a folder with sources and ``athena-module.toml``, made from a template and built by its kind."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from athena_lab.errors import ProjectError
from athena_lab.projects import python, rust
from athena_lab.wasm.contract import RESERVED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal["python", "rust"]
FILE: Final = "athena-module.toml"
_TEMPLATES: Final = Path(__file__).parent / "templates"
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
_BUILDERS: Final[Mapping[str, Callable[[Path, Path], None]]] = {"python": python.build, "rust": rust.build}


class Project(NamedTuple):
    name: str
    kind: Kind
    folder: Path

    @property
    def component(self) -> Path:
        """Where `build` puts what it makes."""
        return self.folder / "dist" / f"{self.name}.wasm"


def new(name: str, kind: Kind, parent: Path) -> Project:
    """A project in a new folder below `parent` that can be built as it is. Raises `ProjectError`."""
    _check(name)
    folder = parent / name
    if folder.exists():
        raise ProjectError(f"{str(folder)!r} is there already.", next_step="Choose another name or another folder.")
    try:
        _copy(_TEMPLATES / kind, folder, name)
        if kind == "rust":
            rust.complete(folder)
    except OSError as error:
        raise ProjectError(
            f"{str(folder)!r} cannot be written: {error.strerror}.", next_step="Choose another folder."
        ) from error
    return Project(name, kind, folder)


def load(folder: Path) -> Project:
    """The project in a folder. Raises `ProjectError`."""
    try:
        table = tomllib.loads((folder / FILE).read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise ProjectError(
            f"{str(folder.absolute())!r} is no module's project: it has no {FILE}.",
            next_step="Name the folder that `athena modules new NAME --python` made, or make one.",
        ) from None
    except (OSError, ValueError, RecursionError) as error:  # TOMLDecodeError is a ValueError
        raise ProjectError(f"{FILE} in {str(folder)!r} cannot be read: {error}.") from error
    name, kind = table.get("name"), table.get("kind")
    if not isinstance(name, str):
        raise ProjectError(f"{FILE} gives no name.")
    _check(name)
    if kind in ("python", "rust"):
        return Project(name, kind, folder)
    raise ProjectError(f"{FILE}: the kind is one of {', '.join(_BUILDERS)}.")


def build(project: Project) -> Path:
    """The component that was made. Raises `ProjectError` and `MissingPackage`."""
    project.component.parent.mkdir(exist_ok=True)
    try:
        _BUILDERS[project.kind](project.folder.resolve(), project.component.resolve())
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout or "").strip() or f"it ended with {error.returncode}"
        program = Path(error.cmd[0]).name
        raise ProjectError(f"{program} failed:\n{said}\n", next_step="Mend what it names, and build again.") from error
    return project.component


def _check(name: str) -> None:
    if not _NAME.fullmatch(name):
        step = "Use lower-case letters, digits and hyphens, a letter first, 64 characters at most."
        raise ProjectError(f"{name[:80]!r} cannot be a module's name.", next_step=step)
    if name in RESERVED:
        raise ProjectError(f"{name!r} is one of Athena Lab's own modules.", next_step="Choose another name.")


def _copy(template: Path, folder: Path, name: str) -> None:
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(template, folder, ignore=ignore)
    (folder / "gitignore").rename(folder / ".gitignore")
    for path in folder.rglob("*"):
        if path.is_file():
            text = path.read_text("utf-8")
            path.write_text(text.replace("@name@", name), "utf-8")
