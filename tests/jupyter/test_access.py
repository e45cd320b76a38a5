"""Who may call what: every route of the running server, and the addresses that must not work."""

from __future__ import annotations

import json
import os
import re

import pytest
from tornado.httpclient import HTTPClientError
from tornado.routing import PathMatches

from athena_lab.jupyter.handlers.base import AthenaHandler

V1 = ("api", "v1")


def our_routes(app):
    """(path, handler class) of every handler of ours that the server has, whatever table it came from."""
    for host in app.web_app.default_router.rules:
        for rule in host.target.rules:
            if getattr(rule.target, "__module__", "").startswith("athena_lab"):
                assert isinstance(rule.matcher, PathMatches)
                yield rule.matcher.regex.pattern.rstrip("$").replace("\\", ""), rule.target


def methods_of(handler):
    absent = AthenaHandler._unimplemented_method
    return [method for method in ("GET", "POST", "DELETE") if getattr(handler, method.lower()) is not absent]


def concrete(pattern):
    path = re.sub(r"\(\?:ai\|.*", "ai/nothing", pattern.replace("(?:/.*)?", "/nothing"))
    return re.sub(r"\([^)]*\)", "x", path)


async def send(http_server_client, path, method, **headers):
    body = b"{}" if method in {"POST", "PUT"} else None
    try:
        return await http_server_client.fetch(path, method=method, body=body, headers=headers, follow_redirects=False)
    except HTTPClientError as error:
        return error.response


async def test_every_route_of_ours_demands_a_token_but_health(jp_serverapp, http_server_client):
    routes = list(our_routes(jp_serverapp))
    assert len(routes) > 20
    for pattern, handler in routes:
        assert issubclass(handler, AthenaHandler)
        for method in methods_of(handler):
            response = await send(http_server_client, concrete(pattern), method)
            if pattern.endswith("/health"):
                assert response.code == 200
                continue
            problem = json.loads(response.body)
            assert (response.code, problem["code"]) == (401, "not_authenticated"), pattern
            assert response.headers["WWW-Authenticate"] == "token"


async def test_no_answer_to_a_foreign_host_or_origin(jp_serverapp, http_server_client, jp_auth_header):
    assert list(our_routes(jp_serverapp))
    for pattern, handler in our_routes(jp_serverapp):
        method = (methods_of(handler) or ["POST"])[-1]
        for extra in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
            response = await send(http_server_client, concrete(pattern), method, **jp_auth_header, **extra)
            assert (response.code, json.loads(response.body)["code"]) == (403, "not_allowed"), (pattern, extra)
            assert "Access-Control-Allow-Origin" not in response.headers


@pytest.mark.parametrize("token", ["wrong", "", "a" * 10_000])
async def test_a_wrong_token_is_401(call, token):
    status, problem = await call(*V1, "wasm", "modules", headers={"Authorization": f"token {token}"})
    assert (status, problem["code"]) == (401, "not_authenticated")


async def test_a_kernels_token_analyses_but_does_not_control(jp_serverapp, call, jp_fetch):
    token = jp_serverapp.web_app.settings["athena_kernel_token"]
    headers = {"Authorization": f"token {token}", "Content-Type": "application/json"}
    status, _ = await call(*V1, "wasm", "modules", headers=headers)
    assert status == 200
    status, _ = await call(*V1, "wasm", "analyze", body={"fileData": "eA=="}, headers=dict(headers))
    assert status == 200
    for action in ("pause", "resume", "cancel"):
        status, problem = await call(*V1, "ai", "jobs", "x", action, body={}, headers=dict(headers))
        assert (status, problem["code"]) == (404, "unknown_job")
    controls = ("wasm", "load"), ("wasm", "modules", "misbehave", "reload"), ("ai", "providers", "local", "breaker")
    for path in controls:
        status, problem = await call(*V1, *path, body={}, headers=dict(headers))
        assert (status, problem["code"]) == (403, "not_allowed")
    with pytest.raises(HTTPClientError) as caught:  # nothing of Jupyter's own
        await jp_fetch("api", "contents", headers=headers)
    assert caught.value.code == 403


async def test_preflights_of_foreign_pages_are_refused(http_server_client, jp_base_url):
    response = await send(
        http_server_client,
        f"{jp_base_url}api/v1/wasm/analyze",
        "OPTIONS",
        Origin="http://evil.example",
        **{"Access-Control-Request-Headers": "authorization"},
    )
    assert response.code == 403
    assert "Access-Control-Allow-Origin" not in response.headers


