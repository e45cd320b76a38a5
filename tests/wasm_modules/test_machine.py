"""The sandbox on machine code and WebAssembly: beside objdump and unicorn, on shellcode of ours, on benign files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import corpus
import disassembled
import emulated
import executables
import msgspec
import pytest
import shellcode
from hypothesis import given, settings
from hypothesis import strategies as st

from athena_lab.report.behaviour import SandboxFacts

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness import Guest

WORSE = ("medium", "high", "critical")
PROGRAMS = ("/bin/ls", "/bin/bash", "/usr/bin/objdump", "/lib/x86_64-linux-gnu/libc.so.6")


@pytest.fixture(scope="module")
def sandbox(guest: Callable[[str], Guest]) -> Guest:
    return guest("sandbox")


def analyze(sandbox: Guest, sample: bytes, **args: Any) -> tuple[SandboxFacts, dict[str, str]]:
    """The facts, and the severity of each finding."""
    output = sandbox.call("analyze", sample, **args)
    return msgspec.json.decode(output.data, type=SandboxFacts), {found.id: found.severity for found in output.findings}


def called(facts: SandboxFacts) -> list[str]:
    return [f"{call.api}({', '.join(call.args)})" for call in facts.calls]


# -- beside others -----------------------------------------------------------------------------------------------


def compared(sandbox: Guest, file: Path) -> Counter[str]:
    """How many instructions of the largest functions are objdump's: their bytes, and their names."""
    data = file.read_bytes()
    found = msgspec.json.decode(sandbox.call("functions", data, count=1000).data)["functions"]
    counts: Counter[str] = Counter()
    for function in sorted(found, key=lambda it: -it["size"])[:40]:
        start = function["address"]
        listed = msgspec.json.decode(sandbox.call("disassemble", data, address=start, count=400).data)["lines"]
        theirs = disassembled.by_objdump(file, start, listed[-1]["address"] + 16)
        for line in listed:
            counts["all"] += 1
            code, text = theirs.get(line["address"], ("", ""))
            counts["bytes"] += code == line["bytes"]
            counts["names"] += disassembled.mnemonic(text) == disassembled.mnemonic(line["text"])
    return counts


def test_instructions_are_those_of_objdump(sandbox: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    files = [Path(name) for name in PROGRAMS if Path(name).is_file()]
    index = corpus.fetch().items()
    windows = [corpus.folder() / digest for digest, where in index if "win_amd64" in where or "win32:" in where]
    counts: Counter[str] = Counter()
    for file in [*files, *sorted(windows)[:12]]:
        counts += compared(sandbox, file)
    bytes_share, names_share = counts["bytes"] / counts["all"], counts["names"] / counts["all"]
    with capsys.disabled():
        print(f"\nobjdump: {bytes_share:.2%} of {counts['all']} instructions, {names_share:.2%} with its name")  # noqa: T201
    assert counts["all"] > 10_000
    assert bytes_share >= 0.995
    assert names_share >= 0.98


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 1 << 32), bits=st.sampled_from([32, 64]))
def test_emulated_instructions_do_what_they_do_in_unicorn(sandbox: Guest, seed: int, bits: int) -> None:
    asked = emulated.case(seed, bits)
    sample = bytes.fromhex(asked["code"])
    args = {name: asked[name] for name in ("steps", "registers", "flags")}
    answer = sandbox.call("emulate", sample, raw="x86-64" if bits == 64 else "x86", **args)
    ours = msgspec.json.decode(answer.data)
    assert ours["run"]["end"] == "a breakpoint", asked["text"]
    assert emulated.differences(asked, ours) == [], asked["text"]


# -- shellcode ---------------------------------------------------------------------------------------------------


def test_functions_of_windows_are_found_by_hash_and_traced(sandbox: Guest) -> None:
    for sample in (shellcode.starts_program(), shellcode.starts_program_wide()):
        facts, findings = analyze(sandbox, sample)
        assert called(facts) == ['WinExec("calc.exe", 1)', "ExitProcess(0)"]
        assert facts.engine == facts.machine.architecture
        assert findings == {"shellcode": "high", "code-starts-programs": "high"}
        assert [api.name for api in facts.machine.hashed_apis] == ["WinExec", "ExitProcess"]
        assert "T1106" in facts.techniques


def test_what_is_decoded_is_a_child(sandbox: Guest) -> None:
    sample = shellcode.encoded(shellcode.encoded(shellcode.downloads()), 0xDEADBEEF)
    facts, findings = analyze(sandbox, sample)
    assert "http://example.invalid/a" in [touched.target for touched in facts.network]
    assert findings["self-decoding-code"] == findings["code-downloads"] == "high"
    (child,) = facts.children
    part = msgspec.json.decode(sandbox.call("extract", sample, index=child.index).data)
    content = msgspec.json.decode(f'"{part["content"]}"', type=bytes)
    assert child.kind == "decoded"
    assert shellcode.downloads()[-20:] in content


def test_calls_of_linux_are_traced(sandbox: Guest) -> None:
    facts, findings = analyze(sandbox, emulated.assembled(shellcode.LINUX_SHELL, 64))
    assert called(facts) == ['execve("/bin//sh", 0, 0)']
    assert findings["shellcode"] == "high"
    facts, _ = analyze(sandbox, emulated.assembled(shellcode.LINUX_CONNECT, 64))
    assert [touched.target for touched in facts.network] == ["127.0.0.1:4444"]


