"""What the test run says of itself: nothing is skipped unseen."""

from __future__ import annotations

import pytest

from tests.run import STAGES, Outcome, count, report


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("69 skipped in 0.13s", (0, 0, 69)),
        ("1 failed, 501 passed, 69 skipped in 103.62s (0:01:43)", (501, 1, 69)),
        ("test result: ok. 5 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s", (5, 0, 2)),
        ("      Tests  7 passed | 2 skipped (9)", (7, 0, 2)),
        (" Test Files  1 passed (1)", (0, 0, 0)),
        ("SKIPPED [4] tests/ai/test_llmock.py:87: llmock is not installed", (0, 0, 0)),
    ],
)
def test_summaries_are_counted(line, counts):
    assert count([line + "\n"]) == counts


def test_what_was_skipped_stands_in_the_report(capsys):
    assert report([Outcome(STAGES[0], ok=True, passed=3, failed=0, skipped=69, seconds=1.0)], 1.0) == 0
    assert "3 passed, 0 failed, 69 skipped" in capsys.readouterr().out
