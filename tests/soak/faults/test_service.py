"""The faults of processes, struck at the product itself."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

import psutil
import pytest

from pipeline import make_backend
from signaling.embedded import EmbeddedServer, EmbeddedSettings
from soak.bench.api_service import serving
from soak.faults.catalogue import FAULTS
from soak.faults.fault import happen
from tests.pipeline.backend import ask, running
from tests.support.api import BACKEND, SECRET

from .subject import NotedScene

pytestmark = pytest.mark.model

GUARD_S = 60.0


def scene_of(engine):
    """`pid` is asked anew at each strike, as it is another one after each death."""
    return NotedScene(engine=engine)


async def test_a_recogniser_that_was_killed_is_another_one_and_decodes(engine_settings):
    async with running(make_backend(engine_settings)) as (engine, _):
        await engine.wait_ready()
        before = engine.pid
        await happen(FAULTS["engine_killed"], scene_of(engine))
        assert (await ask(engine)).text == ""
        assert engine.pid not in (before, None)
        assert engine.restarts == FAULTS["engine_killed"].limits.restarts


async def test_a_hang_lasts_until_the_watchdog_finds_it(engine_settings, monkeypatch):
    monkeypatch.setattr("pipeline.local.WARM_UPS", 0.0)
    async with running(make_backend(replace(engine_settings, watchdog_s=6.0))) as (engine, crew):
        await engine.wait_ready()
        async with FAULTS["engine_hangs"].strike(scene_of(engine)) as over:
            final = crew.start(ask(engine))
            await over.wait()
        assert (await final).text == ""
        assert engine.restarts == FAULTS["engine_hangs"].limits.restarts


@pytest.fixture
async def service(tmp_path):
    async with EmbeddedServer(EmbeddedSettings(internal_secret=SECRET, backend_url=BACKEND)) as server:
        settings = {"HPB_URL": server.url, "HPB_SECRET": SECRET, "NEXTCLOUD_URL": BACKEND, "ICE_ADDRESSES": "127.0.0.1"}
        async with serving(settings, os.environ, secret="a" * 32, log=tmp_path / "log") as service:
            yield service


@pytest.mark.parametrize("name", ["files_limited", "disk_full", "service_stopped"])
async def test_the_service_outlives_what_is_done_to_it_and_holds_what_it_held(service, name):
    process = psutil.Process(service.process.pid)
    limits = [process.rlimit(kind) for kind in (psutil.RLIMIT_NOFILE, psutil.RLIMIT_FSIZE)]
    async with asyncio.timeout(GUARD_S):
        await happen(FAULTS[name], NotedScene(service=process), scale=0.02)
        assert await service.is_alive()
    assert [process.rlimit(kind) for kind in (psutil.RLIMIT_NOFILE, psutil.RLIMIT_FSIZE)] == limits
    assert service.complaints(())["log_tracebacks"] == 0
