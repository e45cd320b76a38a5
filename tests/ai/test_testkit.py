"""A wire in a package of its own, installed beside us: found by its entry point, and held to the kit, which notices."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

WIRE = '''
"""Events are {"say": text} and at last {"bye": reason, "tokens": [in, out]}."""
import msgspec
from athena_lab.ai.providers.wire import Complaint, ErrorTable, Garbage, StreamError, UNDECODABLE
from athena_lab.ai.providers.wire import models_of, output_limit
from athena_lab.ai.send import PROGRESS
from athena_lab.ai.transports import HttpRequest
from athena_lab.errors import ServiceUnavailable
from athena_lab.events import Finished, Token, Usage


class Event(msgspec.Struct):
    say: str = ""
    bye: str | None = None
    tokens: tuple[int, int] = (0, 0)
    error: str | None = None


class Parser:
    def feed(self, message):
        try:
            event = msgspec.json.decode(message.data, type=Event)
        except UNDECODABLE:
            raise Garbage from None
        if event.error is not None:
            raise StreamError(Complaint(kind=event.error))
        yield Token(event.say) if event.say else PROGRESS
        if event.bye is not None:
            yield Usage(*event.tokens)
            yield Finished("refused" if event.bye == "no" else "completed", event.bye)

    def end(self):
        yield from ()


class Pigeon:
    version = "1"
    errors = ErrorTable(codes={}, kinds={"tired": ServiceUnavailable}, next_steps={})

    def request(self, row, base_url, key, call):
        body = {"to": call.model, "how": call.transport, "system": call.prompt.system, "user": call.prompt.user,
                "most": output_limit(row, call)}
        if call.prompt.tools:
            body["tools"] = [tool.name for tool in call.prompt.tools]
        if call.prompt.schema and row.features.structured_output:
            body["schema"] = call.prompt.schema
        return HttpRequest("POST", f"{base_url}/fly", {"x-seed": key.reveal()}, msgspec.json.encode(body))

    def models_request(self, row, base_url, key):
        return HttpRequest("GET", f"{base_url}/flock", {"x-seed": key.reveal()})

    def models(self, message):
        return models_of(message)

    def parser(self):
        return Parser()

    def complaint(self, body):
        return Complaint(message=body.decode("utf-8", "replace"))
'''

RUN = """
import sys
from athena_lab.ai import ProviderRow
from athena_lab.ai.testkit import Answer, Failure, Kit, checks
from athena_lab.errors import ServiceUnavailable
from athena_lab.events import Finished, Token, Usage

row = ProviderRow(name="loft", wire="carrier-pigeon", base_url="https://loft.example.org/v1", key_env="LOFT_KEY")
note = b'data: {"say": "co\\xc3\\xb6"}\\n\\ndata: {"bye": "%s", "tokens": [3, 1]}\\n\\n'
kit = Kit(
    row,
    [
        Answer("text", note % b"home", [Token("co\\u00f6"), Usage(3, 1), Finished("completed", "home")]),
        Answer("a refusal", note % b"no", [Token("co\\u00f6"), Usage(3, 1), Finished("refused", "no")]),
        Answer("whole", b'{"bye": "home"}', [Usage(), Finished("completed", "home")], whole=True),
    ],
    [Failure("busy", 503, b"busy", ServiceUnavailable),
     Failure("tired", 200, b'data: {"say": "co"}\\n\\ndata: {"error": "tired"}\\n\\n', ServiceUnavailable)],
    b'{"data": [{"id": "p-1"}]}', ["p-1"],
)
assert "pytest" not in sys.modules
for check in checks(kit):
    try:
        check()
    except AssertionError:
        print(check)
    except Exception as error:
        print(check, type(error).__name__)
"""


@pytest.fixture
def run(tmp_path):
    """Names of the checks that fail with the wire as given."""

    def run(source):
        (tmp_path / "pigeon.py").write_text(source)
        info = tmp_path / "pigeon-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: pigeon\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[athena_lab.wires]\ncarrier-pigeon = pigeon:Pigeon\n")
        path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
        done = subprocess.run(
            [sys.executable, "-c", RUN],
            env=os.environ | {"PYTHONPATH": path},
            check=False,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 0, done.stderr
        return set(done.stdout.splitlines())

    return run


def test_a_package_s_own_wire_passes(run):
    assert run(WIRE) == set()


@pytest.mark.parametrize(
    ("good", "bad", "noticed"),
    [
        ("yield from ()", 'yield Finished("completed", "end")', "text, cut off anywhere is no answer"),
        ("Token(event.say) if event.say else PROGRESS", "Token(event.say)", "text, means its events"),
        ("except UNDECODABLE:", "except KeyError:", "text, with any value changed"),
        ('{base_url}/fly"', '{base_url}/fly?key={key.reveal()}"', "the key travels in a header only"),
        ("output_limit(row, call)", "call.max_tokens", "the request asks for what the row allows"),
        ("if call.prompt.tools:", "if False:", "the request asks for what the row allows"),
        ('"to": call.model,', '"to": call.model, "temperature": 0,', "the request asks for what the row allows"),
        ("return models_of(message)", "return ()", "models are listed"),
        ('body.decode("utf-8", "replace")', "body.decode()", "errors however broken are named"),
    ],
)
def test_the_kit_notices(run, good, bad, noticed):
    assert good in WIRE
    failed = run(WIRE.replace(good, bad))
    assert any(name.startswith(f"loft: {noticed}") for name in failed)
