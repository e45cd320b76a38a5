"""Our Prometheus series.

They are declared at module scope in the default registry, which jupyter_server exports at ``/metrics``. Label values
are bounded: modules that the catalog knows, functions that a module describes, provider rows, bulkheads, error codes.
"""

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SLOW = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_WAITS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
_BYTES = (256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 33_554_432)

WASM_INITIALIZATION_SECONDS = Histogram(
    "athena_wasm_initialization_duration_seconds",
    "Time to verify, compile or load a module.",
    ("module",),
    buckets=_FAST,
)
WASM_OPERATION_SECONDS = Histogram(
    "athena_wasm_operation_duration_seconds", "Time of one call into a module.", ("module", "function"), buckets=_FAST
)
WASM_OPERATIONS = Counter("athena_wasm_operations", "Calls into modules.", ("module", "function", "status"))
WASM_TRAPS = Counter("athena_wasm_traps", "Calls that the sandbox ended, by cause.", ("module", "cause"))
WASM_MODULE_BYTES = Gauge("athena_wasm_module_size_bytes", "Size of a module's component.", ("module",))
WASM_MEMORY_BYTES = Gauge("athena_wasm_memory_usage_bytes", "Largest linear memory a module's calls used.", ("module",))
WASM_QUEUE_SIZE = Gauge("athena_wasm_queue_size", "Calls that wait for their places.")

AI_REQUESTS = Counter("athena_ai_requests", "Analyses asked of a provider.", ("provider", "status"))
AI_REQUEST_SECONDS = Histogram(
    "athena_ai_request_duration_seconds", "Time from request to the end of the answer.", ("provider",), buckets=_SLOW
)
AI_FIRST_TOKEN_SECONDS = Histogram(
    "athena_ai_time_to_first_token_seconds", "Time from request to the first token.", ("provider",), buckets=_SLOW
)
AI_TOKENS = Counter("athena_ai_tokens_used", "Tokens billed, as the provider counts them.", ("provider", "direction"))
AI_COST_DOLLARS = Gauge(
    # By type a gauge, since a counter's name would end in _total; it only ever grows, so rate() and increase() hold.
    "athena_ai_cost_estimate_dollars",
    "Estimated cost in US dollars of what was answered, where prices are known. Only grows.",
    ("provider",),
)
AI_STREAM_EVENTS = Counter("athena_ai_stream_events", "Events of answers that readers were given.", ("type",))
AI_ERRORS = Counter("athena_ai_errors", "Analyses that failed, by error code.", ("provider", "type"))

AI_RATE_LIMIT_HITS = Counter(
    "athena_ai_rate_limit_hits", "Requests that a rate limit stopped: a provider's 429, or our own wait.", ("provider",)
)
AI_CIRCUIT_STATE = Gauge(
    "athena_ai_circuit_state", "A provider's circuit breaker: 0 closed, 1 half-open, 2 open.", ("provider",)
)
AI_CIRCUIT_FAILURES = Counter(
    "athena_ai_circuit_failures", "Failures that a provider's circuit breaker counted.", ("provider",)
)
AI_RETRIES = Counter("athena_ai_retries", "Requests that a provider was asked again.", ("provider",))
AI_FAILOVERS = Counter("athena_ai_failovers", "Times that a provider was left for another.", ("provider", "reason"))
AI_REFUSALS = Counter("athena_ai_refusals", "Answers that a provider declined to give.", ("provider",))
AI_HEDGES = Counter("athena_ai_hedges", "Second providers asked beside a slow one.", ("provider", "outcome"))
AI_TOOL_CALLS = Counter(
    "athena_ai_tool_calls", "Functions that models asked for, and what came of it.", ("tool", "outcome")
)

AI_QUEUE_SIZE = Gauge("athena_ai_queue_size", "Attempts that wait for one of a provider's workers.", ("provider",))

BULKHEAD_RUNNING = Gauge("athena_bulkhead_running", "Places that are held.", ("bulkhead",))
BULKHEAD_WAITING = Gauge("athena_bulkhead_waiting", "Those who wait for a place.", ("bulkhead",))
BULKHEAD_WAIT_SECONDS = Histogram(
    "athena_bulkhead_wait_seconds", "Time of those who had to wait for a place.", ("bulkhead",), buckets=_WAITS
)
BULKHEAD_REJECTED = Counter("athena_bulkhead_rejected", "Those whom a full queue refused.", ("bulkhead",))

POOL_UTILIZATION = Gauge(
    "athena_pool_utilization",
    "Answers that are being had from a provider, by its number of workers. Above 1, some wait for a connection.",
    ("provider",),
)
REQUEST_BYTES = Histogram(
    "athena_request_size_bytes", "Size of the body of a request sent to a provider.", ("provider",), buckets=_BYTES
)
RESPONSE_BYTES = Histogram(
    "athena_response_size_bytes", "Bytes read of a provider's answer.", ("provider",), buckets=_BYTES
)

SAMPLES_BYTES = Counter("athena_samples_bytes", "Bytes of samples taken into quarantine.")
HTTP_REQUESTS = Counter("athena_http_requests", "Requests to our handlers.", ("handler", "method", "status"))
