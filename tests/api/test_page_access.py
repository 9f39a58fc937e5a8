"""The captions page, in a real Chromium, for everybody's eyes and hands: contrast, size, keyboard."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.captions_page import click, in_a_browser, line, read_along, state_says

pytestmark = in_a_browser


@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_every_voice_is_legible(page, demo, theme):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 to 1, for names, times, partials and finals alike."""
    await page.prefer(color_scheme=theme, reduced_motion="reduce")
    await read_along(page, demo)
    for number in range(9):
        await demo.final(f"s-{number}", f"Line {number}.")
    await demo.partial("s-0", "and then")
    await page.wait_for(line("Somebody", "and then", final=False))
    assert await page.evaluate("new Set([...captions.children].map((line) => line.dataset.voice)).size") == 8
    found = await page.evaluate("""(() => {
        const colour = (element, kind) => getComputedStyle(element)[kind].match(/[0-9.]+/g).slice(0, 3).map(Number);
        const parts = [...document.querySelectorAll('#captions :is(.speaker, .time, .text), #state')];
        const inks = parts.map((part) => colour(part, 'color'));
        return { ground: colour(document.body, 'backgroundColor'), inks };
    })()""")
    assert min(contrast(ink, found["ground"]) for ink in found["inks"]) >= 4.5
    bright = luminance(found["ground"]) > 0.5
    assert bright == (theme == "light")


def luminance(colour):
    red, green, blue = ((c / 12.92) if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.array(colour) / 255)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


async def test_everything_fits_a_narrow_screen_at_the_largest_text(page, demo):
    fits = "document.documentElement.scrollWidth <= 320 && scroller.scrollWidth <= scroller.clientWidth"
    await page.set_viewport(320, 568)
    await read_along(page, demo)
    for _ in range(6):
        await click(page, "#bigger")
    await demo.joins_in("s-ada", "A name that is much longer than a narrow screen is wide")
    await demo.final("s-ada", "Incomprehensibilities and otorhinolaryngologists, uncopyrightable.")
    await page.wait_for("captions.children.length === 1")
    assert await page.evaluate(fits)
    await click(page, "#leave")
    await page.wait_for("document.querySelector('#door').checkVisibility()")
    assert await page.evaluate(fits)


async def test_the_text_size_is_remembered(page, demo):
    size = "document.documentElement.dataset.size"
    await page.open(demo.url)
    await click(page, "#bigger")
    await click(page, "#bigger")
    await page.open(demo.url)
    assert await page.evaluate(size) == "5"
    await click(page, "#smaller")
    assert await page.evaluate(size) == "4"


async def test_a_keyboard_is_enough_and_shows_where_it_is(page, demo):
    await page.open(demo.url)
    await page.wait_for("document.activeElement.id === 'name'")
    for letter in "Rosa":
        await page.press(letter)
    await page.press("Enter")
    await page.wait_for(state_says("Microphone on."))
    assert await page.evaluate("document.activeElement.id") == "scroller"
    visited = []
    while "leave" not in visited and len(visited) < 10:
        await page.press("Tab")
        visited.append(await page.evaluate("document.activeElement.id"))
        assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert visited == ["mute", "captions-toggle", "download", "leave"]
    await page.press("Enter")
    await demo.until(lambda: demo.byes == 1)
