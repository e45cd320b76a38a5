"""The crypto module beside what one would use instead: a YARA rule for each table, as findcrypt has them."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import yara

from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import SampleFile
from tests.bench.table import Table, ratio
from tests.bench.triage import ROOT, config, pe_files, sandbox

sys.path.insert(0, str(ROOT / "tests" / "wasm_modules"))

import secrets_made  # its folder is on the path only now

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULE = "crypto"
WORDS = {
    "md5_or_sha1": (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476),
    "sha1": secrets_made.SHA1_ROUNDS,
    "sha256": (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19),
    "tea": (0x9E3779B9,),
}


def rules() -> str:
    """The tables and words that the module's golden samples have, one rule each: fewer than the module looks for."""
    aes = secrets_made.aes_table()
    crc = b"".join(entry.to_bytes(4, "little") for entry in secrets_made.crc_table()[:16])
    texts = {
        "aes": aes[:32],
        "aes_inverse": secrets_made.inverse(aes)[:32],
        "crc32": crc,
        "chacha": b"expand 32-byte k",
    }
    found = [f"rule {name} {{ strings: $a = {{ {text.hex()} }} condition: $a }}" for name, text in texts.items()]
    for name, words in WORDS.items():
        strings = " ".join(f"$w{at} = {{ {word.to_bytes(4, 'little').hex()} }}" for at, word in enumerate(words))
        found.append(f"rule {name} {{ strings: {strings} condition: all of them }}")
    return "\n".join(found)


def by_yara(files: Sequence[Path], matcher: yara.Rules) -> tuple[float, int]:
    began = time.perf_counter()
    found = sum(bool(matcher.match(data=path.read_bytes())) for path in files)
    return time.perf_counter() - began, found


async def in_sandbox(files: Sequence[Path], folder: Path, workers: int, args: dict[str, Any]) -> tuple[float, int]:
    with sandbox(config(folder, workers)) as runtime:
        await runtime.load((MODULE,))
        waiting, found = iter(files), 0

        async def work() -> None:
            nonlocal found
            for path in waiting:
                sample = SampleFile(path, SampleInfo(path.stat().st_size))
                done = await runtime.call(MODULE, "analyze", args, sample=sample)
                found += bool(msgspec.json.decode(done.output.data)["algorithms"])

        began = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(workers)))
        return time.perf_counter() - began, found


def run() -> list[Table]:
    files = pe_files()
    total = sum(path.stat().st_size for path in files)
    matcher = yara.compile(source=rules())
    by_yara(files, matcher)  # into the page cache
    measured = {f"yara-python, {len(list(matcher))} rules": by_yara(files, matcher)}
    constants = {"xor": False, "regions": False}
    with tempfile.TemporaryDirectory() as name:
        for workers in (1, 2):
            kind = f"the sandbox, {workers} worker{'s' * (workers > 1)}"
            measured[f"{kind}, constants and keys"] = asyncio.run(in_sandbox(files, Path(name), workers, constants))
            measured[f"{kind}, all"] = asyncio.run(in_sandbox(files, Path(name), workers, {}))
    base = next(iter(measured.values()))[0]
    rows = [
        [kind, f"{total / took / 1e6:,.1f}", ratio(base, took), str(found)] for kind, (took, found) in measured.items()
    ]
    note = f"{len(files)} PE files, {total / 1e6:.0f} MB. Files in which an algorithm is found are counted."
    return [Table("Constants of algorithms", note, ["", "MB/s", "beside yara-python", "files"], rows)]
