"""Proxies and private certificate authorities by the usual variables."""

from __future__ import annotations

import ssl
from base64 import b64encode

import pytest
import trustme

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, ProviderRow, build_prompt
from athena_lab.ai.transports.sse import SseDecoder
from athena_lab.ai.transports.websocket import proxy_for
from athena_lab.ai.types import Features
from tests.ai.conftest import KEY, row
from tests.ai.recorded import OPENAI, RESPONSES, TEXT
from tests.peers.scripted_server import ScriptedServer, reply, stream
from tests.peers.socket_server import SocketServer, talk

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
async def test_a_proxy_that_fails_is_named(server, request_of, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://user:hidden@127.0.0.1:1")
    async with AIManager([row(server)], environ={"PEER_KEY": KEY}, policies=()) as manager:
        result = await manager.analyze(request_of(), PROMPT)
    assert result.error.code == "provider_unreachable"
    assert "proxy" in result.error.detail
    assert "hidden" not in repr(result)


@pytest.fixture
def authority(tmp_path):
    """The file of an authority that nobody knows, and a server's context with a certificate of it for 127.0.0.1."""
    issuer = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert("127.0.0.1").configure_cert(context)
    issuer.cert_pem.write_to_path(tmp_path / "authority.pem")
    return tmp_path / "authority.pem", context


async def test_a_private_authority_is_trusted_only_when_named(authority, request_of, monkeypatch):
    cert, context = authority
    async with ScriptedServer(stream([OPENAI]), tls=context) as server:
        for named, code in ((None, "provider_unreachable"), (str(cert), None)):
            if named:
                monkeypatch.setenv("SSL_CERT_FILE", named)
            async with AIManager([row(server)], environ={"PEER_KEY": KEY}, policies=()) as manager:
                result = await manager.analyze(request_of(), PROMPT)
            assert (result.error.code if result.error else None) == code
            if code:
                assert "TLS" in result.error.detail


ANSWER = [message.data for message in SseDecoder().feed(RESPONSES)]


def over_socket(url, **changes):
    settings = {"key_env": "PEER_KEY", "model": "m", "features": Features(websocket=True), **changes}
    return ProviderRow(name="far", wire="openai-responses", base_url=f"{url}/v1", **settings)


async def ask(peer):
    async with AIManager([peer], environ={"PEER_KEY": KEY}, policies=()) as manager:
        return await manager.analyze(AnalysisRequest("?", options=AnalysisOptions(transport="websocket")), PROMPT)


async def test_a_websocket_goes_through_the_proxy_too(monkeypatch):
    async with SocketServer(talk(ANSWER)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url.replace("//", "//user:hidden@"))
        assert (await ask(over_socket("http://model.invalid"))).status == "completed"
        (sent,) = proxy.requests
        assert sent.path == "http://model.invalid/v1/responses"
        assert sent.headers["proxy-authorization"] == f"Basic {b64encode(b'user:hidden').decode()}"
        monkeypatch.setenv("NO_PROXY", "model.invalid")
        assert "cannot be resolved" in (await ask(over_socket("http://model.invalid"))).error.detail
        assert len(proxy.requests) == 1


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("address", ["http://user:hidden@127.0.0.1:1", "socks5://user:hidden@127.0.0.1:1"])
async def test_a_proxy_that_lets_no_websocket_through_is_named(monkeypatch, variable, address):
    monkeypatch.setenv(variable, address)
    result = await ask(over_socket("http://model.invalid"))
    assert result.error.code == "provider_unreachable"
    assert "proxy" in result.error.detail
    assert "hidden" not in repr(result)


async def test_a_proxy_that_refuses_a_tunnel_leaves_the_key_at_home(monkeypatch):
    async with ScriptedServer(reply(407, "", {"proxy-authenticate": "Basic"})) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        result = await ask(over_socket("https://model.invalid"))
        assert "proxy" in result.error.detail
        assert {sent.method for sent in proxy.requests} == {"CONNECT"}
        assert all("authorization" not in sent.headers for sent in proxy.requests)


def test_which_proxy_is_taken(monkeypatch):
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    proxies = {"http": "http://plain:1", "https": "https://u:p@tls:2", "all": "any:3"}
    assert proxy_for("http://x/", proxies) == ("http://plain:1", {})
    address, headers = proxy_for("https://x/", proxies)
    assert (address, list(headers)) == ("https://tls:2", ["proxy-authorization"])
    assert proxy_for("https://x/", {"all": "any:3"}) == ("http://any:3", {})
    assert proxy_for("https://x/", {}) == (None, {})
    monkeypatch.setenv("NO_PROXY", "x")
    assert proxy_for("https://x/", proxies) == (None, {})
    assert proxy_for("https://y.example/", proxies)[0] == "https://tls:2"


async def test_a_websocket_trusts_a_private_authority_only_when_named(authority, monkeypatch):
    cert, context = authority
    async with SocketServer(talk(ANSWER), tls=context) as server:
        result = await ask(over_socket(server.url))
        assert result.error.code == "provider_unreachable"
        assert "TLS" in result.error.detail
        assert server.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        assert (await ask(over_socket(server.url))).status == "completed"
    await server.until(lambda: server.live == 0)
