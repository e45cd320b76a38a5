"""What a module answers when a file is taken out of a sample: it has read hostile bytes, and is not believed."""

from __future__ import annotations

import base64

import msgspec
import pytest

from athena_lab.errors import BadOutput, SampleTooLarge
from athena_lab.extraction import content_of


def module(size: int, *, content: bytes = b"x" * 10, **said: object):
    """One that answers every call alike."""
    child = {"index": 0, "depth": 1, "name": "a", "kind": "zip-entry", "size": size} | said

    async def call(args):
        part = {"child": child, "offset": args["offset"], "content": base64.b64encode(content).decode()}
        return msgspec.Raw(msgspec.json.encode(part))

    return call


async def test_the_parts_are_put_together():
    child, content = await content_of(module(30), 0, module="network", max_bytes=30)
    assert (child.name, content) == ("a", b"x" * 30)


@pytest.mark.parametrize("call", [module(1 << 60), module(10, content=b"x" * 31)], ids=["said", "sent"])
async def test_no_more_is_taken_than_a_sample_may_have(call):
    with pytest.raises(SampleTooLarge):
        await content_of(call, 0, module="network", max_bytes=30)


@pytest.mark.parametrize("call", [module(30, content=b""), module(30, name=None), module("30")])
async def test_an_answer_that_breaks_the_contract_is_named(call):
    with pytest.raises(BadOutput):
        await content_of(call, 0, module="network", max_bytes=100)
