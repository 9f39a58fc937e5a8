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

from api import Settings, SettingsError, environment
from api.engine_only import load_engine_only
from api.logs.setup import set_up_logging
from api.terminal import fail
from bot.runtime import settle
from pipeline import EngineFatal
from pipeline.child_process import CHILD_ENVIRONMENT
from pipeline.decoders import PREFERENCES
from soak.clip import BadManifest, Clip, in_language, read_manifest, shipped_clips
from soak.demo.score import ScoringUnavailable, check_available
from soak.participant import NotAdmitted
from soak.service.process import ServiceFailed
from soak.stack import Missing, StackFailed, find_programs
from soak.stack.namespace import NoNamespace, media_address, run_inside

from . import api as control
from . import captions as live
from . import join_figures
from . import joins as coming_and_going
from . import media as receiving
from .api_figures import tables
from .api_rooms import NotCaptioned
from .loss import WAYS
from .media_options import MAX_SPEAKERS, BadOption, MediaOptions, programs, read_against, read_share
from .media_run import RunFailed
from .signaling import measure

bench = typer.Typer(help="Measure roomscribe on this machine.", no_args_is_help=True)


Manifest = Annotated[Path | None, typer.Option(help="Clips: JSON lines with `audio`, `text`, `speaker`, `lang`.")]
Model = Annotated[str, typer.Option(help="Whisper model; default: that of the settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, on the last line.")]
Limit = Annotated[int, typer.Option(min=0, help="The first N clips only; 0: all.")]


@bench.command()
def asr(manifest: Manifest = None, model: Model = "", limit: Limit = 0, as_json: AsJson = False) -> None:
    """Recognition alone: word errors and CPU time against stock faster-whisper, on the very same utterances."""
    _in_own_process("soak.bench.asr", manifest, model, limit, as_json, "Recognition, against stock faster-whisper")


@bench.command()
def loss(
    manifest: Manifest = None,
    model: Model = "",
    limit: Limit = 0,
    decoder: Annotated[str, typer.Option(help="auto, libopus or av.")] = "auto",
    ways: Annotated[str, typer.Option(help="Only these, separated by commas: no_loss, loss_5, no_gate, …")] = "",
    as_json: AsJson = False,
) -> None:
    """What lost packets and the activity gate cost in words: clips go through our receive path."""
    chosen = [each.strip() for each in ways.split(",") if each.strip()]
    for each in chosen:
        if each not in WAYS:
            fail(f"--ways: {each!r} is not known; use some of {', '.join(WAYS)}")
    if decoder not in PREFERENCES:
        fail(f"--decoder {decoder}: expected one of {', '.join(PREFERENCES)}")
    _in_own_process("soak.bench.loss", manifest, model, limit, as_json, "Loss", decoder=decoder, ways=chosen)


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


@bench.command()
def media(
    speakers: Annotated[int, typer.Option(min=1, max=MAX_SPEAKERS, help="Microphones that are received.")] = 40,
    talking: Annotated[str, typer.Option(help="How many of them talk: 0.1 or 10%. The others send quiet.")] = "10%",
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long to measure.")] = 20.0,
    against: Annotated[str, typer.Option(help="Also measure these, separated by commas: stock, pion.")] = "",
    loss: Annotated[float, typer.Option(min=0, max=50, help="Percent of the packets that the network loses.")] = 0.0,
    rooms: Annotated[int, typer.Option(min=1, help="Rooms that the speakers are spread over.")] = 1,
    hearing: Annotated[bool, typer.Option("--hearing", help="Ours detects speech, too, which others do not.")] = False,
    seed: Annotated[int, typer.Option(help="Of the losses, and of where each speaker begins.")] = 0,
    senders: Annotated[int, typer.Option(min=0, max=16, help="Processes that send; 0: as many as needed.")] = 0,
    repeat: Annotated[int, typer.Option(min=1, max=100, help="Measure so often, in turns; medians count.")] = 1,
    manifest: Manifest = None,
    as_json: AsJson = False,
) -> None:
    """Receiving alone: CPU time and memory of many peer connections, against stock aiortc and pion."""
    try:
        if manifest is not None and not any(clip.text.strip() for clip in read_manifest(manifest)):
            raise BadManifest(f"{manifest}: no clip with a text: nobody would talk")
        options = MediaOptions(
            speakers=speakers,
            talking=read_share("--talking", talking),
            seconds=seconds,
            against=read_against(against),
            loss=loss / 100,
            rooms=rooms,
            hearing=hearing,
            seed=seed,
            senders=senders,
            repeat=repeat,
            manifest=str(manifest) if manifest else "",
        )
        console = Console(stderr=True, highlight=False)
        own = environment()
        figures = asyncio.run(receiving.measure(options, programs(options, own), own, console.print))
    except (BadOption, BadManifest, RunFailed) as error:
        fail(f"the benchmark cannot run: {error}")
    console.print(receiving.table(figures))
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")


