"""Questions over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from athena_lab import api
from athena_lab.ai.types import AnalysisRequest
from athena_lab.jupyter.handlers.base import AthenaHandler, PolledHandler

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.events import AnyEvent


class ProvidersHandler(PolledHandler):
    async def get(self) -> None:
        self.answer(api.Providers(tuple(await self.work(self.lab.providers()))))


class AskHandler(AthenaHandler):
    async def post(self) -> None:
        request = self.decode(AnalysisRequest)
        if self.wants_events:
            await self.work(self.send_events(self._events(request)))
        else:
            self.answer(await self.work(self.lab.analyze(request)))

    async def _events(self, request: AnalysisRequest) -> AsyncGenerator[tuple[str, AnyEvent]]:
        async with self.lab.stream(request) as events:
            async for event in events:
                yield str(event.__struct_config__.tag), event
