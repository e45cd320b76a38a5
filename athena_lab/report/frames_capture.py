"""A capture's lists as rows, for `athena_lab.report.frames`."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.model import Report

CaptureTable = Literal["flows", "dns", "http", "tls", "files", "beacons", "domains", "credentials"]
CAPTURE_COLUMNS: dict[CaptureTable, tuple[str, ...]] = {
    "flows": (
        "index", "transport", "client", "client_port", "server", "server_port", "service", "name", "state",
        "packets_up", "packets_down", "bytes_up", "bytes_down", "start", "duration", "entropy", "missing",
    ),
    "dns": ("flow", "time", "protocol", "name", "kind", "code", "answers", "asked"),
    "http": (
        "flow", "time", "method", "host", "target", "user_agent", "request_size", "status", "content_type",
        "response_size", "server",
    ),
    "tls": ("flow", "time", "server_name", "alpn", "version", "offered", "cipher", "ja3", "ja3s", "ja4"),
    "files": (
        "index", "name", "size", "format", "mime", "declared", "url", "sha256", "complete", "kind", "flow", "time",
    ),
    "beacons": (
        "client", "server", "port", "transport", "connections", "interval", "jitter", "score", "timing", "sizes",
        "flow",
    ),
    "domains": (
        "domain", "queries", "names", "mean_length", "longest", "entropy", "carrying", "bytes", "score", "flow",
    ),
    "credentials": ("flow", "protocol", "user", "password"),
}  # fmt: skip
"""The facts' own names; a record of DNS and a list of names become text."""


def capture_rows(what: CaptureTable, report: Report) -> Iterator[tuple[Any, ...]]:
    """Nothing for what is no capture."""
    capture = report.network.capture if report.network else None
    if capture is None:
        return
    of = attrgetter(*CAPTURE_COLUMNS[what])
    for item in getattr(capture, what).items:
        yield tuple(_cell(value) for value in of(item))


def _cell(value: Any) -> Any:
    if not isinstance(value, tuple):
        return value
    return ", ".join(it if isinstance(it, str) else f"{it.kind} {it.value}" for it in value)
