"""The wires that exist: ours, and those that other packages add by an entry point of the group `GROUP`.

An entry point names an object that satisfies `athena_lab.ai.providers.wire.Wire`; its name is a row's ``wire``::

    [project.entry-points."athena_lab.wires"]
    carrier-pigeon = "pigeon.wire:CarrierPigeon"

It may be a class without parameters, or an instance. Ours cannot be replaced.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from athena_lab.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from athena_lab.ai.providers.wire import Wire

GROUP: Final = "athena_lab.wires"
BUILT_IN: Final[Mapping[str, str]] = {
    "anthropic": "athena_lab.ai.providers.anthropic:AnthropicMessages",
    "gemini": "athena_lab.ai.providers.gemini_live:GeminiLive",
    "openai-chat": "athena_lab.ai.providers.openai_chat:OpenAIChat",
    "openai-responses": "athena_lab.ai.providers.openai_socket:OpenAIResponsesLive",
}
"""Imported when a row needs them."""


def find_wire(name: str) -> Wire:
    """Raises ConfigError for a name that nobody has, and for an entry point that cannot be loaded."""
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return cast("Wire", getattr(import_module(module), attribute)())
    from importlib.metadata import entry_points  # noqa: PLC0415 - costs an eighth of this package's import

    added = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in added:
        known = ", ".join(sorted({*BUILT_IN, *added}))
        raise ConfigError(f"There is no wire named {name}; there are {known}.")
    try:
        found = added[name].load()
        return cast("Wire", found() if isinstance(found, type) else found)
    except (ImportError, AttributeError, TypeError) as error:
        raise ConfigError(f"The wire {name} of {added[name].value} cannot be loaded: {error}.") from error
