"""Indicators in the sandbox beside ioc_finder and iocextract, natively: speed, and how many of those there are."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import Runtime, SampleFile
from tests.bench import peers
from tests.bench.table import Table, ratio
from tests.bench.triage import config, pe_files, sandbox

MODULE = "network"
REQUIREMENTS = ("ioc-finder==9.4.1", "iocextract==1.16.1", "requests==2.32.5")
TEXT_BYTES = 8_000_000
PEER_BYTES = 200_000
"""Of each corpus that the others get: they take seconds for that."""
TIMES = 3
PEERS = """
import json, sys, time
text = open(sys.argv[2], encoding="utf-8", errors="replace").read()
if sys.argv[1] == "ioc_finder":
    from ioc_finder import find_iocs as find
    lists = lambda found: (values for values in found.values() if isinstance(values, (list, set)))
    flat = lambda found: {str(it).lower() for values in lists(found) for it in values}
else:
    from iocextract import extract_iocs
    find = lambda text: list(extract_iocs(text, refang=True))
    flat = lambda found: {it.lower() for it in found}
began = time.process_time()
found = find(text)
seconds = time.process_time() - began
print(json.dumps({"seconds": seconds, "found": sorted(flat(found))}))
"""


def labelled() -> tuple[str, set[str]]:
    """A report with 1,200 indicators, each defanged or not, and what they are."""
    chance, lines, meant = random.Random(9), [], set()
    for number in range(200):
        first, last = chance.choice(("cdn", "mail", "update")), chance.choice(("com", "net", "org", "ru"))
        host = f"{first}{number}.evil-{number % 17}.{last}"
        address = (
            f"{chance.randrange(20, 120)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(1, 255)}"
        )
        md5, sha256 = (chance.randbytes(size).hex() for size in (16, 32))
        url, mail = f"http://{host}/a/{number}.php?id={number}", f"user{number}@evil-{number}.com"
        spell = (lambda it: it) if number % 2 else lambda it: it.replace("http:", "hxxp:").replace(".", "[.]")
        lines.append(f"{number}. The sample {md5} ({sha256}) asks {spell(url)} at {spell(address)}; write to {mail}, "
                     f"see CVE-2021-{10_000 + number}.")  # fmt: skip
        meant |= {url, address, md5, sha256, mail, f"cve-2021-{10_000 + number}"}
    return "\n".join(lines), meant


def corpora() -> dict[str, bytes]:
    sources = b"".join(file.read_bytes() for file in sorted(Path(sys.prefix).rglob("site-packages/a*/**/*.py")))
    report = labelled()[0].encode()
    return {
        "binaries": b"".join(file.read_bytes() for file in pe_files())[:TEXT_BYTES],
        "source code": sources[:TEXT_BYTES],
        "text full of indicators": (report * (2_000_000 // len(report)))[:TEXT_BYTES],
    }


async def one(runtime: Runtime, data: bytes, folder: Path) -> tuple[float, set[str]]:
    file = folder / "sample"
    file.write_bytes(data)
    best, values = float("inf"), set[str]()
    for _ in range(TIMES):
        began = time.perf_counter()
        done = await runtime.call(MODULE, "indicators", sample=SampleFile(file, SampleInfo(len(data))))
        best = min(best, time.perf_counter() - began)
        values = {it["value"].lower() for it in msgspec.json.decode(done.output.data)["indicators"]}
    return best, values


async def ours(folder: Path) -> tuple[dict[str, float], set[str]]:
    with sandbox(config(folder, 1)) as runtime:
        await runtime.load((MODULE,))
        seconds = {name: (await one(runtime, data, folder))[0] for name, data in corpora().items()}
        return seconds, (await one(runtime, labelled()[0].encode(), folder))[1]


def theirs(name: str, interpreter: Path, folder: Path) -> tuple[dict[str, float], set[str]]:
    seconds = {}
    for corpus, data in corpora().items():
        file = folder / "part"
        file.write_bytes(data[:PEER_BYTES])
        took = peers.run(interpreter, PEERS, name, str(file))["seconds"]
        seconds[corpus] = took * len(data) / min(len(data), PEER_BYTES)
    (folder / "part").write_text(labelled()[0], encoding="utf-8")
    return seconds, set(peers.run(interpreter, PEERS, name, str(folder / "part"))["found"])


def run() -> list[Table]:
    sizes = {name: len(data) for name, data in corpora().items()}
    meant = labelled()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = {"the sandbox": asyncio.run(ours(folder))}
        if interpreter := peers.python("indicators", REQUIREMENTS):
            measured |= {peer: theirs(peer, interpreter, folder) for peer in ("ioc_finder", "iocextract")}
    base = sum(measured["the sandbox"][0].values())
    rows = []
    for name, (seconds, found) in measured.items():
        total = sum(seconds.values())
        speeds = [f"{sizes[corpus] / seconds[corpus] / 1e6:,.1f}" for corpus in sizes]
        mixed = f"{sum(sizes.values()) / total / 1e6:,.1f}"
        rows.append([name, *speeds, mixed, ratio(total, base), f"{len(meant & found)} of {len(meant)}"])
    note = (
        f"One thread each. The others get the first {PEER_BYTES // 1000} KB of each corpus. The last column is of a "
        "report with that many indicators, every second line of it defanged."
    )
    columns = ["MB/s", *sizes, "all", "time beside ours", "found"]
    return [Table("Indicators of compromise", note, columns, rows)]
