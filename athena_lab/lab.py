"""`Lab`: the one object behind every door. `open_lab` is the only place where its parts are put together."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import time
from collections import OrderedDict
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self

import msgspec

from athena_lab import api
from athena_lab.ai import AIManager, build_prompt
from athena_lab.config import LabConfig, load_config
from athena_lab.errors import BadModule, InvalidField, LabClosed, WasmError
from athena_lab.report import ModuleResult, Report, build_report
from athena_lab.sample import Quarantine, Sample
from athena_lab.wasm.catalog import Catalog
from athena_lab.wasm.contract import SampleInfo, Slot
from athena_lab.wasm.runtime import Module, Runtime, SampleFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping, Sequence

    from athena_lab.ai.types import AnalysisRequest, AnalysisResult, AnalysisType, ProviderStatus
    from athena_lab.events import AnyEvent
    from athena_lab.protocol import Source

_KEPT_REPORTS = 32

SLOTS: dict[str, tuple[Slot, ...]] = {
    "full": ("analysis", "crypto", "deobfuscation", "patterns", "network", "sandbox"),
    "quick": ("analysis", "patterns"),
    "pattern": ("patterns",),
    "behavior": ("deobfuscation", "sandbox"),
}
"""Which slots an analysis type fills."""


def open_lab(config: LabConfig | None = None, *, environ: MutableMapping[str, str] | None = None) -> Lab:
    """A lab in this process, by `config` or by file and environment. Raises `ConfigError`.

    Nothing is started yet: modules are loaded with the first use, connections opened with the first question.
    """
    config = config or load_config(environ)
    return Lab(
        config,
        quarantine=Quarantine(config.quarantine, max_bytes=config.samples.max_bytes),
        runtime=Runtime(Catalog(config.components), config.wasm, cache=config.code_cache),
        ai=AIManager.from_rows(config.providers.values(), environ=environ),
    )
