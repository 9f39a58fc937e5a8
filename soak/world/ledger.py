"""What was said in a room against what a reader was shown: what came, what is missing, what came twice. Pure.

Everybody who speaks tells what they said, and one steady reader what they read. An utterance is judged when it is so
old that no outage can hold its caption back any more; until then, all captions of its speaker since may still change
what belongs to what (`alignment`).
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Final

from .alignment import ECHO, Block, Caption, How, Spoken, align, stretch
from .likeness import Words, likeness, words_of

__all__ = ["Caption", "Counts", "Fate", "Ledger", "Outcome", "Spoken", "total"]

SETTLE_S: Final = 45.0  # after an utterance: its caption is not to be expected any more
QUIET_S: Final = 5.0  # after a caption: another piece of its utterance may follow
MIN_DELIVERED: Final = 0.5  # of an utterance's packets; with fewer, the network lost it
PENDING: Final = 64  # utterances, and as many captions, of a speaker that wait; beyond, the older half is judged early
REMEMBERED: Final = 64  # texts of a speaker that had their captions: what comes again is a repetition
SPEAKERS: Final = 256  # in the books at the same time; beyond, the one that was quiet longest is judged early
FORGET_S: Final = 120.0  # after it was last heard of, a speaker of whom nothing waits leaves the books
OUTCOMES: Final = 20_000  # the newest, for questions about a time
LATENCIES: Final = 20_000  # the newest


class Fate(enum.StrEnum):
    """What became of an utterance; of the last three, of a caption."""

    RECEIVED = "received"
    MARKED = "marked"  # lost, and readers were told so
    SILENT = "silent"  # lost, and nobody was told
    UNSENT = "unsent"  # the network did not deliver it
    REPEATED = "repeated"  # words that were shown before
    STRANGE = "strange"  # words that nobody said
    SPARE_MARK = "spare_mark"  # a mark where no utterance is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`at`: when its (last) caption or mark came; None: there was none. Of a caption without an utterance, `first` and
    `last` are when it came.
    """

    room: str
    speaker: str
    fate: Fate
    text: str = field(repr=False)
    first: float
    last: float
    at: float | None
    unlike: bool = False  # a caption came in its place, with none of its words

    @property
    def wait_s(self) -> float | None:
        """From the last speech to the caption, if it was received."""
        return max(0.0, self.at - self.last) if self.fate is Fate.RECEIVED and self.at is not None else None


@dataclass(slots=True, kw_only=True)
class Counts:
    """`unlike` are among the received, spare marks among nothing else; interims are counted as they come."""

    received: int = 0
    unlike: int = 0
    marked: int = 0
    silent: int = 0
    unsent: int = 0
    repeated: int = 0
    strange: int = 0
    spare_mark: int = 0
    interims: int = 0

    @property
    def expected(self) -> int:
        """Utterances that the network delivered, or of which readers learnt all the same."""
        return self.received + self.marked + self.silent

    def add(self, outcome: Outcome) -> None:
        setattr(self, outcome.fate.value, getattr(self, outcome.fate.value) + 1)
        self.unlike += outcome.unlike


def total(counts: Iterable[Counts]) -> Counts:
    """Of several rooms together."""
    result = Counts()
    for each in counts:
        for name in (entry.name for entry in fields(Counts)):
            setattr(result, name, getattr(result, name) + getattr(each, name))
    return result


@dataclass(slots=True)
class _Page:
    """Of one speaker, what is not judged yet."""

    touched: float
    spoken: list[Spoken] = field(default_factory=list)  # ≤ PENDING
    heard: list[Caption] = field(default_factory=list)  # ≤ PENDING
    shown: deque[Words] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    @property
    def oldest(self) -> float:
        """When the one that waits longest was said or heard."""
        said = self.spoken[0].last if self.spoken else float("inf")
        return min(said, self.heard[0].at) if self.heard else said


