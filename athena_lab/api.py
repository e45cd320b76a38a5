"""The HTTP contract: what our handlers take and give, as Structs.

Field names on the wire are camelCase. Times are seconds, sizes bytes, instants Unix seconds. A report's own JSON is
`athena_lab.report.Report`, a question's `athena_lab.ai.types.AnalysisRequest`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

import msgspec
import msgspec.inspect
from msgspec import Meta

from athena_lab.ai.states import State
from athena_lab.ai.types import AnalysisRequest, AnalysisResult, AnalysisType, ProviderStatus
from athena_lab.errors import Problem
from athena_lab.events import AnyEvent
from athena_lab.report import ModuleResult, Report
from athena_lab.report.findings import Slot
from athena_lab.sample import MIB
from athena_lab.wasm.contract import Name

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
Seconds = Annotated[float, Meta(gt=0, le=600)]
MAX_NAME = 1_024
FileName = Annotated[str, Meta(max_length=MAX_NAME)]
ModuleNames = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=64)]
JsonObject = Annotated[msgspec.Raw, Meta(extra_json_schema={"type": "object"})]
Health = Literal["healthy", "degraded", "unhealthy"]


class Request(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Base of the bodies that we take: an unknown field is an error, since it would be ignored otherwise."""


class Response(msgspec.Struct, frozen=True, rename="camel"):
    """Base of the bodies that we give."""


def misfit(error: Exception, kind: Any) -> str:
    """What is wrong, and where only some words will do, which: msgspec names the place and the word that is none."""
    found = _PLACE.search(str(error))
    words = _words(msgspec.inspect.type_info(kind), found[1].split(".")) if found else ()
    return f"{error}; one of {', '.join(words)}" if words else str(error)


_PLACE: Final = re.compile(r"^Invalid enum value .* - at `\$\.([\w.]+)`$", re.DOTALL)


def _words(kind: msgspec.inspect.Type, path: list[str]) -> tuple[str, ...]:
    """The texts that the field at `path` takes; none where it takes anything else."""
    if isinstance(kind, msgspec.inspect.UnionType):
        return next(filter(None, (_words(one, path) for one in kind.types)), ())
    if not path:
        return tuple(str(one) for one in kind.values) if isinstance(kind, msgspec.inspect.LiteralType) else ()
    fields = kind.fields if isinstance(kind, msgspec.inspect.StructType) else ()
    return next((_words(field.type, path[1:]) for field in fields if field.encode_name == path[0]), ())


SessionId = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{24}$", max_length=24)]


class ChildOptions(Request, frozen=True):
    """How far a full analysis, or one of behavior, goes into the files inside, all of them together."""

    depth: Annotated[int, Meta(ge=0, le=8)] = 5
    """Levels; 0: the files inside are listed and not analysed."""
    count: Annotated[int, Meta(ge=0, le=256)] = 24
    """Files."""
    total_bytes: Annotated[int, Meta(ge=0, le=1_024 * MIB)] = 64 * MIB
    seconds: Annotated[float, Meta(ge=0, le=300)] = 20.0
    """After which no other is begun."""


class TriageOptions(Request, frozen=True):
    """Which kinds of module may run, for how long each, and what they bring along."""

    include_deobfuscation: bool = True
    include_crypto: bool = True
    include_network_analysis: bool = True
    timeout: Seconds | None = None
    """For each module; the server's default where there is none."""
    sessions: Annotated[tuple[SessionId, ...], Meta(max_length=16)] = ()
    """Open sessions, at most one of a module: its ``analyze`` gets what is kept there, a compiled rule set say."""
    children: ChildOptions = ChildOptions()


class AnalyzeSample(Request, frozen=True):
    """POST /api/v1/wasm/analyze. Exactly one of `file_data` (base64, RFC 4648 section 4) and `sample`."""

    file_data: str | None = None
    sample: Sha256 | None = None
    name: FileName = ""
    analysis_type: AnalysisType = "full"
    modules: ModuleNames | None = None
    options: TriageOptions = TriageOptions()


class Execute(Request, frozen=True):
    """POST /api/v1/wasm/execute. At most one of `file_data` and `sample`; none where the function needs none."""

    module: Name
    function: Name
    args: JsonObject = msgspec.field(default_factory=lambda: msgspec.Raw(b"{}"))
    """As the function's schema says."""
    file_data: str | None = None
    sample: Sha256 | None = None
    timeout: Seconds | None = None
    session: SessionId | None = None
    """One of the module's: the function gets what is kept there, and may keep something."""


Extractor = Literal["file-processor", "network", "sandbox", "deobfuscator"]
"""Modules that give out the files that they find."""


