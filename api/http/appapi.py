"""The life of an external app of Nextcloud: AppAPI asks whether it is there, has it get ready, and turns it on and off.

Source: Nextcloud's AppAPI. Talk looks for the app, and for its part of the capabilities, under the app's id.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any, Final

import aiohttp
import tenacity
from aiohttp import web

from bot import Supervisor
from pipeline import EngineFatal, catalogue

from .calls import query, translations
from .keys import APP_ID, APP_VERSION, LIFE, SUPERVISOR
from .schemas import EnabledQuery

log = logging.getLogger("roomscribe.api.appapi")

FEATURE: Final = "live_transcription"
TRANSLATION: Final = "live_translation"
STATUS_PATH: Final = "/ocs/v2.php/apps/app_api/ex-app/status"
OLD_STATUS_PATH: Final = "/ocs/v1.php/apps/app_api/apps/status/"
REPORT_EACH_S: Final = 10.0  # while the model is on its way
REPORT_TIMEOUT_S: Final = 10.0
PATIENCE_S: Final = 2400.0  # for the outcome: so long AppAPI waits for an app to get ready
LAST_WORD_S: Final = 5.0  # for the outcome, when the process must end
BEGUN: Final = 1  # per cent: how far a download is, nobody tells us
DONE: Final = 100


async def heartbeat(_: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})


async def init(request: web.Request) -> web.Response:
    """The model is on its way since the start; how that goes is reported to Nextcloud."""
    request.app[REPORTER].ask()
    return web.json_response({})


async def get_enabled(request: web.Request) -> web.Response:
    return web.json_response({"enabled": request.app[LIFE].enabled})


async def put_enabled(request: web.Request) -> web.Response:
    """Disabling stops the bots that run: nobody wants their captions any more."""
    wanted = query(request, EnabledQuery).enabled == 1
    request.app[LIFE].enabled = wanted
    if not wanted:
        request.app[SUPERVISOR].stop_all("the app was disabled")
    return web.json_response({"error": ""})


async def capabilities(request: web.Request) -> web.Response:
    supervisor = request.app[SUPERVISOR]
    found: dict[str, Any] = {
        "version": request.app[APP_VERSION],
        "features": [FEATURE],
        FEATURE: {"supported_languages": catalogue(supervisor.engine.languages)},
    }
    if (translated := translations(supervisor)) is not None:
        found["features"].append(TRANSLATION)
        found[TRANSLATION] = {"supported_translation_languages": translated}
    return web.json_response({request.app[APP_ID]: found})


class Reporter:
    """Tells Nextcloud how far the app is, once it was asked to get ready. `run` is its owner's task."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._settings = supervisor.chat_server
        self._asked = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def ask(self) -> None:
        if self._settings.secret:
            self._idle.clear()
            self._asked.set()

    async def told(self) -> None:
        """Wait until Nextcloud knows the outcome, if it asked, and if it listens in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORD_S):
                await self._idle.wait()

    async def run(self, http: aiohttp.ClientSession) -> None:
        """Report, whenever asked, until the model is there or can never be had."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            await self._accompany(http)
            self._idle.set()

    async def _accompany(self, http: aiohttp.ClientSession) -> None:
        while True:
            try:
                async with asyncio.timeout(REPORT_EACH_S):
                    await self._supervisor.engine.wait_ready()
            except TimeoutError:
                await self._report(http, BEGUN, "", patience_s=REPORT_EACH_S)
            except EngineFatal as error:
                return await self._report(http, 0, str(error))
            else:
                refused = self._supervisor.rejected
                return await self._report(http, DONE if refused is None else 0, str(refused or ""))

    async def _report(
        self, http: aiohttp.ClientSession, progress: int, error: str, *, patience_s: float = PATIENCE_S
    ) -> None:
        retrying = tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type((aiohttp.ClientError, TimeoutError, OSError)),
            wait=tenacity.wait_random_exponential(0.5, max=30.0),
            stop=tenacity.stop_after_delay(patience_s),
            reraise=True,
        )
        try:
            async for attempt in retrying:
                with attempt:
                    await self._put(http, {"progress": progress, "error": error})
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            status = problem.status if isinstance(problem, aiohttp.ClientResponseError) else None
            reason = type(problem).__name__ if status is None else f"status {status}"
            log.warning("Nextcloud was not told that the app is at %d %%: %s", progress, reason)

    async def _put(self, http: aiohttp.ClientSession, report: dict[str, object]) -> None:
        """Older Nextclouds know the other path only."""
        settings = self._settings
        async with asyncio.timeout(REPORT_TIMEOUT_S):
            for path in (STATUS_PATH, OLD_STATUS_PATH + settings.app_id):
                url = settings.url.rstrip("/") + path
                async with http.put(url, json=report, headers=settings.headers()) as response:
                    if response.status != 404 or path != STATUS_PATH:
                        response.raise_for_status()
                        return


REPORTER: Final = web.AppKey("reporter", Reporter)
