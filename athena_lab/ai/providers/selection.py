"""Which way an answer comes: over a WebSocket, else as server-sent events, else whole.

A provider offers what its row's features name and its wire can; whoever asks takes the best of it, or names one. What
cannot run over a WebSocket is a background response, so a row that asks for those offers none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from athena_lab.ai.providers.channels import BackgroundWire, SocketWire
from athena_lab.ai.transports import HttpStatus, NoUpgrade
from athena_lab.ai.types import TRANSPORTS
from athena_lab.errors import ConfigError, InvalidField

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from athena_lab.ai.providers.registry import ProviderRow
    from athena_lab.ai.providers.wire import Wire
    from athena_lab.ai.types import Features, TransportKind

REFUSED_FOR: Final = 300.0
"""Seconds for which a provider that no WebSocket gets through to is asked by other means."""
_NO_UPGRADE: Final = frozenset({400, 404, 405, 406, 407, 410, 426, 501})
"""Statuses of a handshake that speak of the handshake: nothing that could be wrong has been asked yet."""
_SUCCESS: Final = range(200, 300)


def offers(features: Features, *, socket: bool) -> tuple[TransportKind, ...]:
    """From the best to the one that always works. ``socket``: the wire speaks over WebSockets."""
    has = {
        "websocket": socket and features.websocket and features.streaming and not features.background,
        "sse": features.streaming,
        "polling": True,
    }
    return tuple(kind for kind in TRANSPORTS if has[kind])


def select(
    offered: Collection[TransportKind], wanted: TransportKind | None = None, *, refused: bool = False
) -> TransportKind:
    """The best on offer, or the one that is wanted by name. ``refused``: WebSockets lately did not get through.

    Raises InvalidField for a wanted one that is not offered.
    """
    if wanted is not None:
        if wanted not in offered:
            raise InvalidField(f"The provider has no transport {wanted}. It has {', '.join(offered)}.")
        return wanted
    return next(kind for kind in TRANSPORTS if kind in offered and not (refused and kind == "websocket"))


def refuses_upgrade(error: HttpStatus | NoUpgrade) -> bool:
    """Whether a failed handshake says that WebSockets do not get through, and nothing of the provider itself."""
    if isinstance(error, NoUpgrade):
        return True
    return error.reply.status in _NO_UPGRADE or error.reply.status in _SUCCESS


class Selection:
    """One provider's offer, and what is remembered of it.

    ``clock`` in monotonic seconds. Raises ConfigError for a row that wants background responses of a wire that has
    none; a WebSocket is offered where both have it.
    """

    def __init__(self, row: ProviderRow, wire: Wire, clock: Callable[[], float]) -> None:
        if row.features.background and not isinstance(wire, BackgroundWire):
            raise ConfigError(f"Provider {row.name}: the wire {row.wire} has no background responses.")
        self.offered = offers(row.features, socket=isinstance(wire, SocketWire))
        self._clock = clock
        self._refused_until = float("-inf")

    def pick(self, wanted: TransportKind | None = None) -> TransportKind:
        """For an attempt that begins now. Raises InvalidField."""
        return select(self.offered, wanted, refused=self._clock() < self._refused_until)

    def note_refusal(self) -> None:
        """WebSockets do not get through: try again in `REFUSED_FOR` seconds."""
        self._refused_until = self._clock() + REFUSED_FOR
