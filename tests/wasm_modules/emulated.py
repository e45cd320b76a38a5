"""Instructions by chance for an emulator, and what QEMU's (unicorn) makes of them."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import keystone
import unicorn
from unicorn import x86_const as names

CODE = 0x400000
STACK = 0x8000000
STACK_SIZE = 0x100000
DATA = STACK + 0x40000
END = 0x0BAD0000
FLAGS = 0x1 | 0x4 | 0x40 | 0x80 | 0x400 | 0x800
"""Carry, parity, zero, sign, direction, overflow: of the adjust flag, processors and QEMU leave too much undefined."""
WIDE = ("rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15")
NARROW = WIDE[:7]

BY_SIZE = {
    8: (*WIDE[:4], "rbp", "rdi", *WIDE[7:]),
    4: ("eax", "ecx", "edx", "ebx", "ebp", "edi"),
    2: ("ax", "cx", "dx", "bx"),
    1: ("al", "cl", "dl", "bl", "ah", "ch", "dh", "bh"),
}
POINTERS = {8: "qword ptr", 4: "dword ptr", 2: "word ptr", 1: "byte ptr"}
TWO = ("add", "adc", "sub", "sbb", "and", "or", "xor", "cmp", "test", "mov", "xchg")
ONE = ("inc", "dec", "neg", "not")
SHIFTS = ("shl", "shr", "sar", "rol", "ror", "rcl", "rcr")
CONDITIONS = ("o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g")
VECTORS = (
    "pxor", "por", "pand", "pandn", "paddb", "paddw", "paddd", "paddq", "psubb", "psubw", "psubd", "psubq", "xorps",
    "andps", "orps", "movaps", "movdqu", "punpcklbw", "punpcklwd", "punpckldq", "punpcklqdq",
)  # fmt: skip
STRINGS = ("movsb", "movsd", "stosb", "stosd", "lodsb", "scasb", "cmpsb")


@cache
def assembler(bits: int) -> keystone.Ks:
    return keystone.Ks(keystone.KS_ARCH_X86, keystone.KS_MODE_64 if bits == 64 else keystone.KS_MODE_32)


def assembled(text: str, bits: int, address: int = CODE) -> bytes:
    return bytes(assembler(bits).asm(text, address)[0])


def number(chance: random.Random, size: int) -> int:
    width = 8 * min(size, 4) - 1
    return chance.choice([0, 1, -1, (1 << width) - 1, -(1 << width), chance.getrandbits(width)])


class Maker:
    """Instructions that neither leave the code nor touch memory that is not there."""

    def __init__(self, chance: random.Random, bits: int) -> None:
        self.chance, self.bits = chance, bits
        self.size = chance.choice([1, 2, 4, 8] if bits == 64 else [1, 2, 4])
        self.prefix = "r" if bits == 64 else "e"

    def one(self) -> str:
        kinds = (
            *[self.two] * 5, self.single, self.shift, self.product, self.extended, self.conditional, self.plain,
            self.bit,
            self.stack, self.double_shift, self.vector, self.string, self.other,
        )  # fmt: skip
        return self.chance.choice(kinds)()

    def pick(self, *texts: str) -> str:
        return self.chance.choice(texts)

    def register(self) -> str:
        return self.chance.choice(BY_SIZE[self.size][:4] if self.size == 1 or self.bits == 32 else BY_SIZE[self.size])

    def memory(self) -> str:
        return f"[{self.prefix}si + {self.chance.randrange(64)}]"

    def place(self) -> str:
        return f"{POINTERS[self.size]} {self.memory()}"

    def two(self) -> str:
        pairs = (self.register(), self.register()), (self.place(), self.register()), (self.register(), "")
        target, source = self.chance.choice(pairs)
        name = self.chance.choice(TWO)
        if not source:
            return f"{'mov' if name == 'xchg' else name} {target}, {number(self.chance, self.size)}"
        return f"{name} {target}, {source}"

    def single(self) -> str:
        return f"{self.chance.choice(ONE)} {self.pick(self.register(), self.place())}"

    def shift(self) -> str:
        count = self.pick("cl", str(self.chance.randrange(33)))
        return f"{self.chance.choice(SHIFTS)} {self.pick(self.register(), self.place())}, {count}"

    def product(self) -> str:
        wide = self.pick("eax", "edx", "ebx")
        by_number = f"imul {wide}, edx, {number(self.chance, 4)}"
        return self.pick(f"imul {wide}, ecx", by_number, "mul ecx", "imul ebx", "mul cl")

    def extended(self) -> str:
        source = self.pick("cl", "bx", f"byte ptr {self.memory()}")
        return f"mov{self.pick('s', 'z')}x {self.pick('eax', 'edx')}, {source}"

    def conditional(self) -> str:
        condition = self.chance.choice(CONDITIONS)
        return self.pick(f"set{condition} {self.chance.choice(BY_SIZE[1])}", f"cmov{condition} eax, edx")

    def plain(self) -> str:
        return self.pick(
            "cbw", "cwde", "cwd", "cdq", "clc", "stc", "cmc", "lahf", "sahf", "bswap eax", "bswap edx", "nop"
        )

    def bit(self) -> str:
        index = self.pick("edx", str(self.chance.randrange(32)))
        return f"{self.pick('bt', 'bts', 'btr', 'btc')} {self.pick('eax', 'ebx')}, {index}"

    def stack(self) -> str:
        return f"push {self.prefix}{self.pick('ax', 'bx')}; pop {self.prefix}{self.pick('dx', 'cx')}"

    def double_shift(self) -> str:
        return f"{self.pick('shld', 'shrd')} eax, edx, {self.pick('cl', str(self.chance.randrange(32)))}"

    def vector(self) -> str:
        target, source = self.chance.randrange(8), self.chance.randrange(8)
        return self.pick(
            f"{self.chance.choice(VECTORS)} xmm{target}, xmm{source}", f"movdqu xmm{target}, {self.memory()}"
        )

    def string(self) -> str:
        name = self.chance.choice(STRINGS)
        compares = name.startswith(("scas", "cmps"))
        repeat = self.pick("", "repe", "repne") if compares else self.pick("", "rep")
        count = f"mov ecx, {self.chance.randrange(9)}; " if repeat else ""
        before = f"mov {self.prefix}di, {DATA + 0x200 + self.chance.randrange(64)}; {count}"
        return f"{before}{repeat} {name}; mov {self.prefix}si, {DATA + self.chance.randrange(64)}"

    def other(self) -> str:
        return self.pick(
            "xadd eax, edx", "mov eax, eax; cmpxchg ecx, edx", "lea eax, [esi + ecx*4 + 7]", "popcnt eax, edx",
            "bsf eax, edx", "bsr eax, edx",
        )  # fmt: skip


def encodable(chance: random.Random, bits: int) -> str:
    """Some combinations do not exist, as `ah` beside a register of 64 bits, or the assembler does not know them."""
    while True:
        text = Maker(chance, bits).one()
        try:
            assembled(text, bits)
        except keystone.KsError:
            continue
        return text


def case(seed: int, bits: int) -> dict[str, Any]:
    chance = random.Random(seed)
    texts = [encodable(chance, bits) for _ in range(8)]
    word = "qword" if bits == 64 else "dword"
    base = "rsi" if bits == 64 else "esi"
    texts.append(f"mov {'r8' if bits == 64 else 'ebp'}, {word} ptr [{base} + 16]")
    registers = {name: chance.getrandbits(bits) for name in (WIDE if bits == 64 else NARROW)}
    registers["rsi"] = DATA + chance.randrange(0, 64)
    registers["rdi"] = DATA + 0x200
    code = assembled("; ".join(texts), bits) + b"\xcc"
    return {
        "text": texts, "code": code.hex(), "bits": bits, "steps": 1_000, "registers": registers,
        "flags": 2 | (chance.getrandbits(12) & (FLAGS & ~0x400)),
    }  # fmt: skip


def by_unicorn(asked: dict[str, Any]) -> dict[str, Any]:
    """The registers, flags and vectors after the code, as the module gives them."""
    bits = asked["bits"]
    machine = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64 if bits == 64 else unicorn.UC_MODE_32)
    machine.mem_map(CODE, 0x1000)
    machine.mem_map(STACK, STACK_SIZE)
    code = bytes.fromhex(asked["code"])
    machine.mem_write(CODE, code)
    width = bits // 8
    top = STACK + STACK_SIZE // 4 * 3 - width
    machine.mem_write(top, END.to_bytes(width, "little"))
    listed = WIDE if bits == 64 else NARROW
    register = {
        name: getattr(names, f"UC_X86_REG_{name.upper() if bits == 64 else 'E' + name[1:].upper()}") for name in listed
    }
    for name in listed:
        machine.reg_write(register[name], asked["registers"][name])
    machine.reg_write(names.UC_X86_REG_RSP if bits == 64 else names.UC_X86_REG_ESP, top)
    machine.reg_write(names.UC_X86_REG_EFLAGS, asked["flags"])
    machine.emu_start(CODE, CODE + len(code) - 1, count=2_000)
    return {
        "registers": {name: machine.reg_read(register[name]) for name in listed},
        "flags": machine.reg_read(names.UC_X86_REG_EFLAGS) & FLAGS,
        "vectors": [machine.reg_read(names.UC_X86_REG_XMM0 + at).to_bytes(16, "little").hex() for at in range(8)],
    }


def differences(asked: dict[str, Any], ours: dict[str, Any]) -> list[str]:
    """What is not as in unicorn."""
    theirs = by_unicorn(asked)
    found = [
        f"{name} {ours['registers'][name]:#x} and not {value:#x}"
        for name, value in theirs["registers"].items()
        if ours["registers"][name] != value
    ]
    if ours["flags"] & FLAGS != theirs["flags"]:
        found.append(f"flags {ours['flags'] & FLAGS:#x} and not {theirs['flags']:#x}")
    if ours["vectors"][:8] != theirs["vectors"]:
        found.append("vectors")
    return found
