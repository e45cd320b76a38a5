"""A provider's breaker by hand, and what the health says of who answers for whom."""

from __future__ import annotations

import pytest

from athena_lab import AnalysisRequest
from athena_lab.errors import InvalidField, NotAllowed
from athena_lab.lab import Lab, open_lab
from tests.jupyter.test_lab import lab, make_lab, model, served  # noqa: F401 - fixtures

V1 = ("api", "v1", "ai")
BREAKER = (*V1, "providers", "local", "breaker")


@pytest.fixture
def _another(monkeypatch):
    """A provider that comes after the local one, and is never asked here."""
    monkeypatch.setenv("ATHENA_PROVIDERS__LOCAL__PRIORITY", "1")
    monkeypatch.setenv("GROQ_API_KEY", "gsk_a_test_key")
    monkeypatch.setenv("ATHENA_AI__HEALTH__MONITOR", "off")


@pytest.mark.usefixtures("model")
async def test_a_provider_that_is_shut_by_hand_is_not_asked_until_it_is_let_again(call):
    code, status = await call(*BREAKER, body={"state": "open"})
    assert (code, status["name"], status["state"]) == (200, "local", "circuit_open")
    assert (status["breaker"]["state"], status["breaker"]["forced"]) == ("open", True)
    _, answer = await call(*V1, "analyze", body={"question": "?"})
    assert (answer["status"], answer["error"]["code"]) == ("degraded", "circuit_open")
    code, status = await call(*BREAKER, body={"state": "closed"})
    assert (code, status["state"], status["breaker"]["state"]) == (200, "available", "closed")
    _, answer = await call(*V1, "analyze", body={"question": "?"})
    assert answer["status"] == "completed"


@pytest.mark.usefixtures("_another", "model")
async def test_who_answers_is_told_with_names_to_those_who_may_know(call, http_server_client, jp_base_url):
    _, health = await call("health")
    assert health["components"]["providers"] == {"status": "healthy", "detail": "2 configured."}
    await call(*BREAKER, body={"state": "open"})
    _, health = await call("health")
    assert (health["status"], health["components"]["providers"]["status"]) == ("degraded", "degraded")
    said = health["components"]["providers"]["detail"]
    assert said == "local was taken out by hand, groq answers. 1 of 2 configured can be asked now."
    response = await http_server_client.fetch(f"{jp_base_url}health")
    assert b"1 of 2 configured can be asked now." in response.body
    assert b"groq" not in response.body


@pytest.mark.usefixtures("model")
async def test_where_nobody_can_be_asked_the_part_is_unhealthy_and_the_server_lives(call):
    await call(*BREAKER, body={"state": "open"})
    code, health = await call("health")
    assert (code, health["status"], health["components"]["providers"]["status"]) == (200, "degraded", "unhealthy")


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("nobody", {"state": "open"}, 422),
        ("local", {"state": "half_open"}, 422),
        ("local", {}, 422),
        ("local", {"state": "open", "x": 1}, 422),
    ],
)
async def test_what_cannot_be_is_named(call, name, body, code):
    status, problem = await call(*V1, "providers", name, "breaker", body=body)
    assert (status, problem["code"]) == (code, "invalid_field")


async def test_a_kernel_may_not(jp_serverapp, call):
    token = jp_serverapp.web_app.settings["athena_kernel_token"]
    status, problem = await call(*BREAKER, body={"state": "open"}, headers={"Authorization": f"token {token}"})
    assert (status, problem["code"]) == (403, "not_allowed")


async def test_by_python(lab):  # noqa: F811 - a fixture
    if not isinstance(lab, Lab):  # it has a kernel's token
        with pytest.raises(NotAllowed):
            await lab.breaker("local", "open")
        return
    status = await lab.breaker("local", "open")
    assert status.breaker.forced
    result = await lab.analyze(AnalysisRequest("?", provider="local"))
    assert result.error.code == "circuit_open"
    assert (await lab.breaker("local", "closed")).state == "available"
    for wrong in (lab.breaker("nobody", "open"), lab.breaker("local", "ajar"), lab.breaker("local", None)):
        with pytest.raises(InvalidField):
            await wrong


async def test_a_provider_that_nothing_is_known_of_can_be_shut():
    async with open_lab() as ours:
        status = await ours.breaker("claude", "open")
    assert (status.name, status.state, status.breaker.forced) == ("claude", "no_api_key", True)
