"""A file that is inside a sample, taken out of it: the module unpacks, the host puts the parts together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from athena_lab.errors import BadOutput, SampleTooLarge
from athena_lab.wasm.job import decode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

FUNCTION = "extract"
WHAT_THERE_IS: Final = {
    "file-processor": (
        "report.facts.children lists what is inside, and its numbers; what a capture carried is taken out with "
        'module="network".'
    ),
    "network": (
        "report.network.capture.files lists what the capture carried, and its numbers; what is inside an archive or a "
        'document is taken out with module="file-processor".'
    ),
    "deobfuscator": "report.deobfuscation.children lists the files that are under the layers, and their numbers.",
    "sandbox": "report.behaviour.children lists the code that the sample ran and the files that it wrote.",
}
"""By module: where the numbers of what can be taken out are found."""


class Inside(msgspec.Struct, frozen=True):
    """What every module that gives files out says of one. ``name`` is hostile, ``size`` in bytes."""

    name: str
    size: int


class Part(msgspec.Struct, frozen=True):
    """What the module answers: a part of the child's content, from ``offset`` on."""

    child: Inside
    offset: int
    content: bytes
    """Base64 in JSON."""


async def content_of(
    call: Callable[[Mapping[str, int]], Awaitable[msgspec.Raw]], index: int, *, module: str, max_bytes: int
) -> tuple[Inside, bytearray]:
    """The child with that number and its content; `call` calls the module of that name with arguments.

    Raises `SampleTooLarge` beyond `max_bytes`, and `BadOutput`: the module has read hostile bytes, and is not believed.
    """
    content = bytearray()
    while True:
        part = decode(await call({"index": index, "offset": len(content)}), Part, module)
        if max(part.child.size, len(content) + len(part.content)) > max_bytes:
            raise SampleTooLarge(f"Child {index} is larger than the {max_bytes:,} bytes that a sample may have.")
        content += part.content
        if len(content) >= part.child.size:
            return part.child, content
        if not part.content:
            raise BadOutput(f"Child {index} ends {part.child.size - len(content):,} bytes early.", module=module)
