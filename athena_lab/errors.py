"""Every failure that Athena Lab names.

::

    AthenaError
    ├── ConfigError                a setting is unknown, of the wrong type or out of range
    ├── PortInUse                  the port asked for is taken
    ├── LabClosed                  used after it was closed
    ├── FileUnusable               a file of ours cannot be used, for ``reason``
    │   ├── LedgerUnusable         that of what is spent
    │   └── QueueUnusable          that of the questions for later
    ├── MissingPackage             an optional Python package is needed and not installed
    ├── ProjectError               a module's project cannot be made, or not be built
    ├── SampleError
    │   ├── SampleNotFound         no file at that path, no sample of that hash
    │   ├── NotAFile               a directory, a device, a socket
    │   ├── SampleUnreadable       the operating system refuses to read it
    │   ├── QuarantineUnusable     the quarantine cannot be written: disk full, not ours, open to others
    │   ├── EmptySample            zero bytes
    │   └── SampleTooLarge         over the cap
    ├── RequestError               the caller asked for what cannot be
    │   ├── MalformedRequest       not JSON, not base64, not UTF-8, too deep
    │   ├── InvalidField           JSON, but a field is missing, wrong or unknown
    │   ├── UnknownModule          no module of that name
    │   ├── UnknownFunction        the module has no such function
    │   ├── UnknownJob             no analysis of that id, or no longer
    │   ├── UnknownSession         no session of that id, or no longer
    │   ├── SessionConflict        another call changed the session in the meantime
    │   ├── SessionsFull           as many sessions are open, or as much is kept in them, as may
    │   ├── RulesUnreadable        a file or folder of rules that is not there, or cannot be read
    │   ├── NotAuthenticated       no token, or a wrong one
    │   ├── NotAllowed             a foreign origin, host or scope
    │   ├── UnknownRoute           no such path under /api/v1
    │   ├── MethodNotAllowed       the path exists, not for that method
    │   ├── UnsupportedMedia       a Content-Type that the path does not take
    │   └── BodyTooLarge           a request body over its cap
    ├── WasmError                  carries ``module``
    │   ├── BadModule              not a component, wrong hash, imports more than stdin
    │   │   └── ModuleNotTaken     one of somebody's own that cannot be taken, for what its detail says
    │   ├── ModuleTrap             the guest trapped
    │   ├── ModuleMemory           the guest ran into its memory limit
    │   ├── ModuleDeadline         the guest ran past its deadline
    │   ├── ModuleCancelled        the caller went away
    │   ├── BadOutput              the guest's answer does not fit the contract
    │   ├── ModuleRefused          the guest itself returned an error, mostly of the call's arguments
    │   └── QueueFull              more calls are waiting than the queue holds
    ├── Rejected                   a policy of ours refused; the service was not asked, or no longer
    │   ├── DeadlineExceeded       the time given is over
    │   ├── NoProvider             no provider is configured for the request
    │   ├── BudgetExceeded         the spend or the tokens set for a day are used up
    │   ├── RateWouldBeExceeded    a rate limit leaves no room within the request's time
    │   ├── BulkheadFull           as many requests run and wait as may
    │   ├── CircuitOpen            the provider failed lately, and is left alone for a while
    │   └── AnalysisCancelled      whoever asked took the question back
    ├── APIError                   carries ``provider``, ``model``, ``status_code``, ``attempts`` ...
    │   ├── NetworkError
    │   │   ├── ProviderTimeout
    │   │   └── ProviderUnreachable
    │   ├── ValidationError
    │   │   ├── InvalidRequest     the provider rejects what was asked (400, 404, 413, 422)
    │   │   └── InvalidResponse    garbage, truncated, or over a size cap
    │   ├── AuthError
    │   │   ├── Unauthorized       401
    │   │   └── Forbidden          403
    │   ├── RateLimited            429
    │   └── ProviderError
    │       ├── ServiceUnavailable 5xx, 529, 498
    │       └── QuotaExceeded      402 and spend limits: waiting does not help
    └── ServerUnreachable          a LabClient finds no server, or one that is not ours

"A policy refused" (`Rejected`) and "the service failed" (`APIError`) are different bases, so that a breaker
or a retry never mistakes one for the other. Messages never hold a key, a prompt or bytes of a sample.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

PROBLEM_TYPE = "about:blank"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error as it travels: RFC 9457 problem details with our extension members."""

    title: str
    status: int
    detail: str
    code: str
    next_step: str
    type: str = PROBLEM_TYPE
    request_id: str | None = None
    module: str | None = None
    provider: str | None = None
    model: str | None = None
    upstream_status: int | None = None
    upstream_request_id: str | None = None
    attempts: int | None = None
    retry_after: float | None = None
    """Seconds."""


