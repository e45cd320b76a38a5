"""`LabClient`: the lab of a Jupyter server, over HTTP; and `connect`, which finds out whether there is one."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Self, TypeVar
from urllib.parse import quote

import msgspec

from athena_lab import api
from athena_lab.ai.types import AnalysisRequest, AnalysisResult, ProviderStatus, UsageReport
from athena_lab.client_http import JSON_BODY, Disconnected, ServerHttp, decode, encode
from athena_lab.client_stream import RemoteEvents, Unfit, WebSockets, doors, post_for_events
from athena_lab.derived import Derived
from athena_lab.errors import SampleTooLarge, ServerUnreachable
from athena_lab.protocol import LabProtocol, Source, documented
from athena_lab.report import ModuleResult, Report
from athena_lab.sample import MIB, Sample, check_path, display_name, open_regular
from athena_lab.wasm.own import read_component

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Collection,
        Iterator,
        Mapping,
        Sequence,
    )

    from athena_lab.ai.transports import Message
    from athena_lab.ai.types import AnalysisType, TransportKind

_MAX_UPLOAD = 1 << 40
"""The server has the cap; here only its answer counts."""
_MAX_COMPONENT = 256 * MIB
_ASK_FIRST = 16 * MIB
"""Bytes from which on the server's limit is asked for before sending: it hangs up on what is far too large."""

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


