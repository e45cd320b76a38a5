"""The deobfuscator held against what others wrote: their obfuscators, their unpackers' and decoders' cases, and honest
scripts of theirs, in which there is nothing to find. All of it is fetched, and prints the share that passes.
"""

from __future__ import annotations

import ast
import base64
import json
import re
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import suites
from harness import Guest

from athena_lab.report.deobfuscation import DeobfuscationFacts

Guests = Callable[[str], Guest]
OBFUSCATORS = (
    "javascript-obfuscator@5.8.0",
    "obfuscator-4@npm:javascript-obfuscator@4.1.1",
    "obfuscator-2@npm:javascript-obfuscator@2.10.3",
    "obfuscator-0@npm:javascript-obfuscator@0.28.5",
    "uglify-js@3.19.3",
    "jsfuck@0.4.0",
    "packer@0.0.6",
)
HONEST = (
    "jquery@3.7.1",
    "lodash@4.17.21",
    "moment@2.30.1",
    "chart.js@4.4.4",
    "d3@7.9.0",
    "bootstrap@5.3.3",
    "uglify-js@3.19.3",
)
TELLING = {"medium", "high", "critical"}
PROGRAM = """
function greet(name) {
  var msg = "Hello, " + name + "! See http://files.athena-lab-sample.net/gate.php";
  var sign = name.split("").reverse().join("-");
  console.log(msg);
  console.log("signed by", sign);
  return msg.length;
}
var urls = ["http://one.athena-lab-sample.net/a.txt", "http://two.athena-lab-sample.org/b.txt"];
for (var i = 0; i < urls.length; i++) {
  if (i % 2 == 0) { console.log("even address", urls[i]); } else { console.log("odd address", urls[i]); }
}
var key = "S3cretKey", total = 0;
for (var j = 0; j < key.length; j++) { total += key.charCodeAt(j); }
console.log("total is", total, greet("World"));
"""
SHORT = 'console.log("http://files.athena-lab-sample.net/x")'
TEXTS = (
    "http://files.athena-lab-sample.net/gate.php",
    "http://one.athena-lab-sample.net/a.txt",
    "http://two.athena-lab-sample.org/b.txt",
    "even address",
    "odd address",
    "S3cretKey",
    "total is",
    "signed by",
)
ALPHABETS = {
    "itoa64": "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    "z64": "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/",
    "rot13": "NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm0123456789+/",
    "url_safe": "url",
    "": "standard",
}
"""Names that chepy has for some."""
STEPS: dict[str, Callable[..., dict[str, Any]]] = {
    "from_base64": lambda alphabet="standard": step("base64", alphabet=ALPHABETS.get(alphabet, alphabet)),
    "from_base85": lambda: step("base85"),
    "from_hex": lambda: step("hex"),
    "from_url_encoding": lambda: step("url"),
    "from_html_entity": lambda: step("html"),
    "from_base32": lambda: step("base32"),
    "from_charcode": lambda delimiter=None: step("charcode", separator=delimiter),
    "from_decimal": lambda delimiter=None: step("charcode", separator=delimiter),
    "rot_13": lambda: step("rot"),
    "rot_47": lambda: step("rot47"),
    "reverse": lambda: step("reverse"),
    "zlib_decompress": lambda: step("zlib"),
    "gzip_decompress": lambda: step("gzip"),
    "raw_inflate": lambda: step("deflate"),
    "xor": lambda key, key_type="hex": step(
        "xor", key={"hex": "", "utf8": "text:", "base64": "base64:"}[key_type] + key
    ),
    "rc4_decrypt": lambda key, key_format="utf-8": step("rc4", key={"hex": "", "utf-8": "text:"}[key_format] + key),
}
"""Methods of chepy, as steps of ours."""


def step(name: str, **args: str | None) -> dict[str, Any]:
    return {"name": name, "args": {key: value for key, value in args.items() if value is not None}}


