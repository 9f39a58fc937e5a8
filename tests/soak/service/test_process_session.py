"""The process under test belongs to nobody's terminal: it ends when we say so, or with us."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil

from soak.service.process import start, stop

GUARD_S = 20.0
SLEEPER = (sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)")
STARTER = """
    import asyncio, os, sys, pathlib
    from soak.service.process import start

    async def main():
        log = pathlib.Path(sys.argv[1])
        process = await start((sys.executable, "-c", "import time; time.sleep(60)"), {}, os.environ, port=1, secret="s",
                              log=log)
        print(process.pid, flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())
"""


async def test_ctrl_c_at_our_terminal_is_not_for_the_service(tmp_path):
    process = await start(SLEEPER, {}, os.environ, port=1, secret="s", log=tmp_path / "log")
    try:
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
    finally:
        assert await stop(process) == -signal.SIGTERM


async def test_each_life_of_it_writes_at_the_end_of_the_same_log(tmp_path):
    log = tmp_path / "log"
    for lives in (1, 2):
        process = await start(SLEEPER, {}, os.environ, port=1, secret="s", log=log)
        async with asyncio.timeout(GUARD_S):
            while log.read_text().split() != ["here"] * lives:  # noqa: ASYNC110 — another process has no event
                await asyncio.sleep(0.01)
        await stop(process)


def test_whatever_becomes_of_us_it_is_not_left_behind(tmp_path):
    starter = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STARTER), str(tmp_path / "log")],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    with starter:
        assert starter.stdout is not None
        service = psutil.Process(int(starter.stdout.readline()))
        starter.kill()
    service.wait(GUARD_S)
