"""Foreign components that say whatever a test wants, written as WebAssembly's text."""

from __future__ import annotations

import json

import wasmtime

INTERFACE = "athena:analyzer/analyzer@1.0.0"
MAGIC = b"\0asm\x0d\0\x01\0"
_ANSWER = 1 << 16
"""Where the answer lies; what is described lies before it, behind the two results."""


def describing(name="mine", **changes):
    """A description as it should be, but for the changes."""
    analyze = {"name": "analyze", "summary": "Looks.", "args": {"type": "object", "properties": {}}}
    about = {"name": name, "version": "1.0.0", "summary": "A test's.", "slot": "foreign", "capabilities": []}
    return json.dumps(about | {"functions": [analyze]} | changes)


def answering(data=None, findings=(), **changes):
    return json.dumps({"data": data, "findings": list(findings)} | changes)


def finding(id_="odd", **changes):
    return {"id": id_, "severity": "medium", "confidence": 70, "title": "Something is odd"} | changes


def component(description=None, answer=None, *, error=False, describe="i32.const 8", analyze="i32.const 24", more=""):
    """`describe` and `analyze` are the functions' code; `more` stands at the component's beginning."""
    said = (describing() if description is None else description).encode()
    told = (answering() if answer is None else answer).encode()
    pages = (_ANSWER + len(told)) // 65_536 + 2
    return _built(
        f"""(component {more}
          (core module $m
            (memory (export "memory") {pages})
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 32768)
            (data (i32.const 8) "{_numbers(64, len(said))}")
            (data (i32.const 24) "{_numbers(int(error), _ANSWER, len(told))}")
            (data (i32.const 64) "{_text(said)}")
            (data (i32.const {_ANSWER}) "{_text(told)}")
            (func (export "describe") (result i32) {describe})
            (func (export "analyze") (param i32 i32) (result i32) {analyze}))
          (core instance $i (instantiate $m))
          (func $describe (result string)
            (canon lift (core func $i "describe") (memory (core memory $i "memory")) string-encoding=utf8))
          (func $analyze (param "options" string) (result (result string (error string)))
            (canon lift (core func $i "analyze") (memory (core memory $i "memory"))
              (realloc (core func $i "realloc")) string-encoding=utf8))
          (instance $x (export "describe" (func $describe)) (export "analyze" (func $analyze)))
          (export "{INTERFACE}" (instance $x)))"""
    )


def of_another_type():
    """It describes itself in bytes: as a list, which the host would make into numbers one by one."""
    return _built(
        f"""(component
          (core module $m
            (memory (export "memory") 2)
            (data (i32.const 8) "{_numbers(64, 60_000)}")
            (func (export "describe") (result i32) i32.const 8))
          (core instance $i (instantiate $m))
          (func $describe (result (list u8))
            (canon lift (core func $i "describe") (memory (core memory $i "memory"))))
          (instance $x (export "describe" (func $describe)) (export "analyze" (func $describe)))
          (export "{INTERFACE}" (instance $x)))"""
    )


def without_exports():
    return _built("(component)")


def bomb(depth=200, values=1_000):
    """Small to send, and long to compile: loops in loops, through all of which many values live and change."""
    mixed = " ".join(f"(local.set {n} (i64.add (local.get {n}) (local.get {n * 7 % values})))" for n in range(values))
    loops = f"{'(loop ' * depth}{mixed}{' (br_if 0 (i64.eqz (local.get 0))))' * depth}"
    code = f'(func (export "f") (param i64) (local {"i64 " * (values - 1)}) {loops})'
    return _built(f"(component (core module $m {code}) (core instance $i (instantiate $m)))")


def _built(text):
    return bytes(wasmtime.wat2wasm(text))


def _numbers(*numbers):
    return "".join(f"\\{byte:02x}" for number in numbers for byte in number.to_bytes(4, "little"))


def _text(data):
    return "".join(f"\\{byte:02x}" for byte in data)
