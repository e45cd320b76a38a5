"""Modules of one's own over HTTP: who may bring them, what is refused, and that they show at once."""

from __future__ import annotations

import base64
import json
import sys

import pytest

from athena_lab.client import LabClient
from athena_lab.errors import ModuleNotTaken, NotAllowed, UnknownModule
from tests.jupyter.conftest import ROOT, TEST_COMPONENTS

sys.path.insert(0, str(ROOT / "tests" / "foreign"))

import made  # its folder is on the path only now

V1 = ("api", "v1")
OCTETS = {"Content-Type": "application/octet-stream"}
ODD = made.answering({"<b>key</b>": "<script>"}, [made.finding(title="<img src=x> is odd", severity="high")])


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setenv("ATHENA_WASM__FOREIGN__MAX_BYTES", "500000")


async def load(call, wasm, **headers):
    return await call(*V1, "wasm", "modules", raw=wasm, headers=OCTETS | headers)


async def test_a_module_is_brought_and_shows_at_once(call):
    await call(*V1, "wasm", "init", body={})
    status, added = await load(call, made.component(answer=ODD))
    assert (status, added["name"], added["status"], added["foreign"]) == (200, "mine", "loaded", True)
    assert (added["memoryBytes"], added["deadline"]) == (256 << 20, 10)
    _, listed = await call(*V1, "wasm", "modules")
    assert {it["name"]: it["foreign"] for it in listed["modules"]} == {"misbehave": False, "mine": True}
    _, capabilities = await call(*V1, "wasm", "capabilities")
    assert {it["name"]: it["slot"] for it in capabilities["modules"]} == {"misbehave": "analysis", "mine": "foreign"}
    _, report = await call(*V1, "wasm", "analyze", body={"fileData": base64.b64encode(b"x").decode()})
    assert report["status"] == "completed"
    (found,) = report["results"]["foreign"]["mine"]["findings"]
    assert found["id"] == "mine/odd"
    assert set(report["results"]["analysis"]) == {"misbehave"}
    _, metrics = await call(*V1, "wasm", "metrics")
    assert metrics["modules"]["mine"]["calls"] == 1
    assert (await call(*V1, "status", "wasm"))[1]["status"] == "healthy"


async def test_it_stays_out_of_quick_analyses_but_where_it_is_named(call):
    await load(call, made.component(answer=ODD))
    body = {"fileData": base64.b64encode(b"x").decode(), "analysisType": "quick"}
    assert set((await call(*V1, "wasm", "analyze", body=body))[1]["results"]) == {"analysis"}
    named = body | {"modules": ["mine"]}
    assert set((await call(*V1, "wasm", "analyze", body=named))[1]["results"]) == {"foreign"}


async def test_what_it_does_wrong_is_its_own_failure(call):
    await load(call, made.component(answer="<html>"))
    _, report = await call(*V1, "wasm", "analyze", body={"fileData": base64.b64encode(b"x").decode()})
    assert report["status"] == "partial"
    assert report["results"]["analysis"]["misbehave"]["status"] == "ok"
    assert report["results"]["foreign"]["mine"]["error"]["code"] == "bad_output"


@pytest.mark.parametrize(
    ("wasm", "status", "code"),
    [
        (b"\0asm", 422, "module_not_taken"),
        (made.component(made.describing(name="misbehave")), 422, "module_not_taken"),
        ((TEST_COMPONENTS / "greedy.wasm").read_bytes(), 422, "module_not_taken"),
        (made.component(answer="x" * 600_000), 413, "body_too_large"),
    ],
)
async def test_what_cannot_be_taken_is_named(call, wasm, status, code):
    got, problem = await load(call, wasm)
    assert (got, problem["code"]) == (status, code)
    assert problem["next_step"].endswith(".")
    _, listed = await call(*V1, "wasm", "modules")
    assert [it["name"] for it in listed["modules"]] == ["misbehave"]


async def test_json_is_no_component(call):
    status, problem = await call(*V1, "wasm", "modules", body={})
    assert (status, problem["code"]) == (415, "unsupported_media")


async def test_it_is_removed_and_one_of_ours_is_not(call):
    await load(call, made.component())
    status, left = await call(*V1, "wasm", "modules", "mine", method="DELETE")
    assert (status, [it["name"] for it in left["modules"]]) == (200, ["misbehave"])
    for name in ("mine", "misbehave", "none"):
        status, problem = await call(*V1, "wasm", "modules", name, method="DELETE")
        assert (status, problem["code"]) == (404, "unknown_module")
    assert "mine" not in (await call(*V1, "wasm", "metrics"))[1]["modules"]


async def test_reload_unload_and_limits_are_as_for_ours(call):
    await load(call, made.component())
    _, reloaded = await call(*V1, "wasm", "modules", "mine", "reload", body={})
    assert (reloaded["success"], reloaded["previousVersion"], reloaded["newVersion"]) == (True, "1.0.0", "1.0.0")
    _, listed = await call(*V1, "wasm", "modules", "mine", "limits", body={"deadline": 3})
    assert {it["name"]: it["deadline"] for it in listed["modules"]}["mine"] == 3
    _, listed = await call(*V1, "wasm", "modules", "mine", "unload", body={})
    assert {it["name"]: it["status"] for it in listed["modules"]}["mine"] == "available"
    _, listed = await call(*V1, "wasm", "load", body={"modules": ["mine"]})
    assert {it["name"]: it["status"] for it in listed["modules"]}["mine"] == "loaded"


async def test_a_kernel_may_neither_bring_nor_remove_modules(jp_serverapp, call):
    token = jp_serverapp.web_app.settings["athena_kernel_token"]
    status, problem = await load(call, made.component(), Authorization=f"token {token}")
    assert (status, problem["code"]) == (403, "not_allowed")
    await load(call, made.component())
    headers = {"Authorization": f"token {token}"}
    status, problem = await call(*V1, "wasm", "modules", "mine", method="DELETE", headers=dict(headers))
    assert (status, problem["code"]) == (403, "not_allowed")
    status, listed = await call(*V1, "wasm", "modules", headers=dict(headers))
    assert (status, len(listed["modules"])) == (200, 2)


async def test_the_client_brings_and_removes_them(served, jp_serverapp, tmp_path):
    path = tmp_path / "mine.wasm"
    path.write_bytes(made.component(answer=ODD))
    url = served.url()
    async with LabClient(url, jp_serverapp.identity_provider.token) as client:
        added = await client.add_module(path)
        assert (added.name, added.foreign) == ("mine", True)
        report = await client.triage(b"x")
        assert report.verdict.sentence.startswith("Suspicious: 1 high finding; the worst, says your module mine: ")
        html = report.to_html()
        assert "says your module mine" in html
        assert "<img" not in html
        assert "<script>" not in html
        for wrong in (b"x", tmp_path / "none.wasm", tmp_path):
            with pytest.raises(ModuleNotTaken):
                await client.add_module(wrong)
        assert [it.name for it in (await client.remove_module("mine")).modules] == ["misbehave"]
        with pytest.raises(UnknownModule):
            await client.remove_module("mine")
    async with LabClient(url, served.token) as kernel:
        with pytest.raises(NotAllowed):
            await kernel.add_module(path)


async def test_its_data_travels_whole(call):
    data = {"list": [1, 2.5, None, True, "\u202e"], "nested": {"a": {"b": []}}}
    await load(call, made.component(answer=made.answering(data)))
    _, executed = await call(*V1, "wasm", "execute", body={"module": "mine", "function": "analyze"})
    assert json.loads(json.dumps(executed["result"])) == data
