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


def memory(chance: random.Random, bits: int) -> str:
    base = "rsi" if bits == 64 else "esi"
    return f"[{base} + {chance.randrange(0, 64)}]"


def instruction(chance: random.Random, bits: int) -> str:
    """One that neither leaves the code nor touches memory that is not there."""
    size = chance.choice([1, 2, 4, 8] if bits == 64 else [1, 2, 4])
    high = size == 1
    register = lambda: chance.choice(BY_SIZE[size][:4] if high or bits == 32 else BY_SIZE[size])  # noqa: E731
    place = f"{POINTERS[size]} {memory(chance, bits)}"
    kind = chance.randrange(17)
    if kind < 5:
        name = chance.choice(TWO)
        target, source = chance.choice([(register(), register()), (place, register()), (register(), str(number(chance, size)))])
        return f"{'mov' if name == 'xchg' and not source.isalpha() else name} {target}, {source}"
    if kind == 5:
        return f"{chance.choice(ONE)} {chance.choice([register(), place])}"
    if kind == 6:
        return f"{chance.choice(SHIFTS)} {chance.choice([register(), place])}, {chance.choice(['cl', str(chance.randrange(0, 33))])}"
    if kind == 7:
        wide = chance.choice(["eax", "edx", "ebx"])
        return chance.choice([f"imul {wide}, ecx", f"imul {wide}, edx, {number(chance, 4)}", "mul ecx", "imul ebx", "mul cl"])
    if kind == 8:
        return f"mov{chance.choice('sz')}x {chance.choice(['eax', 'edx'])}, {chance.choice(['cl', 'bx', 'byte ptr ' + memory(chance, bits)])}"
    if kind == 9:
        condition = chance.choice(CONDITIONS)
        return chance.choice([f"set{condition} {chance.choice(BY_SIZE[1])}", f"cmov{condition} eax, edx"])
    if kind == 10:
        return chance.choice(["cbw", "cwde", "cwd", "cdq", "clc", "stc", "cmc", "lahf", "sahf", "bswap eax", "bswap edx", "nop"])
    if kind == 11:
        target = chance.choice(["eax", "ebx"])
        return f"{chance.choice(['bt', 'bts', 'btr', 'btc'])} {target}, {chance.choice(['edx', str(chance.randrange(0, 32))])}"
    if kind == 12:
        own = chance.choice(["rax", "rbx"] if bits == 64 else ["eax", "ebx"])
        return f"push {own}; pop {chance.choice(['rdx', 'rcx'] if bits == 64 else ['edx', 'ecx'])}"
    if kind == 13:
        return f"{chance.choice(['shld', 'shrd'])} eax, edx, {chance.choice(['cl', str(chance.randrange(0, 32))])}"
    if kind == 14:
        a, b = chance.randrange(8), chance.randrange(8)
        source = chance.choice([f"xmm{b}", ""])
        return f"{chance.choice(VECTORS)} xmm{a}, {source}" if source else f"movdqu xmm{a}, [{'rsi' if bits == 64 else 'esi'} + {chance.randrange(64)}]"
    if kind == 15:
        base = "rdi" if bits == 64 else "edi"
        repeat = chance.choice(["", "rep ", "repne "])
        name = chance.choice(STRINGS)
        repeat = "rep " if repeat and name[:4] not in ("scas", "cmps") else repeat.replace("rep ", "repe ")
        count = f"mov ecx, {chance.randrange(0, 9)}; " if repeat else ""
        pointer = "rsi" if bits == 64 else "esi"
        return f"mov {base}, {DATA + 0x200 + chance.randrange(64)}; {count}{repeat}{name}; mov {pointer}, {DATA + chance.randrange(64)}"
    return chance.choice(["xadd eax, edx", "mov eax, eax; cmpxchg ecx, edx", "lea eax, [esi + ecx*4 + 7]", "popcnt eax, edx", "bsf eax, edx", "bsr eax, edx"])


def encodable(chance: random.Random, bits: int) -> str:
    """Some combinations do not exist, as `ah` beside a register of 64 bits, or the assembler does not know them."""
    while True:
        text = instruction(chance, bits)
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
    register = {name: getattr(names, f"UC_X86_REG_{name.upper() if bits == 64 else 'E' + name[1:].upper()}") for name in listed}
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
