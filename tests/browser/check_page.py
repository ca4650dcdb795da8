"""Opens one self-contained HTML page in a headless browser, and says what is wrong with it.

    $(scripts/browser-env.sh) tests/browser/check_page.py FILE [--screenshots FOLDER] [--expect-text TEXT]...

The page is opened on a desk and on a phone, in light and in dark, each as it opens and with every <details> unfolded.
Nothing but the file itself may be asked for. Exit 0: nothing is wrong. Exit 1: one line for each finding on standard
error. Exit 2: the check could not be made.
"""

import argparse
import dataclasses
import os
import pathlib
import re
import shutil
import sys

from chromium import sandbox
from playwright.sync_api import Browser, Error, Playwright, Request, Route, sync_playwright

# The least size of visible text in CSS pixels, and the least contrast (WCAG 2.2, success criterion 1.4.3).
SMALLEST = 11
CONTRAST = 4.5
RULES = pathlib.Path(__file__).with_name("page_rules.js")
# For what a page does right after it is loaded, in milliseconds.
SETTLE = 250


@dataclasses.dataclass(frozen=True)
class View:
    name: str
    width: int
    height: int
    phone: bool
    scheme: str


VIEWS = [
    View(f"{name}-{scheme}", width, height, name == "phone", scheme)
    for name, width, height in [("desk", 1280, 900), ("phone", 390, 844)]
    for scheme in ["light", "dark"]
]


class CannotCheck(Exception):
    """There is no page or no browser; the message says what to do."""


@dataclasses.dataclass
class Outcome:
    # A rule and a message, and the views in which they were found.
    findings: dict[tuple[str, str], list[str]] = dataclasses.field(default_factory=dict)
    screenshots: list[pathlib.Path] = dataclasses.field(default_factory=list)
    words: int = 0

    def add(self, view: View, rule: str, message: str) -> None:
        views = self.findings.setdefault((rule, " ".join(message.split())), [])
        if view.name not in views:
            views.append(view.name)

    def rules(self) -> set[str]:
        return {rule for rule, _ in self.findings}

    def lines(self) -> list[str]:
        return [
            f"{rule} ({'everywhere' if len(views) == len(VIEWS) else ', '.join(views)}): {message}"
            for (rule, message), views in self.findings.items()
        ]


def browser_path() -> pathlib.Path:
    """The browser that scripts/browser-env.sh chose for this environment, unless DAP2ZARR_CHROMIUM names one."""
    if named := os.environ.get("DAP2ZARR_CHROMIUM"):
        path, source = pathlib.Path(shutil.which(named) or named), "DAP2ZARR_CHROMIUM"
    else:
        record = pathlib.Path(sys.prefix) / "chromium.path"
        if not record.is_file():
            raise CannotCheck(f"{record} is missing: run this with the interpreter that scripts/browser-env.sh prints")
        path, source = pathlib.Path(record.read_text().strip()), str(record)
    if not path.is_file():
        raise CannotCheck(f"there is no browser {path} (named by {source}); run scripts/browser-env.sh")
    return path


def open_browser(playwright: Playwright) -> Browser:
    path = browser_path()
    try:
        return playwright.chromium.launch(executable_path=path, chromium_sandbox=sandbox())
    except Error as error:
        raise CannotCheck(f"the browser {path} does not start: {error}") from error


def check(
    browser: Browser,
    file: pathlib.Path,
    expected: list[str] | None = None,
    screenshots: pathlib.Path | None = None,
    views: list[View] = VIEWS,
) -> Outcome:
    """Holds the page to every rule in each of the views. Raises CannotCheck where it cannot be opened."""
    if not file.is_file():
        raise CannotCheck(f"there is no file {file}")
    outcome = Outcome()
    for view in views:
        try:
            check_view(browser, file.resolve(), expected or [], screenshots, view, outcome)
        except Error as error:
            raise CannotCheck(f"{file} cannot be opened ({view.name}): {error}") from error
    return outcome


def check_view(
    browser: Browser,
    file: pathlib.Path,
    expected: list[str],
    screenshots: pathlib.Path | None,
    view: View,
    outcome: Outcome,
) -> None:
    address = file.as_uri()
    context = browser.new_context(
        viewport={"width": view.width, "height": view.height},
        device_scale_factor=2 if view.phone else 1,
        is_mobile=view.phone,
        has_touch=view.phone,
        color_scheme=view.scheme,
        reduced_motion="reduce",
        offline=True,
        service_workers="block",
    )
    opened = False

    def decide(route: Route, request: Request) -> None:
        nonlocal opened
        if not opened and request.url == address and request.is_navigation_request():
            opened = True
            route.continue_()
            return
        outcome.add(view, "request", f"{request.method} {request.url[:200]} ({request.resource_type}) was asked for")
        route.abort()

    def refuse_socket(socket) -> None:
        outcome.add(view, "request", f"a WebSocket to {socket.url[:200]} was asked for")

    try:
        context.route("**/*", decide)
        context.route_web_socket(re.compile(".*"), refuse_socket)
        page = context.new_page()
        page.on("pageerror", lambda error: outcome.add(view, "page-error", str(error)))
        page.on(
            "console",
            lambda said: said.type in ("error", "warning", "assert")
            and outcome.add(view, "console", f"{said.type}: {said.text}"),
        )
        page.goto(address, wait_until="load")
        page.wait_for_timeout(SETTLE)
        if screenshots is not None:
            shot = screenshots / f"{view.name}.png"
            page.screenshot(path=shot, full_page=True)
            outcome.screenshots.append(shot)
        text = look(page, view, outcome)
        outcome.words = max(outcome.words, len(text.split()))
        for wanted in expected:
            if " ".join(wanted.split()) not in text:
                outcome.add(view, "expect-text", f"{wanted!r} is not among the visible text")
        folded = page.evaluate(
            "() => { const all = [...document.querySelectorAll('details:not([open])')];"
            " all.forEach((each) => { each.removeAttribute('name'); each.open = true; }); return all.length; }"
        )
        if folded:
            look(page, view, outcome)
    finally:
        context.close()


def look(page, view: View, outcome: Outcome) -> str:
    """Runs the rules in the page as it stands; answers with the visible text."""
    found = page.evaluate(RULES.read_text(), {"width": view.width, "smallest": SMALLEST, "contrast": CONTRAST})
    for rule, message in found["findings"]:
        outcome.add(view, rule, message)
    return found["text"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--screenshots", type=pathlib.Path, metavar="FOLDER", help="writes VIEW.png of each view here")
    parser.add_argument(
        "--expect-text", action="append", default=[], metavar="TEXT", help="has to be visible text; can be repeated"
    )
    arguments = parser.parse_args()
    try:
        if arguments.screenshots is not None:
            arguments.screenshots.mkdir(parents=True, exist_ok=True)
        if not arguments.file.is_file():
            raise CannotCheck(f"there is no file {arguments.file}")
        with sync_playwright() as playwright:
            browser = open_browser(playwright)
            outcome = check(browser, arguments.file, arguments.expect_text, arguments.screenshots)
            browser.close()
    except (CannotCheck, Error, OSError) as error:
        print(f"check_page: {error}", file=sys.stderr)
        return 2
    for line in outcome.lines():
        print(line, file=sys.stderr)
    size = arguments.file.stat().st_size
    verdict = f"{len(outcome.findings)} findings" if outcome.findings else "nothing is wrong"
    print(f"{arguments.file}: {size / 1000:.1f} kB, {outcome.words} words, {len(VIEWS)} views: {verdict}")
    for shot in outcome.screenshots:
        print(shot)
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main())
