from __future__ import annotations

import hashlib
import json
import shutil

import pytest

from athena_lab.bulkhead import BulkheadOptions
from athena_lab.bulkheads import Bulkheads, BulkheadsOptions
from athena_lab.wasm.catalog import Catalog
from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import Runtime, RuntimeOptions, SampleFile
from tests.conftest import TEST_COMPONENTS

MIB = 1 << 20
FOLDER = TEST_COMPONENTS


def by_component(wasm: bytes) -> bytes:
    """The same module, which has to be called as a component: its core module's front end is none by its name."""
    return wasm.replace(b"athena_answer", b"athena_ANSWER")


@pytest.fixture(scope="session")
def component_folder(tmp_path_factory):
    """The guests that misbehave, to be called as components."""
    folder = shutil.copytree(TEST_COMPONENTS, tmp_path_factory.mktemp("called") / "components")
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in manifest["modules"]:
        wasm = by_component((folder / entry["file"]).read_bytes())
        (folder / entry["file"]).write_bytes(wasm)
        entry["sha256"] = hashlib.sha256(wasm).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
async def open_runtime():
    """Makes runtimes over the guests that misbehave; closes them."""
    opened = []

    async def make(folder=None, cache=None, *, workers=2, queue=100, bulkheads=None, **options):
        limits = RuntimeOptions(**{"memory_bytes": 64 * MIB, "deadline": 20.0} | options)
        bulkheads = bulkheads or Bulkheads(BulkheadsOptions(container=BulkheadOptions(workers, queue)))
        runtime = Runtime(Catalog(folder or FOLDER), limits, cache=cache, bulkheads=bulkheads)
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
