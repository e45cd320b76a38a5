"""What was spent, over HTTP and in this process; and the series that the server exports."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from athena_lab import AnalysisRequest
from athena_lab.errors import InvalidField
from tests.ai.test_metrics import NAMES
from tests.jupyter.test_lab import lab, make_lab, model, served  # noqa: F401 - fixtures


async def test_a_question_is_counted_and_the_report_says_so(lab):  # noqa: F811 - a fixture
    assert (await lab.usage()).days == ()
    result = await lab.analyze(AnalysisRequest("What is it?"))
    assert result.status == "completed"
    report = await lab.usage(days=7)
    (day,) = report.days
    assert (day.provider, day.model, day.spent.requests) == ("local", result.model, 1)
    assert day.spent.tokens > 0
    assert day.spent == report.today
    assert report.problem is None
    assert 0 < report.resets_in <= 86_400
    (local,) = [status for status in await lab.providers() if status.name == "local"]
    assert local.usage == day.spent
    (local,) = [status for status in await lab.providers(refresh=True) if status.name == "local"]
    assert local.state == "available"


@pytest.mark.parametrize("days", [0, -1, 3_651])
async def test_days_have_a_range(lab, days):  # noqa: F811 - a fixture
    with pytest.raises(InvalidField):
        await lab.usage(days)


@pytest.mark.parametrize(
    ("query", "status"),
    [({}, 200), ({"days": "30"}, 200), ({"days": "x"}, 422), ({"days": "0"}, 422), ({"1700000000": ""}, 200)],
)
async def test_the_query(call, query, status):
    code, answer = await call("api", "v1", "ai", "usage", params=query)
    assert code == status
    assert answer["problem" if status == 200 else "code"] == (None if status == 200 else "invalid_field")


@pytest.fixture
def _tight(monkeypatch):
    monkeypatch.setenv("ATHENA_AI__BUDGET__DAILY_TOKENS", "100")
    monkeypatch.setenv("ATHENA_AI__BUDGET__PROVIDERS__LOCAL__DAILY_TOKENS", "50")


@pytest.mark.usefixtures("_tight", "model")
async def test_a_budget_from_the_settings_refuses_by_name(call):
    code, answer = await call("api", "v1", "ai", "analyze", body={"question": "?"})
    assert (code, answer["status"], answer["error"]["code"]) == (200, "degraded", "budget_exceeded")
    _, usage = await call("api", "v1", "ai", "usage")
    assert [(b["provider"], b["unit"], b["left"]) for b in usage["budgets"]] == [
        (None, "tokens", 100),
        ("local", "tokens", 50),
    ]


@pytest.mark.usefixtures("model")
async def test_the_server_exports_the_series(call, jp_fetch):
    code, answer = await call("api", "v1", "ai", "analyze", body={"question": "What is it?"})
    assert (code, answer["status"]) == (200, "completed")
    await call("api", "v1", "ai", "analyze", body={"question": "?", "options": {"deadline": 1e-9}})
    response = await jp_fetch("metrics")
    text = response.body.decode()
    found = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    assert set(NAMES) <= found
    assert 'athena_ai_requests_total{provider="local",status="completed"}' in text
    assert 'athena_ai_errors_total{provider="local",type="deadline_exceeded"}' in text
