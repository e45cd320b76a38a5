"""The workbench as an analyst sees it: quickstart, report, stream, panel, status bar."""

from __future__ import annotations

import os
import shutil

import pytest
from playwright.sync_api import expect

from tests.browser.samples import suspicious_exe
from tests.browser.server import ARTEFACTS, ROOT
from tests.browser.workbench import SECONDS

QUICKSTART = "notebooks/00_quickstart.ipynb"
UPDATE = bool(os.environ.get("ATHENA_UPDATE_SCREENSHOT"))  # read now: tests run without our variables
MAX_PICTURE = 250_000
"""Bytes of the README's picture."""


def in_view(page, locator):
    box = locator.bounding_box()
    notebook = page.locator(".jp-WindowedPanel-outer").first.bounding_box()
    return (
        box is not None and notebook["y"] <= box["y"] and box["y"] + box["height"] <= notebook["y"] + notebook["height"]
    )


@pytest.mark.usefixtures("peer")
def test_the_quickstart_runs_and_the_answer_streams(open_page, athena):
    bench = open_page(athena.page(QUICKSTART))
    page = bench.page
    bench.run_all()
    expect(bench.report).to_contain_text("cli-64.exe")
    expect(bench.report).to_contain_text("e694a8a11a715c6300d85bced2e15faa")
    page.wait_for_function("document.querySelector('[role=log]')?.textContent.length > 20")
    expect(bench.button("Stop")).to_be_visible()
    bench.screenshot("streaming")
    answers = page.locator(".athena-answer")
    expect(answers).to_have_count(2, timeout=60 * SECONDS)
    bench.until_idle()  # else the second question is asked while the next test counts its own
    citation = answers.first.locator("a", has_text="file-processor/format").first
    citation.scroll_into_view_if_needed()
    finding = bench.report.locator("[id$='-file-processor/format']")
    assert not in_view(page, finding)
    citation.click()
    expect(finding).to_be_in_viewport(ratio=0.9)
    expect(bench.report.locator("svg.athena-entropy polyline")).to_be_visible()
    expect(bench.report.locator("td meter").first).to_be_visible()
    assert bench.report.locator("td meter").count() == 4
    assert "81 from 1 library" in bench.report.inner_text()
    bench.screenshot("report")
    bench.theme("JupyterLab Dark")
    bench.screenshot("report-dark")
    assert contrast(bench.report.locator("p").first) > 4.5
    citation.scroll_into_view_if_needed()
    bench.screenshot("answer-dark")
    assert contrast(answers.first.locator("p").first) > 4.5
    bench.theme("JupyterLab Light")
    assert contrast(answers.first.locator("p").first) > 4.5


def contrast(locator):
    """Of the text with what is behind it, as WCAG defines it: 1 to 21."""
    text, behind = locator.evaluate("""node => {
        const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
        let behind = node;
        const clear = node => (numbers(getComputedStyle(node).backgroundColor)[3] ?? 1) === 0;
        while (behind && clear(behind)) behind = behind.parentElement;
        return [numbers(getComputedStyle(node).color), numbers(getComputedStyle(behind).backgroundColor)];
    }""")
    light, dark = sorted((luminance(text), luminance(behind)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour):
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.usefixtures("peer")
def test_panel_and_status_bar_show_what_is_so(open_page, athena):
    bench = open_page(athena.page())
    panel = bench.panel()
    expect(bench.status).to_have_text("Athena: ready")
    expect(bench.row("file-processor")).to_contain_text("loaded")
    expect(bench.row("local")).to_contain_text("available")
    expect(bench.row("claude")).to_contain_text("ANTHROPIC_API_KEY")
    bench.row("file-processor").get_by_role("button", name="Reload").click()
    expect(bench.row("file-processor")).to_contain_text("reloaded, 0.1.0 to 0.1.0")
    expect(panel.get_by_role("alert")).to_have_count(0)
    bench.screenshot("panel")


def test_a_module_is_unloaded_loaded_limited_and_one_of_its_functions_run(open_page, athena):
    bench = open_page(athena.page())
    bench.panel()
    row = bench.row("crypto")
    row.get_by_role("button", name="Unload").click()
    expect(row).to_contain_text("not loaded")
    row.get_by_role("button", name="Load").click()
    expect(row.get_by_role("button", name="Unload")).to_be_visible()

    row.get_by_text("Limits").click()
    row.get_by_label("MiB of memory for a call").fill("0.5")
    row.get_by_role("button", name="Apply").click()
    expect(row.get_by_role("status")).to_contain_text("memoryBytes")
    row.get_by_label("MiB of memory for a call").fill("512")
    row.get_by_role("button", name="Apply").click()
    expect(row.get_by_role("status")).to_contain_text("next call")

    row.get_by_text("Run a function").click()
    row.get_by_label("Function").select_option("hash")
    expect(row).to_contain_text("A digest of the data.")
    row.get_by_label("Arguments, as JSON").fill('{"algorithm": "sha256", "data": "text:abc"}')
    row.get_by_role("button", name="Run").click()
    expect(row.locator(".athena-Result")).to_contain_text("ba7816bf8f01cfea414140de5dae2223")
    expect(row.get_by_label("MiB of memory for a call")).to_have_value("512")  # it outlives what is drawn anew
    row.evaluate("row => row.scrollIntoView()")
    bench.screenshot("modules")


@pytest.mark.usefixtures("peer")
def test_the_picture_for_the_readme(open_page, athena):
    (athena.home / "invoice.exe").write_bytes(suspicious_exe(("http://updates.example/payload", "cmd.exe /c whoami")))
    notebook = athena.write(
        "triage.ipynb",
        "import athena_lab\n\nlab = athena_lab.connect()\nreport = await lab.triage('invoice.exe')\nreport",
    )
    bench = open_page(athena.page(notebook))
    bench.panel()
    bench.run_all()
    expect(bench.report.locator(".athena-verdict")).to_contain_text("Suspicious")
    expect(bench.row("file-processor")).to_contain_text("loaded")
    expect(bench.row("local")).to_contain_text("available")
    bench.row("local").get_by_role("button", name="Open breaker").evaluate("row => row.scrollIntoView()")
    bench.until_idle()
    bench.screenshot("workbench")
    picture = ARTEFACTS / "workbench.png"
    assert picture.stat().st_size < MAX_PICTURE
    if UPDATE:
        (ROOT / "notebooks" / "images").mkdir(exist_ok=True)
        shutil.copy(picture, ROOT / "notebooks" / "images" / picture.name)
