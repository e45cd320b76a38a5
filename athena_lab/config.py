"""Every setting, its unit, range and default.

Settings come from ``athena.toml`` - at ``$ATHENA_CONFIG``, else in the working directory, else in the user's
configuration folder - and from the environment: ``ATHENA_<SECTION>__<KEY>``, with more ``__`` for deeper keys. The
environment wins.

A file found in the working directory may come from somebody else, with a folder of samples say. It may choose among
providers and models, and nothing else: not where API keys are sent, not folders, not the sandbox's limits.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import msgspec
import platformdirs
from msgspec import Meta

from athena_lab.ai.batching import BatchingOptions
from athena_lab.ai.breaker import BreakerOptions
from athena_lab.ai.budget import BudgetOptions
from athena_lab.ai.coalesce import CoalesceOptions
from athena_lab.ai.consensus import ConsensusOptions
from athena_lab.ai.deadline import DeadlineOptions
from athena_lab.ai.failover import FailoverOptions
from athena_lab.ai.health import HealthOptions
from athena_lab.ai.hedge import HedgeOptions
from athena_lab.ai.job_options import JobOptions
from athena_lab.ai.later_options import LaterOptions
from athena_lab.ai.ledger import MEMORY, LedgerOptions
from athena_lab.ai.looking import LookingOptions
from athena_lab.ai.pipeline import PipelineOptions
from athena_lab.ai.providers.registry import DEFAULT_ROWS, ProviderRow
from athena_lab.ai.recovery import RecoveryOptions
from athena_lab.ai.retry import RetryOptions
from athena_lab.bulkheads import BulkheadsOptions
from athena_lab.errors import ConfigError
from athena_lab.sample import DEFAULT_MAX_BYTES, MIB
from athena_lab.wasm.runtime import RuntimeOptions
from athena_lab.wasm.sessions import SessionOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

_T = TypeVar("_T")

APP = "athena-lab"
FILE = "athena.toml"
_PREFIX = "ATHENA_"
_ANYBODY_MAY_SET = {"enabled", "model", "priority"}
"""Of a provider's row, in a file that merely lies in the working directory."""


class SampleConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[samples]``"""

    max_bytes: Annotated[int, Meta(ge=1, le=1024 * MIB)] = DEFAULT_MAX_BYTES
    """Largest sample, in bytes."""
    folder: str = ""
    """The quarantine; empty for ``quarantine`` in the user's data folder."""


class WasmConfig(RuntimeOptions, frozen=True):
    """``[wasm]``: the sandbox's limits, and where its modules are."""

    sessions: SessionOptions = SessionOptions()
    """``[wasm.sessions]``: what modules keep between calls."""
    components: str = ""
    """Folder of components with their manifest; empty for the modules that come with Athena Lab."""


class AiConfig(DeadlineOptions, frozen=True):
    """``[ai]``: how long an answer is waited for; ``[ai.retry]``: how often and when it is asked for again;
    ``[ai.budget]``: what may be spent; ``[ai.ledger]``: where that is written down; ``[ai.health]``: how providers are
    watched.
    """

    retry: RetryOptions = RetryOptions()
    jobs: JobOptions = JobOptions()
    """``[ai.jobs]``: answers that clients can come back to."""
    budget: BudgetOptions = BudgetOptions()
    ledger: LedgerOptions = LedgerOptions()
    health: HealthOptions = HealthOptions()
    later: LaterOptions = LaterOptions()
    """``[ai.later]``: what outlives the process: questions to be asked again, and earlier answers."""
    breaker: BreakerOptions = BreakerOptions()
    recovery: RecoveryOptions = RecoveryOptions()
    failover: FailoverOptions = FailoverOptions()
    coalesce: CoalesceOptions = CoalesceOptions()
    batching: BatchingOptions = BatchingOptions()
    hedge: HedgeOptions = HedgeOptions()
    consensus: ConsensusOptions = ConsensusOptions()
    looking: LookingOptions = LookingOptions()
    """``[ai.looking]``: how often and how long a model may look at the sample again."""

    @property
    def options(self) -> PipelineOptions:
        """What the AI core takes."""
        deadlines = DeadlineOptions(self.deadline, self.first_token, self.between_tokens)
        own = {name: getattr(self, name) for name in PipelineOptions.__struct_fields__ if name != "deadline"}
        return PipelineOptions(deadline=deadlines, **own)


class HttpConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[http]``"""

    max_json_bytes: Annotated[int, Meta(ge=1_024, le=256 * MIB)] = 32 * MIB
    """Largest JSON body. Larger samples are uploaded as application/octet-stream."""


class LabConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All settings. `providers` has the built-in rows, overridden and added to by the file."""

    samples: SampleConfig = SampleConfig()
    wasm: WasmConfig = WasmConfig()
    ai: AiConfig = AiConfig()
    http: HttpConfig = HttpConfig()
    bulkheads: BulkheadsOptions = BulkheadsOptions()
    providers: dict[str, ProviderRow] = {}

    @property
    def key_variables(self) -> tuple[str, ...]:
        """Environment variables that may hold an API key."""
        return tuple(variable for row in self.providers.values() for variable in row.key_variables)

    @property
    def quarantine(self) -> Path:
        """Where samples are kept."""
        return Path(self.samples.folder) if self.samples.folder else platformdirs.user_data_path(APP) / "quarantine"

    @property
    def ledger(self) -> Path | None:
        """Where it is written down what was spent; None for memory alone."""
        return _data_file(self.ai.ledger.path, "usage.db")

    @property
    def later(self) -> Path | None:
        """Where questions are kept that are to be asked again, and earlier answers; None for memory alone."""
        return _data_file(self.ai.later.path, "questions.db")

    @property
    def components(self) -> Path:
        """Where modules are found: as configured, else in the package, else (in a checkout) where they are built."""
        if self.wasm.components:
            return Path(self.wasm.components)
        package = Path(__file__).parent / "wasm" / "components"
        return package if package.is_dir() else Path(__file__).parent.parent / "wasm" / "components"

    @property
    def own_modules(self) -> Path:
        """Where the user's own modules are kept."""
        folder = self.wasm.foreign.folder
        return Path(folder) if folder else platformdirs.user_data_path(APP) / "modules"

    @property
    def code_cache(self) -> Path:
        """Where precompiled modules are kept."""
        return platformdirs.user_cache_path(APP) / "wasm"


def _data_file(path: str, name: str) -> Path | None:
    if path == MEMORY:
        return None
    return Path(path) if path else platformdirs.user_data_path(APP) / name


class ConfigFile(msgspec.Struct, frozen=True):
    """The file that was found. `trusted` is False for one that merely lies in the working directory."""

    path: Path
    text: str
    trusted: bool

    def error(self, key: str, problem: str) -> ConfigError:
        """The error for the setting `key` (``wasm.deadline``), with its line."""
        line = _line_of(self.text, key)
        return ConfigError(f"{self.path}{f', line {line}' if line else ''}: {problem}")


