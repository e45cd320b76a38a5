"""Samples for the crypto module: tables, keys and hidden programs, all computed here, and the same on every run."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from itertools import count, cycle

from executables import CODE, READ, Pe, PeSection, console_program, import_table, noise

RSA = "2a864886f70d010101"
SHA256_WITH_RSA = "2a864886f70d01010b"
SHA1_STATE = (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0)
SHA1_ROUNDS = (0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6)
COMMON_NAME = "550403"


def samples() -> dict[str, bytes]:
    return {
        "aes-tables": b"\x90" * 64 + aes_table() + b"\x90" * 64 + inverse(aes_table()),
        "crc-table": b"\x90" * 100 + b"".join(struct.pack("<I", entry) for entry in crc_table()),
        "code-of-sha1": code_of(*SHA1_STATE, *SHA1_ROUNDS),
        "code-of-tea": code_of(0x9E3779B9, 0xC6EF3720),
        "chacha-constant": b"\0" * 32 + b"expand 32-byte k" + b"\0" * 32,
        "other-alphabet": b"key=" + alphabet() + b"\0" * 16,
        "hidden-program": b"-" * 500 + hidden(with_stub(console_program()), b"\x13\x37\xc0\xde\x42"),
        "hidden-text": hidden(b"This program cannot be run in DOS mode. http://example.invalid/gate.php " * 4, b"\x5a"),
        "encrypted-region": b"\0" * 4_096 + noise(32_768) + b"\0" * 4_096,
        "uses-apis.exe": uses_apis(),
        "key.pem": pem("RSA PRIVATE KEY", private_key()),
        "certificate.der": certificate(),
        "cut-key.der": private_key()[:60],
    }


def rotated(byte: int, by: int) -> int:
    return (byte << by | byte >> 8 - by) & 0xFF


def aes_table() -> bytes:
    """The S-box of FIPS 197 by its definition: the inverse in the field, then an affine map."""
    powers, value = [], 1
    for _ in range(255):  # of the generator 3
        powers.append(value)
        value ^= (value << 1) ^ (0x11B if value & 0x80 else 0)
    table = bytearray([0x63] * 256)
    for exponent, number in enumerate(powers):
        byte = powers[-exponent % 255]
        table[number] = byte ^ rotated(byte, 1) ^ rotated(byte, 2) ^ rotated(byte, 3) ^ rotated(byte, 4) ^ 0x63
    return bytes(table)


def inverse(table: bytes) -> bytes:
    return bytes(table.index(value) for value in range(256))


def crc_table() -> list[int]:
    return [zlib.crc32(bytes([index]), 0xFFFFFFFF) ^ 0xFFFFFFFF for index in range(256)]


def code_of(*words: int) -> bytes:
    """`mov dword [rcx + n], word` for each."""
    moves = (b"\xc7\x41" + bytes([4 * index]) + struct.pack("<I", word) for index, word in enumerate(words))
    return b"\x90" * 16 + b"".join(moves) + b"\xc3" * 16


def alphabet() -> bytes:
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return letters[40:] + letters[:40]


def hidden(plain: bytes, key: bytes) -> bytes:
    return bytes(byte ^ other for byte, other in zip(plain, cycle(key), strict=False))


def with_stub(program: bytes) -> bytes:
    """What linkers write between a program's two headers."""
    text = b"This program cannot be run in DOS mode"
    return program[:0x40].ljust(0x4E, b"\0") + text + program[0x4E + len(text) :]


def uses_apis() -> bytes:
    image = Pe()
    image.sections = [PeSection(b".text", CODE, b"\xc3" * 16)]
    names: list[str | int] = ["CryptAcquireContextA", "CryptDeriveKey", "CryptEncrypt"]
    content, size = import_table(image.rva(1), wide=False, libraries={"ADVAPI32.dll": names})
    image.sections.append(PeSection(b".idata", READ, content))
    image.directories[1] = (image.rva(1), size)
    return image.build()


# -- keys, in DER


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    if len(content) < 0x80:
        return bytes([tag, len(content)]) + content
    size = len(content).to_bytes(2, "big").lstrip(b"\0")
    return bytes([tag, 0x80 | len(size)]) + size + content


def integer(number: int) -> bytes:
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def algorithm(identifier: str) -> bytes:
    return der(0x30, der(6, bytes.fromhex(identifier)), der(5))


def prime(seed: str) -> int:
    start = int.from_bytes(hashlib.sha256(seed.encode()).digest(), "big") | 1 << 255 | 1
    fit = (number for number in count(start, 2) if number % 65_537 != 1)
    return next(number for number in fit if all(probably(number, base) for base in (2, 3, 5, 7, 11)))


def probably(number: int, base: int) -> bool:
    """Fermat's test: enough for numbers that nobody chose to fool it."""
    return pow(base, number - 1, number) == 1


def numbers() -> tuple[int, int]:
    return prime("p"), prime("q")


def private_key() -> bytes:
    """An RSA key of 512 bits (RFC 8017, A.1.2)."""
    p, q = numbers()
    d = pow(65_537, -1, (p - 1) * (q - 1))
    return der(0x30, *map(integer, (0, p * q, 65_537, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))))


def certificate() -> bytes:
    """A certificate (RFC 5280, 4.1) whose signature is none."""
    p, q = numbers()
    key = der(0x30, algorithm(RSA), der(3, b"\0", der(0x30, integer(p * q), integer(65_537))))
    name = der(0x30, der(0x31, der(0x30, der(6, bytes.fromhex(COMMON_NAME)), der(12, b"Nobody"))))
    dates = der(0x30, der(23, b"200101000000Z"), der(23, b"300101000000Z"))
    signed = der(0x30, der(0xA0, integer(2)), integer(7), algorithm(SHA256_WITH_RSA), name, dates, name, key)
    return der(0x30, signed, algorithm(SHA256_WITH_RSA), der(3, b"\0" + bytes(64)))


def pem(kind: str, content: bytes) -> bytes:
    lines = base64.encodebytes(content)
    return f"-----BEGIN {kind}-----\n".encode() + lines + f"-----END {kind}-----\n".encode()
