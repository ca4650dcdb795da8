"""A good page passes; each rule is broken in turn, and the checker has to name it, and nothing else."""

import os
import pathlib
import re
import subprocess
import sys

import check_page
import pytest
from playwright.sync_api import sync_playwright

CHECKER = pathlib.Path(check_page.__file__)

# Has what a plan has: a strict policy, both colour schemes, a wide table that scrolls, a drawing, something folded.
GOOD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>Plan</title>
<style>
:root { color-scheme: light dark; --ink: #222; --paper: #fff; }
@media (prefers-color-scheme: dark) { :root { --ink: #eee; --paper: #111; } }
body { margin: 1rem; font-family: sans-serif; color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
.wide table { width: 1500px; }
.reader { position: absolute; width: 1px; height: 1px; overflow: hidden; font-size: 8px; color: var(--paper); }
.note::after { content: "generated"; font-size: 12px; }
svg { width: 300px; height: 60px; }
/*style*/
</style>
</head>
<body>
<h1>Plan of <em>two</em> variables</h1>
<p class="note">Hello <a href="https://example.org/">there</a></p>
<p class="reader">for readers only</p>
<div class="wide"><table><tr><th>name</th><th>size</th></tr><tr><td>sst</td><td>12&nbsp;MB</td></tr></table></div>
<svg role="img" aria-label="one bar" viewBox="0 0 300 60">
<rect x="0" y="10" width="300" height="40" fill="#003366"/>
<text id="label" x="10" y="35" font-size="14" fill="#fff">a label</text>
</svg>
<svg aria-hidden="true" style="width: 12px; height: 12px"><circle cx="6" cy="6" r="5" fill="red"/></svg>
<details><summary>more</summary><p id="folded">folded text</p></details>
<!--body-->
</body>
</html>
"""

DATA = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="


def css(rule):
    return ("/*style*/", rule)


def body(markup):
    return ("<!--body-->", markup)


def script(text):
    return body(f"<script>{text}</script>")


def without_policy(markup):
    return [("Content-Security-Policy", "Other"), body(markup)]


# What is broken, the rule that has to say so, and how.
MUTATIONS = {
    "console error": ("console", script("console.error('oh')")),
    "console warning": ("console", script("console.warn('oh')")),
    "policy violation": ("console", body("<link rel=stylesheet href='https://example.org/a.css'>")),
    "page error": ("page-error", script("throw new Error('oh')")),
    "rejected promise": ("page-error", script("Promise.reject(new Error('oh'))")),
    "style sheet of a host": ("request", without_policy("<link rel=stylesheet href='https://example.org/a.css'>")),
    "file beside the page": ("request", without_policy("<link rel=stylesheet href='beside.css'>")),
    "the page within itself": ("request", without_policy("<iframe src='page.html'></iframe>")),
    "request of a script": ("request", without_policy("<script>fetch('https://example.org/').catch(() => 0)</script>")),
    "socket of a script": ("request", without_policy("<script>new WebSocket('wss://example.org/')</script>")),
    "connection ahead": ("request", body("<link rel=preconnect href='https://example.org'>")),
    "wide block": ("too-wide", body("<div style='width: 600px'>wide</div>")),
    "wide table without a container": ("too-wide", (".wide {", ".other {")),
    "wide when unfolded": ("too-wide", ('<p id="folded"', '<p style="width: 900px"')),
    "small text": ("small-text", css("h1 { font-size: 10px }")),
    "small by transform": ("small-text", css("h1 { font-size: 16px; transform: scale(0.5) }")),
    "small by zoom": ("small-text", css("h1 { font-size: 16px; zoom: 0.5 }")),
    "small label": ("small-text", ('font-size="14"', 'font-size="10"')),
    "small by viewBox": ("small-text", ('viewBox="0 0 300 60"', 'viewBox="0 0 600 120"')),
    "small by group": ("small-text", ("<text id", '<text transform="scale(0.5)" id')),
    "small generated text": ("small-text", css(".note::after { font-size: 9px }")),
    "small field": ("small-text", body("<label>Field <input value='x' style='font-size: 9px'></label>")),
    "small when unfolded": ("small-text", css("#folded { font-size: 9px }")),
    "drawing without role": ("svg-name", ('role="img" aria-label', "aria-label")),
    "drawing without name": ("svg-name", ('aria-label="one bar"', "")),
    "text in hidden drawing": ("svg-name", ('role="img" aria-label="one bar"', 'aria-hidden="true"')),
    "picture": ("image", [("default-src 'none'", "img-src data:"), body(f"<img alt='' src='{DATA}'>")]),
    "picture of a style": (
        "image",
        [("default-src 'none'", "img-src data:"), css(f"h1 {{ background: url({DATA}) }}")],
    ),
    "no title": ("title", ("<title>Plan</title>", "")),
    "no lang": ("lang", (' lang="en"', "")),
    "fixed viewport": ("viewport", ("width=device-width, initial-scale=1", "initial-scale=1, width=390")),
    "no h1": ("h1", [("<h1>", "<h2>"), ("</h1>", "</h2>")]),
    "hidden h1": ("h1", css("h1 { display: none }")),
    "table without header": ("table-header", [("<th>name</th><th>size</th>", "<td>name</td><td>size</td>")]),
    "faint text": ("contrast", css("h1 { color: #777 }")),
    "faint on its background": ("contrast", css("h1 { background: #777; color: #999 }")),
    "faint by opacity": ("contrast", css("h1 { opacity: 0.4 }")),
    "faint on a gradient": ("contrast", css("h1 { color: #000; background: linear-gradient(#fff, #333) }")),
    "faint in dark only": ("contrast", ("--ink: #eee", "--ink: #444")),
    "faint in another notation": ("contrast", css("h1 { color: oklch(50% 0 0) }")),
    "faint generated text": ("contrast", css(".note::after { color: #666 }")),
    "faint label on its bar": ("contrast", ('fill="#fff"', 'fill="#123"')),
    "faint label on the page": (
        "contrast",
        [('height="40" fill="#003366"', 'height="2" fill="#003366"'), ('fill="#fff"', 'fill="#666"')],
    ),
    "label cut off at the right": ("cut-off-label", ("a label<", "a label longer than its drawing, which has 300<")),
    "label cut off at the top": ("cut-off-label", ('y="35" font-size', 'y="3" font-size')),
}


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        opened = check_page.open_browser(playwright)
        yield opened
        opened.close()


def page_with(folder, changes=()):
    text = GOOD
    for old, new in [changes] if isinstance(changes, tuple) and changes else changes:
        assert old in text, f"nothing to change: {old}"
        text = text.replace(old, new, 1)
    file = folder / "page.html"
    file.write_text(text)
    return file


def test_a_good_page_passes(browser, tmp_path):
    expected = ["Plan of two variables", "12 MB", "a label", "Hello there", "more"]
    outcome = check_page.check(browser, page_with(tmp_path), expected)
    assert outcome.lines() == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_each_rule_notices(browser, tmp_path, name):
    rule, changes = MUTATIONS[name]
    # One view has what every rule needs, a phone and dark; another test holds that all of them are looked at.
    views = [view for view in check_page.VIEWS if view.name == "phone-dark"]
    outcome = check_page.check(browser, page_with(tmp_path, changes), views=views)
    # Refusing a request makes the browser complain too.
    others = outcome.rules() - {rule} - ({"console"} if rule == "request" else set())
    assert rule in outcome.rules() and not others, outcome.lines()


def test_every_rule_has_a_mutation():
    sources = CHECKER.read_text() + check_page.RULES.read_text()
    rules = set(re.findall(r'(?:finding\(|add\(view, )"([a-z0-9-]+)"', sources))
    assert rules - {rule for rule, _ in MUTATIONS.values()} == {"expect-text"}


@pytest.mark.parametrize("text", ["absent", "folded text", "for readers only", "Plan of two", "generated"])
def test_expected_text_has_to_be_visible(browser, tmp_path, text):
    hide = css("h1 { visibility: hidden } h1::after { content: '' }")
    outcome = check_page.check(browser, page_with(tmp_path, hide), [text], views=check_page.VIEWS[:1])
    assert "expect-text" in outcome.rules()


def test_a_finding_names_its_views(browser, tmp_path):
    outcome = check_page.check(browser, page_with(tmp_path, ("--ink: #eee", "--ink: #444")))
    assert outcome.findings and all(views == ["desk-dark", "phone-dark"] for views in outcome.findings.values())


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, CHECKER, *arguments], capture_output=True, text=True, env={**os.environ, **environment}
    )


def test_command_passes_and_takes_screenshots(tmp_path):
    answer = run(page_with(tmp_path), "--expect-text", "a label", "--screenshots", tmp_path / "shots")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "nothing is wrong" in answer.stdout
    shots = sorted(path.name for path in (tmp_path / "shots").iterdir())
    assert shots == ["desk-dark.png", "desk-light.png", "phone-dark.png", "phone-light.png"]
    for shot in shots:
        png = (tmp_path / "shots" / shot).read_bytes()
        assert png.startswith(b"\x89PNG") and int.from_bytes(png[16:20]) == (780 if "phone" in shot else 1280)


def test_command_fails_with_one_line_for_each_finding(tmp_path):
    answer = run(page_with(tmp_path, [(' lang="en"', ""), css("h1 { font-size: 10px }")]), "--expect-text", "absent")
    assert answer.returncode == 1
    # The heading is in two pieces more because of its <em>.
    rules = [line.split(" ")[0] for line in answer.stderr.splitlines()]
    assert sorted(rules) == ["expect-text", "lang", "small-text", "small-text", "small-text"]
    assert "5 findings" in answer.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "reason"),
    [
        (["absent.html"], {}, "there is no file absent.html"),
        ([], {}, "required: FILE"),
        ([CHECKER], {"DAP2ZARR_CHROMIUM": "/absent/chromium"}, "there is no browser /absent/chromium"),
        ([CHECKER], {"DAP2ZARR_CHROMIUM": "/bin/false"}, "the browser /bin/false does not start"),
    ],
)
def test_what_cannot_be_checked_is_exit_code_2(arguments, environment, reason):
    answer = run(*arguments, **environment)
    assert answer.returncode == 2
    assert reason in answer.stderr and "Traceback" not in answer.stderr
