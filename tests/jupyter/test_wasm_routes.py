"""The sandbox over HTTP, as dashboards and programs use it."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

OCTETS = {"Content-Type": "application/octet-stream"}
V1 = ("api", "v1")


async def test_capabilities_name_modules_functions_and_limits(call):
    status, answer = await call(*V1, "wasm", "capabilities")
    assert status == 200
    assert answer["runtime"].startswith("wasmtime ")
    assert answer["limits"]["maxSampleBytes"] == 4_000_000
    (module,) = answer["modules"]
    assert module["name"] == "misbehave"
    assert {"trap", "loop"} <= {function["name"] for function in module["functions"]}


@pytest.mark.usefixtures("greedy_too")
async def test_init_is_idempotent_and_load_and_modules_agree(call):
    for _ in range(2):
        status, answer = await call(*V1, "wasm", "init", body={})
        assert (status, answer["status"]) == (200, "degraded")  # greedy is refused, and says so
        assert "wasi:clocks" in answer["detail"]
    _, loaded = await call(*V1, "wasm", "load", body={"modules": ["misbehave"]})
    _, modules = await call(*V1, "wasm", "modules")
    assert loaded == modules
    states = {module["name"]: module["status"] for module in modules["modules"]}
    assert states == {"misbehave": "loaded", "greedy": "failed"}


async def test_a_sample_as_base64_gives_a_report(call):
    data = b"MZ" + b"\0" * 100
    body = {
        "fileData": base64.b64encode(data).decode(),
        "name": "a.exe",
        "analysisType": "full",
        "options": {"timeout": 5},
    }
    status, report = await call(*V1, "wasm", "analyze", body=body)
    assert (status, report["status"]) == (200, "completed")
    assert report["sample"] == {"sha256": hashlib.sha256(data).hexdigest(), "size": 102, "name": "a.exe"}
    assert report["results"]["analysis"]["misbehave"]["data"]["size"] == 102
    assert set(report["performance"]["moduleTimings"]) == {"misbehave"}
    assert report["performance"]["totalTime"] > 0


async def test_an_upload_is_kept_and_can_be_named_by_its_hash(call):
    data = bytes(range(256)) * 4_000
    status, sample = await call(*V1, "samples", raw=data, headers=dict(OCTETS), params={"name": "../x\u202e.bin"})
    assert (status, sample["size"], sample["name"]) == (200, 1_024_000, "x\ufffd.bin")
    status, again = await call(*V1, "samples", sample["sha256"])
    assert (status, again) == (200, sample)
    status, report = await call(*V1, "wasm", "analyze", body={"sample": sample["sha256"]})
    assert report["results"]["analysis"]["misbehave"]["data"]["sum"] == sum(data)


async def test_an_upload_can_be_analysed_at_once(call):
    status, report = await call(
        *V1, "wasm", "analyze", raw=b"hello", headers=dict(OCTETS), params={"name": "h", "analysisType": "quick"}
    )
    assert (status, report["analysisType"], report["sample"]["name"]) == (200, "quick", "h")


async def test_results_stream_per_module_and_the_report_comes_last(jp_fetch):
    response = await jp_fetch(
        *V1, "wasm", "analyze", method="POST", body=b"hello", headers=OCTETS | {"Accept": "text/event-stream"}
    )
    assert response.headers["Content-Type"] == "text/event-stream"
    events = [block.split("\n") for block in response.body.decode().strip().split("\n\n")]
    assert [event[0] for event in events] == ["event: module", "event: report"]
    assert json.loads(events[-1][1].removeprefix("data: "))["status"] == "completed"


async def test_execute_calls_one_function(call):
    body = {"module": "misbehave", "function": "echo", "fileData": base64.b64encode(b"abc").decode()}
    status, answer = await call(*V1, "wasm", "execute", body=body)
    assert (status, answer["result"]) == (200, {"size": 3, "sum": 294})
    assert answer["time"] > 0


async def test_metrics_and_status_count_what_happened(call):
    await call(*V1, "wasm", "analyze", raw=b"hello", headers=dict(OCTETS))
    await call(*V1, "wasm", "execute", body={"module": "misbehave", "function": "trap"})
    _, metrics = await call(*V1, "wasm", "metrics")
    counts = metrics["modules"]["misbehave"]
    assert (counts["calls"], counts["errors"], counts["bytes"]) == (2, 1, 5)
    assert "unreachable" in counts["lastError"]
    _, status = await call(*V1, "status", "wasm")
    assert status["modules"] == metrics["modules"]
    assert status["lastCheck"] > 1.7e9


async def test_our_series_join_the_servers_metrics(jp_fetch, call):
    await call(*V1, "wasm", "execute", body={"module": "misbehave", "function": "trap"})
    text = (await jp_fetch("metrics")).body.decode()
    assert 'athena_wasm_traps_total{cause="unreachable",module="misbehave"}' in text
    assert "athena_wasm_operation_duration_seconds_bucket" in text
    assert "athena_http_requests_total" in text


@pytest.mark.usefixtures("greedy_too")
async def test_reload_tells_both_versions(call):
    await call(*V1, "wasm", "init", body={})
    status, answer = await call(*V1, "wasm", "modules", "misbehave", "reload", body={})
    assert (status, answer["success"], answer["previousVersion"]) == (200, True, answer["newVersion"])
    status, answer = await call(*V1, "wasm", "modules", "greedy", "reload", body={})
    assert (status, answer["success"]) == (200, False)
    assert "wasi:clocks" in answer["detail"]


def b64(data):
    return base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"fileData": ""}, 422, "empty_sample"),
        ({"fileData": "not base64!"}, 422, "invalid_field"),
        ({"fileData": "YWJj=ZGVm"}, 422, "invalid_field"),
        ({"fileData": "häßlich"}, 422, "invalid_field"),
        ({"fileData": b64(b"x"), "sample": "0" * 64}, 422, "invalid_field"),
        ({}, 400, "malformed_request"),
        ({"sample": "0" * 64}, 404, "sample_not_found"),
        ({"sample": "../../etc/passwd"}, 422, "invalid_field"),
        ({"fileData": b64(b"x"), "modules": ["none"]}, 404, "unknown_module"),
        ({"fileData": b64(b"x"), "modules": []}, 422, "invalid_field"),
        ({"fileData": b64(b"x"), "analysisType": "deep"}, 422, "invalid_field"),
        ({"fileData": b64(b"x"), "analysisType": "behavior"}, 422, "invalid_field"),
        ({"fileData": b64(b"x"), "options": {"timeout": 0}}, 422, "invalid_field"),
        ({"fileData": b64(b"x"), "options": {"timeOut": 1}}, 422, "invalid_field"),
        ({"fileData": b64(b"x"), "extra": 1}, 422, "invalid_field"),
        ({"fileData": 5}, 422, "invalid_field"),
        ([], 422, "invalid_field"),
        ("text", 422, "invalid_field"),
    ],
)
async def test_what_cannot_be_analysed_is_named(call, body, status, code):
    got, problem = await call(*V1, "wasm", "analyze", body=body)
    assert (got, problem["status"], problem["code"]) == (status, status, code)
    assert problem["detail"].endswith(".")
    assert problem["next_step"].endswith(".")
    assert problem["request_id"]


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"{", "malformed_request"),
        (b"\xff\xfe", "malformed_request"),
        (b'{"fileData": "\xff"}', "malformed_request"),
        (b'{"fileData": "\\ud800"}', "malformed_request"),
        (b'{"options": {"timeout": NaN}}', "malformed_request"),
        (b"[" * 100_000, "invalid_field"),
        (b'{"options":' * 50_000, "invalid_field"),
        (b'{"args":' * 50_000, None),
        (b'{"fileData": 1e999}', "invalid_field"),
    ],
)
@pytest.mark.parametrize("route", ["analyze", "execute", "load"])
async def test_json_that_is_none_never_gets_a_500(call, raw, code, route):
    status, problem = await call(*V1, "wasm", route, raw=raw)
    assert status in {400, 422}
    assert problem["code"] in {"malformed_request", "invalid_field"}
    if route == "analyze" and code:
        assert problem["code"] == code


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"module": "none", "function": "analyze"}, 404, "unknown_module"),
        ({"module": "misbehave", "function": "none"}, 404, "unknown_function"),
        ({"module": "misbehave", "function": "trap"}, 502, "module_trap"),
        ({"module": "misbehave", "function": "eat-memory"}, 502, "module_memory"),
        ({"module": "misbehave", "function": "loop", "timeout": 0.05}, 504, "module_deadline"),
        ({"module": "misbehave", "function": "bad-json"}, 502, "bad_output"),
        ({"module": "misbehave", "function": "refuse"}, 422, "module_refused"),
        ({"module": "misbehave", "function": "echo", "args": []}, 422, "invalid_field"),
        ({"module": "misbehave", "function": "echo", "args": {"x": "y" * 1_100_000}}, 413, "body_too_large"),
        ({"module": "misbehave"}, 422, "invalid_field"),
    ],
)
async def test_what_a_function_does_wrong_is_named(call, body, status, code):
    got, problem = await call(*V1, "wasm", "execute", body=body)
    assert (got, problem["code"]) == (status, code)


@pytest.mark.usefixtures("greedy_too")
async def test_a_module_that_could_not_be_loaded_is_in_the_report(call):
    status, report = await call(*V1, "wasm", "analyze", body={"fileData": b64(b"x")})
    assert (status, report["status"]) == (200, "partial")
    assert report["results"]["analysis"]["greedy"]["error"]["code"] == "bad_module"
    assert report["results"]["analysis"]["misbehave"]["status"] == "ok"
    status, problem = await call(*V1, "wasm", "analyze", body={"fileData": b64(b"x"), "modules": ["greedy"]})
    assert (status, problem["code"]) == (503, "bad_module")


async def test_one_failing_module_does_not_end_the_report(call):
    body = {"fileData": b64(b"x"), "options": {"timeout": 1e-6}}
    status, report = await call(*V1, "wasm", "analyze", body=body)
    assert (status, report["status"]) == (200, "failed")
    failed = report["results"]["analysis"]["misbehave"]
    assert (failed["status"], failed["error"]["code"]) == ("failed", "module_deadline")


async def test_bodies_over_the_cap_are_refused_before_they_are_read(call):
    status, problem = await call(*V1, "wasm", "analyze", raw=b"x" * 4_000_001, headers=dict(OCTETS))
    assert (status, problem["code"]) == (413, "sample_too_large")
    status, problem = await call(*V1, "wasm", "analyze", raw=b" " * 1_000_001)
    assert (status, problem["code"]) == (413, "body_too_large")


async def test_an_upload_of_unknown_length_is_cut_at_the_cap(call, tmp_path):
    async def body(write):
        for _ in range(80):
            await write(b"x" * 100_000)

    status, problem = await call(
        *V1, "samples", method="POST", body_producer=body, headers=dict(OCTETS), request_timeout=10
    )
    assert (status, problem["code"]) == (413, "sample_too_large")
    assert not list((tmp_path / "quarantine").iterdir())


async def test_nothing_in_an_upload_is_an_empty_sample(call):
    status, problem = await call(*V1, "samples", raw=b"", headers=dict(OCTETS))
    assert (status, problem["code"]) == (422, "empty_sample")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_other_media_types_are_refused(call, kind):
    for route in ("analyze", "load"):
        status, problem = await call(*V1, "wasm", route, raw=b"{}", headers={"Content-Type": kind})
        assert (status, problem["code"]) == (415, "unsupported_media")


async def test_a_sample_is_uploaded_where_one_is_taken(call):
    for route, headers in ((("samples",), {"Content-Type": "application/json"}), (("wasm", "execute"), OCTETS)):
        status, problem = await call(*V1, *route, raw=b"{}", headers=dict(headers))
        assert (status, problem["code"]) == (415, "unsupported_media")


async def test_options_are_in_the_query_or_in_the_body_but_never_ignored(call):
    status, problem = await call(*V1, "wasm", "analyze", body={"fileData": "eA=="}, params={"timeout": "1"})
    assert (status, problem["code"]) == (422, "invalid_field")
    status, problem = await call(*V1, "samples", raw=b"x", headers=dict(OCTETS), params={"name": "x" * 1_025})
    assert (status, problem["code"]) == (422, "invalid_field")


async def test_odd_options_beside_an_upload_are_named(call):
    for params in ({"analysisType": "deep"}, {"timeout": "soon"}, {"timeout": "nan"}, {"modules": "../x"}):
        status, problem = await call(*V1, "wasm", "analyze", raw=b"x", headers=dict(OCTETS), params=params)
        assert (status, problem["code"]) == (422, "invalid_field"), params
