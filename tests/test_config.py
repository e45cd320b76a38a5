from __future__ import annotations

import pytest

from athena_lab.bulkhead import BulkheadOptions
from athena_lab.config import LabConfig, load_config
from athena_lab.errors import ConfigError


@pytest.fixture
def write(tmp_path):
    def write(text, name="athena.toml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_without_file_and_environment_there_are_defaults(tmp_path):
    config = load_config({}, tmp_path)
    assert config.samples.max_bytes == 256 << 20
    assert list(config.providers) == ["claude", "openai", "deepseek", "gemini", "mistral", "groq", "local"]
    assert config.quarantine.name == "quarantine"


def test_a_named_file_and_the_environment_which_wins(write, tmp_path):
    path = write(
        '[wasm]\nmemory_bytes = 3000000\ndeadline = 5\n\n[providers.claude]\nmodel = "m"\nbase_url = "http://127.0.0.1:1/v1"\n'
    )
    environ = {
        "ATHENA_CONFIG": str(path),
        "ATHENA_WASM__MEMORY_BYTES": "4000000",
        "ATHENA_PROVIDERS__OPENAI__ENABLED": "false",
    }
    config = load_config(environ, tmp_path)
    assert (config.wasm.memory_bytes, config.wasm.deadline) == (4_000_000, 5.0)
    assert config.providers["claude"].model == "m"
    assert config.providers["claude"].key_variables == ("ANTHROPIC_API_KEY",)
    assert not config.providers["openai"].enabled


def test_either_half_of_a_bulkhead_can_be_set_alone(write, tmp_path):
    path = write("[bulkheads]\nai = { workers = 40 }\n[bulkheads.cpu]\nqueue = 7\n")
    environ = {"ATHENA_CONFIG": str(path), "ATHENA_BULKHEADS__CPU__WORKERS": "2"}
    places = load_config(environ, tmp_path).bulkheads
    assert (places.ai, places.cpu) == (BulkheadOptions(40, 100), BulkheadOptions(2, 7))
    assert places.container == BulkheadOptions(10, 50)


def test_a_row_of_ones_own_needs_no_code(write, tmp_path):
    path = write('[providers.mine]\nwire = "openai-chat"\nbase_url = "http://127.0.0.1:1/v1"\nkey_env = "MY_KEY"\n')
    config = load_config({"ATHENA_CONFIG": str(path)}, tmp_path)
    assert config.providers["mine"].name == "mine"
    assert "MY_KEY" in config.key_variables


def test_what_a_row_nests_is_merged_with_what_is_built_in(write, tmp_path):
    path = write(
        "[providers.openai.features]\nwebsocket = false\n[providers.openai.limits]\nmax_tokens = 4096\n"
        '[[providers.openai.models]]\nid = "gpt-6.2-sol"\ncontext = 1000\n[[providers.openai.models]]\nid = "mine"\n'
        "[providers.gemini]\nsafety_settings = { HARM_CATEGORY_DANGEROUS_CONTENT = 'BLOCK_NONE' }\n"
    )
    environ = {
        "ATHENA_CONFIG": str(path),
        "ATHENA_PROVIDERS__CLAUDE__MODELS": '[{ id = "claude-opus-5-5", output_price = 1.5 }]',
        "ATHENA_PROVIDERS__CLAUDE__LIMITS__MAX_TOKENS": "512",
    }
    providers = load_config(environ, tmp_path).providers
    openai, claude = providers["openai"], providers["claude"]
    assert (openai.features.websocket, openai.features.function_calling) == (False, True)
    assert openai.limits.max_tokens == 4_096
    assert [(model.id, model.context) for model in openai.models] == [("gpt-6.2-sol", 1_000), ("mine", None)]
    assert [model.id for model in claude.models] == ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-4-5"]
    assert (claude.known("claude-opus-5-5").output_price, claude.limits.max_tokens) == (1.5, 512)
    assert providers["gemini"].safety_settings == {"HARM_CATEGORY_DANGEROUS_CONTENT": "BLOCK_NONE"}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("[wasm]\nmemory_bytes = 0\n", 2, "wasm.memory_bytes"),
        ("[bulkheads]\n[bulkheads.cpu]\nqueue = 3\nworkers = 0\n", 4, "bulkheads.cpu.workers"),
        ("[bulkheads]\nai = { workers = 'many' }\n", 2, "bulkheads.ai.workers"),
        ("[bulkheads]\nnetwork = 3\n", 2, "bulkheads.network"),
        ("[bulkheads.disk]\nworkers = 3\n", 1, "bulkheads.disk"),
        ("# c\n[wasm]\ndeadline = 5\ndeadlines = 1\n", 4, "wasm.deadlines"),
        ("[wasm]\ndeadline = 'two'\n", 2, "wasm.deadline"),
        ("[wazm]\ndeadline = 1\n", 1, "wazm"),
        ("[ai]\ndeadline = 60\nfirst_token = 0\n", 3, "ai.first_token"),
        ("[ai]\nbetween_tokens = 9\n[ai.retry]\nattempts = 11\n", 4, "ai.retry.attempts"),
        ("[samples]\n\n\nmax_bytes = -1\n", 4, "samples.max_bytes"),
        ('[providers.claude]\npriority = "first"\n', 2, "priority"),
        ("[providers.x]\nwire = 'openai-chat'\nurl = ''\n", 3, "url"),
        ("[providers.claude]\n\n[providers.claude.features]\nstreaming = 'yes'\n", 4, "features.streaming"),
        ("[providers.claude]\nfeatures = { telepathy = true }\n", 2, "features.telepathy"),
        ("[providers.openai.limits]\nmax_tokens = 0\n", 2, "limits.max_tokens"),
        ('[[providers.openai.models]]\nid = "a"\n[[providers.openai.models]]\nid = "b"\ncontext = 0\n', 5, "context"),
        ('[[providers.openai.models]]\nid = "a"\ninputPrice = 1\n', 3, "inputPrice"),
        ("[providers.openai]\nmodels = [\n  { id = '' },\n]\n", 2, "models"),
        ("[[providers.x.models]]\ncontext = 8192\n", 1, "models"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(write, tmp_path, text, line, what):
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load_config({"ATHENA_CONFIG": str(path)}, tmp_path)
    assert f"{path}, line {line}: " in caught.value.detail
    assert what in caught.value.detail


def test_a_wrong_variable_is_named(tmp_path):
    with pytest.raises(ConfigError, match="ATHENA_WASM__DEADLINE"):
        load_config({"ATHENA_WASM__DEADLINE": "many"}, tmp_path)
    with pytest.raises(ConfigError, match="ATHENA_WASM__WORKERZ"):
        load_config({"ATHENA_WASM__WORKERZ": "1"}, tmp_path)


@pytest.mark.parametrize("text", ["[wasm\n", "a = 1\na = 2\n", "\x00"])
def test_what_is_no_toml_is_named(write, tmp_path, text):
    path = write(text)
    with pytest.raises(ConfigError, match=r"athena\.toml"):
        load_config({"ATHENA_CONFIG": str(path)}, tmp_path)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config({"ATHENA_CONFIG": str(tmp_path / "none.toml")}, tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"# \xe4\n")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config({"ATHENA_CONFIG": str(tmp_path / "latin.toml")}, tmp_path)


def test_a_file_in_the_working_directory_may_choose_but_not_redirect(write, tmp_path):
    write('[providers.claude]\nmodel = "m"\nenabled = true\npriority = 7\n')
    assert load_config({}, tmp_path).providers["claude"].model == "m"
    for text in (
        '[providers.claude]\nbase_url = "https://evil.example/v1"\n',
        '[providers.evil]\nwire = "openai-chat"\nkey_env = "ANTHROPIC_API_KEY"\n',
        '[samples]\nfolder = "/etc"\n',
        '[wasm]\ncomponents = "."\n',
        "[wasm]\nmemory_bytes = 4294967296\n",
    ):
        path = write(text)
        with pytest.raises(ConfigError, match="working directory") as caught:
            load_config({}, tmp_path)
        assert f"{path}, line " in caught.value.detail
        assert "ATHENA_CONFIG" in caught.value.next_step
        assert isinstance(load_config({"ATHENA_CONFIG": str(path)}, tmp_path), LabConfig)


def test_what_is_nested_without_end_is_named(write, tmp_path):
    write("a=" + "[" * 100_000)
    with pytest.raises(ConfigError, match="recursion"):
        load_config({}, tmp_path)
