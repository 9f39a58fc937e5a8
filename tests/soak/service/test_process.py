"""The real service as a process: it starts, answers, is looked at, and ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import asynccontextmanager

import pytest

from signaling.embedded import EmbeddedServer, EmbeddedSettings
from soak.service.clock import ClockShift
from soak.service.launch import LaunchOptions
from soak.service.process import ServiceFailed, attached, free_port, listener, serving

SECRET = "0123456789abcdef" * 2
BACKEND = "http://chat.test"
PATIENCE_S = 30.0
FIGURES = {
    "rss_kb", "pss_kb", "engine_rss_kb", "tree_rss_kb", "heap_blocks", "open_files", "sockets", "threads", "tasks",
    "peer_connections", "ring_kb", "series",
}  # fmt: skip


@asynccontextmanager
async def started(tmp_path, launch=None, **more):
    """With the embedded signaling server beside it."""
    async with EmbeddedServer(EmbeddedSettings(internal_secret=SECRET, backend_url=BACKEND)) as signaling:
        settings = {
            "HPB_URL": signaling.url, "HPB_SECRET": SECRET, "NEXTCLOUD_URL": BACKEND, "ICE_ADDRESSES": "127.0.0.1",
        }  # fmt: skip
        log = tmp_path / "log"
        async with serving(settings, os.environ, secret=SECRET, log=log, launch=launch, **more) as service:
            yield service


async def ready(service):
    async with asyncio.timeout(PATIENCE_S):
        while (await service.get("/readyz"))[0] != 200:  # noqa: ASYNC110 — another process
            await asyncio.sleep(0.1)


async def test_with_the_stand_in_it_is_ready_without_a_model_and_everything_is_measured(tmp_path):
    async with started(tmp_path, LaunchOptions(stand_in=True), trace_heap=True) as service:
        await ready(service)
        scrape = await service.scrape()
        figures = service.measure(scrape)
        assert figures.keys() >= {*FIGURES, "heap_kb"}
        assert figures["tree_rss_kb"] == pytest.approx(figures["rss_kb"] + figures["engine_rss_kb"], rel=0.05)
        assert figures["heap_kb"] > 1000
        assert scrape.value("roomscribe_ready") == 1
        assert service.engine_pid() not in (None, service.pid)
        status, answer = await service.post("/api/v1/call/leave", {"roomToken": "nobody-is-here"})
        assert (status, type(answer)) == (200, dict)
        assert (await service.get("/nowhere"))[0] == 404
    assert service.exit_status == 0
    assert not service.is_running


async def test_looking_at_it_again_finds_no_more_sockets_than_before(tmp_path):
    async with started(tmp_path, LaunchOptions(stand_in=True)) as service:
        await ready(service)
        counts = {service.measure(await service.scrape())["sockets"] for _ in range(5)}
        assert len(counts) == 1


async def test_an_engine_that_was_killed_is_replaced_and_found_again(tmp_path):
    async with started(tmp_path, LaunchOptions(stand_in=True)) as service:
        await ready(service)
        before = service.engine_pid()
        os.kill(before, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while service.engine_pid() in (None, before):  # noqa: ASYNC110 — another process
                await asyncio.sleep(0.1)
        await ready(service)
        assert (await service.scrape()).value("roomscribe_engine_restarts_total") == 1


async def words_of(service):
    async with asyncio.timeout(PATIENCE_S):
        while not service.log.read_text():  # noqa: ASYNC110 — another process
            await asyncio.sleep(0.01)


async def test_its_clock_jumps_when_it_is_told_to(tmp_path):
    with ClockShift(tmp_path / "clock") as clock:
        async with started(tmp_path, LaunchOptions(stand_in=True, clock=str(clock.path))) as service:
            await words_of(service)  # with the true time
            clock.set(-400 * 86_400.0)
            await ready(service)
            assert service.is_running
        years = {json.loads(line)["timestamp"][:4] for line in service.log.read_text().splitlines()}
        assert len(years) > 1, "its log lines have the time of the day"


async def test_a_service_that_somebody_else_started_has_the_same_face(tmp_path):
    began = time.monotonic()
    async with started(tmp_path) as ours, attached(ours.url, SECRET) as service:
        assert 0.05 < ours.first_answer_s <= time.monotonic() - began
        assert service.first_answer_s == 0
        assert service.pid == ours.pid == listener(ours.url)
        assert service.measure(await service.scrape())["rss_kb"] > 1000
        assert service.is_running
        assert service.last_words() == ""
    assert not service.is_running


async def test_where_nobody_answers_there_is_nothing_to_attach_to():
    with pytest.raises(ServiceFailed, match="nobody answers"):
        async with attached(f"http://127.0.0.1:{free_port()}", SECRET):
            pass


def test_a_process_on_another_machine_is_not_looked_for():
    assert listener("http://captions.example:8080") is None
    assert listener(f"http://127.0.0.1:{free_port()}") is None


async def test_a_service_that_ends_at_once_says_why(tmp_path):
    with pytest.raises(ServiceFailed, match=r"ended at once: (?s:.)*HPB_URL"):
        async with serving({}, os.environ, secret=SECRET, log=tmp_path / "log"):
            pass


async def test_a_service_that_was_killed_does_not_answer(tmp_path):
    async with started(tmp_path) as service:
        os.kill(service.pid, signal.SIGKILL)
        await service.process.wait()
        assert not service.is_running
        assert await service.get("/healthz") == (0, b"")
        assert await service.post("/api/v1/call/leave", {}) == (0, {})
        with pytest.raises(ServiceFailed, match="no answer"):
            await service.scrape()
        assert service.measure(None) == {}
    assert service.exit_status == -signal.SIGKILL
