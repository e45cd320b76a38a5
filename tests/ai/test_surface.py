"""What the package shows, what it costs to import, and what may not import what."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import athena_lab.ai
from athena_lab.ai.providers.registry import DEFAULT_ROWS
from athena_lab.ai.providers.wires import find_wire
from athena_lab.ai.transports import whole_message
from athena_lab.ai.types import Model

PACKAGE = Path(athena_lab.ai.__file__).parent


def test_exported_names():
    assert athena_lab.ai.__all__ == [
        "DEFAULT_ROWS",
        "AIManager",
        "AnalysisOptions",
        "AnalysisRequest",
        "AnalysisResult",
        "PipelineOptions",
        "Prompt",
        "ProviderRow",
        "ProviderStatus",
        "RequestEnded",
        "build_prompt",
    ]
    assert all(hasattr(athena_lab.ai, name) for name in athena_lab.ai.__all__)


def test_nothing_heavy_is_imported():
    code = (
        "import sys, athena_lab.ai; print([m for m in ('httpx', 'aiohttp', 'tenacity', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_athena_lab_alone_does_not_import_the_ai_core():
    code = "import sys, athena_lab; print('athena_lab.ai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_adapters_do_not_import_each_other():
    adapters = {"anthropic", "gemini", "openai_chat", "openai_responses"}
    for name in adapters:
        tree = ast.parse((PACKAGE / "providers" / f"{name}.py").read_text())
        imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not imported & {f"athena_lab.ai.providers.{other}" for other in adapters - {name}}


def test_the_default_rows():
    assert [(row.name, row.wire, row.priority, row.workers) for row in DEFAULT_ROWS] == [
        ("claude", "anthropic", 1, 20),
        ("openai", "openai-responses", 2, 20),
        ("deepseek", "openai-chat", 3, 10),
        ("gemini", "gemini", 4, 10),
        ("mistral", "openai-chat", 5, 10),
        ("groq", "openai-chat", 6, 10),
        ("local", "openai-chat", 999, 5),
    ]
    assert all(row.base_url.startswith("https://") for row in DEFAULT_ROWS if row.name != "local")
    assert all(row.model in {model.id for model in row.models} for row in DEFAULT_ROWS if row.name != "local")


def test_the_keys_variables():
    assert {row.name: row.key_variables for row in DEFAULT_ROWS} == {
        "claude": ("ANTHROPIC_API_KEY",),
        "openai": ("OPENAI_API_KEY",),
        "deepseek": ("DEEPSEEK_API_KEY",),
        "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        "mistral": ("MISTRAL_API_KEY",),
        "groq": ("GROQ_API_KEY",),
        "local": (),
    }


@pytest.mark.parametrize(
    ("entry", "context", "output"),
    [
        ({}, None, None),
        ({"max_input_tokens": 200_000, "max_tokens": 64_000}, 200_000, 64_000),
        ({"max_context_length": 32_768}, 32_768, None),
        ({"context_window": 131_072, "max_completion_tokens": 65_536}, 131_072, 65_536),
        ({"max_model_len": 8_192}, 8_192, None),
        ({"context_window": 0, "max_model_len": "8k", "max_tokens": True}, None, None),
    ],
)
def test_a_model_s_limits_as_providers_list_them(entry, context, output):
    listed = whole_message(json.dumps({"data": [{"id": "m-1", **entry}]}).encode())
    for name in ("openai-chat", "openai-responses", "anthropic"):
        assert find_wire(name).models(listed) == (Model("m-1", context, output),)
