"""Installs what the tests need beside the Python packages.

python tests/system.py [llmock] [browser] [rust] [rust-lint]

Browser and Rust toolchain come by apt as root, else it says what to install; llmock comes into .cache/.
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


def install_llmock() -> None:
    """A provider that somebody else wrote, for the tests to ask. Its dependencies are its own, so it lives apart."""
    if LLMOCK.exists():
        return
    print(f"Installing llmock {LLMOCK_VERSION} for the tests ...", flush=True)
    folder = LLMOCK.parent.parent
    for command in (
        [sys.executable, "-m", "venv", folder],
        [folder / "bin" / "pip", "install", "--quiet", f"llmock=={LLMOCK_VERSION}"],
    ):
        if subprocess.run(command, check=False).returncode:
            print("llmock could not be installed, see above; the tests against it will be skipped.")
            return


def main(names: list[str]) -> int:
    wanted = names or ["llmock", *NEEDS]
    if "llmock" in wanted:
        install_llmock()
    packages = [package for name in wanted if name != "llmock" and missing(name) for package in NEEDS[name][1]]
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
