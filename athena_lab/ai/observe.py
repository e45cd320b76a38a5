"""What is told about every request once it has ended, for metrics and logs. No key, no prompt, no answer in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from athena_lab.errors import Problem
    from athena_lab.events import Attempt, Usage


class RequestEnded(Value, frozen=True):
    """Times in seconds. ``provider`` is a name from the configuration, or ``offline``: a bounded set."""

    id: str
    provider: str
    """Who answered, or was asked last."""
    model: str
    status: Literal["completed", "refused", "degraded", "failed", "cancelled"]
    problem: Problem | None
    """For ``failed``, and where something stands in for an answer. It may quote the provider, no key and no prompt."""
    elapsed: float
    first_token: float | None
    """From the start to the first piece that a reader sees (text, a tool call, a member); None if there was none."""
    tokens: int
    """Pieces of text streamed."""
    usage: Usage
    attempts: tuple[Attempt, ...]
    """With what each used and cost: all of them together are what the request cost."""
    events: Mapping[str, int]
    """How many of each type the reader was given."""

    @property
    def error(self) -> str | None:
        """The problem's code."""
        return self.problem.code if self.problem is not None else None


Kind = Literal["retry", "failover", "refusal", "hedge", "rate_limit_hit", "circuit_failure", "tool_call"]


class PolicyEvent(Value, frozen=True):
    """Something that a policy did, or that happened to it. ``provider`` is a name from the configuration."""

    kind: Kind
    provider: str
    reason: str = ""
    """For a failover, why the provider was left: an error's code, or ``refused``; for a hedge ``won`` or ``lost``; for
    a tool call its outcome."""
    tool: str = ""
    """Of a tool call: the function's name, ``unknown`` for one that there is not."""


Observer = Callable[[RequestEnded], None]
"""Called on the event loop: quick, and without raising."""
