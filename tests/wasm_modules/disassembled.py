"""What objdump says of code, in the words of the module: for the comparison of both."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LINE = re.compile(r"^\s*([0-9a-f]+):\t((?:[0-9a-f]{2} )+)\s*(?:\t(.*))?$")
_SPACES = re.compile(r"\s+")
ALIASES = {
    "movabs": "mov", "ret": "ret", "retn": "ret", "sal": "shl", "loopz": "loope", "loopnz": "loopne", "fwait": "wait",
    "icebp": "int1", "rex.w": "", "data16": "", "cs": "", "ds": "", "notrack": "", "bnd": "", "repz": "rep",
    "repe": "rep", "repnz": "repne", "xchg": "xchg", "nopw": "nop", "nopl": "nop", "movq": "movq", "iretd": "iret",
}  # fmt: skip
"""Names of both for the same, and prefixes that only one of them writes."""


def by_objdump(file: Path, start: int, stop: int) -> dict[int, tuple[str, str]]:
    """Bytes in hexadecimal and the instruction, by address."""
    command = [
        "objdump",
        "-d",
        "-M",
        "intel",
        "--insn-width=16",
        f"--start-address={start:#x}",
        f"--stop-address={stop:#x}",
    ]
    listed = subprocess.run([*command, str(file)], capture_output=True, text=True, check=True, errors="replace").stdout
    found = (match for line in listed.splitlines() if (match := _LINE.match(line)))
    return {int(match[1], 16): (match[2].replace(" ", ""), match[3] or "") for match in found}


def mnemonic(text: str) -> str:
    """Without prefixes and operands, both spellings of the same name made one."""
    words = _SPACES.sub(" ", text.split("#", maxsplit=1)[0].split("<", maxsplit=1)[0]).strip().split(" ")
    for word in words:
        name = ALIASES.get(word, word)
        if name and name not in ("rep", "repne", "lock") and not word.startswith("rex"):
            return name
    return words[0]
