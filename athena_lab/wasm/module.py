"""A module as the runtime has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from athena_lab.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from athena_lab.errors import ModuleNotTaken
    from athena_lab.wasm.contract import Description
    from athena_lab.wasm.job import MachineCode
    from athena_lab.wasm.manifest import Entry


class Module(Value, frozen=True):
    """A module that is loaded. Calls in flight keep the one that they started with."""

    hidden = frozenset({"code"})

    entry: Entry
    description: Description
    code: MachineCode
    """So that a call compiles nothing, in whichever thread it runs."""

    @property
    def functions(self) -> Mapping[str, Any]:
        """The functions that it describes, by name."""
        return {function.name: function for function in self.description.functions}


class Inspection(NamedTuple):
    """What a foreign component asks for and gives. ``module`` is None where ``problem`` says what is wrong with it."""

    imports: tuple[str, ...]
    exports: tuple[str, ...]
    module: Module | None
    problem: ModuleNotTaken | None