class TestWithAnAllowList:
    @pytest.fixture
    def jp_server_config(self, jp_server_config):
        return jp_server_config | {"AthenaApp": {"allowed_origins": ["https://dash.example"]}}

    async def test_only_what_is_listed_is_answered(self, http_server_client, jp_base_url, jp_auth_header):
        path = f"{jp_base_url}api/v1/wasm/modules"
        good = await send(http_server_client, path, "GET", Origin="https://dash.example", **jp_auth_header)
        assert good.code == 200
        assert good.headers["Access-Control-Allow-Origin"] == "https://dash.example"
        nothing = f"{path}/none/none"
        error = await send(http_server_client, nothing, "GET", Origin="https://dash.example", **jp_auth_header)
        assert (error.code, error.headers["Access-Control-Allow-Origin"]) == (404, "https://dash.example")
        preflight = await send(http_server_client, path, "OPTIONS", Origin="https://dash.example")
        assert preflight.code == 204
        assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
        for origin in ("http://dash.example", "https://dash.example.evil", "https://dash.example:444"):
            bad = await send(http_server_client, path, "GET", Origin=origin, **jp_auth_header)
            assert bad.code == 403


@pytest.mark.usefixtures("greedy_too")
async def test_health_tells_no_secret_and_no_version(http_server_client, jp_base_url):
    response = await send(http_server_client, f"{jp_base_url}health", "GET")
    health = json.loads(response.body)
    assert health["status"] == "degraded"
    assert set(health["components"]) == {"api", "wasm", "providers", "queues", "later"}
    for word in ("wasmtime", "/", "claude"):
        assert word not in response.body.decode().replace("/api/v1/status/wasm", "")


class TestWithKeys:
    @pytest.fixture
    def jp_server_config(self, jp_server_config, request):
        ours = "nowhere" in request.node.name  # as under `jupyter athena`
        return jp_server_config | {"AthenaApp": {"keep_keys_from_kernels": True}} if ours else jp_server_config

    @pytest.fixture(autouse=True)
    def _keys(self, monkeypatch):
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-very-secret-0123456789")
        monkeypatch.setenv("GROQ_API_KEY", "gsk_another-secret-0123456789")

    async def test_keys_stay_in_the_environment_of_a_server_that_is_not_ours(self, jp_serverapp):
        assert jp_serverapp.web_app.settings["athena_lab"]
        assert os.environ["GROQ_API_KEY"]

    async def test_keys_are_nowhere_to_be_seen(self, jp_serverapp, call, caplog):
        assert not [name for name in os.environ if name.endswith("_API_KEY")]  # kernels inherit the environment
        seen = [repr(vars(jp_serverapp.web_app.settings["athena_lab"])), caplog.text, json.dumps(dict(os.environ))]
        seen += [json.dumps(await call(*path)) for path in (("health",), (*V1, "wasm", "capabilities"))]
        assert "2 configured" in seen[-2]
        for text in seen:
            assert "secret" not in text


async def test_paths_that_are_no_route_are_named(call):
    for path in (
        ("wasm", "nothing"),
        ("ai",),
        ("samples", "a", "b"),
        ("status", "x"),
        ("nothing",),
        ("wasm2", "x"),
        (),
    ):
        status, problem = await call(*V1, *path)
        assert (status, problem["code"]) == (404, "unknown_route"), path
        assert problem["next_step"] == "Check the path: GET /api/v1/openapi.json lists all that there are."
    status, problem = await call(*V1, "nothing", headers={"Authorization": "token none"})
    assert (status, problem["code"]) == (401, "not_authenticated")
    status, problem = await call(*V1, "wasm", "analyze", method="GET")
    assert (status, problem["code"]) == (405, "method_not_allowed")


@pytest.mark.parametrize("method", ["GET", "TRACE"])
async def test_an_error_says_what_would_do_and_how_to_find_it_in_the_log(
    http_server_client, jp_base_url, jp_auth_header, method
):
    path = f"{jp_base_url}api/v1/wasm/analyze"
    with pytest.raises(HTTPClientError) as caught:
        await http_server_client.fetch(path, method=method, headers=jp_auth_header, allow_nonstandard_methods=True)
    response = caught.value.response
    assert (response.code, response.headers["Allow"]) == (405, "POST, OPTIONS")
    assert json.loads(response.body)["request_id"] == response.headers["X-Request-Id"] != ""


async def test_a_cookie_alone_needs_the_xsrf_header(http_server_client, jp_base_url, jp_auth_header):
    page = await send(http_server_client, f"{jp_base_url}api/v1/wasm/modules", "GET", **jp_auth_header)
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    headers = {"Cookie": cookie, "Content-Type": "application/json"}
    response = await send(http_server_client, f"{jp_base_url}api/v1/wasm/init", "POST", **headers)
    assert (response.code, json.loads(response.body)["code"]) == (403, "not_allowed")
