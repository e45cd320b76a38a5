"""Into the files inside a sample: which are worth an analysis of their own, and how much all of them may take together.

A module lists what is inside, and gives it out; here it becomes a sample, is analysed like any other, and has files
inside in its turn. Bytes that were seen before in the same tree are not analysed again: their verdict is the one there.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from msgspec.structs import replace

from athena_lab.errors import AthenaError, QueueFull
from athena_lab.report.behaviour import SandboxFacts
from athena_lab.report.deobfuscation import DeobfuscationFacts
from athena_lab.report.display import counted
from athena_lab.report.facts import FileFacts
from athena_lab.report.indicators import leads
from athena_lab.report.network import NetworkFacts
from athena_lab.report.tree import MAX_MISSED, MAX_WORST, Node

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from athena_lab import api
    from athena_lab.report import ModuleResult, Report
    from athena_lab.report.capture import CapturedFile
    from athena_lab.report.children import Child
    from athena_lab.sample import Sample

MAX_ASIDE: Final = 512
"""Rows in one tree of files that were not analysed: a person reads no more, and ``facts.children`` has all. They push
out none that is analysed, of which `ChildOptions.count` says how many there are."""
MEDIA: Final = frozenset((
    "png", "jpeg", "gif", "webp", "tiff", "psd", "jpeg2000", "jxl", "heif", "avif", "icns", "ico", "cur", "bmp", "xcf",
    "xpm", "pbm", "pgm", "ppm", "amr", "dff", "dsf", "wav", "avi", "mp4", "matroska", "ogg", "flac", "mp3", "flv",
    "asf", "midi", "mpeg-ps", "mpeg-ts", "mpeg-audio", "aiff", "eot", "truetype", "opentype", "woff", "woff2",
    "font-collection",
))  # fmt: skip
"""Pictures, sound and fonts: file-processor has looked for programs in and behind them already."""
PLAIN: Final = frozenset(("", "text", "utf16-text", "data", "xml", "json", "json-lines", "csv", "html"))
"""Analysed after the others, if the budget lets."""


STAND_IN: Final = "stand-in"
"""The kind of a file that the sandbox's own answer to a request went into."""


class Found(NamedTuple):
    """A file inside, as a module lists it."""

    module: str
    child: Child | CapturedFile


class Descent:
    """One triage's way into the files inside. ``clock`` gives monotonic seconds."""

    def __init__(
        self,
        root: Sample,
        options: api.ChildOptions,
        *,
        extract: Callable[[str, Sample, int, float], Awaitable[Sample]],
        analyse: Callable[[Descent, Sample, int, float], Awaitable[Report]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``extract`` takes module, sample, number and seconds; ``analyse`` this, a sample, its depth and seconds."""
        self._options, self._extract, self._analyse, self._clock = options, extract, analyse, clock
        self._ends = clock() + options.seconds
        self._count, self._bytes = options.count, options.total_bytes
        self._aside, self._missed = MAX_ASIDE, MAX_MISSED
        self._root = root.sha256
        self._seen: dict[str, Node | None] = {root.sha256: None}
        """By hash: the node that was analysed, None while it is and where there is none."""

    async def into(self, sample: Sample, results: Iterable[ModuleResult], depth: int) -> tuple[Node, ...]:
        """The files inside a sample that is ``depth`` levels deep, the root being 0.

        Those below the last level, and whatever else is not analysed, have a row while there is room for such.

        Raises `QueueFull`: then the whole should be asked for again.
        """
        if not self._options.depth:
            return ()
        nodes = []
        for found in sorted(_found(results), key=_turn):
            node = await self._one(sample, found, depth + 1)
            if self._has_room(node):
                nodes.append(node)
        return tuple(nodes)

    def _has_room(self, node: Node) -> bool:
        if node.by_budget:
            self._missed -= 1
            return self._missed >= 0
        if node.status in {"left-out", "seen"}:
            self._aside -= 1
            return self._aside >= 0
        return True

    async def _one(self, sample: Sample, found: Found, depth: int) -> Node:
        child = found.child
        node = Node(found.module, child.index, child.name, child.kind, child.size, child.sha256, child.format)
        if why := _worthless(child):
            return replace(node, status="left-out", reason=why)
        if child.sha256 in self._seen:
            return self._again(node)
        if why := self._beyond(child, depth):
            return replace(node, status="left-out", reason=why, by_budget=True)
        self._seen[child.sha256] = None
        self._count -= 1
        self._bytes -= child.size
        try:
            inner = await self._extract(found.module, sample, child.index, self._left())
            if inner.sha256 != child.sha256:
                # Who read hostile bytes is not believed: by that hash it would pass for a file that was seen.
                del self._seen[child.sha256]
                return replace(node, status="failed", reason="What was taken out is not what was listed.")
            node = _analysed(node, await self._analyse(self, inner, depth, self._left()))
        except QueueFull:
            raise
        except AthenaError as error:
            return replace(node, status="failed", reason=str(error))
        self._seen[child.sha256] = node
        return node

    def _again(self, node: Node) -> Node:
        """The same bytes again, which are as bad as they were: no verdict depends on where in a tree a file lies. The
        sample's own is not known before its files are.
        """
        if node.sha256 == self._root:
            return replace(node, status="seen", reason="It is the sample itself.")
        node = replace(node, status="seen", reason="The same bytes are elsewhere in the tree.")
        first = self._seen[node.sha256]
        return node if first is None else replace(node, level=first.level, score=first.score)

    def _beyond(self, child: Child | CapturedFile, depth: int) -> str:
        if depth > self._options.depth:
            return f"More than {counted(self._options.depth, 'level')} deep."
        if self._count <= 0:
            return f"More than {self._options.count} files."
        if child.size > self._bytes:
            return f"More than {self._options.total_bytes:,} bytes."
        return f"More than {self._options.seconds:g} s." if self._clock() >= self._ends else ""

    def _left(self) -> float:
        """Seconds for one of the files, never none: half of what is left, since others come behind it."""
        return max(1.0, (self._ends - self._clock()) / 2)


def _worthless(child: Child | CapturedFile) -> str:
    if child.kind == STAND_IN:
        return "What the sample would have loaded is not known: the sandbox reaches no network."
    if not child.sha256 or not child.size:
        return "It could not be unpacked to its end." if not child.sha256 else "It is empty."
    return "A picture, sound or font." if child.format in MEDIA else ""


def _turn(found: Found) -> int:
    """What is analysed comes before what only takes a row of the tree: a thousand pictures hide no program."""
    child = found.child
    if child.format in MEDIA or not child.sha256 or not child.size:
        return 2
    return int(child.format in PLAIN)


def _analysed(node: Node, report: Report) -> Node:
    concluded = report.conclusion
    found, left_out = leads(report)
    return replace(
        node,
        reason=f"in part: {'; '.join(report.unfinished)}" if report.unfinished else "",
        level=report.verdict.level,
        score=concluded.score if concluded else None,
        finding_count=len(report.findings),
        worst=report.findings[:MAX_WORST],
        techniques=concluded.techniques if concluded else (),
        leads=found,
        leads_left_out=left_out,
        children=report.children,
    )


def _found(results: Iterable[ModuleResult]) -> Iterator[Found]:
    """What is directly inside: the rest is inside that, and its own analysis finds it."""
    for result in results:
        facts = result.facts()
        if isinstance(facts, DeobfuscationFacts | FileFacts | SandboxFacts):
            yield from (Found(result.module, child) for child in facts.children if child.parent is None)
        elif isinstance(facts, NetworkFacts) and facts.capture is not None:
            yield from (Found(result.module, file) for file in facts.capture.files.items)
