"""What a kit is given: what a provider sends, and what it means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.send import Item
    from athena_lab.errors import APIError


class Answer(Value, frozen=True):
    """An answer with HTTP status 200: the bytes of its body, and the events that they mean."""

    hidden = frozenset({"body"})

    name: str
    body: bytes
    events: Sequence[Item]
    """All of them but progress, and with the one `Finished` at their end."""
    whole: bool = False
    """Whether it is JSON in one piece rather than server-sent events."""


class Failure(Value, frozen=True):
    """An error: an HTTP status with its body, or (status 200) a stream that breaks off with one."""

    hidden = frozenset({"body"})

    name: str
    status: int
    body: bytes
    error: type[APIError] | None
    """The named error; None where it is a refusal, which is no error."""
    headers: Mapping[str, str] = {}
    retry_after: float | None = None
    """Seconds that the provider asks for."""
    should_retry: bool | None = None
    """What the provider says of it, if it does."""


class Kit(Value, frozen=True):
    """A provider's row, whose wire is installed, with recordings of it: see the package's docstring."""

    hidden = frozenset({"models"})

    row: ProviderRow
    answers: Sequence[Answer]
    failures: Sequence[Failure]
    models: bytes
    """The answer to a request for the list of models."""
    model_ids: Sequence[str] = ()
    """What it lists."""
