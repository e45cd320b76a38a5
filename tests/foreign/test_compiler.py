"""The process that compiles modules of others: what code that has taken it over could still do."""

from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

from athena_lab.wasm import compiler

TAKEN_OVER = """
import importlib.util, json, os, socket, sys
spec = importlib.util.spec_from_file_location("compiler", sys.argv[1])
compiler = importlib.util.module_from_spec(spec)
sys.modules["compiler"] = compiler
spec.loader.exec_module(compiler)
if sys.argv[2] == "limited":
    compiler._give_up_what_can_be(compiler.Allowance(4 << 30, 1 << 20, 20))
os.close(0)  # room for another

def tried(act):
    try:
        act()
    except OSError as error:
        return error.errno
    return 0

print(json.dumps({
    "open": tried(lambda: os.close(os.open("/etc/passwd", os.O_RDONLY))),
    "socket": tried(lambda: socket.socket().close()),
    "kill": tried(lambda: os.kill(os.getppid(), 0)),
    "rename": tried(lambda: os.rename("/nowhere/a", "/nowhere/b")),
    "memfd": tried(lambda: os.close(os.memfd_create("x"))),
    "exec": tried(lambda: os.execv("/nowhere", ["/nowhere"])),
}), flush=True)
"""


def taken_over(how):
    done = subprocess.run(
        [sys.executable, "-I", "-c", TAKEN_OVER, compiler.__file__, how],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return json.loads(done.stdout)


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in compiler._MACHINES, reason="the filter is Linux's"
)
def test_whoever_takes_it_over_reaches_nothing():
    free = taken_over("free")
    assert (free["open"], free["socket"], free["kill"], free["memfd"]) == (0, 0, 0, 0)
    assert free["rename"] == free["exec"] == 2
    assert set(taken_over("limited").values()) == {compiler._EMFILE}
