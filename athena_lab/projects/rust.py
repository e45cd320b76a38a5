"""Building a module in Rust: cargo, and npm's jco-transpile to make a component of the core module, as for our own.

A project has what our modules are made of beside its own crate: the contract and module-kit are copied into it, so that
it needs neither this package nor a network but the registries.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import platformdirs

from athena_lab.errors import ProjectError
from athena_lab.projects.toolchain import NEED_NODE, NEED_RUST, TARGET, toolchains

_SECONDS: Final = 1_800
_COMPONENTISER: Final = ("package.json", "package-lock.json", "componentize.mjs")
_KIT: Final = "crates/module-kit"
_IGNORED: Final = shutil.ignore_patterns("target", "node_modules")


def shared() -> Path:
    """What modules share: in the package, else (in a checkout) where ours are built."""
    package = Path(__file__).parent / "shared"
    return package if package.is_dir() else Path(__file__).parent.parent.parent / "wasm"


def complete(folder: Path) -> None:
    """Put what modules share into a new project."""
    shutil.copytree(shared() / _KIT, folder / _KIT, ignore=_IGNORED)
    shutil.copytree(shared() / "wit", folder / "wit")
    workspace = (shared() / "Cargo.toml").read_text("utf-8")
    with (folder / "Cargo.toml").open("a", encoding="utf-8") as file:
        file.write(workspace[workspace.index("[workspace.dependencies]") :])
    shutil.copy(
        shared() / "Cargo.lock", folder
    )  # the versions that ours are tested with; cargo drops what is not needed


def build(folder: Path, component: Path) -> None:
    """Raises `ProjectError` for what is missing, and `subprocess.CalledProcessError` for what a program says."""
    node, componentiser = _componentiser()
    found = toolchains()
    if not found:
        raise ProjectError("There is no Rust for WebAssembly.", next_step=NEED_RUST)
    toolchain = found[0]
    command: list[str | Path] = [
        toolchain.cargo,
        "build",
        "--release",
        "--target",
        TARGET,
        *toolchain.flags,
        "--package",
        component.stem,
    ]
    target = folder / "target"
    _run([*command, "--target-dir", str(target)], folder, toolchain.environment())
    core = target / TARGET / "release" / f"{component.stem.replace('-', '_')}.wasm"
    _run([node, componentiser, core, component], componentiser.parent)


def _componentiser() -> tuple[str, Path]:
    """Node, and the script that it runs; fetched from npm the first time. Raises as `build`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise ProjectError("There is no Node.js.", next_step=NEED_NODE)
    place = platformdirs.user_cache_path("athena-lab") / "componentiser"
    done = place / "node_modules" / ".athena-lock.json"
    lock = (shared() / "package-lock.json").read_bytes()
    if not done.is_file() or done.read_bytes() != lock:
        place.mkdir(parents=True, exist_ok=True)
        for name in _COMPONENTISER:
            shutil.copy(shared() / name, place)
        _run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], place)
        done.write_bytes(lock)
    return node, place / "componentize.mjs"


def _run(command: list[str | Path], folder: Path, env: dict[str, str] | None = None) -> None:
    subprocess.run(  # noqa: S603 - programs that were found, on the user's own project
        [str(part) for part in command],
        cwd=folder,
        env=env,
        check=True,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_SECONDS,
    )
