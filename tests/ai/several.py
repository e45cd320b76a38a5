"""Several providers: scripted around a policy on a clock that jumps, and on loopback behind a manager."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from msgspec.structs import replace

from athena_lab.ai import ProviderRow
from athena_lab.ai.router import Lane
from athena_lab.errors import AthenaError
from athena_lab.events import FailedOver, Token

NAMES = ("one", "two", "three")
ENVIRON = {"PEER_KEY": "sk-test-1"}


def shown(events):
    """The text that stands at the end, as any reader puts it together."""
    text = ""
    for event in events:
        if isinstance(event, Token):
            text += event.text
        elif isinstance(event, FailedOver) and not event.resumed:
            text = ""
    return text


def rows(servers):
    """Rows of these names for the servers, the first first by priority."""
    return [
        ProviderRow(
            name=name,
            wire="openai-chat",
            base_url=f"{server.url}/v1",
            key_env="PEER_KEY",
            model=f"m-{name}",
            priority=priority,
        )
        for priority, (name, server) in enumerate(zip(NAMES, servers, strict=True), 1)
    ]


class Routes:
    """A router for providers that are all able, in this order."""

    def __init__(self, *names):
        self._names = names

    def best(self, call):
        named = call.request.provider if call.request is not None else None
        able = (name for name in self._names if name not in call.tried and named in {None, name})
        return next((Lane(name, f"m-{name}") for name in able), None)

    async def next(self, call):
        return self.best(call)

    def alone(self, call):
        return self.best(replace(call, tried=call.tried | {call.provider})) is None


@dataclass
class Peers:
    """A Send by provider: pairs of seconds to wait and what to yield or raise then. ``log`` tells what happened."""

    scripts: dict
    log: list = field(default_factory=list)
    open: set = field(default_factory=set)
    closing: float = 0.0
    """Seconds that it takes to close one in the middle."""

    async def send(self, call):
        name = call.provider
        self.log.append(("asked", name))
        self.open.add(name)
        call.state.move("connecting")
        try:
            for wait, step in self.scripts[name]:
                await asyncio.sleep(wait)
                if isinstance(step, Exception):
                    raise step  # noqa: TRY301 - where a provider raises
                if call.state.value == "connecting":
                    call.state.move("connected")
                yield step
        except BaseException as error:
            if not isinstance(error, (AthenaError, RuntimeError)):
                await asyncio.sleep(self.closing)
            raise
        finally:
            self.open.remove(name)
            self.log.append(("closed", name))
