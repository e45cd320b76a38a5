"""Providers as rows of data. A new provider that speaks a known wire is a row, here or in athena.toml."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from athena_lab.ai.types import Features, Model

Word = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9-]*$")]
Variable = Annotated[str, Meta(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$", max_length=128)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an account may do. None: not limited here. Who would pass a limit waits, or somebody else is asked."""

    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    """Of output, in one answer; a request for more gets so many."""
    requests_per_minute: Annotated[int, Meta(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Meta(ge=1)] | None = None


class ProviderRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider, ``[providers.<name>]`` in athena.toml.

    ``key_env`` names the environment variables that may hold the key, the first that is set wins; "" means that no key
    is needed. Lower ``priority`` is asked first. ``workers`` is the size of the connection pool; as many WebSockets may
    be open beside it. ``features.background`` is off unless it is set: what goes on there is stored at the provider.
    """

    name: Word
    wire: Word
    base_url: Annotated[str, Meta(pattern=r"^(https?://[^\s/@?#]+(/[^\s@?#]*)?)?$", max_length=512)] = ""
    """Without user, password and query. Empty: it comes from ``base_url_env``, and without it the row is not in use."""
    base_url_env: Variable = ""
    key_env: Variable | tuple[Variable, ...] = ""
    model: Annotated[str, Meta(max_length=256)] = ""
    """The default; empty takes the first that the provider lists."""
    priority: Annotated[int, Meta(ge=1, le=1_000)] = 100
    workers: Annotated[int, Meta(ge=1, le=1_000)] = 10
    queue: Annotated[int, Meta(ge=0, le=10_000)] = 100
    """Requests that may wait for a worker; more are refused at once."""
    enabled: bool = True
    health: Annotated[str, Meta(pattern=r"^(/[^\s?#]*)?$", max_length=256)] = "/models"
    """Path below the base URL that answers cheaply with the list of models. Empty: there is none, and the provider's
    health is asked by the smallest question, which costs money."""
    features: Features = Features()
    models: tuple[Model, ...] = ()
    """What is known of models: limits and prices. Others can be asked for too. Some of them in athena.toml take the
    place of those with their ids; the others stay."""
    batch_price: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """What a request in a batch costs, as a share of the price."""
    batch_format: Literal["files", "jobs"] = "files"
    """How the openai-chat wire sends batches: ``files`` as OpenAI and Groq, ``jobs`` as Mistral."""
    limits: Limits = Limits()
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    reasoning_field: Literal["", "reasoning_content", "encrypted_content"] = ""
    """How reasoning goes back with what a call gave. ``reasoning_content``: the openai-chat wire gives it back under
    that name with each call, even where there is none. ``encrypted_content``: the openai-responses wire asks for it
    in a sealed form, which models that do not reason refuse. Empty: only what came, as it came."""
    stream_options: dict[str, bool] = {}
    """Sent with streaming requests; empty sends none, for providers that reject what they do not know."""
    safety_settings: dict[str, str] = {}
    """Gemini's categories of harm, and from which probability on to block each; empty leaves Google's defaults."""

    def known(self, model: str) -> Model:
        """What is known of a model."""
        return next((known for known in self.models if known.id == model), Model(model))

    @property
    def key_variables(self) -> tuple[str, ...]:
        names = (self.key_env,) if isinstance(self.key_env, str) else self.key_env
        return tuple(name for name in names if name)


HALF: Final = 0.5
"""Of the price, for requests in batches: platform.claude.com/docs/en/build-with-claude/batch-processing,
developers.openai.com/api/docs/guides/batch, ai.google.dev/gemini-api/docs/batch-api, docs.mistral.ai/capabilities/batch
and console.groq.com/docs/batch, November 2026."""

DEFAULT_ROWS: tuple[ProviderRow, ...] = (
    ProviderRow(
        name="claude",
        wire="anthropic",
        base_url="https://api.anthropic.com/v1",
        key_env="ANTHROPIC_API_KEY",
        model="claude-sonnet-5-5",
        priority=1,
        workers=20,
        features=Features(batching=True, function_calling=True, structured_output=True),
        batch_price=HALF,
        models=(
            Model("claude-sonnet-5-5", 1_000_000, 128_000, 2.0, 0.2, 10.0),
            Model("claude-opus-5-5", 1_000_000, 128_000, 4.0, None, 20.0),
            Model("claude-haiku-4-5", 200_000, 64_000, 1.0, None, 5.0),
        ),
    ),
    ProviderRow(
        name="openai",
        wire="openai-responses",
        base_url="https://api.openai.com/v1",
        key_env="OPENAI_API_KEY",
        model="gpt-6.2-sol",
        priority=2,
        workers=20,
        # Not in the background by itself: what goes on there is stored at OpenAI.
        features=Features(batching=True, function_calling=True, websocket=True, structured_output=True),
        batch_price=HALF,
        reasoning_field="encrypted_content",
        models=(Model("gpt-6.2-sol", 1_050_000, 128_000, 2.0, 0.1, 10.0),),  # up to 272,000 tokens of input
        max_tokens_field="max_completion_tokens",  # where its wire is set to openai-chat
        stream_options={"include_obfuscation": False},
    ),
    ProviderRow(
        name="deepseek",
        wire="openai-chat",
        base_url="https://api.deepseek.com/v1",
        key_env="DEEPSEEK_API_KEY",
        model="deepseek-flash",
        priority=3,
        features=Features(function_calling=True),  # it can be bound to JSON, not to a schema
        models=(  # at peak hours; half of it at others
            Model("deepseek-flash", 1_000_000, 384_000, 0.3, 0.006, 1.2),
            Model("deepseek-v4-pro", 1_000_000, 384_000, 1.32, 0.044, 3.96),
        ),
        reasoning_field="reasoning_content",  # without it, HTTP 400: api-docs.deepseek.com/guides/thinking_mode
        stream_options={"include_usage": True},
    ),
    ProviderRow(
        name="gemini",
        wire="gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        model="gemini-3.8-flash",
        priority=4,
        features=Features(batching=True, function_calling=True, structured_output=True),
        batch_price=HALF,
        models=(Model("gemini-3.8-flash", 1_048_576, 65_536, 0.75, 0.075, 3.75),),  # twice that from January 2027
    ),
    ProviderRow(
        name="mistral",
        wire="openai-chat",
        base_url="https://api.mistral.ai/v1",
        key_env="MISTRAL_API_KEY",
        model="mistral-large-latest",
        priority=5,
        features=Features(batching=True, function_calling=True, structured_output=True),
        batch_price=HALF,
        models=(Model("mistral-large-latest"),),
        batch_format="jobs",
    ),
    ProviderRow(
        name="groq",
        wire="openai-chat",
        base_url="https://api.groq.com/openai/v1",
        key_env="GROQ_API_KEY",
        model="openai/gpt-oss-120b",
        priority=6,
        features=Features(batching=True, function_calling=True, structured_output=True),
        batch_price=HALF,
        models=(Model("openai/gpt-oss-120b", 131_072, 65_536, 0.15, None, 0.6),),
        max_tokens_field="max_completion_tokens",
        stream_options={"include_usage": True},
    ),
    ProviderRow(
        name="local",
        wire="openai-chat",
        base_url_env="ATHENA_LOCAL_URL",
        priority=999,
        workers=5,
        features=Features(
            structured_output=True
        ),  # functions only if the server was started for them (vLLM, llama.cpp)
        stream_options={"include_usage": True},
    ),
)
"""Limits and prices as published in November 2026 at platform.claude.com/docs, developers.openai.com/api/docs/models,
api-docs.deepseek.com/quick_start/pricing, ai.google.dev/gemini-api/docs/pricing and console.groq.com/docs/models. A
model's price here is that of its standard tier."""
