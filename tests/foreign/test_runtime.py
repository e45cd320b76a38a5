"""Foreign modules in the sandbox: what is taken, what is refused, and what they can say."""

from __future__ import annotations

import asyncio
import json
import stat
import time
from pathlib import Path

import made
import pytest

from athena_lab.errors import BadModule, BadOutput, ModuleDeadline, ModuleNotTaken, ModuleTrap, UnknownModule
from athena_lab.wasm import compiler
from tests.conftest import TEST_COMPONENTS

MIB = 1 << 20
MISBEHAVE = (TEST_COMPONENTS / "misbehave.wasm").read_bytes()
GREEDY = (TEST_COMPONENTS / "greedy.wasm").read_bytes()
LOOP = "(loop $l br $l) unreachable"


async def test_a_component_is_taken_kept_and_called(open_runtime, own):
    runtime = open_runtime()
    module = await runtime.add(MISBEHAVE)
    assert (module.entry.name, module.entry.foreign) == ("misbehave", True)
    assert module.description.slot == "foreign"  # whatever it says
    assert json.loads(bytes((await runtime.call("misbehave", "echo")).output.data)) == {"size": 0, "sum": 0}
    assert [entry.name for entry in own.entries()] == ["misbehave"]
    assert stat.S_IMODE(own.folder.stat().st_mode) == 0o700
    after = open_runtime()  # another process, later
    await after.load()
    assert (await after.call("misbehave", "echo")).output.data
    assert set(after.modules) > {"misbehave", "file-processor"}


async def test_one_that_is_removed_leaves_nothing(open_runtime, own, tmp_path):
    runtime = open_runtime()
    await runtime.add(MISBEHAVE)
    call = asyncio.ensure_future(runtime.call("misbehave", "loop", deadline=0.5))
    while not runtime.busy and not call.done():  # noqa: ASYNC110 - the worker thread has no loop to set an event on
        await asyncio.sleep(0)
    await runtime.remove("misbehave")
    with pytest.raises(ModuleDeadline):  # what ran, ran on
        await call
    with pytest.raises(UnknownModule):
        await runtime.call("misbehave", "echo")
    assert [path.name for path in own.folder.iterdir()] == ["manifest.json"]
    assert list((tmp_path / "cache").iterdir()) == []
    for unknown in ("misbehave", "file-processor", "../../x"):
        with pytest.raises(UnknownModule):
            await runtime.remove(unknown)


@pytest.mark.parametrize(
    ("wasm", "sentence"),
    [
        (b"", "not a WebAssembly component"),
        (b"(component)", "not a WebAssembly component"),  # wasmtime would compile text
        (b"\0asm\x01\0\0\0", "not a WebAssembly component"),
        (made.MAGIC + b"garbage", "not a valid component"),
        (MISBEHAVE[:5_000], "not a valid component"),
        (GREEDY, "imports wasi:clocks/monotonic-clock"),
        (made.component(more='(import "wasi:sockets/tcp@0.2.12" (instance))'), "imports wasi:sockets/tcp"),
        (made.component(more='(import "house:keys/all" (func))'), "imports house:keys/all"),
        (made.without_exports(), "does not export"),
        (made.of_another_type(), "not of the type"),
        (made.component(describe="unreachable"), "unreachable"),
        (made.component("no JSON"), "does not fit"),
        (made.component("[" * 60_000), "does not fit"),
        (made.component(made.describing(name="Not A Name")), "does not fit"),
        (made.component(made.describing(name="crypto\n")), "does not fit"),
        (made.component(made.describing(version="new")), "does not fit"),
        (made.component(made.describing(version="1.0.0\n")), "does not fit"),
        (made.component(made.describing(functions=[])), "no function analyze"),
        (made.component(made.describing(summary="x" * 2_000)), "more than 1,024 characters"),
        (made.component(made.describing(capabilities=["x"] * 65)), "capabilities"),
        (made.component("x" * 66_000), "its description has 66,000 characters"),
        (made.component(made.describing(name="file-processor")), "Athena Lab's own"),
        (made.component(made.describing(name="sandbox")), "Athena Lab's own"),  # there is none yet
    ],
)
async def test_what_cannot_be_taken_says_why(open_runtime, own, wasm, sentence):
    runtime = open_runtime()
    with pytest.raises(ModuleNotTaken, match=f"(?i){sentence}"):
        await runtime.add(wasm)
    assert own.entries() == ()
    assert not runtime.modules


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({"type": "object", "properties": [1]}, "not an object"),
        ({"type": "object", "properties": {"x": json.loads("[" * 40 + "]" * 40)}}, "too deeply"),
    ],
)
async def test_a_schema_is_one_that_the_lab_can_read(open_runtime, args, sentence):
    function = {"name": "analyze", "summary": "", "args": args}
    with pytest.raises(ModuleNotTaken, match=sentence):
        await open_runtime().add(made.component(made.describing(functions=[function])))


