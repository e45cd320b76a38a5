"""Builders of signed, inert executables: keys that are nobody's, certificates and Authenticode signatures in DER."""

from __future__ import annotations

import hashlib
import random
import struct
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

if TYPE_CHECKING:
    from collections.abc import Callable

OIDS = {
    "data": "2a864886f70d010701",
    "signed-data": "2a864886f70d010702",
    "indirect": "2b060104018237020104",
    "pe-image": "2b06010401823702010f",
    "opus": "2b06010401823702010c",
    "nested": "2b060104018237020401",
    "content-type": "2a864886f70d010903",
    "digest": "2a864886f70d010904",
    "signing-time": "2a864886f70d010905",
    "countersignature": "2a864886f70d010906",
    "rsa": "2a864886f70d010101",
    "sha256-rsa": "2a864886f70d01010b",
    "rsa-pss": "2a864886f70d01010a",
    "mgf1": "2a864886f70d010108",
    "sha1": "2b0e03021a",
    "sha256": "608648016503040201",
    "name": "550403",
}
SEQUENCE, SET, INTEGER, BITS, OCTETS, UTF8, TIME = 0x30, 0x31, 2, 3, 4, 12, 23
EXPONENT = 65_537


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def oid(name: str) -> bytes:
    return der(6, bytes.fromhex(OIDS[name]))


def number(value: int) -> bytes:
    return der(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def algorithm(name: str) -> bytes:
    return der(SEQUENCE, oid(name), b"\x05\0")


def is_prime(candidate: int) -> bool:
    """Fermat's test, to enough bases for a number that nobody chose."""
    return all(pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5, 7, 11, 13))


@dataclass(frozen=True)
class Pss:
    """What a signature says that it was made by (RFC 4055, 3.1), and with how much salt it was."""

    hash: str = "sha256"
    mask: str = "sha256"
    salt: int = 32
    true_salt: int = 32

    def identifier(self) -> bytes:
        mask = der(SEQUENCE, oid("mgf1"), algorithm(self.mask))
        fields = (algorithm(self.hash), mask, number(self.salt))
        parts = (der(0xA0 + place, field) for place, field in enumerate(fields))
        return der(SEQUENCE, oid("rsa-pss"), der(SEQUENCE, *parts))

    def sign(self, key: Key, data: bytes) -> bytes:
        """By OpenSSL, so that nothing of it is ours."""
        first, second = rsa.rsa_recover_prime_factors(key.modulus, EXPONENT, key.private)
        exponents = rsa.rsa_crt_dmp1(key.private, first), rsa.rsa_crt_dmq1(key.private, second)
        public = rsa.RSAPublicNumbers(EXPONENT, key.modulus)
        inverse = rsa.rsa_crt_iqmp(first, second)
        private = rsa.RSAPrivateNumbers(first, second, key.private, *exponents, inverse, public).private_key()
        hashes_by_name = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}
        scheme = padding.PSS(padding.MGF1(hashes_by_name[self.mask]), self.true_salt)
        return private.sign(data, scheme, hashes_by_name[self.hash])


@dataclass(frozen=True)
class Key:
    modulus: int
    private: int

    def sign(self, hash_name: str, data: bytes) -> bytes:
        """PKCS #1, version 1.5."""
        info = der(SEQUENCE, algorithm(hash_name), der(OCTETS, hashlib.new(hash_name, data).digest()))
        size = (self.modulus.bit_length() + 7) // 8
        padded = b"\0\1" + b"\xff" * (size - 3 - len(info)) + b"\0" + info
        return pow(int.from_bytes(padded, "big"), self.private, self.modulus).to_bytes(size, "big")

    def public(self) -> bytes:
        numbers = der(SEQUENCE, number(self.modulus), number(EXPONENT))
        return der(SEQUENCE, algorithm("rsa"), der(BITS, b"\0", numbers))


@cache
def key(seed: str) -> Key:
    """1,024 bits, the same on every run: worth nothing, as a test's key should be."""
    chance = random.Random(seed)
    primes: list[int] = []
    while len(primes) < 2:
        candidate = chance.getrandbits(512) | 3 << 510 | 1
        if candidate % EXPONENT != 1 and is_prime(candidate):
            primes.append(candidate)
    first, second = primes
    return Key(first * second, pow(EXPONENT, -1, (first - 1) * (second - 1)))


def name(text: str) -> bytes:
    return der(SEQUENCE, der(SET, der(SEQUENCE, oid("name"), der(UTF8, text.encode()))))


