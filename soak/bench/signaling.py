"""How fast signaling heals, and what it costs: reconnects, restarts, joins, on the real HPB and Janus."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import statistics
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import psutil

from api import environment
from pipeline import WIRE_RATE
from soak.clip import Clip, shipped_clips
from soak.stack import Programs

from .scene import Guest, Scene, scene, until

CLIPS: Final = ("command-goforward", "command-something")  # short, each one utterance, told apart by a word
WORDS: Final = ("forward", "something")
PAUSE_S: Final = 1.2  # longer than the silence that ends an utterance
CUT_EVERY_S: Final = 0.7
SETTLE_S: Final = 2.0

Note = Callable[[str], None]


async def measure(
    programs: Programs, media_address: str, *, reconnects: int, restarts: int, joins: int, note: Note
) -> dict[str, Any]:
    """All figures, milliseconds where the name says so."""
    async with scene(programs, media_address, environment()) as stage:
        note(f"first captions: {joins} rooms")
        first = [await _first_caption(stage) for _ in range(joins)]
        room = stage.new_room()
        reader, speaker = await stage.guest(room, speaks=False), await stage.guest(room, speaks=True)
        stage.enable(reader)
        await stage.heard(speaker)
        await _speak(speaker, _clips()[0])
        await until(lambda: len(_finals(reader)) == 1)
        note(f"reconnects: {reconnects} cuts")
        base = await _footprint()
        resumed, lost, repeated = await _cut(stage, reader, speaker, reconnects)
        after = await _footprint()
        note(f"restarts: {restarts} of HPB")
        restarted = [await _restart(stage, reader, speaker) for _ in range(restarts)]
    return {
        "reconnects": len(resumed),
        "finals_lost": lost,
        "finals_repeated": repeated,
        "leaked": sum(max(0, after[name] - base[name]) for name in ("tasks", "threads", "sockets")),
        "rss_growth_mb": round((after["rss"] - base["rss"]) / 1e6, 1),
        "resume_ms_p50": _percentile(resumed, 50),
        "resume_ms_p95": _percentile(resumed, 95),
        "restart_to_caption_ms_p50": _percentile(restarted, 50),
        "restart_to_caption_ms_p95": _percentile(restarted, 95),
        "first_caption_ms_p50": _percentile(first, 50),
        "first_caption_ms_p95": _percentile(first, 95),
    }


async def _first_caption(stage: Scene) -> float:
    """Somebody is speaking; from the request for captions to the first one."""
    clock = asyncio.get_running_loop().time
    room = stage.new_room()
    reader, speaker = await stage.guest(room, speaks=False), await stage.guest(room, speaks=True)
    long = max(shipped_clips(), key=lambda clip: len(clip.decode()))
    if speaker.microphone is not None:
        speaker.microphone.play(long.decode())
    asked = clock()
    stage.enable(reader)
    await until(lambda: bool(reader.captions))
    took = reader.captions[0][0] - asked
    bot = stage.bot(room)
    stage.disable(reader)
    await bot.gone.wait()
    for guest in (reader, speaker):
        await guest.participant.leave()
    return took


async def _cut(stage: Scene, reader: Guest, speaker: Guest, times: int) -> tuple[list[float], int, int]:
    """Cut the bot's connection again and again while somebody speaks."""
    clock = asyncio.get_running_loop().time
    bot = stage.bot(reader.room)
    took: list[float] = []
    reader.captions.clear()
    spoken: list[str] = []

    async def talk() -> None:
        while len(took) < times:
            index = len(spoken) % len(CLIPS)
            spoken.append(WORDS[index])
            await _speak(speaker, _clips()[index])
            await asyncio.sleep(PAUSE_S)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(talk())
        while len(took) < times:
            await asyncio.sleep(CUT_EVERY_S)
            before = bot.connection
            stage.wire.cut()
            began = clock()
            await until(lambda before=before: bot.connection > before)  # type: ignore[misc]
            took.append(clock() - began)
    with contextlib.suppress(TimeoutError):
        await until(lambda: len(_finals(reader)) >= len(spoken))
    await asyncio.sleep(SETTLE_S)  # a repetition would come now
    lost, repeated = compare(spoken, [_word(text) for text in _finals(reader)])
    return took, lost, repeated


async def _restart(stage: Scene, reader: Guest, speaker: Guest) -> float:
    """Kill HPB, start it again, and wait for the first caption of somebody who speaks all the time."""
    clock = asyncio.get_running_loop().time
    await stage.stack.hpb.stop(signal.SIGKILL)
    await asyncio.sleep(2.0)
    reader.captions.clear()
    await stage.stack.hpb.start()
    began = clock()
    await asyncio.gather(stage.rejoin(reader), stage.rejoin(speaker))
    long = max(shipped_clips(), key=lambda clip: len(clip.decode()))
    if speaker.microphone is not None:
        speaker.microphone.play(long.decode())
    await until(lambda: bool(reader.captions))
    took = reader.captions[0][0] - began
    if speaker.microphone is not None:
        speaker.microphone.stop_playing()
    await asyncio.sleep(SETTLE_S)
    return took


def compare(spoken: Sequence[str], heard: Sequence[str]) -> tuple[int, int]:
    """How many sentences are missing, and how many came again, in a series where neighbours differ."""
    lost = repeated = at = 0
    for word in heard:
        if at < len(spoken) and word == spoken[at]:
            at += 1
        elif at and word == spoken[at - 1]:
            repeated += 1
        else:
            lost += 1
            at += 2
    return lost + max(0, len(spoken) - at), repeated


async def _footprint() -> dict[str, int]:
    """What must not grow, once everything has settled."""
    await asyncio.sleep(SETTLE_S)
    gc.collect()
    process = psutil.Process()
    return {
        "tasks": len(asyncio.all_tasks()),
        "threads": threading.active_count(),
        "sockets": sum(1 for _ in process.net_connections(kind="all")),
        "rss": process.memory_info().rss,
    }


async def _speak(speaker: Guest, clip: Clip) -> None:
    if speaker.microphone is None:
        return
    pcm = clip.decode()
    started = speaker.microphone.play(pcm)
    await asyncio.sleep(started + len(pcm) / WIRE_RATE - asyncio.get_running_loop().time())


def _clips() -> list[Clip]:
    known = {clip.name: clip for clip in shipped_clips()}
    return [known[name] for name in CLIPS]


def _finals(reader: Guest) -> list[str]:
    return [caption.text for _, caption in reader.captions if caption.final and caption.text]


def _word(text: str) -> str:
    return next((word for word in WORDS if word in text.lower()), text)


def _percentile(values: Sequence[float], percent: int) -> int:
    """In milliseconds, interpolated."""
    if len(values) == 1:
        return round(values[0] * 1000)
    return round(statistics.quantiles(values, n=100, method="inclusive")[percent - 1] * 1000)