class Ledger:
    """One room. All times are loop time; captions are told as they come, utterances when they are over."""

    def __init__(self, room: str, *, settle_s: float = SETTLE_S, min_delivered: float = MIN_DELIVERED) -> None:
        self.room = room
        self.counts = Counts()
        self.latencies: deque[float] = deque(maxlen=LATENCIES)  # seconds after which a final came
        self.interims: deque[tuple[str, float]] = deque(maxlen=OUTCOMES)  # whose partial came, and when
        self._settle_s = settle_s
        self._min_delivered = min_delivered
        self._pages: dict[str, _Page] = {}  # ≤ SPEAKERS
        self._outcomes: deque[Outcome] = deque(maxlen=OUTCOMES)
        self._fresh: deque[Outcome] = deque(maxlen=OUTCOMES)  # not told yet

    @property
    def pending(self) -> int:
        """Utterances that are not judged yet."""
        return sum(len(page.spoken) for page in self._pages.values())

    def said(self, spoken: Spoken) -> None:
        """Somebody has said something. What has no words is nothing to caption."""
        if not words_of(spoken.text):
            return
        page = self._page(spoken.speaker, spoken.last)
        page.spoken.append(spoken)
        page.spoken.sort(key=lambda each: each.first)
        self._make_room(page)

    def heard(self, caption: Caption) -> None:
        """A final has come. An empty one takes a partial away: no caption."""
        if not caption.text.strip():
            return
        page = self._page(caption.speaker, caption.at)
        page.heard.append(caption)
        self._make_room(page)

    def interim(self, speaker: str, at: float) -> None:
        """A partial has come."""
        self.counts.interims += 1
        self.interims.append((speaker, at))
        if speaker in self._pages:
            self._page(speaker, at)

    def settle(self, now: float) -> list[Outcome]:
        """Judge what is old enough; what was judged since the last call."""
        for speaker, page in list(self._pages.items()):
            self._settle(page, old=now - self._settle_s, quiet=now - QUIET_S)
            if not page.spoken and not page.heard and page.touched < now - FORGET_S:
                del self._pages[speaker]
        return self._told()

    def close(self, now: float) -> list[Outcome]:
        """Judge everything that was said and heard until `now`: nothing more will come."""
        for page in self._pages.values():
            self._settle(page, old=float("inf"), quiet=now)
        return self._told()

    def break_off(self, now: float) -> list[Outcome]:
        """Judge what is old enough, and forget the rest: nobody was there any more to see its captions."""
        outcomes = self.settle(now)
        self._pages.clear()
        return outcomes

    def between(self, begin: float, end: float) -> Counts:
        """What was said, or came of itself, in this time, be it in part, and is judged. Without interims."""
        counts = Counts()
        for each in self.outcomes(begin, end):
            counts.add(each)
        return counts

    def outcomes(self, begin: float, end: float) -> list[Outcome]:
        """Of each of these, in the order in which they were judged."""
        return [each for each in self._outcomes if each.first <= end and each.last >= begin]

    def _page(self, speaker: str, at: float) -> _Page:
        page = self._pages.get(speaker)
        if page is None:
            if len(self._pages) >= SPEAKERS:
                quietest = min(self._pages, key=lambda each: self._pages[each].touched)
                self._settle(self._pages.pop(quietest), old=float("inf"), quiet=float("inf"))
            page = self._pages[speaker] = _Page(touched=at)
        page.touched = max(page.touched, at)
        return page

    def _told(self) -> list[Outcome]:
        fresh = list(self._fresh)
        self._fresh.clear()
        return fresh

    def _settle(self, page: _Page, *, old: float, quiet: float) -> None:
        """Judge what was over before `old`, unless its last caption came after `quiet`."""

        def ripe(spoken: Sequence[Spoken], heard: Sequence[Caption]) -> bool:
            if not spoken:
                return heard[-1].at < old
            return all(each.last < old for each in spoken) and all(each.at <= quiet for each in heard)

        while page.oldest < old:
            if self._is_plain(page):
                self._judge(page, Block(How.LIKE, 1, 1))
            elif not self._judge_next(page, ripe):
                return

    def _make_room(self, page: _Page) -> None:
        def crowded(*_: object) -> bool:
            return max(len(page.spoken), len(page.heard)) > PENDING // 2

        if max(len(page.spoken), len(page.heard)) > PENDING:
            while crowded() and self._judge_next(page, crowded):
                pass

    def _is_plain(self, page: _Page) -> bool:
        """What is next is one utterance whose words came before anything else was said: most are."""
        if not page.spoken or not page.heard:
            return False
        said, caption = page.spoken[0], page.heard[0]
        if not said.first <= caption.at <= said.last + self._settle_s:
            return False
        return words_of(said.text).grams == words_of(caption.text).grams and (
            len(page.spoken) == 1 or caption.at < page.spoken[1].first
        )

    def _judge_next(self, page: _Page, ripe: Callable[[Sequence[Spoken], Sequence[Caption]], bool]) -> bool:
        """Judge the next ones that can be understood by themselves. False: not all of them were ripe."""
        spoken, heard = stretch(page.spoken, page.heard)
        blocks = align(
            page.spoken[:spoken],
            page.heard[:heard],
            list(page.shown),
            late_s=self._settle_s,
            enough=self._min_delivered,
        )
        for block in blocks:
            if not ripe(page.spoken[: block.spoken], page.heard[: block.heard]):
                return False
            self._judge(page, block)
        return True

    def _judge(self, page: _Page, block: Block) -> None:
        """Take the block from the page, and write down what it says."""
        spoken, heard = page.spoken[: block.spoken], page.heard[: block.heard]
        del page.spoken[: block.spoken], page.heard[: block.heard]
        if block.how is How.SPARE:
            (caption,) = heard
            fate = _fate_of_spare(caption, page.shown)
            self._write(fate, caption.speaker, caption.text, first=caption.at, last=caption.at, at=caption.at)
            return
        at = heard[-1].at if heard else None
        for each in spoken:
            fate = self._fate(each, block.how)
            unlike = block.how is How.UNLIKE
            self._write(fate, each.speaker, each.text, first=each.first, last=each.last, at=at, unlike=unlike)
        if block.how is How.LIKE:
            page.shown.extend(words_of(each.text) for each in spoken)
            if len(heard) > 1 or len(spoken) > 1:  # else the two are about the same
                page.shown.extend(words_of(each.text) for each in heard)

    def _fate(self, spoken: Spoken, how: How) -> Fate:
        if how is How.LOST:
            return Fate.SILENT if spoken.delivered >= self._min_delivered else Fate.UNSENT
        return Fate.MARKED if how is How.MARKED else Fate.RECEIVED

    def _write(
        self, fate: Fate, speaker: str, text: str, *, first: float, last: float, at: float | None, unlike: bool = False
    ) -> None:
        outcome = Outcome(
            room=self.room, speaker=speaker, fate=fate, text=text, first=first, last=last, at=at, unlike=unlike
        )
        self.counts.add(outcome)
        self._outcomes.append(outcome)
        self._fresh.append(outcome)
        if outcome.wait_s is not None:
            self.latencies.append(outcome.wait_s)


def _fate_of_spare(caption: Caption, shown: Iterable[Words]) -> Fate:
    if caption.is_mark:
        return Fate.SPARE_MARK
    words = words_of(caption.text)
    return Fate.REPEATED if any(likeness(each, words) >= ECHO for each in shown) else Fate.STRANGE
