"""Captures in the built network component: what it reads, beside what tshark reads, and what hostile ones cost."""

from __future__ import annotations

import base64
import gzip
import hashlib
import random
import re
import string
import struct
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from typing import TYPE_CHECKING, Any

import bigrams
import capture_samples as samples
import captures_corpus
import msgspec
import packets as p
import pytest
import sharks
from harness import Guest, Refused

from athena_lab.report.network import NetworkFacts
from athena_lab.wasm.contract import Call, Output, SampleInfo

if TYPE_CHECKING:
    from pathlib import Path

    from athena_lab.report.capture import CaptureFacts

Guests = Callable[[str], Guest]
MANY = {"max_records": 20_000}
EVERY = 4
"""Of the captures of others every fourth is compared, and all whose names say what matters most."""
TELLING = ("dns", "http", "tls", "ssl", "smb", "ftp", "smtp", "frag", "mptcp", "tcp", "udp", "vlan", "sll", "ppp")
FLOORS = {"packets": 0.97, "tcp": 0.95, "udp": 0.93, "queries": 0.95, "requests": 0.98, "servers": 0.99, "ja3": 0.99,
          "ja3s": 0.99}  # fmt: skip
"""Shares of captures of which we say what tshark says."""


@pytest.fixture
def module(guest: Guests) -> Guest:
    return guest("network")


def analyze(module: Guest, sample: bytes, **args: Any) -> tuple[NetworkFacts, Output]:
    output = module.call("analyze", sample, **args)
    return msgspec.json.decode(output.data, type=NetworkFacts), output


def capture(module: Guest, sample: bytes, **args: Any) -> CaptureFacts:
    found = analyze(module, sample, **args)[0].capture
    assert found is not None
    return found


def ids(output: Output, least: str = "medium") -> set[str]:
    order = ["info", "low", "medium", "high", "critical"]
    return {it.id.rstrip("-0123456789") for it in output.findings if order.index(it.severity) >= order.index(least)}


WRITERS: dict[str, Callable[[list[p.Packet]], bytes]] = {
    "pcap": p.pcap,
    "pcap, the other byte order": lambda it: p.pcap(it, ">"),
    "pcap, nanoseconds": lambda it: p.pcap(it, nanoseconds=True),
    "pcap, nanoseconds, the other byte order": lambda it: p.pcap(it, ">", nanoseconds=True),
    "pcapng": p.pcapng,
    "pcapng, the other byte order": lambda it: p.pcapng(it, ">"),
    "pcapng, nanoseconds": lambda it: p.pcapng(it, resolution=9),
    "pcapng, powers of two": lambda it: p.pcapng(it, resolution=0x80 | 30),
    "pcapng, two interfaces": lambda it: p.pcapng(it, links=(1, 1)),
}


@pytest.mark.parametrize("writer", WRITERS.values(), ids=WRITERS)
def test_each_format_says_the_same(module: Guest, writer: Callable[[list[p.Packet]], bytes]) -> None:
    packets = samples.talks()
    facts = capture(module, writer(packets))
    assert facts.packets.total == len(packets)
    assert (facts.packets.fragments, facts.packets.incomplete) == (3, 0)
    assert facts.start == pytest.approx(p.START, abs=1e-5)
    assert [flow.service for flow in facts.flows.items if flow.transport == "tcp"] == ["http", "ftp", "tls", "tls"]
    assert {flow.state for flow in facts.flows.items if flow.transport == "tcp"} == {"closed"}
    names = [it.name.partition(".")[0] for it in facts.dns.items]
    assert names == ["www", "fragmented", "tagged", "six"]
    assert facts.dns.items[0].answers[0].value == p.SERVER


def test_http_is_read_with_its_files(module: Guest) -> None:
    sample = p.pcap(samples.talks())
    facts = capture(module, sample)
    assert [(it.method, it.host, it.target, it.status) for it in facts.http.items] == [
        ("GET", "www.evil-site.com", "/index.html", 200),
        ("GET", "www.evil-site.com", "/logo.png", 200),
    ]
    page, program = facts.files.items
    assert (page.name, page.size, page.sha256) == (
        "index.html",
        len(samples.PAGE),
        hashlib.sha256(samples.PAGE).hexdigest(),
    )
    assert (program.format, program.declared, program.complete) == ("pe", "image/png", True)
    assert program.sha256 == hashlib.sha256(samples.PROGRAM).hexdigest()
    assert program.offset is not None
    assert sample[program.offset :].startswith(b"MZ")


