"""One audio or video file: its sound in, captions out, as fast as the engine decodes.

The file is decoded in a thread of its own; chunks come through a bounded channel; several utterances are with the
engine at once, and their captions come out in order. What an utterance is decoded as depends on the audio alone, never
on who was faster: the same file gives the same captions.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from .audio import AudioChunk, Pcm, seconds
from .audio_file import AudioFile, AudioFileError, shown
from .caption import polish
from .channels import Bounded, ChannelClosed, ChannelStats
from .errors import EngineError, EngineFatal
from .hearing import Hearing, HearingEvent, UtteranceHeard
from .language_lock import LanguageLock
from .languages import Language
from .request import Hypothesis, Kind
from .scheduler import Job
from .segmenter import UtteranceStarted
from .speaker import SpeakerSettings
from .subtitles import Caption, clock
from .totals import Totals
from .transcript import GAP_MARK
from .vad import VoiceDetector

log = logging.getLogger("roomscribe.pipeline.file_transcript")

WAITING_CHUNKS: Final = 16  # of half a second: the thread is ahead of the voice detector by 8 s at most
UNHURRIED_S: Final = 86_400.0  # nobody waits for a file's finals: they are never late, and overload gives none up


class Recogniser(Protocol):
    """What a file needs of the engine."""

    async def transcribe(self, job: Job) -> Hypothesis: ...

    def forget(self, speaker: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcribed:
    """What became of a file. `gaps` are utterances, `damaged` pieces of the file that could not be decoded.

    `missing_s`: it ends so much before its end, as its container has it; 0 if that is unknown, or less than a second.
    """

    length_s: float
    captions: int
    gaps: int
    damaged: int
    missing_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Captions are out up to `done_s`, about; `length_s` as the file's container says, None if it does not."""

    done_s: float
    length_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Utterance:
    """Heard, and being decoded. `onset` and `end` are the media times of its first and after its last speech."""

    start: int
    onset: int
    end: int
    continues: bool
    code: str
    decoding: asyncio.Task[Hypothesis | EngineError] = field(repr=False)


