"""The language of the captions page's tests: what a visitor does with it, and what it shows.

await read_along(page, demo)
await page.wait_for(line("Ada", "Hello.", final=True))
"""

from __future__ import annotations

import pytest

from tests.support.chromium import NAMES, find_chromium

in_a_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(
        find_chromium() is None,
        reason=f"NO BROWSER: the captions page is NOT tested here, as none of {', '.join(NAMES)} is installed",
    ),
]


async def knock(page, demo, button, *, name="Rosa", query=""):
    """Come to the door, give a name, choose."""
    await page.open(demo.url + query)
    await page.wait_for("!document.querySelector('#door').hidden")
    await page.evaluate(f"document.querySelector('#name').value = {name!r}")
    await click(page, button)


async def read_along(page, demo):
    await knock(page, demo, "#join-read")
    await page.wait_for(state_says("Captions on."))


async def speak(page, demo):
    await knock(page, demo, "#join-mic", query="?raw=1")
    await page.wait_for(state_says("Microphone on."))


async def click(page, selector):
    await page.evaluate(f"document.querySelector({selector!r}).click()")


def state_says(words):
    return f"document.querySelector('#state').textContent.includes({words!r})"


def error_says(words):
    return f"!document.querySelector('#error').hidden && document.querySelector('#error').innerText.includes({words!r})"


def line(name, text, *, final):
    """A predicate: there is such a line."""
    return f"""[...document.querySelectorAll('#captions li[data-final="{str(final).lower()}"]')].some(
        (line) => line.querySelector('.speaker').textContent === {name!r}
               && line.querySelector('.text').textContent === {text!r})"""


async def lines(page):
    """All lines, as (name, text, is final)."""
    found = await page.evaluate("""[...document.querySelectorAll('#captions li')].map((line) => [
        line.querySelector('.speaker').textContent, line.querySelector('.text').textContent, line.dataset.final])""")
    return [(name, text, final == "true") for name, text, final in found]
