"""The command line of the benchmarks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from api import Settings, SettingsError
from api.engine_only import load_engine_only
from api.terminal import fail, set_up_logging
from pipeline import EngineFatal
from pipeline.child_process import CHILD_ENVIRONMENT
from soak.clip import BadManifest, Clip, in_language, read_manifest, shipped_clips
from soak.demo.score import ScoringUnavailable, check_available
from soak.stack import Missing, StackFailed, find_programs
from soak.stack.namespace import NoNamespace, media_address, run_inside

from . import captions as live
from .signaling import measure

bench = typer.Typer(help="Measure roomscribe on this machine.", no_args_is_help=True)


Manifest = Annotated[Path | None, typer.Option(help="Clips: JSON lines with `audio`, `text`, `speaker`, `lang`.")]
Model = Annotated[str, typer.Option(help="Whisper model; default: that of the settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, on the last line.")]
Limit = Annotated[int, typer.Option(min=0, help="The first N clips only; 0: all.")]


@bench.command()
def asr(manifest: Manifest = None, model: Model = "", limit: Limit = 0, as_json: AsJson = False) -> None:
    """Recognition alone: word errors and CPU time against stock faster-whisper, on the very same utterances."""
    engine = _settings(model).engine
    _clips(manifest, limit)  # a bad manifest is told here, in a few words
    options = {
        "manifest": str(manifest) if manifest else "",
        "limit": limit,
        "model": engine.model.model,
        "cache_dir": engine.model.cache_dir,
    }
    worker = subprocess.run(
        [sys.executable, "-m", "soak.bench.asr", json.dumps(options)],
        stdout=subprocess.PIPE,
        env=engine.environment | CHILD_ENVIRONMENT,
        check=False,
    )
    if worker.returncode:
        fail(f"the benchmark ended with status {worker.returncode}; its own words are above")
    _report(json.loads(worker.stdout), as_json, "Recognition, against stock faster-whisper")


@bench.command()
def captions(
    manifest: Manifest = None,
    model: Model = "",
    speakers: Annotated[int, typer.Option(min=1, max=500, help="People who read aloud at once.")] = 1,
    finals_only: Annotated[bool, typer.Option("--finals-only", help="No partial captions.")] = False,
    limit: Limit = 0,
    as_json: AsJson = False,
) -> None:
    """Captions in real time: how soon they come, how stable they are, and how many people may speak at once."""
    set_up_logging("ERROR")
    note = Console(stderr=True, highlight=False).print
    try:
        clips = _clips(manifest, limit)
        settings = _settings(model)
        figures = asyncio.run(
            live.measure(
                clips,
                settings.engine,
                settings.rooms.speaker,
                speakers=speakers,
                finals_only=finals_only,
                note=note,
            )
        )
    except EngineFatal as error:
        fail(f"the benchmark cannot run: {error}")
    _report(figures, as_json, "Captions in real time")


def _settings(model: str) -> Settings:
    try:
        return load_engine_only(model=model)
    except SettingsError as error:
        fail(str(error))


def _clips(manifest: Path | None, limit: int) -> list[Clip]:
    try:
        check_available()
        clips = shipped_clips() if manifest is None else read_manifest(manifest)
    except (BadManifest, ScoringUnavailable) as error:
        fail(f"the benchmark cannot run: {error}")
    clips = in_language(clips, live.ENGLISH.code)[: limit or None]
    if not any(clip.text.strip() for clip in clips):
        fail(f"the benchmark cannot run: {manifest}: no clip in English with a text")
    return clips


@bench.command()
def signaling(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, on the last line.")] = False,
    reconnects: Annotated[int, typer.Option(min=1, max=1000, help="Connections to cut.")] = 50,
    restarts: Annotated[int, typer.Option(min=1, max=100, help="Restarts of the signaling server.")] = 5,
    joins: Annotated[int, typer.Option(min=1, max=100, help="Rooms to join for the first caption.")] = 10,
) -> None:
    """Cut, restart and join, against the real HPB and Janus, and count what is lost and how long it takes."""
    set_up_logging("ERROR")
    try:
        programs = find_programs()
        address = media_address()
        if not address:
            run_inside([sys.executable, *sys.argv])
        note = Console(stderr=True, highlight=False).print
        figures = asyncio.run(
            measure(programs, address, reconnects=reconnects, restarts=restarts, joins=joins, note=note)
        )
    except (Missing, NoNamespace, StackFailed) as error:
        fail(f"the benchmark cannot run: {error}")
    _report(figures, as_json, "Signaling, on the real HPB and Janus")


def _report(figures: dict[str, Any], as_json: bool, title: str) -> None:
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console(highlight=False).print(table)
