"""A script of 100 KB, obfuscated by javascript-obfuscator, with all its layers; PowerShell and Python beside it, and
what the module costs where there is nothing to find.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import msgspec

from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import SampleFile
from tests.bench.table import Table
from tests.bench.triage import ROOT, config, pe_files, sandbox

sys.path.insert(0, str(ROOT / "tests" / "wasm_modules"))

import disguised  # its folder is on the path only now
import suites

MODULE = "deobfuscator"
OBFUSCATOR = ("javascript-obfuscator@5.8.0",)
TEXTS = {"": 362, "base64": 342, "rc4": 260}
"""In a program that becomes some 100 KB, by the encoding of its texts."""
MORE_TEXTS = 420
TIMES = 5


def program(texts: int = MORE_TEXTS) -> str:
    chance = random.Random(11)
    words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett"]
    lines = []
    for at in range(texts):
        text = " ".join(chance.choices(words, k=5)) + f" {at}"
        lines.append(
            f"function task{at}(value) {{ console.log('{text}', value + {at}); return '{words[at % 10]}-{at}'; }}"
        )
        lines.append(f"task{at}('http://host{at}.athena-lab-sample.net/{at}.txt');")
    return "\n".join(lines)


def obfuscated(encoding: str, texts: int) -> bytes:
    options: dict[str, Any] = {
        "seed": 7, "stringArray": True, "stringArrayThreshold": 1, "rotateStringArray": True,
        "shuffleStringArray": True, "stringArrayEncoding": [encoding] if encoding else [],
    }  # fmt: skip
    script = (
        "const obfuscator = require('javascript-obfuscator');"
        "const {text, options} = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "process.stdout.write(obfuscator.obfuscate(text, options).getObfuscatedCode());"
    )
    given = json.dumps({"text": program(texts), "options": options}).encode()
    packages = suites.npm(OBFUSCATOR)
    done = subprocess.run(["node", "-e", script], input=given, capture_output=True, check=True, cwd=packages.parent)
    return done.stdout


def layered_powershell() -> bytes:
    """Three layers around a script of 30 KB."""
    text = "\n".join(f"Write-Host 'step {at} of a longer script, which does nothing'" for at in range(500))
    for _ in range(3):
        packed = base64.b64encode(zlib.compress(text.encode())[2:-4]).decode()
        text = (
            "iex (New-Object IO.StreamReader((New-Object IO.Compression.DeflateStream([IO.MemoryStream][Convert]::"
            f"FromBase64String('{packed}'),[IO.Compression.CompressionMode]::Decompress)),[Text.Encoding]::ASCII)).ReadToEnd()"
        )
    return text.encode()


def layered_python() -> bytes:
    data = (disguised.PYTHON * 600).encode()
    for _ in range(20):
        head = "_ = lambda __ : __import__('zlib').decompress(__import__('base64').b64decode(__[::-1]));"
        data = f"{head}exec((_)({base64.b64encode(zlib.compress(data))[::-1]!r}))".encode()
    return data


async def measured(samples: dict[str, tuple[str, bytes]], folder: Path) -> list[list[str]]:
    rows = []
    with sandbox(config(folder, 1)) as runtime:
        await runtime.load((MODULE,))
        for what, (name, content) in samples.items():
            path = folder / "sample"
            path.write_bytes(content)
            sample = SampleFile(path, SampleInfo(len(content), name))
            times = []
            for _ in range(TIMES):
                began = time.perf_counter()
                done = await runtime.call(MODULE, "analyze", {}, sample=sample)
                times.append(time.perf_counter() - began)
            facts = msgspec.json.decode(done.output.data)
            memory = f"{done.output.memory_bytes >> 20} MiB"
            layers, steps = len(facts.get("layers", [])), facts["used"]["steps"]
            rows.append(
                [what, f"{len(content) / 1e3:.0f} KB", str(layers), f"{steps:,}", memory, f"{min(times) * 1e3:.0f} ms"]
            )
    return rows


def run() -> list[Table]:
    largest = max((path for path in pe_files() if path.stat().st_size < 2 << 20), key=lambda path: path.stat().st_size)
    samples = {
        "javascript-obfuscator, string array": ("a.js", obfuscated("", TEXTS[""])),
        "javascript-obfuscator, in base64": ("a.js", obfuscated("base64", TEXTS["base64"])),
        "javascript-obfuscator, in RC4": ("a.js", obfuscated("rc4", TEXTS["rc4"])),
        "javascript-obfuscator, in RC4, more of it": ("a.js", obfuscated("rc4", MORE_TEXTS)),
        "PowerShell, three compressed layers": ("a.ps1", layered_powershell()),
        "Python, twenty lambdas": ("a.py", layered_python()),
        "the same program, not obfuscated": ("a.js", program().encode()),
        "a Windows program": ("a.exe", largest.read_bytes()),
    }
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measured(samples, Path(folder)))
    note = (
        f"Warm calls of `analyze`, the best of {TIMES}, with a Store of its own each. The scripts have two "
        f"texts a line, obfuscated by {OBFUSCATOR[0]}; all of them are read again. box-js runs such a script in a node "
        "process of its own, which takes seconds."
    )
    head = ["", "size", "layers", "steps of evaluation", "memory", "time"]
    return [Table("Layers of obfuscation", note, head, rows)]
