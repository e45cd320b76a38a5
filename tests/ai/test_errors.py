"""The error tables name all that the providers' documents list, and retry hints are read as they are meant."""

from __future__ import annotations

import pytest

from athena_lab.ai.providers.anthropic import STATUS_OF as ANTHROPIC_ENDS
from athena_lab.ai.providers.openai_chat import FAILURES
from athena_lab.ai.providers.openai_chat import STATUS_OF as OPENAI_ENDS
from athena_lab.ai.providers.wire import FAULTS, STATUSES, Complaint, retry_after
from athena_lab.ai.transports import Fault
from athena_lab.errors import (
    APIError,
    Forbidden,
    InvalidRequest,
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


# Words that the providers' SDKs and documents list, November 2026.
ANTHROPIC_TYPES = (
    "invalid_request_error",
    "authentication_error",
    "billing_error",
    "permission_error",
    "not_found_error",
    "rate_limit_error",
    "timeout_error",
    "api_error",
    "overloaded_error",
    "request_too_large",
)
ANTHROPIC_CODES = {
    "enforced_spend_limit_reached": QuotaExceeded,
    "contract_spend_limit_reached": QuotaExceeded,
    "linked_organization_spend_limit_reached": QuotaExceeded,
    "linked_organization_billing_unavailable": QuotaExceeded,
    "ramp_limit_exceeded": RateLimited,
    "organization_on_hold": Forbidden,
}
OPENAI_CODES = {
    "insufficient_quota": QuotaExceeded,
    "billing_hard_limit_reached": QuotaExceeded,
    "context_length_exceeded": InvalidRequest,
    "model_not_found": InvalidRequest,
    "invalid_api_key": Unauthorized,
}


def test_anthropic_s_words():
    table = WIRES["anthropic"].errors
    assert {word for word in ANTHROPIC_TYPES if word not in table.kinds and word not in table.codes} == set()
    for code, kind in ANTHROPIC_CODES.items():
        assert table.look_up(429, Complaint(code, "rate_limit_error")) is kind
    assert table.look_up(429, Complaint("", "rate_limit_error")) is RateLimited


def test_openai_s_words():
    table = WIRES["openai-chat"].errors
    for code, kind in OPENAI_CODES.items():
        for status in (400, 401, 403, 404, 429, None):
            assert table.look_up(status, Complaint(code, "invalid_request_error")) is kind
    assert table.look_up(401, Complaint("", "invalid_request_error")) is Unauthorized
    assert "shorter" in (table.next_step(Complaint("context_length_exceeded")) or "")


def test_the_providers_words_for_an_end():
    assert {
        "end_turn", "max_tokens", "stop_sequence", "tool_use", "pause_turn", "refusal", "model_context_window_exceeded",
    } == set(ANTHROPIC_ENDS)  # fmt: skip
    assert {"stop", "length", "tool_calls", "content_filter", "function_call"} <= set(OPENAI_ENDS)
    assert {"error", "insufficient_system_resource"} == FAILURES


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
