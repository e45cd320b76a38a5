"""Structured answers: an `Assessment` as JSON, read while it comes, validated at its end, repaired once.

The reader sees the ``summary`` as text from its first character on, and every other member once it is complete. What
does not fit in the end is sent back to the model once, with what is wrong with it; if that does not help, the answer
is reported as invalid, with its text.
"""

from __future__ import annotations

from contextlib import aclosing
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

from athena_lab.ai.meter import total
from athena_lab.ai.prompt import fence, inert
from athena_lab.ai.send import PROGRESS
from athena_lab.ai.states import StreamState
from athena_lab.errors import APIError, AthenaError, Rejected
from athena_lab.events import Assessment, FailedOver, Finished, Member, Structured, Token, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence

    from athena_lab.ai.pipeline import PipelineOptions
    from athena_lab.ai.prompt import Prompt
    from athena_lab.ai.send import Call, Item, Policy, Send, Tools

MAX_TEXT: Final = 256 * 1024
"""Characters of a structured answer; what is longer is not one."""
_STEPS: Final = 64
"""A long text is read again only when it has grown by one part in so many, so that the work stays in proportion."""
_SHOWN: Final = "summary"
_NOT_FOR_MODELS: Final = frozenset(
    {"minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems", "pattern", "title", "description"}
)
"""What providers' strict modes refuse. Our own validation sees to it."""


@cache
def schema() -> Mapping[str, Any]:
    """JSON Schema of `Assessment` in the dialect that all providers take: no references, every member required."""
    (root,), definitions = msgspec.json.schema_components((Assessment,))
    plain: dict[str, Any] = _plain(root, definitions)
    return plain


