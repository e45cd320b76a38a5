"""The sandbox, held against guests that do everything that a guest must not."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import stat
import threading

import msgspec
import pytest

from athena_lab.bulkhead import BulkheadOptions
from athena_lab.bulkheads import Bulkheads, BulkheadsOptions
from athena_lab.errors import (
    BadModule,
    BadOutput,
    ModuleCancelled,
    ModuleDeadline,
    ModuleMemory,
    ModuleRefused,
    ModuleTrap,
    QueueFull,
    SampleNotFound,
    UnknownFunction,
    UnknownModule,
)
from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.job import Job
from athena_lab.wasm.manifest import Entry
from athena_lab.wasm.module import Module
from athena_lab.wasm.runtime import MIB, SampleFile
from tests.conftest import TEST_COMPONENTS


@pytest.fixture(autouse=True, params=["core", "component"])
def _called(request, monkeypatch):
    """All of it by both ways to call a module."""
    if request.param == "component":
        monkeypatch.setattr("tests.wasm.conftest.FOLDER", request.getfixturevalue("component_folder"))


async def until_busy(runtime, call):
    while not runtime.busy and not call.done():  # noqa: ASYNC110 - the worker thread has no loop on which to set an event
        await asyncio.sleep(0)


async def test_a_sample_reaches_the_guest_whole(open_runtime, sample_file):
    runtime = await open_runtime()
    data = bytes(range(256)) * 9_001
    done = await runtime.call("misbehave", "echo", sample=sample_file(data))
    assert json.loads(bytes(done.output.data)) == {"size": len(data), "sum": sum(data)}
    assert done.elapsed > 0


@pytest.mark.parametrize(
    ("function", "error", "sentence"),
    [
        ("trap", ModuleTrap, "unreachable"),
        ("out-of-bounds", ModuleTrap, "out of bounds"),
        ("overflow-stack", ModuleTrap, "stack"),
        ("eat-memory", ModuleMemory, "memory limit"),
        ("bad-json", BadOutput, "does not fit"),
        ("bad-error", BadOutput, "does not fit"),
        ("break-contract", BadOutput, "does not fit"),
        ("refuse", ModuleRefused, "unsupported"),
    ],
)
async def test_what_a_guest_does_wrong_has_a_name(open_runtime, function, error, sentence):
    runtime = await open_runtime()
    with pytest.raises(error, match=sentence) as caught:
        await runtime.call("misbehave", function)
    assert type(caught.value) is error
    assert caught.value.module == "misbehave"
    # The next call finds nothing of it.
    assert (await runtime.call("misbehave", "echo")).output.data
    counts = runtime.counts["misbehave"]
    # A call that was no good is no fault of the module.
    assert (counts.errors, counts.refused) == ((0, 1) if function == "refuse" else (1, 0))
    assert (counts.calls, counts.last_error is None) == (2, function == "refuse")


async def test_a_loop_ends_at_its_deadline(open_runtime):
    runtime = await open_runtime()
    with pytest.raises(ModuleDeadline, match=r"0\.05 s"):
        await runtime.call("misbehave", "loop", deadline=0.05)
    assert (await runtime.call("misbehave", "echo")).output.data


async def test_a_blocked_event_loop_does_not_suspend_the_deadline(open_runtime):
    runtime = await open_runtime()
    call = asyncio.ensure_future(runtime.call("misbehave", "loop", deadline=0.3))
    await until_busy(runtime, call)
    while runtime.busy:  # a careless extension: nothing else runs on the loop until the guest has been stopped
        pass
    with pytest.raises(ModuleDeadline):
        await call


async def test_a_cancelled_call_frees_its_worker(open_runtime):
    runtime = await open_runtime(workers=1)
    call = asyncio.ensure_future(runtime.call("misbehave", "loop"))
    await until_busy(runtime, call)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.wait_for(runtime.call("misbehave", "echo"), 5)


async def test_a_full_queue_refuses_at_once_and_waiting_counts_against_the_deadline(open_runtime):
    runtime = await open_runtime(workers=1, queue=1)
    running = asyncio.ensure_future(runtime.call("misbehave", "loop", deadline=0.3))
    waiting = asyncio.ensure_future(runtime.call("misbehave", "echo", deadline=0.01))
    await asyncio.sleep(0)
    with pytest.raises(QueueFull, match="2 calls"):
        await runtime.call("misbehave", "echo")
    with pytest.raises(ModuleDeadline):
        await running
    with pytest.raises(ModuleDeadline):
        await waiting
    assert (await runtime.call("misbehave", "echo")).output.data


async def test_calls_run_beside_each_other_without_mixing(open_runtime, tmp_path):
    runtime = await open_runtime(workers=2, queue=100)
    files = []
    for number in range(40):
        path = tmp_path / f"{number}.sample"
        path.write_bytes(bytes([number]) * (number + 1))
        files.append(SampleFile(path, SampleInfo(number + 1)))
    results = await asyncio.gather(*(runtime.call("misbehave", "echo", sample=file) for file in files))
    sums = [json.loads(bytes(done.output.data))["sum"] for done in results]
    assert sums == [number * (number + 1) for number in range(40)]


async def test_closing_interrupts_what_runs_and_refuses_what_comes(open_runtime):
    runtime = await open_runtime()
    call = asyncio.ensure_future(runtime.call("misbehave", "loop"))
    await until_busy(runtime, call)
    await asyncio.to_thread(runtime.close)
    with pytest.raises(ModuleCancelled):
        await call
    with pytest.raises(ModuleCancelled, match="closed"):
        await runtime.call("misbehave", "echo")
    runtime.close()


async def test_closing_also_names_the_end_of_calls_that_wait(open_runtime):
    runtime = await open_runtime(workers=1)
    calls = [asyncio.ensure_future(runtime.call("misbehave", "loop")) for _ in range(3)]
    await until_busy(runtime, calls[0])
    await asyncio.to_thread(runtime.close)
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [ModuleCancelled] * 3


async def test_an_answer_that_is_too_large_is_refused(open_runtime):
    runtime = await open_runtime(memory_bytes=256 * (1 << 20))
    assert (await runtime.call("misbehave", "huge-output", {"mib": 8})).output.data
    with pytest.raises(BadOutput, match="the limit is"):
        await runtime.call("misbehave", "huge-output", {"mib": 32})


async def test_a_call_that_has_ended_is_forgotten(open_runtime):
    runtime = await open_runtime()
    for _ in range(20):
        await runtime.call("misbehave", "echo")
    assert not runtime._executor._watchdog._pending
    assert not runtime._executor._jobs


async def test_unknown_names_are_named(open_runtime):
    runtime = await open_runtime()
    with pytest.raises(UnknownModule, match="misbehave"):
        await runtime.call("none", "analyze")
    with pytest.raises(UnknownFunction, match="no-such"):
        await runtime.call("misbehave", "no-such")
    with pytest.raises(UnknownModule):
        await runtime.load(("none",))


async def test_a_sample_that_is_gone_is_named(open_runtime, tmp_path):
    runtime = await open_runtime()
    with pytest.raises(SampleNotFound):
        await runtime.call("misbehave", "echo", sample=SampleFile(tmp_path / "gone.sample", SampleInfo(1)))


async def test_a_component_that_imports_more_than_stdin_is_refused(open_runtime):
    runtime = await open_runtime()
    assert "greedy" not in runtime.modules
    with pytest.raises(BadModule, match="wasi:clocks"):
        await runtime.call("greedy", "analyze")


@pytest.fixture
def catalog_folder(tmp_path):
    return shutil.copytree(TEST_COMPONENTS, tmp_path / "components")


def replace_component(folder, name, data):
    manifest = json.loads((folder / "manifest.json").read_text())
    (entry,) = [entry for entry in manifest["modules"] if entry["name"] == name]
    (folder / entry["file"]).write_bytes(data)
    entry["sha256"], entry["size"] = hashlib.sha256(data).hexdigest(), len(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))


async def test_bytes_that_are_not_the_manifests_are_refused(open_runtime, catalog_folder):
    (catalog_folder / "misbehave.wasm").write_bytes(b"\0asm")
    runtime = await open_runtime(catalog_folder)
    assert not runtime.modules
    with pytest.raises(BadModule, match="not those of the manifest"):
        await runtime.call("misbehave", "echo")


async def test_what_is_no_component_is_refused(open_runtime, catalog_folder):
    replace_component(catalog_folder, "misbehave", b"\0asm\x01\0\0\0")
    runtime = await open_runtime(catalog_folder)
    with pytest.raises(BadModule, match="not a WebAssembly component"):
        await runtime.call("misbehave", "echo")


@pytest.mark.parametrize("text", [None, "", "{", '{"modules": [{"name": "../x"}]}'])
async def test_a_broken_manifest_is_named(open_runtime, tmp_path, text):
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BadModule, match="manifest"):
        await open_runtime(tmp_path)


async def test_a_broken_new_version_leaves_the_old_one_in_place(open_runtime, catalog_folder):
    runtime = await open_runtime(catalog_folder)
    good = (catalog_folder / "misbehave.wasm").read_bytes()
    replace_component(catalog_folder, "misbehave", b"broken")
    with pytest.raises(BadModule):
        await runtime.reload("misbehave")
    assert "misbehave" in runtime.failures
    assert (await runtime.call("misbehave", "echo")).output.data
    replace_component(catalog_folder, "misbehave", good)
    await runtime.reload("misbehave")
    assert "misbehave" not in runtime.failures


async def test_a_call_in_flight_ends_on_the_version_it_started_with(open_runtime, catalog_folder):
    runtime = await open_runtime(catalog_folder)
    call = asyncio.ensure_future(runtime.call("misbehave", "loop", deadline=60))
    await until_busy(runtime, call)
    await runtime.reload("misbehave")
    assert (await runtime.call("misbehave", "echo")).output.data
    assert runtime.busy == 1
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_precompiled_code_is_reused_only_from_a_private_folder(open_runtime, tmp_path):
    cache = tmp_path / "cache"
    await open_runtime(cache=cache)
    (code,) = cache.iterdir()
    made = code.stat().st_mtime_ns
    await open_runtime(cache=cache)
    assert code.stat().st_mtime_ns == made
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700

    whole = code.read_bytes()
    for damaged in (b"cut off", whole[: len(whole) // 2], whole[:5_000] + bytes(5_000) + whole[10_000:]):
        code.write_bytes(damaged)
        runtime = await open_runtime(cache=cache)
        assert (await runtime.call("misbehave", "echo")).output.data
        assert code.stat().st_size == len(whole)

    elsewhere = tmp_path / "elsewhere"
    code.rename(elsewhere)
    code.symlink_to(elsewhere)
    await open_runtime(cache=cache)
    assert not code.is_symlink()

    for folder in (cache, tmp_path):
        folder.chmod(0o777)
        code.unlink(missing_ok=True)
        await open_runtime(cache=cache)
        assert list(cache.iterdir()) == []
        folder.chmod(0o700)


async def ended(call):
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_a_call_cancelled_while_it_waits_for_the_cpu_leaves_nothing_behind(open_runtime):
    places = Bulkheads(BulkheadsOptions(cpu=BulkheadOptions(1, 10)))
    runtime = await open_runtime(bulkheads=places)
    running = asyncio.ensure_future(runtime.call("misbehave", "loop"))
    await until_busy(runtime, running)
    waiting = asyncio.ensure_future(runtime.call("misbehave", "echo"))
    while not places["cpu"].depth:  # noqa: ASYNC110 - a turn of the loop or two
        await asyncio.sleep(0)
    assert (places["container"].running, places["everything"].running) == (2, 2)
    await ended(waiting)
    assert (places["container"].running, places["cpu"].depth, runtime.counts["misbehave"].errors) == (1, 0, 0)
    await ended(running)
    assert (await runtime.call("misbehave", "echo")).output.data
    await asyncio.sleep(0)
    assert {(bulkhead.running, bulkhead.depth) for bulkhead in places} == {(0, 0)}


async def test_a_cancelled_call_keeps_its_places_until_its_thread_is_free(open_runtime):
    places = Bulkheads()
    runtime = await open_runtime(bulkheads=places)
    may_end = threading.Event()
    # As what cannot be interrupted: compiling, one long memory.fill.
    runtime._executor._run = lambda _worker, _job: may_end.wait(10)
    call = asyncio.ensure_future(runtime.call("misbehave", "echo"))
    while not places["cpu"].running:  # noqa: ASYNC110 - a turn of the loop or two
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    await ended(call)
    assert (places["container"].running, places["cpu"].running) == (1, 1)
    may_end.set()
    while places["cpu"].running:  # noqa: ASYNC110 - the worker thread has no loop on which to set an event
        await asyncio.sleep(0)
    assert {bulkhead.running for bulkhead in places} == {0}


async def test_what_is_compiled_counts_as_memory_and_what_is_called_as_cpu(open_runtime):
    places = Bulkheads()
    runtime = await open_runtime(bulkheads=places)
    loop = asyncio.ensure_future(runtime.call("misbehave", "loop"))
    await until_busy(runtime, loop)
    assert (places["cpu"].running, places["memory"].running) == (1, 0)
    reload = asyncio.ensure_future(runtime.reload("misbehave"))
    while not places["memory"].running and not reload.done():  # noqa: ASYNC110 - it reads a file in a thread first
        await asyncio.sleep(0)
    assert (places["container"].running, places["cpu"].running, places["memory"].running) == (2, 1, 1)
    await reload
    await ended(loop)


async def test_a_module_that_found_no_room_to_be_loaded_is_loaded_the_next_time(open_runtime):
    places = Bulkheads(BulkheadsOptions(container=BulkheadOptions(1, 0)))
    runtime = await open_runtime(bulkheads=places)
    loop = asyncio.ensure_future(runtime.call("misbehave", "loop"))
    await until_busy(runtime, loop)
    with pytest.raises(QueueFull):
        await runtime.reload("misbehave")
    assert "misbehave" not in runtime.failures
    await ended(loop)
    while places["container"].running:  # noqa: ASYNC110 - until the guest has been stopped
        await asyncio.sleep(0)
    await runtime.reload("misbehave")


async def test_a_thread_that_is_new_to_a_module_compiles_nothing(open_runtime):
    runtime = await open_runtime(workers=5)  # without a cache on disk
    loops = [asyncio.ensure_future(runtime.call("misbehave", "loop", deadline=0.5)) for _ in range(5)]
    while runtime.busy < 5 and not any(loop.done() for loop in loops):  # noqa: ASYNC110 - as in `until_busy`
        await asyncio.sleep(0)
    assert runtime.busy == 5
    ends = await asyncio.gather(*loops, return_exceptions=True)
    assert {type(end) for end in ends} == {ModuleDeadline}


async def test_a_module_that_no_longer_says_what_it_said_is_found_by_asking(open_runtime):
    runtime = await open_runtime()
    await runtime.probe()
    assert runtime.health["misbehave"].problem == ""
    loaded = runtime.modules["misbehave"]
    said = msgspec.structs.replace(loaded.description, version="9.9.9")
    runtime._modules["misbehave"] = Module(loaded.entry, said, loaded.code)
    await runtime.probe()
    assert "in other words" in runtime.health["misbehave"].problem
    runtime._modules["misbehave"] = loaded
    await runtime.probe()
    assert runtime.health["misbehave"].problem == ""


async def test_nothing_is_probed_while_all_are_at_work_and_a_closed_runtime_says_nothing_of_its_modules(open_runtime):
    runtime = await open_runtime(workers=1)
    call = asyncio.ensure_future(runtime.call("misbehave", "loop"))
    await until_busy(runtime, call)
    await asyncio.wait_for(runtime.probe(), 1)
    await ended(call)
    runtime.close()
    await runtime.probe()
    assert runtime.health["misbehave"].problem == ""


async def test_half_of_the_last_calls_make_a_module_unwell_and_who_went_away_does_not_count(open_runtime):
    runtime = await open_runtime()
    for function in ("count", "count", "trap", "refuse", "loop"):
        call = asyncio.ensure_future(runtime.call("misbehave", function))
        if function == "loop":
            await until_busy(runtime, call)
            call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    assert runtime.health["misbehave"].problem == ""  # one of four
    for _ in range(2):
        with pytest.raises(ModuleTrap):
            await runtime.call("misbehave", "trap")
    assert "3 of its last 5 calls" in runtime.health["misbehave"].problem
    await runtime.reload("misbehave")
    assert runtime.health["misbehave"].problem == ""


async def test_an_unloaded_module_stays_out_until_it_is_asked_for(open_runtime):
    runtime = await open_runtime()
    await runtime.unload("misbehave")
    await runtime.load_untried()
    with pytest.raises(UnknownModule, match="No module"):
        await runtime.call("misbehave", "echo")
    await runtime.load(("misbehave",))
    assert (await runtime.call("misbehave", "echo")).output.data
    with pytest.raises(UnknownModule):
        await runtime.unload("none")
    with pytest.raises(UnknownModule):
        runtime.limit("none", None, None)


def test_a_call_whose_time_is_over_says_so_itself():
    entry = Entry("crypto", "crypto.wasm", "0" * 64, 1)
    Job(entry, memory_bytes=MIB, seconds=60).check()
    with pytest.raises(ModuleDeadline):  # before the watchdog has told it
        Job(entry, memory_bytes=MIB, seconds=0).check()
