"""The OpenAPI document, and the server held against it by schemathesis."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import schemathesis

from tests.jupyter.conftest import ROOT, TEST_COMPONENTS
from tests.jupyter.server_process import TOKEN, jupyter_athena

SMALL = {
    "ATHENA_SAMPLES__MAX_BYTES": "1000000",
    "ATHENA_HTTP__MAX_JSON_BYTES": "100000",
    "ATHENA_WASM__COMPONENTS": str(TEST_COMPONENTS),
    "ATHENA_WASM__MEMORY_BYTES": str(64 << 20),
    "ATHENA_WASM__DEADLINE": "1.0",
}
EXAMPLES = 40
"""Per operation, beside those of the coverage phase, which are enumerated."""
NOT_ASKED = (
    "not_a_server_error",  # 502 to 504 are right where a module or a provider fails; ours refuses a 500
    "positive_data_acceptance",  # a schema cannot say "exactly one of", nor which modules and providers there are
)


@pytest.fixture
def model():
    command = [sys.executable, ROOT / "tests" / "peers" / "model_server.py", "--port", "0", "--rate", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        yield server.stdout.readline().split()[-1]
        server.terminate()


async def test_the_document_is_valid_and_names_every_route(call, jp_base_url):
    status, document = await call("api", "v1", "openapi.json")
    assert (status, document["openapi"]) == (200, "3.1.0")
    assert document["servers"] == [{"url": jp_base_url.rstrip("/")}]
    schemathesis.openapi.from_dict(document).validate()
    socket = document["paths"]["/api/v1/ai/stream"]["get"]["responses"]["101"]
    assert {message["$ref"].rpartition("/")[2] for message in socket["x-receives"]["anyOf"]} == {
        "Ask", "Resume", "Pause", "Continue", "Cancel",
    }  # fmt: skip
    assert "202" in document["paths"]["/api/v1/ai/analyze"]["post"]["responses"]
    assert {"/health", "/api/v1/wasm/modules/{name}/reload", "/api/v1/ai/jobs/{id}"} < document["paths"].keys()


@pytest.mark.timeout(240)
def test_nothing_that_the_document_allows_or_forbids_breaks_the_server(tmp_path, model):
    with jupyter_athena(tmp_path, ATHENA_LOCAL_URL=model, **SMALL) as server:
        done = run_schemathesis(server, tmp_path)
        report = (done.stdout + done.stderr)[-20_000:]
        assert done.returncode == 0, report
        assert re.findall(r"Tested: (\d+)", report) == ["33"]
        assert "Traceback" not in server.log.read_text()


def run_schemathesis(server, folder):
    command = [
        Path(sys.executable).with_name("schemathesis"), "run", f"{server.url}/api/v1/openapi.json",
        "-H", f"Authorization: token {TOKEN}", "--exclude-checks", ",".join(NOT_ASKED),
        "--max-examples", str(EXAMPLES), "--seed", "1", "--generation-deterministic", "--no-shrink",
        "--continue-on-failure", "--request-timeout", "20", "--warnings", "off", "--no-color",
    ]  # fmt: skip
    hooks = {"SCHEMATHESIS_HOOKS": "tests.jupyter.openapi_checks", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=folder, env=os.environ | hooks, text=True, capture_output=True, timeout=200, check=False
    )