def test_a_file_is_given_out_whole_and_in_parts(module: Guest) -> None:
    sample = p.pcap(samples.talks())

    def part(**args: int) -> dict[str, Any]:
        return msgspec.json.decode(module.call("extract", sample, **args).data)

    whole = part(index=1)
    assert base64.b64decode(whole["content"]) == samples.PROGRAM
    assert (whole["child"]["index"], whole["child"]["size"], whole["offset"]) == (1, len(samples.PROGRAM), 0)
    assert base64.b64decode(part(index=1, offset=10, length=7)["content"]) == samples.PROGRAM[10:17]
    assert part(index=1, offset=10_000)["content"] == ""
    with pytest.raises(Refused, match="no file 2"):
        part(index=2)


def test_passwords_are_told_without_the_password(module: Guest) -> None:
    facts, output = analyze(module, p.pcap(samples.talks()))
    assert facts.capture is not None
    assert {(it.protocol, it.user, it.password) for it in facts.capture.credentials.items} == {
        ("ftp", "bob", "******"),
        ("http", "bob", "******"),
    }
    assert b"secret" not in bytes(output.data)
    assert not any("secret" in (evidence.text or "") for it in output.findings for evidence in it.evidence)


def test_what_protocols_name_are_indicators(module: Guest) -> None:
    facts = analyze(module, p.pcap(samples.talks()))[0]
    sources = {(it.kind, it.value): it.source for it in facts.indicators}
    assert sources["domain", "www.evil-site.com"] == "dns"
    assert sources["url", "http://www.evil-site.com/logo.png"] == "http"
    assert sources["url", "http://next.evil-site.com/x"] == "http"  # in a body that was packed, in chunks
    assert sources["domain", "c2.evil-site.com"] == "tls"
    assert sources["ipv4", "93.184.216.34"] in {"dns", "flow"}


def test_findings_say_what_to_look_at(module: Guest) -> None:
    found = analyze(module, p.pcap(samples.talks()))[1]
    assert {"program-disguised", "credentials-in-clear"} <= ids(found)
    assert "tls-odd-port" in ids(found, "low")


def test_a_beacon_is_told_from_somebody_who_reads(module: Guest) -> None:
    facts, output = analyze(module, p.pcap(samples.beacon()))
    assert "beacon" in ids(output, "low")
    assert facts.capture is not None
    (found,) = facts.capture.beacons.items
    assert (found.connections, round(found.interval)) == (30, 61)
    assert found.score >= 0.85
    facts, output = analyze(module, p.pcap(samples.person()))
    assert facts.capture is not None
    assert all(it.score < 0.6 for it in facts.capture.beacons.items)
    assert not ids(output)


def test_data_in_names_and_names_made_by_programs(module: Guest) -> None:
    facts, output = analyze(module, p.pcap(samples.tunnel()))
    assert "dns-tunnel" in ids(output, "high")
    assert facts.capture is not None
    assert facts.capture.domains.items[0].domain == "evil-site.com"
    output = analyze(module, p.pcap(samples.generated()))[1]
    assert "generated-names" in ids(output, "high")


def test_the_table_of_pairs_is_what_its_script_writes() -> None:
    assert bigrams.TARGET.read_text(encoding="utf-8") == bigrams.text()


def test_names_that_people_made_are_not_taken_for_a_program_s(module: Guest, say: Callable[[str], None]) -> None:
    """Of names in the texts of installed packages, which the table was not made of."""
    texts = (text for it in metadata.distributions() for text in it.metadata.values())
    found = {
        match[1].lower()
        for text in texts
        for match in re.finditer(r"https?://(?:[\w-]+\.)*([\w-]{8,}\.\w+)", str(text))
    }
    people = sorted(name for name in found if name.isascii() and "_" not in name)
    chance = random.Random(11)
    kinds = {"letters": string.ascii_lowercase, "digits and letters": string.ascii_lowercase + string.digits,
             "hexadecimal": "0123456789abcdef"}  # fmt: skip
    shares = {"of people": share(module, people)}
    for kind, letters in kinds.items():
        made = ["".join(chance.choice(letters) for _ in range(chance.randrange(12, 20))) + ".com" for _ in range(300)]
        shares[kind] = share(module, made)
    say(
        f"taken for a program's, of {len(people)} names: {', '.join(f'{kind} {it:.1%}' for kind, it in shares.items())}"
    )
    assert len(people) > 50
    assert shares.pop("of people") < 0.02
    assert min(shares.values()) > 0.65


def share(module: Guest, names: list[str]) -> float:
    packets = [packet for turn, name in enumerate(names) for packet in p.lookup(name, p.SERVER, port=20_000 + turn)]
    return capture(module, p.pcap(packets)).generated.total / len(names)


def test_a_scan_is_told(module: Guest) -> None:
    facts, output = analyze(module, p.pcap(samples.scan()))
    assert "scan-ports" in ids(output)
    assert facts.capture is not None
    assert facts.capture.scans.items[0].failed == 60


