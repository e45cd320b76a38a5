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


async def test_a_receipt_and_the_report_later(call):
    headers = OCTETS | {"Prefer": "respond-async"}
    status, receipt = await call(*V1, "wasm", "analyze", raw=b"hello", headers=headers)
    assert (status, receipt["status"]) == (202, "processing")
    assert receipt["url"].endswith(f"/api/v1/wasm/jobs/{receipt['id']}")
    state = {"status": "processing", "next": 0}
    seen = []
    while state["status"] == "processing":
        query = {"after": state["next"], "wait": 30}
        status, state = await call(*V1, "wasm", "jobs", receipt["id"], params=query)
        assert status == 200
        seen += [result["module"] for result in state["results"]]
    assert (state["status"], seen) == ("completed", ["misbehave"])
    assert state["report"]["results"]["analysis"]["misbehave"]["data"]["size"] == 5
    status, again = await call(*V1, "wasm", "jobs", receipt["id"], method="DELETE")
    assert (status, again["status"], again["report"]) == (200, "completed", state["report"])


async def test_what_cannot_be_analysed_later_is_told_by_the_job(call):
    body = {"fileData": b64(b"x"), "modules": ["none"]}
    _, receipt = await call(*V1, "wasm", "analyze", body=body, headers={"Prefer": "respond-async"})
    _, state = await call(*V1, "wasm", "jobs", receipt["id"], params={"wait": 30})
    assert (state["status"], state["error"]["code"]) == ("failed", "unknown_module")
    for path, params, code in (("none", {}, "unknown_job"), (receipt["id"], {"wait": 31}, "invalid_field")):
        _, problem = await call(*V1, "wasm", "jobs", path, params=params)
        assert problem["code"] == code
        assert "answer" not in problem["next_step"]  # of a question


async def test_a_session_counts_its_calls(call):
    status, session = await call(*V1, "wasm", "sessions", body={"module": "misbehave", "ttl": 60})
    assert (status, session["module"], session["size"], session["calls"]) == (200, "misbehave", 0, 0)
    count = {"module": "misbehave", "function": "count", "session": session["id"]}
    answers = [(await call(*V1, "wasm", "execute", body=count))[1]["result"] for _ in range(3)]
    assert answers == [1, 2, 3]
    _, listed = await call(*V1, "wasm", "sessions")
    ((id_, calls, size),) = [(it["id"], it["calls"], it["size"]) for it in listed["sessions"]]
    assert (id_, calls, size) == (session["id"], 3, 1)
    assert (await call(*V1, "wasm", "sessions", session["id"], method="DELETE"))[0] == 200
    status, problem = await call(*V1, "wasm", "execute", body=count)
    assert (status, problem["code"]) == (404, "unknown_session")


async def test_a_triage_takes_a_session_along(call):
    _, session = await call(*V1, "wasm", "sessions", body={"module": "misbehave"})
    body = {"fileData": b64(b"x"), "options": {"sessions": [session["id"]]}}
    assert (await call(*V1, "wasm", "analyze", body=body))[1]["status"] == "completed"
    _, listed = await call(*V1, "wasm", "sessions")
    assert [it["calls"] for it in listed["sessions"]] == [1]
    body["options"]["sessions"].append((await call(*V1, "wasm", "sessions", body={"module": "misbehave"}))[1]["id"])
    assert (await call(*V1, "wasm", "analyze", body=body))[1]["code"] == "invalid_field"
    body["options"]["sessions"] = ["x" * 24]
    assert (await call(*V1, "wasm", "analyze", body=body))[1]["code"] == "unknown_session"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"module": "none"}, "unknown_module"),
        ({"module": "misbehave", "ttl": 0}, "invalid_field"),
        ({"module": "misbehave", "ttl": 86_401}, "invalid_field"),
        ({}, "invalid_field"),
    ],
)
async def test_a_session_that_cannot_be_is_named(call, body, code):
    assert (await call(*V1, "wasm", "sessions", body=body))[1]["code"] == code


