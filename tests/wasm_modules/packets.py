"""Packets and captures, made by hand: what a test says is on the wire is on the wire."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Literal

Order = Literal["<", ">"]
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
START = 1_700_000_000.25
CLIENT, SERVER, RESOLVER = "10.1.2.3", "93.184.216.34", "10.1.2.1"


@dataclass(frozen=True)
class Packet:
    time: float
    data: bytes


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ip(source: str, target: str, protocol: int, payload: bytes, *, number: int = 1, fragment: int = 0) -> bytes:
    """A packet of IPv4 or IPv6, by the addresses. ``fragment``: flags and offset of IPv4 as they are on the wire."""
    one, two = ip_address(source).packed, ip_address(target).packed
    if len(one) == 16:
        return struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64) + one + two + payload
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), number, fragment, 64, protocol, 0) + one + two
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def ethernet(packet: bytes, *tags: int) -> bytes:
    kind = 0x86DD if packet[0] >> 4 == 6 else 0x0800
    between = b"".join(struct.pack(">HH", tag, 7) for tag in tags)
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + between + struct.pack(">H", kind) + packet


def udp(source: str, target: str, ports: tuple[int, int], payload: bytes) -> bytes:
    return ip(source, target, 17, struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload)


def tcp(
    ends: tuple[str, str], ports: tuple[int, int], numbers: tuple[int, int], flags: int, data: bytes = b""
) -> bytes:
    numbers = numbers[0] & 0xFFFFFFFF, numbers[1] & 0xFFFFFFFF
    head = struct.pack(">HHIIBBHHH", *ports, *numbers, 5 << 4, flags, 65_535, 0, 0)
    return ip(*ends, 6, head + data)


@dataclass
class Talk:
    """A connection of TCP, packet by packet."""

    port: int
    server: str = SERVER
    client: str = CLIENT
    client_port: int = 40_000
    time: float = START
    step: float = 0.01
    up: int = 1_000
    down: int = 9_000
    packets: list[Packet] = field(default_factory=list)

    def send(self, data: bytes = b"", flags: int = ACK | PSH, *, down: bool = False) -> None:
        mine, other = (self.down, self.up) if down else (self.up, self.down)
        ends = (self.server, self.client) if down else (self.client, self.server)
        ports = (self.port, self.client_port) if down else (self.client_port, self.port)
        self.packets.append(Packet(self.time, ethernet(tcp(ends, ports, (mine, other), flags, data))))
        self.time += self.step
        taken = len(data) + bool(flags & (SYN | FIN))
        self.up, self.down = (self.up, self.down + taken) if down else (self.up + taken, self.down)

    def open(self) -> Talk:
        self.send(flags=SYN)
        self.send(flags=SYN | ACK, down=True)
        self.send(flags=ACK)
        return self

    def ask(self, data: bytes, size: int = 1_400) -> Talk:
        for at in range(0, len(data), size):
            self.send(data[at : at + size])
        return self

    def answer(self, data: bytes, size: int = 1_400) -> Talk:
        for at in range(0, len(data), size):
            self.send(data[at : at + size], down=True)
        return self

    def close(self) -> list[Packet]:
        self.send(flags=FIN | ACK)
        self.send(flags=FIN | ACK, down=True)
        self.send(flags=ACK)
        return self.packets


def name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def query(text: str, kind: int = 1, number: int = 7) -> bytes:
    return struct.pack(">HHHHHH", number, 0x0100, 1, 0, 0, 0) + name(text) + struct.pack(">HH", kind, 1)


def reply(text: str, address: str | None, number: int = 7) -> bytes:
    """An answer with one address, or that there is no such name."""
    code, count = (0x8180, 1) if address else (0x8183, 0)
    head = struct.pack(">HHHHHH", number, code, 1, count, 0, 0) + name(text) + struct.pack(">HH", 1, 1)
    record = struct.pack(">HHHIH", 0xC00C, 1, 1, 60, 4) + ip_address(address).packed if address else b""
    return head + record


def lookup(text: str, address: str | None, time: float = START, *, port: int = 50_000, kind: int = 1) -> list[Packet]:
    number = port & 0xFFFF
    asked = udp(CLIENT, RESOLVER, (port, 53), query(text, kind, number))
    answered = udp(RESOLVER, CLIENT, (53, port), reply(text, address, number))
    return [Packet(time, ethernet(asked)), Packet(time + 0.02, ethernet(answered))]


def client_hello(server: str, ciphers: tuple[int, ...] = (0x1301, 0xC02F, 0x0A0A, 0x002F)) -> bytes:
    def extension(kind: int, body: bytes) -> bytes:
        return struct.pack(">HH", kind, len(body)) + body

    def words(*values: int) -> bytes:
        return struct.pack(f">H{len(values)}H", 2 * len(values), *values)

    host = server.encode()
    extensions = (
        extension(0, struct.pack(">HBH", len(host) + 3, 0, len(host)) + host)
        + extension(10, words(0x1A1A, 29, 23))
        + extension(11, b"\1\0")
        + extension(13, words(0x0403, 0x0804))
        + extension(16, b"\0\x0c\2h2\x08http/1.1")
        + extension(43, b"\4\3\4\3\3")
        + extension(0x2A2A, b"\0")
    )
    body = b"\3\3" + b"\7" * 32 + b"\0" + words(*ciphers) + b"\1\0" + struct.pack(">H", len(extensions)) + extensions
    return record(1, body)


def server_hello(cipher: int = 0xC02F) -> bytes:
    return record(2, b"\3\3" + b"\5" * 32 + b"\0" + struct.pack(">HB", cipher, 0) + b"\0\4\xff\1\0\0")


def record(kind: int, body: bytes) -> bytes:
    message = struct.pack(">I", kind << 24 | len(body)) + body
    return struct.pack(">BHH", 22, 0x0301, len(message)) + message


def pcap(packets: list[Packet], order: Order = "<", *, nanoseconds: bool = False, link: int = 1) -> bytes:
    unit = 1_000_000_000 if nanoseconds else 1_000_000
    written = [struct.pack(f"{order}IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, 262_144, link)]
    for packet in packets:
        seconds, rest = divmod(round(packet.time * unit), unit)
        written.append(struct.pack(f"{order}IIII", seconds, rest, len(packet.data), len(packet.data)) + packet.data)
    return b"".join(written)


def block(order: Order, kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def pcapng(packets: list[Packet], order: Order = "<", *, resolution: int = 6, links: tuple[int, ...] = (1,)) -> bytes:
    """Packets take turns at the interfaces."""
    written = [block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))]
    option = struct.pack(f"{order}HHBxxx", 9, 1, resolution) + b"\0\0\0\0"
    written.extend(block(order, 1, struct.pack(f"{order}HHI", link, 0, 0) + option) for link in links)
    unit = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
    for index, packet in enumerate(packets):
        ticks = round(packet.time * unit)
        size = len(packet.data)
        head = struct.pack(f"{order}IIIII", index % len(links), ticks >> 32, ticks & 0xFFFFFFFF, size, size)
        written.append(block(order, 6, head + packet.data))
    return b"".join(written)