def test_ordinary_traffic_raises_nothing(module: Guest) -> None:
    names = ("www.python.org", "pypi.org", "files.pythonhosted.org", "github.com", "deb.debian.org", "cdn.jsdelivr.net")
    packets = [
        packet
        for turn, text in enumerate(names)
        for packet in p.lookup(text, p.SERVER, p.START + turn, port=45_000 + turn)
    ]
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 12\r\n\r\n<html></html>"
    talk = (
        p.Talk(80).open().ask(b"GET / HTTP/1.1\r\nHost: www.python.org\r\nUser-Agent: Mozilla/5.0\r\n\r\n").answer(page)
    )
    packets += talk.close() + samples.secure().close()
    assert not ids(analyze(module, p.pcap(packets))[1])


# -- a capture that grows ------------------------------------------------------------------------------------------


def go_on(module: Guest, sample: bytes, state: str | None, **args: Any) -> Output:
    call = Call("analyze", msgspec.Raw(msgspec.json.encode(args)), SampleInfo(len(sample)), state)
    return msgspec.json.decode(module.analyze_raw(msgspec.json.encode(call).decode(), sample), type=Output)


def test_a_session_goes_on_with_its_capture(module: Guest) -> None:
    packets = samples.talks()
    parts = [packets[:12], packets[12:25], packets[25:]]
    output = go_on(module, p.pcap(parts[0]), None, keep=True)
    for part in parts[1:]:
        assert output.state is not None
        output = go_on(module, p.pcapng(part, ">"), output.state)
    grown = msgspec.json.decode(output.data, type=NetworkFacts).capture
    whole = capture(module, p.pcap(packets))
    assert grown is not None
    assert grown.earlier == 25
    assert grown.packets == whole.packets
    for one, other in (
        (grown.flows, whole.flows),
        (grown.dns, whole.dns),
        (grown.http, whole.http),
        (grown.tls, whole.tls),
    ):
        assert one == other
    assert [it.sha256 for it in grown.files.items] == [it.sha256 for it in whole.files.items]
    assert module.call("analyze", p.pcap(packets)).state is None


def test_a_state_is_as_harmless_as_a_sample(module: Guest) -> None:
    state = go_on(module, p.pcap(samples.talks()), None, keep=True).state
    assert state is not None
    good, chance = base64.b64decode(state), random.Random(1)
    for turn in range(20):
        bad = bytearray(good[: chance.randrange(len(good))] if turn % 2 else good)
        if bad:
            bad[chance.randrange(len(bad))] ^= 1 << turn % 8
        try:
            go_on(module, p.pcap(samples.scan(3)), base64.b64encode(bad).decode())
        except Refused as refused:
            assert "invalid_args" in refused.args[0]  # noqa: PT017  # a broken state may still be one


# -- beside tshark -------------------------------------------------------------------------------------------------


def ours(module: Guest, sample: bytes) -> sharks.Said:
    facts = capture(module, sample, **MANY)
    transports = Counter(flow.transport for flow in facts.flows.items)
    return sharks.Said(
        packets=facts.packets.total,
        tcp=transports["tcp"],
        udp=transports["udp"],
        queries=Counter(it.name.lower() for it in facts.dns.items if it.asked),
        requests=Counter((it.method, it.host, it.target) for it in facts.http.items if it.method),
        servers={it.server_name for it in facts.tls.items if it.server_name},
        ja3={it.ja3 for it in facts.tls.items if it.ja3},
        ja3s={it.ja3s for it in facts.tls.items if it.ja3s},
    )


@pytest.mark.skipif(not sharks.TSHARK.exists(), reason="tshark is not installed")
def test_synthetic_captures_are_read_as_tshark_reads_them(module: Guest, tmp_path: Path) -> None:
    makers = (samples.talks, samples.beacon, samples.tunnel, samples.generated, samples.scan, samples.person)
    for maker in makers:
        file = tmp_path / f"{maker.__name__}.pcap"
        file.write_bytes(p.pcap(maker()))
        assert ours(module, file.read_bytes()) == sharks.ask(file), maker.__name__


@pytest.mark.timeout(900)  # tshark takes half a second to start
@pytest.mark.skipif(not sharks.TSHARK.exists(), reason="tshark is not installed")
def test_captures_of_others_are_read_as_tshark_reads_them(module: Guest, say: Callable[[str], None]) -> None:
    try:
        files = captures_corpus.fetch()
    except LookupError as error:
        pytest.skip(str(error))
    chosen = [file for at, file in enumerate(files) if at % EVERY == 0 or any(word in file.name for word in TELLING)]
    readable = [file for file in chosen if is_capture(file.read_bytes())]
    with ThreadPoolExecutor(2) as pool:
        theirs = list(pool.map(sharks.ask, readable))
    wrong: dict[str, list[str]] = {what: [] for what in FLOORS}
    for file, said in zip(readable, theirs, strict=True):
        mine = ours(module, file.read_bytes())
        for what, names in wrong.items():
            if getattr(mine, what) != getattr(said, what):
                names.append(file.name)
    shares = {what: 1 - len(names) / len(readable) for what, names in wrong.items()}
    said = ", ".join(f"{what} {share:.1%}" for what, share in shares.items())
    say(f"tcpdump's captures beside tshark: {len(readable)} files; {said}; other: {wrong}")
    assert len(readable) > 150
    for what, share in shares.items():
        assert share >= FLOORS[what], wrong[what]