async def test_a_description_that_never_ends_is_ended(open_runtime):
    runtime = open_runtime(slowest=0.3)
    with pytest.raises(ModuleNotTaken, match=r"within 0\.3 s"):
        await runtime.add(made.component(describe=LOOP))


async def test_there_are_caps_on_size_and_number(open_runtime):
    runtime = open_runtime(most=1, max_bytes=200_000)
    await runtime.add(made.component())
    await runtime.add(made.component(made.describing(version="1.0.1")))  # in the place of the first
    with pytest.raises(ModuleNotTaken, match="1 modules of your own"):
        await runtime.add(made.component(made.describing(name="other")))
    with pytest.raises(ModuleNotTaken, match="the limit is 200,000"):
        await runtime.add(made.component(answer="x" * 200_000))


async def test_a_bomb_costs_its_time_and_nothing_else(open_runtime):
    runtime = open_runtime(compile_seconds=1.0)
    before = time.monotonic()
    with pytest.raises(ModuleNotTaken, match="within 1 s"):
        await runtime.add(made.bomb(200, 2_000))
    assert time.monotonic() - before < 15
    await runtime.load(("crypto",))
    assert (await runtime.call("crypto", "hash", {"data": "00", "algorithm": "md5"})).output.data


def test_the_compiler_is_held_by_its_limits():
    processes = []
    for allowance in (
        compiler.Allowance(200 * MIB, 64 * MIB, 60),  # memory
        compiler.Allowance(4_096 * MIB, 1_024, 60),  # what it may write
        compiler.Allowance(4_096 * MIB, 64 * MIB, 1),  # processor time
    ):
        wasm = MISBEHAVE if allowance.result_bytes == 1_024 else made.bomb(200, 2_000)
        assert compiler.compile_apart(wasm, allowance, 50.0, processes.append) is None, allowance
    assert all(process.poll() is not None for process in processes)
    made_of = compiler.compile_apart(MISBEHAVE, compiler.Allowance(4_096 * MIB, 64 * MIB, 60), 50.0, processes.append)
    assert made_of.exports == (made.INTERFACE,)


LOOK = """
    found = [name for name in os.environ if name != 'LC_CTYPE']  # which Python itself sets
    for name, act in (('a file', lambda: open('/etc/passwd')), ('a socket', lambda: _socket.socket())):
        try:
            act().close()
            found.append(name)
        except OSError:
            pass
    _write({'imports': found, 'exports': ['looked'], 'problem': ''}, b'')
    return
"""


def test_the_compiler_has_neither_environment_nor_files(monkeypatch, tmp_path):
    """Its own code, with a look around where it would compile."""
    source, place = Path(compiler.__file__).read_text("utf-8"), "    _give_up_what_can_be(allowance)\n"
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    spy = tmp_path / "spy.py"
    monkeypatch.setattr(compiler, "__file__", str(spy))
    assert source.count(place) == 1
    for look, seen in ((place + LOOK, ()), (LOOK + place, ("a file", "a socket"))):  # and the look sees what is there
        spy.write_text(source.replace("import wasmtime\n", "import _socket\nimport wasmtime\n", 1).replace(place, look))
        looked = compiler.compile_apart(b"", compiler.Allowance(2_048 * MIB, MIB, 20), 60.0, lambda _: None)
        assert (looked.imports, looked.exports) == (seen, ("looked",))


