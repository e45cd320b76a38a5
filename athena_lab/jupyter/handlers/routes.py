"""Every route that we serve: what it takes, what it gives, who handles it. The OpenAPI document is made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from athena_lab import api
from athena_lab.ai.types import AnalysisRequest, AnalysisResult, ProviderStatus, UsageReport
from athena_lab.jupyter.handlers import ai, health, queue, samples, stream, wasm
from athena_lab.report import Report
from athena_lab.sample import Sample

if TYPE_CHECKING:
    from types import UnionType

    import msgspec

    from athena_lab.jupyter.handlers.base import AthenaHandler


class Route(NamedTuple):
    """``path`` is relative to the server's base URL, with ``{name}`` for parameters.

    ``upload`` says that the body may be a sample's bytes instead of JSON; ``query`` describes parameters beside it,
    ``headers`` those that change what is done. ``accepted`` is the answer with status 202, ``commands`` what is sent
    over a WebSocket.
    """

    method: Literal["get", "post", "delete"]
    path: str
    handler: type[AthenaHandler]
    summary: str
    answer: type[msgspec.Struct] | UnionType
    body: type[msgspec.Struct] | None = None
    upload: bool = False
    query: tuple[str, ...] = ()
    events: bool = False
    headers: tuple[str, ...] = ()
    accepted: type[msgspec.Struct] | None = None
    commands: UnionType | None = None


ROUTES: tuple[Route, ...] = (
    Route("get", "/health", health.HealthHandler, "How the lab is.", api.HealthReport),
    Route("post", "/api/v1/samples", samples.SamplesHandler, "Take a sample into quarantine.", Sample, upload=True,
          query=("name",)),
    Route("get", "/api/v1/samples/{sha256}", samples.SampleHandler, "A sample in quarantine.", Sample),
    Route("get", "/api/v1/wasm/capabilities", wasm.CapabilitiesHandler, "What there is.", api.Capabilities),
    Route("post", "/api/v1/wasm/init", wasm.InitHandler, "Start the sandbox (idempotent).", api.WasmStatus),
    Route("post", "/api/v1/wasm/load", wasm.LoadHandler, "Load all or named modules.", api.Modules, body=api.Load),
    Route("post", "/api/v1/wasm/analyze", wasm.AnalyzeHandler, "Triage a sample.", Report, body=api.AnalyzeSample,
          upload=True, query=("name", "analysisType", "modules", "timeout"), events=True, headers=("Prefer",),
          accepted=api.Accepted),
    Route("get", "/api/v1/wasm/jobs/{id}", wasm.TriageJobHandler, "What a triage has found so far.", api.TriageState,
          query=("after", "wait")),
    Route("delete", "/api/v1/wasm/jobs/{id}", wasm.TriageJobHandler, "Cancel a triage; what was found is kept.",
          api.TriageState),
    Route("post", "/api/v1/wasm/execute", wasm.ExecuteHandler, "Call one function of a module.", api.Executed,
          body=api.Execute),
    Route("post", "/api/v1/wasm/extract", wasm.ExtractHandler, "Take a file out of a sample, as one of its own.",
          Sample, body=api.ExtractChild),
    Route("get", "/api/v1/wasm/metrics", wasm.MetricsHandler, "What each module did.", api.Metrics),
    Route("get", "/api/v1/wasm/modules", wasm.ModulesHandler, "Every module of the catalog.", api.Modules),
    Route("post", "/api/v1/wasm/modules", wasm.ModulesHandler, "Take a component of one's own among the modules.",
          api.ModuleInfo, upload=True),
    Route("delete", "/api/v1/wasm/modules/{name}", wasm.ModuleHandler, "Forget a module of one's own.", api.Modules),
    Route("post", "/api/v1/wasm/modules/{name}/reload", wasm.ReloadHandler, "Take a module's newest version.",
          api.Reloaded),
    Route("post", "/api/v1/wasm/modules/{name}/unload", wasm.UnloadHandler,
          "Leave a module out until it is loaded again.", api.Modules),
    Route("post", "/api/v1/wasm/modules/{name}/limits", wasm.LimitsHandler, "What each call of a module may have.",
          api.Modules, body=api.SetLimits),
    Route("get", "/api/v1/wasm/sessions", wasm.SessionsHandler, "What modules keep between calls.", api.SessionList),
    Route("post", "/api/v1/wasm/sessions", wasm.SessionsHandler, "Let a module keep something between calls.",
          api.SessionInfo, body=api.OpenSession),
    Route("delete", "/api/v1/wasm/sessions/{id}", wasm.SessionHandler, "End a session.", api.SessionInfo),
    Route("get", "/api/v1/status/wasm", wasm.StatusHandler, "How the sandbox is.", api.WasmStatus),
    Route("get", "/api/v1/ai/providers", ai.ProvidersHandler, "How each provider is.", api.Providers,
          query=("refresh",)),
    Route("post", "/api/v1/ai/providers/{name}/breaker", ai.BreakerHandler,
          "Leave a provider alone, or ask it again.", ProviderStatus, body=api.SetBreaker),
    Route("get", "/api/v1/ai/usage", ai.UsageHandler, "What was spent, and what is left of the budgets.", UsageReport,
          query=("days",)),
    Route("post", "/api/v1/ai/analyze", ai.AskHandler, "Ask a language model.", AnalysisResult, body=AnalysisRequest,
          events=True, headers=("Prefer", "Last-Event-ID", "Idempotency-Key"), accepted=api.Accepted),
    Route("get", "/api/v1/ai/stream", stream.StreamHandler, "Ask over a WebSocket.", api.AnyMessage,
          commands=api.AnyCommand),
    Route("get", "/api/v1/ai/queue", queue.QueueHandler, "Questions that are asked again when a provider is back.",
          api.Queue),
    Route("get", "/api/v1/ai/jobs/{id}", ai.JobHandler, "An answer's events from a number on.", api.JobPage,
          query=("after", "wait"), events=True, headers=("Last-Event-ID",)),
    Route("delete", "/api/v1/ai/jobs/{id}", ai.JobHandler, "Cancel an answer; what came is kept.", api.JobState),
    Route("post", "/api/v1/ai/jobs/{id}/cancel", ai.CancelHandler, "Cancel an answer; what came is kept.",
          api.JobState),
    Route("post", "/api/v1/ai/jobs/{id}/pause", ai.PauseHandler, "Read no more from the provider.", api.JobState),
    Route("post", "/api/v1/ai/jobs/{id}/resume", ai.ResumeHandler, "Go on reading.", api.JobState),
)  # fmt: skip  # a table
