"""What tshark says of a capture, counted as the network module counts."""

from __future__ import annotations

import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

TSHARK = Path("/usr/bin/tshark")
FIELDS = (
    "tcp.stream", "udp.stream", "icmp.type", "icmpv6.type", "dns.flags.response", "dns.qry.name", "http.request.method",
    "http.host", "http.request.uri", "tls.handshake.extensions_server_name", "tls.handshake.ja3", "tls.handshake.ja3s",
)  # fmt: skip
SEPARATOR, WITHIN = "\x1f", "\x1e"


@dataclass
class Said:
    packets: int = 0
    tcp: int = 0
    udp: int = 0
    queries: Counter[str] = field(default_factory=Counter)
    requests: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    servers: set[str] = field(default_factory=set)
    ja3: set[str] = field(default_factory=set)
    ja3s: set[str] = field(default_factory=set)


def ask(file: Path) -> Said:
    command = [str(TSHARK), "-n", "-r", str(file), "-T", "fields", "-E", f"separator={SEPARATOR}"]
    command += ["-E", f"aggregator={WITHIN}", *(part for name in FIELDS for part in ("-e", name))]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    said = Said()
    streams: dict[str, set[str]] = {"tcp": set(), "udp": set()}
    for line in done.stdout.decode("utf-8", "replace").split("\n")[:-1]:
        said.packets += 1
        row = dict(zip(FIELDS, (cell.split(WITHIN) if cell else [] for cell in line.split(SEPARATOR)), strict=False))
        if row["icmp.type"] or row["icmpv6.type"]:
            continue  # what an error quotes was not sent
        streams["tcp"].update(row["tcp.stream"])
        streams["udp"].update(row["udp.stream"])
        if row["dns.flags.response"] in (["0"], ["False"]):
            said.queries.update(name.lower().replace("<root>", "") for name in row["dns.qry.name"][:1])
        requests = zip(row["http.request.method"], row["http.request.uri"], strict=False)
        hosts = row["http.host"] + [""] * len(row["http.request.method"])
        said.requests.update((method, host, uri) for (method, uri), host in zip(requests, hosts, strict=False))
        said.servers.update(row["tls.handshake.extensions_server_name"])
        said.ja3.update(row["tls.handshake.ja3"])
        said.ja3s.update(row["tls.handshake.ja3s"])
    said.tcp, said.udp = len(streams["tcp"]), len(streams["udp"])
    return said
