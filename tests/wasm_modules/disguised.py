"""Harmless scripts, hidden in the ways that the deobfuscator undoes; also its golden samples.

PowerShell's are what Invoke-Obfuscation's documentation describes (token, string, encoding 1 - 8, compress, launcher),
written anew. ``python disguised.py`` writes the golden samples.
"""

from __future__ import annotations

import base64
import codecs
import gzip
import random
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).resolve().parents[2] / "wasm" / "modules" / "deobfuscator" / "tests" / "golden"
ADDRESS = "http://files.athena-lab-sample.net/stage/two.txt"
COMMAND = f"Write-Host 'Reading {ADDRESS}'"
PYTHON = f"import sys\nprint('Reading {ADDRESS}', sys.version)\n"
SCRIPT = f"console.log('Reading {ADDRESS}');"


def _numbers(text: str, form: str) -> str:
    return ",".join(format(ord(letter), form) for letter in text)


def _deflated(text: str) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return base64.b64encode(packer.compress(text.encode()) + packer.flush()).decode()


def _pieces(text: str, chance: random.Random) -> list[str]:
    pieces = []
    while text:
        length = chance.randint(2, 6)
        pieces.append(text[:length])
        text = text[length:]
    return pieces


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def concatenated(text: str, chance: random.Random) -> str:
    return "(" + "+".join(quoted(piece) for piece in _pieces(text, chance)) + ")"


def reordered(text: str, chance: random.Random) -> str:
    pieces = _pieces(text, chance)
    order = list(range(len(pieces)))
    chance.shuffle(order)
    pattern = "".join("{%d}" % order.index(index) for index in range(len(pieces)))
    return f'("{pattern}" -f {",".join(quoted(pieces[index]) for index in order)})'


def ticked(word: str, chance: random.Random) -> str:
    """Backticks before letters for which they mean nothing."""
    letters = [letter if letter.lower() in "0abefnrtuv" or chance.random() < 0.4 else f"`{letter}" for letter in word]
    return "".join(letters) if "`" in "".join(letters) else word[:1] + "`" + word[1:]


def powershell(chance: random.Random) -> dict[str, str]:
    """Each technique's script, by its name; all of them run `COMMAND`."""
    wide = base64.b64encode(COMMAND.encode("utf-16le")).decode()
    narrow = base64.b64encode(COMMAND.encode()).decode()
    packed = base64.b64encode(gzip.compress(COMMAND.encode(), mtime=0)).decode()
    signs = ",".join(str(ord(letter) ^ 0x35) for letter in COMMAND)
    reader = "(New-Object IO.StreamReader((New-Object IO.Compression.{0}Stream([IO.MemoryStream][Convert]::FromBase64String('{1}'),"
    reader += "[IO.Compression.CompressionMode]::Decompress)),[Text.Encoding]::ASCII)).ReadToEnd()"
    delimited = "~".join(f"{ord(letter):x}" for letter in COMMAND)
    return {
        "token: backticks": f"{ticked('Invoke-Expression', chance)} {quoted(COMMAND)}",
        "token: command by format": f"&{reordered('Invoke-Expression', chance)} {quoted(COMMAND)}",
        "string: concat": f"iex {concatenated(COMMAND, chance)}",
        "string: reorder": f"iex {reordered(COMMAND, chance)}",
        "string: reverse": f"iex (-join {quoted(COMMAND[::-1])}[-1..-{len(COMMAND)}])",
        "string: replace": f"iex {quoted(COMMAND.replace('e', 'xQz'))}.Replace('xQz','e')",
        "string: -replace": f"iex ({quoted(COMMAND.replace('t', 'MVn'))} -creplace 'MVn','t')",
        "encoding 1: ascii": f"iex (({_numbers(COMMAND, 'd')} | %{{[char][int]$_}}) -join '')",
        "encoding 2: hex": f"iex (('{delimited}' -split '~' | ForEach-Object {{[char]([Convert]::ToInt16($_,16))}}) -join '')",
        "encoding 3: octal": f"iex (('{_numbers(COMMAND, 'o')}'.Split(',') | %{{[char]([Convert]::ToInt16($_,8))}}) -join '')",
        "encoding 4: binary": f"iex (('{_numbers(COMMAND, 'b')}' -split ',' | %{{[char]([Convert]::ToInt16($_,2))}}) -join '')",
        "encoding 5: base64": f"iex ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{narrow}')))",
        "encoding 6: bxor": f"iex (({signs} | %{{[char]($_ -bxor 0x35)}}) -join '')",
        "encoding 7: char casts": "iex (" + "+".join(f"[char]{ord(letter)}" for letter in COMMAND) + ")",
        "encoding 8: string join": f"iex ([string]::Join('',({_numbers(COMMAND, 'd')} | %{{[char]$_}})))",
        "compress: deflate": f"iex {reader.format('Deflate', _deflated(COMMAND))}",
        "compress: gzip": f"iex {reader.format('Gzip', packed)}",
        "launcher: encoded command": f"powershell.exe -NoP -NonI -W Hidden -Enc {wide}",
        "launcher: pipe": f"{quoted(COMMAND)} | & ($env:ComSpec[4,24,25]-join'')",
        "launcher: shell id": f".($ShellId[1]+$ShellId[13]+'x') {concatenated(COMMAND, chance)}",
        "launcher: home": f"&($PSHome[21]+$PSHome[30]+'x') {quoted(COMMAND)}",
        "launcher: variable": f"$a = {concatenated(COMMAND[:20], chance)}; $b = {quoted(COMMAND[20:])}; iex ($a + $b)",
        "launcher: drive count": f"&((gv '*mdr*').Name[3,11,2]-join'') {quoted(COMMAND)}",
        "launcher: expanding": f"$u = {quoted(ADDRESS)}; iex \"Write-Host 'Reading $u'\"",
    }


