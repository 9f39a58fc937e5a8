"""The translations of one speaker's finals, for the readers who wish for one: Whisper's own, into English.

They come after the transcript, and hold up nobody who reads that: each is a decode of its own, done when no transcript
waits, in the order of the utterances. What cannot be translated in time, or at all, is given to its readers as it was
said. While nobody wishes for a translation, none of this is there but a queue without anything in it.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from .asking import Asker
from .audio import Pcm, seconds
from .caption import polish, split_caption
from .channels import Bounded, ChannelStats
from .overload import Step
from .request import ENGLISH, Hypothesis, Kind
from .totals import Totals
from .transcript import FinalTranscript, Wishes

log = logging.getLogger("roomscribe.pipeline.translation")

MAX_WAITING: Final = 16  # utterances of one speaker; then its transcripts wait too
LONGEST_WAIT_S: Final = 10.0  # after the transcript; of what is later, readers get that
LAST_WAIT_S: Final = 3.0  # after the speaker's end: a room that is left waits for no more than its last words


@dataclass(slots=True, kw_only=True, eq=False)
class _Said:
    """The transcript of an utterance in `language` (a Whisper code; empty: nobody knows it), to be translated by
    `until`, in *now*, for those of `wishes`.

    `language` None: it is the mark of a gap. `continues`: it is no beginning of a sentence.
    """

    captions: list[FinalTranscript]
    wishes: Wishes
    pcm: Pcm
    language: str | None
    continues: bool
    until: float


class Translations:
    """One per speaker."""

    def __init__(self, *, asker: Asker, emit: Callable[[FinalTranscript], Awaitable[None]], totals: Totals) -> None:
        self._asker = asker
        self._emit = emit
        self._totals = totals
        self._waiting: Bounded[_Said] = Bounded(MAX_WAITING, totals.queue("speaker_translations"))
        self._pending: list[_Said] = []  # what waits, what waits for its place there, and what is being made
        self._emitting = asyncio.Lock()  # the captions of an utterance stay together
        self._working = False
        self._asking: asyncio.Timeout | None = None
        self._last = math.inf  # in *now*; then nothing more is translated

    @property
    def stats(self) -> ChannelStats:
        return self._waiting.stats

    async def follow(
        self,
        captions: list[FinalTranscript],
        *,
        pcm: Pcm,
        language: str | None,
        continues: bool,
        tasks: asyncio.TaskGroup,
    ) -> None:
        """A transcript is out, and somebody wishes for its translation: it is made in one of `tasks`."""
        said = _Said(
            captions=captions,
            wishes=captions[0].wishes,
            pcm=pcm,
            language=language,
            continues=continues,
            until=asyncio.get_running_loop().time() + LONGEST_WAIT_S,
        )
        self._pending.append(said)
        await self._waiting.put(said)
        if not self._working:
            self._working = True
            tasks.create_task(self._work())

    async def catch_up(self, wishes: Wishes) -> None:
        """The next transcript is about to go out under these `wishes`. Who reads that, and has something pending from
        when it wished for a translation, gets what was said then first: or it would come after what was said later.
        """
        async with self._emitting:
            for said in self._pending:
                back = {reader: wish for reader, wish in said.wishes.items() if reader not in wishes}
                if back:
                    said.wishes = {reader: wish for reader, wish in said.wishes.items() if reader in wishes}
                    for each in said.captions:
                        await self._emit(replace(each, wishes=back, instead=True))

    def finish(self) -> None:
        """The speaker will say no more."""
        self._last = asyncio.get_running_loop().time() + LAST_WAIT_S
        if self._asking is not None and not self._asking.expired():
            self._asking.reschedule(min(self._asking.when() or self._last, self._last))

    def give_up(self) -> None:
        """Nobody will work any more: what is pending was lost to its readers."""
        lost = [said for said in self._pending if said.wishes and said.language is not None]
        self._totals.gaps += len(lost)
        self._totals.gap_s += sum(seconds(len(said.pcm)) for said in lost)

    async def _work(self) -> None:
        """Until nothing waits any more."""
        try:
            while (said := self._waiting.take()) is not None:
                english = await self._english(said) if said.wishes else None
                async with self._emitting:
                    for each in self._instead(said, english):
                        await self._emit(each)
                    self._pending.remove(said)
        finally:
            self._working = False

    def _instead(self, said: _Said, english: list[str] | None) -> list[FinalTranscript]:
        """What is emitted for whoever still wishes for a translation."""
        if not said.wishes:
            return []
        if english is None:
            return [replace(each, wishes=said.wishes, instead=True) for each in said.captions]
        first = replace(said.captions[0], wishes=said.wishes, instead=True, translated=True, language_id=ENGLISH)
        return [replace(first, text=piece) for piece in english]

    async def _english(self, said: _Said) -> list[str] | None:
        """Its words in English, a caption or several. None: they cannot be had."""
        if said.language is None:
            return None
        if said.language == ENGLISH:
            return [each.text for each in said.captions]
        answer = await self._translate(said)
        text = polish(answer.text, code=ENGLISH, continues=said.continues) if answer is not None else ""
        if not text:
            self._totals.untranslated += 1
            return None
        self._totals.translated += 1
        return split_caption(text, code=ENGLISH)

    async def _translate(self, said: _Said) -> Hypothesis | None:
        """None: it cannot be had. Of what readers get, only partials are given up before translations."""
        now, until = asyncio.get_running_loop().time(), min(said.until, self._last)
        if self._asker.step >= Step.NARROW or now >= until:
            return None
        try:
            async with asyncio.timeout_at(until) as self._asking:
                answer = await self._asker.ask(
                    Kind.FINAL, lambda: said.pcm, code=said.language or "", due=now, translate=True
                )
        except TimeoutError:
            return None
        finally:
            self._asking = None
        if isinstance(answer, Hypothesis):
            return answer
        log.warning("an utterance was not translated: %s", answer)
        return None
