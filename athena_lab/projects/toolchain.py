"""Rust toolchains of this machine that can build for WebAssembly. Needs the standard library alone."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path

TARGET = "wasm32-unknown-unknown"
LINKERS = ("wasm-ld-19", "wasm-ld-20", "wasm-ld-21", "wasm-ld-22", "wasm-ld")
DEBIAN = Path("/usr/bin")
NEED_RUST = (
    "No Rust compiler can build for WebAssembly here: install rustc-web, cargo-web, rust-web-src and lld-19 with "
    "apt-get, or run `rustup target add wasm32-unknown-unknown`."
)
NEED_NODE = "Node.js 20 or newer with npm is missing: install nodejs and npm with apt-get."


@dataclasses.dataclass(frozen=True)
class Toolchain:
    build: str
    """``rustup`` (the target's standard library is installed) or ``debian`` (it is built with ``-Zbuild-std``)."""
    rustc: Path
    cargo: Path
    linker: Path | None

    def sysroot(self) -> Path:
        return Path(output_of(self.rustc, "--print", "sysroot"))

    def library_source(self) -> Path:
        return self.sysroot() / "lib" / "rustlib" / "src" / "rust" / "library"

    @property
    def flags(self) -> list[str]:
        """What cargo is told beside the target."""
        return ["-Zbuild-std=std,panic_abort"] if self.build == "debian" else []

    def environment(self) -> dict[str, str]:
        """For cargo, without what the user's own environment asks of Rust."""
        env = {key: value for key, value in os.environ.items() if key not in {"RUSTFLAGS", "RUSTC_WRAPPER"}}
        env["RUSTC"] = str(self.rustc)
        if self.build == "debian":
            # -Zbuild-std is for nightly compilers; this switch is Debian's own way to build for targets not shipped.
            env |= {"RUSTC_BOOTSTRAP": "1", "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER": str(self.linker)}
        return env


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
    if linker and candidate.rustc.is_file() and candidate.cargo.is_file() and candidate.library_source().is_dir():
        found.append(candidate)
    return found


def output_of(*command: str | Path, cwd: Path | None = None) -> str:
    """What a program says; empty if it fails."""
    done = subprocess.run(  # noqa: S603 - compilers and linkers that were found
        [str(part) for part in command], cwd=cwd, check=False, capture_output=True, text=True
    )
    return done.stdout.strip() if done.returncode == 0 else ""
