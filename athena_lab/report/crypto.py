"""The facts that the crypto module reports, typed: its `Output.data`.

All offsets and lengths are bytes from the start of the sample, all confidences percent. Text from the sample (names in
certificates, alphabets) is hostile.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from athena_lab.report.fact import Fact

Percent = Annotated[int, Meta(ge=0, le=100)]


class Evidence(Fact, frozen=True):
    """One table or set of words of an algorithm. ``length``: bytes that were compared and equal, or between the first
    and the last word; ``matched`` elements are there ``of`` all.
    """

    what: str
    offset: int
    length: int
    matched: int
    of: int
    confidence: Percent
    places: int
    layout: str = ""
    """How the elements lie in the file: ``packed``, ``little``, ``big``, ``in32``, ``in64``, ``high-word-first``."""
    others: tuple[int, ...] = ()
    """Offsets of further places, the first of them."""


class Algorithm(Fact, frozen=True):
    name: str
    category: Literal[
        "block-cipher", "stream-cipher", "hash", "checksum", "public-key", "encoding", "random",
    ]  # fmt: skip
    confidence: Percent
    evidence: tuple[Evidence, ...]


class Alphabet(Fact, frozen=True):
    """64 characters that differ, as base64 has; ``name`` is empty for one that is not known."""

    offset: int
    alphabet: str
    name: str = ""
    wide: bool = False
    """In UTF-16, two bytes a character."""


class Api(Fact, frozen=True):
    """A function of cryptography that is named. ``offset`` is its first of ``places`` places."""

    name: str
    library: str
    purpose: str
    offset: int
    places: int


class Certificate(Fact, frozen=True):
    """X.509 (RFC 5280), read and not verified. ``signature``: its algorithm, or that one's object identifier."""

    subject: str
    issuer: str
    serial: str
    """Hexadecimal."""
    self_issued: bool
    signature: str
    not_before: int | None = None
    not_after: int | None = None
    """None for what is no date."""


class Key(Fact, frozen=True):
    """A key, a certificate or a store of them. ``bits``: 0 if it is not told."""

    kind: Literal[
        "private-key", "encrypted-private-key", "public-key", "certificate", "certificate-request", "key-store"
    ]
    encoding: str
    algorithm: str
    offset: int
    length: int
    bits: int = 0
    certificate: Certificate | None = None


class Region(Fact, frozen=True):
    """Bytes of high entropy. ``even``: as random or encrypted bytes are; ``dense``: as most compressed data is."""

    offset: int
    length: int
    entropy: float
    """Bits per byte."""
    chi_square: float
    """Against an even distribution, 255 degrees of freedom."""
    kind: Literal["even", "dense"]


class XorGuess(Fact, frozen=True):
    """A key under which something readable, or a program, lies at ``offset``."""

    key: str
    """Hexadecimal; its first byte belongs to ``offset``."""
    offset: int
    method: Literal["known-text", "frequency"]
    plain: str
    confidence: Percent
    program: int | None = None
    """Where a Windows program begins, if its headers fit under the same key."""
    others: tuple[int, ...] = ()
    """Further places under the same key."""


class CryptoFacts(Fact, frozen=True):
    """Answer of crypto's ``analyze``. ``..._left_out`` counts what did not fit."""

    size: int
    algorithms: tuple[Algorithm, ...] = ()
    alphabets: tuple[Alphabet, ...] = ()
    apis: tuple[Api, ...] = ()
    keys: tuple[Key, ...] = ()
    keys_left_out: int = 0
    regions: tuple[Region, ...] = ()
    xor: tuple[XorGuess, ...] = ()
    xor_left_out: int = 0
