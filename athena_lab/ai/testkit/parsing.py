"""Checks of a wire's parser, on bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from athena_lab.ai.broken_utf8 import Mender
from athena_lab.ai.providers.wire import Garbage, StreamError
from athena_lab.ai.providers.wires import find_wire
from athena_lab.ai.send import Progress
from athena_lab.ai.transports import Message, whole_message
from athena_lab.ai.transports.sse import SseDecoder
from athena_lab.events import Finished, Token, ToolCall, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from athena_lab.ai.send import Item
    from athena_lab.ai.testkit.recordings import Answer, Kit

BAD: Final[tuple[Any, ...]] = (None, True, -1, 1 << 70, 0.5, "", "x", [], {}, [None], {"x": None})
"""Values that a member may have and should not."""


def expect(condition: object, what: str) -> None:
    """Raises AssertionError."""
    if not condition:
        raise AssertionError(what)


def means_its_events(kit: Kit, answer: Answer) -> None:
    ends = [event for event in answer.events if isinstance(event, Finished)]
    expect(ends == [answer.events[-1]], "a recording has one Finished, at its end")
    _same(parse(kit, answer, [answer.body]), answer)


def cut_in_two_anywhere(kit: Kit, answer: Answer) -> None:
    for end in (b"\n",) if answer.whole else (b"\n", b"\r\n", b"\r"):
        body = answer.body.replace(b"\n", end)
        for place in range(len(body)):
            _same(parse(kit, answer, [body[:place], body[place:]]), answer, f"cut at {place}")


def in_single_bytes(kit: Kit, answer: Answer) -> None:
    _same(parse(kit, answer, [bytes([byte]) for byte in answer.body]), answer)


def cut_off_anywhere_is_no_answer(kit: Kit, answer: Answer) -> None:
    """What is left out of the end of an answer that counts as whole may be its usage, and nothing that is shown."""
    for place in range(len(answer.body)):
        try:
            items = parse(kit, answer, [answer.body[:place]])
        except (Garbage, StreamError):
            continue
        if any(isinstance(item, Finished) for item in items):
            expect(_shown(items) == _shown(answer.events), f"cut off at {place}, it is taken for an answer: {items}")


def with_any_value_changed(kit: Kit, answer: Answer) -> None:
    """Whatever a provider sends, the parser yields items or says what is wrong, and raises nothing else."""
    messages = _messages(answer, [answer.body])
    for number, message in enumerate(messages):
        for data in _changed(message.data):
            changed = [*messages[:number], Message(data, message.event, message.whole), *messages[number + 1 :]]
            try:
                items = _read(kit, changed)
            except (Garbage, StreamError):
                continue
            except (ValueError, RecursionError) as error:
                raise AssertionError(f"{type(error).__name__} for {data[:80]!r}: see wire.UNDECODABLE") from error
            for item in items:
                expect(isinstance(item, (Token, ToolCall, Usage, Finished)), f"{item} for {data}")
                expect(not isinstance(item, Token) or item.text, f"an empty token for {data}")


def parse(kit: Kit, answer: Answer, chunks: Iterable[bytes]) -> list[Item]:
    """What the bytes mean, without progress. Raises Garbage and StreamError."""
    return _read(kit, _messages(answer, chunks))


def _messages(answer: Answer, chunks: Iterable[bytes]) -> list[Message]:
    if answer.whole:
        return [whole_message(b"".join(chunks))]
    decoder = SseDecoder()
    messages = [message for chunk in chunks for message in decoder.feed(chunk)]
    return [*messages, *decoder.end()]


def _read(kit: Kit, messages: Iterable[Message]) -> list[Item]:
    parser, mender = find_wire(kit.row.wire).parser(), Mender()
    items: list[Item] = []
    for message in messages:
        for item in mender.items(parser.feed(message)):
            items.append(item)
            if isinstance(item, Finished):
                return _without_progress(items)
    return _without_progress([*items, *mender.items(parser.end())])


def _without_progress(items: Iterable[Item]) -> list[Item]:
    return [item for item in items if not isinstance(item, Progress)]


def _same(items: list[Item], answer: Answer, how: str = "read") -> None:
    expect(items == list(answer.events), f"{answer.name}, {how}: {items} instead of {list(answer.events)}")


def _shown(items: Iterable[Item]) -> tuple[str, list[ToolCall], list[Finished]]:
    items = list(items)
    return (
        "".join(item.text for item in items if isinstance(item, Token)),
        [item for item in items if isinstance(item, ToolCall)],
        [item for item in items if isinstance(item, Finished)],
    )


def _changed(data: str) -> Iterator[str]:
    """The JSON text with each of its values replaced by each of the bad ones, and with each member left out."""
    try:
        value = json.loads(data)
    except ValueError:  # [DONE]
        return
    yield from ("", "null", "[]", "{}", '"x"', "7", data[:-1], "[" * 100_000)
    for path in _paths(value):
        for bad in BAD:
            yield json.dumps(_replaced(value, path, bad))


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inner:
        yield (key,)
        yield from ((key, *path) for path in _paths(below))


def _replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = value.copy()
    copy[path[0]] = _replaced(value[path[0]], path[1:], new)
    return copy
