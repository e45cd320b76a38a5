"""Samples in and out of the quarantine; their bytes never come back out."""

from __future__ import annotations

from athena_lab.errors import MalformedRequest
from athena_lab.jupyter.handlers.base import AthenaHandler
from athena_lab.jupyter.handlers.uploads import UploadHandler


class SamplesHandler(UploadHandler):
    async def post(self) -> None:
        sample = self.uploaded()
        if sample is None:
            raise MalformedRequest("Upload the sample's bytes as application/octet-stream.")
        self.answer(sample)


class SampleHandler(AthenaHandler):
    async def get(self, sha256: str) -> None:
        self.answer(await self.lab.sample(sha256))
