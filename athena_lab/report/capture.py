"""What the network module says of a capture of packets, typed: `NetworkFacts.capture`.

Times are Unix seconds, durations seconds, sizes bytes, entropies bits per byte (0 - 8), scores from 0 to 1. ``flow`` is
the index of the flow in which something was said. Names and texts are the capture's own, and hostile.
"""

from __future__ import annotations

from typing import Literal

from athena_lab.report.fact import Fact


class Packets(Fact, frozen=True):
    """How many packets were of what."""

    total: int
    ipv4: int
    ipv6: int
    tcp: int
    udp: int
    icmp: int
    arp: int
    other: int
    """Of other protocols, or cut off before one could be read."""
    fragments: int
    incomplete: int
    """Datagrams of which fragments are missing."""
    unfollowed: int
    """Of flows that are not followed, since there are too many."""


class Flow(Fact, frozen=True):
    """A connection of TCP, or datagrams of UDP between the same ends."""

    index: int
    transport: Literal["tcp", "udp"]
    client: str
    """The address of who asked for the connection, or spoke first."""
    client_port: int
    server: str
    server_port: int
    state: str
    """Of TCP ``unanswered``, ``rejected``, ``open``, ``closed``, ``reset``, or ``midstream`` where its beginning is not
    in the capture; of UDP ``answered`` or ``unanswered``.
    """
    packets_up: int
    packets_down: int
    bytes_up: int
    """Of payload."""
    bytes_down: int
    start: float
    duration: float
    service: str = ""
    """What is spoken, by content; empty where that is not known."""
    name: str = ""
    """What the client calls the server, in TLS or HTTP."""
    entropy: float | None = None
    """Of the first 256 bytes of each side."""
    missing: int = 0
    """Bytes that no packet of the capture held."""


class Answer(Fact, frozen=True):
    """A record of DNS."""

    name: str
    kind: str
    value: str
    ttl: int


class Dns(Fact, frozen=True):
    """A question with its answer; ``asked`` is false where only the answer is in the capture."""

    flow: int
    time: float
    protocol: str
    """``dns``, ``mdns`` or ``llmnr``."""
    name: str
    kind: str
    code: str
    """Empty where no answer came."""
    answers: tuple[Answer, ...]
    asked: bool


class HttpExchange(Fact, frozen=True):
    """A request with its answer: ``method`` is empty or ``status`` 0 where one of them is not in the capture."""

    flow: int
    time: float
    method: str
    host: str
    target: str
    user_agent: str
    request_size: int
    status: int
    content_type: str
    response_size: int
    files: tuple[int, ...]
    """Indexes of the files in both bodies."""
    server: str


class TlsCertificate(Fact, frozen=True):
    """X.509, read and not verified. A time is None where there is no date."""

    subject: str
    issuer: str
    sha256: str
    self_signed: bool
    not_before: int | None = None
    not_after: int | None = None
    names: tuple[str, ...] = ()


class TlsConnection(Fact, frozen=True):
    """Its hellos; what is not in the capture is empty. Certificates are in the clear up to TLS 1.2."""

    flow: int
    time: float
    server_name: str
    alpn: tuple[str, ...]
    version: str
    """What the server chose."""
    offered: str
    """The highest that the client offers."""
    cipher: str
    ja3: str
    ja3s: str
    ja4: str
    certificates: tuple[TlsCertificate, ...]


class CapturedFile(Fact, frozen=True):
    """A file that was sent in the clear. network's ``extract`` gives its content out by ``index``."""

    index: int
    depth: int
    name: str
    size: int
    sha256: str
    format: str
    """`Format.id` of its content."""
    mime: str
    flow: int
    kind: str
    """``http-response`` or ``http-request``."""
    url: str
    declared: str
    """What the sender says that it is."""
    complete: bool
    """Whether all of it is in the capture."""
    time: float
    packed: bool = False
    """Whether it is still packed as it was sent."""
    offset: int | None = None


class Dialog(Fact, frozen=True):
    """A connection of a protocol of lines. Passwords among the commands are masked."""

    flow: int
    protocol: str
    banner: str
    commands: tuple[str, ...]
    commands_left_out: int