class AthenaError(Exception):
    """Base of all named errors. ``str()`` is a sentence and the next step."""

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Internal error"
    status: ClassVar[int] = 500
    """The HTTP status with which our own server reports this error."""
    next_step: str = "Look at the server's log for this request id, and report it as a bug."

    def __init__(self, detail: str, *, next_step: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        if next_step is not None:
            self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.detail} {self.next_step}"

    def problem(self, request_id: str | None = None) -> Problem:
        """The error as problem details, with those of its attributes that the format has a place for."""
        return Problem(
            title=self.title,
            status=self.status,
            detail=self.detail,
            code=self.code,
            next_step=self.next_step,
            request_id=request_id,
            module=getattr(self, "module", None),
            provider=getattr(self, "provider", None),
            model=getattr(self, "model", None),
            upstream_status=getattr(self, "upstream_status", None),
            upstream_request_id=getattr(self, "upstream_request_id", None),
            attempts=getattr(self, "attempts", None),
            retry_after=getattr(self, "retry_after", None),
        )


def from_problem(problem: Problem) -> AthenaError:
    """The named error that a server reported; an `AthenaError` of no special kind for a code that we do not know."""
    kind = _by_code(AthenaError).get(problem.code, AthenaError)
    error = kind.__new__(kind)
    AthenaError.__init__(error, problem.detail, next_step=problem.next_step)
    for name in ("module", "provider", "model", "upstream_status", "upstream_request_id", "attempts", "retry_after"):
        if (value := getattr(problem, name)) is not None:
            setattr(error, name, value)
    return error


def _by_code(kind: type[AthenaError]) -> dict[str, type[AthenaError]]:
    found = {kind.code: kind}
    for child in kind.__subclasses__():
        found |= _by_code(child)
    return found


def error_codes() -> frozenset[str]:
    """The codes of all named errors."""
    return frozenset(_by_code(AthenaError))


class ConfigError(AthenaError):
    code = "config"
    title = "Configuration error"
    next_step = "Correct the setting and start again."


class PortInUse(AthenaError):
    code = "port_in_use"
    title = "Port in use"
    next_step = "Stop the program that listens there, or choose another port with --port."


class LabClosed(AthenaError):
    code = "lab_closed"
    title = "Lab closed"
    status = 503
    next_step = "Open a new one with athena_lab.connect()."


class FileUnusable(AthenaError):
    """``reason`` is one word for programs."""

    code = "file_unusable"
    title = "File cannot be used"
    status = 507
    next_step = "Set its path in athena.toml to a file in a folder that only you can write to."

    def __init__(self, detail: str, *, reason: str = "unusable", next_step: str | None = None) -> None:
        super().__init__(detail, next_step=next_step)
        self.reason = reason


class LedgerUnusable(FileUnusable):
    """What is spent is counted in memory alone."""

    code = "ledger_unusable"
    title = "Ledger of usage cannot be used"
    next_step = "Set [ai.ledger] path in athena.toml to a file in a folder that only you can write to."


class QueueUnusable(FileUnusable):
    """No question is kept for later, and no earlier answer is found."""

    code = "queue_unusable"
    title = "Questions for later cannot be kept"
    next_step = "Set [ai.later] path in athena.toml to a file in a folder that only you can write to."


class MissingPackage(AthenaError):
    code = "missing_package"
    title = "Optional package missing"
    next_step = "Install the package into this environment, and try again."