async def test_a_compiler_is_ended_with_the_runtime(open_runtime):
    runtime = open_runtime()
    adding = asyncio.ensure_future(runtime.add(made.bomb(200, 2_000)))
    while not any(job._compiler for job in runtime._executor._jobs):  # noqa: ASYNC110 - a thread starts it
        await asyncio.sleep(0.01)
    before = time.monotonic()
    await asyncio.to_thread(runtime.close)
    assert time.monotonic() - before < 10
    (ended,) = await asyncio.gather(adding, return_exceptions=True)
    assert "closed" in str(ended) or "cancelled" in str(ended)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("no JSON", "does not fit"),
        ("{}", "does not fit"),
        ('{"data": ' + "[" * 50_000 + "]" * 50_000 + "}", "does not fit"),
        ('{"data": ' + "[" * 40 + "]" * 40 + "}", "levels deep"),
        ('{"data": 1e999}', "does not fit"),
        ('{"data": "\\ud800"}', "does not fit"),
        (f'{{"data": {"9" * 5_000}}}', "does not fit"),
        (made.answering(findings=[made.finding("NOT A SLUG")]), "does not fit"),
        (made.answering(findings=[made.finding(severity="apocalyptic")]), "does not fit"),
        (made.answering(findings=[made.finding(title="x" * 201)]), "does not fit"),
        (made.answering(findings=[made.finding(confidence=101)]), "does not fit"),
        (made.answering(findings=[made.finding(detail="x" * 5_000)]), "too long"),
        (made.answering(findings=[made.finding(evidence=[{"text": "x" * 2_000}])]), "too long"),
        (made.answering(findings=[made.finding(evidence=[{"offset": 0}] * 65)]), "pieces of evidence"),
        (made.answering(findings=[made.finding(evidence=[{"offset": -1}])]), "no offset"),
        (made.answering(findings=[made.finding(evidence=[{"offset": 1 << 70}])]), "no offset"),
        (made.answering(findings=[made.finding(f"f-{n}") for n in range(201)]), "201 findings"),
        (made.answering(findings=[made.finding(), made.finding()]), "same id"),
        (made.answering("x" * (2 * MIB)), "the limit is"),
    ],
)
async def test_an_answer_that_does_not_fit_is_its_module_s_failure(open_runtime, answer, sentence):
    runtime = open_runtime()
    await runtime.add(made.component(answer=answer))
    with pytest.raises(BadOutput, match=sentence):
        await runtime.call("mine", "analyze")
    assert runtime.counts["mine"].errors == 1


async def test_an_answer_is_written_anew_and_its_memory_is_not_believed(open_runtime):
    runtime = open_runtime()
    answer = '{"data": {"a": 1, "a": 2, "b" : [ "<b>" ]}, "findings": [], "memory_bytes": 999999999999999999}'
    await runtime.add(made.component(answer=answer))
    output = (await runtime.call("mine", "analyze")).output
    assert bytes(output.data) == b'{"a":2,"b":["<b>"]}'
    assert output.memory_bytes == 256 * MIB


async def test_its_own_failure_is_told_in_its_own_words(open_runtime):
    runtime = open_runtime()
    await runtime.add(made.component(answer='{"code": "failed", "message": "ValueError: x"}', error=True))
    with pytest.raises(ModuleTrap, match="It failed: ValueError: x"):
        await runtime.call("mine", "analyze")
    for _ in range(3):
        await asyncio.gather(runtime.call("mine", "analyze"), return_exceptions=True)
    assert "4 of its last 4 calls failed" in runtime.health["mine"].problem


async def test_its_limits_are_tighter_than_ours_and_can_be_changed(open_runtime):
    runtime = open_runtime()
    await runtime.add(made.component(analyze=LOOP))
    assert runtime.limits("mine") == (256 * MIB, 10.0)
    assert runtime.limits("file-processor") == (768 * MIB, 20.0)
    runtime.limit("mine", None, 0.2)
    assert runtime.limits("mine") == (256 * MIB, 0.2)
    with pytest.raises(ModuleDeadline, match=r"0\.2 s"):
        await runtime.call("mine", "analyze")