@pytest.fixture
def module(guest: Guests) -> Guest:
    return guest("deobfuscator")


def analyze(module: Guest, sample: bytes, name: str) -> tuple[DeobfuscationFacts, dict[str, str]]:
    output = module.call("analyze", sample, name)
    facts = msgspec.json.decode(output.data, type=DeobfuscationFacts)
    return facts, {finding.id: finding.severity for finding in output.findings}


def innermost(module: Guest, script: str) -> str:
    """The most decoded text; the script itself where nothing was hidden."""
    facts, _ = analyze(module, script.encode(), "a.js")
    if facts.last is None:
        return script
    answer = msgspec.json.decode(module.call("layer", script.encode(), "a.js", index=facts.last).data)
    return base64.b64decode(answer["content"]).decode()


def run(script: str) -> str:
    """What one of the programs above prints; they do nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "program.js")
        file.write_text(script)
        try:
            done = subprocess.run(["node", str(file)], capture_output=True, text=True, timeout=10, check=False)
        except subprocess.TimeoutExpired:
            return "It does not end."
    return done.stdout


@pytest.mark.timeout(600)
def test_javascript_obfuscators_are_undone(module: Guest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of each technique: the share of the texts that can be read again, and whether what is left prints the same."""
    packages = suites.npm(OBFUSCATORS)
    programs = tmp_path / "programs.json"
    programs.write_text(json.dumps({"program": PROGRAM, "short": SHORT}))
    command = ["node", str(Path(__file__).parent / "obfuscators.mjs"), str(packages), str(programs)]
    made = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout)
    prints = {PROGRAM: run(PROGRAM), SHORT: run(SHORT)}
    shares, same = {}, {}
    for name, script in made.items():
        program, texts = (SHORT, (SHORT[13:-2],)) if name.startswith("jsfuck") else (PROGRAM, TEXTS)
        undone = innermost(module, script)
        shares[name] = sum(text in undone for text in texts) / len(texts)
        same[name] = run(undone) == prints[program]
        hidden = sum(text not in script for text in texts)
        with capsys.disabled():
            print(
                f"\n{name}: {shares[name]:.0%} of the texts ({hidden} were hidden), prints the same: {same[name]}",
                end="",
            )
        if name.startswith("control flow"):
            assert "switch" in script
            assert "switch" not in undone, undone
    assert len(made) >= 26
    assert {name for name, share in shares.items() if share < 1} <= set()
    # Written with everything at once, a program checks its own text: written anew, it would not run.
    assert {name for name, equal in same.items() if not equal} <= {"self-defending", "all at once"}