class ProjectError(AthenaError):
    code = "project"
    title = "Module project"
    status = 422
    next_step = "`athena modules new NAME --python` makes a project that works; compare yours with it."


class ServerUnreachable(AthenaError):
    code = "server_unreachable"
    title = "Server unreachable"
    status = 502
    next_step = "Start the server with `jupyter athena`, or unset ATHENA_URL to work without one."


# -- samples ---------------------------------------------------------------------------------------------------


class SampleError(AthenaError):
    code = "sample"
    title = "Sample error"
    status = 422


class SampleNotFound(SampleError):
    code = "sample_not_found"
    title = "Sample not found"
    status = 404
    next_step = "Check the path or the SHA-256, or add the file again."


class NotAFile(SampleError):
    code = "not_a_file"
    title = "Not a regular file"
    next_step = "Name one regular file; for a folder, triage its files one by one."


class SampleUnreadable(SampleError):
    code = "sample_unreadable"
    title = "Sample cannot be read"
    next_step = "Give your user permission to read the file, or copy it to where it can be read."


class QuarantineUnusable(SampleError):
    code = "quarantine_unusable"
    title = "Quarantine cannot be used"
    status = 507
    next_step = "Make room there, or set [samples] folder in athena.toml to a folder that only you can write to."


class EmptySample(SampleError):
    code = "empty_sample"
    title = "Empty sample"
    next_step = "There is nothing to analyse in zero bytes; check that the file was copied whole."


class SampleTooLarge(SampleError):
    code = "sample_too_large"
    title = "Sample too large"
    status = 413
    next_step = "Raise [samples] max_bytes in athena.toml, or cut the file."


# -- requests --------------------------------------------------------------------------------------------------


class RequestError(AthenaError):
    code = "request"
    title = "Bad request"
    status = 400
    next_step = "Compare it with the docstring of what was called, or over HTTP with /api/v1/openapi.json."


class MalformedRequest(RequestError):
    code = "malformed_request"
    title = "Malformed request"
    status = 400


class InvalidField(RequestError):
    code = "invalid_field"
    title = "Invalid field"
    status = 422


class UnknownModule(RequestError):
    code = "unknown_module"
    title = "Unknown module"
    status = 404
    next_step = "lab.modules(), or GET /api/v1/wasm/modules, lists the modules that exist."


class UnknownFunction(RequestError):
    code = "unknown_function"
    title = "Unknown function"
    status = 404
    next_step = "lab.capabilities(), or GET /api/v1/wasm/capabilities, lists each module's functions and arguments."


class NotAuthenticated(RequestError):
    code = "not_authenticated"
    title = "Not authenticated"
    status = 401
    next_step = "Send the server's token as `Authorization: token <token>`."


class NotAllowed(RequestError):
    code = "not_allowed"
    title = "Not allowed"
    status = 403
    next_step = "Call from an origin that Athena.allowed_origins lists, with a token that may do this."


class UnknownRoute(RequestError):
    code = "unknown_route"
    title = "Not found"
    status = 404
    next_step = "Check the path: GET /api/v1/openapi.json lists all that there are."


class MethodNotAllowed(RequestError):
    code = "method_not_allowed"
    title = "Method not allowed"
    status = 405


class UnknownJob(RequestError):
    code = "unknown_job"
    title = "Unknown analysis"
    status = 404
    next_step = "Ask again: an answer is kept for a while after its end, and over a restart only a queued question's."


class UnknownSession(RequestError):
    code = "unknown_session"
    title = "Unknown session"
    status = 404
    next_step = "Open a new one: a session ends when it is not used for a while, and when its module is replaced."


class SessionConflict(RequestError):
    code = "session_conflict"
    title = "Session changed meanwhile"
    status = 409
    next_step = "Ask again: what the other call kept is in the session now."


class SessionsFull(RequestError):
    code = "sessions_full"
    title = "Too many sessions"
    status = 503
    next_step = (
        "Close a session that is not needed (lab.close_session(id), or DELETE /api/v1/wasm/sessions/{id}), or raise "
        "[wasm.sessions]."
    )


