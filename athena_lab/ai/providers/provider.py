"""A row brought to life: its key, its connections and its wire."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from athena_lab.ai.answer import collect
from athena_lab.ai.health import check
from athena_lab.ai.keys import read_key
from athena_lab.ai.providers.limits import rate_limits
from athena_lab.ai.providers.registry import ProviderRow
from athena_lab.ai.providers.wire import Garbage, StreamError, Translator
from athena_lab.ai.providers.wires import find_wire
from athena_lab.ai.transports import HttpStatus, Tap, TransportFailure
from athena_lab.ai.transports.http import HttpClient
from athena_lab.ai.transports.plain import JsonTransport
from athena_lab.ai.transports.sse import SseTransport
from athena_lab.ai.types import ProviderUsage, RateLimits
from athena_lab.errors import APIError, AuthError, ConfigError
from athena_lab.events import Finished

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.meter import Meter
    from athena_lab.ai.send import Call, Item
    from athena_lab.ai.transports import HttpRequest, Message, ReplyInfo, Transport
    from athena_lab.ai.transports.http import ClientFactory
    from athena_lab.ai.types import AnalysisResult, Features, Model, ProviderStatus, TransportKind

DRAIN: Final = 0.05
"""Seconds to wait for the end of the HTTP response behind the end of the answer, so that its connection can be kept."""


class Truncated(Exception):
    """The connection ended before the answer did."""


class Provider:
    """What the manager asks. Every failure is an `APIError` that names this provider.

    Raises ConfigError for a row that cannot be used.
    """

    def __init__(
        self,
        row: ProviderRow,
        environ: Mapping[str, str],
        client_factory: ClientFactory,
        meter: Meter | None = None,
    ) -> None:
        self.row = row
        self._meter = meter
        try:
            self._wire = find_wire(row.wire)
        except ConfigError as error:
            raise ConfigError(f"Provider {row.name}: {error.detail}") from error
        self._key, self.broken = _key(row, environ)
        self._base_url = _base_url(row, environ)
        self._learned = ""
        self._limits = RateLimits()
        client = HttpClient(row.workers, client_factory)
        whole = JsonTransport(client)
        self._transports: Mapping[TransportKind, Transport] = {"sse": SseTransport(client), "polling": whole}
        self._whole = whole

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def version(self) -> str:
        """Of the provider's API that is spoken."""
        return self._wire.version

    @property
    def features(self) -> Features:
        return self.row.features

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
        call = replace(call, transport="sse" if self.features.streaming else "polling")
        request = self._wire.request(self.row, self._base_url, self._key, call)
        translator = self._translator(call.model, (call.prompt.system, call.prompt.user))
        failure: APIError | None = None
        refusal: str | None = None
        call.state.move("connecting")
        try:
            async with aclosing(self._events(request, call)) as events:
                async for event in events:
                    yield event
        except (HttpStatus, StreamError) as error:
            refusal = translator.refusal(error)
            failure = None if refusal else _name(error, translator)
        except (TransportFailure, Garbage, Truncated) as error:
            failure = _name(error, translator)
        if refusal:
            yield Finished("refused", refusal)
        # Raised out here, so that the cause, which may quote the provider unmasked, is not chained to it.
        if failure is not None:
            raise failure

    async def models(self) -> tuple[Model, ...]:
        """What the provider lists, with what its row knows of them: the cheapest request that proves it works."""
        request = self._wire.models_request(self.row, self._base_url, self._key)
        translator = self._translator("", ())
        failure: APIError | None = None
        try:
            async with aclosing(self._whole.stream(request)) as messages:
                models = self._wire.models(await anext(messages))
            self._learned = models[0].id if models else ""
        except (HttpStatus, TransportFailure, Garbage) as error:
            failure = _name(error, translator)
        if failure is not None:
            raise failure
        return models

    async def analyze(self, call: Call) -> AnalysisResult:
        """One attempt, and its whole answer."""
        return await collect(call, self.stream(call))

    async def usage(self) -> ProviderUsage:
        """What was spent with it, as far as is written down."""
        if self._meter is None:
            return ProviderUsage()
        await self._meter.ledger.sync()
        return ProviderUsage(self._meter.ledger.today(self.name), self._meter.ledger.total(self.name))

    async def health_check(self) -> ProviderStatus:
        """Ask it now. Never raises an `APIError`: what is wrong is the answer."""
        return await check(self, self._meter)

    async def validate_key(self) -> bool:
        """Whether the provider takes the key. Raises an `APIError` where it cannot be asked."""
        try:
            await self.models()
        except AuthError:
            return False
        return True

    def rate_limits(self) -> RateLimits:
        """What the provider last said of its limits."""
        return self._limits

    async def default_model(self) -> str:
        """The row's, else the first that the provider listed when it was last asked; it is asked if it never was."""
        if not self.row.model and not self._learned:
            await self.models()
        return self.row.model or self._learned

    async def aclose(self) -> None:
        await self._whole.aclose()

    async def _events(self, request: HttpRequest, call: Call) -> AsyncGenerator[Item, None]:
        """The answer's events up to its own end. A connection that ends before has broken off, whatever it says."""
        parser = self._wire.parser()
        broken: TransportFailure | Truncated = Truncated()
        async with aclosing(self._transports[call.transport].stream(request, _Watch(self, call))) as messages:
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

    def _learn(self, reply: ReplyInfo) -> None:
        self._limits = rate_limits(reply.headers, time.time()) or self._limits

    def _translator(self, model: str, private: tuple[str, ...]) -> Translator:
        return Translator(self._wire, self.name, model, (self._key,), private)


class _Watch(Tap):
    """One attempt as its transport tells of it."""

    __slots__ = ("_call", "_provider")

    def __init__(self, provider: Provider, call: Call) -> None:
        self._provider = provider
        self._call = call

    def sent(self, size: int) -> None:
        self._call.traffic.sent += size

    def received(self, size: int) -> None:
        self._call.traffic.received += size

    def replied(self, reply: ReplyInfo) -> None:
        self._call.state.move("connected")
        self._provider._learn(reply)  # noqa: SLF001 - a part of it


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
        case Garbage(what=what):
            return translator.unusable(what)
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
