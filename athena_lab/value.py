"""Immutable values that stay in the process."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Value(msgspec.Struct, frozen=True):
    """A base for them: defined and copied in a fraction of a frozen dataclass's time.

    Nothing encodes or decodes one, so the types of its fields may be imported for type checking only.
    """

    hidden: ClassVar[frozenset[str]] = frozenset()
    """Names of fields that hold keys, prompts or answers: they stay out of the repr."""

    def __repr__(self) -> str:
        shown = (name for name in self.__struct_fields__ if name not in self.hidden)
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"
