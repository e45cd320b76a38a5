"""`LabClient`: the lab of a Jupyter server, over HTTP; and `connect`, which finds out whether there is one."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar, get_args
from urllib.parse import quote

import httpx
import msgspec

from athena_lab import api
from athena_lab.ai.transports.sse import SseDecoder
from athena_lab.ai.types import AnalysisRequest, AnalysisResult, UsageReport
from athena_lab.errors import (
    AthenaError,
    DeadlineExceeded,
    InvalidField,
    LabClosed,
    Problem,
    SampleTooLarge,
    ServerUnreachable,
    from_problem,
)
from athena_lab.events import AnyEvent, Failed, Finished
from athena_lab.report import ModuleResult, Report
from athena_lab.sample import MIB, Sample, check_path, display_name, open_regular

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from athena_lab.ai.transports import Message
    from athena_lab.ai.types import AnalysisType, ProviderStatus
    from athena_lab.protocol import LabProtocol, Source

_MAX_UPLOAD = 1 << 40
"""The server has the cap; here only its answer counts."""
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 3_660.0
"""Longer than any deadline that the server lets a request have; after it the server is taken for dead."""
_EVENT_SECONDS = 45.0
"""A stream that is silent for longer is dead: the server sends a comment every 15 s."""

_ASK_FIRST = 16 * MIB
"""Bytes from which on the server's limit is asked for before sending: it hangs up on what is far too large."""
_MAX_EVENT = 64 * MIB
"""Bytes of one event; a report is one."""

_T = TypeVar("_T")


def connect(environ: Mapping[str, str] | None = None) -> LabProtocol:
    """The lab of the Jupyter server that this kernel belongs to, else one of this process's own.

    The server's extension puts ``ATHENA_URL`` and ``ATHENA_TOKEN`` into the environment of its kernels. Whether the
    server answers shows with the first call.
    """
    environ = os.environ if environ is None else environ
    if url := environ.get("ATHENA_URL"):
        return LabClient(url, environ.get("ATHENA_TOKEN", ""))
    if server := running_server(environ):
        return LabClient(*server)
    from athena_lab.lab import open_lab  # noqa: PLC0415 - a kernel with a server never needs wasmtime

    return open_lab(environ=environ)


