"""Builds the wheel, installs it into a clean environment, and runs the core tests against what was installed.

    python tests/wheel.py

Nothing of the checkout but the tests is on the path then, and neither Node nor Rust is. The policies' tests, the most
of all, are left out: they need no file but the modules' own, and all of the package must be in the wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
NOT_OF_THE_WHEEL = ("jupyter", "projects", "browser", "notebooks", "wasm_modules", "bench", "test_layers.py")
NEEDED = (
    "athena_lab/wasm/components/manifest.json",
    "athena_lab/wasm/components/file-processor.wasm",
    "athena_lab/projects/shared/crates/module-kit/src/lib.rs",
    "athena_lab/projects/shared/wit/world.wit",
    "athena_lab/projects/templates/python/analyzer.py",
    "athena_lab/projects/templates/rust/gitignore",
    "athena_lab/report/report.css",
    "athena_lab/jupyter/widgets/ask.js",
    "share/jupyter/labextensions/athena-lab/package.json",
    "share/jupyter/labextensions/athena-lab/install.json",
    "etc/jupyter/jupyter_server_config.d/athena_lab.json",
)
TEST_PACKAGES = (
    "hypothesis",
    "pytest>=9",
    "pytest-asyncio",
    "pytest-randomly",
    "pytest-socket",
    "pytest-timeout",
    "trustme",
)


def run(*command: str | Path, **options: object) -> str:
    print("$", *(str(part) for part in command), flush=True)
    return subprocess.run(command, check=True, text=True, **options).stdout  # type: ignore[call-overload,no-any-return]


def build(folder: Path) -> Path:
    shutil.rmtree(ROOT / "athena_lab" / "labextension", ignore_errors=True)  # a development bundle has paths in it
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    (wheel,) = folder.glob("*.whl")
    return wheel


def check_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        package = subprocess.run(
            ["git", "ls-files", "athena_lab"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for needed in (*NEEDED, *package.stdout.splitlines()):
            if not any(name.endswith(needed) for name in names):
                sys.exit(f"The wheel has no {needed}.")
        for name in names:
            if str(ROOT).encode() in archive.read(name):
                sys.exit(f"{name} carries a path of this machine.")


def main() -> int:
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        wheel = build(place)
        check_contents(wheel)
        run(sys.executable, "-m", "venv", place / "venv")
        binaries = place / "venv" / "bin"
        environment = os.environ | {"PATH": str(binaries), "PYTHONPATH": ""}
        for tool in ("node", "npm", "cargo", "rustc"):
            if shutil.which(tool, path=environment["PATH"]):
                sys.exit(f"{tool} is on the path, so that this shows nothing.")
        run(binaries / "pip", "install", "--quiet", f"{wheel}[pandas]", *TEST_PACKAGES, env=environment)
        for kind, name in (("labextension", "athena-lab"), ("server extension", "athena_lab")):
            command = [binaries / "jupyter", *kind.split(), "list"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            line = next((line for line in (done.stdout + done.stderr).splitlines() if name in line), "")
            print(f"jupyter {kind} list: {line.strip()}")
            if "enabled" not in line.lower():
                return 1
        shutil.copytree(ROOT / "tests", place / "run" / "tests", ignore=shutil.ignore_patterns(*NOT_OF_THE_WHEEL))
        for name in ("pyproject.toml", "LICENSE"):
            shutil.copy(ROOT / name, place / "run")
        command = [binaries / "python", "-m", "pytest", "-q", "tests", "--ignore=tests/ai"]
        return subprocess.run(command, cwd=place / "run", env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
