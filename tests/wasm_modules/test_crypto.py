"""The built crypto component: what it says of real implementations, real keys, and hidden programs; and its ciphers."""

from __future__ import annotations

import hashlib
import hmac
import random
import time
import zlib
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import golden
import msgspec
import pytest
from harness import Guest, Refused

Guests = Callable[[str], Guest]
STDIN_ONLY = {"wasi:cli/stdin@0.2.12", "wasi:io/error@0.2.12", "wasi:io/streams@0.2.12"}
MIB = 1 << 20
TEXT = b"This program cannot be run in DOS mode"


@pytest.fixture
def module(guest: Guests) -> Guest:
    return guest("crypto")


def analyze(module: Guest, sample: bytes) -> tuple[dict[str, Any], dict[str, str]]:
    """The facts, and the severity of each finding."""
    output = module.call("analyze", sample)
    return msgspec.json.decode(output.data), {finding.id: finding.severity for finding in output.findings}


def hidden(plain: bytes, key: bytes) -> bytes:
    return bytes(byte ^ other for byte, other in zip(plain, cycle(key), strict=False))


def test_it_describes_itself_and_imports_stdin_alone(module: Guest) -> None:
    description = module.describe()
    assert (description.name, description.slot) == ("crypto", "crypto")
    functions = [function.name for function in description.functions]
    assert functions == [
        "analyze", "hash", "hmac", "aes-cbc", "aes-ctr", "aes-gcm", "rc4", "xor", "chacha20", "pbkdf2",
    ]  # fmt: skip
    assert all(function.args["additionalProperties"] is False for function in description.functions)
    assert set(module.component.type.imports(module.engine)) == STDIN_ONLY


def test_it_finds_the_table_that_zlib_computes(module: Guest) -> None:
    """`zlib.crc32` of one byte is the table's entry, but for the complements."""
    table = [zlib.crc32(bytes([index]), 0xFFFFFFFF) ^ 0xFFFFFFFF for index in range(256)]
    sample = b"\x90" * 100 + b"".join(entry.to_bytes(4, "little") for entry in table)
    facts, _ = analyze(module, sample)
    (found,) = facts["algorithms"]
    assert (found["name"], found["evidence"][0]["offset"], found["evidence"][0]["matched"]) == ("CRC-32", 100, 256)


def test_a_program_under_a_key_is_found_and_the_key_undoes_it(module: Guest) -> None:
    program = golden.sample("pe32-console.exe")
    if TEXT not in program:
        program = program[:0x40].ljust(0x4E, b"\0") + TEXT + program[0x74:]
    key = b"\x13\x37\xc0\xde\x42"
    sample = b"-" * 1_000 + hidden(program, key)
    facts, severities = analyze(module, sample)
    guess = facts["xor"][0]
    assert severities[next(name for name in severities if name.startswith("xor-"))] in {"medium", "high"}
    assert (guess["key"], guess["offset"], guess["program"]) == (key.hex(), 1_000, 1_000)
    assert TEXT.decode() in guess["plain"]
    data = msgspec.json.decode(module.call("xor", sample, key=guess["key"], offset=guess["offset"], length=2).data)
    assert data["text"] == "MZ"


def test_keys_that_a_library_made_are_found(module: Guest) -> None:
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # noqa: PLC0415  # only where it is installed

    made: dict[str, Any] = {
        "RSA": rsa.generate_private_key(65_537, 1_024),
        "EC P-256": ec.generate_private_key(ec.SECP256R1()),
        "EC P-384": ec.generate_private_key(ec.SECP384R1()),
        "EC secp256k1": ec.generate_private_key(ec.SECP256K1()),
        "Ed25519": ed25519.Ed25519PrivateKey.generate(),
    }
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    for algorithm, key in made.items():
        for encoding in (serialization.Encoding.DER, serialization.Encoding.PEM):
            sample = b"noise\0" + key.private_bytes(encoding, pkcs8, plain) + b"\0noise"
            facts, severities = analyze(module, sample)
            assert [(row["algorithm"], row["offset"]) for row in facts["keys"]] == [(algorithm, 6)], encoding
            assert severities["private-key"] == "medium"
        if algorithm.startswith("EC"):
            sec1 = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, plain)
            facts, _ = analyze(module, sec1)
            assert [(row["algorithm"], row["bits"]) for row in facts["keys"]] == [(algorithm, key.key_size)]
        locked = key.private_bytes(
            serialization.Encoding.PEM, pkcs8, serialization.BestAvailableEncryption(b"a password")
        )
        facts, _ = analyze(module, locked)
        assert [row["kind"] for row in facts["keys"]] == ["encrypted-private-key"]
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        facts, _ = analyze(module, public)
        assert [(row["kind"], row["algorithm"]) for row in facts["keys"]] == [("public-key", algorithm)]


def test_random_bytes_are_a_region_and_nothing_else(module: Guest) -> None:
    noise = random.Random(1).randbytes(4 * MIB)  # the same bytes each time
    facts, severities = analyze(module, noise)
    assert [(row["offset"], row["length"], row["kind"]) for row in facts["regions"]] == [(0, 4 * MIB, "even")]
    assert severities == {"even-region": "low"}


def test_honest_programs_have_no_severe_findings(module: Guest) -> None:
    setuptools = pytest.importorskip("setuptools")
    launchers = [path for folder in setuptools.__path__ for path in Path(folder).glob("*.exe")]
    assert launchers
    for path in launchers:
        _, severities = analyze(module, path.read_bytes())
        assert set(severities.values()) <= {"info", "low"}, path.name


def test_digests_are_those_of_python(module: Guest) -> None:
    data = bytes(range(256)) * 3
    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512"):
        told = msgspec.json.decode(module.call("hash", data, algorithm=name).data)["hex"]
        assert told == hashlib.new(name, data).hexdigest()
        told = msgspec.json.decode(module.call("hmac", data, algorithm=name, key="00ff").data)["hex"]
        assert told == hmac.digest(b"\0\xff", data, name).hex()
    told = msgspec.json.decode(module.call("pbkdf2", password="text:p", salt="text:s", iterations=1_000).data)["begins"]
    assert told == hashlib.pbkdf2_hmac("sha256", b"p", b"s", 1_000).hex()


def test_what_it_cannot_do_is_refused(module: Guest) -> None:
    for function, args, code in (
        ("analyze", {"quick": True}, "invalid_args"),
        ("rot13", {}, "unknown_function"),
        ("hash", {"algorithm": "md5"}, "no_sample"),
        ("aes-cbc", {"key": "00", "iv": "00" * 16, "data": ""}, "invalid_args"),
        ("pbkdf2", {"password": "", "salt": "", "iterations": 10**9}, "invalid_args"),
    ):
        with pytest.raises(Refused) as refused:
            module.call(function, **args)
        assert refused.value.args[0].code == code


def test_it_takes_what_a_sample_may_have(module: Guest) -> None:
    """A file of the largest size that a lab takes by default, and a flood of what keys begin with."""
    started = time.monotonic()
    output = module.call("analyze", b"\x30\x82\x10\x00" * (16 * MIB))
    assert time.monotonic() - started < 60
    assert output.memory_bytes < 256 * MIB
    assert {finding.id for finding in output.findings} == {"unread-parts"}
    assert memoryview(output.data).nbytes < MIB