class RulesUnreadable(RequestError):
    code = "rules_unreadable"
    title = "Rules cannot be read"
    status = 422
    next_step = "Name .yar files or folders of them that you may read, or give the rules as a text (sources=...)."


class UnsupportedMedia(RequestError):
    code = "unsupported_media"
    title = "Unsupported media type"
    status = 415
    next_step = "Send application/json, or a sample as application/octet-stream where the route takes one."


class BodyTooLarge(RequestError):
    code = "body_too_large"
    title = "Request body too large"
    status = 413
    next_step = "Upload large samples as application/octet-stream, and name them by SHA-256 afterwards."


# -- WASM ------------------------------------------------------------------------------------------------------


class WasmError(AthenaError):
    code = "wasm"
    title = "Module error"
    status = 502

    partial: Any = None
    """What the module had found out when it was stopped, a `Partial`; None for nothing. It does not travel."""

    def __init__(self, detail: str, *, module: str, next_step: str | None = None) -> None:
        super().__init__(detail, next_step=next_step)
        self.module = module


class BadModule(WasmError):
    code = "bad_module"
    title = "Module refused"
    status = 503
    next_step = (
        "Rebuild it with `make wasm`, or one of yours with `athena modules build` and `load`; a component may import "
        "nothing but stdin and must match the manifest."
    )


class ModuleNotTaken(BadModule):
    code = "module_not_taken"
    title = "Module not taken"
    status = 422
    next_step = "`athena modules check FILE` says what a component imports, exports and describes."


class ModuleTrap(WasmError):
    code = "module_trap"
    title = "Module trapped"
    next_step = "The sandbox contained it; the other findings stand. Report the sample's hash as a bug of the module."


class ModuleMemory(WasmError):
    code = "module_memory"
    title = "Module out of memory"
    next_step = "Raise [wasm] memory_bytes in athena.toml, or ask for a quick analysis."


class ModuleDeadline(WasmError):
    code = "module_deadline"
    title = "Module deadline exceeded"
    status = 504
    next_step = "Give it a longer timeout, or ask for a quick analysis."


class ModuleCancelled(WasmError):
    code = "module_cancelled"
    title = "Module call cancelled"
    status = 503
    next_step = "Run the analysis again."


class BadOutput(WasmError):
    code = "bad_output"
    title = "Module output invalid"
    next_step = "The module breaks the contract of wasm/wit; rebuild or remove it."


class ModuleRefused(WasmError):
    """The detail begins with the module's own code for it."""

    code = "module_refused"
    title = "Module refused the call"
    status = 422
    next_step = "lab.capabilities(), or GET /api/v1/wasm/capabilities, shows the arguments that the function takes."

    @property
    def by_fault(self) -> bool:
        """Whether its own code went wrong, by its own word; else it is the call that was no good."""
        return self.detail.startswith("failed:")


class QueueFull(WasmError):
    code = "queue_full"
    title = "Queue full"
    status = 503
    next_step = "Wait for running analyses to end, or raise the queue of [bulkheads] container in athena.toml."


# -- policies --------------------------------------------------------------------------------------------------


