"""The error tables name all that the providers' documents list, and retry hints are read as they are meant."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import pytest

from athena_lab.ai.providers.anthropic import STATUS_OF as ANTHROPIC_ENDS
from athena_lab.ai.providers.gemini import BLOCKED
from athena_lab.ai.providers.gemini import ENDS as GEMINI_ENDS
from athena_lab.ai.providers.openai_chat import FAILURES
from athena_lab.ai.providers.openai_chat import STATUS_OF as OPENAI_ENDS
from athena_lab.ai.providers.openai_responses import INCOMPLETE
from athena_lab.ai.providers.wire import FAULTS, STATUSES, Complaint, retry_after
from athena_lab.ai.transports import Fault
from athena_lab.errors import (
    APIError,
    Forbidden,
    InvalidRequest,
    ProviderTimeout,
    QuotaExceeded,
    RateLimited,
    ServiceUnavailable,
    Unauthorized,
)
from tests.ai.recorded import WIRES


def test_every_fault_of_the_transport_has_a_name():
    assert set(FAULTS) == set(Fault)


@pytest.mark.parametrize("wire", WIRES.values(), ids=WIRES)
def test_every_status_of_an_error_has_a_name(wire):
    for status in range(300, 600):
        kind = wire.errors.look_up(status, Complaint())
        assert issubclass(kind, APIError)
        assert (kind is ServiceUnavailable) == ((status >= 500 and status != 504) or status in {409, 425, 498})
    assert STATUSES[529] is STATUSES[498] is ServiceUnavailable
    assert STATUSES[402] is QuotaExceeded


def words(union: object) -> set[str]:
    """Of a Literal, or of those in a Union."""
    if get_origin(union) is Literal:
        return set(get_args(union))
    return {word for part in get_args(union) for word in words(part)}


def words_of(model: Any, field: str) -> set[str]:
    """Of a field of one of the SDKs' pydantic models."""
    return words(model.model_fields[field].annotation)


# -- what the official SDKs list


def test_anthropic_s_words():
    from anthropic.types import StopReason  # noqa: PLC0415 - half a second
    from anthropic.types.shared import ErrorType  # noqa: PLC0415

    table = WIRES["anthropic"].errors
    assert words(ErrorType) - table.kinds.keys() - table.codes.keys() == set()
    assert words(StopReason) == set(ANTHROPIC_ENDS)


EXPECTED = {
    400: InvalidRequest,
    401: Unauthorized,
    402: QuotaExceeded,
    403: Forbidden,
    404: InvalidRequest,
    408: ProviderTimeout,
    409: ServiceUnavailable,
    412: InvalidRequest,
    413: InvalidRequest,
    415: InvalidRequest,
    422: InvalidRequest,
    429: RateLimited,
    431: InvalidRequest,
    499: InvalidRequest,
    501: ServiceUnavailable,
    503: ServiceUnavailable,
    504: ProviderTimeout,
    529: ServiceUnavailable,
}
UNLIKE_THEIR_STATUS = {
    "enforced_spend_limit_reached": QuotaExceeded,
    "contract_spend_limit_reached": QuotaExceeded,
    "organization_on_hold": Forbidden,
}


def test_anthropic_s_error_codes():
    """Each of them means what its status means, but for those that say that waiting does not help."""
    from anthropic._error_classes import ERROR_CLASSES  # noqa: PLC0415 - half a second

    table = WIRES["anthropic"].errors
    assert len(ERROR_CLASSES) > 50
    codes = {code for _, code in ERROR_CLASSES}
    assert set(UNLIKE_THEIR_STATUS) <= codes
    for status, code in ERROR_CLASSES:
        kind = UNLIKE_THEIR_STATUS.get(code or "", EXPECTED[status])
        assert table.look_up(status, Complaint(code or "", "an_error")) is kind, (status, code)


def test_openai_s_words():
    from openai.types.chat.chat_completion_chunk import Choice  # noqa: PLC0415 - a second

    table = WIRES["openai-chat"].errors
    assert words_of(Choice, "finish_reason") <= set(OPENAI_ENDS)
    for wire in ("openai-chat", "openai-responses"):
        for code, kind in OPENAI_CODES.items():
            for status in (400, 401, 403, 404, 429, None):
                assert WIRES[wire].errors.look_up(status, Complaint(code, "invalid_request_error")) is kind
    assert table.look_up(401, Complaint("", "invalid_request_error")) is Unauthorized
    assert "shorter" in (table.next_step(Complaint("context_length_exceeded")) or "")


def test_the_words_of_openai_s_responses():
    from openai.types.responses import ResponseError, ResponseStatus  # noqa: PLC0415 - a second
    from openai.types.responses.response import IncompleteDetails  # noqa: PLC0415

    table = WIRES["openai-responses"].errors
    codes = words_of(ResponseError, "code")
    assert codes - table.codes.keys() - table.refusals == set()
    assert {code for code in codes if "policy" in code or code == "invalid_prompt"} == codes & table.refusals
    assert words_of(IncompleteDetails, "reason") == set(INCOMPLETE)
    assert words(ResponseStatus) == {"completed", "failed", "in_progress", "cancelled", "queued", "incomplete"}