def test_texts_that_functions_make_are_found(sandbox: Guest) -> None:
    facts, findings = analyze(sandbox, shellcode.program())
    address = "http://files.athena-lab-sample.net/gate"
    assert [string.text for string in facts.machine.stack_strings] == ["kernel32.dll", address]
    assert findings["stack-strings"] == "info"
    made = [(it.kind, it.value, it.address) for it in facts.addresses]
    place = facts.machine.stack_strings[1].address
    assert made == [("url", address, place), ("domain", "files.athena-lab-sample.net", place)]
    assert findings["hidden-addresses"] == "medium"


def test_an_address_that_the_file_shows_is_not_hidden(sandbox: Guest) -> None:
    facts, findings = analyze(sandbox, shellcode.program() + b"http://files.athena-lab-sample.net/gate")
    assert len(facts.machine.stack_strings) == 2
    assert not facts.addresses
    assert "hidden-addresses" not in findings


def test_hashes_in_a_program_are_worse_than_its_imports(sandbox: Guest) -> None:
    program = executables.Pe()
    program.sections = [executables.PeSection(b".text", executables.CODE, shellcode.downloads())]
    facts, findings = analyze(sandbox, program.build())
    assert {api.name for api in facts.machine.hashed_apis} == {"LoadLibraryA", "URLDownloadToFileA", "ExitProcess"}
    assert findings["hashed-apis"] == "high"


def test_calls_are_resolved_by_the_import_table(sandbox: Guest) -> None:
    libraries: dict[str, list[str | int]] = {"KERNEL32.dll": ["LoadLibraryA", "ExitProcess"], "WS2_32.dll": [115]}
    table, size = executables.import_table(0x2000, wide=False, libraries=libraries)
    slots = _slots(table, libraries)
    code = "".join(f"call dword ptr [{0x402000 + at:#x}]; " for at in slots) + "call thunk; ret; thunk: "
    code += f"jmp dword ptr [{0x402000 + slots[0]:#x}]"
    program = executables.Pe()
    program.sections = [
        executables.PeSection(b".text", executables.CODE, emulated.assembled(code, 32, 0x401000)),
        executables.PeSection(b".rdata", executables.READ, table),
    ]
    program.directories = {1: (0x2000, size)}
    facts, _ = analyze(sandbox, program.build())
    assert {(call.api, call.count) for call in facts.machine.api_calls} == {
        ("LoadLibraryA", 2), ("ExitProcess", 1), ("WSAStartup", 1),
    }  # fmt: skip


def _slots(table: bytes, libraries: dict[str, list[str | int]]) -> list[int]:
    """Where the loader puts addresses: the fifth word of each descriptor has the first of its library."""
    slots = []
    for index, functions in enumerate(libraries.values()):
        first = int.from_bytes(table[20 * index + 16 : 20 * index + 20], "little") - 0x2000
        slots += [first + 4 * at for at in range(len(functions))]
    return slots


# -- WebAssembly -------------------------------------------------------------------------------------------------


def test_webassembly_is_run_and_its_calls_are_traced(sandbox: Guest) -> None:
    facts, findings = analyze(sandbox, shellcode.guest())
    assert facts.engine == "wasm"
    assert called(facts) == ['wasi_snapshot_preview1.path_open("/etc/passwd", 11)']
    assert [(run.name, run.end) for run in facts.guest.runs][1:] == [("_start", "returned"), ("spin", "fuel")]
    assert findings == {"steps-exhausted": "info"}


def test_broken_webassembly_is_told(sandbox: Guest) -> None:
    facts, findings = analyze(sandbox, b"\0asm\x01\0\0\0\xff\xff")
    assert facts.guest.error
    assert findings == {"malformed-webassembly": "low"}


# -- benign and hostile ------------------------------------------------------------------------------------------


def test_benign_programs_raise_no_alarm(sandbox: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    files = [corpus.folder() / digest for digest in corpus.fetch()]
    counts: Counter[str] = Counter()
    alarms = []
    for file in files:
        content = file.read_bytes()
        if not content.startswith((b"MZ", b"\x7fELF")):
            continue
        facts, findings = analyze(sandbox, content)
        counts["files"] += 1
        counts["read"] += facts.machine is not None
        alarms += [(file.name, name) for name, severity in findings.items() if severity in WORSE]
    with capsys.disabled():
        print(f"\n{counts['read']} of {counts['files']} programs have code that is read, {len(alarms)} raise alarms")  # noqa: T201
    assert counts["files"] >= 200
    assert alarms == []


@pytest.mark.parametrize(
    "code",
    [
        "again: jmp again",
        "again: call again",
        "mov ecx, -1; mov edi, 0x8000000; rep stosb",
        "call next; next: pop ebx; again: add byte ptr [ebx + 16], 1; jmp again",
        "again: push eax; jmp again",
    ],
)
def test_code_without_end_ends(sandbox: Guest, code: str) -> None:
    answer = sandbox.call("emulate", emulated.assembled(code, 32), raw="x86", steps=1_000_000)
    assert msgspec.json.decode(answer.data)["run"]["steps"] <= 1_000_000
