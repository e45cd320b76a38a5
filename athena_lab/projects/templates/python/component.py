"""The component's boundary. componentize-py starts here; your own code is in analyzer.py."""

from analyzer import module
from athena_kit import Refused
from componentize_py_types import Err
from wit_world import exports
from wit_world.imports.stdin import get_stdin

_BLOCK = 1 << 20


class Analyzer(exports.Analyzer):
    def describe(self) -> str:
        return module.describe()

    def analyze(self, options: str) -> str:
        try:
            return module.answer(options, _sample)
        except Refused as refused:
            raise Err(refused.text) from None


def _sample() -> bytes:
    sample, stdin = bytearray(), get_stdin()
    while True:
        try:
            sample += stdin.blocking_read(_BLOCK)
        except Err:  # the end
            return bytes(sample)
