"""Installs what the tests need beside the Python packages.

python tests/system.py [llmock] [aimock] [browser] [rust] [rust-lint] [tshark] [objdump] [file]

What is Debian's comes by apt as root, else it says what to install; llmock and aimock come into .cache/.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
LLMOCK_VERSION = "0.2.2"
LLMOCK = ROOT / ".cache" / "peers" / f"llmock-{LLMOCK_VERSION}" / "bin" / "llmock"
AIMOCK_VERSION = "1.43.0"
AIMOCK = (
    ROOT
    / ".cache"
    / "peers"
    / f"aimock-{AIMOCK_VERSION}"
    / "node_modules"
    / "@copilotkit"
    / "aimock"
    / "dist"
    / "cli.js"
)
NEEDS = {
    "browser": (["/usr/bin/chromium"], ["chromium", "fonts-dejavu-core"]),
    "rust": (
        ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/wasm-ld-19", "/usr/lib/rustlib"],
        ["rustc-web", "cargo-web", "rust-web-src", "lld-19"],
    ),
    "rust-lint": ([], ["rustfmt-web", "rust-web-clippy"]),
    "tshark": (["/usr/bin/tshark"], ["tshark"]),
    "objdump": (["/usr/bin/objdump"], ["binutils"]),
    "file": (["/usr/bin/file"], ["file"]),
}


def missing(name: str) -> bool:
    if name == "rust" and rustup_has_wasm():
        return False
    if name == "rust-lint":
        return not all(shutil.which(tool) for tool in ("cargo-fmt", "cargo-clippy"))
    return not all(Path(path).exists() for path in NEEDS[name][0])


def rustup_has_wasm() -> bool:
    if shutil.which("rustc") is None:
        return False
    root = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True, check=True).stdout.strip()
    return Path(root, "lib", "rustlib", "wasm32-unknown-unknown").is_dir()


def install_llmock() -> None:
    """A provider that somebody else wrote, for the tests to ask. Its dependencies are its own, so it lives apart."""
    folder = LLMOCK.parent.parent
    commands = [
        [sys.executable, "-m", "venv", folder],
        [folder / "bin" / "pip", "install", "--quiet", f"llmock=={LLMOCK_VERSION}"],
    ]
    install_peer(LLMOCK, f"llmock {LLMOCK_VERSION}", commands)


def install_aimock() -> None:
    """Another one, with providers' WebSockets."""
    folder = AIMOCK.parents[4]
    npm = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder]
    install_peer(AIMOCK, f"aimock {AIMOCK_VERSION}", [[*npm, f"@copilotkit/aimock@{AIMOCK_VERSION}"]])


def install_peer(program: Path, name: str, commands: list[list[str | Path]]) -> None:
    if program.exists():
        return
    print(f"Installing {name} for the tests ...", flush=True)
    for command in commands:
        if shutil.which(command[0]) is None or subprocess.run(command, check=False).returncode:
            print(f"{name} could not be installed with {command[0]}; the tests against it will be skipped.")
            return


def main(names: list[str]) -> int:
    wanted = names or ["llmock", "aimock", *NEEDS]
    for name, install in (("llmock", install_llmock), ("aimock", install_aimock)):
        if name in wanted:
            install()
    packages = [package for name in wanted if name in NEEDS and missing(name) for package in NEEDS[name][1]]
    if not packages:
        return 0
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"The tests need: {' '.join(packages)}. Install them: sudo apt-get install {' '.join(packages)}")
        return 1
    print(f"Installing {' '.join(packages)} ...", flush=True)
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", *command], env=environment, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            print(f"apt-get {' '.join(command)} failed; see above.")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
