"""Questions over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from athena_lab import api
from athena_lab.ai.types import AnalysisRequest
from athena_lab.errors import InvalidField
from athena_lab.jupyter.handlers.base import AthenaHandler, PolledHandler

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from athena_lab.events import AnyEvent


_T = TypeVar("_T", bound=msgspec.Struct)


class ProvidersHandler(PolledHandler):
    async def get(self) -> None:
        asked = _from_query(self, api.AskProviders)
        self.answer(api.Providers(tuple(await self.work(self.lab.providers(refresh=asked.refresh)))))


class UsageHandler(PolledHandler):
    async def get(self) -> None:
        self.answer(await self.work(self.lab.usage(_from_query(self, api.AskUsage).days)))


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


def _from_query(handler: AthenaHandler, kind: type[_T]) -> _T:
    """What the query says of the Struct's fields. Others pass: JupyterLab adds one against caches."""
    given = {
        name: handler.get_query_argument(name)
        for name in kind.__struct_encode_fields__
        if name in handler.request.query_arguments
    }
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidField(f"The query does not fit: {error}.") from None
