"""Every provider that comes with Athena Lab has the whole interface."""

from __future__ import annotations

import inspect

import pytest
from msgspec.structs import replace

from athena_lab.ai import DEFAULT_ROWS, AnalysisResult, build_prompt
from athena_lab.ai.providers.interface import ProviderInterface
from athena_lab.ai.providers.provider import Provider
from athena_lab.ai.send import Call
from athena_lab.ai.transports.http import AiohttpClients
from athena_lab.ai.types import Features, Model, ProviderStatus, ProviderUsage, RateLimits
from athena_lab.errors import APIError
from tests.ai.recorded import STREAMS, TEXT
from tests.peers.scripted_server import ScriptedServer, reply, stream

MEMBERS = {name for name in vars(ProviderInterface) if not name.startswith("_")}
MODELS = {
    "data": [{"id": "m-1"}],
    "models": [{"name": "models/m-1", "supportedGenerationMethods": ["generateContent"]}],
}
"""As each wire lists them."""


def test_the_interface_is_the_one_agreed():
    methods = {"analyze", "health_check", "models", "rate_limits", "stream", "usage", "validate_key"}
    assert methods | {"features", "name", "version"} == MEMBERS


@pytest.mark.parametrize("row", DEFAULT_ROWS, ids=lambda row: row.name)
async def test_every_row_has_it(row, server: ScriptedServer):
    server.will(reply(200, MODELS))
    row = replace(row, base_url=f"{server.url}/v1", base_url_env="", key_env="KEY", model="m-1")
    provider = Provider(row, {"KEY": "k-1"}, AiohttpClients())
    for name in MEMBERS:
        ours, agreed = inspect.getattr_static(Provider, name), inspect.getattr_static(ProviderInterface, name)
        assert type(ours) is type(agreed)
        if callable(agreed):
            assert list(inspect.signature(ours).parameters) == list(inspect.signature(agreed).parameters)
    assert provider.name == row.name
    assert provider.version
    assert isinstance(provider.features, Features)
    assert isinstance(provider.rate_limits(), RateLimits)
    assert [type(model) for model in await provider.models()] == [Model]
    status = await provider.health_check()
    assert isinstance(status, ProviderStatus)
    assert (status.state, status.models) == ("available", ("m-1",))
    assert await provider.validate_key()
    assert await provider.usage() == ProviderUsage()
    server.will(stream([STREAMS[row.wire]]))
    call = Call(row.name, "m-1", build_prompt("?"), 100, float("inf"))
    result = await provider.analyze(call)
    assert isinstance(result, AnalysisResult)
    assert (result.status, result.text, result.provider) == ("completed", "".join(TEXT), row.name)
    server.will(reply(500))
    with pytest.raises(APIError):
        await provider.analyze(Call(row.name, "m-1", build_prompt("?"), 100, float("inf")))
    await provider.aclose()
