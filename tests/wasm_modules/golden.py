"""The golden samples that lie beside the module's own tests, decoded."""

from __future__ import annotations

import base64
import json
import zlib
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "wasm" / "modules" / "file-processor" / "tests" / "golden"
MAX_STRINGS = 20
"""As in golden.rs."""


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.b64"))


def sample(name: str) -> bytes:
    return zlib.decompress(base64.b64decode((FOLDER / f"{name}.b64").read_text()))


def expected(name: str) -> Any:
    file: Path = FOLDER / f"{name}.json"
    return json.loads(file.read_text())