class Credential(Fact, frozen=True):
    """A login in the clear. ``password``: an asterisk for each character, up to 16."""

    flow: int
    protocol: str
    user: str
    password: str
    offset: int | None = None


class Smb(Fact, frozen=True):
    flow: int
    dialects: tuple[str, ...]
    dialect: str
    """What the server chose."""
    shares: tuple[str, ...]
    files: tuple[str, ...]


class HostName(Fact, frozen=True):
    """What a host calls itself, or what the capture's program called it (``resolver``)."""

    address: str
    name: str
    source: str


class Beacon(Fact, frozen=True):
    """Connections of one host to another. ``jitter``: how far intervals are from their median, in the median."""

    client: str
    server: str
    port: int
    transport: str
    connections: int
    interval: float
    jitter: float
    score: float
    timing: float
    sizes: float
    flow: int


class QueriedDomain(Fact, frozen=True):
    """A domain that someone owns, and what was asked for below it. ``score``: how much it looks like a tunnel."""

    domain: str
    queries: int
    names: int
    """Different ones."""
    mean_length: float
    longest: int
    entropy: float
    carrying: float
    """Share of questions for types that carry data, such as TXT."""
    bytes: int
    score: float
    flow: int


class GeneratedName(Fact, frozen=True):
    """A domain that nobody seems to have made up. ``exists``: by the answer; None where none came."""

    name: str
    score: float
    client: str
    flow: int
    exists: bool | None = None


class Scan(Fact, frozen=True):
    """A host that tries many ``ports`` of one ``server``, or many ``hosts`` at one ``port``."""

    kind: Literal["ports", "hosts"]
    client: str
    failed: int
    answered: int
    flow: int
    server: str | None = None
    port: int | None = None


class Flows(Fact, frozen=True):
    total: int
    items: tuple[Flow, ...]


class DnsMessages(Fact, frozen=True):
    total: int
    items: tuple[Dns, ...]


class HttpExchanges(Fact, frozen=True):
    total: int
    items: tuple[HttpExchange, ...]


class TlsConnections(Fact, frozen=True):
    total: int
    items: tuple[TlsConnection, ...]


class CapturedFiles(Fact, frozen=True):
    total: int
    items: tuple[CapturedFile, ...]


class Dialogs(Fact, frozen=True):
    total: int
    items: tuple[Dialog, ...]


class Credentials(Fact, frozen=True):
    total: int
    items: tuple[Credential, ...]


class SmbConnections(Fact, frozen=True):
    total: int
    items: tuple[Smb, ...]


class HostNames(Fact, frozen=True):
    total: int
    items: tuple[HostName, ...]


class Beacons(Fact, frozen=True):
    total: int
    items: tuple[Beacon, ...]


class QueriedDomains(Fact, frozen=True):
    total: int
    items: tuple[QueriedDomain, ...]


class GeneratedNames(Fact, frozen=True):
    total: int
    items: tuple[GeneratedName, ...]


class Scans(Fact, frozen=True):
    total: int
    items: tuple[Scan, ...]


class CaptureFacts(Fact, frozen=True):
    """Each list has the first of ``total``, or the ones with the highest scores."""

    format: str
    byte_order: Literal["little", "big"]
    links: tuple[str, ...]
    interfaces: tuple[str, ...]
    application: str
    start: float
    end: float
    bytes: int
    """That the packets had when they were captured."""
    packets: Packets
    flows: Flows
    dns_queries: int
    """Messages that ask."""
    dns: DnsMessages
    http: HttpExchanges
    tls: TlsConnections
    files: CapturedFiles
    dialogs: Dialogs
    credentials: Credentials
    smb: SmbConnections
    hosts: HostNames
    beacons: Beacons
    domains: QueriedDomains
    generated: GeneratedNames
    scans: Scans
    timeline: tuple[int, ...]
    """Packets in each of up to 120 equal parts of the time."""
    earlier: int = 0
    """Packets that the session had from earlier captures."""
    given_up: int = 0
    """Packets that the session gave up for lack of room."""