@documented
class LabClient(Derived):
    """A lab over HTTP; see `athena_lab.protocol.LabProtocol` for what its methods do.

    `url` is the Jupyter server's base URL. `transport` is the one door by which answers stream; without it the best
    that is open. Use it from one event loop. `repr` does not show the token.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        transport: TransportKind | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = ServerHttp(url, token)
        self._sockets = WebSockets()
        self._transport = transport
        self._sleep = sleep

    @property
    def url(self) -> str:
        return self._http.url

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
        with _told():
            async with post_for_events(self._http, "api/v1/wasm/analyze", body) as messages:
                yield _parts(messages)

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
        session: str | None = None,
    ) -> Any:
        executed = await self.execute_raw(module, function, args, source=source, timeout=timeout, session=session)
        return msgspec.json.decode(executed.result)

    async def execute_raw(
        self,
        module: str,
        function: str,
        args: Mapping[str, Any] | None = None,
        *,
        source: Source | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - enforced in the server's sandbox
        session: str | None = None,
    ) -> api.Executed:
        sample = (await self.add(source)).sha256 if source is not None else None
        encoded = msgspec.Raw(encode(args or {}))
        request = api.Execute(module, function, encoded, None, sample, timeout, session)
        return await self._post("api/v1/wasm/execute", request, api.Executed)

    async def extract(
        self,
        source: Source,
        index: int,
        *,
        module: api.Extractor = "file-processor",
        timeout: float | None = None,  # noqa: ASYNC109 - enforced in the server's sandbox
    ) -> Sample:
        request = api.ExtractChild((await self.add(source)).sha256, index, timeout, module)
        return await self._post("api/v1/wasm/extract", request, Sample)

    async def capabilities(self) -> api.Capabilities:
        return await self._get("api/v1/wasm/capabilities", api.Capabilities)

    async def modules(self) -> api.Modules:
        return await self._get("api/v1/wasm/modules", api.Modules)

    async def load(self, names: Sequence[str] | None = None) -> api.Modules:
        request = api.Load(tuple(names) if names is not None else None)
        return await self._post("api/v1/wasm/load", request, api.Modules)

    async def unload(self, module: str) -> api.Modules:
        return await self._post(f"api/v1/wasm/modules/{quote(module, safe='')}/unload", None, api.Modules)

    async def limit(
        self, module: str, *, memory_bytes: int | None = None, deadline: float | None = None
    ) -> api.Modules:
        path = f"api/v1/wasm/modules/{quote(module, safe='')}/limits"
        return await self._post(path, api.SetLimits(memory_bytes, deadline), api.Modules)

    async def open_session(self, module: str, *, ttl: float | None = None) -> api.SessionInfo:
        return await self._post("api/v1/wasm/sessions", api.OpenSession(module, ttl), api.SessionInfo)

    async def sessions(self) -> tuple[api.SessionInfo, ...]:
        return (await self._get("api/v1/wasm/sessions", api.SessionList)).sessions

    async def close_session(self, session: str) -> api.SessionInfo:
        path = f"api/v1/wasm/sessions/{quote(session, safe='')}"
        closed: api.SessionInfo = decode(await self._send("DELETE", path), api.SessionInfo)
        return closed

    async def reload(self, module: str) -> api.Reloaded:
        return await self._post(f"api/v1/wasm/modules/{quote(module, safe='')}/reload", None, api.Reloaded)

    async def add_module(self, component: str | os.PathLike[str] | bytes) -> api.ModuleInfo:
        content = (
            component
            if isinstance(component, bytes)
            else await asyncio.to_thread(read_component, component, _MAX_COMPONENT)
        )
        added: api.ModuleInfo = decode(
            await self._send("POST", "api/v1/wasm/modules", content=content, headers=_OCTETS), api.ModuleInfo
        )
        return added

    async def remove_module(self, module: str) -> api.Modules:
        left: api.Modules = decode(
            await self._send("DELETE", f"api/v1/wasm/modules/{quote(module, safe='')}"), api.Modules
        )
        return left

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
    async def stream(self, request: AnalysisRequest) -> AsyncIterator[RemoteEvents]:
        """As the protocol says; a connection that is lost is made anew, and no event is lost or repeated."""
        self._http.check_open()
        open_doors = doors(self._http, self._sockets, request, self._transport)
        async with contextlib.aclosing(RemoteEvents(self._http, open_doors, self._sleep)) as events:
            await events.begin()
            yield events

    async def providers(self, *, refresh: bool = False) -> Sequence[ProviderStatus]:
        query = "?refresh=true" if refresh else ""
        return (await self._get(f"api/v1/ai/providers{query}", api.Providers)).providers

    async def breaker(self, provider: str, state: Literal["open", "closed"]) -> ProviderStatus:
        path = f"api/v1/ai/providers/{quote(provider, safe='')}/breaker"
        return await self._post(path, api.SetBreaker(state), ProviderStatus)

    async def usage(self, days: int = 1) -> UsageReport:
        return await self._get(f"api/v1/ai/usage?days={days}", UsageReport)

    async def answer(self, job: str) -> AnalysisResult | None:
        after = 0
        while True:
            page = await self._get(f"api/v1/ai/jobs/{quote(job, safe='')}?after={after}", api.JobPage)
            if page.done or not page.events:
                return page.result
            after = page.next

    async def queued(self) -> tuple[api.Queued, ...]:
        return (await self._get("api/v1/ai/queue", api.Queue)).questions

    # -- HTTP

    async def _get(self, path: str, kind: type[_T], *, accept: Collection[int] = (200,)) -> _T:
        answer: _T = decode(await self._send("GET", path, accept=accept), kind)
        return answer

    async def _post(self, path: str, body: msgspec.Struct | None, kind: type[_T]) -> _T:
        content = b"{}" if body is None else encode(body)
        answer: _T = decode(await self._send("POST", path, content=content, headers=JSON_BODY), kind)
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
        sample: Sample = decode(answer, Sample)
        return sample

    async def _send(self, method: str, path: str, *, accept: Collection[int] = (200,), **options: Any) -> bytes:
        with _told():
            return await self._http.send(method, path, accept, **options)

    async def aclose(self) -> None:
        await self._sockets.aclose()
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


_OCTETS = {"Content-Type": "application/octet-stream"}


async def _blocks(file: IO[bytes]) -> AsyncGenerator[bytes]:
    while block := await asyncio.to_thread(file.read, MIB):
        yield block


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What goes wrong with a connection, in the words for whoever asked."""
    try:
        yield
    except (Disconnected, Unfit) as lost:
        raise lost.error from None


async def _parts(messages: AsyncIterator[Message]) -> AsyncGenerator[ModuleResult | Report]:
    with _told():
        async for message in messages:
            if message.event == "report":
                yield decode(message.data, Report)
                return
            yield decode(message.data, ModuleResult)
    raise ServerUnreachable("The server's stream broke off before its report.", next_step="Run the triage again.")
