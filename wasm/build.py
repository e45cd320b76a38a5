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
TARGET = "wasm32-unknown-unknown"
LINKERS = ("wasm-ld-19", "wasm-ld-20", "wasm-ld-21", "wasm-ld-22", "wasm-ld")
DEBIAN = Path("/usr/bin")
FEATURES = "-Ctarget-feature=+simd128"
"""Vectors of 128 bits, which every runtime has: a quick analysis takes 7 % less time."""
ALLOWED_IMPORTS = {"wasi:cli/stdin@0.2.12", "wasi:io/error@0.2.12", "wasi:io/streams@0.2.12"}
TEMPORARY = "athena-wasm-"
FORBIDDEN = (b"/root/", b"/home/", b"registry/src")
SHARED_SOURCES = ("Cargo.toml", "Cargo.lock", "package-lock.json", "componentize.mjs", "wit", "crates")
OWN_SOURCES = ("Cargo.toml", "build.rs", "src", "rules", "wit")
NEED_RUST = (
    "No Rust compiler can build for WebAssembly here: install rustc-web, cargo-web, rust-web-src and lld-19 with "
    "apt-get, or run `rustup target add wasm32-unknown-unknown`."
)
NEED_NODE = "Node.js 20 or newer with npm is missing: install nodejs and npm with apt-get."


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


def output_of(*command: str | Path) -> str:
    done = subprocess.run(  # noqa: S603  # our own tools
        [str(part) for part in command], cwd=WASM, check=False, capture_output=True, text=True
    )
    return done.stdout.strip() if done.returncode == 0 else ""


# -- sources and manifests -------------------------------------------------------------------------------------