class ExtractChild(Request, frozen=True):
    """POST /api/v1/wasm/extract: a file inside the sample, by its number in a full analysis: among ``children`` of
    file-processor, of sandbox or of deobfuscator, or among the files that network found in a capture.
    """

    sample: Sha256
    index: Annotated[int, Meta(ge=0, le=1 << 20)]
    timeout: Seconds | None = None
    """For each part of it that the module unpacks."""
    module: Extractor = "file-processor"


class Executed(Response, frozen=True):
    """What the function returned; ``result`` is JSON of the module's own."""

    module: str
    function: str
    result: msgspec.Raw
    time: float


class Load(Request, frozen=True):
    """POST /api/v1/wasm/load. Without `modules`, all of the catalog."""

    modules: ModuleNames | None = None


class ModuleInfo(Response, frozen=True):
    """One module. `memory_usage` is the largest linear memory that a call of it used, `memory_bytes` and `deadline`
    (seconds) are what one call may have.
    """

    name: str
    status: Literal["loaded", "available", "failed"]
    version: str | None
    capabilities: tuple[str, ...]
    memory_usage: int
    size: int
    detail: str = ""
    """What is wrong, and what to do about it."""
    memory_bytes: int = 0
    deadline: float = 0.0
    foreign: bool = False
    """One of the user's own, which can be removed."""


class SetLimits(Request, frozen=True):
    """POST /api/v1/wasm/modules/{name}/limits, for the module's calls from now on. None: as ``[wasm]`` says."""

    memory_bytes: Annotated[int, Meta(ge=MIB, le=4_096 * MIB)] | None = None
    deadline: Seconds | None = None


class OpenSession(Request, frozen=True):
    """POST /api/v1/wasm/sessions. `ttl`: seconds that it is kept unused; None: as ``[wasm.sessions]`` says."""

    module: Name
    ttl: Annotated[float, Meta(ge=1, le=86_400)] | None = None


class SessionInfo(Response, frozen=True):
    """What a module keeps between calls. `size` in bytes, `expires_in` seconds from now if it is not used."""

    id: str
    module: str
    version: str
    ttl: float
    expires_in: float
    size: int
    calls: int


class SessionList(Response, frozen=True):
    """GET /api/v1/wasm/sessions: the oldest first. Whoever knows an id may use the session."""

    sessions: tuple[SessionInfo, ...]


class Modules(Response, frozen=True):
    modules: tuple[ModuleInfo, ...]


class FunctionInfo(Response, frozen=True):
    name: str
    summary: str
    needs_sample: bool
    args: dict[str, Any]
    """JSON Schema."""


class ModuleCapabilities(Response, frozen=True):
    name: str
    version: str
    summary: str
    slot: Slot
    capabilities: tuple[str, ...]
    functions: tuple[FunctionInfo, ...]


class Inspection(Response, frozen=True):
    """A component that is not among the modules: what it asks for, gives and says, and why it would be refused."""

    sha256: str
    size: int
    imports: tuple[str, ...]
    exports: tuple[str, ...]
    description: ModuleCapabilities | None
    problem: Problem | None


class Limits(Response, frozen=True):
    """`queue` counts calls that may wait, `memory_bytes` is per call, `deadline` per call where none is given."""

    workers: int
    queue: int
    memory_bytes: int
    deadline: float
    max_sample_bytes: int
    max_json_bytes: int


class Capabilities(Response, frozen=True):
    """GET /api/v1/wasm/capabilities."""

    runtime: str
    architecture: str
    modules: tuple[ModuleCapabilities, ...]
    limits: Limits


class ModuleMetrics(Response, frozen=True):
    """What a module did since the server started. `bytes` of samples read.

    `refused`: calls that were no good, and are not among the `errors`.
    """

    calls: int
    errors: int
    refused: int
    time: float
    bytes: int
    peak_memory: int
    last_error: str | None = None


class Metrics(Response, frozen=True):
    modules: dict[str, ModuleMetrics]


class WasmStatus(Response, frozen=True):
    """GET /api/v1/status/wasm. `modules` gives each one's performance."""

    status: Health
    detail: str
    modules: dict[str, ModuleMetrics]
    total_memory_usage: int
    last_check: float


class Reloaded(Response, frozen=True):
    """POST /api/v1/wasm/modules/{name}/reload."""

    success: bool
    module: str
    previous_version: str | None
    new_version: str | None
    reload_time: float
    detail: str = ""


class Component(Response, frozen=True):
    status: Literal["healthy", "degraded", "unhealthy", "not_configured"]
    detail: str


class HealthReport(Response, frozen=True):
    """GET /health. Parts that do not exist are not in the map."""

    status: Health
    components: dict[str, Component]


class AskUsage(Request, frozen=True):
    """GET /api/v1/ai/usage."""

    days: Annotated[int, Meta(ge=1, le=3_650)] = 1
    """Today (UTC) is the first."""