@bench.command()
def joins(
    count: Annotated[int, typer.Option(min=1, max=100_000, help="Speakers who come and go.")] = 1000,
    warm_up: Annotated[int, typer.Option(min=0, max=10_000, help="As many come before them, unmeasured.")] = 100,
    at_once: Annotated[int, typer.Option(min=1, max=100, help="Speakers who are there at the same time.")] = 8,
    as_json: AsJson = False,
) -> None:
    """Joins and leaves: are memory, threads, sockets and tasks back where they were? Ends with status 1 if not."""
    set_up_logging("ERROR")
    console = Console(stderr=True, highlight=False)
    options = coming_and_going.Options(count=count, warm_up=warm_up, at_once=at_once)
    settle()
    try:
        figures = asyncio.run(coming_and_going.measure(options, environment(), console.print))
    except (coming_and_going.NotHeard, RunFailed) as error:
        fail(f"the benchmark cannot run: {error}")
    console.print(join_figures.table(figures))
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
    if not figures["clean"]:
        raise typer.Exit(1)


@bench.command()
def api(
    rooms: Annotated[int, typer.Option(min=1, max=100, help="Rooms that are captioned meanwhile.")] = 10,
    speakers: Annotated[int, typer.Option(min=1, max=20, help="People who read aloud in each.")] = 1,
    rate: Annotated[float, typer.Option(min=1, max=1000, help="Requests for captions a second.")] = 50.0,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="How long they come.")] = 30.0,
    hostile: Annotated[int, typer.Option(min=1, max=1_000_000, help="Hostile requests.")] = 10_000,
    warm_up: Annotated[int, typer.Option(min=0, max=100_000, help="As many come before them, unmeasured.")] = 500,
    settle: Annotated[float, typer.Option(min=1, max=600, help="Seconds in which memory comes back.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Of all requests.")] = 1,
    manifest: Manifest = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines; the last is the summary.")] = False,
) -> None:
    """The control API: is it quick while rooms are captioned, does it survive attacks? Ends with status 1 if not."""
    set_up_logging("ERROR")
    console = Console(stderr=True, highlight=False, markup=False)
    options = control.Options(
        rooms=rooms,
        speakers=speakers,
        rate=rate,
        seconds=seconds,
        hostile=hostile,
        warm_up=warm_up,
        seed=seed,
        settle_s=settle,
    )
    try:
        clips = [clip for clip in _clips(manifest, 0) if clip.text.strip()]
        report = asyncio.run(control.measure(options, clips, environment(), console.print))
    except (ServiceFailed, NotCaptioned, NotAdmitted, RunFailed) as error:
        fail(f"the benchmark cannot run: {error}")
    console.print(tables(report.total, report.parts[-1]))
    if as_json:
        for line in (*report.parts, report.total):
            sys.stdout.write(json.dumps(line) + "\n")
    if report.total["missed"]:
        raise typer.Exit(1)


def _in_own_process(
    module: str, manifest: Path | None, model: str, limit: int, as_json: bool, title: str, **more: object
) -> None:
    """Where each library keeps to one thread. Ends the command with a few words if that fails."""
    engine = _settings(model).engine
    _clips(manifest, limit)  # a bad manifest is told here, in a few words
    options = {
        "manifest": str(manifest) if manifest else "",
        "limit": limit,
        "model": engine.model.model,
        "cache_dir": engine.model.cache_dir,
        **more,
    }
    worker = subprocess.run(
        [sys.executable, "-m", module, json.dumps(options)],
        stdout=subprocess.PIPE,
        env=engine.environment | CHILD_ENVIRONMENT,
        check=False,
    )
    if worker.returncode:
        fail(f"the benchmark ended with status {worker.returncode}; its own words are above")
    _report(json.loads(worker.stdout), as_json, title)


def _report(figures: dict[str, Any], as_json: bool, title: str) -> None:
    if as_json:
        sys.stdout.write(json.dumps(figures) + "\n")
        return
    table = Table("figure", "value", title=title)
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console(highlight=False).print(table)