def running_server(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """URL and token of the Jupyter server that started this kernel, by Jupyter's runtime files; None if none did."""
    parent = environ.get("JPY_PARENT_PID")
    if parent is None:
        return None
    from jupyter_core.paths import jupyter_runtime_dir  # noqa: PLC0415 - only here

    try:
        data = Path(jupyter_runtime_dir(), f"jpserver-{int(parent)}.json").read_bytes()
        found = msgspec.json.decode(data, type=_RuntimeFile)
    except (OSError, ValueError):  # MsgspecError is a ValueError
        return None
    return found.url, found.token


class _RuntimeFile(msgspec.Struct, frozen=True):
    url: str
    token: str = ""


class LabClient:
    """A lab over HTTP; see `athena_lab.protocol.LabProtocol` for what its methods do.

    `url` is the Jupyter server's base URL. Use it from one event loop. `repr` does not show the token.
    """

    def __init__(self, url: str, token: str = "") -> None:
        self.url = url.rstrip("/") + "/"
        self._http = httpx.AsyncClient(
            base_url=self.url,
            headers={"Authorization": f"token {token}"} if token else {},
            timeout=httpx.Timeout(_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            # A connection a call: httpx's pool, where it is capped, loses places when calls are cancelled.
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            # Certificate authorities by SSL_CERT_FILE and SSL_CERT_DIR, which `trust_env` would leave out.
            verify=httpx.create_ssl_context() if url.startswith("https:") else False,
            trust_env=False,  # the server is ours: a proxy has no business with it
        )

    def __repr__(self) -> str:
        return f"<LabClient {self.url}>"

    # -- samples and modules

    async def add(self, source: Source, name: str = "") -> Sample:
        if isinstance(source, Sample):
            stored = await self._get(f"api/v1/samples/{source.sha256}", Sample)
            return Sample(stored.sha256, stored.size, display_name(source.name) or stored.name)
        return await self._upload(source, name if isinstance(source, bytes) else Path(check_path(source)).name)

    async def triage(
        self,
        source: Source,
        *,
        analysis_type: AnalysisType = "full",
        modules: Sequence[str] | None = None,
        options: api.TriageOptions | None = None,
    ) -> Report:
        return await self._post(
            "api/v1/wasm/analyze", await self._triage(source, analysis_type, modules, options), Report
        )

    @contextlib.asynccontextmanager
    async def stream_triage(
        self,
        source: Source,
        *,
        analysis_type: AnalysisType = "full",
        modules: Sequence[str] | None = None,
        options: api.TriageOptions | None = None,
    ) -> AsyncIterator[AsyncIterator[ModuleResult | Report]]:
        body = await self._triage(source, analysis_type, modules, options)
        async with self._events("api/v1/wasm/analyze", body) as events:
            yield _parts(events)

    async def _triage(
        self,
        source: Source,
        analysis_type: AnalysisType,
        modules: Sequence[str] | None,
        options: api.TriageOptions | None,
    ) -> api.AnalyzeSample:
        sample = source if isinstance(source, Sample) else await self.add(source)
        return api.AnalyzeSample(
            sample=sample.sha256,
            name=sample.name,
            analysis_type=analysis_type,
            modules=tuple(modules) if modules is not None else None,
            options=options or api.TriageOptions(),
        )

    async def execute(
        self,
        module: str,
        function: str,
        args: Mapping[str, Any] | None = None,
        *,
        source: Source | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - enforced in the server's sandbox
    ) -> Any:
        sample = (await self.add(source)).sha256 if source is not None else None
        encoded = msgspec.Raw(_encode(args or {}))
        request = api.Execute(module, function, encoded, None, sample, timeout)
        return msgspec.json.decode((await self._post("api/v1/wasm/execute", request, api.Executed)).result)

    async def capabilities(self) -> api.Capabilities:
        return await self._get("api/v1/wasm/capabilities", api.Capabilities)

    async def modules(self) -> api.Modules:
        return await self._get("api/v1/wasm/modules", api.Modules)

    async def load(self, modules: Sequence[str] | None = None) -> api.Modules:
        request = api.Load(tuple(modules) if modules is not None else None)
        return await self._post("api/v1/wasm/load", request, api.Modules)

    async def reload(self, module: str) -> api.Reloaded:
        return await self._post(f"api/v1/wasm/modules/{quote(module, safe='')}/reload", None, api.Reloaded)

    async def wasm_metrics(self) -> api.Metrics:
        return await self._get("api/v1/wasm/metrics", api.Metrics)

    async def wasm_status(self) -> api.WasmStatus:
        return await self._get("api/v1/status/wasm", api.WasmStatus)

    async def health(self) -> api.HealthReport:
        return await self._get("health", api.HealthReport, accept={200, 503})

    # -- questions

    async def analyze(self, request: AnalysisRequest) -> AnalysisResult:
        return await self._post("api/v1/ai/analyze", request, AnalysisResult)

    @contextlib.asynccontextmanager
    async def stream(self, request: AnalysisRequest) -> AsyncIterator[AsyncIterator[AnyEvent]]:
        async with self._events("api/v1/ai/analyze", request) as events:
            yield _typed(events)

    async def providers(self, *, refresh: bool = False) -> Sequence[ProviderStatus]:
        query = "?refresh=true" if refresh else ""
        return (await self._get(f"api/v1/ai/providers{query}", api.Providers)).providers

    async def usage(self, days: int = 1) -> UsageReport:
        return await self._get(f"api/v1/ai/usage?days={days}", UsageReport)

    # -- HTTP

    async def _get(self, path: str, kind: type[_T], *, accept: frozenset[int] | set[int] = frozenset({200})) -> _T:
        answer: _T = _decode(await self._send("GET", path, accept=accept), kind)
        return answer

    async def _post(self, path: str, body: msgspec.Struct | None, kind: type[_T]) -> _T:
        content = b"{}" if body is None else _encode(body)
        answer: _T = _decode(await self._send("POST", path, content=content, headers=_JSON), kind)
        return answer

    async def _upload(self, source: str | os.PathLike[str] | bytes, name: str) -> Sample:
        options: dict[str, Any] = {"params": {"name": name}}
        if isinstance(source, bytes):
            return self._sample(await self._send("POST", "api/v1/samples", content=source, headers=_OCTETS, **options))
        with await asyncio.to_thread(open_regular, source, _MAX_UPLOAD) as file:
            size = os.fstat(file.fileno()).st_size
            if size > _ASK_FIRST and size > (limit := (await self.capabilities()).limits.max_sample_bytes):
                raise SampleTooLarge(f"The sample has {size:,} bytes; the server's limit is {limit:,}.")
            headers = _OCTETS | {"Content-Length": str(size)}
            answer = await self._send("POST", "api/v1/samples", content=_blocks(file), headers=headers, **options)
            return self._sample(answer)

    @staticmethod
    def _sample(answer: bytes) -> Sample:
        sample: Sample = _decode(answer, Sample)
        return sample

    async def _send(
        self, method: str, path: str, *, accept: frozenset[int] | set[int] = frozenset({200}), **options: Any
    ) -> bytes:
        async with self._open(method, path, accept, **options) as response:
            return await response.aread()

    @contextlib.asynccontextmanager
    async def _open(
        self, method: str, path: str, accept: frozenset[int] | set[int], **options: Any
    ) -> AsyncIterator[httpx.Response]:
        if self._http.is_closed:
            raise LabClosed("This client is closed.")
        try:
            async with self._http.stream(method, path, **options) as response:
                if response.status_code not in accept:
                    raise _error(self.url, response.status_code, await response.aread())
                yield response
        except httpx.ConnectTimeout:
            raise ServerUnreachable(f"There is no answer from {self.url}.") from None
        except httpx.TimeoutException:
            raise DeadlineExceeded(
                f"The server at {self.url} did not answer in time.", next_step="Look at its log, and try again."
            ) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            raise _unreachable(self.url, error) from None

    @contextlib.asynccontextmanager
    async def _events(self, path: str, body: msgspec.Struct) -> AsyncIterator[AsyncIterator[Message]]:
        headers = _JSON | {"Accept": "text/event-stream"}
        timeout = httpx.Timeout(_EVENT_SECONDS, connect=_CONNECT_SECONDS)
        content = _encode(body)
        async with (
            self._open("POST", path, {200}, content=content, headers=headers, timeout=timeout) as response,
            contextlib.aclosing(_messages(response)) as messages,
        ):
            yield messages

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


_EVENTS = frozenset(kind.__struct_config__.tag for kind in get_args(AnyEvent))
_JSON = {"Content-Type": "application/json"}
_OCTETS = {"Content-Type": "application/octet-stream"}


async def _blocks(file: IO[bytes]) -> AsyncGenerator[bytes]:
    while block := await asyncio.to_thread(file.read, MIB):
        yield block


async def _messages(response: httpx.Response) -> AsyncGenerator[Message]:
    decoder = SseDecoder(limit=_MAX_EVENT)
    async for chunk in response.aiter_bytes():
        for message in decoder.feed(chunk):
            if message.event == "error":
                raise from_problem(_decode(message.data, Problem))
            yield message


async def _typed(events: AsyncIterator[Message]) -> AsyncGenerator[AnyEvent]:
    async for message in events:
        if message.event not in _EVENTS:
            continue  # of a newer server
        event = _decode(message.data, AnyEvent)
        yield event
        if isinstance(event, Finished | Failed):
            return
    raise ServerUnreachable("The server's stream broke off before its end.", next_step="Ask again.")


async def _parts(events: AsyncIterator[Message]) -> AsyncGenerator[ModuleResult | Report]:
    async for message in events:
        if message.event == "report":
            yield _decode(message.data, Report)
            return
        yield _decode(message.data, ModuleResult)
    raise ServerUnreachable("The server's stream broke off before its report.", next_step="Run the triage again.")


def _unreachable(url: str, error: Exception) -> ServerUnreachable:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        step = "Name the authority that signed it in SSL_CERT_FILE."
        return ServerUnreachable(f"The certificate of {url} is not trusted.", next_step=step)
    return ServerUnreachable(f"There is no answer from {url}: {type(error).__name__}.")


def _encode(value: Any) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidField(f"The request cannot be written as JSON: {error}.") from None


def _decode(data: bytes | str, kind: Any) -> Any:  # Any: a union is no type
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError:
        raise ServerUnreachable("The server's answer is not Athena Lab's; it may be of another version.") from None


def _error(url: str, status: int, body: bytes) -> AthenaError:
    try:
        return from_problem(msgspec.json.decode(body, type=Problem))
    except msgspec.MsgspecError:
        return ServerUnreachable(
            f"The server at {url} answered with status {status}, and not as Athena Lab does.",
            next_step="Check that the athena_lab extension is enabled there: `jupyter server extension list`.",
        )
