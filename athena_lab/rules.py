"""YARA rules from files, folders and texts, for the sandbox: read as text here, compiled and matched there.

>>> rules = await lab.compile_rules("rules/", externals={"filename": ""})
>>> report = await lab.triage("suspicious.exe", options=TriageOptions(sessions=(rules.session,)))
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from athena_lab.errors import AthenaError, BadOutput, InvalidField, ModuleDeadline, ModuleRefused, RulesUnreadable
from athena_lab.ruleset import RuleSet, RuleTime

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator, Mapping

    from athena_lab.protocol import LabProtocol, Source
    from athena_lab.ruleset import External

MODULE = "pattern-matcher"
ENDINGS = frozenset({".yar", ".yara", ".rule", ".rules"})
MAX_BYTES = 16 << 20
"""Of all texts together, as in the module."""
MAX_INCLUDES = 10_000
"""Lines that include, of all texts together: each asks the file system."""
_INCLUDE = re.compile(r'^[ \t]*include[ \t]+"([^"\n\0]+)"', re.MULTILINE)
_TIMES = 20
_LONG = 0.25
"""Seconds, of which one time says enough."""
_DEADLINE = 20.0
"""Seconds for one rule."""
_T = TypeVar("_T")


class _Part(msgspec.Struct, frozen=True):
    rule: str
    namespace: str
    text: str


class _Parts(msgspec.Struct, frozen=True):
    parts: tuple[_Part, ...]
    parts_left_out: int = 0


async def compile_rules(
    lab: LabProtocol,
    paths: tuple[str | os.PathLike[str], ...],
    sources: str | Mapping[str, str],
    externals: Mapping[str, External] | None,
    ttl: float | None,
) -> RuleSet:
    """As `LabProtocol.compile_rules`."""
    args = await asyncio.to_thread(arguments, paths, sources) | {"externals": dict(externals or {})}
    session = await lab.open_session(MODULE, ttl=ttl)
    try:
        with _refused():
            compiled = await lab.execute(MODULE, "compile", args, session=session.id)
        return _told(compiled, RuleSet, session=session.id)
    except BaseException:
        with contextlib.suppress(AthenaError):  # what went wrong before is what is told
            await lab.close_session(session.id)
        raise


async def profile_rules(
    lab: LabProtocol,
    source: Source,
    paths: tuple[str | os.PathLike[str], ...],
    sources: str | Mapping[str, str],
    externals: Mapping[str, External] | None,
) -> tuple[RuleTime, ...]:
    """As `LabProtocol.profile_rules`."""
    args = await asyncio.to_thread(arguments, paths, sources)
    known = dict(externals or {})
    sample = await lab.add(source)
    with _refused():
        answer = await lab.execute(MODULE, "split", args | {"externals": known})
    parts = _told(answer, _Parts)
    if parts.parts_left_out:
        raise InvalidField(f"{parts.parts_left_out} of the rules are too many to be measured one by one.")

    async def seconds(part: _Part, times: int) -> float:
        alone = {"sources": [{"text": part.text}], "externals": known, "times": times}
        return (await lab.execute_raw(MODULE, "repeat", alone, source=sample, timeout=_DEADLINE)).time

    async def measured(part: _Part) -> RuleTime:
        compiling = min(await seconds(part, 0), await seconds(part, 0))
        try:
            matching = await seconds(part, 1) - compiling
        except ModuleDeadline:
            return RuleTime(part.rule, part.namespace, _DEADLINE, stopped=True)
        if matching < _LONG:
            matching = max(0.0, await seconds(part, _TIMES) - compiling) / _TIMES
        return RuleTime(part.rule, part.namespace, matching)

    # One after the other: beside each other they would measure each other.
    times = [await measured(part) for part in parts.parts]
    return tuple(sorted(times, key=lambda time: time.seconds, reverse=True))


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    """What to do about rules that the module does not take."""
    try:
        yield
    except ModuleRefused as error:
        error.next_step = (
            "Correct the rules there. What a file includes is looked for beside it and in the folder that was named, "
            "nowhere else."
        )
        raise


def _told(answer: Any, kind: type[_T], **more: str) -> _T:
    """Raises `BadOutput`: the module has read texts of others, and is not believed."""
    try:
        return msgspec.convert({**answer, **more}, kind)
    except (msgspec.ValidationError, TypeError) as error:
        raise BadOutput(f"Its answer does not fit {kind.__name__.strip('_')}: {error}.", module=MODULE) from None


def arguments(paths: tuple[str | os.PathLike[str], ...], sources: str | Mapping[str, str]) -> dict[str, Any]:
    """The module's arguments for files, folders and texts. Raises `InvalidField` and `RulesUnreadable`."""
    read = _Reader()
    for path in paths:
        read.add(Path(path))
    if isinstance(sources, str):
        read.sources += [{"text": sources, "namespace": "default", "name": ""}] if sources else []
    else:
        read.sources += [{"text": text, "namespace": name, "name": name} for name, text in sources.items()]
    if not read.sources:
        raise InvalidField("There are no rules in that.", next_step="Name a .yar file, a folder of them, or a text.")
    return {"sources": read.sources, "includes": read.includes}


