"""Proxies and private certificate authorities by the usual variables."""

from __future__ import annotations

import shutil
import ssl
import subprocess

import pytest

from athena_lab.ai import AIManager, ProviderRow, build_prompt
from tests.ai.conftest import KEY, row
from tests.ai.recorded import OPENAI, TEXT
from tests.peers.scripted_server import ScriptedServer, stream

PROMPT = build_prompt("?")


async def test_a_proxy_is_used_and_no_proxy_is_honoured(server, request_of, monkeypatch):
    async with ScriptedServer(stream([OPENAI])) as proxy:
        server.will(stream([OPENAI]))
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        elsewhere = ProviderRow(
            name="far", wire="openai-chat", base_url="http://model.invalid/v1", key_env="PEER_KEY", model="m"
        )
        async with AIManager([elsewhere], environ={"PEER_KEY": KEY}) as manager:
            result = await manager.analyze(request_of(), PROMPT)
        assert result.text == "".join(TEXT)
        assert [sent.path for sent in proxy.requests] == ["http://model.invalid/v1/chat/completions"]
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        async with AIManager([row(server)], environ={"PEER_KEY": KEY}) as manager:
            assert (await manager.analyze(request_of(), PROMPT)).status == "completed"
        assert (len(proxy.requests), len(server.requests)) == (1, 1)


# httpx-aiohttp 0.2 gives a proxy's password to aiohttp in a way that aiohttp 4 will no longer know.
@pytest.mark.filterwarnings("ignore:.*(BasicAuth|proxy_auth).*deprecated:DeprecationWarning")
# httpx-aiohttp 0.2 gives a proxy's password to aiohttp in a way that aiohttp 4 will no longer know.
@pytest.mark.filterwarnings("ignore:.*(BasicAuth|proxy_auth).*deprecated:DeprecationWarning")
async def test_a_proxy_that_fails_is_named(server, request_of, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://user:hidden@127.0.0.1:1")
    async with AIManager([row(server)], environ={"PEER_KEY": KEY}, policies=()) as manager:
        result = await manager.analyze(request_of(), PROMPT)
    assert result.error.code == "provider_unreachable"
    assert "proxy" in result.error.detail
    assert "hidden" not in repr(result)


@pytest.fixture
def authority(tmp_path):
    """A certificate for 127.0.0.1 that signs itself."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return cert, key


async def test_a_private_authority_is_trusted_only_when_named(authority, request_of, monkeypatch):
    cert, key = authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    async with ScriptedServer(stream([OPENAI]), tls=context) as server:
        for named, code in ((None, "provider_unreachable"), (str(cert), None)):
            if named:
                monkeypatch.setenv("SSL_CERT_FILE", named)
            async with AIManager([row(server)], environ={"PEER_KEY": KEY}, policies=()) as manager:
                result = await manager.analyze(request_of(), PROMPT)
            assert (result.error.code if result.error else None) == code
            if code:
                assert "TLS" in result.error.detail
