"""The workbench as an analyst sees it: quickstart, report, stream, panel, status bar."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import ARTEFACTS, TOKEN

SECONDS = 1_000


def _click(button):
    button.click()


def open_quickstart(open_page, athena, **options):
    page = open_page(f"{athena}/lab/tree/notebooks/00_quickstart.ipynb?token={TOKEN}", **options)
    news = page.get_by_role("button", name="No", exact=True)  # Jupyter asks once whether it may send news
    page.add_locator_handler(news, _click)
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'")
    return page


def run_all(page):
    page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells') && null")  # not its end


def theme(page, name):
    page.evaluate(f"window.jupyterapp.commands.execute('apputils:change-theme', {{theme: '{name}'}})")
    page.locator(f"body[data-jp-theme-name='{name}']").wait_for(state="attached")


def test_the_quickstart_runs_and_the_answer_streams(open_page, athena):
    page = open_quickstart(open_page, athena)
    run_all(page)
    report = page.locator(".athena-report").first
    report.wait_for()
    expect(report).to_contain_text("cli-64.exe")
    expect(report).to_contain_text("e694a8a11a715c6300d85bced2e15faa")
    answer = page.locator("[role=log]").first
    answer.wait_for(state="attached")
    page.wait_for_function("document.querySelector('[role=log]').textContent.length > 20")
    running = page.get_by_role("button", name="Stop").first
    expect(running).to_be_visible()
    page.screenshot(path=ARTEFACTS / "streaming.png")
    citation = page.locator("a", has_text="file-processor/format").first
    citation.wait_for(state="attached", timeout=60 * SECONDS)
    report.scroll_into_view_if_needed()
    page.screenshot(path=ARTEFACTS / "report.png")
    theme(page, "JupyterLab Dark")
    page.screenshot(path=ARTEFACTS / "report-dark.png")
    citation.scroll_into_view_if_needed()
    page.screenshot(path=ARTEFACTS / "answer-dark.png")
    theme(page, "JupyterLab Light")


def test_panel_and_status_bar_show_what_is_so(open_page, athena):
    page = open_quickstart(open_page, athena)
    item = page.locator(".athena-Status button")
    expect(item).to_be_visible()
    page.evaluate("window.jupyterapp.commands.execute('athena:show-panel')")
    panel = page.locator("#athena-panel")
    expect(panel).to_be_visible()
    expect(panel).to_contain_text("file-processor")
    expect(panel).to_contain_text("local")
    expect(panel).to_contain_text("ANTHROPIC_API_KEY")
    page.screenshot(path=ARTEFACTS / "panel.png")