async def test_a_broken_new_version_leaves_the_old_one_in_place(open_runtime, own):
    runtime = open_runtime()
    first = await runtime.add(made.component(answer=made.answering("first")))
    for broken in (made.component(describe="unreachable"), b"x", made.component(made.describing(functions=[]))):
        with pytest.raises(ModuleNotTaken):
            await runtime.add(broken)
    assert bytes((await runtime.call("mine", "analyze")).output.data) == b'"first"'
    assert own.entries() == (first.entry,)
    (own.folder / first.entry.file).write_bytes(b"changed")
    with pytest.raises(BadModule, match="not those of the manifest"):
        await runtime.reload("mine")
    assert bytes((await runtime.call("mine", "analyze")).output.data) == b'"first"'
    await runtime.add(made.component(answer=made.answering("second")))
    assert "mine" not in runtime.failures
    assert bytes((await runtime.call("mine", "analyze")).output.data) == b'"second"'


async def test_it_is_unloaded_loaded_and_probed_as_ours_are(open_runtime):
    runtime = open_runtime()
    await runtime.add(made.component(made.describing(slot="analysis")))
    await runtime.probe()
    assert runtime.health["mine"].problem == ""
    await runtime.unload("mine")
    with pytest.raises(UnknownModule):
        await runtime.call("mine", "analyze")
    await runtime.load(("mine",))
    assert (await runtime.call("mine", "analyze")).output.data


async def test_what_is_compiled_is_not_compiled_again(open_runtime, monkeypatch):
    runtime = open_runtime()
    await runtime.add(made.component())
    monkeypatch.setattr("athena_lab.wasm.worker.compile_apart", None)
    await runtime.add(made.component())
    found = await runtime.inspect(made.component())
    assert found.exports == (made.INTERFACE,)


async def test_an_inspection_takes_nothing_and_says_all_that_is_known(open_runtime, own):
    runtime = open_runtime()
    found = await runtime.inspect(GREEDY)
    assert found.imports == ("wasi:clocks/monotonic-clock@0.2.12",)
    assert found.exports == (made.INTERFACE,)
    assert found.module is None
    assert "imports" in found.problem.detail
    assert (await runtime.inspect(MISBEHAVE)).module.description.name == "misbehave"
    assert own.entries() == ()


@pytest.mark.parametrize("manifest", ["", "{", '{"modules": [{"name": "../x"}]}', "[" * 100_000])
async def test_a_broken_folder_keeps_none_of_ours_from_working(open_runtime, own, manifest):
    own.folder.mkdir(mode=0o700)
    (own.folder / "manifest.json").write_text(manifest)
    runtime = open_runtime()
    await runtime.load(("crypto",))
    assert "crypto" in runtime.modules
    assert "manifest is broken" in runtime.catalog.problem.detail


async def test_a_folder_that_others_can_write_to_is_not_used(open_runtime, own):
    await open_runtime().add(made.component())
    own.folder.chmod(0o777)
    runtime = open_runtime()
    assert "mine" not in {entry.name for entry in runtime.catalog.scan()}
    assert "others can write" in runtime.catalog.problem.detail
    with pytest.raises(BadModule, match="others can write"):
        await runtime.add(made.component())


async def test_a_manifest_cannot_make_a_module_ours(open_runtime, own):
    await open_runtime().add(made.component(answer=made.answering("x" * (2 * MIB))))
    path = own.folder / "manifest.json"
    rows = json.loads(path.read_text())
    rows["modules"][0]["foreign"] = False
    rows["modules"].append(rows["modules"][0] | {"name": "crypto"})
    path.write_text(json.dumps(rows))
    runtime = open_runtime()
    await runtime.load(("mine", "crypto"))
    assert runtime.modules["mine"].entry.foreign
    assert not runtime.modules["crypto"].entry.foreign
    assert "comes with Athena Lab" in runtime.catalog.problem.detail
    with pytest.raises(BadOutput, match="the limit is"):
        await runtime.call("mine", "analyze")
