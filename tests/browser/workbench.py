"""JupyterLab in a browser, as far as the tests drive it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.browser.server import ARTEFACTS

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

SECONDS = 1_000
IDLE = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.context?.isReady && panel.sessionContext?.session?.kernel?.status === 'idle';
}"""
NOTEBOOK = "const panel = window.jupyterapp.shell.currentWidget;"


class Workbench:
    """One page. ``errors`` are exceptions that no script caught, ``strangers`` requests to other servers than ours."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.strangers: list[str] = []
        self.origin = ""
        page.set_default_timeout(30 * SECONDS)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._note(request.url))
        self.dismiss(page.locator(".Toastify__toast").filter(has_text="official Jupyter news"), "No")

    def dismiss(self, dialog: Locator, button: str) -> None:
        """Press the button whenever this dialog comes up."""

        def press() -> None:
            dialog.get_by_role("button", name=button).first.click()

        self.page.add_locator_handler(dialog, press)

    def _note(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and f"{parts.scheme}://{parts.netloc}" != self.origin:
            self.strangers.append(url)

    def open(self, url: str) -> None:
        parts = urlsplit(url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.page.goto(url)
        self.page.wait_for_function("window.jupyterapp?.restored.then(() => true)")

    def reload(self) -> None:
        self.page.reload()
        self.page.wait_for_function("window.jupyterapp?.restored.then(() => true)")

    def until_idle(self) -> None:
        self.page.wait_for_function(IDLE)

    def execute(self, command: str, **arguments: str) -> None:
        """Run a command and wait for its end."""
        script = "([command, args]) => window.jupyterapp.commands.execute(command, args).then(() => null)"
        self.page.evaluate(script, [command, arguments])

    def run_all(self) -> None:
        """Start all cells; does not wait for their end."""
        self.until_idle()
        self.page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells') && null")

    def run_cell(self, index: int) -> None:
        """Start one cell."""
        script = f"(index) => {{ {NOTEBOOK} panel.content.activeCellIndex = index; "
        self.page.evaluate(script + "window.jupyterapp.commands.execute('notebook:run-cell') && null }", index)

    def theme(self, name: str) -> None:
        self.execute("apputils:change-theme", theme=name)
        self.page.locator(f"body[data-jp-theme-name='{name}']").wait_for(state="attached")

    def save(self) -> None:
        self.execute("docmanager:save")

    def shut_kernel_down(self) -> None:
        self.page.evaluate(f"() => {{ {NOTEBOOK} return panel.sessionContext.shutdown() }}")

    def trusted(self) -> bool:
        """Whether all cells of code are."""
        script = f"() => {{ {NOTEBOOK} return [...panel.content.model.cells].filter(c => c.type === 'code')"
        return self.page.evaluate(script + ".every(c => c.trusted) }")

    def screenshot(self, name: str) -> None:
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")

    # -- parts of the screen -----------------------------------------------------------------------------------

    @property
    def report(self) -> Locator:
        return self.page.locator(".athena-report").first

    @property
    def answer(self) -> Locator:
        """The finished answer last given."""
        return self.page.locator(".athena-answer").last

    @property
    def log(self) -> Locator:
        """The answer that is being given."""
        return self.page.locator("[role=log]").last

    def button(self, name: str) -> Locator:
        return self.page.locator(".athena-ask").last.get_by_role("button", name=name, exact=True)

    @property
    def status(self) -> Locator:
        return self.page.locator(".athena-Status button")

    def panel(self) -> Locator:
        self.execute("athena:show-panel")
        panel = self.page.locator("#athena-panel")
        expect(panel).to_be_visible()
        return panel

    def row(self, name: str) -> Locator:
        """The panel's row of a component, module or provider."""
        return self.page.locator("#athena-panel .athena-Row").filter(
            has=self.page.locator("b").get_by_text(name, exact=True)
        )
