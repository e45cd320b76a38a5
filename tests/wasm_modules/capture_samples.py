"""Captures for the tests of the network module: synthetic, and inert.

``python tests/wasm_modules/capture_samples.py`` writes the golden sample, which `cargo test` reads too.
"""

from __future__ import annotations

import base64
import gzip
import random
import zlib
from pathlib import Path

import packets as p

GOLDEN = Path(__file__).resolve().parents[2] / "wasm" / "modules" / "network" / "tests" / "golden"
PROGRAM = b"MZ" + b"\0" * 58 + b"\x40\0\0\0PE\0\0" + b"\x64\x86" + b"\0" * 300
PAGE = b"<html><a href='http://next.evil-site.com/x'>more</a></html>"


def web(**options: int) -> p.Talk:
    """Two requests at once; the answers are packed and in chunks, and a program that is called a picture."""
    talk = p.Talk(80, **options).open()
    ask = b"GET /%s HTTP/1.1\r\nHost: www.evil-site.com\r\nUser-Agent: Mozilla/4.0 (bot)\r\n"
    ask += b"Authorization: Basic Ym9iOnNlY3JldA==\r\n\r\n"
    talk.ask(ask % b"index.html" + ask % b"logo.png")
    packed = gzip.compress(PAGE, mtime=0)
    chunks = b"%x\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n" % (20, packed[:20], len(packed) - 20, packed[20:])
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
    talk.answer(head + chunks, 100)
    talk.answer(
        b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(PROGRAM) + PROGRAM, 100
    )
    return talk


def files() -> p.Talk:
    talk = p.Talk(21, client_port=40_001, server="198.51.100.9").open()
    talk.answer(b"220 files.evil-site.com FTP\r\n").ask(b"USER bob\r\n").answer(b"331 ?\r\n").ask(b"PASS secret\r\n")
    return talk.answer(b"230 ok\r\n")


def secure(port: int = 443, client_port: int = 40_002) -> p.Talk:
    talk = p.Talk(port, client_port=client_port, server="203.0.113.77").open()
    return talk.ask(p.client_hello("c2.evil-site.com")).answer(p.server_hello())


def fragmented() -> list[p.Packet]:
    """A question of DNS in three fragments, out of order."""
    whole = p.udp(p.CLIENT, p.RESOLVER, (51_000, 53), p.query("fragmented.evil-site.com"))[20:]
    parts = [(16, whole[16:32], True), (32, whole[32:], False), (0, whole[:16], True)]
    return [
        p.Packet(p.START, p.ethernet(p.ip(p.CLIENT, p.RESOLVER, 17, part, number=9, fragment=at // 8 | 0x2000 * more)))
        for at, part, more in parts
    ]


def talks() -> list[p.Packet]:
    """One of each, one after the other, some of it out of order and sent again."""
    browsing = web().close()
    browsing[6], browsing[7] = browsing[7], browsing[6]
    browsing.insert(9, browsing[8])
    tagged = p.Packet(
        p.START, p.ethernet(p.udp(p.CLIENT, p.RESOLVER, (51_001, 53), p.query("tagged.evil-site.com")), 0x88A8, 0x8100)
    )
    six = p.Packet(
        p.START, p.ethernet(p.udp("2001:db8::1", "2001:db8::53", (51_002, 53), p.query("six.evil-site.com", 28)))
    )
    found = p.lookup("www.evil-site.com", p.SERVER)
    return [
        *found,
        *fragmented(),
        tagged,
        six,
        *browsing,
        *files().close(),
        *secure().close(),
        *secure(8_447, 40_003).close(),
    ]


def beacon(count: int = 30, interval: float = 60.0) -> list[p.Packet]:
    every = []
    for turn in range(count):
        talk = p.Talk(443, client_port=41_000 + turn, time=p.START + turn * interval + turn % 3).open()
        every += talk.ask(p.client_hello("beat.evil-site.com")).answer(p.server_hello()).close()
    return every


def person(count: int = 60) -> list[p.Packet]:
    """Somebody who reads: visits at no regular times, of all sizes."""
    chance = random.Random(7)
    every, time = [], p.START
    for turn in range(count):
        time += chance.expovariate(1 / 45)
        talk = p.Talk(443, client_port=42_000 + turn, time=time).open().ask(p.client_hello("www.news-site.com"))
        every += talk.ask(chance.randbytes(chance.randrange(200, 4_000))).answer(p.server_hello()).close()
    return every


def tunnel(count: int = 60) -> list[p.Packet]:
    chance = random.Random(5)
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    made = ("".join(chance.choice(letters) for _ in range(48)) for _ in range(count))
    return [
        packet
        for turn, label in enumerate(made)
        for packet in p.lookup(f"{label}.t.evil-site.com", p.SERVER, p.START + turn, port=52_000 + turn, kind=16)
    ]


def generated(count: int = 40) -> list[p.Packet]:
    chance = random.Random(3)
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = ("".join(chance.choice(letters) for _ in range(14)) + ".com" for _ in range(count))
    return [
        packet for turn, text in enumerate(names) for packet in p.lookup(text, None, p.START + turn, port=53_000 + turn)
    ]


def scan(count: int = 60) -> list[p.Packet]:
    every = []
    for port in range(1, count + 1):
        talk = p.Talk(port, client_port=44_000, server="10.9.9.9", time=p.START + port / 100)
        talk.send(flags=p.SYN)
        talk.send(flags=p.RST | p.ACK, down=True)
        every += talk.packets
    return every


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    encoded = base64.encodebytes(zlib.compress(p.pcapng(talks(), resolution=9), 9))
    (GOLDEN / "talks.pcapng.b64").write_bytes(encoded)


if __name__ == "__main__":
    main()
