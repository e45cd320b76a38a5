"""@name@: what it looks for is up to you. This one looks for hidden Windows programs.

There is no file, no clock, no network and no thread: import at the top, since nothing can be imported later. A sample
is hostile: check what you read, and put a limit on what it can make you do. What is malformed is a finding.
"""

from __future__ import annotations

import struct
from typing import Any

from athena_kit import Evidence, Finding, Module, Result

module = Module("@name@", "0.1.0", "Windows programs inside of other files.", ["embedded-programs"])

MAX_FOUND = 100


@module.function("Looks for Windows programs behind the first byte.")
def analyze(sample: bytes, options: dict[str, Any]) -> Result:
    places = list(programs(sample))
    if not places:
        return Result(data={"programs": 0})
    evidence = [Evidence(offset=offset, length=2) for offset in places]
    finding = Finding(
        "embedded-program",
        "medium",
        "A Windows program is hidden inside the file",
        confidence=75,
        detail=f"{len(places)} in all, the first at {places[0]:#x}.",
        evidence=evidence,
        techniques=["T1027.009"],
    )
    return Result([finding], {"programs": len(places), "offsets": places})


def programs(sample: bytes) -> list[int]:
    """Where a DOS header is whose pointer leads to a PE header."""
    found, at = [], sample.find(b"MZ", 1)
    while at >= 0 and len(found) < MAX_FOUND:
        if at + 64 <= len(sample):
            (header,) = struct.unpack_from("<I", sample, at + 60)
            if sample[at + header : at + header + 4] == b"PE\0\0":
                found.append(at)
        at = sample.find(b"MZ", at + 1)
    return found
