"""YARA rules as texts: which files of a folder are read, and what they include."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import ClassVar

import pytest

from athena_lab import rules
from athena_lab.errors import BadOutput, InvalidField, ModuleRefused, RulesUnreadable
from athena_lab.rules import arguments


def write(folder, **files):
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".yar")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def test_a_folder_is_a_namespace_a_file_and_what_is_included_is_no_source(tmp_path):
    write(
        tmp_path,
        index='include "./x/a.yar"\n  include "common.yar"',
        x__a='include "../common.yar"\ninclude "b.yar"',
        x__b="rule b { condition: true }",
        common="rule c { condition: true }",
        y__own="rule own { condition: true }",
    )
    (tmp_path / "notes.txt").write_text("rule no { condition: true }")
    args = arguments((tmp_path,), "")
    assert [(source["name"], source["namespace"]) for source in args["sources"]] == [
        ("index.yar", "index"),
        ("y/own.yar", "y/own"),
    ]
    assert set(args["includes"]) == {"x/a.yar", "x/b.yar", "common.yar"}


def test_a_file_a_text_and_texts_by_namespace(tmp_path):
    write(tmp_path, mine='include "more.yar"', more="", other="rule o { condition: true }")
    args = arguments((tmp_path / "mine.yar",), {"n": "rule t { condition: true }"})
    assert [(source["name"], source["namespace"]) for source in args["sources"]] == [("mine.yar", "mine"), ("n", "n")]
    assert args["includes"] == {"more.yar": ""}
    assert arguments((), "rule r { condition: true }")["sources"][0]["namespace"] == "default"


def test_nothing_outside_of_the_folder_is_read(tmp_path):
    write(tmp_path, secret="rule s { condition: true }", rules__a='include "../secret.yar"\ninclude "/etc/passwd"')
    (tmp_path / "rules" / "link.yar").symlink_to(tmp_path / "secret.yar")
    write(tmp_path, rules__b='include "link.yar"')
    assert arguments((tmp_path / "rules" / "a.yar",), "")["includes"] == {}
    assert arguments((tmp_path / "rules" / "b.yar",), "")["includes"] == {}


def test_links_of_a_folder_lead_nowhere_outside(tmp_path):
    write(tmp_path, secret="rule s { condition: true }", rules__a="rule a { condition: true }")
    folder = tmp_path / "rules"
    (folder / "link.yar").symlink_to(tmp_path / "secret.yar")
    (folder / "endless.yar").symlink_to("/dev/zero")
    (folder / "circle.yar").symlink_to(folder / "circle.yar")
    (folder / "inside.yar").symlink_to(folder / "a.yar")
    (folder / "away").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.yar")
    assert [source["name"] for source in arguments((folder,), "")["sources"]] == ["a.yar", "inside.yar"]


def test_a_hostile_set_of_rules_is_read_or_refused(tmp_path, monkeypatch):
    chain = {f"chain__n{at}": f'include "n{at + 1}.yar"' for at in range(1_500)}
    write(tmp_path, **chain, chain__n1500="rule r { condition: true }")
    assert len(arguments((tmp_path / "chain" / "n0.yar",), "")["includes"]) == 1_500
    write(tmp_path, odd=f'include "a\0b"\ninclude "{"x" * 5_000}"\nrule r {{ condition: true }}')
    assert arguments((tmp_path / "odd.yar",), "")["includes"] == {}
    monkeypatch.setattr(rules, "MAX_INCLUDES", 10)
    write(tmp_path, many='include "none.yar"\n' * 11)
    with pytest.raises(InvalidField, match="include 10 times"):
        arguments((tmp_path / "many.yar",), "")


def test_bytes_that_are_no_text_are_written_as_escapes(tmp_path):
    write(tmp_path, latin=b'\xef\xbb\xbfrule r { strings: $a = "\xe9\xc3\xa9" condition: $a }')
    assert arguments((tmp_path,), "")["sources"][0]["text"] == r'rule r { strings: $a = "\xe9é" condition: $a }'


def test_what_cannot_be_is_told(tmp_path, monkeypatch):
    with pytest.raises(InvalidField, match="no rules"):
        arguments((tmp_path,), "")
    with pytest.raises(RulesUnreadable, match=r"no file and no folder of rules '.*none.yar'. Name .yar files"):
        arguments((tmp_path / "none.yar",), "")
    write(tmp_path, one__a='include "c.yar"', one__c="1", two__a='include "c.yar"', two__c="2")
    with pytest.raises(InvalidField, match="one by one"):
        arguments((tmp_path / "one", tmp_path / "two"), "")
    monkeypatch.setattr(rules, "MAX_BYTES", 10)
    with pytest.raises(InvalidField, match="beyond"):
        arguments((tmp_path / "one",), "x")


@pytest.mark.parametrize("name", ["x" * 300, "circle.yar", "a\0b"], ids=["long", "circle", "nul"])
def test_what_no_file_can_be_called_is_left_for_the_module(tmp_path, name):
    (tmp_path / "circle.yar").symlink_to(tmp_path / "circle.yar")
    write(tmp_path, a=f'include "{name}"')
    assert arguments((tmp_path / "a.yar",), "")["includes"] == {}


def test_a_path_that_cannot_be_looked_at_has_an_error_of_ours(tmp_path):
    with pytest.raises(RulesUnreadable, match="cannot be read"):
        arguments((tmp_path / ("x" * 300),), "")


def test_texts_have_names_by_which_what_is_wrong_with_them_is_told(tmp_path):
    write(tmp_path, a="1")
    given = arguments((tmp_path,), {"house": "2", "others": "3"})["sources"]
    assert [(source["name"], source["namespace"]) for source in given] == [
        ("a.yar", "a"),
        ("house", "house"),
        ("others", "others"),
    ]
    assert arguments((), "4")["sources"] == [{"text": "4", "namespace": "default", "name": ""}]


async def test_what_the_module_does_not_take_is_told_with_what_to_do_about_rules():
    class Lab:
        async def open_session(self, _module, **_):
            return SimpleNamespace(id="s")

        async def close_session(self, _):
            pass

        async def execute(self, module, *_args, **_):
            raise ModuleRefused("invalid_args: Rules: house, line 1: no.", module=module)

    with pytest.raises(ModuleRefused, match="Correct the rules there"):
        await rules.compile_rules(Lab(), (), "rule a", None, None)


@pytest.mark.parametrize("answer", [None, [], {"sha256": 1}])
async def test_an_answer_that_breaks_the_contract_is_named_and_leaves_no_session(answer):
    class Lab:
        opened: ClassVar[set[str]] = set()

        async def open_session(self, _module, *, ttl):  # noqa: ARG002 - as a lab's
            self.opened.add("id")
            return SimpleNamespace(id="id")

        async def execute(self, *_what, session):  # noqa: ARG002 - as a lab's
            return answer

        async def close_session(self, session):
            self.opened.remove(session)

    with pytest.raises(BadOutput):
        await rules.compile_rules(Lab(), (), "rule r { condition: true }", None, None)
    assert not Lab.opened
