"""HTTP to a Jupyter server that has Athena Lab: requests, and what goes wrong with them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import httpx
import msgspec

from athena_lab.errors import (
    AthenaError,
    DeadlineExceeded,
    InvalidField,
    LabClosed,
    Problem,
    ServerUnreachable,
    from_problem,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Collection

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 3_660.0
"""Longer than any deadline that the server lets a request have; after it the server is taken for dead."""

JSON_BODY: Final = {"Content-Type": "application/json"}


class Disconnected(Exception):
    """The connection broke, or could not be made. ``error`` says so to whoever asked.

    `refused`: there was none at all, or what answers is not Athena Lab; to try again at once is no use.
    """

    def __init__(self, error: AthenaError, *, refused: bool = False) -> None:
        super().__init__(error.detail)
        self.error = error
        self.refused = refused


class ServerHttp:
    """A connection for each call: httpx's pool, where it is capped, loses places when calls are cancelled."""

    def __init__(self, url: str, token: str) -> None:
        self.url = url.rstrip("/") + "/"
        self.headers = {"Authorization": f"token {token}"} if token else {}
        # Certificate authorities by SSL_CERT_FILE and SSL_CERT_DIR, which `trust_env` would leave out.
        self.tls: ssl.SSLContext | None = httpx.create_ssl_context() if url.startswith("https:") else None
        self._client = httpx.AsyncClient(
            base_url=self.url,
            headers=self.headers,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            verify=self.tls or False,
            trust_env=False,  # the server is ours: a proxy has no business with it
        )

    def check_open(self) -> None:
        if self._client.is_closed:
            raise LabClosed("This client is closed.")

    @contextlib.asynccontextmanager
    async def open(
        self, method: str, path: str, accept: Collection[int] = (200,), **options: Any
    ) -> AsyncIterator[httpx.Response]:
        """A response that is still to be read. Raises `Disconnected`, and the error that the server names."""
        self.check_open()
        try:
            async with self._client.stream(method, path, **options) as response:
                if response.status_code not in accept:
                    raise _refusal(self.url, response.status_code, await response.aread())
                yield response
        except httpx.ConnectTimeout:
            raise Disconnected(ServerUnreachable(f"There is no answer from {self.url}."), refused=True) from None
        except httpx.TimeoutException:
            step = "Look at its log, and try again."
            late = DeadlineExceeded(f"The server at {self.url} did not answer in time.", next_step=step)
            raise Disconnected(late) from None
        except (httpx.TransportError, httpx.InvalidURL) as error:
            refused = isinstance(error, httpx.ConnectError | httpx.InvalidURL)
            raise Disconnected(unreachable(self.url, error), refused=refused) from None

    async def send(self, method: str, path: str, accept: Collection[int] = (200,), **options: Any) -> bytes:
        """The whole body. Raises as `open` does."""
        async with self.open(method, path, accept, **options) as response:
            return await response.aread()

    async def aclose(self) -> None:
        await self._client.aclose()


def unreachable(url: str, error: Exception) -> ServerUnreachable:
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        step = "Name the authority that signed it in SSL_CERT_FILE."
        return ServerUnreachable(f"The certificate of {url} is not trusted.", next_step=step)
    return ServerUnreachable(f"There is no answer from {url}: {type(error).__name__}.")


def encode(value: Any) -> bytes:
    """Raises `InvalidField` for what is no JSON."""
    try:
        return msgspec.json.encode(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidField(f"The request cannot be written as JSON: {error}.") from None


def decode(data: bytes | str, kind: Any) -> Any:  # Any: a union is no type
    """Raises `ServerUnreachable` for what our server would not have said."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError:
        raise ServerUnreachable("The server's answer is not Athena Lab's; it may be of another version.") from None


def _refusal(url: str, status: int, body: bytes) -> Exception:
    try:
        return from_problem(msgspec.json.decode(body, type=Problem))
    except msgspec.MsgspecError:
        error = ServerUnreachable(
            f"The server at {url} answered with status {status}, and not as Athena Lab does.",
            next_step="Check that the athena_lab extension is enabled there: `jupyter server extension list`.",
        )
        return Disconnected(error, refused=True)
