"""A capture in a few lines, for the forms of a report that have no tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.report.display import counted, seconds_text, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.report.capture import CaptureFacts

MAX_ROWS = 12
"""Rows of each list."""
SCORE = 0.5
"""From which on a beacon or a domain is listed."""


def capture_summary(facts: CaptureFacts) -> Iterator[str]:
    """Sentences without text of the capture."""
    span = seconds_text(max(0.0, facts.end - facts.start))
    packets = facts.packets
    yield f"{facts.format}, {counted(packets.total, 'packet')} with {size_text(facts.bytes)} in {span}"
    counts = (
        (facts.flows.total, "flow", ""), (facts.dns_queries, "question of DNS", "questions of DNS"),
        (facts.http.total, "exchange of HTTP", "exchanges of HTTP"),
        (facts.tls.total, "connection of TLS", "connections of TLS"), (facts.files.total, "file", ""),
        (facts.credentials.total, "login in the clear", "logins in the clear"),
    )  # fmt: skip
    yield ", ".join(counted(count, one, many) for count, one, many in counts if count) or "nothing that is followed"


def capture_rows_of_text(facts: CaptureFacts) -> Iterator[tuple[str, str, str]]:
    """What was found in it, as kind, hostile text, and sentence."""
    for beacon in [it for it in facts.beacons.items if it.score >= SCORE][:MAX_ROWS]:
        every = (
            f"{counted(beacon.connections, 'time')}, every {seconds_text(beacon.interval)}, score {beacon.score:.2f}"
        )
        yield "Beacon", f"{beacon.client} to {beacon.server} port {beacon.port}", every
    for domain in [it for it in facts.domains.items if it.score >= SCORE][:MAX_ROWS]:
        yield "Data in names", domain.domain, f"{counted(domain.names, 'name')}, score {domain.score:.2f}"
    for file in facts.files.items[:MAX_ROWS]:
        yield "File", file.name or file.url, f"{file.format}, {size_text(file.size)}, SHA-256 {file.sha256}"
    for tls in facts.tls.items[:MAX_ROWS]:
        yield "TLS", tls.server_name, f"JA3 {tls.ja3}, JA4 {tls.ja4}"
    for login in facts.credentials.items[:MAX_ROWS]:
        yield "Login", login.user, login.protocol
