"""litellm's Router at the same server, in a virtual environment of its own: it brings some sixty packages.

Run by that environment's interpreter, this file measures and prints; nothing but litellm is imported then.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import Any

HOME = Path(__file__).parent.parent.parent / ".cache" / "litellm"
PYTHON = HOME / "bin" / "python"
TIMES = 200
SECONDS = 2.0


def measured(url: str) -> dict[str, float]:
    """``ms`` for one streamed answer at a time, ``per_second`` at 32 at a time. ``url`` is an OpenAI-like base."""
    if not PYTHON.exists():
        venv.create(HOME, with_pip=True)
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "litellm>=1.80"], check=True)
    done = subprocess.run([PYTHON, __file__, url], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


async def measure(router: Any) -> dict[str, float]:
    await ask(router)
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await ask(router)
        taken.append(time.perf_counter() - began)
    count = 0
    end = time.perf_counter() + SECONDS

    async def work() -> None:
        nonlocal count
        while time.perf_counter() < end:
            await ask(router)
            count += 1

    await asyncio.gather(*(work() for _ in range(32)))
    return {"ms": statistics.median(taken) * 1e3, "per_second": count / SECONDS}


async def ask(router: Any) -> None:
    messages = [{"role": "user", "content": "x" * 1_000}]
    async for _ in await router.acompletion(model="m", messages=messages, stream=True):
        pass


if __name__ == "__main__":
    from litellm import Router  # type: ignore[import-not-found]

    where = {"model": "openai/m", "api_base": sys.argv[1], "api_key": "none"}
    print(json.dumps(asyncio.run(measure(Router(model_list=[{"model_name": "m", "litellm_params": where}])))))
