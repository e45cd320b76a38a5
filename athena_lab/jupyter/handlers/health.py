"""Health, for load balancers and dashboards: no authentication, no secret, no version of a dependency.

Whoever is known is told which providers cannot be asked.
"""

from __future__ import annotations

from http import HTTPStatus

from jupyter_server.auth.decorator import allow_unauthenticated

from athena_lab.jupyter.handlers.base import PolledHandler


class HealthHandler(PolledHandler):
    scope = "public"

    @allow_unauthenticated
    async def get(self) -> None:
        report = await self.lab.health(names=self.current_user is not None)
        self.answer(report, HTTPStatus.SERVICE_UNAVAILABLE if report.status == "unhealthy" else HTTPStatus.OK)