class _Reader:
    """Texts of files, and of those that they include: from the folder that was named and those in it alone."""

    def __init__(self) -> None:
        self.sources: list[dict[str, str]] = []
        self.includes: dict[str, str] = {}
        self._bytes = 0
        self._asked = 0

    def add(self, path: Path) -> None:
        try:
            self._add(path)
        except OSError as error:
            raise RulesUnreadable(f"The rules {str(path)!r} cannot be read: {error.strerror}.") from None

    def _add(self, path: Path) -> None:
        if path.is_dir():
            root = path.resolve()
            files = sorted(file for file in root.rglob("*") if file.suffix.lower() in ENDINGS and _is_in(root, file))
        elif path.is_file():
            root, files = path.resolve().parent, [path.resolve()]
        elif path.exists():
            raise RulesUnreadable(f"The rules {str(path)!r} are neither a file nor a folder.")
        else:
            raise RulesUnreadable(f"There is no file and no folder of rules {str(path)!r}.")
        texts = {file: self._read(file) for file in files}
        included: dict[Path, str] = {}
        self._follow(texts, root, included)
        for file, text in texts.items():
            # What others include has its place there; a file that includes itself is told of by the module.
            if file not in included or len(texts) == 1:
                name = file.relative_to(root)
                namespace = name.with_suffix("").as_posix()
                self.sources.append({"text": text, "namespace": namespace, "name": name.as_posix()})
        for file, text in included.items():
            told = file.relative_to(root).as_posix()
            if self.includes.setdefault(told, text) != text:
                raise InvalidField(f"Two of the folders have an included file {told}: compile them one by one.")

    def _follow(self, texts: Mapping[Path, str], root: Path, included: dict[Path, str]) -> None:
        """What is not there is left for the module, which says where it is asked for."""
        left = list(texts.items())
        while left:  # a chain of includes may be longer than the stack is deep
            file, text = left.pop()
            for found in self._included(file, text, root):
                if found not in included:
                    included[found] = texts[found] if found in texts else self._read(found)
                    left.append((found, included[found]))

    def _included(self, file: Path, text: str, root: Path) -> Iterator[Path]:
        for match in _INCLUDE.finditer(text):
            self._asked += 1
            if self._asked > MAX_INCLUDES:
                raise InvalidField(f"Rules may include {MAX_INCLUDES:,} times; {file.name} is beyond that.")
            for folder in (file.parent, root):
                found = folder / match[1].replace("\\", "/")
                if _is_in(root, found):
                    yield found.resolve()
                    break

    def _read(self, file: Path) -> str:
        with file.open("rb") as opened:
            # Not by its size: a file may grow, and those of /proc have none.
            content = opened.read(MAX_BYTES - self._bytes + 1)
        self._bytes += len(content)
        if self._bytes > MAX_BYTES:
            raise InvalidField(f"Rules may have {MAX_BYTES:,} bytes together; {file.name} is beyond that.")
        # A byte that is no UTF-8 becomes the escape by which YARA writes it, in texts as in expressions.
        return content.decode("utf-8", "backslashreplace").removeprefix("\ufeff")


def _is_in(root: Path, path: Path) -> bool:
    """Whether it is a file of that folder: a set of rules is another's, and so are the links in it."""
    try:
        real = path.resolve()
        return real.is_relative_to(root) and real.is_file()
    except (OSError, RuntimeError, ValueError):  # a name that is too long, links in a circle
        return False