def is_capture(data: bytes) -> bool:
    return data[:4] in {
        b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a",
    }  # fmt: skip


# -- hostile captures ----------------------------------------------------------------------------------------------


def loops() -> bytes:
    """Names that point to themselves, and to each other."""
    bad = [b"\xc0\x0c", b"\x01a\xc0\x0c", b"\xc0\x0e\xc0\x0c", b"\x3f" + b"a" * 63 + b"\xc0\x0c"]
    head = struct.pack(">HHHHHH", 7, 0x8180, 200, 200, 200, 200)
    every = [p.ethernet(p.udp(p.CLIENT, p.RESOLVER, (53_000, 53), head + name * 40)) for name in bad]
    return p.pcap([p.Packet(p.START, every[at % 4]) for at in range(20_000)])


def overlaps() -> bytes:
    """Segments that all lie on each other, and say different things."""
    chance, every = random.Random(2), []
    ends, ports = (p.CLIENT, p.SERVER), (40_000, 80)
    for at in range(100_000):
        data = chance.randbytes(40)
        every.append(p.Packet(p.START + at / 1e4, p.ethernet(p.tcp(ends, ports, (1_000 + at % 100, 1), p.ACK, data))))
    return p.pcap(every)


def fragments() -> bytes:
    """Fragments that never make a datagram, and that overlap."""
    chance, every = random.Random(4), []
    for at in range(60_000):
        packet = p.ip(p.CLIENT, p.SERVER, 17, b"x" * 64, number=at % 9_000, fragment=0x2000 | chance.randrange(8_000))
        every.append(p.Packet(p.START, p.ethernet(packet)))
    return p.pcap(every)


def tiny_flows() -> bytes:
    """A million flows of one packet each."""
    head = p.pcap([])
    record = struct.pack("<IIII", 1_700_000_000, 0, 28, 28)
    start = p.ip(p.CLIENT, p.SERVER, 17, struct.pack(">HHHH", 0, 0, 8, 0))
    one = start[:12]
    every = (
        struct.pack(">IIHHHH", 0x0A000000 + at, 0x08080808, 1_024 + at % 5_000, 9_999, 8, 0) for at in range(1_000_000)
    )
    return head[:20] + struct.pack("<I", 101) + b"".join(record + one + it for it in every)


def options() -> bytes:
    """Blocks of pcapng with options without end, of length 0, and interfaces without end."""
    section = p.block("<", 0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + struct.pack("<HH", 4, 0) * 1_000)
    interface = p.block("<", 1, struct.pack("<HHI", 1, 0, 0) + struct.pack("<HHBxxx", 9, 1, 255) * 5_000)
    names = p.block("<", 4, struct.pack("<HH", 1, 0) * 10_000)
    return (
        section
        + interface * 300
        + names * 100
        + p.block("<", 6, struct.pack("<IIIII", 9, 0, 0, 0xFFFFFFFF, 0)) * 10_000
    )


def bombs() -> bytes:
    """Bodies that unpack to a thousand times their size."""
    packed = gzip.compress(bytes(20 << 20), mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    talk = p.Talk(80, step=0).open().ask(b"GET /x HTTP/1.1\r\nHost: a.b\r\n\r\n" * 60)
    return p.pcap(talk.answer((head + packed) * 60).close())


def one_byte_segments() -> bytes:
    talk = p.Talk(80, step=0).open().ask(b"GET /%s HTTP/1.1\r\n\r\n" % (b"a" * 40_000), 1)
    return p.pcap(talk.answer(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 10_000, 1).close())


HOSTILE = (loops, overlaps, fragments, tiny_flows, options, bombs, one_byte_segments)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("maker", HOSTILE, ids=lambda maker: maker.__name__)
def test_hostile_captures_stay_within_the_sandbox(module: Guest, maker: Callable[[], bytes]) -> None:
    sample = maker()
    began = time.process_time()
    output = module.call("analyze", sample)
    taken = time.process_time() - began
    assert taken < 15, f"{taken:.1f} s"
    assert output.memory_bytes < 640 << 20
    assert len(bytes(output.data)) < 12 << 20


def test_a_capture_may_end_anywhere(module: Guest) -> None:
    for sample in (p.pcap(samples.talks()), p.pcapng(samples.talks())):
        for length in range(1, len(sample), 397):
            module.call("analyze", sample[:length])
