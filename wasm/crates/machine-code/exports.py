#!/usr/bin/env python3
"""Writes ``src/windows/exports.z``: exports of Windows' libraries, and the words that each takes from the stack.

They come from the import libraries of MinGW-w64 (Debian's ``mingw-w64-i686-dev``, unpacked): ``exports.py FOLDER``.
Of C++ there are none. Needs ``nm``.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from pathlib import Path

LIBRARIES = (
    "ntdll", "kernel32", "user32", "advapi32", "ws2_32", "wininet", "urlmon", "winhttp", "shell32", "ole32", "crypt32",
    "iphlpapi", "netapi32", "psapi", "shlwapi", "dnsapi", "wtsapi32", "userenv", "bcrypt", "msvcrt",
)  # fmt: skip
SYMBOL = re.compile(r" I __imp_[_@]?([A-Za-z_][A-Za-z0-9_]*)(?:@(\d+))?$")


def names(folder: Path, library: str) -> list[str]:
    listed = subprocess.run(  # noqa: S603  # binutils, on files of a package
        ["nm", folder / f"lib{library}.a"],  # noqa: S607  # wherever binutils are
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = {match[1]: match[2] for line in listed.splitlines() if (match := SYMBOL.search(line))}
    return [name if size is None else f"{name} {int(size) // 4}" for name, size in sorted(found.items())]


def main() -> None:
    folder = Path(sys.argv[1])
    lines = [line for library in LIBRARIES for line in (f"={library}.dll", *names(folder, library))]
    packed = zlib.compress("\n".join(lines).encode(), 9)
    (Path(__file__).parent / "src" / "windows" / "exports.z").write_bytes(packed)
    print(f"{len(lines) - len(LIBRARIES)} names, {len(packed)} bytes")  # noqa: T201  # a script talks to its terminal


if __name__ == "__main__":
    main()
