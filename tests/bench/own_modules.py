"""A module in Python in the sandbox, beside the same code in this interpreter, and the same work in Rust."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from athena_lab.config import LabConfig
from athena_lab.projects import project
from athena_lab.wasm.catalog import Catalog
from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.own import OwnModules
from athena_lab.wasm.runtime import Runtime, RuntimeOptions, SampleFile
from tests.bench.table import Table, ratio
from tests.bench.triage import pe_files

if TYPE_CHECKING:
    from collections.abc import Callable

TIMES = 5
"""How often each is measured; the best counts."""
CODE = """
from collections import Counter
from math import log2
import re

from athena_kit import Module, Result

module = Module("bench", "0.1.0", "For the benchmark.")


@module.function("Nothing but the call.")
def analyze(sample, options):
    return Result()


@module.function("Strings, by a regular expression.")
def strings(sample, options):
    return {"count": sum(1 for _ in re.finditer(rb"[\\x20-\\x7e]{5,}", sample))}


@module.function("Entropy, by a counter.")
def entropy(sample, options):
    return {"bits": round(-sum(n / len(sample) * log2(n / len(sample)) for n in Counter(sample).values()), 3)}


@module.function("A byte at a time, in a loop.")
def rolling(sample, options):
    value = 0
    for byte in sample:
        value = (value * 31 + byte) & 0xFFFFFFFF
    return {"value": value}
"""
FUNCTIONS = ("strings", "entropy", "rolling")
SIZE = 2_000_000


def best(act: Callable[[], Any]) -> tuple[float, Any]:
    fastest, found = float("inf"), None
    for _ in range(TIMES):
        began = time.perf_counter()
        found = act()
        fastest = min(fastest, time.perf_counter() - began)
    return fastest, found


def natively(folder: Path, sample: bytes) -> dict[str, tuple[float, Any]]:
    sys.path.insert(0, str(folder))
    import analyzer  # type: ignore[import-not-found]  # noqa: PLC0415 - it was just made

    return {name: best(lambda name=name: getattr(analyzer, name)(sample, {})) for name in FUNCTIONS}


async def in_sandbox(wasm: bytes, folder: Path, file: SampleFile) -> tuple[float, float, dict[str, tuple[float, Any]]]:
    """Seconds to take it, of a call that does nothing, and of each function with its answer."""
    runtime = Runtime(Catalog(LabConfig().components, OwnModules(folder / "modules")), RuntimeOptions())
    with runtime:
        began = time.perf_counter()
        await runtime.add(wasm)
        taken = time.perf_counter() - began
        found: dict[str, tuple[float, Any]] = {}
        for name in ("analyze", *FUNCTIONS):
            answers = [await runtime.call("bench", name, sample=file, deadline=120) for _ in range(TIMES)]
            found[name] = min(done.elapsed for done in answers), bytes(answers[0].output.data)
        return taken, found.pop("analyze")[0], found


def run() -> list[Table]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = project.new("bench", "python", folder)
        (made.folder / "analyzer.py").write_text(CODE)
        began = time.perf_counter()
        component = project.build(made)
        built = time.perf_counter() - began
        sample = folder / "sample"
        sample.write_bytes(b"".join(path.read_bytes() for path in pe_files())[:SIZE])
        native = natively(made.folder, sample.read_bytes())
        taken, call, sandboxed = asyncio.run(
            in_sandbox(component.read_bytes(), folder, SampleFile(sample, SampleInfo(SIZE)))
        )
    rows = []
    for function in FUNCTIONS:
        (here, _), (there, _) = native[function], sandboxed[function]
        rows.append([function, f"{SIZE / here / 1e6:.1f}", f"{SIZE / there / 1e6:.1f}", ratio(here, there)])
    note = (
        f"{SIZE / 1e6:.0f} MB of executables; CPython {sys.version.split()[0]} natively. The component is built in "
        f"{built:.0f} s, compiled apart and taken in {taken:.0f} s; a call that only reads the sample takes "
        f"{call * 1e3:.0f} ms, with a new Store."
    )
    return [Table("A module in Python", note, ["", "natively, MB/s", "sandboxed, MB/s", "beside native"], rows)]
