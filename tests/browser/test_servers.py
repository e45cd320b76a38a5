"""Servers that die, live below another address, or are plain `jupyter lab`."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.test_answers import ASK, CONNECT, TRIAGE


def test_a_server_that_dies_is_told_in_red_and_its_return_in_green(open_page, start):
    server = start("athena")
    bench = open_page(server.page())
    panel = bench.panel()
    expect(bench.status).to_have_text("Athena: ready")
    expect(bench.row("file-processor")).to_contain_text("loaded")
    bench.dismiss(bench.page.get_by_role("dialog").filter(has_text="Server Connection Error"), "Close")
    server.kill()
    expect(bench.status).to_have_text("Athena: not reachable")
    expect(bench.status.locator(".athena-Lamp")).to_have_class(re.compile("athena-mod-red"))
    expect(panel.get_by_role("alert").first).to_have_text(
        "The Jupyter server does not answer. Check that it still runs."
    )
    expect(bench.row("file-processor")).to_be_visible()
    bench.screenshot("server-died")
    server.start()
    bench.execute("athena:refresh")
    expect(bench.status).to_have_text("Athena: ready")
    expect(panel.get_by_role("alert")).to_have_count(0)
    assert set(bench.errors) <= {"Failed to fetch"}  # JupyterLab's own polls
    bench.errors.clear()


def test_below_another_address_everything_works(open_page, start, peer):
    server = start("athena", base_url="/user/a%40b/", ATHENA_LOCAL_URL=peer.url)
    bench = open_page(server.page(server.write("ask.ipynb", CONNECT, TRIAGE, ASK)))
    bench.run_all()
    expect(bench.report).to_contain_text("e694a8a11a715c6300d85bced2e15faa")
    expect(bench.answer).to_contain_text("local / plausible-1 answered in")
    bench.panel()
    expect(bench.row("file-processor")).to_contain_text("loaded")
    expect(bench.row("local")).to_contain_text("available")
    expect(bench.status).to_have_text("Athena: ready")
