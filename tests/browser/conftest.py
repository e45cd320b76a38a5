"""Real Jupyter servers, a model server that says what a test wants, and a real browser that looks at them."""

from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.peer import Peer, plausible
from tests.browser.server import ARTEFACTS, start_server
from tests.browser.workbench import Workbench

expect.set_options(timeout=30_000)
CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


REBUILT = {"ATHENA_WASM__COMPONENTS": os.environ["ATHENA_COMPONENTS"]} if "ATHENA_COMPONENTS" in os.environ else {}
"""Modules that were rebuilt elsewhere. Read before the environment of the tests is cleared."""


@pytest.fixture(scope="session")
def peer_of_session():
    with Peer() as peer:
        yield peer


@pytest.fixture
def peer(peer_of_session):
    """The model server of `athena`; it answers plausibly until told otherwise."""
    peer_of_session.rest()
    peer_of_session.answer = plausible
    peer_of_session.beacons.clear()
    return peer_of_session


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    """Starts servers; ends those that still run."""
    started = []

    def start(*arguments, **options):
        ARTEFACTS.mkdir(exist_ok=True)
        log = ARTEFACTS / f"server-{len(started)}.log"
        started.append(start_server(tmp_path_factory.mktemp("home"), log, *arguments, **options))
        return started[-1]

    yield start
    for server in started:
        server.end()


@pytest.fixture(scope="session")
def athena(start, peer_of_session):
    """`jupyter athena` with a provider that has function calling."""
    functions = {"ATHENA_PROVIDERS__LOCAL__FEATURES__FUNCTION_CALLING": "true"}
    return start("athena", ATHENA_LOCAL_URL=peer_of_session.url, **functions, **REBUILT)


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, request):
    """Opens pages. No uncaught error and no request to a stranger is forgiven; a picture of each page's end is kept."""
    opened = []

    def open_page(url, **options):
        page = browser.new_context(viewport={"width": 1440, "height": 900}, **options).new_page()
        opened.append(Workbench(page))
        opened[-1].open(url)
        return opened[-1]

    yield open_page
    name = re.sub(r"\W+", "_", request.node.name).removeprefix("test_")
    for number, bench in enumerate(opened):
        bench.screenshot(f"{name}-{number}")
        bench.page.context.close()
    assert [bench.errors for bench in opened if bench.errors] == []
    assert [bench.strangers for bench in opened if bench.strangers] == []


@pytest.fixture(scope="session")
def plain_lab(start):
    """`jupyter lab`, which has the extension too, without a provider."""
    return start("lab")
