"""A real Chromium for tests: headless, on loopback, with a microphone that plays a file. Driven over CDP.

    async with chromium(microphone=Path("speech.wav")) as page:
        await page.open("http://127.0.0.1:8000/")
        await page.wait_for("document.title === 'Ready'")

One request at a time is on the wire, so there is no reader task: whoever waits for a reply reads until it comes.
The process group dies with the block, and with the test run (Linux: PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ctypes
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp

NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
START_TIMEOUT_S: Final = 30.0
REPLY_TIMEOUT_S: Final = 45.0
WAIT_TIMEOUT_S: Final = 15.0
MAX_COMPLAINTS: Final = 100
PR_SET_PDEATHSIG: Final = 1

FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--metrics-recording-only",
    "--disable-dev-shm-usage",
    "--mute-audio",
    "--disable-smooth-scrolling",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--allow-loopback-in-peer-connection",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",  # nothing leaves loopback
    "--remote-debugging-port=0",
    "--lang=en-GB",
)

LOOK: Final = """new Promise((resolve) => {
    const end = performance.now() + LIMIT_MS;
    const look = () => {
        let value = false;
        try { value = (PREDICATE); } catch { /* not yet there */ }
        if (value) resolve({ value: value instanceof Node ? true : value });
        else if (performance.now() > end) resolve({ shows: document.body?.innerText ?? "" });
        else requestAnimationFrame(look);
    };
    look();
})"""

_libc = ctypes.CDLL(None)


class ChromiumFailed(Exception):
    """It did not start, or a script in the page failed."""


def find_chromium() -> str | None:
    """The path of an installed Chromium; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Page:
    """The one tab. `complaints` holds what its console was told: errors, uncaught exceptions, CSP violations."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._turn = asyncio.Lock()
        self._session: str | None = None
        self.complaints: deque[str] = deque(maxlen=MAX_COMPLAINTS)

    async def attach(self) -> None:
        self._context = (await self.call("Target.createBrowserContext"))["browserContextId"]
        target = await self.call("Target.createTarget", url="about:blank", browserContextId=self._context)
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")

    async def close(self) -> None:
        """The tab and all it stored."""
        self._session = None
        await self.call("Target.disposeBrowserContext", browserContextId=self._context)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """One CDP command and its result. Raises `ChromiumFailed`."""
        number = next(self._ids)
        request = {"id": number, "method": method, "params": params}
        if self._session is not None:
            request["sessionId"] = self._session
        async with self._turn, asyncio.timeout(REPLY_TIMEOUT_S):
            await self._socket.send_json(request)
            while True:
                message = await self._socket.receive_json()
                if message.get("id") == number:
                    break
                self._note(message)
        if "error" in message:
            raise ChromiumFailed(f"{method}: {message['error'].get('message')}")
        return message["result"]

    async def open(self, url: str) -> None:
        """Go there, and wait until everything has been loaded and every module has run to its first await."""
        answer = await self.call("Page.navigate", url=url)
        if "errorText" in answer:
            raise ChromiumFailed(f"{url}: {answer['errorText']}")
        await self.wait_for("document.readyState === 'complete'")

    async def evaluate(self, script: str) -> Any:
        """The value of an expression; a promise is awaited. Raises `ChromiumFailed` with the script's own error."""
        answer = await self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise ChromiumFailed(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    async def wait_for(self, predicate: str, timeout: float = WAIT_TIMEOUT_S) -> Any:
        """The first truthy value of a JavaScript expression, looked at once a frame inside the page."""
        look = LOOK.replace("PREDICATE", predicate).replace("LIMIT_MS", str(timeout * 1000))
        found = await self.evaluate(look)
        assert "value" in found, f"within {timeout:g} s there was no {predicate}; the page shows:\n{found['shows']}"
        return found["value"]

    async def before_scripts(self, script: str) -> None:
        """Run `script` in every page opened from now on, before its own scripts."""
        await self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    async def press(self, key: str) -> None:
        """A key of the keyboard, to whatever has the focus: `Tab`, `Enter`, `PageUp`, or a letter."""
        codes = {"Tab": 9, "Enter": 13, "PageUp": 33, "PageDown": 34, "End": 35, "Home": 36}
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        shared = {"key": key, "code": key, "windowsVirtualKeyCode": codes.get(key, ord(key[0]))}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **shared, **({"text": text} if text else {}))
        await self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    async def set_viewport(self, width: int, height: int) -> None:
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    async def prefer(self, **features: str) -> None:
        """Media features, as `prefer(color_scheme="light")`."""
        named = [{"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()]
        await self.call("Emulation.setEmulatedMedia", features=named)

    async def screenshot(self, path: Path) -> None:
        answer = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    def _note(self, event: dict[str, Any]) -> None:
        match event:
            case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": details}}:
                self.complaints.append(details.get("exception", {}).get("description") or details["text"])
            case {"method": "Log.entryAdded", "params": {"entry": {"level": "error", "text": text}}}:
                self.complaints.append(text)


@contextlib.asynccontextmanager
async def chromium(*, microphone: Path | None = None, may_listen: bool = True) -> AsyncIterator[Page]:
    """A browser for one test, with one tab. (Its start, half a second, holds up the loop.)"""
    with running(microphone=microphone, may_listen=may_listen) as address:
        async with tab(address) as page:
            yield page


@contextlib.contextmanager
def running(*, microphone: Path | None = None, may_listen: bool = True) -> Iterator[str]:
    """A browser for many tests: the address at which `tab` finds it.

    `microphone`: a 48 kHz wav, played in a loop; without one it beeps. `may_listen` is what the person answers when
    a page asks for the microphone.
    """
    binary = find_chromium()
    if binary is None:
        raise ChromiumFailed(f"there is none of {', '.join(NAMES)} on this machine")
    with tempfile.TemporaryDirectory(prefix="roomscribe-chromium-", ignore_cleanup_errors=True) as profile:
        person = "--use-fake-ui-for-media-stream" + ("" if may_listen else "=deny")
        flags = [*FLAGS, f"--user-data-dir={profile}", "--use-fake-device-for-media-stream", person]
        if microphone is not None:
            flags.append(f"--use-file-for-fake-audio-capture={microphone}")
        process = subprocess.Popen(
            [binary, *flags, "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        try:
            yield _address(Path(profile) / "DevToolsActivePort", process)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.asynccontextmanager
async def tab(address: str) -> AsyncIterator[Page]:
    """A tab as of a browser never used before: no storage, no permissions."""
    async with aiohttp.ClientSession() as http, http.ws_connect(address, max_msg_size=0) as socket:
        page = Page(socket)
        await page.attach()
        try:
            yield page
        finally:
            await page.close()


def _address(file: Path, process: subprocess.Popen[bytes]) -> str:
    """Where it listens: it says so in a file, and nowhere else, so the file is looked at until it is there."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ChromiumFailed(f"it ended at once, with status {process.returncode}")
        lines = file.read_text().splitlines() if file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.02)
    raise ChromiumFailed(f"it did not listen within {START_TIMEOUT_S:g} s")


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
