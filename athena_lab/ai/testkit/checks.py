"""All checks of a kit, by their names."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from athena_lab.ai.testkit import asking, parsing
from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from athena_lab.ai.testkit.recordings import Kit

LIMIT: Final = 60
"""Seconds for one check; each takes a fraction of one."""
Run = Callable[[], Awaitable[None] | None]


class Check(Value, frozen=True):
    """Call it, from where no event loop runs. Raises AssertionError."""

    name: str
    run: Run

    def __call__(self) -> None:
        done = self.run()
        if inspect.iscoroutine(done):
            try:
                asyncio.run(asyncio.wait_for(done, LIMIT))
            except TimeoutError:
                raise AssertionError(f"{self.name}: no end after {LIMIT} s") from None

    def __str__(self) -> str:
        return self.name


def checks(kit: Kit) -> list[Check]:
    """Raises ConfigError where the wire of the row is not installed."""
    return [Check(f"{kit.row.name}: {name}", run) for name, run in _runs(kit)]


def _runs(kit: Kit) -> Iterator[tuple[str, Run]]:
    of_answers: dict[str, Callable[[Kit, Any], Awaitable[None] | None]] = {
        "means its events": parsing.means_its_events,
        "cut in two anywhere": parsing.cut_in_two_anywhere,
        "in single bytes": parsing.in_single_bytes,
        "cut off anywhere is no answer": parsing.cut_off_anywhere_is_no_answer,
        "with any value changed": parsing.with_any_value_changed,
        "over HTTP": asking.over_http,
        "cut off over HTTP": asking.cut_off_over_http,
    }
    for answer in kit.answers:
        for name, run in of_answers.items():
            yield f"{answer.name}, {name}", partial(run, kit, answer)
    for failure in kit.failures:
        yield f"{failure.name}, has its name", partial(asking.has_its_name, kit, failure)
    for name, check in {
        "errors however broken are named": asking.errors_however_broken_are_named,
        "the request asks for what the row allows": asking.asks_for_what_the_row_allows,
        "a talk is given back": asking.gives_a_talk_back,
        "the key travels in a header only": asking.key_in_a_header_only,
        "models are listed": asking.models_are_listed,
        "a key is validated": asking.a_key_is_validated,
        "closing closes the connection": asking.closing_closes_the_connection,
    }.items():
        yield name, partial(check, kit)
