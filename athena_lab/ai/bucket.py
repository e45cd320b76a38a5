"""Token buckets: so much a minute, with bursts; what is taken too early is a debt that has to be waited for."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Bucket:
    """Holds up to ``size``, and gets ``per_second`` back. ``clock`` gives monotonic seconds."""

    def __init__(self, size: float, per_second: float, clock: Callable[[], float]) -> None:
        self._size = size
        self._per_second = per_second
        self._clock = clock
        self._level = size
        self._at = clock()

    @property
    def level(self) -> float:
        """What is in it now; negative while there is a debt."""
        now = self._clock()
        self._level = min(self._size, self._level + (now - self._at) * self._per_second)
        self._at = now
        return self._level

    def seconds_until(self, amount: float) -> float:
        """How long until ``amount`` may be taken; more than the bucket holds may be taken when it is full."""
        missing = min(amount, self._size) - self.level
        return max(0.0, missing / self._per_second)

    def take(self, amount: float) -> None:
        """Into debt if need be."""
        self._level = self.level - amount

    def give(self, amount: float) -> None:
        """Back, or as a reward."""
        self._level = min(self._size, self.level + amount)
