"""The golden samples that lie beside each module's own tests, decoded."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

MODULES = Path(__file__).resolve().parents[2] / "wasm" / "modules"
FOLDER = MODULES / "file-processor" / "tests" / "golden"
ARGUMENTS: dict[str, dict[str, Any]] = {"file-processor": {"max_strings": 20}}
"""Of ``analyze``, as the module's golden.rs has them."""


def folder(module: str) -> Path:
    return MODULES / module / "tests" / "golden"


def modules() -> list[str]:
    return sorted(path.parents[1].name for path in MODULES.glob("*/tests/golden"))


def names(module: str = "file-processor") -> list[str]:
    return sorted(path.stem for path in folder(module).glob("*.b64"))


def sample(name: str, module: str = "file-processor") -> bytes:
    return zlib.decompress(base64.b64decode((folder(module) / f"{name}.b64").read_text()))


def expected(name: str, module: str = "file-processor") -> Any:
    file: Path = folder(module) / f"{name}.json"
    return json.loads(file.read_text())