class AskProviders(Request, frozen=True):
    """GET /api/v1/ai/providers."""

    refresh: bool = False
    """Ask all of them now, however fresh what is known is."""


class Providers(Response, frozen=True):
    providers: tuple[ProviderStatus, ...]


class SetBreaker(Request, frozen=True):
    """POST /api/v1/ai/providers/{name}/breaker. ``open``: nobody asks the provider until it is ``closed``."""

    state: Literal["open", "closed"]


# -- answers that can be come back to

JobId = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{22,64}$", max_length=64)]
"""A caller that chooses it makes it at random: 22 characters of base64url hold 128 bits."""
Cursor = Annotated[int, Meta(ge=0, le=1 << 53)]
"""The number of the last event that a reader has; events count from 1."""
MAX_WAIT = 30.0
"""Seconds."""


class Accepted(Response, frozen=True):
    """POST /api/v1/ai/analyze and /api/v1/wasm/analyze with ``Prefer: respond-async``. `url` is where to ask."""

    id: str
    url: str
    status: Literal["processing"] = "processing"


class JobQuery(msgspec.Struct, frozen=True):
    """The query of GET /api/v1/ai/jobs/{id} and /api/v1/wasm/jobs/{id}."""

    after: Cursor = 0
    wait: Annotated[float, Meta(ge=0, le=MAX_WAIT)] = 0.0
    """Seconds to wait for an event, or a result, where there is none yet."""


class TriageState(Response, frozen=True):
    """GET /api/v1/wasm/jobs/{id}: the modules' results behind ``after``, and the report once all are there."""

    id: str
    status: Literal["processing", "completed", "partial", "failed", "cancelled"]
    results: tuple[ModuleResult, ...]
    next: int
    """What to give as ``after`` next time."""
    report: Report | None = None
    error: Problem | None = None
    """Why there is no report."""


JobStateName = State | Literal["queued"]
"""``queued``: no provider answered, and the question is asked again when one is back."""


class JobState(Response, frozen=True):
    """An answer's state. `last` is the number of its newest event."""

    id: str
    state: JobStateName
    last: int
    done: bool


class JobPage(Response, frozen=True):
    """GET /api/v1/ai/jobs/{id}: the events behind ``after``, as many as fit."""

    id: str
    state: JobStateName
    events: Annotated[tuple[msgspec.Raw, ...], Meta(extra_json_schema={"items": {"type": "object"}})]
    """They are numbered without a gap, and the last of them is `next`."""
    next: int
    """What to give as ``after`` next time."""
    done: bool
    """There is nothing more to come."""
    result: AnalysisResult | None = None
    """The whole, once it is done."""


MAX_SHOWN = 1_000
"""Characters of a question in a list."""


class Queued(Response, frozen=True):
    """A question that nobody could answer yet, and that is asked again. `answer` of that id comes back for it."""

    id: str
    question: str
    """As far as it fits into a list."""
    sample: str | None
    why: Problem
    """The last that was said."""
    tries: int
    """How often it was asked again."""
    running: bool
    """It is being asked now."""
    next_try: float
    """Seconds; less when a provider is back before."""
    age: float
    """Seconds since it was asked."""


class Queue(Response, frozen=True):
    """GET /api/v1/ai/queue: the oldest first."""

    questions: tuple[Queued, ...]


class Command(Request, frozen=True, tag_field="type"):
    """Base of what is sent over /api/v1/ai/stream. One answer at a time."""


class Ask(Command, frozen=True, tag="ask"):
    request: AnalysisRequest
    id: JobId | None = None
    """Chosen by the caller, which may then repeat the question without asking twice."""


class Resume(Command, frozen=True, tag="resume"):
    id: JobId
    after: Cursor = 0


class Pause(Command, frozen=True, tag="pause"):
    pass


class Continue(Command, frozen=True, tag="continue"):
    pass


class Cancel(Command, frozen=True, tag="cancel"):
    pass


AnyCommand = Ask | Resume | Pause | Continue | Cancel


class JobEvent(Response, frozen=True, tag_field="type", tag="event"):
    """What /api/v1/ai/stream sends: one event of an answer, and its number."""

    id: str
    seq: int
    event: AnyEvent | msgspec.Raw


class StateChange(Response, frozen=True, tag_field="type", tag="state"):
    """Where the answer is. Of states that follow each other quickly only the last is told."""

    id: str
    state: State


class StreamError(Response, frozen=True, tag_field="type", tag="error"):
    """What was sent cannot be done, or the answer could not be had."""

    problem: Problem


AnyMessage = JobEvent | StateChange | StreamError
"""What /api/v1/ai/stream sends."""
