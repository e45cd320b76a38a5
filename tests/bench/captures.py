"""Captures in the sandbox beside dpkt, scapy and tshark, natively: flows and what is said in them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from athena_lab.wasm.contract import SampleInfo
from athena_lab.wasm.runtime import SampleFile
from tests.bench import peers
from tests.bench.table import Table, ratio
from tests.bench.triage import ROOT, config, sandbox

sys.path.insert(0, str(ROOT / "tests" / "wasm_modules"))
import capture_samples
import packets
import sharks

MODULE = "network"
REQUIREMENTS = ("dpkt==1.9.8", "scapy==2.8.0")
TIMES = 3
TURNS = 1_500
"""Of connections of HTTP and of TLS each."""
SCAPY_TURNS = 150
PEERS = """
import json, sys, time
began = time.process_time()
if sys.argv[1] == "dpkt":
    import dpkt
    count = 0
    for _, data in dpkt.pcap.Reader(open(sys.argv[2], "rb")):
        inner = dpkt.ethernet.Ethernet(data).data
        count += isinstance(getattr(inner, "data", None), (dpkt.tcp.TCP, dpkt.udp.UDP))
else:
    from scapy.all import rdpcap
    count = len(rdpcap(sys.argv[2]).sessions())
print(json.dumps({"seconds": time.process_time() - began, "count": count}))
"""


def capture(turns: int) -> bytes:
    every: list[packets.Packet] = []
    for turn in range(turns):
        start = packets.START + turn
        every += capture_samples.web(client_port=10_000 + turn % 50_000, time=start).answer(b"x" * 14_000).close()
        every += capture_samples.secure(client_port=10_000 + turn % 50_000).packets
    return packets.pcap(every)


async def ours(file: Path, size: int, folder: Path) -> float:
    best = float("inf")
    with sandbox(config(folder, 1)) as runtime:
        await runtime.load((MODULE,))
        for _ in range(TIMES):
            began = time.perf_counter()
            await runtime.call(MODULE, "analyze", sample=SampleFile(file, SampleInfo(size)))
            best = min(best, time.perf_counter() - began)
    return best


def by_tshark(file: Path) -> float:
    began = time.perf_counter()
    subprocess.run([str(sharks.TSHARK), "-n", "-r", str(file), "-T", "fields", "-e", "tcp.stream", "-e", "http.host"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    return time.perf_counter() - began


def run() -> list[Table]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, small = folder / "all.pcap", folder / "part.pcap"
        file.write_bytes(capture(TURNS))
        small.write_bytes(capture(SCAPY_TURNS))
        size = file.stat().st_size
        seconds = {"the sandbox: flows, streams, files, indicators": asyncio.run(ours(file, size, folder))}
        if sharks.TSHARK.exists():
            seconds["tshark: the same two fields of each packet"] = by_tshark(file)
        if interpreter := peers.python("captures", REQUIREMENTS):
            seconds["dpkt: headers alone"] = peers.run(interpreter, PEERS, "dpkt", str(file))["seconds"]
            part = peers.run(interpreter, PEERS, "scapy", str(small))["seconds"]
            seconds["scapy: packets sorted into sessions"] = part * size / small.stat().st_size
    base = next(iter(seconds.values()))
    rows = [[name, f"{size / took / 1e6:,.1f}", ratio(took, base)] for name, took in seconds.items()]
    note = f"{size / 1e6:.0f} MB, {2 * TURNS:,} connections of HTTP and TLS. scapy reads a tenth of it."
    return [Table("Captures", note, ["", "MB/s", "time beside ours"], rows)]