class FileTranscript:
    """One per file. `in_flight` utterances may be with the engine at once; `emit` gets the captions in order.

    `progress` is told often; neither may wait.
    """

    def __init__(
        self,
        path: Path,
        *,
        language: Language,
        engine: Recogniser,
        detector: VoiceDetector,
        settings: SpeakerSettings,
        in_flight: int,
        emit: Callable[[Caption], None],
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._path = path
        self._speaker = shown(path)
        self._engine = engine
        self._settings = settings
        self._in_flight = in_flight
        self._emit = emit
        self._progress = progress
        self._lock = LanguageLock(language)
        self._hearing = Hearing(
            settings=settings.segmenter, detector=detector, ring_samples=settings.ring, totals=Totals()
        )
        self._chunks: Bounded[AudioChunk] = Bounded(WAITING_CHUNKS)
        self._pending: deque[_Utterance] = deque()  # ≤ in_flight
        self._started: UtteranceStarted | None = None  # of the open utterance
        self._done = 0  # media time up to which all captions are out
        self._length_s: float | None = None
        self._captions = 0
        self._gaps = 0

    @property
    def chunks(self) -> ChannelStats:
        return self._chunks.stats

    async def run(self) -> Transcribed:
        """Until the last caption is out. Raises `AudioFileError`, once what was heard before it has been said;
        `EngineFatal`; and whatever `emit` raises.
        """
        # A thread of its own, because a file must not be closed while it is read, whatever way this is left.
        with ThreadPoolExecutor(max_workers=1) as thread:
            loop = asyncio.get_running_loop()
            source = await loop.run_in_executor(thread, AudioFile, self._path)
            self._length_s, chunks = source.length_s, source.chunks()
            try:
                async with asyncio.TaskGroup() as tasks:
                    reading = tasks.create_task(self._read(chunks, thread))
                    await self._listen(tasks)
            except ExceptionGroup as group:
                raise _first(group) from group
            finally:
                self._engine.forget(self._speaker)
                thread.submit(chunks.close)
                thread.submit(source.close)
        failure = reading.result()
        if failure is not None:
            raise failure
        return Transcribed(
            length_s=seconds(self._hearing.end),
            captions=self._captions,
            gaps=self._gaps,
            damaged=source.damaged,
            missing_s=source.missing_s,
        )

    async def _read(self, chunks: Generator[AudioChunk], thread: ThreadPoolExecutor) -> AudioFileError | None:
        """The file's chunks into the channel; returns what was wrong with the file."""
        loop = asyncio.get_running_loop()
        try:
            while (chunk := await loop.run_in_executor(thread, next, chunks, None)) is not None:
                await self._chunks.put(chunk)
        except AudioFileError as error:
            return error
        finally:
            self._chunks.close()
        return None

    async def _listen(self, tasks: asyncio.TaskGroup) -> None:
        now = asyncio.get_running_loop().time
        while True:
            try:
                chunk = await self._chunks.get()
            except ChannelClosed:
                break
            await self._react(self._hearing.chunk(chunk, now=now()), tasks)
            self._tell()
        await self._react(self._hearing.track_ended(now=now()), tasks)
        while self._pending:
            await self._say_oldest()

    async def _react(self, events: list[HearingEvent], tasks: asyncio.TaskGroup) -> None:
        for event in events:
            match event:
                case UtteranceStarted():
                    self._started = event
                case UtteranceHeard():
                    started, self._started = self._started, None
                    if event.ended.voiced >= self._settings.min_voiced:
                        await self._submit(started, event, tasks)

    async def _submit(self, started: UtteranceStarted | None, heard: UtteranceHeard, tasks: asyncio.TaskGroup) -> None:
        """Ask the engine. While the language is being detected, one at a time: each answer counts for the next."""
        while len(self._pending) >= (self._in_flight if self._lock.code else 1):
            await self._say_oldest()
        code = self._lock.code
        self._pending.append(
            _Utterance(
                start=heard.ended.start,
                onset=started.onset if started else heard.ended.start,
                end=heard.ended.speech_end,
                continues=bool(started and started.continues),
                code=code,
                decoding=tasks.create_task(self._decode(heard.audio.pcm, code)),
            )
        )

    async def _decode(self, pcm: Pcm, code: str) -> Hypothesis | EngineError:
        """The answer, or what went wrong: nobody looks at it before its turn."""
        job = Job(
            kind=Kind.FINAL,
            speaker=self._speaker,
            language=code,
            allowed=self._settings.allowed,
            due=asyncio.get_running_loop().time() + UNHURRIED_S,
            cut=lambda: pcm,
        )
        try:
            return await self._engine.transcribe(job)
        except EngineError as error:
            return error

    async def _say_oldest(self) -> None:
        utterance = self._pending[0]
        answer = await utterance.decoding
        self._pending.popleft()
        match answer:
            case EngineFatal():
                raise answer
            case EngineError():
                begin, length_s = clock(seconds(utterance.onset)), seconds(utterance.end - utterance.onset)
                log.warning("%.1f s of speech at %s were not transcribed: %s", length_s, begin, answer)
                self._gaps += 1
                self._say(utterance, GAP_MARK, utterance.code)
            case Hypothesis():
                self._lock.heard(answer)
                self._say(
                    utterance, polish(answer.text, code=answer.language, continues=utterance.continues), answer.language
                )
        self._tell()

    def _say(self, utterance: _Utterance, text: str, code: str) -> None:
        if not text:
            return
        self._captions += 1
        self._emit(
            Caption(
                start=seconds(utterance.onset),
                end=seconds(utterance.end),
                text=text,
                language=code,
                continues=utterance.continues,
            )
        )

    def _tell(self) -> None:
        oldest = self._pending[0] if self._pending else self._started
        self._done = max(self._done, oldest.start if oldest else self._hearing.end)
        self._progress(Progress(done_s=seconds(self._done), length_s=self._length_s))


def _first(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup):
        group = group.exceptions[0]
    return group
