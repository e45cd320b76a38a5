"""What network says of a capture, as HTML: what was found in it first, then all of it, folded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from athena_lab.report.display import counted, seconds_text, size_text, span_text, time_text
from athena_lab.report.markup import Row, code, details, pairs, table
from athena_lab.report.svg import timeline_plot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from athena_lab.report.capture import (
        Beacon,
        CapturedFile,
        CaptureFacts,
        Credential,
        Dialog,
        Dns,
        Flow,
        GeneratedName,
        HostName,
        HttpExchange,
        QueriedDomain,
        Scan,
        Smb,
        TlsConnection,
    )

BUDGET = 2_500
LONG_BUDGET = 9_000
"""Characters of HTML for each table, and for each of those that have most of a capture."""
TELLING = 0.5
"""Scores from which on a beacon or a tunnel is shown as one."""


class _Part(NamedTuple):
    """One list: what it is called, the first of ``total`` items, and how they are shown."""

    name: str
    items: Sequence[Any]
    total: int
    head: tuple[str, ...]
    row: Callable[[Any], Row]
    opened: bool = False
    budget: int = BUDGET

    def html(self) -> str:
        left = self.total - len(self.items)
        more = f", {left:,} more are not listed" if left > 0 else ""
        body = table(self.head, self.items, self.row, self.budget, kept="report.network.capture")
        return details(f"{self.name}: {len(self.items):,}{more}", body, opened=self.opened)


def capture_html(facts: CaptureFacts) -> str:
    parts = (*_found(facts), *_said(facts))
    return (
        "<h4>Capture</h4>"
        + pairs(_pairs(facts), LONG_BUDGET)
        + timeline_plot(facts.timeline, facts.start, facts.end)
        + "".join(part.html() for part in parts)
    )


def _server(facts: CaptureFacts) -> Callable[[int], str]:
    flows = {flow.index: flow for flow in facts.flows.items}

    def name(index: int) -> str:
        flow = flows.get(index)
        return _end(flow.name or flow.server, flow.server_port) if flow else f"flow {index}"

    return name


def _found(facts: CaptureFacts) -> Iterator[_Part]:
    """What an analyst looks at first, unfolded."""
    beacons = [it for it in facts.beacons.items if it.score >= TELLING]
    tunnels = [it for it in facts.domains.items if it.score >= TELLING]
    server = _server(facts)
    head: tuple[str, ...] = ("Protocol", "User", "Password", "Server")
    logins = facts.credentials
    yield _Part(
        "Logins in the clear", logins.items, logins.total, head, lambda it: _credential(it, server), opened=True
    )
    head = ("Client", "Server", "Times", "Every", "Jitter", "Score")
    yield _Part("Beacons", beacons, len(beacons), head, _beacon, opened=True)
    head = ("Domain", "Questions", "Names", "Length", "Entropy", "Score")
    yield _Part("Domains with data in their names", tunnels, len(tunnels), head, _domain, opened=True)
    head = ("Name", "Score", "Exists", "Client")
    yield _Part("Names that nobody made up", facts.generated.items, facts.generated.total, head, _generated)
    head = ("Kind", "Client", "Target", "Failed", "Answered")
    yield _Part("Scans", facts.scans.items, facts.scans.total, head, _scan, opened=True)
    head = ("#", "Name", "Size", "Is", "Sent as", "From", "SHA-256")
    yield _Part("Files", facts.files.items, facts.files.total, head, _file, opened=True, budget=LONG_BUDGET)


def _said(facts: CaptureFacts) -> Iterator[_Part]:
    """All that was said, folded."""
    server = _server(facts)
    head: tuple[str, ...] = ("#", "Client", "Server", "Service", "State", "Up", "Down", "Start", "For")
    yield _Part("Flows", facts.flows.items, facts.flows.total, head, _flow, budget=LONG_BUDGET)
    head = ("Request", "Status", "Type", "Size", "User agent")
    yield _Part("HTTP", facts.http.items, facts.http.total, head, _exchange, budget=LONG_BUDGET)
    head = ("Server", "Version", "JA3", "JA3S", "JA4", "Certificate")
    yield _Part("TLS", facts.tls.items, facts.tls.total, head, lambda it: _tls(it, server), budget=LONG_BUDGET)
    head = ("Name", "Type", "Code", "Answers")
    yield _Part("DNS", facts.dns.items, facts.dns.total, head, _dns, budget=LONG_BUDGET)
    head = ("Protocol", "Server", "Banner", "Commands")
    yield _Part("Other protocols", facts.dialogs.items, facts.dialogs.total, head, lambda it: _dialog(it, server))
    head = ("Server", "Dialect", "Shares", "Files")
    yield _Part("SMB", facts.smb.items, facts.smb.total, head, lambda it: _smb(it, server))
    head = ("Address", "Name", "Said by")
    yield _Part("Names of hosts", facts.hosts.items, facts.hosts.total, head, _host)


def _pairs(facts: CaptureFacts) -> list[tuple[str, str]]:
    packets = facts.packets
    kinds = (
        ("IPv4", packets.ipv4), ("IPv6", packets.ipv6), ("TCP", packets.tcp), ("UDP", packets.udp),
        ("ICMP", packets.icmp), ("ARP", packets.arp), ("other", packets.other), ("fragments", packets.fragments),
    )  # fmt: skip
    rows = [
        ("File", f"{facts.format}, {facts.byte_order}-endian, {', '.join(facts.links) or 'no packets'}"),
        ("Packets", f"{packets.total:,} ({', '.join(f'{count:,} {kind}' for kind, count in kinds if count)})"),
        ("Bytes", size_text(facts.bytes)),
    ]
    if facts.start:
        span = seconds_text(max(0.0, facts.end - facts.start))
        rows.append(("Time", f"{time_text(int(facts.start))} for {span}"))
    if facts.application:
        rows.append(("Captured by", facts.application))
    if facts.earlier:
        rows.append(("Of earlier captures", counted(facts.earlier, "packet")))
    if facts.given_up:
        rows.append(("Given up for lack of room", counted(facts.given_up, "packet")))
    return rows


def _end(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _credential(it: Credential, server: Callable[[int], str]) -> Row:
    return Row((it.protocol, code(it.user), code(it.password), code(server(it.flow))), "athena-odd")


def _beacon(it: Beacon) -> Row:
    every, jitter = seconds_text(it.interval), seconds_text(it.jitter)
    server = code(f"{_end(it.server, it.port)} {it.transport}")
    return Row((code(it.client), server, f"{it.connections:,}", every, jitter, f"{it.score:.2f}"))


def _domain(it: QueriedDomain) -> Row:
    counts = f"{it.queries:,}", f"{it.names:,}"
    return Row((code(it.domain), *counts, f"{it.mean_length:.0f}", f"{it.entropy:.2f}", f"{it.score:.2f}"))


def _generated(it: GeneratedName) -> Row:
    exists = {True: "yes", False: "no", None: "no answer"}[it.exists]
    return Row((code(it.name), f"{it.score:.2f}", exists, code(it.client)))


def _scan(it: Scan) -> Row:
    target = f"hosts at port {it.port}" if it.server is None else it.server
    return Row((it.kind, code(it.client), code(target), f"{it.failed:,}", f"{it.answered:,}"))


def _file(it: CapturedFile) -> Row:
    size = size_text(it.size) + ("" if it.complete else ", incomplete") + (", packed" if it.packed else "")
    where = code(it.url, 120)
    return Row((str(it.index), code(it.name, 80), size, code(it.format), code(it.declared, 60), where, code(it.sha256)))


def _flow(it: Flow) -> Row:
    ends = code(_end(it.client, it.client_port)), code(_end(it.name or it.server, it.server_port))
    spoken = f"{it.transport}, {it.service}" if it.service else it.transport
    sizes = f"{size_text(it.bytes_up)} in {it.packets_up:,}", f"{size_text(it.bytes_down)} in {it.packets_down:,}"
    return Row((str(it.index), *ends, spoken, it.state, *sizes, time_text(int(it.start)), seconds_text(it.duration)))


def _exchange(it: HttpExchange) -> Row:
    request = f"{it.method} {it.host}{it.target}" if it.method else "(not in the capture)"
    status = str(it.status) if it.status else "no answer"
    size = size_text(it.response_size)
    return Row((code(request, 160), status, code(it.content_type, 60), size, code(it.user_agent, 100)))


def _tls(it: TlsConnection, server: Callable[[int], str]) -> Row:
    leaf = it.certificates[0] if it.certificates else None
    subject = f"{leaf.subject}, {span_text(leaf.not_before, leaf.not_after)}" if leaf else ""
    prints = code(it.ja3), code(it.ja3s), code(it.ja4)
    return Row((code(it.server_name or server(it.flow)), it.version or it.offered, *prints, code(subject, 160)))


def _dns(it: Dns) -> Row:
    answers = ", ".join(f"{answer.kind} {answer.value}" for answer in it.answers[:4])
    more = f", {len(it.answers) - 4} more" if len(it.answers) > 4 else ""  # noqa: PLR2004 - what is shown
    return Row((code(it.name, 120), it.kind, it.code or "no answer", code(f"{answers}{more}") if answers else ""))


def _dialog(it: Dialog, server: Callable[[int], str]) -> Row:
    commands = "; ".join(it.commands[:8])
    return Row((it.protocol, code(server(it.flow)), code(it.banner, 100), code(commands)))


def _smb(it: Smb, server: Callable[[int], str]) -> Row:
    return Row((code(server(it.flow)), it.dialect, code(", ".join(it.shares), 120), code(", ".join(it.files))))


def _host(it: HostName) -> Row:
    return Row((code(it.address), code(it.name), it.source))
