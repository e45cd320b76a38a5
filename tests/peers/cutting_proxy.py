"""A TCP proxy on loopback that cuts connections off where a test says.

    async with CuttingProxy(port, [Cut(down=700), Cut(up=20, reset=True)]) as proxy:
        ... connect to proxy.port: the first connection ends after 700 bytes from the server, the second after 20 to it,
        the third and all later ones live as long as they like ...

Standard library only.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterable


class Cut(NamedTuple):
    """After so many bytes to the server (``up``) or from it (``down``); by RST, or as a peer closes that goes."""

    up: int | None = None
    down: int | None = None
    reset: bool = False


class CuttingProxy:
    """``made`` counts the connections that there were, ``cut`` those of them that were cut."""

    def __init__(self, port: int, cuts: Iterable[Cut] = ()) -> None:
        self._target = port
        self._cuts = deque(cuts)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.made = 0
        self.cut = 0

    def will(self, *cuts: Cut) -> None:
        """Forget the cuts that are left, and do these."""
        self._cuts = deque(cuts)

    @property
    def port(self) -> int:
        assert self._server is not None
        return self._server.sockets[0].getsockname()[1]

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:  # also of those that were accepted just now
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made += 1
        self._writers.append(writer)
        cut = self._cuts.popleft() if self._cuts else Cut()
        task = asyncio.ensure_future(self._serve(cut, reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, cut: Cut, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.append(server_writer)
        ways = (
            asyncio.ensure_future(_pass_on(reader, server_writer, cut.up)),
            asyncio.ensure_future(_pass_on(server_reader, writer, cut.down)),
        )
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            self.cut += any(way.result() for way in done)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for side in (writer, server_writer):
                _close(side, reset=cut.reset)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None) -> bool:
    """Whether it was cut, rather than ended by one of its peers."""
    passed = 0
    try:
        while limit is None or passed < limit:
            data = await reader.read(65_536 if limit is None else limit - passed)
            if not data:
                return False
            passed += len(data)
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return False
    return True


def _close(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    if reset:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()
