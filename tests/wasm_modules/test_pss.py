"""Signatures by RSA-PSS: made by OpenSSL, in certificates, signers and timestamps of an inert program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import executables
import msgspec
import pytest
import signed

from athena_lab.report.facts import FileFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Guest

NOW = 1_795_000_000


@pytest.fixture
def module(guest: Callable[[str], Guest]) -> Guest:
    return guest("file-processor")


def checks(module: Guest, sample: bytes) -> list[str]:
    """Of the signer, its timestamp, and the certificates."""
    output = module.call("analyze", sample, max_strings=0, now=NOW)
    found = msgspec.json.decode(output.data, type=FileFacts).executables[0].signature
    assert found is not None
    (signer,) = found.signers
    assert signer.timestamp is not None
    certificates = [certificate.signature for certificate in (*signer.chain, *signer.timestamp.chain)]
    assert len(certificates) == 4
    return [signer.signature, signer.timestamp.signature, *certificates]


SCHEMES = {
    "as usual": signed.Pss(),
    "SHA-1": signed.Pss("sha1", "sha1", 20, 20),
    "no salt": signed.Pss(salt=0, true_salt=0),
    "as much salt as there is room for": signed.Pss(salt=94, true_salt=94),
}


@pytest.mark.parametrize("name", SCHEMES)
def test_signatures_verify(module: Guest, name: str) -> None:
    assert set(checks(module, signed.sign(executables.console_program(), pss=SCHEMES[name]))) == {"valid"}


@pytest.mark.parametrize(
    "pss", [signed.Pss(salt=31), signed.Pss(salt=33), signed.Pss(salt=2_000), signed.Pss(true_salt=20)]
)
def test_a_salt_of_another_length_is_wrong(module: Guest, pss: signed.Pss) -> None:
    assert set(checks(module, signed.sign(executables.console_program(), pss=pss))) == {"invalid"}


@pytest.mark.parametrize("pss", [signed.Pss(mask="sha1"), signed.Pss("sha1", "sha256", 20, 20)])
def test_masks_by_another_hash_are_not_checked(module: Guest, pss: signed.Pss) -> None:
    assert set(checks(module, signed.sign(executables.console_program(), pss=pss))) == {"not-checked"}


def test_what_is_changed_is_told(module: Guest) -> None:
    sample = signed.sign(executables.console_program(), pss=signed.Pss())
    at = sample.index("Inert Program".encode("utf-16-be"))
    changed = sample[:at] + b"\0J" + sample[at + 2 :]
    assert checks(module, changed) == ["invalid", *["valid"] * 5]
    changed = sample.replace(b"Inert Signer", b"Inept Signer")
    assert checks(module, changed)[2] == "invalid"
