"""Samples in and out of the quarantine; their bytes never come back out."""

from __future__ import annotations

from athena_lab.jupyter.handlers.base import OCTETS, AthenaHandler
from athena_lab.jupyter.handlers.uploads import UploadHandler


class SamplesHandler(UploadHandler):
    media = frozenset({OCTETS})

    async def post(self) -> None:
        sample = self.uploaded()
        assert sample is not None, "a body of another type was refused"
        self.answer(sample)


class SampleHandler(AthenaHandler):
    async def get(self, sha256: str) -> None:
        self.answer(await self.lab.sample(sha256))