def visual_basic() -> dict[str, str]:
    chars = " & ".join(f"Chr({ord(letter)})" for letter in ADDRESS)
    mixed = "+".join(f"ChrW(&H{ord(letter):X})" for letter in ADDRESS)
    offset = " & ".join(f"Chr({ord(letter) + 7} - 7)" for letter in ADDRESS)
    turned = ADDRESS[::-1]
    padded = ADDRESS.replace("t", "!!")
    parts = '","'.join(ADDRESS[at : at + 5] for at in range(0, len(ADDRESS), 5))
    head = "Dim a\r\nOn Error Resume Next\r\n"
    return {
        "chr": f"{head}a = {chars}\r\nMsgBox a\r\n",
        "chrw and hex": f"{head}a = {mixed}\r\nMsgBox a\r\n",
        "chr with sums": f"{head}a = {offset}\r\nMsgBox a\r\n",
        "strreverse": f'{head}a = StrReverse("{turned}")\r\nMsgBox a\r\n',
        "replace": f'{head}a = Replace("{padded}", "!!", "t")\r\nMsgBox a\r\n',
        "join": f'{head}a = Join(Array("{parts}"), "")\r\nMsgBox a\r\n',
        "split": f'{head}a = Join(Split("{"#".join(ADDRESS)}", "#"), "")\r\nMsgBox a\r\n',
        "continued lines": f'{head}a = "{ADDRESS[:3]}" & _\r\n  "{ADDRESS[3:9]}" & _\r\n  "{ADDRESS[9:12]}" + "{ADDRESS[12:17]}" & "{ADDRESS[17:]}"\r\n',
        "constants": f'{head}Const p = "{ADDRESS[:6]}"\r\nq = StrReverse("{ADDRESS[6:][::-1]}")\r\nMsgBox p & q\r\n',
        "execute": f'{head}Execute StrReverse("{("MsgBox " + chr(34) * 2 + ADDRESS + chr(34) * 2)[::-1]}")\r\n',
        "mid": f'{head}a = Mid("xx{ADDRESS}yy", 3, {len(ADDRESS)})\r\nb = Left("WScript.Shellxyz", 13)\r\nc = Right("12shell", 5)\r\nd = Mid("abcdef", 2, 2)\r\n',
        "vba": f'Attribute VB_Name = "M"\r\nSub AutoOpen()\r\nDim a As String\r\na = {chars}\r\nEnd Sub\r\n',
    }


