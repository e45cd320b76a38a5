"""A row brought to life: its key, its connections and its wire."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from athena_lab.ai.keys import read_key
from athena_lab.ai.providers.anthropic import AnthropicMessages
from athena_lab.ai.providers.openai_chat import OpenAIChat
from athena_lab.ai.providers.registry import ProviderRow
from athena_lab.ai.providers.wire import Garbage, StreamError, Translator, models_of
from athena_lab.ai.transports import HttpStatus, TransportFailure
from athena_lab.ai.transports.http import HttpClient
from athena_lab.ai.transports.plain import JsonTransport
from athena_lab.ai.transports.sse import SseTransport
from athena_lab.errors import APIError, ConfigError
from athena_lab.events import Finished

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.wire import Wire
    from athena_lab.ai.send import Call, Item
    from athena_lab.ai.transports import HttpRequest, Message, Transport
    from athena_lab.ai.transports.http import ClientFactory

WIRES: Final[Mapping[str, Wire]] = {"anthropic": AnthropicMessages(), "openai-chat": OpenAIChat()}

DRAIN: Final = 0.05
"""Seconds to wait for the end of the HTTP response behind the end of the answer, so that its connection can be kept."""


class Truncated(Exception):
    """The connection ended before the answer did."""


class Provider:
    """What the manager asks. Every failure is an `APIError` that names this provider."""

    def __init__(
        self,
        row: ProviderRow,
        environ: Mapping[str, str],
        client_factory: ClientFactory,
    ) -> None:
        if row.wire not in WIRES:
            known = ", ".join(sorted(WIRES))
            raise ConfigError(f"Provider {row.name}: there is no wire named {row.wire}; there are {known}.")
        self.row = row
        self._wire = WIRES[row.wire]
        self._key, self.broken = _key(row, environ)
        self._base_url = _base_url(row, environ)
        self._learned = ""
        client = HttpClient(row.workers, client_factory)
        self._whole: Transport = JsonTransport(client)
        self._transport: Transport = SseTransport(client) if row.streaming else self._whole

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def missing(self) -> str | None:
        """What is wrong, and what must be set before this provider can be asked; None if nothing."""
        if not self._base_url:
            where = self.row.base_url_env or "base_url"
            return f"Set {where} to the address of the model server."
        if self.row.key_variables and self._key is None:
            step = f"Set {' or '.join(self.row.key_variables)} where the server starts, and restart it."
            return f"{self.broken} {step}" if self.broken else step
        return None

    async def stream(self, call: Call) -> AsyncGenerator[Item, None]:
        """One attempt: a `Send`."""
        call = call if call.model else replace(call, model=await self.default_model())
        request = self._wire.request(self.row, self._base_url, self._key, call)
        translator = self._translator(call.model, (call.prompt.system, call.prompt.user))
        failure: APIError | None = None
        try:
            async with aclosing(self._events(request)) as events:
                async for event in events:
                    yield event
        except (HttpStatus, StreamError, TransportFailure, Garbage, Truncated) as error:
            failure = _name(error, translator)
        # Raised out here, so that the cause, which may quote the provider unmasked, is not chained to it.
        if failure is not None:
            raise failure

    async def models(self) -> tuple[str, ...]:
        """The ids that the provider lists: the cheapest request that proves address, key and service."""
        request = self._wire.health(self.row, self._base_url, self._key)
        translator = self._translator("", ())
        failure: APIError | None = None
        try:
            async with aclosing(self._whole.stream(request)) as messages:
                models = models_of(await anext(messages))
            self._learned = next(iter(models), "")
        except (HttpStatus, TransportFailure, Garbage) as error:
            failure = _name(error, translator)
        if failure is not None:
            raise failure
        return models

    async def default_model(self) -> str:
        """The row's, else the first that the provider listed when it was last asked; it is asked if it never was."""
        if not self.row.model and not self._learned:
            await self.models()
        return self.row.model or self._learned

    async def aclose(self) -> None:
        await self._whole.aclose()

    async def _events(self, request: HttpRequest) -> AsyncGenerator[Item, None]:
        """The answer's events up to its own end. A connection that ends before has broken off, whatever it says."""
        parser = self._wire.parser()
        broken: TransportFailure | Truncated = Truncated()
        async with aclosing(self._transport.stream(request)) as messages:
            try:
                async for message in messages:
                    for item in parser.feed(message):
                        if isinstance(item, Finished):
                            await _drain(messages)
                        yield item
                        if isinstance(item, Finished):
                            return
            except TransportFailure as error:
                broken = error
        for item in parser.end():
            yield item
            if isinstance(item, Finished):
                return
        raise broken

    def _translator(self, model: str, private: tuple[str, ...]) -> Translator:
        return Translator(self._wire, self.name, model, (self._key,), private)


async def _drain(messages: AsyncGenerator[Message, None]) -> None:
    """Read to the end of the response. That it does not come, or breaks off there, costs a connection and no more."""
    with suppress(TimeoutError, TransportFailure):
        async with asyncio.timeout(DRAIN):
            async for _ in messages:
                pass


def _name(error: Exception, translator: Translator) -> APIError:
    match error:
        case HttpStatus():
            return translator.status(error)
        case StreamError():
            return translator.stream_error(error)
        case TransportFailure():
            return translator.failure(error)
        case Garbage():
            return translator.unusable("is not in the format of its wire")
        case _:
            return translator.unusable("broke off before its end")


def _key(row: ProviderRow, environ: Mapping[str, str]) -> tuple[Secret | None, str]:
    """The key, and what is wrong with it: one that cannot be sent takes out its own row, and nothing else."""
    try:
        return read_key(row.key_variables, environ), ""
    except ConfigError as error:
        return None, error.detail


def _base_url(row: ProviderRow, environ: Mapping[str, str]) -> str:
    """The address without a slash at its end. A bare host and port in the variable means its customary ``/v1``.

    Raises ConfigError for a variable that holds no http(s) address.
    """
    value = environ.get(row.base_url_env, "").strip() if row.base_url_env else ""
    if not value:
        return row.base_url.rstrip("/")
    try:
        msgspec.convert({"name": row.name, "wire": row.wire, "base_url": value}, ProviderRow)
    except msgspec.ValidationError:
        raise ConfigError(f"{row.base_url_env} is not an http or https address without user and query.") from None
    value = value.rstrip("/")
    return value if urlsplit(value).path else f"{value}/v1"
