"""The service as a process: what it holds, what it writes, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time

import pytest

from soak.bench import api_service
from soak.bench.api_service import Footprint, ServiceProcess, median, serving
from soak.service import process
from soak.service.process import ServiceFailed, free_port

SECRET = "a secret of thirty-two characters"
METRICS = """# HELP x
a_total{k="1"} 2.0
a_total{k="2"} 3
b 7
"""
ANSWERS = """
import http.server, os, signal, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(METRICS if self.path == "/metrics" else self.headers["Authorization"].encode())
    def do_POST(self):
        self.send_response(404)
        self.end_headers()
        self.wfile.write(self.rfile.read(int(self.headers["Content-Length"])))
signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
print("a word", flush=True)
address = os.environ["ROOMSCRIBE_HTTP_HOST"], int(os.environ["ROOMSCRIBE_HTTP_PORT"])
http.server.HTTPServer(address, Handler).serve_forever()
"""


@pytest.fixture
def program(monkeypatch):
    """Let something else be served."""
    return lambda text: monkeypatch.setattr(api_service, "SERVE", (sys.executable, "-c", text))


def started(tmp_path, **settings):
    return serving(settings, os.environ, secret=SECRET, log=tmp_path / "log")


async def test_it_is_asked_with_its_secret_until_it_is_stopped(tmp_path, program):
    program(f"METRICS = {METRICS.encode()!r}{ANSWERS}")
    began = time.monotonic()
    async with started(tmp_path) as service:
        assert 0.01 < service.first_answer_s <= time.monotonic() - began
        assert await service.is_alive()
        assert await service.get("/") == (200, f"Bearer {SECRET}".encode())
        assert await service.post("/x", b"{}") == (404, b"{}")
        assert await service.metric("a_total") == 5.0
        assert await service.metric("c") == 0
        assert service.footprint().rss_mb > 1
        assert (await service.settled(0.1)).files >= 3
    assert service.exit_status == 3
    assert not service.is_running
    assert await service.get("/") == (0, b"")


async def test_it_gets_its_settings_and_none_of_ours(tmp_path, program):
    program("import os; print(sorted(n for n in os.environ if n.startswith('ROOMSCRIBE_')), flush=True)")
    environment = {**os.environ, "ROOMSCRIBE_HPB_SECRET": "of somebody else"}
    with pytest.raises(ServiceFailed, match=r"ended at once: \['ROOMSCRIBE_HTTP_HOST', 'ROOMSCRIBE_HTTP_PORT', "):
        async with serving({}, environment, secret=SECRET, log=tmp_path / "log"):
            pass
    assert "HPB_SECRET" not in (tmp_path / "log").read_text()


async def test_a_service_that_does_not_listen_is_told_with_its_last_words(tmp_path, program, monkeypatch):
    monkeypatch.setattr(process, "LISTEN_S", 1.0)
    program("print('not today', flush=True); import time; time.sleep(60)")
    with pytest.raises(ServiceFailed, match="does not listen: not today"):
        async with started(tmp_path):
            pass


async def test_a_process_that_died_has_no_footprint(tmp_path, program):
    program(f"METRICS = {METRICS.encode()!r}{ANSWERS}")
    async with started(tmp_path) as service:
        service.process.send_signal(signal.SIGKILL)
        await service.process.wait()
        assert not await service.is_alive()
        with pytest.raises(ServiceFailed, match="is gone: a word"):
            service.footprint()
    assert service.exit_status == -signal.SIGKILL


async def test_what_the_log_should_not_have_is_counted(tmp_path):
    log = tmp_path / "log"
    log.write_text(f"fine\nTraceback (most recent call last):\nUnclosed connection\n{SECRET}\n")
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await process.wait()
    service = ServiceProcess(port=free_port(), secret=SECRET, log=log, process=process)
    assert service.complaints((SECRET, "another")) == {
        "log_lines": 4, "log_mb": 0.0, "log_tracebacks": 2, "log_secrets": 1,
    }  # fmt: skip


def test_of_several_looks_the_median_of_each_number_counts():
    looks = [Footprint(rss_mb=rss, files=files, threads=4) for rss, files in ((100.0, 9), (130.0, 7), (101.0, 8))]
    assert median(looks) == Footprint(rss_mb=101.0, files=8, threads=4)
