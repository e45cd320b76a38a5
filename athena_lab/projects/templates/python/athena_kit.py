"""What a module in Python is made of: findings, functions, and the JSON between it and Athena Lab.

Use it as it is; your own code is in analyzer.py. It runs in ordinary Python too, so that your code can be tested
without being built.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

SEVERITIES = ("info", "low", "medium", "high", "critical")
_MAX_TITLE = 200
_MAX_DETAIL = 1_024
_MAX_TEXT = 256
_MAX_FINDINGS = 200
_NO_ARGUMENTS = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass
class Evidence:
    """Where it was seen: bytes from the start of the sample. ``text`` may quote the sample."""

    offset: int | None = None
    length: int | None = None
    text: str | None = None


@dataclass
class Finding:
    """One thing that an analyst should know.

    ``id`` is a slug (``packed-section``), once in an answer. ``title`` is in your words and quotes nothing; ``detail``
    may quote the sample. ``confidence`` in percent. ``techniques`` are ATT&CK ids, ``T1027.002``.
    """

    id: str
    severity: str
    title: str
    confidence: int = 80
    detail: str = ""
    evidence: list[Evidence] = field(default_factory=list)
    techniques: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"{self.severity!r} is none of {', '.join(SEVERITIES)}")


@dataclass
class Result:
    """Findings, and any data that JSON can hold: it is shown as names and values."""

    findings: list[Finding] = field(default_factory=list)
    data: Any = None


class InvalidArgument(Exception):
    """Raise it for what the caller did wrong; never for what is wrong with a sample."""


@dataclass
class Function:
    run: Callable[..., Any]
    summary: str
    args: dict[str, Any]
    needs_sample: bool


class Module:
    """The module. Functions are added with `function`; one has to be called ``analyze``."""

    def __init__(self, name: str, version: str, summary: str, capabilities: Iterable[str] = ()) -> None:
        self.name, self.version, self.summary, self.capabilities = name, version, summary, list(capabilities)
        self.functions: dict[str, Function] = {}

    def function(
        self, summary: str, args: dict[str, Any] | None = None, *, needs_sample: bool = True
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Takes ``def name(sample: bytes, options: dict)``. ``args`` is the JSON Schema of the options."""

        def add(run: Callable[..., Any]) -> Callable[..., Any]:
            name = run.__name__.replace("_", "-")
            self.functions[name] = Function(run, summary, args or _NO_ARGUMENTS, needs_sample)
            return run

        return add

    # -- what component.py calls

    def describe(self) -> str:
        functions = [
            {"name": name, "summary": it.summary, "args": it.args, "needs_sample": it.needs_sample}
            for name, it in self.functions.items()
        ]
        about = {"name": self.name, "version": self.version, "summary": self.summary, "slot": "foreign"}
        return json.dumps(about | {"capabilities": self.capabilities, "functions": functions})

    def answer(self, options: str, read: Callable[[], bytes]) -> str:
        """The answer to a call. Raises `Refused`."""
        call = json.loads(options)
        function = self.functions.get(call["function"])
        if function is None:
            raise Refused("unknown_function", f"There is no function {call['function']!r}.")
        if function.needs_sample and call.get("sample") is None:
            raise Refused("no_sample", "This function needs a sample.")
        args = call.get("args") or {}
        known = function.args.get("properties", {})
        if unknown := [name for name in args if name not in known and not function.args.get("additionalProperties")]:
            raise Refused("invalid_args", f"There is no argument {unknown[0]!r}.")
        sample = read() if call.get("sample") is not None else b""
        try:
            found = function.run(sample, args)
            if inspect.isgenerator(found):
                found = list(found)
            return json.dumps(_output(found), allow_nan=False)
        except InvalidArgument as error:
            raise Refused("invalid_args", str(error)) from error
        except MemoryError as error:
            raise Refused("failed", "There is not enough memory for this sample.") from error
        except Exception as error:  # without this it would be a trap, which says nothing
            raise Refused("failed", _told(error)) from error


class Refused(Exception):
    """There is no answer. ``text`` is what the host is told."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.text = json.dumps({"code": code, "message": message[:500]})


def _output(found: Any) -> dict[str, Any]:
    if found is None or (isinstance(found, list) and all(isinstance(it, Finding) for it in found)):
        found = Result(findings=found or [])
    if not isinstance(found, Result):
        return {"data": found, "findings": []}
    worst_first = sorted(found.findings, key=lambda it: -SEVERITIES.index(it.severity))
    return {"data": found.data, "findings": [_finding(it) for it in worst_first[:_MAX_FINDINGS]]}


def _finding(it: Finding) -> dict[str, Any]:
    row = asdict(it)
    row["title"], row["detail"] = it.title[:_MAX_TITLE], it.detail[:_MAX_DETAIL]
    row["evidence"] = [
        {"offset": seen.offset, "length": seen.length, "text": seen.text[:_MAX_TEXT] if seen.text else None}
        for seen in it.evidence[:16]
    ]
    return row


def _told(error: Exception) -> str:
    # Not by `traceback`: it opens the source, and a component has no files.
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    said = f"{type(error).__name__}: {error}"
    if place is None:
        return said
    file = place.tb_frame.f_code.co_filename.rpartition("/")[2]
    return f"{said} ({file}, line {place.tb_lineno})"
