"""A row brought to life: its key, its connections and its wire."""

from __future__ import annotations

import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import replace

from athena_lab.ai.answer import collect
from athena_lab.ai.health import check
from athena_lab.ai.keys import read_key
from athena_lab.ai.prompt import fitted
from athena_lab.ai.providers.attempt import FAILURES, Endpoint, Learn, OverHttp, OverSocket, attempt, named
from athena_lab.ai.providers.background import Background
from athena_lab.ai.providers.channels import BatchWire
from athena_lab.ai.providers.limits import rate_limits
from athena_lab.ai.providers.registry import ProviderRow
from athena_lab.ai.providers.selection import Selection
from athena_lab.ai.providers.wire import Garbage, StreamError
from athena_lab.ai.providers.wires import find_wire
from athena_lab.ai.send import Tools
from athena_lab.ai.transports import HttpStatus, TransportFailure
from athena_lab.ai.transports.http import HttpClient
from athena_lab.ai.transports.plain import JsonTransport
from athena_lab.ai.transports.sse import SseTransport
from athena_lab.ai.transports.websocket import WebSocketTransport
from athena_lab.ai.types import ProviderUsage, RateLimits, RateWindow
from athena_lab.errors import APIError, AuthError, ConfigError
from athena_lab.events import Finished

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.batches import Batches
    from athena_lab.ai.send import Call, Item, Send
    from athena_lab.ai.transports import ReplyInfo
    from athena_lab.ai.transports.http import ClientFactory
    from athena_lab.ai.types import AnalysisResult, Features, Model, ProviderStatus, TransportKind

DEFAULT_TOOLS: Final = Tools()


class Provider:
    """What the manager asks. Every failure is an `APIError` that names this provider.

    Raises ConfigError for a row that cannot be used.
    """

    def __init__(
        self,
        row: ProviderRow,
        environ: Mapping[str, str],
        client_factory: ClientFactory,
        tools: Tools = DEFAULT_TOOLS,
    ) -> None:
        self.row = row
        self._meter = tools.meter
        self._guard = tools.guards.get(row.name)
        try:
            self._wire = find_wire(row.wire)
        except ConfigError as error:
            raise ConfigError(f"Provider {row.name}: {error.detail}") from error
        self.selection = Selection(row, self._wire, tools.clock)
        self._key, self.broken = _key(row, environ)
        self._base_url = _base_url(row, environ)
        self._learned = ""
        self._limits = RateLimits()
        self._endpoint = Endpoint(row, self._wire, self._base_url, self._key, self._learn)
        client = HttpClient(row.workers, client_factory)
        stream, self._whole = SseTransport(client), JsonTransport(client)
        self._socket = WebSocketTransport(row.workers)
        self._background = Background(self._endpoint, stream, self._whole, tools)
        self.batches = self._batching(client, tools)
        """None where it takes none."""
        going_on = self._background.send if row.features.background else None
        self._ways: Mapping[TransportKind, Send] = {
            "websocket": OverSocket(self._endpoint, self._socket).send,
            "sse": going_on or OverHttp(self._endpoint, stream).send,
            "polling": going_on or OverHttp(self._endpoint, self._whole).send,
        }

    def _batching(self, client: HttpClient, tools: Tools) -> Batches | None:
        if not self.row.features.batching or not isinstance(self._wire, BatchWire):
            return None
        from athena_lab.ai.providers.batches import Batches  # noqa: PLC0415 - of no use where no row takes batches

        form = self._wire.batch_format(self.row, self._base_url, self._key)
        return Batches(self._endpoint, form, client, tools, self.default_model)

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
        """One attempt: a `Send`. Raises InvalidField for a transport that is wanted and not to be had."""
        call = call if call.model else replace(call, model=await self.default_model())
        prompt = fitted(call.prompt, calls=self.features.function_calling, talks=getattr(self._wire, "talks", False))
        call = replace(call, transport=self.selection.pick(call.wanted), prompt=prompt)
        translator = self._endpoint.translator(call)
        failure: APIError | None = None
        refusal: str | None = None
        call.state.move("connecting")
        try:
            items = attempt(self._ways, self.selection, call)
            try:
                async for item in items:
                    yield item
            finally:
                await items.aclose()
        except FAILURES as error:
            refusal = translator.refusal(error) if isinstance(error, (HttpStatus, StreamError)) else None
            failure = None if refusal else named(error, translator)
        if refusal:
            if call.state.value == "connecting":  # it came with a handshake that was refused
                call.state.move("connected")
            yield Finished("refused", refusal)
        # Raised out here, so that the cause, which may quote the provider unmasked, is not chained to it.
        if failure is not None:
            raise failure

    async def models(self) -> tuple[Model, ...]:
        """What the provider lists, with what its row knows of them: the cheapest request that proves it works."""
        request = self._wire.models_request(self.row, self._base_url, self._key)
        translator = self._endpoint.translator()
        failure: APIError | None = None
        try:
            async with aclosing(self._whole.stream(request, Learn(self._endpoint))) as messages:
                models = tuple(map(self._with_known, self._wire.models(await anext(messages))))
            self._learned = models[0].id if models else ""
        except (HttpStatus, TransportFailure, Garbage) as error:
            failure = named(error, translator)
        if failure is not None:
            raise failure
        return models

    def _with_known(self, listed: Model) -> Model:
        """What the provider says of its model itself goes before what the row says."""
        known = self.row.known(listed.id)
        return replace(known, context=listed.context or known.context, output=listed.output or known.output)

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
        """What the provider last said of its limits; the row's where it said nothing."""
        limits = self.row.limits
        return RateLimits(
            self._limits.requests or _window(limits.requests_per_minute),
            self._limits.tokens or _window(limits.tokens_per_minute),
            self._limits.told_at,
        )

    async def default_model(self) -> str:
        """The row's, else the first that the provider listed when it was last asked; it is asked if it never was."""
        if not self.known_model:
            await self.models()
        return self.known_model

    @property
    def known_model(self) -> str:
        """As `default_model`, without asking: "" where it is not known."""
        return self.row.model or self._learned

    async def aclose(self) -> None:
        """Close all connections, and end at the provider what would go on without them. Idempotent."""
        if self.batches is not None:
            await self.batches.aclose()
        await self._background.aclose()
        await self._socket.aclose()
        await self._whole.aclose()

    def _learn(self, reply: ReplyInfo) -> None:
        told = rate_limits(reply.headers, time.time())
        if told is not None:
            self._limits = told
            if self._guard is not None:
                self._guard.limiter.learn(told)


def _window(limit: int | None) -> RateWindow | None:
    return None if limit is None else RateWindow(limit)


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
        raise ConfigError(
            f"{row.base_url_env} is not an http or https address without user and query.",
            next_step="Write it like http://127.0.0.1:8080/v1, and start again.",
        ) from None
    value = value.rstrip("/")
    return value if urlsplit(value).path else f"{value}/v1"
