"""How the parts of the lab are, in the words of `/health`. Anybody may read it: no paths, and no providers by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from athena_lab import api
from athena_lab.errors import NoProvider
from athena_lab.report.display import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from athena_lab.ai.outlook import Outlook
    from athena_lab.bulkhead import Bulkhead
    from athena_lab.errors import AthenaError
    from athena_lab.wasm.runtime import Runtime

_BY_WHO: Final[dict[str, api.Health]] = {"first": "healthy", "another": "degraded", "nobody": "unhealthy"}


def providers(outlook: Outlook, *, names: bool) -> api.Component:
    """Degraded where others answer for the first, unhealthy where nobody does. ``names`` for those who have a token."""
    if not outlook.configured:
        return api.Component("not_configured", NoProvider.next_step)
    if outlook.who == "first" and outlook.able == outlook.configured:
        return api.Component("healthy", f"{outlook.configured} configured.")
    which = str(outlook.able) if outlook.able else "None"
    count = f"{which} of {outlook.configured} configured can be asked now."
    detail = f"{count} The panel and GET /api/v1/ai/providers say why."
    if names and outlook.sentence:
        detail = f"{outlook.sentence} {count}"
    return api.Component(_BY_WHO[outlook.who], detail)


def later(problem: AthenaError | None) -> api.Component:
    """Of the file with questions for later and earlier answers. Its path stands in no detail."""
    if problem is None:
        return api.Component("healthy", "Questions and answers can be kept, as far as is known.")
    return api.Component("degraded", f"{problem.problem().detail} {problem.problem().next_step}")


def queues(shared: Iterable[Bulkhead], providers: Mapping[str, Bulkhead]) -> api.Component:
    """Who is not named here are the providers, since anybody may read it."""
    queues = [(bulkhead.name, bulkhead) for bulkhead in shared]
    queues += [("a provider's", bulkhead) for bulkhead in providers.values()]
    full = [name for name, bulkhead in queues if bulkhead.full]
    filling = [name for name, bulkhead in queues if bulkhead.filling and not bulkhead.full]
    if full:
        return api.Component("degraded", f"Full, more is refused: {', '.join(dict.fromkeys(full))}.")
    if filling:
        return api.Component("healthy", f"More than half full: {', '.join(dict.fromkeys(filling))}.")
    return api.Component("healthy", "Nothing is refused.")


def modules(runtime: Runtime, status: api.Health) -> api.Component:
    """`wasm` for anybody: what is wrong may name a path."""
    loaded = f"{counted(len(runtime.modules), 'module')} loaded"
    if runtime.failures:
        loaded += f", not loaded: {', '.join(sorted(runtime.failures))}"
    why = "" if status == "healthy" else " GET /api/v1/status/wasm says what is wrong."
    return api.Component(status, f"{loaded}.{why}")


def wasm(runtime: Runtime) -> tuple[api.Health, str]:
    """Unhealthy where no module can be used, degraded where one cannot, or fails half of its calls."""
    wrong = {name: str(error) for name, error in runtime.failures.items()}
    if (problem := runtime.catalog.problem) is not None:
        wrong[problem.module if problem.module != "*" else "modules of your own"] = str(problem)
    if not runtime.modules:
        return "unhealthy", _sentence(wrong) or "No module is loaded. Load one, or build them with `make wasm`."
    unwell = {name: runtime.health[name].problem for name in runtime.modules if runtime.health[name].problem}
    silent = [name for name in runtime.modules if runtime.health[name].fault is not None]
    if wrong or unwell:
        return "unhealthy" if len(silent) == len(runtime.modules) else "degraded", _sentence(wrong | unwell)
    return "healthy", f"{len(runtime.modules)} loaded: {', '.join(sorted(runtime.modules))}."


def _sentence(wrong: Mapping[str, str]) -> str:
    return " ".join(f"{name}: {problem}" for name, problem in wrong.items())
