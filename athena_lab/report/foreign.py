"""The data of modules that nobody here knows: any JSON, told as paths and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec import json

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_VALUES: Final = 200
"""Told of one module."""
_MAX_DEPTH: Final = 16


def flattened(data: Any) -> list[tuple[str, str]]:
    """``{"a": {"b": [1, 2]}}`` is ``a.b[0]``: ``1``, ``a.b[1]``: ``2``. What is empty is left out."""
    found: list[tuple[str, str]] = []
    for pair in _walk("", data, 0):
        if len(found) == MAX_VALUES:
            return [*found, ("...", "more than is shown")]
        found.append(pair)
    return found


def _walk(path: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict | list) and depth == _MAX_DEPTH:
        yield path, "..."
    elif isinstance(value, dict):
        for key, child in value.items():
            yield from _walk(f"{path}.{key}" if path else str(key), child, depth + 1)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _walk(f"{path}[{index}]", child, depth + 1)
    elif value is not None:
        yield path, value if isinstance(value, str) else json.encode(value).decode()
