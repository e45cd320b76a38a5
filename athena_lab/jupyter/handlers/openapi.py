"""The OpenAPI 3.1 document, made from the routes and the Structs."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import msgspec

from athena_lab.api import MAX_NAME
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
}


class OpenApiHandler(AthenaHandler):
    async def get(self) -> None:
        self.set_header("Content-Type", JSON)
        self.write(document(self.base_url))


@cache
def document(base_url: str) -> bytes:
    """The document as JSON, of a server at `base_url`."""
    kinds = {kind for route in ROUTES for kind in (route.answer, route.body, Problem) if kind is not None}
    schemas, components = msgspec.json.schema_components(
        sorted(kinds, key=lambda k: k.__name__), ref_template=_REFERENCE
    )
    named = dict(zip(sorted(kinds, key=lambda k: k.__name__), schemas, strict=True))
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
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": {
            "200": {"description": "Done.", "content": answer},
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