class Rejected(AthenaError):
    """``retry_after`` is in seconds, None where waiting does not help; ``attempts`` counts the requests sent before."""

    code = "rejected"
    title = "Rejected"
    status = 503

    def __init__(
        self,
        detail: str,
        *,
        provider: str | None = None,
        model: str | None = None,
        attempts: int | None = None,
        retry_after: float | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(detail, next_step=next_step)
        self.provider = provider
        self.model = model
        self.attempts = attempts
        self.retry_after = retry_after


class DeadlineExceeded(Rejected):
    code = "deadline_exceeded"
    title = "Deadline exceeded"
    status = 504
    next_step = "Ask with a longer deadline (in the request, or under [ai] in athena.toml), or choose a faster model."


class NoProvider(Rejected):
    code = "no_provider"
    title = "No provider configured"
    next_step = (
        "Set ANTHROPIC_API_KEY (or OPENAI_, DEEPSEEK_, GEMINI_, MISTRAL_, GROQ_API_KEY), or ATHENA_LOCAL_URL for a "
        'local model, where the server starts; or ask with provider="offline" for the summary written without AI.'
    )


class BudgetExceeded(Rejected):
    code = "budget_exceeded"
    title = "Budget used up"
    next_step = "Raise the limit under [ai.budget] in athena.toml, wait for the next day (UTC), or ask a local model."


class RateWouldBeExceeded(Rejected):
    code = "rate_would_be_exceeded"
    title = "No room within the rate limit"
    next_step = "Wait for the time given, ask with a longer deadline, or choose another provider."


class BulkheadFull(Rejected):
    code = "bulkhead_full"
    title = "Too many requests at once"
    next_step = "Wait for running analyses to end."


class CircuitOpen(Rejected):
    code = "circuit_open"
    title = "Provider left alone after failures"
    next_step = "Wait for the time given, or choose another provider."


class AnalysisCancelled(Rejected):
    code = "analysis_cancelled"
    title = "Analysis cancelled"
    status = 409
    next_step = "What came is kept. Ask again when you want the answer."


# -- providers -------------------------------------------------------------------------------------------------


class APIError(AthenaError):
    """A provider failed, or its answer is unusable.

    ``upstream_status`` is the provider's HTTP status (100 - 599, None without a response), ``retry_after`` is in
    seconds, ``attempts`` counts the requests sent so far. ``should_retry`` says whether to send the same request
    again, where that is known better than the kind of error tells.
    """

    code = "api"
    title = "Provider error"
    status = 502
    next_step = "Ask again, or choose another provider."
    should_retry: bool | None = None

    def __init__(
        self,
        detail: str,
        *,
        provider: str,
        model: str | None = None,
        upstream_status: int | None = None,
        upstream_request_id: str | None = None,
        attempts: int = 1,
        retry_after: float | None = None,
        should_retry: bool | None = None,
        next_step: str | None = None,
    ) -> None:
        super().__init__(detail, next_step=next_step)
        self.provider = provider
        self.model = model
        self.upstream_status = upstream_status
        self.upstream_request_id = upstream_request_id
        self.attempts = attempts
        self.retry_after = retry_after
        self.should_retry = should_retry


class NetworkError(APIError):
    code = "network"
    title = "Network error"


class ProviderTimeout(NetworkError):
    code = "provider_timeout"
    title = "Provider timed out"
    status = 504
    next_step = "Ask again in a minute, or choose another provider."


class ProviderUnreachable(NetworkError):
    code = "provider_unreachable"
    title = "Provider unreachable"
    next_step = "Check the network, the proxy settings and the provider's base_url."


class ValidationError(APIError):
    code = "validation"
    title = "Invalid exchange with the provider"


class InvalidRequest(ValidationError):
    code = "invalid_request"
    title = "Provider rejects the request"
    next_step = "Check the model's name and shorten the question; the provider's reason is in the detail."


class InvalidResponse(ValidationError):
    code = "invalid_response"
    title = "Provider's answer is unusable"
    next_step = "What was received is kept. Ask again, or choose another provider."


class AuthError(APIError):
    code = "auth"
    title = "Provider refuses the credentials"


class Unauthorized(AuthError):
    code = "unauthorized"
    title = "API key refused"
    next_step = "Set a valid key in the provider's key variable where the server starts, and restart it."


class Forbidden(AuthError):
    code = "forbidden"
    title = "API key lacks permission"
    next_step = "Give the key access to this model, or choose another model."


class RateLimited(APIError):
    code = "rate_limited"
    title = "Provider limits the rate"
    status = 503
    next_step = "Wait for the time given, or choose another provider."


class ProviderError(APIError):
    code = "provider_error"
    title = "Provider failed"


class ServiceUnavailable(ProviderError):
    code = "service_unavailable"
    title = "Provider unavailable"
    status = 503
    next_step = "Ask again in a minute, or choose another provider."


class QuotaExceeded(ProviderError):
    code = "quota_exceeded"
    title = "Provider's quota is used up"
    status = 503
    next_step = "Top up the account or raise its spend limit; waiting does not help."
