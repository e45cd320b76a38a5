from __future__ import annotations

import pytest

from athena_lab.bulkhead import BulkheadOptions
from athena_lab.bulkheads import Bulkheads, BulkheadsOptions
from athena_lab.wasm.catalog import Catalog
from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import Runtime, RuntimeOptions, SampleFile
from tests.conftest import TEST_COMPONENTS

MIB = 1 << 20


@pytest.fixture
async def open_runtime():
    """Makes runtimes over the guests that misbehave; closes them."""
    opened = []

    async def make(folder=TEST_COMPONENTS, cache=None, *, workers=2, queue=100, bulkheads=None, **options):
        limits = RuntimeOptions(**{"memory_bytes": 64 * MIB, "deadline": 20.0} | options)
        bulkheads = bulkheads or Bulkheads(BulkheadsOptions(container=BulkheadOptions(workers, queue)))
        runtime = Runtime(Catalog(folder), limits, cache=cache, bulkheads=bulkheads)
        opened.append(runtime)
        await runtime.load()
        return runtime

    yield make
    for runtime in opened:
        runtime.close()


@pytest.fixture
def sample_file(tmp_path):
    def make(data: bytes) -> SampleFile:
        path = tmp_path / "x.sample"
        path.write_bytes(data)
        return SampleFile(path, SampleInfo(len(data), "x"))

    return make