def batch() -> dict[str, str]:
    letters = "".join(sorted(set(ADDRESS)))
    cut = "".join(f"%k:~{letters.index(letter)},1%" for letter in ADDRESS)
    careted = "^".join(f"echo {ADDRESS}")
    single = "".join(f"set v{ord(letter)}={letter}\r\n" for letter in letters)
    return {
        "caret": f"@echo off\r\n{careted}\r\n",
        "substring": f"@echo off\r\nset k={letters}\r\necho {cut}\r\n",
        "letters": f"@echo off\r\n{single}echo {''.join(f'%v{ord(letter)}%' for letter in ADDRESS)}\r\n",
        "replace": f"@echo off\r\nset a={ADDRESS.replace('t', '@@')}\r\nset b=%a:@@=t%\r\nset c=%a:@@=t%\r\nset d=%a:@@=t%\r\nset e=%a:@@=t%\r\necho %a:@@=t%\r\n",
    }


def python() -> dict[str, str]:
    data = PYTHON.encode()
    packed = base64.b64encode(zlib.compress(data))
    chained = data
    for _ in range(4):
        turned = base64.b64encode(zlib.compress(chained))[::-1]
        head = "_ = lambda __ : __import__('zlib').decompress(__import__('base64').b64decode(__[::-1]));"
        chained = f"{head}exec((_)({turned!r}))".encode()
    return {
        "base64": f"import base64\nexec(base64.b64decode({base64.b64encode(data)!r}))\n",
        "zlib": f"import base64, zlib\nexec(zlib.decompress(base64.b64decode({packed!r})))\n",
        "hex": f"exec(bytes.fromhex('{data.hex()}').decode())\n",
        "rot13": f"import codecs\nexec(codecs.decode({codecs.encode(PYTHON, 'rot13')!r}, 'rot13'))\n",
        "numbers": f"exec(''.join(chr(c) for c in {list(data)}))\n",
        "xor": f"exec(''.join([chr(c ^ 23) for c in {[byte ^ 23 for byte in data]}]))\n",
        "map": f"exec(''.join(map(chr, {list(data)})))\n",
        "import": f"exec(__import__('zlib').decompress(__import__('base64').b64decode({packed!r})))\n",
        "alias": f"from base64 import b64decode as d\np = {base64.b64encode(data)!r}\nexec(d(p))\n",
        "compile": f"import base64\nexec(compile(base64.b64decode({base64.b64encode(data)!r}), '<s>', 'exec'))\n",
        "base85": f"import base64\nexec(base64.b85decode({base64.b85encode(data)!r}))\n",
        "lambdas": chained.decode(),
        "escapes": "exec('" + "".join(f"\\x{byte:02x}" for byte in data) + "')\n",
    }


