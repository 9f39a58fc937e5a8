"""`roomscribe transcribe`: recordings in, transcripts out. What it does is in `pipeline.file_transcript`."""

from __future__ import annotations

import asyncio
import io
import logging
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from pipeline import (
    Engine,
    EngineFatal,
    EngineSettings,
    Language,
    SpeakerSettings,
    UnknownLanguage,
    VoiceDetectors,
    make_backend,
    parse_language,
)
from pipeline.audio_file import AudioFileError, shown
from pipeline.file_transcript import FileTranscript, Progress, Transcribed
from pipeline.languages import AUTO, NAMES
from pipeline.scheduler import MAX_WAITING_FINALS
from pipeline.subtitles import Format, Summary, clock, writer_of

from .engine_only import load_engine_only
from .logs.setup import set_up_logging
from .outputs import BadOutput, Errand, OutputClosed, OutputFailed, open_sink, plan
from .settings.environment import environment
from .settings.load import SettingsError, misspelt
from .terminal import EXIT_CONFIGURATION, complain, fail, until_signalled

EXIT_FAILED: Final = 1
EXIT_INTERRUPTED: Final = 130  # 128 + SIGINT, as shells have it
PROGRESS_S: Final = 0.2
SERVER_S: Final = 60.0  # how long a recognition server may take to come up

Files = Annotated[list[Path], typer.Argument(metavar="FILE", help="Audio or video files of any format.")]
FormatOption = Annotated[
    Format,
    typer.Option(
        "--format",
        help="txt: an utterance a line. vtt, srt: subtitles. json: JSON lines, times in seconds; for each utterance "
        '{"type": "caption", "file", "start", "end", "text", "language"}, and after a recording\'s last one '
        '{"type": "file", "file", "length", "captions", "gaps", "damaged", "missing"}: how many captions are […], how '
        "many pieces of the recording could not be decoded, how many seconds lack at its end.",
    ),
]
LanguageOption = Annotated[
    str,
    typer.Option(
        help="What is spoken, such as `de`, or `auto` to detect it; default: the model's language if it has but one, "
        "else auto.",
        show_default=False,
    ),
]
Output = Annotated[
    str,
    typer.Option(
        metavar="PATH",
        help="A file, or a folder, where transcripts are named after their recordings; default: standard output.",
        show_default=False,
    ),
]
Model = Annotated[
    str,
    typer.Option(
        help="Whisper model, to decode on this machine; default: ROOMSCRIBE_MODEL, or the server of "
        "ROOMSCRIBE_ASR_URL if there is one.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite transcripts that exist.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress on the terminal.")]