def load_config(environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> LabConfig:
    """Read file and environment. Raises `ConfigError`, which names the file and line, or the variable."""
    environ = os.environ if environ is None else environ
    file = _find(environ, cwd or Path.cwd())
    tree = _parse(file) if file else {}
    if file and not file.trusted:
        _refuse_untrusted(tree, file)
    if file:
        _convert(tree, file.error, strict=True)  # first alone, so that it is blamed for its own
    variables = _from_environment(environ)
    return _convert(
        _merge(tree, variables), lambda key, problem: ConfigError(f"{_variable(key)}: {problem}"), strict=False
    )


def _find(environ: Mapping[str, str], cwd: Path) -> ConfigFile | None:
    if named := environ.get("ATHENA_CONFIG"):
        return _read(Path(named), trusted=True)
    for path, trusted in ((cwd / FILE, False), (_home(), True)):
        if path.is_file():
            return _read(path, trusted=trusted)
    return None


def _home() -> Path:
    return platformdirs.user_config_path(APP) / FILE


def _read(path: Path, *, trusted: bool) -> ConfigFile:
    try:
        return ConfigFile(path, path.read_text("utf-8"), trusted)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8.") from error


def _parse(file: ConfigFile) -> dict[str, Any]:
    try:
        return tomllib.loads(file.text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{file.path}: {error}.") from error


def _refuse_untrusted(tree: Mapping[str, Any], file: ConfigFile) -> None:
    for table, value in tree.items():
        if table != "providers" or not isinstance(value, dict):
            raise _untrusted(table, file)
        for name, row in value.items():
            for key in row if isinstance(row, dict) else ():
                if key not in _ANYBODY_MAY_SET:
                    raise _untrusted(f"providers.{name}.{key}", file)


def _untrusted(key: str, file: ConfigFile) -> ConfigError:
    error = file.error(key, f"a file in the working directory may not set {key}.")
    error.next_step = f"Name the file in $ATHENA_CONFIG, or move it to {_home()}."
    return error


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in sorted(environ.items()):
        if name.startswith(_PREFIX) and "__" in name:
            *sections, key = name.removeprefix(_PREFIX).lower().split("__")
            place = tree
            for section in sections:
                place = place.setdefault(section, {})
                if not isinstance(place, dict):
                    raise ConfigError(f"{name}: {section} is a value already, by another variable.")
            place[key] = _value(value)
    return tree


def _value(text: str) -> Any:
    """Lists and tables as in TOML; all else is text, which is read as what its setting is."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


Blame = Callable[[str, str], ConfigError]
"""Makes the error for a key (``wasm.deadline``) and what is wrong with it."""


def _convert(tree: Mapping[str, Any], blame: Blame, *, strict: bool) -> LabConfig:
    """`strict`: only TOML's own types; else text is taken for numbers and truth values, too."""
    named = tree.get("providers", {})
    if not isinstance(named, dict):
        raise blame("providers", "Expected tables, [providers.<name>].")
    built_in = {row.name: _plain(row) for row in DEFAULT_ROWS}
    rows = _merge(built_in, named)
    for name in built_in.keys() & named.keys():
        _keep_models(built_in[name], rows[name])
    others = {key: value for key, value in tree.items() if key != "providers"}
    if isinstance(places := tree.get("bulkheads"), dict):  # so that either half of a bulkhead can be set alone
        others["bulkheads"] = _merge(_plain(BulkheadsOptions()), places)
    config = _checked(others, LabConfig, "", blame, strict=strict)
    # One by one, since msgspec does not say which of a table's entries is wrong.
    providers = {
        name: _checked(_row(name, row), ProviderRow, f"providers.{name}.", blame, strict=strict)
        for name, row in rows.items()
    }
    return msgspec.structs.replace(config, providers=providers)


def _keep_models(below: Mapping[str, Any], row: Any) -> None:
    """Behind the models that a file or a variable gives, those built in that it does not give."""
    models = row.get("models") if isinstance(row, dict) else None
    if isinstance(models, list) and models is not below["models"]:
        given = [model.get("id") for model in models if isinstance(model, dict)]
        row["models"] = [*models, *(model for model in below["models"] if model["id"] not in given)]


def _row(name: str, row: Any) -> Any:
    return {"name": name, **row} if isinstance(row, dict) else row


def _checked(value: Any, kind: type[_T], above: str, blame: Blame, *, strict: bool) -> _T:
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$")
        unknown = re.search(r"unknown field `(.+?)`", problem)
        key = above + ".".join(part for part in (where.strip("`."), unknown and unknown[1]) if part)
        key = key.rstrip(".")
        raise blame(key, f"{problem} (in {key}).") from None


def _plain(settings: msgspec.Struct) -> dict[str, Any]:
    return cast("dict[str, Any]", msgspec.to_builtins(settings))


def _variable(key: str) -> str:
    return _PREFIX + key.upper().replace(".", "__")


def _line_of(text: str, key: str) -> int | None:
    """The line of ``a.b.key`` in TOML `text`: the key below its table's header, else the header, else those above it.

    The entries of ``[[a.b]]`` are ``a.b[0]``, ``a.b[1]`` ...
    """
    table, _, last = key.rpartition(".")
    last = last.partition("[")[0]
    header, current = None, ""
    entries: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if heading := re.match(r"\s*(\[+)\s*([^\]]+?)\s*\]+", line):
            current = heading[2].replace('"', "")
            if heading[1] == "[[":
                entries[current] = entries.get(current, -1) + 1
                current = f"{current}[{entries[current]}]"
            header = number if current in {key, table} else header
        elif re.match(rf"\s*\"?{re.escape(last)}\"?\s*=", line) and current == table:
            return number
    return header if header is not None or not table else _line_of(text, table)
