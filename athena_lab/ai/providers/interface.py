"""What every provider can do: the interface, for whoever brings one of another kind."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from athena_lab.ai.send import Call, Item
from athena_lab.ai.types import AnalysisResult, Features, Model, ProviderStatus, ProviderUsage, RateLimits


class ProviderInterface(Protocol):
    """Every failure is an `APIError` that names the provider."""

    @property
    def name(self) -> str:
        """As in the configuration."""

    @property
    def version(self) -> str:
        """Of the provider's API that is spoken."""

    @property
    def features(self) -> Features: ...

    def stream(self, call: Call) -> AsyncGenerator[Item, None]:
        """One attempt: its answer in pieces. Closing the generator closes the connection at once."""

    async def analyze(self, call: Call) -> AnalysisResult:
        """One attempt: its whole answer."""

    async def models(self) -> tuple[Model, ...]:
        """What the provider lists."""

    async def usage(self) -> ProviderUsage:
        """What was spent with it, as far as is written down."""

    async def health_check(self) -> ProviderStatus:
        """How it is, asked now. Raises no `APIError`: what is wrong is the answer."""

    async def validate_key(self) -> bool:
        """Whether the provider takes the key."""

    def rate_limits(self) -> RateLimits:
        """What the provider last said of its limits."""
