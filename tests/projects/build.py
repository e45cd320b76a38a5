"""Components of the templates, really built: once for each state of their sources, kept in ``.cache/modules``."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

from athena_lab.projects import project, rust
from athena_lab.projects.toolchain import output_of, toolchains

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "modules"
KEPT = {
    "CARGO_HOME": os.environ.get("CARGO_HOME", str(Path.home() / ".cargo")),
    "NPM_CONFIG_CACHE": os.environ.get("NPM_CONFIG_CACHE", str(Path.home() / ".npm")),
    "XDG_CACHE_HOME": str(FOLDER / "caches"),
}
"""What a test's own home would make the tools fetch and build each time; read before there is one."""


def built(kind: str) -> Path:
    """The component of the template, as `athena modules new` and `build` make it."""
    with tempfile.TemporaryDirectory() as temporary:
        made = project.new(f"hidden-{kind}", kind, Path(temporary))
        kept = FOLDER / f"{made.name}-{_key(made)}.wasm"
        if not kept.exists():
            FOLDER.mkdir(parents=True, exist_ok=True)
            target = FOLDER / "target"  # the standard library takes minutes to build, where it has to be built
            if kind == "rust" and target.exists():
                shutil.move(target, made.folder / "target")
            try:
                with kept_caches():
                    component = project.build(made)
            finally:
                if kind == "rust" and (made.folder / "target").exists():
                    shutil.move(made.folder / "target", target)
            shutil.copy(component, kept)
    return kept


@contextlib.contextmanager
def kept_caches():
    before = dict(os.environ)
    os.environ |= KEPT
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


def _key(made: project.Project) -> str:
    digest = hashlib.sha256(_tools(made.kind).encode())
    for path in sorted(path for path in made.folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(made.folder)}\0".encode())
        digest.update(path.read_bytes())
    for module in (project, rust):
        digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()[:16]


def _tools(kind: str) -> str:
    if kind == "python":
        return version("componentize-py")
    return "".join(output_of(found.rustc, "--version") for found in toolchains()[:1])