def test_the_words_of_those_who_speak_openai_s_wire():
    from groq.types.chat.chat_completion_chunk import Choice  # noqa: PLC0415 - half a second
    from mistralai.client.models import CompletionResponseStreamChoice  # noqa: PLC0415

    assert words_of(Choice, "finish_reason") <= set(OPENAI_ENDS)
    assert words_of(CompletionResponseStreamChoice, "finish_reason") <= set(OPENAI_ENDS) | FAILURES
    assert {"error", "insufficient_system_resource"} == FAILURES


def test_gemini_s_words():
    from google.genai.types import BlockedReason, FinishReason  # noqa: PLC0415 - two seconds

    assert {reason.value for reason in FinishReason} == set(GEMINI_ENDS)
    assert len(GEMINI_ENDS) == 24
    assert {reason.value for reason in BlockedReason} == BLOCKED
    table = WIRES["gemini"].errors
    failures = {reason for reason, status in GEMINI_ENDS.items() if status == "failed"}
    assert failures <= table.codes.keys()


# The codes of google.rpc (https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto), as its HTTP
# mapping has them there.
RPC = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "UNAUTHENTICATED": 401,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}


def test_google_s_codes():
    table = WIRES["gemini"].errors
    assert set(RPC) == table.kinds.keys() | {"FAILED_PRECONDITION"}
    for code, status in RPC.items():
        with_status, alone = (table.look_up(given, Complaint(kind=code)) for given in (status, None))
        differ = {"CANCELLED", "UNIMPLEMENTED", "ALREADY_EXISTS"}  # their statuses say less, or more, than they do
        assert (with_status is alone) == (code not in differ), code


# -- what their documents list beside

OPENAI_CODES = {
    "insufficient_quota": QuotaExceeded,
    "billing_hard_limit_reached": QuotaExceeded,
    "context_length_exceeded": InvalidRequest,
    "model_not_found": InvalidRequest,
    "invalid_api_key": Unauthorized,
}


@pytest.mark.parametrize(
    ("wire", "status", "said", "kind"),
    [
        ("openai-chat", 402, Complaint(message="Insufficient Balance"), QuotaExceeded),
        ("openai-chat", 498, Complaint(), ServiceUnavailable),
        ("openai-chat", None, Complaint(kind="insufficient_system_resource"), ServiceUnavailable),
        ("anthropic", 429, Complaint("enforced_spend_limit_reached", "rate_limit_error"), QuotaExceeded),
        ("anthropic", 429, Complaint("contract_spend_limit_reached", "rate_limit_error"), QuotaExceeded),
        ("anthropic", 402, Complaint("linked_organization_spend_limit_reached"), QuotaExceeded),
        ("anthropic", 429, Complaint("ramp_limit_exceeded", "rate_limit_error"), RateLimited),
        ("anthropic", 529, Complaint("", "overloaded_error"), ServiceUnavailable),
        ("anthropic", None, Complaint("", "request_too_large"), InvalidRequest),
        ("gemini", 400, Complaint("API_KEY_INVALID", "INVALID_ARGUMENT"), Unauthorized),
        ("gemini", 429, Complaint("", "RESOURCE_EXHAUSTED"), RateLimited),
    ],
)
def test_what_the_documents_list(wire, status, said, kind):
    assert WIRES[wire].errors.look_up(status, said) is kind


@pytest.mark.parametrize(
    ("wire", "word"),
    [
        ("openai-chat", "content_filter"),
        ("openai-chat", "invalid_prompt"),
        ("openai-chat", "cyber_policy"),
        ("openai-responses", "content_filter"),
        ("openai-responses", "bio_policy"),
    ],
)
def test_a_refusal_is_no_error(wire, word):
    table = WIRES[wire].errors
    assert table.refusal(Complaint(word, "invalid_request_error")) == word
    assert table.refusal(Complaint("", "invalid_request_error", f"about {word}")) is None


NOW = 1_795_450_000.0  # Mon, 23 Nov 2026 16:06:40 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Mon, 23 Nov 2026 16:07:10 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 16:00:00 GMT"}, 0.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Mon, 99 Nov 99999 99:99:99 GMT"}, None),
    ],
)
def test_retry_after(headers, seconds):
    assert retry_after(headers, NOW) == seconds


async def test_retry_after_is_waited_for(server, manager_for, request_of, patience):
    from athena_lab.ai import build_prompt  # noqa: PLC0415 - only here
    from tests.ai.recorded import OPENAI  # noqa: PLC0415, WIRES
    from tests.peers.scripted_server import reply, stream  # noqa: PLC0415

    server.will(reply(429, "", {"retry-after": "17"}), reply(529, "", {"retry-after-ms": "2500"}), stream([OPENAI]))
    result = await manager_for().analyze(request_of(), build_prompt("?"))
    assert result.status == "completed"
    assert patience.slept == [17.0, 2.5]
    assert [(a.error, a.wait) for a in result.attempts] == [
        ("rate_limited", 0.0),
        ("service_unavailable", 17.0),
        (None, 2.5),
    ]
