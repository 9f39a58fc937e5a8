"""One browser for the tests of a file, and for each of them a page and a demo server of its own."""

from __future__ import annotations

import wave

import numpy as np
import pytest

from tests.support.api import serving
from tests.support.chromium import running, tab
from tests.support.demo_server import demonstrating


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """One for all tests of a file. Its microphone hums a chord that swells and fades twice a second."""
    file = tmp_path_factory.mktemp("microphone") / "hum.wav"
    at = np.arange(48_000) / 48_000
    hum = sum(np.sin(2 * np.pi * tone * at) for tone in (220, 330, 550)) * (1.2 + np.sin(4 * np.pi * at))
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes((hum * 3000).astype("<i2").tobytes())
    with running(microphone=file) as address:
        yield address


@pytest.fixture
async def page(browser):
    async with tab(browser) as page:
        await page.set_viewport(1200, 800)
        yield page


@pytest.fixture
async def demo(page):
    async with demonstrating() as demo:
        yield demo
        await page.open("about:blank")


@pytest.fixture
def open_api(engine_settings):
    """`async with open_api(…) as api`: the running product; its model is loaded unless `wait=False`."""

    def opened(*, engine=engine_settings, **more):
        return serving(engine, **more)

    return opened
