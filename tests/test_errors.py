"""Every error has a code of its own, a sentence and a next step, and survives the way over HTTP."""

from __future__ import annotations

import pytest

from athena_lab import errors
from athena_lab.errors import APIError, AthenaError, WasmError, from_problem


def all_errors(kind=AthenaError):
    yield kind
    for child in kind.__subclasses__():
        yield from all_errors(child)


def make(kind):
    if issubclass(kind, WasmError):
        return kind("Something is so.", module="m")
    if issubclass(kind, APIError):
        return kind("Something is so.", provider="p", model="x", upstream_status=418, attempts=3, retry_after=1.5)
    return kind("Something is so.")


@pytest.mark.parametrize("kind", list(all_errors()), ids=lambda kind: kind.__name__)
def test_an_error_says_what_to_do_and_survives_the_wire(kind):
    error = make(kind)
    assert str(error) == f"Something is so. {error.next_step}"
    assert error.next_step.endswith(".")
    assert 400 <= error.status < 600
    problem = error.problem("id")
    again = from_problem(problem)
    assert type(again) is kind
    assert again.problem("id") == problem


def test_codes_are_unique():
    codes = [kind.code for kind in all_errors()]
    assert len(codes) == len(set(codes))


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = {word for line in errors.__doc__.splitlines() for word in line.replace("─", " ").split()[1:2]}
    drawn |= {
        word
        for line in errors.__doc__.splitlines()
        for word in line.replace("├", " ").replace("└", " ").replace("─", " ").replace("│", " ").split()[:1]
    }
    for kind in all_errors():
        assert kind.__name__ in drawn, kind


def test_an_unknown_code_is_still_an_error_of_ours():
    problem = make(errors.QueueFull).problem()
    strange = from_problem(errors.Problem("T", 500, "Detail.", "from_the_future", "Do this."))
    assert type(strange) is AthenaError
    assert str(strange) == "Detail. Do this."
    assert problem.module == "m"
