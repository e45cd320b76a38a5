"""What schemathesis loads beside its own checks, when it is called by `test_openapi`."""

from __future__ import annotations

import re

import schemathesis

from athena_lab.errors import AthenaError, _by_code

CODES = _by_code(AthenaError)
FUNCTIONS = ("echo", "trap", "out-of-bounds", "loop", "eat-memory", "overflow-stack", "bad-json", "break-contract")


@schemathesis.check
def every_failure_is_named(ctx, response, case):  # noqa: ARG001 - schemathesis passes them
    status = response.status_code
    if status < 400 or (case.path, status) == ("/health", 503):
        return
    problem = response.json()
    assert response.headers["content-type"] == ["application/problem+json"]
    assert CODES[problem["code"]].status == problem["status"] == status != 500, problem
    assert all(problem[name].endswith(".") for name in ("detail", "next_step")), problem


def is_name(value):
    """One that is none is to be refused, and stays."""
    return isinstance(value, str) and re.fullmatch("[a-z][a-z0-9-]{0,63}", value)


@schemathesis.hook
def map_body(context, body):
    """Half of the calls go to a module that exists: random names would never get behind the catalog."""
    if context.operation.path.endswith("/execute") and isinstance(body, dict) and is_name(body.get("module")):
        chosen = len(repr(body)) % (2 * len(FUNCTIONS))
        if chosen < len(FUNCTIONS):
            return body | {"module": "misbehave", "function": FUNCTIONS[chosen], "timeout": 0.05}
    return body