async def test_a_module_can_be_unloaded_and_loaded_again(call):
    await call(*V1, "wasm", "init", body={})
    status, modules = await call(*V1, "wasm", "modules", "misbehave", "unload", body={})
    assert (status, [module["status"] for module in modules["modules"]]) == (200, ["available"])
    _, problem = await call(*V1, "wasm", "execute", body={"module": "misbehave", "function": "echo"})
    assert problem["code"] == "unknown_module"
    _, status = await call(*V1, "status", "wasm")
    assert status["status"] == "unhealthy"
    await call(*V1, "wasm", "load", body={"modules": ["misbehave"]})
    assert (await call(*V1, "wasm", "execute", body={"module": "misbehave", "function": "count"}))[0] == 200
    status, problem = await call(*V1, "wasm", "modules", "none", "unload", body={})
    assert (status, problem["code"]) == (404, "unknown_module")


async def test_a_module_s_limits_hold_for_its_next_call(call):
    limits = {"memoryBytes": 8 << 20, "deadline": 0.05}
    _, modules = await call(*V1, "wasm", "modules", "misbehave", "limits", body=limits)
    assert [(it["memoryBytes"], it["deadline"]) for it in modules["modules"]] == [(8 << 20, 0.05)]
    _, problem = await call(*V1, "wasm", "execute", body={"module": "misbehave", "function": "loop"})
    assert "0.05 s" in problem["detail"]
    await call(*V1, "wasm", "execute", body={"module": "misbehave", "function": "eat-memory", "timeout": 20})
    huge = {"module": "misbehave", "function": "huge-output", "args": {"mib": 9}, "timeout": 20}
    assert (await call(*V1, "wasm", "execute", body=huge))[1]["code"] == "module_memory"
    _, modules = await call(*V1, "wasm", "modules", "misbehave", "limits", body={})
    assert [(it["memoryBytes"], it["deadline"]) for it in modules["modules"]] == [(64 << 20, 30)]
    for wrong in ({"memoryBytes": 1}, {"deadline": 0}, {"deadline": 601}, {"fuel": 1}):
        assert (await call(*V1, "wasm", "modules", "misbehave", "limits", body=wrong))[1]["code"] == "invalid_field"


async def test_the_status_is_what_the_last_calls_say(call):
    trap = {"module": "misbehave", "function": "trap"}
    for _ in range(4):
        await call(*V1, "wasm", "execute", body=trap)
    _, status = await call(*V1, "status", "wasm")
    assert status["status"] == "degraded"
    assert "4 of its last 4 calls failed" in status["detail"]
    for _ in range(5):
        await call(*V1, "wasm", "execute", body={"module": "misbehave", "function": "count"})
    assert (await call(*V1, "status", "wasm"))[1]["status"] == "healthy"


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
        ({"fileData": b64(b"x"), "analysisType": "pattern"}, 422, "invalid_field"),
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
        (b'{"options":' * 20_000, None),
        (b'{"args":' * 20_000, None),
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
        (
            {"module": "misbehave", "function": "echo", "args": {"x": "y" * 1_100_000}},
            413,
            "body_too_large",
        ),  # of a body
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


async def test_what_would_be_decoded_is_capped_far_below_what_is_passed_on(call):
    names = ",".join(['"a"'] * 100_000)
    for route, body in (
        ("analyze", f'{{"fileData": "eA==", "modules": [{names}]}}'),
        ("execute", f'{{"module": "misbehave", "function": "echo", "x": [{names}]}}'),
        ("load", f'{{"modules": [{names}]}}'),
    ):
        status, problem = await call(*V1, "wasm", route, raw=body.encode())
        assert (status, problem["code"]) == (413, "body_too_large"), route
    body = {"module": "misbehave", "function": "echo", "args": {"x": "y" * 900_000}}
    assert (await call(*V1, "wasm", "execute", body=body))[0] == 200
    assert (await call(*V1, "wasm", "analyze", body={"fileData": b64(b"x" * 600_000)}))[0] == 200


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