def javascript() -> dict[str, str]:
    numbers = _numbers(SCRIPT, "d")
    coded = "".join(f"%{ord(letter):02x}" for letter in SCRIPT)
    texts = [base64.b64encode(piece.encode()).decode() for piece in ("log", "Reading ", ADDRESS)]
    turned = texts[1:] + texts[:1]
    loop = ",".join(str(ord(letter) ^ 42) for letter in SCRIPT)
    return {
        "charcodes": f"eval(String.fromCharCode({numbers}));",
        "unescape": f"eval(unescape('{coded}'));",
        "base64": f"eval(atob('{base64.b64encode(SCRIPT.encode()).decode()}'));",
        "reverse": f"eval('{SCRIPT[::-1].replace(chr(39), chr(92) + chr(39))}'.split('').reverse().join(''));",
        "loop": f"var a=[{loop}],s='';for(var i=0;i<a.length;i++){{s+=String.fromCharCode(a[i]^42);}}eval(s);",
        "function": f"new Function(atob('{base64.b64encode(SCRIPT.encode()).decode()}'))();",
        "timer": f"setTimeout(unescape('{coded}'), 100);",
        "string array": (
            f"var t={turned!r};(function(l,n){{while(--n){{l.push(l.shift());}}}}(t,3));"
            "function d(i){i=i-16;return atob(t[i]);}"
            "console[d(16)](d(17)+d(18));console[d(16)](d(18));console[d(16)](d(17));"
        ),
        "pieces": "console['l'+'og']('Rea'+'din'+'g ht'+'tp:/'+'/fil'+'es.ath'+'ena-l'+'ab-sa'+'mple.n'+'et/sta'+'ge/tw'+'o.txt');",
        "hex names": 'console["\\x6c\\x6f\\x67"]("\\x52\\x65\\x61\\x64\\x69\\x6e\\x67\\x20' + "".join(f"\\x{ord(c):02x}" for c in ADDRESS) + '");'
        'console["\\x6c\\x6f\\x67"]("\\x61\\x62\\x63\\x64");console["\\x6c\\x6f\\x67"]("\\x65\\x66\\x67\\x68");',
    }  # fmt: skip


def html() -> dict[str, str]:
    return {
        name: f'<html><head><script>{script}</script></head><body onload="go()"></body></html>'
        for name, script in javascript().items()
        if name in {"charcodes", "string array"}
    }


def program() -> bytes:
    """The headers of a Windows program that does nothing, and whose only section is one instruction."""
    head = bytearray(b"MZ".ljust(0x3C, b"\0") + (0x80).to_bytes(4, "little"))
    head += bytes.fromhex("0e1fba0e00b409cd21b8014ccd21") + b"This program cannot be run in DOS mode.\r\r\n$"
    head[0x4D:0x4E] = b"!"
    head = head.ljust(0x80, b"\0")
    coff = b"PE\0\0" + bytes.fromhex("4c01 0100 00000000 00000000 00000000 e000 0201".replace(" ", ""))
    optional = (0x10B).to_bytes(2, "little").ljust(224, b"\0")
    sizes = (0x10, 0x1000, 0x200, 0x200, 0, 0, 0, 0x6000_0020)
    section = b".text\0\0\0" + b"".join(size.to_bytes(4, "little") for size in sizes[:6])
    section += sizes[6].to_bytes(4, "little") + sizes[7].to_bytes(4, "little")
    return bytes(head + coff + optional + section).ljust(0x200, b"\0") + b"\xc3".ljust(0x200, b"\0")


def hidden_program() -> bytes:
    """A program under an XOR key in a file of no format."""
    noise = random.Random(7).randbytes(700)
    return noise + bytes(byte ^ 0x5A for byte in program()) + noise


SAMPLES: dict[str, Callable[[], bytes]] = {
    "powershell": lambda: "\r\n".join(powershell(random.Random(1)).values()).encode(),
    "powershell-wide": lambda: b"\xff\xfe" + powershell(random.Random(2))["encoding 6: bxor"].encode("utf-16le"),
    "vbscript": lambda: visual_basic()["execute"].encode() + visual_basic()["chr"].encode(),
    "vba": lambda: visual_basic()["vba"].encode(),
    "batch": lambda: batch()["substring"].encode() + batch()["caret"].encode(),
    "python": lambda: python()["lambdas"].encode(),
    "string-array": lambda: javascript()["string array"].encode(),
    "loop": lambda: javascript()["loop"].encode(),
    "html": lambda: html()["charcodes"].encode(),
    "hidden-program": hidden_program,
    "encoded-program": lambda: b'Dim a\r\na = "' + base64.b64encode(program()) + b'"\r\nWScript.Echo a\r\n',
    "plain": lambda: b"function add(a, b) {\n  return a + b;\n}\nmodule.exports = add;\n",
}


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, make in SAMPLES.items():
        text = base64.encodebytes(zlib.compress(make(), 9)).decode()
        (GOLDEN / f"{name}.b64").write_text(text)


if __name__ == "__main__":
    main()
