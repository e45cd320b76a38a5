"""Connections that nobody closed are closed with their event loop, without a word."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import asyncio, json, sys
from athena_lab.ai import AIManager, AnalysisRequest, build_prompt
from athena_lab.ai.providers.registry import ProviderRow
from tests.peers.scripted_server import ScriptedServer, stream
from tests.ai.recorded import OPENAI

async def ask():
    async with ScriptedServer() as server:
        server.will(stream([OPENAI]))
        row = ProviderRow(name="peer", wire="openai-chat", base_url=f"{server.url}/v1", key_env="", model="m")
        manager = AIManager([row], environ={})
        result = await manager.analyze(AnalysisRequest("?"), build_prompt("?"))
        print(result.status)
        return manager

kept = asyncio.run(ask())
"""


def test_a_script_that_closes_nothing_ends_in_silence():
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("completed\n", "", 0)
