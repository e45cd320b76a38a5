"""Tokens into the widget, in a real JupyterLab and a real browser, beside one trait update a token."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from playwright.sync_api import sync_playwright

from tests.bench.table import Table
from tests.browser.conftest import CHROMIUM
from tests.jupyter.server_process import TOKEN, jupyter_athena

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.jupyter.server_process import Server

TOKENS, RATE = 10_000, 5_000
COMMON = f"""
import asyncio, pathlib, time
from contextlib import asynccontextmanager
TOKENS, RATE = {TOKENS}, {RATE}
async def tokens():
    began = time.monotonic()
    for number in range(TOKENS):
        while (ahead := number / RATE - (time.monotonic() - began)) > 0:
            await asyncio.sleep(ahead if ahead > 0.005 else 0)
        yield f"t{{number}} "
async def until_shown():
    while not pathlib.Path("go").exists():
        await asyncio.sleep(0.05)
"""
OURS = """
from IPython.display import display
from athena_lab.events import Finished, Started, Token
from athena_lab.jupyter.widgets import AskCell
class Source:
    @asynccontextmanager
    async def stream(self, request):
        async def events():
            yield Started("1", "bench", "bench")
            async for text in tokens():
                yield Token(text)
            yield Finished("completed", "stop")
        yield events()
cell = AskCell(Source())
display(cell)
async def work():
    await until_shown()
    began = time.monotonic()
    await cell.ask("Go.")
    pathlib.Path("done").write_text(str(time.monotonic() - began))
task = asyncio.ensure_future(work())
"""
NAIVE = """
import anywidget, traitlets
class Naive(anywidget.AnyWidget):
    _esm = '''export default { render({ model, el }) {
      const log = document.createElement("pre");
      log.setAttribute("role", "log");
      el.append(log);
      model.on("change:token", () => { log.textContent += model.get("token"); });
    } };'''
    token = traitlets.Unicode().tag(sync=True)
widget = Naive()
display(widget)
async def work():
    await until_shown()
    began = time.monotonic()
    async for text in tokens():
        widget.token = text
    pathlib.Path("done").write_text(str(time.monotonic() - began))
task = asyncio.ensure_future(work())
"""
WATCH = """() => {
  const watch = window.athenaWatch = { gaps: [], last: performance.now() };
  const frame = (now) => { watch.gaps.push(now - watch.last); watch.last = now; requestAnimationFrame(frame); };
  requestAnimationFrame((now) => { watch.last = now; requestAnimationFrame(frame); });
}"""


class Seen(NamedTuple):
    """`seconds` that the kernel took; `frames` are the gaps between the page's frames, in milliseconds."""

    arrived: int
    seconds: float
    messages: int
    frames: list[float]


def run() -> list[Table]:
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        home = Path(name)
        for kind, code in (("ours", OURS), ("naive", NAIVE)):
            (home / f"{kind}.ipynb").write_text(json.dumps(_notebook(COMMON + code)), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        with jupyter_athena(home, "--LabApp.expose_app_in_browser=True") as server:
            seen = {kind: _watch(browser, server, kind) for kind in ("ours", "naive")}
        browser.close()
    rows = [_row("AskCell", seen["ours"]), _row("one trait update a token", seen["naive"])]
    note = (
        f"{TOKENS:,} tokens at {RATE:,}/s from a kernel into a widget on a page of JupyterLab in headless Chromium. "
        "Messages are frames on the page's websockets. A gap is the time between two frames that the page draws."
    )
    columns = ["", "arrived", "s in the kernel", "messages", "longest gap, ms", "99 % of gaps under, ms"]
    return [Table("Tokens into a widget", note, columns, rows)]


def _notebook(code: str) -> dict[str, object]:
    cell = {"cell_type": "code", "id": "a", "source": code, "metadata": {}, "outputs": [], "execution_count": None}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def _watch(browser: Browser, server: Server, kind: str) -> Seen:
    go, done = server.home / "go", server.home / "done"
    for mark in (go, done):
        mark.unlink(missing_ok=True)
    page = browser.new_page()
    messages: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: messages.append(len(frame))))
    page.goto(f"{server.url}/lab/workspaces/{kind}/tree/{kind}.ipynb?token={TOKEN}")
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'")
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells') && null")
    page.locator("[role=log]").first.wait_for(state="attached", timeout=60_000)
    page.wait_for_timeout(1_000)  # the page has settled
    page.evaluate(WATCH)
    before = len(messages)
    go.touch()
    _wait_for(page, done)
    gaps = page.evaluate("window.athenaWatch.gaps")
    text = page.locator("[role=log]").first.text_content() or ""
    seconds = float(done.read_text())
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()
    return Seen(len(set(text.split())), seconds, len(messages) - before, sorted(gaps))


def _wait_for(page: Page, mark: Path) -> None:
    """Until the kernel is done, and what it sent has had 2 s to arrive."""
    end = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()) and time.monotonic() < end:
        page.wait_for_timeout(100)
    page.wait_for_timeout(2_000)


def _row(name: str, seen: Seen) -> list[str]:
    late = seen.frames[int(len(seen.frames) * 0.99)]
    return [
        name,
        f"{seen.arrived:,} ({seen.arrived / TOKENS:.0%})",
        f"{seen.seconds:.1f}",
        f"{seen.messages:,}",
        f"{seen.frames[-1]:.0f}",
        f"{late:.0f}",
    ]
