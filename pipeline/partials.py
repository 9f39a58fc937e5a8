"""The partials of one speaker: the open utterance is decoded now and then, from its newest audio.

At most one is asked for at a time. What readers see is what successive decodes agree on, and the rest of the newest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from .asking import Asker
from .audio import FRAME, Pcm, samples, seconds
from .hearing import Hearing
from .overload import Step
from .request import Hypothesis, Kind
from .totals import Totals
from .transcript import PartialTranscript
from .utterance import OpenUtterance, next_partial

WORKER_SHARE: Final = 2.5  # a speaker's partials take at most one part in so many of a worker's time
LENGTH_SHARE: Final = 0.15  # of the utterance's length: the longer it is, the less another second changes
AGAIN_S: Final = 0.2  # after a decode in which no word was heard
SPARSE: Final = 2.0  # times the interval, on the ladder's first step


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialSettings:
    """`first` is counted from the first speech; `least_s` lies between any two, as readers would not follow more.

    `enabled` False sends finals only.
    """

    enabled: bool = True
    first: int = samples(0.42)
    least_s: float = 0.3
    interval_s: float = 1.0


class Partials:
    """One per speaker. `began` and `ended` tell of the open utterance; `settled` says whether all finals are out."""

    def __init__(
        self,
        *,
        asker: Asker,
        hearing: Hearing,
        emit: Callable[[PartialTranscript], Awaitable[None]],
        settled: Callable[[], bool],
        settings: PartialSettings,
        totals: Totals,
    ) -> None:
        self._asker = asker
        self._hearing = hearing
        self._emit = emit
        self._settled = settled
        self._settings = settings
        self._totals = totals
        self._open: OpenUtterance | None = None
        self._spoke = asyncio.Event()
        self._not_before = 0.0  # in *now*: the next one is not asked for before
        self._shown_at = 0.0
        self._decodes = 0  # that were shown, or would have been

    def began(self, spoken: OpenUtterance) -> None:
        self._open = spoken
        self._not_before = 0.0
        if self._settings.enabled:
            self._spoke.set()

    def ended(self) -> None:
        """The open utterance is closed: its final supersedes whatever partial is on its way."""
        self._open = None
        self._spoke.clear()

    async def run(self) -> None:
        """Until cancelled."""
        clock = asyncio.get_running_loop().time
        while True:
            await self._spoke.wait()
            spoken = self._open
            if spoken is None or clock() < self._not_before or not self._is_due(spoken):
                await asyncio.sleep(seconds(FRAME))
                continue
            asked_at = clock()
            heard = await self._send(spoken)
            if self._open is spoken:  # the next utterance does not wait for what this one cost
                self._not_before = asked_at + self._interval_s(spoken, took=clock() - asked_at, heard=heard)

    def _is_due(self, spoken: OpenUtterance) -> bool:
        """Not in a pause, which may be the end: the final would wait for a partial that nobody needs.

        Nor before the last final is out: a reader has one open line a speaker, and it still belongs to that one.
        """
        step = self._asker.step
        if step >= Step.FINALS_ONLY or (step is Step.FIRST_ONLY and spoken.revision):
            return False
        enough = self._hearing.end - spoken.onset >= self._settings.first
        return enough and self._hearing.speaking and self._settled()

    def _interval_s(self, spoken: OpenUtterance, *, took: float, heard: bool) -> float:
        if not heard and self._asker.step is Step.NORMAL:
            return AGAIN_S  # readers still see nothing
        interval_s = AGAIN_S
        if heard:
            length_s = seconds(self._hearing.end - spoken.start)
            interval_s = max(self._settings.interval_s, length_s * LENGTH_SHARE)
            if self._asker.step >= Step.SPARSE:
                interval_s *= SPARSE
        # Where a decode takes long, asking again at once would only make every speaker's finals late.
        return max(interval_s, took * WORKER_SHARE)

    async def _send(self, spoken: OpenUtterance) -> bool:
        """False: no word was heard, or nobody answered; the final will say it, or mark the gap."""
        newest, decodes = (self._hearing.end, self._hearing.heard_at), self._decodes

        def cut() -> Pcm:
            nonlocal newest, decodes
            newest, decodes = (self._hearing.end, self._hearing.heard_at), self._decodes
            return self._hearing.read(spoken.start, self._hearing.end).pcm

        due, fresh = self._hearing.heard_at, not spoken.revision
        answer = await self._asker.ask(Kind.PARTIAL, cut, code=spoken.lock.code, due=due, fresh=fresh)
        if not isinstance(answer, Hypothesis) or not answer.text:
            return False
        if decodes == self._decodes:  # or newer audio, of a pause, was decoded meanwhile
            await self.show(spoken, answer, end=newest[0], heard_at=newest[1], complete=False)
        return True

    async def show(
        self, spoken: OpenUtterance, hypothesis: Hypothesis, *, end: int, heard_at: float, complete: bool
    ) -> None:
        """Tell readers what the newest decode of the open utterance makes of it, if it is still open.

        `complete`: its audio ended in a pause, not in mid-word.
        """
        now = asyncio.get_running_loop().time()
        too_soon = spoken.revision > 0 and now < self._shown_at + self._settings.least_s
        if self._open is not spoken or too_soon or not self._settings.enabled or not self._settled():
            return
        self._decodes += 1
        shown = next_partial(spoken, hypothesis, self._totals, complete=complete)
        if shown is None:
            return
        spoken.revision += 1
        self._shown_at = now
        await self._emit(
            PartialTranscript(
                speaker=self._asker.speaker,
                utterance=spoken.number,
                revision=spoken.revision,
                text=shown.text,
                stable=shown.stable,
                language_id=spoken.lock.language.id,
                start=spoken.start,
                end=end,
                heard_at=heard_at,
            )
        )
