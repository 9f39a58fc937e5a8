"""Whole runs: the real service as a process, the embedded signaling server, the stand-in; but no longer than needed."""

from __future__ import annotations

import asyncio
import faulthandler
import os
from dataclasses import replace

from soak.run.journal import read
from soak.run.options import Options
from soak.run.runner import soak
from soak.world.profile import CHURN, PROFILES

#: Everybody stays for the whole of a load, and says as much as fits into it, with a caption for each utterance.
STEADY = replace(
    PROFILES["smoke"],
    seconds=90.0,
    guests=0,
    pause_s=(0.9, 1.1),
    churn=replace(CHURN["none"], away_s=0.1),
    load_s=5.0,
    warm_up_s=15.0,
    cut_each_s=0.0,
)


def options(profile, **more):
    return Options(profile=profile, command="roomscribe soak", **more)


async def run(asked, folder, *, stop=None, story=None, watch=None):
    """Its report."""
    faulthandler.cancel_dump_traceback_later()  # it may take longer than a test that hangs
    stop = asyncio.Event() if stop is None else stop
    return await soak(asked, folder, os.environ, stop, story=story, watch=watch)


async def resumed(folder, **more):
    """The report of a run that goes on where its journal ends."""
    story = read(folder)
    return await run(Options.read(story.options), folder, story=story, **more)


def finding(report, metric):
    return next(each for each in report["findings"] if each["metric"] == metric)
