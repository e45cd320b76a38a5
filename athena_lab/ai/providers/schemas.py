"""JSON Schemas, reduced to what providers enforce."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

_KEPT: Final = frozenset(
    (
        "$defs", "$ref", "allOf", "anyOf", "const", "description", "enum", "items", "properties", "required", "title",
        "type",
    )
)  # fmt: skip
_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)


def reduced(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as Anthropic takes it: objects closed, and bounds as words in the description.

    What may stay is what ``anthropic.transform_schema`` of its SDK 2.12 keeps; the API rejects a schema with the rest.
    """
    kept = {key: _inner(key, value) for key, value in schema.items() if _stays(key, value)}
    rest = {key: value for key, value in schema.items() if key not in kept and key != "additionalProperties"}
    if "oneOf" in rest:
        kept["anyOf"] = _inner("anyOf", rest.pop("oneOf"))
    if schema.get("type") == "object":
        kept["additionalProperties"] = False
    if rest:
        words = f"Must fit {msgspec.json.encode(rest).decode()}."
        kept["description"] = f"{kept['description']} {words}" if "description" in kept else words
    return kept


def _stays(key: str, value: Any) -> bool:
    if key == "format":
        return value in _FORMATS
    return key in _KEPT or (key == "minItems" and value in (0, 1))


def _inner(key: str, value: Any) -> Any:
    if key in {"properties", "$defs"} and isinstance(value, Mapping):
        return {name: reduced(below) for name, below in value.items()}
    if key in {"anyOf", "allOf"} and isinstance(value, list | tuple):
        return [reduced(below) for below in value]
    return reduced(value) if key == "items" and isinstance(value, Mapping) else value
