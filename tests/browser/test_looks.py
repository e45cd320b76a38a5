"""A model that looks again, seen in the cell: each call and its result, folded, while it looks and in what is saved."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.test_answers import CONNECT

SAMPLE = """import json
import struct

plain = json.dumps({"servers": ["http://c2.example/gate"], "campaign": "demo"}).encode()
hidden = b"CFG1" + struct.pack("<BH", 90, len(plain)) + bytes(byte ^ 90 for byte in plain)
report = await lab.triage(b"An installer, or so it says.\\0" + bytes(1_000) + hidden + bytes(200))
report"""
ASK = "cell = AskCell(lab, report)\nawait cell.ask('Is anything hidden in it?')"


def test_each_look_is_shown_folded_while_the_model_looks_and_after_it(open_page, athena, peer):
    release = peer.look()
    bench = open_page(athena.page(athena.write("looks.ipynb", CONNECT, SAMPLE, ASK)))
    bench.run_all()
    live = bench.page.locator(".athena-live")
    expect(live.locator("> details > summary")).to_have_text("The model looked at the file again: 3 calls")
    expect(live.locator("pre").first).to_be_hidden()
    live.locator("summary").first.click()
    rule = live.locator("details details").nth(1)
    rule.locator("summary").click()
    expect(rule.locator("pre")).to_contain_text("with XOR key 0x5a")
    bench.screenshot("looking")
    release()
    expect(bench.answer).to_contain_text("What looking again showed")
    bench.until_idle()
    looks = bench.answer.locator("details.athena-looks")
    expect(looks).to_have_count(1)
    expect(looks.locator("pre").first).to_be_hidden()
    looks.locator("summary").first.click()
    for number, name in enumerate(("search_strings", "match_yara", "read_bytes")):
        head = looks.locator("details > summary").nth(number)
        expect(head).to_have_text(re.compile(f"^Call {number + 1}: {name} "))
        head.click()
    expect(looks.locator("pre").nth(2)).to_contain_text("CFG1Z")
    assert looks.locator("a, img, script").count() == 0
    expect(looks.locator("summary code").nth(1)).to_contain_text("$address = ")
    assert looks.locator("mjx-container").count() == 0
    looks.scroll_into_view_if_needed()
    bench.screenshot("looked")
