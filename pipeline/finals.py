"""The finals of one speaker: closed utterances are decoded in order, each exactly once in the captions.

When a pause begins, the open utterance is decoded early: if the pause turns out to be the end, its final is ready as
soon as the hangover is over; if not, it is as good as a partial.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from .asking import Asker
from .audio import AudioChunk, Pcm, seconds
from .caption import ends_sentence, polish, split_caption
from .channels import ChannelClosed, ChannelStats, DropOldest
from .errors import EngineError, Superseded
from .hearing import Hearing, PauseHeard, UtteranceHeard
from .overload import Step
from .request import Hypothesis, Kind
from .scheduler import SchedulerFull
from .segmenter import UtterancePaused
from .totals import Totals
from .transcript import GAP_MARK, NO_WISHES, FinalTranscript, Wishes
from .translation import Translations
from .utterance import ClosedUtterance, EarlyFinal, OpenUtterance, count_corrections

log = logging.getLogger("roomscribe.pipeline.finals")

SURE: Final = -0.4  # log-probability per token: of what is less probable, the full stop may be a guess too


@dataclass(frozen=True, slots=True, eq=False)
class _Gap:
    """A `place` where words are missing. `was_closed`: it stands for an utterance whose final is not out yet."""

    place: ClosedUtterance
    was_closed: bool


def makes_sentence(decoded: Hypothesis) -> bool:
    """Whether its words look complete."""
    return decoded.avg_logprob >= SURE and ends_sentence(decoded.text)


class Finals:
    """One per speaker. `min_voiced` samples of speech are the least that may be a word."""

    def __init__(
        self,
        *,
        asker: Asker,
        hearing: Hearing,
        emit: Callable[[FinalTranscript], Awaitable[None]],
        capacity: int,
        min_voiced: int,
        totals: Totals,
        wishes: Callable[[], Wishes],
    ) -> None:
        self._asker = asker
        self._wishes = wishes
        self._translations = Translations(asker=asker, emit=emit, totals=totals)
        self._hearing = hearing
        self._emit = emit
        self._min_voiced = min_voiced
        self._totals = totals
        self._closed: DropOldest[ClosedUtterance] = DropOldest(capacity, totals.queue("speaker_utterances"))
        self._waiting: deque[int] = deque()  # numbers of the utterances in `_closed`; ≤ `capacity`
        self._gaps: list[_Gap] = []  # not marked yet, in order: one before each that waits, and a last one
        self._early: EarlyFinal | None = None  # of the open utterance
        self._news = asyncio.Event()  # there may be something to say
        self._unsaid = 0  # closed utterances whose final is not out yet

    @property
    def stats(self) -> ChannelStats:
        return self._closed.stats

    @property
    def waiting_s(self) -> float:
        """Audio of closed utterances whose final is not out yet."""
        return self._asker.waiting_s

    @property
    def translations(self) -> ChannelStats:
        return self._translations.stats

    def settled(self) -> bool:
        """All finals are out."""
        return not self._unsaid

    # The open utterance.

    def paused(self, spoken: OpenUtterance, heard: PauseHeard, tasks: asyncio.TaskGroup) -> None:
        """A pause may be the end: decode now."""
        if self._asker.step >= Step.SPARSE:  # one in four would be for nothing
            return
        pcm, paused = heard.audio.pcm, heard.paused
        decoding = tasks.create_task(self._decode_early(pcm, paused, code=spoken.lock.code))
        self._early = EarlyFinal(speech_end=paused.speech_end, decoding=decoding)

    async def _decode_early(self, pcm: Pcm, paused: UtterancePaused, *, code: str) -> Hypothesis | EngineError:
        wait_s = seconds(self._hearing.hangover - (paused.end - paused.speech_end))
        due = asyncio.get_running_loop().time() + max(wait_s, 0.0)
        answer = await self._asker.ask(Kind.FINAL, lambda: pcm, code=code, due=due)
        if isinstance(answer, Hypothesis) and makes_sentence(answer):
            self._hearing.sentence_over(speech_end=paused.speech_end)
        return answer

    def resumed(self) -> Hypothesis | None:
        """Speech went on. What was decoded meanwhile, if it was; what was not started need not be."""
        early, self._early = self._early, None
        if early is None:
            return None
        if not early.decoding.done():
            early.decoding.cancel()
            return None
        answer = early.decoding.result()
        return answer if isinstance(answer, Hypothesis) and answer.text else None

    # Closed utterances.

    def close(self, spoken: OpenUtterance, heard: UtteranceHeard) -> None:
        """It has ended: its final is wanted now."""
        self._news.set()
        early, self._early = self._early, None
        # What follows a cut belongs to a word, however little it is.
        noise = heard.ended.voiced < self._min_voiced and not spoken.revision and not spoken.continues
        if early is not None and (noise or early.speech_end != heard.ended.speech_end):
            early.decoding.cancel()
            early = None
        if noise:
            return
        now = asyncio.get_running_loop().time()
        utterance = ClosedUtterance(
            spoken=spoken, audio=heard.audio, heard_at=heard.heard_at, due=now, early=early, shown=spoken.revision > 0
        )
        self._unsaid += 1
        self._asker.waiting_s += utterance.length_s
        self._waiting.append(utterance.number)
        lost = self._closed.put(utterance)
        if lost is not None:  # overload: the reader is told, in its turn, that words are missing here
            self._lose(lost)

    def missed(self, spoken: OpenUtterance, audio: AudioChunk) -> None:
        """Audio was lost before anybody heard whether there were words in it: readers are told before the next final.

        `spoken` and `audio` are empty: they say where. It is news of just now, however long ago anything was heard.
        """
        now = asyncio.get_running_loop().time()
        self._news.set()
        place = ClosedUtterance(spoken=spoken, audio=audio, heard_at=now, due=now)
        self._note_gap(_Gap(place, was_closed=False))
        self._totals.gaps += 1

    def finish(self) -> None:
        """No more will be closed; `run` returns when the last final is out."""
        self._closed.close()
        self._news.set()
        self._translations.finish()

    def give_up(self) -> None:
        """Nobody will work any more: what was not said yet counts as lost."""
        if self._unsaid:
            self._totals.gaps += self._unsaid - sum(gap.was_closed for gap in self._gaps)
            self._totals.gap_s += self._asker.waiting_s
        self._translations.give_up()

    async def run(self, tasks: asyncio.TaskGroup) -> None:
        """Until `finish` was called and the last final is out; its translation may still be made, in one of `tasks`."""
        while True:
            try:
                utterance = await self._next()
            except ChannelClosed:
                await self._say_gap(tasks)
                return
            if utterance is None or (self._gaps and self._gaps[0].place.number < utterance.number):
                await self._say_gap(tasks)
            if utterance is not None:
                texts, language = await self._texts(utterance)
                await self._say(utterance, texts, tasks, language=language)

    async def _next(self) -> ClosedUtterance | None:
        """The next one to say. None: a gap is to be told, and no words, said or being spoken, go before it."""
        while True:
            if (utterance := self._closed.take()) is not None:
                self._waiting.popleft()
                return utterance
            if self._gaps and not self._hearing.open:
                return None
            self._news.clear()
            await self._news.wait()

    async def _say_gap(self, tasks: asyncio.TaskGroup) -> None:
        if self._gaps:
            gap = self._gaps.pop(0)
            self._unsaid += not gap.was_closed
            await self._say(gap.place, [GAP_MARK], tasks)

    def _note_gap(self, gap: _Gap) -> None:
        """However much is missing in one place, between the same words, it is one mark."""
        gaps, self._gaps = [*self._gaps, gap], []
        for each in sorted(gaps, key=lambda gap: gap.place.number):
            if self._gaps and self._follows(self._gaps[-1]) == self._follows(each):
                before = self._gaps.pop()
                self._unsaid -= before.was_closed and each.was_closed
                place = replace(each.place, shown=before.place.shown or each.place.shown)
                self._gaps.append(_Gap(place, was_closed=before.was_closed or each.was_closed))
            else:
                self._gaps.append(each)

    def _follows(self, gap: _Gap) -> int | None:
        """The number of the utterance that waits to be said after it."""
        return next((number for number in self._waiting if number > gap.place.number), None)

    def _lose(self, lost: ClosedUtterance) -> None:
        self._count_gap(lost)
        log.warning("an utterance of %.1f s was dropped: recognition cannot keep up", lost.length_s)
        if lost.early is not None:
            lost.early.decoding.cancel()
        self._asker.waiting_s -= lost.length_s
        self._waiting.popleft()
        nothing = AudioChunk(start=lost.audio.end, pcm=lost.audio.pcm[:0])
        self._note_gap(_Gap(replace(lost, audio=nothing, early=None), was_closed=True))

    async def _texts(self, utterance: ClosedUtterance) -> tuple[list[str], str | None]:
        """What readers get, a caption or several or none, and its language (None: of the mark of a gap)."""
        spoken, pcm = utterance.spoken, utterance.audio.pcm
        answer = await utterance.early.decoding if utterance.early is not None else None
        if answer is None or isinstance(answer, SchedulerFull | Superseded):  # what failed otherwise would fail again
            answer = await self._asker.ask(Kind.FINAL, lambda: pcm, code=spoken.lock.code, due=utterance.due)
        if not isinstance(answer, Hypothesis):
            self._count_gap(utterance)
            log.error("an utterance of %.1f s was not transcribed: %s", utterance.length_s, answer)
            return [GAP_MARK], None
        spoken.lock.heard(answer)
        text = polish(answer.text, code=answer.language, continues=spoken.continues)
        count_corrections(spoken, text, answer.language, self._totals)
        return split_caption(text, code=answer.language), answer.language

    def _count_gap(self, lost: ClosedUtterance) -> None:
        self._totals.gaps += 1
        self._totals.gap_s += lost.length_s

    async def _say(
        self, utterance: ClosedUtterance, texts: list[str], tasks: asyncio.TaskGroup, *, language: str | None = None
    ) -> None:
        spoken, wishes = utterance.spoken, self._wishes()
        await self._translations.catch_up(wishes)
        empty = not texts and utterance.shown
        if empty:  # what readers saw of it was a noise: an empty final takes it away
            texts = [""]
            if wishes is not spoken.wishes:  # else who reads a translation saw nothing of it
                wishes = NO_WISHES
        captions = [
            FinalTranscript(
                speaker=self._asker.speaker,
                utterance=utterance.number,
                text=text,
                language_id=spoken.lock.language.id,
                start=utterance.audio.start,
                end=utterance.audio.end,
                heard_at=utterance.heard_at,
                wishes=wishes,
            )
            for text in texts
        ]
        for caption in captions:
            await self._emit(caption)
        self._asker.waiting_s -= utterance.length_s
        self._unsaid -= 1
        if wishes and captions and not empty:
            pcm, continues = utterance.audio.pcm, spoken.continues
            await self._translations.follow(captions, pcm=pcm, language=language, continues=continues, tasks=tasks)
