"""What a model may look at, for one question: the functions, bound to one sample and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from athena_lab.ai.prompt import inert
from athena_lab.ai.send import Looked
from athena_lab.errors import AthenaError, ModuleDeadline, ModuleRefused
from athena_lab.tools import of_report, of_sample
from athena_lab.tools.tool import Unfit, fit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from athena_lab.ai.prompt import Tool
    from athena_lab.report import Report
    from athena_lab.tools.tool import LookTool
    from athena_lab.wasm.module import Module

    Execute = Callable[[str, str, Mapping[str, Any], float], Awaitable[msgspec.Raw]]
    """Module, function, arguments, and the seconds that it has."""

TOOLS: Final[tuple[LookTool, ...]] = (*of_sample.TOOLS, *of_report.TOOLS)
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
_STEPS: Final = "steps"
_MAX_STEPS: Final = 8_192
"""Characters of a module's own description of its steps."""


def offered(modules: Mapping[str, Module]) -> tuple[LookTool, ...]:
    """Those for which the loaded modules have what they need."""
    return tuple(tool for tool in TOOLS if tool.needs is None or _has(modules, *tool.needs))


def _has(modules: Mapping[str, Module], module: str, function: str) -> bool:
    return module in modules and function in modules[module].functions


class Look:
    """Satisfies `athena_lab.ai.send.Looks`. ``execute`` calls into the sandbox on the one sample."""

    def __init__(self, report: Report, modules: Mapping[str, Module], execute: Execute) -> None:
        self._report = report
        self._execute = execute
        self._tools = {tool.name: tool for tool in offered(modules)}
        self.tools: tuple[Tool, ...] = tuple(tool.declaration(_own(tool, modules)) for tool in self._tools.values())

    async def run(self, name: str, arguments: str, *, seconds: float, characters: int) -> Looked:
        """Never raises for anything that a model or a sample may cause."""
        tool = self._tools.get(name)
        if tool is None:
            return Looked("invalid", f"There is no function of that name. There are {', '.join(self._tools)}.")
        try:
            wanted = msgspec.json.decode(arguments, type=tool.args)
        except _UNREADABLE as error:
            return Looked("invalid", inert(f"The arguments do not fit: {error}", characters))
        try:
            lines = await tool.run(_Desk(self._report, self._execute, seconds), wanted)
            text, cut = fit(lines, characters)
        except Unfit as error:
            return Looked("invalid", str(error))
        except AthenaError as error:
            text, cut = fit(_said(error), characters)
            return Looked("timeout" if isinstance(error, ModuleDeadline) else "failed", text, cut)
        return Looked("ok", text, cut)


class _Desk:
    """Of one call."""

    def __init__(self, report: Report, execute: Execute, seconds: float) -> None:
        self.report = report
        self._execute = execute
        self._seconds = seconds

    async def execute(self, module: str, function: str, args: Mapping[str, Any]) -> msgspec.Raw:
        return await self._execute(module, function, args, self._seconds)


def _said(error: AthenaError) -> Sequence[str]:
    """What a module refuses is for the model to mend; of anything else it need not know more than what it is."""
    return error.detail.splitlines() if isinstance(error, ModuleRefused) else [f"{error.title}."]


def _own(tool: LookTool, modules: Mapping[str, Module]) -> dict[str, Any]:
    """The module's own schema of the steps that it knows: their names are nowhere else."""
    if tool.needs is None or _STEPS not in tool.args.__struct_fields__:
        return {}
    module, function = tool.needs
    schema = modules[module].functions[function].args.get("properties", {}).get(_STEPS)
    return {_STEPS: schema} if schema is not None and len(str(schema)) <= _MAX_STEPS else {}
