"""The suite that any wire and row must pass, over all seven rows."""

from __future__ import annotations

import pytest

from athena_lab.ai.testkit import checks
from tests.ai.kits import KITS

CHECKS = [check for kit in KITS.values() for check in checks(kit)]


def test_every_row_is_checked():
    from athena_lab.ai.providers.registry import DEFAULT_ROWS  # noqa: PLC0415 - only here

    assert list(KITS) == [row.name for row in DEFAULT_ROWS]


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_conformance(check):
    check()