def certificate(subject: str, issuer: str, serial: int, pss: Pss | None = None) -> bytes:
    """Valid from 2020 to 2030; each name has its own key."""
    identifier = pss.identifier() if pss else algorithm("sha256-rsa")
    validity = der(SEQUENCE, der(TIME, b"200101000000Z"), der(TIME, b"300101000000Z"))
    signed = der(
        SEQUENCE,
        der(0xA0, number(2)),
        number(serial),
        identifier,
        name(issuer),
        validity,
        name(subject),
        key(subject).public(),
    )
    made = pss.sign(key(issuer), signed) if pss else key(issuer).sign("sha256", signed)
    return der(SEQUENCE, signed, identifier, der(BITS, b"\0", made))


SIGNER, ROOT, STAMPER = "Inert Signer", "Inert Root", "Inert Time"


def attribute(kind: str, value: bytes) -> bytes:
    return der(SEQUENCE, oid(kind), der(SET, value))


def signer(
    hash_name: str,
    who: str,
    content: bytes,
    more: list[bytes],
    unsigned: Callable[[bytes], list[bytes]],
    *,
    pss: Pss | None = None,
) -> bytes:
    """A SignerInfo over the digest of the content; `unsigned` makes attributes of the signature."""
    digest = attribute("digest", der(OCTETS, hashlib.new(hash_name, content).digest()))
    attributes = b"".join([*more, digest])
    signed = der(SET, attributes)
    signature = pss.sign(key(who), signed) if pss else key(who).sign(hash_name, signed)
    return der(
        SEQUENCE,
        number(1),
        der(SEQUENCE, name(ROOT), number(7 if who == SIGNER else 8)),
        algorithm(hash_name),
        der(0xA0, attributes),
        pss.identifier() if pss else algorithm("rsa"),
        der(OCTETS, signature),
        der(0xA1, *unsigned(signature)),
    )


def signature(file_digest: bytes, hash_name: str, nested: bytes = b"", pss: Pss | None = None) -> bytes:
    """SignedData over the digest of a file, with a timestamp, and another signature within."""
    image = der(SEQUENCE, oid("pe-image"), der(SEQUENCE, der(BITS, b"\0"), der(0xA0, der(0xA2, der(0x80)))))
    content = image + der(SEQUENCE, algorithm(hash_name), der(OCTETS, file_digest))
    opus = der(
        SEQUENCE,
        der(0xA0, der(0x80, "Inert Program".encode("utf-16-be"))),
        der(0xA1, der(0x80, b"http://example.invalid/program")),
    )
    who = ((SIGNER, 7), (STAMPER, 8), (ROOT, 1))
    certificates = [certificate(subject, ROOT, serial, pss) for subject, serial in who]

    def unsigned(own: bytes) -> list[bytes]:
        when = attribute("signing-time", der(TIME, b"240229120000Z"))
        stamp = attribute("countersignature", signer(hash_name, STAMPER, own, [when], lambda _: [], pss=pss))
        return [stamp, *([attribute("nested", nested)] if nested else [])]

    more = [attribute("opus", opus), attribute("content-type", oid("indirect"))]
    data = der(
        SEQUENCE,
        number(1),
        der(SET, algorithm(hash_name)),
        der(SEQUENCE, oid("indirect"), der(0xA0, der(SEQUENCE, content))),
        der(0xA0, *certificates),
        der(SET, signer(hash_name, SIGNER, content, more, unsigned, pss=pss)),
    )
    return der(SEQUENCE, oid("signed-data"), der(0xA0, data))


def sign(program: bytes, hidden: bytes = b"", pss: Pss | None = None) -> bytes:
    """A PE with a SHA-1 signature that has a SHA-256 one within; `hidden` stands behind it, in the same entry. With
    `pss` all is signed by that, and there is one signature.
    """
    content = bytearray(program + b"\0" * (-len(program) % 8))
    optional = int.from_bytes(content[0x3C:0x40], "little") + 24
    entry = optional + (112 if content[optional : optional + 2] == b"\x0b\x02" else 96) + 32
    checksum = optional + 64

    def digest(hash_name: str) -> bytes:
        left = content[:checksum] + content[checksum + 4 : entry] + content[entry + 8 :]
        return hashlib.new(hash_name, left).digest()

    if pss:
        blob = signature(digest(pss.hash), pss.hash, pss=pss)
    else:
        blob = signature(digest("sha1"), "sha1", signature(digest("sha256"), "sha256")) + hidden
    blob += b"\0" * (-len(blob) % 8)
    content[entry : entry + 8] = struct.pack("<II", len(content), 8 + len(blob))
    return bytes(content) + struct.pack("<IHH", 8 + len(blob), 0x200, 2) + blob
