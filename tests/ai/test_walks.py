"""Whatever providers do, one after the other, a stream walks its states legally and ends exactly once."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, build_prompt
from athena_lab.ai.send import Tools
from athena_lab.ai.states import TRANSITIONS, StreamState
from athena_lab.ai.structured import schema
from athena_lab.ai.types import Features
from athena_lab.events import Failed, Finished
from tests.ai.conftest import KEY, Patience, row
from tests.ai.recorded import STREAMS, WHOLE
from tests.ai.test_background import state as response
from tests.peers.scripted_server import ScriptedServer, drop, raw, reply, stream

PLAIN, ASSESSED = build_prompt("?"), build_prompt("?", schema=schema())


FOLLOWED = st.lists(
    st.sampled_from([reply(200, response("in_progress")), reply(503), reply(200, WHOLE["openai-responses"]), drop]),
    min_size=1,
    max_size=8,
)
"""What may come while an answer goes on by itself at the provider, and is looked at again and again."""


def scripts(wire):
    whole = STREAMS[wire]
    refusal = {"error": {"code": "content_filter", "message": "no"}}
    return st.lists(
        st.sampled_from(
            [
                stream([whole]),
                stream([whole[: len(whole) // 2]]),
                stream([whole[: len(whole) // 2]], end="reset"),
                stream([b": keep-alive\n\n"]),
                reply(200, response("in_progress")),
                reply(200, "{"),
                reply(400, refusal),
                reply(401),
                reply(429, "", {"retry-after": "3"}),
                reply(503),
                raw(b"not http\r\n\r\n"),
                drop,
            ]
        ),
        min_size=1,
        max_size=6,
    )


async def walk(wire, steps, features, *, structured):
    patience = Patience()
    tools = Tools(patience.clock, patience.sleep, patience.chance)
    walked = ["idle"]
    async with ScriptedServer() as server:
        server.will(*steps)
        rows = [row(server, wire, features=features)]
        async with AIManager(rows, environ={"PEER_KEY": KEY}, tools=tools) as manager:
            options = AnalysisOptions(structured=structured, deadline=600.0)
            asked = manager.stream(
                AnalysisRequest("?", options=options),
                ASSESSED if structured else PLAIN,
                state=StreamState(walked.append),
            )
            async with asked as events:
                return [event async for event in events], walked


def check(events, walked):
    ends = [event for event in events if isinstance(event, Finished | Failed)]
    assert ends == events[-1:]
    assert not (isinstance(ends[0], Failed) and ends[0].error.code == "internal")
    assert all(after in TRANSITIONS[before] for before, after in itertools.pairwise(walked))
    assert walked[-1] == ("failed" if isinstance(ends[0], Failed) else "completed")


@settings(max_examples=40)
@given(st.data())
def test_a_stream_ends_once_and_walks_legally(data):
    wire = data.draw(st.sampled_from(sorted(STREAMS)))
    background = wire == "openai-responses" and data.draw(st.booleans())
    features = Features(streaming=data.draw(st.booleans()), background=background)
    steps = data.draw(scripts(wire))
    check(*asyncio.run(walk(wire, steps, features, structured=data.draw(st.booleans()))))


@settings(max_examples=60)
@given(FOLLOWED)
def test_an_answer_that_is_looked_at_again_and_again_walks_legally(steps):
    features = Features(streaming=False, background=True)
    begun = reply(200, response("in_progress"))
    check(*asyncio.run(walk("openai-responses", [begun, *steps], features, structured=False)))