def source_hash(crate: Path) -> str:
    """SHA-256 over the compiler's flags and the names and bytes of all files that the component is made of."""
    digest = hashlib.sha256(FEATURES.encode())
    roots = [WASM / name for name in SHARED_SOURCES]
    roots += [folder / name for folder in (crate, *path_dependencies(crate)) for name in OWN_SOURCES]
    files = {file for root in roots for file in ([root] if root.is_file() else root.rglob("*")) if file.is_file()}
    for file in sorted(files, key=lambda file: file.relative_to(WASM).as_posix()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(WASM).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def path_dependencies(crate: Path) -> list[Path]:
    """Folders of the modules that a module uses as libraries; what is in ``crates`` all are made of."""
    rows = tomllib.loads((crate / "Cargo.toml").read_text(encoding="utf-8")).get("dependencies", {}).values()
    return sorted((crate / row["path"]).resolve() for row in rows if isinstance(row, dict) and "path" in row)


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


@dataclasses.dataclass(frozen=True)
class Toolchain:
    build: str
    """``rustup`` (the target's standard library is installed) or ``debian`` (it is built with ``-Zbuild-std``)."""
    rustc: Path
    cargo: Path
    linker: Path | None

    def identity(self) -> dict[str, str]:
        """What the bytes of a component depend on beside its sources."""
        lock = json.loads((WASM / "package-lock.json").read_text(encoding="utf-8"))
        name = "@bytecodealliance/jco-transpile"
        return {
            "build": self.build,
            "rustc": output_of(self.rustc, "--version"),
            "linker": output_of(self.linker, "--version") if self.linker else "rust-lld",
            "componentiser": f"{name} {lock['packages'][f'node_modules/{name}']['version']}",
        }

    def sysroot(self) -> Path:
        return Path(output_of(self.rustc, "--print", "sysroot"))


def toolchains() -> list[Toolchain]:
    """Those of this machine that can build for the target, the preferred one first."""
    found = []
    rustc, cargo = shutil.which("rustc"), shutil.which("cargo")
    if rustc and cargo:
        candidate = Toolchain("rustup", Path(rustc), Path(cargo), None)
        if (candidate.sysroot() / "lib" / "rustlib" / TARGET / "lib").is_dir():
            found.append(candidate)
    linker = next((path for name in LINKERS if (path := shutil.which(name))), None)
    candidate = Toolchain("debian", DEBIAN / "rustc", DEBIAN / "cargo", Path(linker) if linker else None)
    if linker and candidate.rustc.is_file() and candidate.cargo.is_file() and library_source(candidate).is_dir():
        found.append(candidate)
    return found


def library_source(toolchain: Toolchain) -> Path:
    return toolchain.sysroot() / "lib" / "rustlib" / "src" / "rust" / "library"


def choose_toolchain() -> Toolchain:
    """The one that made the committed components where it is here, else the first that works."""
    found = toolchains()
    if not found:
        fail(NEED_RUST)
    known = [row["toolchain"] for group in GROUPS for row in read_manifest(group).values()]
    return next((toolchain for toolchain in found if toolchain.identity() in known), found[0])


def registry_sources() -> Path:
    home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    return home / "registry" / "src"


def remapped(toolchain: Toolchain) -> list[str]:
    """Flags that keep paths of this machine out of the code. The last prefix that fits wins."""
    rust = library_source(toolchain).parent
    pairs = [(rust, "/rustc"), (rust.resolve(), "/rustc"), (WASM, "/athena/wasm")]
    pairs += [(folder, "/crates") for folder in sorted(registry_sources().glob("*"))]
    return [f"--remap-path-prefix={path}={name}" for path, name in pairs]


# -- building --------------------------------------------------------------------------------------------------


def cargo_environment(toolchain: Toolchain, target_folder: Path) -> dict[str, str]:
    env = {key: value for key, value in os.environ.items() if key not in {"RUSTFLAGS", "RUSTC_WRAPPER"}}
    env |= {
        "RUSTC": str(toolchain.rustc),
        "CARGO_TARGET_DIR": str(target_folder),
        "CARGO_INCREMENTAL": "0",
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join([FEATURES, *remapped(toolchain)]),
    }
    if toolchain.build == "debian":
        # -Zbuild-std is for nightly compilers; this switch is Debian's own way to build for targets it does not ship.
        env |= {"RUSTC_BOOTSTRAP": "1", "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER": str(toolchain.linker)}
    return env


def build_core(toolchain: Toolchain, names: list[str], target_folder: Path) -> Path:
    """Builds the crates' core modules and returns the folder that holds them."""
    fetch_env = os.environ | {"RUSTC": str(toolchain.rustc)}
    run(toolchain.cargo, "fetch", "--locked", env=fetch_env)
    flags = ["-Zbuild-std=std,panic_abort"] if toolchain.build == "debian" else []
    env = cargo_environment(toolchain, target_folder)
    for name in names:
        # One by one: together, crates get each other's features, and their bytes depend on who else is built.
        run(toolchain.cargo, "build", "--locked", "--release", "--target", TARGET, *flags, "-p", name, env=env)
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
        "toolchain": toolchain.identity(),
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
    """Names that a component imports, from its binary: sections with id 10 at its top level.

    The format: Component Model, design/mvp/Binary.md. Only instances are expected there; anything else is refused.
    """
    if content[:8] != b"\0asm\x0d\0\x01\0":
        fail("The componentiser wrote what is not a component.")
    names, at = [], 8
    while at < len(content):
        section = content[at]
        size, start = leb128(content, at + 1)
        at = start + size
        if section == 10:  # noqa: PLR2004  # the format's number for imports
            names += section_imports(content, start)
    return sorted(names)


def section_imports(content: bytes, at: int) -> list[str]:
    names = []
    count, at = leb128(content, at)
    for _ in range(count):
        length, start = leb128(content, at + 1)
        names.append(content[start : start + length].decode())
        at = start + length
        if content[at] != 5:  # noqa: PLR2004  # the format's number for an instance
            fail(f"The component imports {names[-1]}, which is not an interface.")
        _, at = leb128(content, at + 1)
    return names


def leb128(content: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = content[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004  # the high bit says that more follows
            return value, at


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
        say(f"this toolchain ({toolchain.identity()}) is not the manifest's, so that the bytes cannot be equal.")
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
