"""Reading along on the captions page, in a real Chromium: which lines it shows, and how they change."""

from __future__ import annotations

from tests.support.captions_page import click, in_a_browser, line, lines, read_along, state_says
from tests.support.demo_server import ME

pytestmark = in_a_browser


async def test_a_partial_is_dimmed_and_its_final_takes_its_place(page, demo):
    await read_along(page, demo)
    await demo.joins_in("s-ada", "Ada")
    colour = "getComputedStyle(document.querySelector('#captions .text')).color"

    await demo.partial("s-ada", "hello wor")
    await page.wait_for(line("Ada", "hello wor", final=False))
    dimmed = await page.evaluate(colour)
    begun = await page.evaluate("document.querySelector('#captions .time').textContent")

    await demo.final("s-ada", "Hello, world.")
    await page.wait_for(line("Ada", "Hello, world.", final=True))
    await page.wait_for(f"{colour} !== {dimmed!r}")
    assert await lines(page) == [("Ada", "Hello, world.", True)]
    assert await page.evaluate("document.querySelector('#captions .time').textContent") == begun


async def test_two_people_may_speak_at_once(page, demo):
    await read_along(page, demo)
    await demo.joins_in("s-ada", "Ada")
    await demo.joins_in("s-bob", "Bob")
    for speaker, text in [("s-ada", "one"), ("s-bob", "eins"), ("s-ada", "one two"), ("s-bob", "eins zwei")]:
        await demo.partial(speaker, text)
    await demo.final("s-bob", "Eins zwei.")
    await page.wait_for(line("Bob", "Eins zwei.", final=True))
    assert await lines(page) == [("Ada", "one two", False), ("Bob", "Eins zwei.", True)]
    voices = await page.evaluate("[...document.querySelectorAll('#captions li')].map((line) => line.dataset.voice)")
    assert len(set(voices)) == 2


async def test_an_empty_final_takes_the_partial_back(page, demo):
    await read_along(page, demo)
    await demo.partial("s-ada", "mmh")
    await demo.final("s-ada", "")
    await demo.final("s-bob", "Next.")
    await page.wait_for(line("Somebody", "Next.", final=True))
    assert await lines(page) == [("Somebody", "Next.", True)]


async def test_a_caption_that_does_not_say_so_is_final_and_tells_its_language(page, demo):
    await read_along(page, demo)
    await demo.caption("s-ada", "Bom dia.", langId="pt_BR")
    await page.wait_for(line("Somebody", "Bom dia.", final=True))
    assert await page.evaluate("document.querySelector('#captions .text').lang") == "pt-BR"


async def test_a_name_that_comes_late_is_put_in(page, demo):
    await read_along(page, demo)
    await demo.final("s-ada", "Hello.")
    await demo.joins_in("s-ada", "Ada")
    await page.wait_for(line("Ada", "Hello.", final=True))


async def test_what_i_say_is_mine(page, demo):
    await read_along(page, demo)
    await demo.final(ME, "Hello.")
    await page.wait_for(line("You", "Hello.", final=True))


async def test_markup_in_words_and_names_is_text(page, demo):
    attack = "<script>document.title = 'broken'</script><img src=x onerror=alert(1)>"
    await read_along(page, demo)
    await demo.joins_in("s-eve", attack)
    await demo.final("s-eve", attack)
    await page.wait_for(line(attack, attack, final=True))
    assert await page.evaluate("document.querySelectorAll('#captions script, #captions img').length") == 0
    assert await page.evaluate("document.title") == "The demo room · captions"


async def test_screen_readers_hear_each_final_once_and_no_partial(page, demo):
    await read_along(page, demo)
    await demo.joins_in("s-ada", "Ada")
    await demo.partial("s-ada", "hel")
    await page.wait_for(line("Ada", "hel", final=False))
    assert await page.evaluate("document.querySelector('#announcer').textContent") == ""
    assert await page.evaluate("document.querySelector('#captions li').ariaHidden") == "true"
    await demo.final("s-ada", "Hello.")
    await page.wait_for("document.querySelector('#announcer').textContent === 'Ada: Hello.'")
    assert await page.evaluate("document.querySelector('#captions li').ariaHidden") is None
    assert await page.evaluate("document.querySelector('#captions').closest('[aria-live]')") is None


async def test_new_lines_do_not_disturb_who_reads_back(page, demo):
    await read_along(page, demo)
    for number in range(40):
        await demo.final("s-ada", f"Line {number}.")
    await page.wait_for(line("Somebody", "Line 39.", final=True))
    at_end = "scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 2"
    await page.wait_for(at_end)

    await page.press("PageUp")
    await page.wait_for("document.querySelector('#jump-live').checkVisibility()")
    await demo.final("s-ada", "Line 40.")
    await page.wait_for(line("Somebody", "Line 40.", final=True))
    assert not await page.evaluate(at_end)

    await click(page, "#jump-live")
    await page.wait_for(at_end)
    await demo.final("s-ada", "Line 41.")
    await page.wait_for(line("Somebody", "Line 41.", final=True))
    await page.wait_for(at_end)
    assert not await page.evaluate("document.querySelector('#jump-live').checkVisibility()")


async def test_the_oldest_lines_go_when_there_are_five_hundred(page, demo):
    await read_along(page, demo)
    for number in range(510):
        await demo.final("s-ada", f"Line {number}.")
    await page.wait_for(line("Somebody", "Line 509.", final=True))
    everything = await lines(page)
    assert len(everything) == 500
    assert everything[0] == ("Somebody", "Line 10.", True)


async def test_what_was_said_can_be_saved(page, demo):
    await page.before_scripts("""
        const make = URL.createObjectURL;
        URL.createObjectURL = (blob) => { window.saved = blob.text(); return make(blob); };""")
    await page.call("Page.setDownloadBehavior", behavior="deny")
    await read_along(page, demo)
    await demo.joins_in("s-ada", "Ada")
    await demo.final("s-ada", "Hello.")
    await demo.partial("s-ada", "and then")
    await page.wait_for(line("Ada", "and then", final=False))
    time = await page.evaluate("document.querySelector('#captions .time').textContent")
    await click(page, "#download")
    title, _, *said = (await page.evaluate("window.saved")).splitlines()
    assert title.startswith("The demo room, ")
    assert said == [f"[{time}] Ada: Hello."]


async def test_captions_can_be_stopped_and_started_again(page, demo):
    await read_along(page, demo)
    await click(page, "#captions-toggle")
    await page.wait_for(state_says("Captions off."))
    await click(page, "#captions-toggle")
    await page.wait_for(state_says("Captions on."))
    assert [body["enable"] for body in demo.bodies("/demo/captions")] == [True, False, True]
