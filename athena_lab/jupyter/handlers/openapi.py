"""The OpenAPI 3.1 document, made from the routes and the Structs."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from athena_lab.api import MAX_NAME, MAX_WAIT
from athena_lab.errors import Problem
from athena_lab.jupyter.handlers.base import EVENTS, JSON, OCTETS, AthenaHandler
from athena_lab.jupyter.handlers.routes import ROUTES, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFERENCE = "#/components/schemas/{name}"
_QUERY: Mapping[str, dict[str, Any]] = {
    "name": {"type": "string", "maxLength": MAX_NAME},
    "analysisType": {"enum": ["full", "quick", "pattern", "behavior"]},
    "modules": {"type": "string", "pattern": "^[a-z][a-z0-9-]{0,63}(,[a-z][a-z0-9-]{0,63}){0,63}$"},
    "days": {"type": "integer", "minimum": 1, "maximum": 3_650},
    "refresh": {"type": "boolean"},
    "timeout": {"type": "number", "exclusiveMinimum": 0, "maximum": 600},
    "after": {"type": "integer", "minimum": 0, "maximum": 1 << 53},
    "wait": {"type": "number", "minimum": 0, "maximum": MAX_WAIT},
}
_HEADERS: Mapping[str, dict[str, Any]] = {
    "Prefer": {"type": "string", "examples": ["respond-async"]},
    "Last-Event-ID": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22,64}:[0-9]{1,15}$"},
    "Idempotency-Key": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22,64}$"},
}


class OpenApiHandler(AthenaHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", JSON)
        self.write(document(self.base_url))


@cache
def document(base_url: str) -> bytes:
    """The document as JSON, of a server at `base_url`."""
    of_routes = ((route.answer, route.body, route.accepted, route.commands, Problem) for route in ROUTES)
    kinds = sorted({kind for kinds in of_routes for kind in kinds if kind is not None}, key=str)
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
    named = dict(zip(kinds, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = _operation(route, named)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Athena Lab", "version": version("athena-lab")},
            "servers": [{"url": base_url.rstrip("/") or "/"}],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
            },
            "security": [{"token": []}],
        }
    )


def _operation(route: Route, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    problem = {"content": {"application/problem+json": {"schema": schemas[Problem]}}}
    answer: dict[str, Any] = {JSON: {"schema": schemas[route.answer]}}
    if route.events:
        answer[EVENTS] = {"schema": {"type": "string"}}
    operation: dict[str, Any] = {
        "operationId": f"{route.method}{re.sub(r'[^a-zA-Z0-9]+', '_', route.path)}",
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": {
            **_successes(route, answer, schemas),
            "4XX": {"description": "What was asked cannot be.", **problem},
            "5XX": {"description": "It failed, and says why.", **problem},
        },
    }
    if content := _body(route, schemas):
        operation["requestBody"] = {"required": True, "content": content}
    if route.handler.scope == "public":
        operation["security"] = []
        operation["responses"]["503"] = {"description": "Unhealthy.", "content": answer}
    return operation


def _successes(route: Route, answer: dict[str, Any], schemas: Mapping[Any, Any]) -> dict[str, Any]:
    if route.commands is not None:  # OpenAPI has no words for a WebSocket, so these are ours
        messages = {"x-receives": schemas[route.commands], "x-sends": schemas[route.answer]}
        return {"101": {"description": "A WebSocket.", **messages}}
    successes = {"200": {"description": "Done.", "content": answer}}
    if route.accepted is not None:
        content = {JSON: {"schema": schemas[route.accepted]}}
        successes["202"] = {"description": "It runs; ask for its events.", "content": content}
    return successes


def _header_parameters(route: Route) -> list[dict[str, Any]]:
    return [{"name": name, "in": "header", "schema": _HEADERS[name]} for name in route.headers]


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    names = re.findall(r"{(\w+)}", route.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    # They say of an upload what a JSON body has fields for.
    return [{"name": name, "in": "query", "schema": _QUERY[name]} for name in route.query]


def _body(route: Route, schemas: Mapping[Any, Any]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if route.body is not None:
        content[JSON] = {"schema": schemas[route.body]}
    if route.upload:
        content[OCTETS] = {"schema": {"type": "string", "format": "binary"}}
    return content
