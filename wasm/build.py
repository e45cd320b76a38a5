#!/usr/bin/env python3
"""Builds the WebAssembly components and their manifests, reproducibly.

``build.py`` builds what changed; ``--check`` says whether the sources match the manifests; ``--verify`` builds all
from clean and compares the bytes with the committed ones; ``--out DIR`` writes the components of all groups elsewhere.

A component's bytes depend on its sources, Cargo.lock, the compiler, the linker and the componentiser, and on nothing
else: every path is remapped. The manifest records all of these. Needs the standard library, Rust and Node only.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any, NoReturn

WASM = Path(__file__).resolve().parent
ROOT = WASM.parent
sys.path.insert(0, str(ROOT))  # what it uses of the package needs nothing that would have to be installed

from athena_lab.projects import binary  # noqa: E402 - found only now
from athena_lab.projects.toolchain import NEED_NODE, NEED_RUST, TARGET, Toolchain, output_of, toolchains  # noqa: E402 - as above

FLAGS = ("-Ctarget-feature=+simd128", '--cfg=getrandom_backend="custom"')
"""Vectors of 128 bits, which every runtime has: a quick analysis takes 7 % less time. And chance is a module's
own, with a fixed seed, if a crate that it is made of asks for some: there is none in the sandbox."""
ALLOWED_IMPORTS = {"wasi:cli/stdin@0.2.12", "wasi:io/error@0.2.12", "wasi:io/streams@0.2.12"}
TEMPORARY = "athena-wasm-"
FORBIDDEN = (b"/root/", b"/home/", b"registry/src")
SHARED_SOURCES = ("Cargo.toml", "Cargo.lock", "package-lock.json", "componentize.mjs", "wit", "crates/module-kit")
OWN_SOURCES = ("Cargo.toml", "build.rs", "src", "rules", "wit")


@dataclasses.dataclass(frozen=True)
class Group:
    """Crates in one folder of the workspace whose components go to one folder, with one manifest."""

    crates: Path
    components: Path
    may_import_more: frozenset[str] = frozenset()
    """Crates that exist to be refused by the host."""

    def names(self) -> list[str]:
        return sorted(path.parent.name for path in self.crates.glob("*/Cargo.toml"))


SHIPPED = Group(WASM / "modules", WASM / "components")
TESTING = Group(WASM / "testing", ROOT / "tests" / "data" / "components", frozenset({"greedy"}))
GROUPS = (SHIPPED, TESTING)


def fail(sentence: str) -> NoReturn:
    sys.exit(f"wasm/build.py: {sentence}")


def say(sentence: str) -> None:
    print(f"wasm: {sentence}", flush=True)  # noqa: T201  # a build script talks to its terminal


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    say("$ " + " ".join(Path(part).name if part is command[0] else str(part) for part in command))
    done = subprocess.run([str(part) for part in command], cwd=WASM, env=env, check=False)  # noqa: S603  # our own tools
    if done.returncode:
        fail(f"{Path(command[0]).name} failed with exit code {done.returncode}.")


# -- sources and manifests -------------------------------------------------------------------------------------


def source_hash(crate: Path) -> str:
    """SHA-256 over the compiler's flags and the names and bytes of all files that the component is made of."""
    digest = hashlib.sha256("\0".join(FLAGS).encode())
    roots = [WASM / name for name in SHARED_SOURCES]
    roots += [folder / name for folder in (crate, *path_dependencies(crate)) for name in OWN_SOURCES]
    files = {file for root in roots for file in ([root] if root.is_file() else root.rglob("*")) if file.is_file()}
    for file in sorted(files, key=lambda file: file.relative_to(WASM).as_posix()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(WASM).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def path_dependencies(crate: Path) -> list[Path]:
    """Folders of the crates of ours that a module is made of, but for module-kit, which all are."""
    found: list[Path] = []
    pending = [crate]
    while pending:
        folder = pending.pop()
        rows = tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8")).get("dependencies", {}).values()
        own = {(folder / row["path"]).resolve() for row in rows if isinstance(row, dict) and "path" in row}
        more = [path for path in sorted(own) if path not in found]
        found += more
        pending += more
    return sorted(found)


def read_manifest(group: Group) -> dict[str, dict[str, Any]]:
    file = group.components / "manifest.json"
    if not file.is_file():
        return {}
    return {row["name"]: row for row in json.loads(file.read_text(encoding="utf-8"))["modules"]}


def write_manifest(folder: Path, rows: list[dict[str, Any]]) -> None:
    text = json.dumps({"format": 1, "modules": sorted(rows, key=lambda row: row["name"])}, indent=2)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


def stale(group: Group) -> list[str]:
    """Crates whose sources are not the manifest's, or whose component is not the one in the manifest."""
    manifest = read_manifest(group)
    return [name for name in group.names() if not is_current(group, name, manifest.get(name))]


def is_current(group: Group, name: str, row: dict[str, Any] | None) -> bool:
    component = group.components / f"{name}.wasm"
    return (
        row is not None
        and row["source_sha256"] == source_hash(group.crates / name)
        and component.is_file()
        and row["sha256"] == hashlib.sha256(component.read_bytes()).hexdigest()
    )


# -- toolchain -------------------------------------------------------------------------------------------------


def identity(toolchain: Toolchain) -> dict[str, str]:
    """What the bytes of a component depend on beside its sources."""
    lock = json.loads((WASM / "package-lock.json").read_text(encoding="utf-8"))
    name = "@bytecodealliance/jco-transpile"
    return {
        "build": toolchain.build,
        "rustc": output_of(toolchain.rustc, "--version"),
        "linker": output_of(toolchain.linker, "--version") if toolchain.linker else "rust-lld",
        "componentiser": f"{name} {lock['packages'][f'node_modules/{name}']['version']}",
    }


def choose_toolchain() -> Toolchain:
    """The one that made the committed components where it is here, else the first that works."""
    found = toolchains()
    if not found:
        fail(NEED_RUST)
    known = [row["toolchain"] for group in GROUPS for row in read_manifest(group).values()]
    return next((toolchain for toolchain in found if identity(toolchain) in known), found[0])


def registry_sources() -> Path:
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    return home / "registry" / "src"


def remapped(toolchain: Toolchain) -> list[str]:
    """Flags that keep paths of this machine out of the code. The last prefix that fits wins."""
    rust = toolchain.library_source().parent
    pairs = [(rust, "/rustc"), (rust.resolve(), "/rustc"), (WASM, "/athena/wasm")]
    pairs += [(folder, "/crates") for folder in sorted(registry_sources().glob("*"))]
    return [f"--remap-path-prefix={path}={name}" for path, name in pairs]


# -- building --------------------------------------------------------------------------------------------------


def cargo_environment(toolchain: Toolchain, target_folder: Path) -> dict[str, str]:
    return toolchain.environment() | {
        "CARGO_TARGET_DIR": str(target_folder),
        "CARGO_INCREMENTAL": "0",
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join([*FLAGS, *remapped(toolchain)]),
    }


def build_core(toolchain: Toolchain, names: list[str], target_folder: Path) -> Path:
    """Builds the crates' core modules and returns the folder that holds them."""
    fetch_env = os.environ | {"RUSTC": str(toolchain.rustc)}
    run(toolchain.cargo, "fetch", "--locked", env=fetch_env)
    env = cargo_environment(toolchain, target_folder)
    for name in names:
        # One by one: together, crates get each other's features, and their bytes depend on who else is built.
        run(
            toolchain.cargo, "build", "--locked", "--release", "--target", TARGET, *toolchain.flags, "-p", name, env=env
        )
    return target_folder / TARGET / "release"


def install_componentiser() -> Path:
    """Makes node_modules what package-lock.json says, and returns node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        fail(NEED_NODE)
    installed = WASM / "node_modules" / ".package-lock.json"
    lock = WASM / "package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        run(npm, "ci", "--no-audit", "--no-fund")
        installed.touch()
    return Path(node)


def build(group: Group, names: list[str], toolchain: Toolchain, target_folder: Path, out: Path) -> list[dict[str, Any]]:
    """Builds the named components of a group into ``out`` and returns their rows of the manifest."""
    node = install_componentiser()
    core = build_core(toolchain, names, target_folder)
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name in names:
        component = out / f"{name}.wasm"
        run(node, "componentize.mjs", core / f"{name.replace('-', '_')}.wasm", component)
        rows.append(row_of(group, name, component, toolchain))
    return rows


def row_of(group: Group, name: str, component: Path, toolchain: Toolchain) -> dict[str, Any]:
    content = component.read_bytes()
    imports = component_imports(content)
    foreign = set(imports) - ALLOWED_IMPORTS
    if foreign and name not in group.may_import_more:
        fail(f"{name} imports {', '.join(sorted(foreign))}; a module may import stdin only.")
    refuse_paths(name, content)
    return {
        "name": name,
        "file": f"{name}.wasm",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "source_sha256": source_hash(group.crates / name),
        "imports": imports,
        "toolchain": identity(toolchain),
    }


def refuse_paths(name: str, content: bytes) -> None:
    """A component must not tell where it was built, nor which registry its crates came from."""
    registries = [folder.name.rpartition("-")[0].encode() for folder in registry_sources().glob("*")]
    folders = (ROOT, Path.home(), Path(tempfile.gettempdir()) / TEMPORARY)
    here = [str(path).encode() for path in folders if len(path.parts) > 1]
    for text in (*FORBIDDEN, *registries, *here):
        if text and text in content:
            at = content.index(text)
            context = content[max(0, at - 40) : at + 80]
            fail(f"{name} contains {text!r}, a path of this machine or a registry's name: {context!r}.")


def component_imports(content: bytes) -> list[str]:
    try:
        return sorted(found.name for found in binary.imports(content))
    except ValueError as error:
        fail(f"The componentiser's work cannot be used: {error}")


# -- commands --------------------------------------------------------------------------------------------------


def check() -> int:
    behind = [name for group in GROUPS for name in stale(group)]
    for name in behind:
        say(f"{name} does not match its sources; run `make wasm`.")
    if not behind:
        say("all components match their sources.")
    return 1 if behind else 0


def build_changed() -> int:
    """Builds what changed, in place."""
    for group in GROUPS:
        behind = stale(group)
        if not behind:
            say(f"{group.components.relative_to(ROOT)} is up to date.")
            continue
        toolchain = choose_toolchain()
        rows = build(group, behind, toolchain, WASM / "target", group.components)
        kept = {name: row for name, row in read_manifest(group).items() if name in group.names()}
        write_manifest(group.components, list((kept | {row["name"]: row for row in rows}).values()))
        for row in rows:
            say(f"built {row['name']}: {row['size']} bytes, sha256 {row['sha256'][:16]}.")
    return 0


def build_all(toolchain: Toolchain, out: Path) -> list[dict[str, Any]]:
    """Builds all components from clean into ``out``, with one manifest, and returns its rows."""
    with tempfile.TemporaryDirectory(prefix=TEMPORARY) as target_folder:
        rows = []
        for group in GROUPS:
            rows += build(group, group.names(), toolchain, Path(target_folder), out)
    write_manifest(out, rows)
    return rows


def verify(out: Path) -> int:
    """Rebuilds all and compares with what is committed; with another toolchain, tests what was rebuilt."""
    toolchain = choose_toolchain()
    committed = {name: row for group in GROUPS for name, row in read_manifest(group).items()}
    rows = build_all(toolchain, out)
    if any(row["toolchain"] != committed.get(row["name"], {}).get("toolchain") for row in rows):
        say(f"this toolchain ({identity(toolchain)}) is not the manifest's, so that the bytes cannot be equal.")
        return test_rebuilt(out)
    different = [row["name"] for row in rows if row["sha256"] != committed[row["name"]]["sha256"]]
    different += [name for group in GROUPS for name in stale(group) if name not in different]
    for name in different:
        say(f"{name}: the bytes built from these sources are not the committed ones.")
    if not different:
        say(f"{len(rows)} components rebuilt from clean are equal to the committed ones, byte for byte.")
    return 1 if different else 0


def test_rebuilt(out: Path) -> int:
    """Golden tests against the components in ``out``; its exit code."""
    env = os.environ | {"ATHENA_COMPONENTS": str(out)}
    command = [sys.executable, "-m", "pytest", "-q", "tests/wasm_modules/test_golden.py"]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode  # noqa: S603  # our own tests


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say whether the sources match the manifests")
    parser.add_argument("--verify", action="store_true", help="build from clean and compare with what is committed")
    parser.add_argument("--out", type=Path, metavar="DIR", help="build from clean into this folder")
    options = parser.parse_args()
    if options.check:
        return check()
    if options.verify:
        with tempfile.TemporaryDirectory(prefix="athena-components-") as folder:
            return verify(options.out or Path(folder))
    if options.out:
        build_all(choose_toolchain(), options.out.resolve())
        return 0
    return build_changed()


if __name__ == "__main__":
    sys.exit(main())
