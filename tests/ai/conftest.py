"""A scripted provider on loopback, and managers that ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from athena_lab.ai import AIManager, AnalysisRequest, PipelineOptions, ProviderRow
from athena_lab.ai.coalesce import CoalesceOptions
from athena_lab.ai.failover import FailoverOptions
from athena_lab.ai.recovery import DEFAULT_RULES, RecoveryOptions
from athena_lab.ai.send import Tools
from tests.peers.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

PLAIN = PipelineOptions(
    recovery=RecoveryOptions(
        {
            code: (*(step for step in steps if step in {"retry", "failover"}), "fail")
            for code, steps in DEFAULT_RULES.items()
        }
    ),
    failover=FailoverOptions(restarts=0),
    coalesce=CoalesceOptions(enabled=False),
)
"""Nothing stands in for an answer, none is begun anew and none is shared: what becomes of one attempt is seen."""

KEY = "sk-test-7f3a9c1e5b8d2046aabbccdd"


class Patience:
    """A clock that stands still, but for the sleeps it is asked for; chance is always in the middle."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def chance(self) -> float:
        return 0.5


@pytest.fixture
def patience() -> Patience:
    return Patience()


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


@pytest.fixture
async def peers() -> AsyncIterator[list[ScriptedServer]]:
    """Three of them."""
    async with ScriptedServer() as one, ScriptedServer() as two, ScriptedServer() as three:
        yield [one, two, three]


def row(server: ScriptedServer, wire: str = "openai-chat", **changes: Any) -> ProviderRow:
    """A row named ``peer`` for the scripted server."""
    settings: dict[str, Any] = {"name": "peer", "key_env": "PEER_KEY", "model": "m-1", "workers": 100, **changes}
    return ProviderRow(wire=wire, base_url=f"{server.url}/v1", **settings)


@pytest.fixture
async def manager_for(server: ScriptedServer, patience: Patience) -> AsyncIterator[Callable[..., AIManager]]:
    """Makes managers with one row for the scripted server; sleeps of theirs take no time."""
    made: list[AIManager] = []

    def make(wire: str = "openai-chat", *, row_changes: dict[str, Any] | None = None, **settings: Any) -> AIManager:
        tools = Tools(patience.clock, patience.sleep, patience.chance)
        rows = [row(server, wire, **(row_changes or {}))]
        settings = {"environ": {"PEER_KEY": KEY}, "tools": tools, **settings, "options": plain(settings.get("options"))}
        made.append(AIManager(rows, **settings))
        return made[-1]

    yield make
    for manager in made:
        await manager.aclose()


def plain(options: PipelineOptions | None) -> PipelineOptions:
    """The options, with what they leave as it is by default taken from `PLAIN`."""
    options = options or PipelineOptions()
    changes = {
        name: getattr(PLAIN, name)
        for name in ("recovery", "failover", "coalesce")
        if getattr(options, name) == getattr(PipelineOptions(), name)
    }
    return msgspec.structs.replace(options, **changes)


@pytest.fixture
def request_of() -> Callable[..., AnalysisRequest]:
    def make(question: str = "What is this?", **fields: Any) -> AnalysisRequest:
        return AnalysisRequest(question, **fields)

    return make