def transcribe(
    files: Files,
    format_: FormatOption = Format.TXT,
    language: LanguageOption = "",
    output: Output = "",
    model: Model = "",
    force: Force = False,
    quiet: Quiet = False,
) -> None:
    """Transcribe recordings, faster than real time.

    Speech that was heard but could not be transcribed is marked with […]. A transcript's file is written whole or not
    at all. The settings of recognition (ROOMSCRIBE_MODEL and so on) come from the environment; those of a chat server
    are not needed. With --model, this machine decodes, also where ROOMSCRIBE_ASR_URL is set.

    Exit status: 0 if all went well; 1 if a recording failed, has gaps, is damaged or ends before its end (what could be
    heard of it is transcribed, and the others are done all the same); 2 if the options or settings are wrong; 130
    after Ctrl-C.
    """
    set_up_logging("WARNING")
    strange = misspelt(environment())
    try:
        parse_language(language or AUTO, NAMES)  # a misspelt one is told before a model is loaded, or even downloaded
        settings = load_engine_only(model=model)
        errands = plan(files, output, format_)
    except UnknownLanguage as error:
        fail(f"--language: {error}")
    except BadOutput as error:
        fail(str(error))
    except SettingsError as error:  # a name that was misspelt may be why
        fail("\n".join([*error.problems, *strange]))
    for each in strange:
        logging.getLogger("roomscribe").warning("%s", each)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # WebVTT and JSON are, whatever the terminal's locale
    on_screen = sys.stderr.isatty() and not (sys.stdout.isatty() and not output)  # captions are progress enough
    work = _Work(
        errands=errands,
        format_=format_,
        language=language or AUTO,
        force=force,
        engine=settings.engine,
        speaker=settings.rooms.speaker,
        screen=_Screen(enabled=on_screen and not quiet),
    )
    try:
        status = asyncio.run(work.run())
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
    if status:
        raise typer.Exit(status)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ears:
    """What all recordings share."""

    engine: Engine
    detectors: VoiceDetectors
    language: Language
    in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """All that was asked for on one command line."""

    errands: Sequence[Errand]
    format_: Format
    language: str
    force: bool
    engine: EngineSettings = field(repr=False)
    speaker: SpeakerSettings
    screen: _Screen

    async def run(self) -> int:
        """The exit status."""
        backend = make_backend(self.engine)
        engine = Engine(backend)
        # Twice what is decoded at once: no worker idles while the oldest utterance takes its time.
        in_flight = min(2 * backend.slots * backend.max_batch, MAX_WAITING_FINALS)
        with until_signalled() as stop:
            async with asyncio.TaskGroup() as tasks:
                serving = tasks.create_task(engine.run())
                stopping = tasks.create_task(stop.wait())
                working = tasks.create_task(self._all(engine, in_flight))
                await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
                for task in (working, stopping, serving):
                    task.cancel()
        self.screen.clear()
        return EXIT_INTERRUPTED if working.cancelled() else working.result()

    async def _all(self, engine: Engine, in_flight: int) -> int:
        try:
            detectors = await asyncio.to_thread(VoiceDetectors)  # while the model is loaded
            async with asyncio.timeout(SERVER_S if self.engine.remote else None):  # a model may be a long download
                await engine.wait_ready()
            language = parse_language(self.language, engine.languages)
            ears = _Ears(engine=engine, detectors=detectors, language=language, in_flight=in_flight)
            complete = [await self._one(errand, ears, self._heading(at)) for at, errand in enumerate(self.errands)]
        except EngineFatal as error:
            self._complain(f"roomscribe cannot transcribe: {error}")
            return EXIT_CONFIGURATION
        except UnknownLanguage as error:
            self._complain(f"--language: {error}")
            return EXIT_CONFIGURATION
        except TimeoutError:
            self._complain(
                f"roomscribe cannot transcribe: the recognition server of ROOMSCRIBE_ASR_URL did not answer for "
                f"{SERVER_S:.0f} s: start it, or correct the setting, or remove it to decode on this machine"
            )
            return EXIT_CONFIGURATION
        except OutputClosed:
            return EXIT_FAILED
        return 0 if all(complete) else EXIT_FAILED

    async def _one(self, errand: Errand, ears: _Ears, heading: str) -> bool:
        """Whether all of it was transcribed."""
        name = shown(errand.source)
        writer = writer_of(self.format_, name=name)
        self.screen.begin(errand.source.name)
        try:
            with open_sink(errand, force=self.force, heading=heading) as sink:
                transcript = FileTranscript(
                    errand.source,
                    language=ears.language,
                    engine=ears.engine,
                    detector=ears.detectors.new(),
                    settings=self.speaker,
                    in_flight=ears.in_flight,
                    emit=lambda caption: sink.write(writer.add(caption)),
                    progress=self.screen.show,
                )
                done = await transcript.run()
                sink.write(writer.end(Summary(length_s=done.length_s, damaged=done.damaged, missing_s=done.missing_s)))
        except (AudioFileError, OutputFailed) as error:
            self._complain(str(error))
            return False
        self.screen.end(done)
        if done.damaged:
            self._complain(f"{name}: is damaged: {done.damaged} pieces were passed over, and their words are missing")
        if done.missing_s:
            self._complain(
                f"{name}: was cut off: its last {clock(done.missing_s)} of {clock(done.length_s + done.missing_s)} are "
                "missing; check that it was copied completely"
            )
        if done.gaps:
            self._complain(f"{name}: {done.gaps} utterances could not be transcribed and are marked […]: try it again")
        return not (done.damaged or done.missing_s or done.gaps)

    def _heading(self, number: int) -> str:
        """Several transcripts on standard output are told apart as `head` and `tail` do it; JSON names the file."""
        if len(self.errands) == 1 or self.format_ is Format.JSON:
            return ""
        between = "\n" if number else ""
        return f"{between}==> {shown(self.errands[number].source)} <==\n"

    def _complain(self, message: str) -> None:
        self.screen.clear()
        complain(message)


class _Screen:
    """How far the recording is, on one line of the terminal that overwrites itself."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._name = ""
        self._began = self._shown_at = 0.0
        self._dirty = False

    def begin(self, name: str) -> None:
        self._name, self._began = name.encode("utf-8", "replace").decode(), time.monotonic()

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if self._enabled and now - self._shown_at >= PROGRESS_S:
            self._shown_at = now
            of = f" of {clock(progress.length_s)}" if progress.length_s else ""
            self._draw(f"{self._name}: {clock(progress.done_s)}{of}, {self._speed(progress.done_s, now)}")

    def end(self, done: Transcribed) -> None:
        if self._enabled:
            speed = self._speed(done.length_s, time.monotonic())
            self._draw(f"{self._name}: {clock(done.length_s)}, {done.captions} captions, {speed}\n")
            self._dirty = False

    def clear(self) -> None:
        if self._dirty:
            self._draw("")
            self._dirty = False

    def _speed(self, done_s: float, now: float) -> str:
        return f"{done_s / max(now - self._began, 0.001):.1f} × real time"

    def _draw(self, line: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        end = "\n" if line.endswith("\n") else ""
        sys.stderr.write(f"\r\x1b[K{line.rstrip()[:width]}{end}")  # to the line's begin, erase it
        sys.stderr.flush()
        self._dirty = True
