"""Health, for load balancers and dashboards: no authentication, no secret, no version of a dependency."""

from __future__ import annotations

from http import HTTPStatus

from jupyter_server.auth.decorator import allow_unauthenticated

from athena_lab.jupyter.handlers.base import PolledHandler


class HealthHandler(PolledHandler):
    scope = "public"

    @allow_unauthenticated
    async def get(self) -> None:
        report = await self.lab.health()
        self.answer(report, HTTPStatus.SERVICE_UNAVAILABLE if report.status == "unhealthy" else HTTPStatus.OK)
