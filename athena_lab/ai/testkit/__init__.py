"""The suite that any wire and any provider's row must pass. It needs no test framework::

    from athena_lab.ai.testkit import Answer, Failure, Kit, checks

    KIT = Kit(
        row=ProviderRow(name="mine", wire="carrier-pigeon", base_url="https://api.example.org/v1", key_env="MINE_KEY"),
        answers=[Answer("text", RECORDED, [Token("Hello"), Usage(3, 1), Finished("completed", "stop")])],
        failures=[Failure("busy", 503, b'{"error": "busy"}', ServiceUnavailable)],
        models=b'{"data": [{"id": "m-1"}]}',
        model_ids=["m-1"],
    )

    @pytest.mark.parametrize("check", checks(KIT), ids=str)
    def test_carrier_pigeon(check):
        check()

A check raises AssertionError. It asks a server of its own on loopback (`server`), and nothing else. Record each kind of
answer that the provider gives: text, a refusal, one that is cut off, a function call, one in a single piece.
"""

from __future__ import annotations

from athena_lab.ai.testkit.checks import Check, checks
from athena_lab.ai.testkit.recordings import Answer, Failure, Kit

__all__ = ["Answer", "Check", "Failure", "Kit", "checks"]
