"""`roomscribe demo`: the main job on real speech, with nothing else to install or to configure."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from api import SettingsError, StartFailed
from api.logs.setup import set_up_logging
from api.terminal import fail, until_signalled
from bot import BotError
from pipeline import EngineFatal
from soak.clip import BadManifest, Clip, read_manifest, shipped_clips
from soak.crew import Crew
from soak.participant import NotAdmitted

from .chat import LANGUAGE, CaptionsRefused
from .console import Screen, screen
from .score import Result, ScoringUnavailable, check_available
from .stage import NAMES, StageFailed, open_stage
from .turns import Turn, plan

KNOWN = (
    SettingsError,
    StartFailed,
    EngineFatal,
    BotError,
    BadManifest,
    ScoringUnavailable,
    StageFailed,
    CaptionsRefused,
    NotAdmitted,
)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the clips one time, print a summary, and exit.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line; the last is the summary.")] = False,
    speakers: Annotated[int, typer.Option(min=1, max=len(NAMES), help="Synthetic speakers in the room.")] = 2,
    manifest: Annotated[
        Path | None, typer.Option(help="Other clips: JSON lines with `audio`, `text`, `speaker`, `lang`.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="Play the first N clips only; 0: all.")] = 0,
) -> None:
    """Speakers talk in a room, captions appear here and on a page: no Nextcloud, no account."""
    set_up_logging("WARNING")
    try:
        check_available()
        clips = [clip for clip in _clips(manifest) if clip.language == LANGUAGE]
        if not clips:
            raise BadManifest(f"{manifest}: no clip in the demo's language ({LANGUAGE})")
        complete = asyncio.run(_run(clips[: limit or None], speakers, once, screen(as_json=as_json)))
    except KNOWN as error:
        fail(f"the demo cannot go on: {error}")
    except ExceptionGroup as group:
        known, unknown = group.split(KNOWN)
        if unknown is not None or known is None:
            raise
        fail(f"the demo cannot go on: {_first(known)}")
    if not complete:
        raise typer.Exit(1)


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group


def _clips(manifest: Path | None) -> list[Clip]:
    return shipped_clips() if manifest is None else read_manifest(manifest)


async def _run(clips: list[Clip], speakers: int, once: bool, view: Screen) -> bool:
    """Play until done or signalled. True: every clip that was to be played got its final."""
    results: list[Result] = []
    turns = plan(clips, speakers)
    with until_signalled() as stop:
        try:
            async with Crew() as crew:
                signalled = crew.start(stop.wait())
                playing = crew.start(_play(turns, speakers, once, view, results))
                await asyncio.wait([playing, signalled], return_when=asyncio.FIRST_COMPLETED)
        finally:
            view.close()
    return not once or (len(results) == len(turns) and all(result.final_ms is not None for result in results))


async def _play(turns: list[Turn], speakers: int, once: bool, view: Screen, results: list[Result]) -> None:
    async with open_stage(speakers, view) as stage:
        try:
            while True:
                results[:] = await stage.perform(turns)
                if once:
                    return
        finally:
            if results or once:
                view.summary(results, stage.score(results))