def test_minified_code_is_not_obfuscated(module: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    """Honest packages of npm and whatever this machine's Python has: no finding of medium severity."""
    folder = suites.npm(HONEST)
    scripts = sorted(path for path in folder.rglob("*.js") if 500 < path.stat().st_size < 400_000)
    chosen = [path for path in scripts if ".min." in path.name] + scripts[:: max(1, len(scripts) // 250)]
    chosen += list(honest_python())
    alarms: dict[str, dict[str, str]] = {}
    for path in chosen:
        _, findings = analyze(module, path.read_bytes(), path.name)
        told = {key: severity for key, severity in findings.items() if severity in TELLING}
        if told:
            alarms[str(path)] = told
    with capsys.disabled():
        print(f"\n{len(chosen)} honest scripts, {len(alarms)} false alarms: {alarms}")
    assert len(chosen) > 250
    assert not alarms


def honest_python() -> Iterator[Path]:
    """Sources, and the scripts that activate environments."""
    library = Path(ast.__file__).parent
    yield from sorted(library.glob("*.py"))[::2]
    for pattern in ("venv/scripts/**/*", "ctypes/macholib/*", "distutils/**/*.bat", "site-packages/**/*.ps1"):
        yield from (path for path in sorted(library.glob(pattern)) if path.is_file())


def syntax(file: Path) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in theirs
        return ast.parse(file.read_text())


def constant(node: ast.AST) -> Any:
    value = ast.literal_eval(node)
    return str(value).encode("latin-1", "replace") if isinstance(value, (str, int)) else value


def chepy_cases() -> Iterator[tuple[bytes, list[dict[str, Any]], bytes, str]]:
    """``assert Chepy(x).a().b().o == y`` with methods that are steps here and constants alone."""
    folder = suites.sdist("chepy==7.6.0") / "tests"
    for file in sorted(folder.glob("test_*.py")):
        for node in ast.walk(syntax(file)):
            if not (isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare)):
                continue
            left, right = node.test.left, node.test.comparators[0]
            if not (isinstance(left, ast.Attribute) and left.attr == "o"):
                continue
            chain, at = [], left.value
            try:
                while isinstance(at, ast.Call) and isinstance(at.func, ast.Attribute):
                    args = [ast.literal_eval(argument) for argument in at.args]
                    named = {word.arg: ast.literal_eval(word.value) for word in at.keywords if word.arg}
                    chain.append(STEPS[at.func.attr](*args, **named))
                    at = at.func.value
                if not (isinstance(at, ast.Call) and isinstance(at.func, ast.Name) and chain):
                    continue
                yield constant(at.args[0]), chain[::-1], constant(right), ast.unparse(node)
            except (KeyError, TypeError, ValueError, IndexError):
                continue  # another method, or arguments that are no constants


def test_chepys_decoders_agree(module: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    cases = list(chepy_cases())
    failed = []
    for data, chain, expected, source in cases:
        try:
            answer = msgspec.json.decode(module.call("decode", data=data.hex(), steps=chain).data)
            done: Any = base64.b64decode(answer["content"])
        except Exception as refused:  # noqa: BLE001 - what is refused is told with the case
            done = refused
        if done != expected:
            failed.append((source, done))
    with capsys.disabled():
        print(f"\nchepy: {len(cases) - len(failed)} of {len(cases)} cases; not: {failed}")
    assert len(cases) >= 15
    # A plus sign is a space in forms, and itself in addresses; that is where the other one differs.
    assert len(failed) <= 1


def plain(script: str) -> str:
    """Without what a printer chooses."""
    return re.sub(r"[\s;]", "", script).replace("'", '"')


def test_jsbeautifiers_unpacker_cases_are_undone(module: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    folder = suites.sdist("jsbeautifier==1.15.4") / "jsbeautifier" / "unpackers" / "tests"
    cases = []
    for node in ast.walk(syntax(folder / "testpacker.py")):
        is_case = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "check"
        if isinstance(node, ast.Call) and is_case and all(isinstance(arg, ast.Constant) for arg in node.args):
            cases.append(tuple(ast.literal_eval(argument) for argument in node.args))
    failed = []
    for text, unpacked in cases:
        # Some of theirs have lost a backslash in being quoted: as they stand, they unpack nothing when they are run.
        packed = re.sub(r"'\\(b|w\+)'", r"'\\\\\1'", text)
        facts, findings = analyze(module, packed.encode(), "a.js")
        texts = [
            base64.b64decode(
                msgspec.json.decode(module.call("layer", packed.encode(), "a.js", index=at).data)["content"]
            )
            for at in range(len(facts.layers))
        ]
        # Theirs is the whole text with the packed part put in; here that part is a layer of its own.
        if not any(plain(text.decode()) in plain(unpacked) and len(text) > 4 for text in texts) or not findings:
            failed.append((packed[:60], texts))
    with capsys.disabled():
        print(f"\njsbeautifier: {len(cases) - len(failed)} of {len(cases)} cases of its packer; not: {failed}")
    assert len(cases) >= 4
    # Two are no JavaScript: a statement stands behind a call on one line, and quotes stand in a text in quotes.
    assert len(failed) <= 2
