"""Installs what the tests need of the system - browser, Rust toolchain - by apt as root, else says what to install.

python tests/system.py [browser] [rust]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
NEEDS = {
    "browser": (["/usr/bin/chromium"], ["chromium", "fonts-dejavu-core"]),
    "rust": (
        ["/usr/bin/rustc", "/usr/bin/cargo", "/usr/bin/wasm-ld-19", "/usr/lib/rustlib"],
        ["rustc-web", "cargo-web", "rust-web-src", "lld-19"],
    ),
    "rust-lint": ([], ["rustfmt-web", "rust-web-clippy"]),
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


def install_peers() -> None:
    """Servers that others wrote, where their start scripts lie beside the checkout: starting one installs it."""
    folder = Path(os.environ.get("ATHENA_PEERS", ROOT.parent / "shared" / "peers"))
    start, stop = folder / "start_llmock.sh", folder / "stop.sh"
    if start.exists():
        environment = os.environ | {"PORT": "19191"}
        if subprocess.run(["bash", start], env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
            print("llmock could not be installed; the tests against it will be skipped.")
        subprocess.run(["bash", stop, "llmock"], stdout=subprocess.DEVNULL, check=False)


def main(names: list[str]) -> int:
    if not names:
        install_peers()
    packages = [package for name in names or NEEDS if missing(name) for package in NEEDS[name][1]]
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
