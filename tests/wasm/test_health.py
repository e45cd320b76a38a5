"""How a module has been lately, by the outcomes of its calls."""

from __future__ import annotations

import pytest

from athena_lab.errors import ModuleRefused, ModuleTrap
from athena_lab.wasm.health import CALLS, LEAST, Recent


def refusal(code):
    return ModuleRefused(f"{code}: It says why.", module="m")


@pytest.mark.parametrize("code", ["invalid_args", "unknown_function", "no_sample", "unsupported"])
def test_calls_that_are_no_good_say_nothing_of_the_module(code):
    recent = Recent()
    for _ in range(LEAST):
        recent.note(ModuleTrap("It trapped.", module="m"))
    for _ in range(CALLS):
        recent.note(refusal(code))
    assert recent.problem.startswith(f"{LEAST} of its last {LEAST} calls failed")


def test_a_module_that_says_that_it_went_wrong_is_believed():
    recent = Recent()
    for _ in range(LEAST):
        recent.note(refusal("failed"))
    assert "failed: It says why." in recent.problem
    for _ in range(LEAST + 1):
        recent.note(None)
    assert not recent.problem
