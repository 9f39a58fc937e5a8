"""The translations of one speaker's finals, for the readers who wish for one: Whisper's own, into English.

They come after the transcript, and hold up nobody who reads that: each is a decode of its own, done when the others are
done, in the order of the utterances. What cannot be translated in time, or at all, is given to its readers as it was
said. While nobody wishes for a translation, none of this is there but a queue without anything in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final

from .asking import Asker
from .audio import Pcm
from .caption import polish, split_caption
from .channels import Bounded, ChannelStats
from .overload import Step
from .request import ENGLISH, Hypothesis, Kind
from .totals import Totals
from .transcript import FinalTranscript

log = logging.getLogger("roomscribe.pipeline.translation")

MAX_WAITING: Final = 16  # utterances of one speaker; then its transcripts wait too
LONGEST_WAIT_S: Final = 10.0  # after the transcript; of what is later, readers get that


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Said:
    """The transcript of an utterance in `language` (a Whisper code), to be translated by `until`, in *now*.

    Empty `language`: it is the mark of a gap. `continues`: it is no beginning of a sentence.
    """

    captions: list[FinalTranscript]
    pcm: Pcm
    language: str
    continues: bool
    until: float


class Translations:
    """One per speaker."""

    def __init__(self, *, asker: Asker, emit: Callable[[FinalTranscript], Awaitable[None]], totals: Totals) -> None:
        self._asker = asker
        self._emit = emit
        self._totals = totals
        self._waiting: Bounded[_Said] = Bounded(MAX_WAITING, totals.queue("speaker_translations"))
        self._working = False

    @property
    def stats(self) -> ChannelStats:
        return self._waiting.stats

    async def follow(
        self, captions: list[FinalTranscript], *, pcm: Pcm, language: str, continues: bool, tasks: asyncio.TaskGroup
    ) -> None:
        """A transcript is out, and somebody wishes for its translation: it is made in one of `tasks`."""
        until = asyncio.get_running_loop().time() + LONGEST_WAIT_S
        await self._waiting.put(_Said(captions=captions, pcm=pcm, language=language, continues=continues, until=until))
        if not self._working:
            self._working = True
            tasks.create_task(self._work())

    async def _work(self) -> None:
        """Until nothing waits any more."""
        try:
            while (said := self._waiting.take()) is not None:
                for each in await self._others(said):
                    await self._emit(each)
        finally:
            self._working = False

    async def _others(self, said: _Said) -> list[FinalTranscript]:
        """What is emitted instead of the transcript."""
        if not said.language:
            return [replace(each, instead=True) for each in said.captions]
        if said.language == ENGLISH:
            return [replace(each, instead=True, translated=True, language_id=ENGLISH) for each in said.captions]
        answer = await self._translate(said)
        if answer is None:
            self._totals.untranslated += 1
            return [replace(each, instead=True) for each in said.captions]
        self._totals.translated += 1
        text = polish(answer.text, code=ENGLISH, continues=said.continues)
        first = replace(said.captions[0], instead=True, translated=True, language_id=ENGLISH)
        return [replace(first, text=piece) for piece in split_caption(text, code=ENGLISH)]

    async def _translate(self, said: _Said) -> Hypothesis | None:
        """None: it cannot be had. Of what readers get, only partials are given up before translations."""
        now = asyncio.get_running_loop().time()
        if self._asker.step >= Step.NARROW or now >= said.until:
            return None
        try:
            async with asyncio.timeout_at(said.until):
                # Wanted from now on: its transcript was out in time, so that the speakers who wait for theirs go first.
                answer = await self._asker.ask(
                    Kind.FINAL, lambda: said.pcm, code=said.language, due=now, translate=True
                )
        except TimeoutError:
            return None
        if isinstance(answer, Hypothesis):
            return answer if answer.text else None
        log.warning("an utterance was not translated: %s", answer)
        return None
