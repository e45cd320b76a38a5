"""A simple packer for LZX, the method of cabinets ([MS-CAB] 2, [MS-PATCH] 2): nobody's package has one."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

CHUNK = 32_768
WINDOW_BITS = 16
"""With a window of 64 KiB there are 256 letters and 256 kinds of matches: codes of nine bits for all are a tree."""
TYPE = WINDOW_BITS << 8 | 3
SLOTS = 32
VERBATIM, UNCOMPRESSED = 1, 3


@dataclass
class Bits:
    """Words of 16 bits, the highest bit first."""

    text: list[str] = field(default_factory=list)

    def put(self, value: int, width: int) -> None:
        self.text.append(f"{value:0{width}b}" if width else "")

    def bytes(self) -> bytes:
        bits = "".join(self.text)
        bits += "0" * (-len(bits) % 16)
        return b"".join(int(bits[at : at + 16], 2).to_bytes(2, "little") for at in range(0, len(bits), 16))


def footers() -> list[int]:
    return [max(0, slot // 2 - 1) for slot in range(SLOTS)]


def bases() -> list[int]:
    found, base = [], 0
    for bits in footers():
        found.append(base)
        base += 1 << bits
    return found


def packed(content: bytes, *, verbatim: bool = True, translated: bool = False) -> list[bytes]:
    """The chunks of a stream; ``translated``: calls in it are absolute, and are to be made relative again."""
    chunks = [content[at : at + CHUNK] for at in range(0, len(content), CHUNK)]
    if translated:
        chunks = [absolute(chunk, CHUNK * index, len(content)) for index, chunk in enumerate(chunks)]
    head = Bits()
    head.put(int(translated), 1)
    if translated:
        head.put(len(content), 32)
    if verbatim:
        return verbatim_chunks(b"".join(chunks), head)
    return [uncompressed(chunk, head if index == 0 else Bits()) for index, chunk in enumerate(chunks)]


def absolute(chunk: bytes, start: int, size: int) -> bytes:
    """What a linker made relative to the call's place, made absolute: the same function looks the same everywhere."""
    changed, at = bytearray(chunk), 0
    while (at := changed.find(0xE8, at)) >= 0 and len(chunk) - at > 10:
        (relative,) = struct.unpack_from("<i", changed, at + 1)
        here = start + at
        if -here <= relative < size - here:
            struct.pack_into("<i", changed, at + 1, relative + here)
        elif size - here <= relative < size:
            struct.pack_into("<i", changed, at + 1, relative - size)
        at += 5
    return bytes(changed)


def uncompressed(chunk: bytes, bits: Bits) -> bytes:
    bits.put(UNCOMPRESSED, 3)
    bits.put(len(chunk), 24)
    return bits.bytes() + struct.pack("<III", 1, 1, 1) + chunk + b"\0" * (len(chunk) % 2)


def put_tree(bits: Bits, codes: list[int], *ranges: range) -> None:
    """What is to be subtracted from the lengths before; at most two numbers, so that one bit says which."""
    for part in ranges:
        found = {codes[at] for at in part}
        used = sorted(found if len(found) == 2 else found | {min({0, 1} - found)})
        for number in range(20):
            bits.put(int(number in used), 4)
        for at in part:
            bits.put(used.index(codes[at]), 1)


def verbatim_chunks(content: bytes, bits: Bits) -> list[bytes]:
    """One block over all chunks, after which a match may reach back into the chunk before."""
    bits.put(VERBATIM, 3)
    bits.put(len(content), 24)
    put_tree(bits, [(0 - 9) % 17] * 512, range(256), range(256, 512))
    put_tree(bits, [(0 - 7) % 17] * 7 + [(0 - 8) % 17] * 242, range(249))
    chunks: list[bytes] = []
    last: dict[bytes, int] = {}
    for start in range(0, len(content), CHUNK):
        put_chunk(bits, content, start, last)
        chunks.append(bits.bytes())
        bits = Bits()
    return chunks


def put_chunk(bits: Bits, content: bytes, start: int, last: dict[bytes, int]) -> None:
    at, end = start, min(start + CHUNK, len(content))
    while at < end:
        distance = at - last.get(content[at : at + 3], -1 << 20)
        length = common(content, at, at - distance, end) if distance < (1 << WINDOW_BITS) - 3 else 0
        step = length if length > 2 else 1
        if step == 1:
            bits.put(content[at], 9)
        else:
            put_match(bits, distance, length)
        for place in range(at, at + step):
            last[content[place : place + 3]] = place
        at += step


def common(content: bytes, here: int, there: int, end: int) -> int:
    length = 0
    while here + length < end and length < 257 and content[here + length] == content[there + length]:
        length += 1
    return length


def put_match(bits: Bits, distance: int, length: int) -> None:
    slot = max(slot for slot, base in enumerate(bases()) if base <= distance + 2)
    bits.put(256 + 8 * slot + min(length - 2, 7), 9)
    rest = length - 9
    if rest >= 0:
        bits.put(*((rest, 7) if rest < 7 else (rest + 7, 8)))
    bits.put(distance + 2 - bases()[slot], footers()[slot])


# -- chunks that take far longer than they should


def put_deep_tree(bits: Bits, *ranges: range) -> None:
    """Lengths 1 to 16, the last twice: as large a table as there is."""
    for part in ranges:
        for number in range(20):
            bits.put(4 if number < 15 else 5 if number < 17 else 0, 4)
        for at in part:
            change = (0 - (min(at + 1, 16) if at < 17 else 0)) % 17
            bits.put(*((change, 4) if change < 15 else (change + 15, 5)))


def put_same_tree(bits: Bits, *ranges: range) -> None:
    for part in ranges:
        for number in range(20):
            bits.put(int(number in {0, 19}), 4)
        # A run takes one length for all five: only the zeros can be in one.
        runs, rest = divmod(len(part) - 17, 5)
        bits.text.append("0" * (17 + rest) + "110" * runs)


def tables(size: int) -> bytes:
    """As many blocks as go into the size, each of which is two large tables for one letter."""
    bits = Bits()
    bits.put(0, 1)
    trees = (range(256), range(256, 512)), (range(249),)
    for put in (put_deep_tree, *[put_same_tree] * (size // 96 - 1)):
        bits.put(VERBATIM, 3)
        bits.put(1, 24)
        for ranges in trees:
            put(bits, *ranges)
        bits.put(0, 1)
    return bits.bytes()


def copies() -> bytes:
    """Two bits for 257 letters each, up to the end of a block that is far longer than a chunk may be."""
    bits = Bits()
    bits.put(0, 1)
    bits.put(VERBATIM, 3)
    bits.put(0xFFFFFF, 24)
    put_tree(bits, [16 * int(at in {0, 256 + 7}) for at in range(512)], range(256), range(256, 512))
    put_tree(bits, [16 * int(at in {0, 248}) for at in range(249)], range(249))
    bits.text.append("11" * (0xFFFFFF // 257 + 9))
    return bits.bytes()
