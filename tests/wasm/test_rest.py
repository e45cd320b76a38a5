"""What a guest kept before it was stopped: it is read, and answered with, and it talks the host into nothing."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest

from athena_lab.errors import BadModule, ModuleDeadline, ModuleMemory, ModuleTrap, WasmError
from athena_lab.telemetry import metrics
from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.job import CONCLUDING
from athena_lab.wasm.runtime import SampleFile
from athena_lab.wasm.worker import Worker
from tests.wasm.test_core import DESCRIPTION, folder_of, guest, number

TRAP = "(if (i32.and (i32.ne (local.get $call) (i32.const 0)) (i32.lt_u (local.get $call) (i32.const 48))) (then {}))"
"""Where there is a call that was not stopped before: that is longer."""
LOOP = "(loop (br 0))"
TRAPS = TRAP.format("unreachable")
OUTPUT = json.dumps({"data": {"told": 1}, "findings": []})
PLACE = 3_000


def keeping(answer=OUTPUT, first=TRAPS, kept=b"abc", length=None, place=PLACE):
    """A guest that traps, and that answers a call which was stopped."""
    data = "".join(f"\\{byte:02x}" for byte in kept)
    rest = f'(func (export "athena_rest") (result i32) (i32.const {place}))'
    data = f'(data (i32.const {PLACE}) "{number(len(kept) if length is None else length)}{data}")'
    text = (DESCRIPTION + answer).replace('"', '\\"')
    return guest((0, 1024 + len(DESCRIPTION), len(answer)), globals=rest + data, text=text, first=first)


def traps(cause):
    return metrics.WASM_TRAPS.labels("bad", cause)._value.get()


async def failure(runtime, **how) -> WasmError:
    with pytest.raises(WasmError) as caught:
        await runtime.call("bad", "analyze", **how)
    return caught.value


async def test_what_was_kept_is_answered_with_and_the_failure_is_what_it_was(open_runtime, tmp_path):
    runtime = await open_runtime(folder_of(tmp_path, keeping()))
    before = traps("unreachable")
    error = await failure(runtime)
    assert isinstance(error, ModuleTrap)
    assert json.loads(bytes(error.partial.output.data)) == {"told": 1}
    assert traps("unreachable") == before + 1
    assert (runtime.counts["bad"].calls, runtime.counts["bad"].errors) == (1, 1)


@pytest.mark.parametrize(
    "changed",
    [
        {"kept": b""},
        {"place": 131_070},
        {"place": -1},
        {"length": 131_072},
        {"length": 0xFFFF_FFFF},
        {"answer": '{"data": 1, "findings": 2}'},
        {"answer": "{"},
        {"first": "(if (local.get $call) (then unreachable))"},  # and traps again
    ],
)
async def test_what_is_none_or_no_answer_leaves_the_failure_alone(open_runtime, tmp_path, changed):
    runtime = await open_runtime(folder_of(tmp_path, keeping(**changed)))
    before = traps("unreachable")
    error = await failure(runtime)
    assert (type(error), error.partial) == (ModuleTrap, None)
    assert traps("unreachable") == before + 1


async def test_a_guest_out_of_time_is_asked_as_well(open_runtime, tmp_path):
    runtime = await open_runtime(folder_of(tmp_path, keeping(first=TRAP.format(LOOP))))
    before, started = traps("deadline"), time.monotonic()
    error = await failure(runtime, deadline=0.2)
    assert isinstance(error, ModuleDeadline)
    assert error.partial is not None
    assert time.monotonic() - started < 1 + CONCLUDING
    assert traps("deadline") == before + 1


async def test_a_guest_that_never_concludes_is_stopped_soon(open_runtime, tmp_path):
    never = f"(if (local.get $call) (then {LOOP}))"
    runtime = await open_runtime(folder_of(tmp_path, keeping(first=never)))
    before, started = traps("deadline"), time.monotonic()
    error = await failure(runtime, deadline=0.2)
    assert (type(error), error.partial) == (ModuleDeadline, None)
    assert time.monotonic() - started < 1 + CONCLUDING
    assert traps("deadline") == before + 1


async def test_a_call_that_is_cancelled_concludes_nothing(open_runtime, tmp_path, monkeypatch):
    runs, ended = [], threading.Event()

    def run(worker, job, real=Worker.run):
        runs.append(job.function)
        try:
            return real(worker, job)
        finally:
            ended.set()

    runtime = await open_runtime(folder_of(tmp_path, keeping(first=TRAP.format(LOOP))))
    monkeypatch.setattr(Worker, "run", run)
    call = asyncio.ensure_future(runtime.call("bad", "analyze"))
    while not runtime.busy:  # noqa: ASYNC110 - it begins in a thread
        await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await asyncio.to_thread(ended.wait)
    runtime.close()  # waits for its threads
    assert runs == ["analyze"]
    assert runtime.counts["bad"].calls == 1


async def test_a_sample_that_is_gone_by_then_leaves_the_first_failure(open_runtime, tmp_path, monkeypatch):
    runtime = await open_runtime(folder_of(tmp_path, keeping(first=TRAPS.replace("48", "100"))))
    sample = tmp_path / "sample"
    sample.write_bytes(b"x")

    def run(worker, job, real=Worker.run):
        if job.before is not None:
            sample.unlink()
        return real(worker, job)

    monkeypatch.setattr(Worker, "run", run)
    with pytest.raises(ModuleTrap) as caught:
        await runtime.call("bad", "analyze", sample=SampleFile(sample, SampleInfo(1)))
    assert not sample.exists()
    assert caught.value.partial is None
    assert runtime.counts["bad"].errors == 1


async def test_a_place_to_keep_of_another_shape_is_not_loaded(open_runtime, tmp_path):
    odd = '(func (export "athena_rest") (param i32) (result i32) (i32.const 0))'
    runtime = await open_runtime(folder_of(tmp_path, guest(globals=odd)))
    assert isinstance(runtime.failures["bad"], BadModule)


async def test_a_guest_that_keeps_nothing_fails_as_ever(open_runtime):
    runtime = await open_runtime()
    with pytest.raises(ModuleMemory) as caught:
        await runtime.call("misbehave", "eat-memory")
    assert caught.value.partial is None
