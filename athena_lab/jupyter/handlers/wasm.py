"""The sandbox over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from athena_lab import api
from athena_lab.errors import AthenaError, BodyTooLarge, InvalidField
from athena_lab.jupyter.handlers.base import JSON, OCTETS, AthenaHandler, PolledHandler, event_frame
from athena_lab.jupyter.handlers.uploads import UploadHandler, one_sample
from athena_lab.report import Report
from athena_lab.sample import Sample

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


_MAX_ARGS = 8 << 20
"""Bytes. Arguments go to the module as they are; a set of YARA rules has some MiB."""


_SMALLER = "Make it smaller, or raise [wasm.foreign] max_bytes in athena.toml."


class CapabilitiesHandler(PolledHandler):
    async def get(self) -> None:
        self.answer(await self.lab.capabilities())


class InitHandler(AthenaHandler):
    async def post(self) -> None:
        await self.lab.load()
        self.answer(await self.lab.wasm_status())


class LoadHandler(AthenaHandler):
    scope = "control"

    async def post(self) -> None:
        request = self.decode(api.Load)
        self.answer(await self.lab.load(request.modules))


class ReloadHandler(AthenaHandler):
    scope = "control"

    async def post(self, name: str) -> None:
        self.answer(await self.lab.reload(name))


class UnloadHandler(AthenaHandler):
    scope = "control"

    async def post(self, name: str) -> None:
        self.answer(await self.lab.unload(name))


class LimitsHandler(AthenaHandler):
    scope = "control"

    async def post(self, name: str) -> None:
        wanted = self.decode(api.SetLimits)
        self.answer(await self.lab.limit(name, memory_bytes=wanted.memory_bytes, deadline=wanted.deadline))


class SessionsHandler(AthenaHandler):
    async def get(self) -> None:
        self.answer(api.SessionList(await self.lab.sessions()))

    async def post(self) -> None:
        wanted = self.decode(api.OpenSession)
        self.answer(await self.lab.open_session(wanted.module, ttl=wanted.ttl))


class SessionHandler(AthenaHandler):
    async def delete(self, id_: str) -> None:
        self.answer(await self.lab.close_session(id_))


class TriageJobHandler(PolledHandler):
    async def get(self, id_: str) -> None:
        query = self.from_query(api.JobQuery)
        triage = self.lab.triages.get(id_)
        await self.work(triage.wait(query.after, query.wait))
        self.answer(triage.state(query.after))

    async def delete(self, id_: str) -> None:
        triage = self.lab.triages.get(id_)
        await triage.cancel()
        self.answer(triage.state())


class ModulesHandler(PolledHandler):
    """What a POST brings is code that the server will run, if only in the sandbox: kernels may not."""

    controls = frozenset({"POST"})

    async def get(self) -> None:
        self.answer(await self.lab.modules())

    async def post(self) -> None:
        wasm = self.raw_body(OCTETS)
        self.answer(await self.work(self.lab.add_module(wasm)))

    @property
    def max_body(self) -> int:
        return self.lab.config.wasm.foreign.max_bytes

    def too_large(self) -> AthenaError:
        return BodyTooLarge(f"A component may have {self.max_body:,} bytes.", next_step=_SMALLER)


class ModuleHandler(AthenaHandler):
    scope = "control"

    async def delete(self, name: str) -> None:
        self.answer(await self.lab.remove_module(name))


class MetricsHandler(PolledHandler):
    async def get(self) -> None:
        self.answer(await self.lab.wasm_metrics())


class StatusHandler(PolledHandler):
    async def get(self) -> None:
        self.answer(await self.lab.wasm_status())


class AnalyzeHandler(UploadHandler):
    query = frozenset({"name", "analysisType", "modules", "timeout"})

    async def post(self) -> None:
        sample = self.uploaded()
        request = self._from_query() if sample else self.decode(api.AnalyzeSample)
        if sample is None:
            sample = await self._named(request)
        if self.wants_events:
            await self.work(self.send_events(self._events(sample, request)))
        elif self.prefers_async:
            self.accept(self.lab.submit_triage(sample, request).id, "api/v1/wasm/jobs")
        else:
            self.answer(await self.work(self._report(sample, request)))

    def _from_query(self) -> api.AnalyzeSample:
        query: dict[str, Any] = {"name": self.get_query_argument("name", "")}
        if "analysisType" in self.request.query_arguments:
            query["analysisType"] = self.get_query_argument("analysisType")
        if "modules" in self.request.query_arguments:
            query["modules"] = self.get_query_argument("modules").split(",")
        if "timeout" in self.request.query_arguments:
            query["options"] = {"timeout": self.get_query_argument("timeout")}
        return _decode_query(query)

    async def _named(self, request: api.AnalyzeSample) -> Sample:
        one_sample(request.file_data, request.sample, needed=True)
        if request.sample is not None:
            return await self.lab.add(Sample(request.sample, 0, request.name))
        return await self.take_base64(request.file_data or "", request.name)

    async def _report(self, sample: Sample, request: api.AnalyzeSample) -> Report:
        return await self.lab.triage(
            sample, analysis_type=request.analysis_type, modules=request.modules, options=request.options
        )

    async def _events(self, sample: Sample, request: api.AnalyzeSample) -> AsyncGenerator[bytes]:
        async with self.lab.stream_triage(
            sample, analysis_type=request.analysis_type, modules=request.modules, options=request.options
        ) as parts:
            async for part in parts:
                yield event_frame("report" if isinstance(part, Report) else "module", msgspec.json.encode(part))


class ExecuteHandler(UploadHandler):
    media = frozenset({JSON})

    async def post(self) -> None:
        request = self.decode(api.Execute)
        one_sample(request.file_data, request.sample, needed=False)
        if len(bytes(request.args)) > _MAX_ARGS:
            raise BodyTooLarge(f"The arguments may have {_MAX_ARGS:,} bytes.")
        if not bytes(request.args).lstrip().startswith(b"{"):
            raise InvalidField("args is a JSON object.")
        source: Sample | None = None
        if request.sample is not None:
            source = await self.lab.sample(request.sample)
        elif request.file_data is not None:
            source = await self.take_base64(request.file_data, "")
        call = self.lab.execute_raw(
            request.module,
            request.function,
            request.args,
            source=source,
            timeout=request.timeout,
            session=request.session,
        )
        self.answer(await self.work(call))


class ExtractHandler(AthenaHandler):
    async def post(self) -> None:
        wanted = self.decode(api.ExtractChild)
        sample = await self.lab.sample(wanted.sample)
        taken = self.lab.extract(sample, wanted.index, module=wanted.module, timeout=wanted.timeout)
        self.answer(await self.work(taken))


def _decode_query(query: dict[str, Any]) -> api.AnalyzeSample:
    try:
        return msgspec.convert(query, api.AnalyzeSample, strict=False)  # texts, which numbers are written as here
    except msgspec.ValidationError as error:
        raise InvalidField(f"The query does not fit: {api.misfit(error, api.AnalyzeSample)}.") from None
