"""Which way an answer comes."""

from __future__ import annotations

import itertools

import pytest

from athena_lab.ai import AIManager, AnalysisOptions, AnalysisRequest, build_prompt
from athena_lab.ai.providers.channels import BackgroundWire, SocketWire, closed_as
from athena_lab.ai.providers.selection import REFUSED_FOR, Selection, offers, refuses_upgrade, select
from athena_lab.ai.providers.wires import find_wire
from athena_lab.ai.transports import Fault, HttpStatus, NoUpgrade, ReplyInfo
from athena_lab.ai.types import TRANSPORTS, Features
from athena_lab.errors import ConfigError, InvalidField
from tests.ai.conftest import KEY, row
from tests.ai.recorded import STREAMS, WHOLE
from tests.peers.scripted_server import reply, stream

PROMPT = build_prompt("?")
SUBSETS = [kinds for size in (1, 2, 3) for kinds in itertools.combinations(TRANSPORTS, size) if "polling" in kinds]


@pytest.mark.parametrize(
    ("features", "offered"),
    [
        (Features(), ("sse", "polling")),
        (Features(websocket=True), ("websocket", "sse", "polling")),
        (Features(streaming=False), ("polling",)),
        (Features(streaming=False, websocket=True), ("polling",)),
        (Features(websocket=True, background=True), ("sse", "polling")),
        (Features(streaming=False, background=True), ("polling",)),
    ],
)
def test_what_a_row_offers(features, offered):
    assert offers(features, socket=True) == offered
    assert offers(features, socket=False) == tuple(kind for kind in offered if kind != "websocket")


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.parametrize("wanted", [None, *TRANSPORTS])
@pytest.mark.parametrize("offered", SUBSETS)
def test_selecting(offered, wanted, refused):
    if wanted is not None and wanted not in offered:
        with pytest.raises(InvalidField, match=f"no transport {wanted}. It has {', '.join(offered)}"):
            select(offered, wanted, refused=refused)
        return
    chosen = select(offered, wanted, refused=refused)
    assert chosen in offered
    if wanted is not None:
        assert chosen == wanted
    else:
        better = TRANSPORTS[: TRANSPORTS.index(chosen)]
        assert all(kind not in offered or (refused and kind == "websocket") for kind in better)


@pytest.mark.parametrize("status", [200, 204, 400, 404, 405, 426, 501])
def test_statuses_that_speak_of_the_handshake(status):
    assert refuses_upgrade(HttpStatus(ReplyInfo(status, {}), b""))


@pytest.mark.parametrize("status", [401, 402, 403, 429, 498, 500, 502, 503, 529])
def test_statuses_that_speak_of_the_provider(status):
    assert not refuses_upgrade(HttpStatus(ReplyInfo(status, {}), b""))


def test_what_else_refuses_an_upgrade():
    assert refuses_upgrade(NoUpgrade(Fault.REDIRECT, "x"))


@pytest.mark.parametrize(("code", "status"), [(1011, 500), (1013, 503), (1009, 413), (3000, 401), (1001, None)])
def test_close_codes(code, status):
    meant = closed_as(code, "why")
    assert (meant and meant.status) == status
    assert meant is None or (meant.complaint.code, meant.complaint.message) == (str(code), "why")


def test_a_refusal_is_remembered_for_five_minutes(server, patience):
    wire = find_wire("openai-responses")
    selection = Selection(row(server, features=Features(websocket=True)), wire, patience.clock)
    assert selection.pick() == "websocket"
    selection.note_refusal()
    assert (REFUSED_FOR, selection.pick(), selection.pick("websocket")) == (300.0, "sse", "websocket")
    patience.now += REFUSED_FOR - 0.001
    assert selection.pick() == "sse"
    patience.now += 0.001
    assert selection.pick() == "websocket"


def test_background_responses_that_the_wire_does_not_have_are_named(server):
    with pytest.raises(ConfigError, match="Provider peer: the wire openai-chat has no background responses"):
        AIManager([row(server, features=Features(background=True))], environ={"PEER_KEY": KEY})
    selection = Selection(row(server, features=Features(websocket=True)), find_wire("openai-chat"), float)
    assert selection.offered == ("sse", "polling")


def test_which_wires_have_more():
    assert isinstance(find_wire("openai-responses"), SocketWire)
    assert isinstance(find_wire("openai-responses"), BackgroundWire)
    assert not isinstance(find_wire("anthropic"), SocketWire)


@pytest.mark.parametrize("wanted", [None, "sse", "polling"])
async def test_whoever_asks_may_name_the_transport(server, manager_for, wanted):
    wire = "openai-chat"
    server.will(reply(200, WHOLE[wire]) if wanted == "polling" else stream([STREAMS[wire]]))
    request = AnalysisRequest("?", options=AnalysisOptions(transport=wanted))
    result = await manager_for().analyze(request, PROMPT)
    assert result.status == "completed"
    assert server.requests[0].json()["stream"] is (wanted != "polling")


async def test_a_transport_that_is_not_to_be_had_is_refused_on_entering(server, manager_for):
    request = AnalysisRequest("?", options=AnalysisOptions(transport="websocket"))
    with pytest.raises(InvalidField, match="It has sse, polling"):
        await manager_for().analyze(request, PROMPT)
    assert server.requests == []