def _plain(node: Any, definitions: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _plain(definitions[node["$ref"].rpartition("/")[2]], definitions)
    kept = {key: _plain(value, definitions) for key, value in node.items() if key not in _NOT_FOR_MODELS}
    if kept.get("type") == "object":
        kept |= {"required": list(kept["properties"]), "additionalProperties": False}
    return kept


def policy(_options: PipelineOptions, _tools: Tools) -> Policy:
    def wrap(send: Send) -> Send:
        def structured(call: Call) -> AsyncGenerator[Item, None]:
            return send(call) if call.prompt.schema is None else _assess(send, call)

        return structured

    return wrap


async def _assess(send: Send, call: Call) -> AsyncGenerator[Item, None]:
    answer = _Answer()
    async with aclosing(answer.read(send(call))) as events:
        async for event in events:
            yield event
    for event in answer.reader.rest():
        yield event
    outcome, usage = answer.reader.outcome(), answer.usage
    if outcome.problem is not None and answer.end is not None and answer.end.status == "completed":
        outcome, usage = await _repair(send, call, outcome, usage)
        if outcome.assessment is not None and not answer.reader.showed:
            yield Token(outcome.assessment.summary)
    yield usage
    yield outcome
    if answer.end is not None:
        yield answer.end


class _Answer:
    """The first answer as it comes. Its usage and its end come last, so they are kept here."""

    def __init__(self) -> None:
        self.reader = Reader()
        self.usage = Usage()
        self.end: Finished | None = None

    async def read(self, items: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
        try:
            async with aclosing(items):
                async for item in items:
                    for event in self._take(item):
                        yield event
                    if self.reader.overlong:
                        self.end = Finished("degraded", "too_long")
                        return
        except AthenaError:
            for event in _fragment(self.usage, self.reader.text):
                yield event
            raise

    def _take(self, item: Item) -> Sequence[Item]:
        """What the reader of the answer sees of an item now."""
        match item:
            case Token():
                return self.reader.feed(item.text) or (PROGRESS,)
            case Usage():
                self.usage = item
                return ()
            case Finished():
                self.end = item
                return ()
            case FailedOver(resumed=False) | ToolCall():  # what stood before a look was no answer yet
                self.reader, self.end = Reader(), None
        return (item,)


def _fragment(usage: Usage, text: str) -> Iterator[Item]:
    """What there is to say of an answer that broke off; nothing of one that never began."""
    if usage != Usage():
        yield usage
    if text:
        yield Structured(problem="The answer broke off.", raw=text)


async def _repair(send: Send, call: Call, invalid: Structured, spent: Usage) -> tuple[Structured, Usage]:
    """Ask once more, and add up what both cost. A repair that fails leaves the answer as invalid as it was."""
    reader = Reader()
    again = replace(call, prompt=_repair_prompt(call.prompt, invalid), state=StreamState())
    try:
        async with aclosing(send(again)) as items:
            async for item in items:
                if isinstance(item, Token):
                    reader.feed(item.text)
                elif isinstance(item, Usage):
                    spent = total(spent, item)
    except (APIError, Rejected):
        return invalid, spent
    outcome = reader.outcome()
    return (replace(outcome, repaired=True) if outcome.assessment else invalid), spent


def _repair_prompt(prompt: Prompt, invalid: Structured) -> Prompt:
    wrong = f"{invalid.raw}\n\nWhat is wrong with it: {invalid.problem}"
    user = (
        "An answer to be corrected stands between the two lines that begin with UNTRUSTED, and what is wrong with it.\n"
        f"{fence(wrong)}\n\n"
        "Write the same content again as one JSON object that fits the schema, and nothing else:\n"
        f"{msgspec.json.encode(prompt.schema).decode()}"
    )
    return replace(prompt, user=user, tools=())


class Reader:
    """The text of one structured answer. Feed it every piece, then call `rest` once, then `outcome`."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = self._read = 0
        self._done: set[str] = set()
        self._shown = ""

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def overlong(self) -> bool:
        """Whether it can be no assessment any more, whatever comes."""
        return self._size > MAX_TEXT

    @property
    def showed(self) -> bool:
        """Whether the reader has seen any text."""
        return bool(self._shown)

    def feed(self, piece: str) -> list[Token | Member]:
        """What this piece completes: members of the assessment, and more of the summary."""
        self._parts.append(piece)
        self._size += len(piece)
        if self.overlong or self._size - self._read < self._read // _STEPS:
            return []
        self._read = self._size
        return list(self._events(whole=False))

    def rest(self) -> Iterator[Token | Member]:
        """What the end completes. A text in which nothing was found is shown as it is."""
        if not self.overlong:
            yield from self._events(whole=True)
        if not self._shown and not self._done and self._parts:
            self._shown = self.text
            yield Token(self.text)

    def outcome(self) -> Structured:
        text = self.text
        if self.overlong:
            return Structured(problem=f"It is longer than {MAX_TEXT:,} characters.", raw=text)
        begin, end = text.find("{"), text.rfind("}")
        if begin < 0 or end < begin:
            return Structured(problem="It holds no JSON object.", raw=text)
        try:
            return Structured(msgspec.json.decode(text[begin : end + 1], type=Assessment))
        except msgspec.ValidationError as error:
            return Structured(problem=f"{inert(str(error))}.", raw=text)  # it may quote a member's name
        except (ValueError, RecursionError):
            return Structured(problem="It is not valid JSON.", raw=text)

    def _events(self, *, whole: bool) -> Iterator[Token | Member]:
        found = _partial(self.text)
        names = list(found)
        complete = names if whole else names[:-1]
        for name in names:
            if name == _SHOWN:
                yield from self._show(found[name])
            elif name in complete and name not in self._done and name in Assessment.__struct_fields__:
                self._done.add(name)
                yield Member(name, found[name])

    def _show(self, text: Any) -> Iterator[Token]:
        # A name given twice can change what was there: then nothing more is shown, and the end says what holds.
        if isinstance(text, str) and len(text) > len(self._shown) and text.startswith(self._shown):
            more = text[len(self._shown) :]
            self._shown = text
            yield Token(more)


def _partial(text: str) -> dict[str, Any]:
    """The JSON object in the text as far as it came; {} where there is none. A string may be cut, a number too."""
    import jiter  # noqa: PLC0415 - of the dependencies only this policy needs it

    begin = text.find("{")
    if begin < 0:
        return {}
    try:
        found = jiter.from_json(
            text[begin:].encode("utf-8", "replace"), partial_mode="trailing-strings", allow_inf_nan=False
        )
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
