"""One component tried in the sandbox, as a foreign module: for the tests of whoever writes one."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from athena_lab.ai.ledger import MEMORY
from athena_lab.config import LabConfig
from athena_lab.lab import open_lab

if TYPE_CHECKING:
    import os

    from athena_lab.report import ModuleResult


def try_module(component: str | os.PathLike[str] | bytes, sample: str | os.PathLike[str] | bytes) -> ModuleResult:
    """What the module says of a sample, under the limits of foreign modules. Neither is kept.

    Raises `ModuleNotTaken`. What the module does wrong with the sample is the result's ``error``.
    """
    return asyncio.run(_try(component, sample))


async def _try(component: str | os.PathLike[str] | bytes, sample: str | os.PathLike[str] | bytes) -> ModuleResult:
    with tempfile.TemporaryDirectory() as folder:
        async with open_lab(_config(Path(folder)), environ={}) as lab:
            added = await lab.add_module(component)
            report = await lab.triage(sample, modules=[added.name])
            return report.results["foreign"][added.name]


def _config(folder: Path) -> LabConfig:
    config = LabConfig()
    wasm, ai = config.wasm, config.ai
    return replace(
        config,
        samples=replace(config.samples, folder=str(folder / "samples")),
        wasm=replace(wasm, foreign=replace(wasm.foreign, folder=str(folder / "modules"))),
        ai=replace(ai, ledger=replace(ai.ledger, path=MEMORY), later=replace(ai.later, path=MEMORY)),
    )
