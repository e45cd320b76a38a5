"""What OpenAI's two wires share: the words of its errors, and of those who follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from athena_lab.ai.providers.wire import (
    CONTEXT_STEP,
    MODEL_STEP,
    Complaint,
    StreamError,
    as_text,
    bearer,
    decode_loosely,
    error_in,
    models_of,
)
from athena_lab.ai.transports import HttpRequest
from athena_lab.errors import Forbidden, InvalidRequest, QuotaExceeded, RateLimited, ServiceUnavailable, Unauthorized

if TYPE_CHECKING:
    from collections.abc import Mapping

    from athena_lab.ai.keys import Secret
    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.providers.wire import ErrorType
    from athena_lab.ai.transports import Message
    from athena_lab.ai.types import Model

CODES: Final[Mapping[str, ErrorType]] = {
    "insufficient_quota": QuotaExceeded,
    "billing_hard_limit_reached": QuotaExceeded,
    "billing_not_active": QuotaExceeded,
    "access_terminated": Forbidden,
    "account_deactivated": Forbidden,
    "context_length_exceeded": InvalidRequest,
    "exceed_context_size_error": InvalidRequest,
    "model_not_found": InvalidRequest,
    "invalid_api_key": Unauthorized,
}
KINDS: Final[Mapping[str, ErrorType]] = {
    "invalid_request_error": InvalidRequest,
    "BadRequestError": InvalidRequest,
    "authentication_error": Unauthorized,
    "rate_limit_error": RateLimited,
    "rate_limit_exceeded": RateLimited,
    "server_error": ServiceUnavailable,
    "error": ServiceUnavailable,
    "insufficient_system_resource": ServiceUnavailable,
}
NEXT_STEPS: Final[Mapping[str, str]] = {
    "context_length_exceeded": CONTEXT_STEP,
    "exceed_context_size_error": CONTEXT_STEP,
    "model_not_found": MODEL_STEP,
}
REFUSALS: Final = frozenset(
    {"content_filter", "content_policy_violation", "cyber_policy", "invalid_prompt", "Content Exists Risk"}
)
"""``content_filter`` with HTTP 400 is Azure's; with ``invalid_prompt`` and ``cyber_policy`` OpenAI flags a prompt; the
last is DeepSeek's message, the only thing that tells its refusal from a malformed request."""


def complaint(body: bytes) -> Complaint:
    """``{"error": {...}}``, ``{"error": "text"}``, or the members of an error at the top (Mistral, vLLM)."""
    error = error_in(body)
    if isinstance(error, Complaint):
        return error
    code = error.get("code")
    message = as_text(error.get("message")) or as_text(error.get("detail"))
    return Complaint(str(code) if isinstance(code, (str, int)) else "", as_text(error.get("type")), message)


def stream_error(data: str) -> StreamError:
    """Of an error inside an answer. Its status is the body's ``status``, or a code that is one."""
    said = complaint(data.encode())
    return StreamError(said, _status(said.code) or _status(_member(data, "status")))


def headers(key: Secret | None) -> dict[str, str]:
    return {"content-type": "application/json", **bearer(key)}


def _member(data: str, name: str) -> str:
    said = decode_loosely(data.encode())
    value: Any = said.get(name) if isinstance(said, dict) else None
    return str(value) if isinstance(value, int) else ""


def _status(text: str) -> int | None:
    return int(text) if text.isdecimal() and len(text) == 3 else None  # noqa: PLR2004 - digits of HTTP's codes


class OpenAIWords:
    """Of a wire: the list of models and the errors, which are the same on both."""

    def models_request(self, row: ProviderRow, base_url: str, key: Secret | None) -> HttpRequest:
        return HttpRequest("GET", base_url + row.health, headers(key))

    def models(self, message: Message) -> tuple[Model, ...]:
        return models_of(message)

    @staticmethod
    def complaint(body: bytes) -> Complaint:
        return complaint(body)
