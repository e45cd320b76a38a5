"""Providers in the panel: how each is, what to do about it, what it cost, and what is left of the budget."""

from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.server import TOKEN, free_port

sys.path.insert(0, str(Path(__file__).parent.parent / "peers"))

from model_server import MODEL
from scripted_server import reply


@pytest.fixture(scope="module")
def priced(start, peer_of_session):
    """`jupyter athena` with a local model that has a price, a provider that is not there, and a budget."""
    return start(
        "athena",
        ATHENA_LOCAL_URL=peer_of_session.url,
        ATHENA_PROVIDERS__LOCAL__MODELS=f'[{{id = "{MODEL}", input_price = 3.0, output_price = 15.0}}]',
        ATHENA_PROVIDERS__GROQ__BASE_URL=f"http://127.0.0.1:{free_port()}/v1",
        GROQ_API_KEY="gsk_browser_test_key",
        ATHENA_AI__BUDGET__DAILY_TOKENS="1000000",
        ATHENA_AI__BUDGET__PROVIDERS__LOCAL__DAILY_DOLLARS="1.5",
    )


def ask(server):
    """Over HTTP, as a kernel does it. Not patient: a rate limit is not waited for."""
    question = {"question": "What is it?", "provider": "local", "options": {"deadline": 10}}
    headers = {"Authorization": f"token {TOKEN}"}
    with httpx.Client(headers=headers, timeout=30, trust_env=False) as client:
        return client.post(f"{server.url}api/v1/ai/analyze", json=question).json()


def test_what_providers_do_and_cost_is_seen(open_page, priced, peer):
    bench = open_page(priced.page())
    panel = bench.panel()
    local, groq, claude = bench.row("local"), bench.row("groq"), bench.row("claude")
    expect(local).to_contain_text("available")
    expect(local).to_contain_text(MODEL)
    expect(local).to_contain_text("Streams")
    expect(groq).to_contain_text("refuses the connection")
    expect(groq.locator(".athena-mod-red")).to_be_visible()
    expect(claude).to_contain_text("Set ANTHROPIC_API_KEY")
    spending = panel.locator("section").last
    expect(spending).to_contain_text("Nothing yet.")
    expect(spending).to_contain_text("$0.00 of $1.50 spent, $1.50 left")
    assert ask(priced)["status"] == "completed"
    panel.get_by_role("button", name="Check now").click()
    expect(local).to_contain_text("Today: 1 request")
    expect(spending).not_to_contain_text("Nothing yet.")
    expect(spending).to_contain_text("of 1,000,000 tokens spent")
    expect(spending.locator("meter")).to_have_count(2)
    bench.execute("athena:refresh")
    expect(bench.status).to_have_text("Athena: groq does not answer, local answers")
    spending.evaluate("section => section.scrollIntoView()")  # in one step: the panel is drawn anew as it likes
    bench.screenshot("providers")

    peer.answer = reply(429, "", {"retry-after": "60"})
    assert ask(priced)["error"]["code"] == "rate_limited"
    panel.get_by_role("button", name="Check now").click()
    expect(local).to_contain_text("rate limited")
    expect(local).to_contain_text("Wait")
    bench.execute("athena:refresh")
    expect(bench.status).to_have_text("Athena: no provider can be asked")
    expect(bench.status).to_have_attribute(
        "title",
        "providers: No provider can be asked: groq does not answer; local limits the rate. "
        "None of 2 configured can be asked now.",
    )
    local.evaluate("row => row.scrollIntoView()")
    bench.theme("JupyterLab Dark")
    bench.screenshot("providers-limited")
    bench.theme("JupyterLab Light")


@pytest.mark.usefixtures("peer")
def test_what_was_spent_is_known_after_a_restart(open_page, start, peer_of_session):
    server = start("athena", ATHENA_LOCAL_URL=peer_of_session.url)
    assert ask(server)["status"] == "completed"
    server.end()
    server.start()
    bench = open_page(server.page())
    bench.panel()
    expect(bench.row("local")).to_contain_text("Today: 1 request")
