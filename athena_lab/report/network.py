"""The facts that the network module reports, typed: its `Output.data`.

Values are the sample's own words, as they are used (not defanged): they are shown defanged and never as links.
"""

from __future__ import annotations

from typing import Literal

from athena_lab.report.capture import CaptureFacts  # msgspec reads the annotation
from athena_lab.report.fact import Fact

Kind = Literal[
    "url", "domain", "onion", "ipv4", "ipv6", "email", "md5", "sha1", "sha256", "sha512", "ssdeep", "cve", "attack",
    "bitcoin", "ethereum", "registry-key", "windows-path", "unix-path", "pdb", "user-agent", "mutex",
]  # fmt: skip
Tag = Literal[
    "benign", "certificate-authority", "ambiguous", "documentation", "private", "loopback", "multicast", "reserved",
    "defanged", "checksum", "v2", "v3",
]  # fmt: skip
"""The first eight speak against there being anything out there that the indicator points to."""
Source = Literal["bytes", "flow", "dns", "http", "tls", "stream", "resolver"]
"""Where it was found: in the sample's bytes as they are, or by what a capture's protocols say."""
LEADS_NOWHERE: frozenset[Tag] = frozenset(
    {
        "benign", "certificate-authority", "ambiguous", "documentation", "private", "loopback", "multicast", "reserved",
    }
)  # fmt: skip


class Indicator(Fact, frozen=True):
    """An indicator of compromise. ``offset`` in bytes, of the first of ``count`` occurrences; None in what was put
    together of several packets.
    """

    kind: Kind
    value: str
    """Refanged, and in one spelling."""
    offset: int | None
    encoding: str
    count: int
    text: str = ""
    """As it was found first; empty where that is the value."""
    tags: tuple[Tag, ...] = ()
    source: Source = "bytes"

    @property
    def leads_somewhere(self) -> bool:
        return not LEADS_NOWHERE.intersection(self.tags)


class NetworkFacts(Fact, frozen=True):
    """Answer of network's ``analyze`` and ``indicators``: the indicators in the order of their offsets."""

    totals: dict[Kind, int]
    """Different ones of each kind, listed or not."""
    indicators: tuple[Indicator, ...]
    not_listed: int = 0
    left_out: int = 0
    """Occurrences of ones for which there was no room at all."""
    capture: CaptureFacts | None = None
    """What a capture of packets says; None for what is none, and of ``indicators``."""
