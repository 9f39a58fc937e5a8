"""Which caption belongs to which utterance, for one speaker. Pure.

A caption carries neither number nor media time, so it is found by its words and by when it came. Of all ways to explain
the captions by what was said, both in their order, the cheapest is taken. An utterance may come out as several captions
and several utterances as one; a mark stands for any number of utterances in a row; words may be wrong altogether. What
came before an utterance began is never its caption.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

from pipeline import GAP_MARK

from .likeness import Words, likeness, share, together, without, words_of

LIKE: Final = 0.4  # two texts that are less alike have other words
ECHO: Final = 0.6  # a caption this much like what was said before may be its repetition
FRAGMENT: Final = 0.8  # of a caption's words are those of the utterance: however short, it is a part of it
TORN: Final = 0.9  # an utterance of which less was delivered
PRESENT: Final = 0.3  # of the words of a part are in the whole, beside those of the other parts
PIECES: Final = 4  # captions of one utterance, at most
JOINED: Final = 3  # utterances in one caption, at most …
JOIN_PAUSE_S: Final = 2.0  # … with pauses of at most this between them
SURE: Final = 0.8  # this much alike, and nothing else to confuse it with: a fixed point
UNLIKE_S: Final = 10.0  # after an utterance, entirely wrong words may still be its caption

# What an explanation costs. One that hides a loss must be dearer than the loss, one that invents a loss too.
LOST: Final = 1.0
UNSENT: Final = 0.95  # the network did not deliver it: a part of it may be heard all the same
STRANGE: Final = 1.6  # a caption of nothing
REPEATED: Final = 0.3  # a caption of what had one
SPARE_MARK: Final = 0.1  # part of an utterance was lost, or of a noise
MARK: Final = 0.05  # less than a spare one: each mark takes its share …
MARKED: Final = 0.85  # … and this for each utterance that it stands for: hardly less than a loss, or it would take all
UNLIKE: Final = 1.4  # less than a strange caption, more than a loss and a repetition …
OVERTAKEN: Final = 0.7  # … and as much more when something else was said before the words came
BETTER: Final = 5.0  # by how much a caption is more like something else that was said
EXTRA: Final = 0.05  # for each part beyond one and one
_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Spoken:
    """An utterance. `first`, `last`: loop times of its first and last speech packet. `delivered`: of its speech
    packets, the share that came to the media server's doorstep.
    """

    speaker: str
    text: str = field(repr=False)
    first: float
    last: float
    delivered: float = 1.0


@dataclass(frozen=True, slots=True)
class Caption:
    """A final. `at` is the loop time at which the reader got it."""

    speaker: str
    text: str = field(repr=False)
    at: float

    @property
    def is_mark(self) -> bool:
        return self.text == GAP_MARK


class How(enum.Enum):
    LIKE = "like"  # the captions are those of the utterances
    UNLIKE = "unlike"  # as above, with words of which none is right
    MARKED = "marked"  # the caption is a mark for the utterances
    LOST = "lost"  # an utterance without a caption
    SPARE = "spare"  # a caption without an utterance


@dataclass(frozen=True, slots=True)
class Block:
    """The next `spoken` utterances and the next `heard` captions belong together."""

    how: How
    spoken: int
    heard: int


def stretch(spoken: Sequence[Spoken], heard: Sequence[Caption]) -> tuple[int, int]:
    """How many utterances and captions, from the first ones on, can be aligned without those that follow.

    Up to an utterance whose caption is beyond doubt, or all: it came alone, before anything else was said, and none of
    the utterances before has such words.
    """
    after = 0  # captions that came before the utterance began
    for index, each in enumerate(spoken):
        while after < len(heard) and heard[after].at < each.first:
            after += 1
        until = spoken[index + 1].first if index + 1 < len(spoken) else _NEVER
        answers = [caption for caption in heard[after : after + 2] if caption.at < until]
        words = words_of(each.text)
        is_answered = len(answers) == 1 and likeness(words, words_of(answers[0].text)) >= SURE
        if index and is_answered and all(likeness(words_of(other.text), words) < LIKE for other in spoken[:index]):
            return index, after
    return len(spoken), len(heard)


def align(
    spoken: Sequence[Spoken], heard: Sequence[Caption], said_before: Sequence[Words], *, late_s: float, enough: float
) -> list[Block]:
    """All utterances and captions of one speaker, in order, as blocks.

    `late_s`: a caption that came later than this after an utterance is not its caption. `enough`: of the packets of an
    utterance, the share without which nobody is to blame for its loss. `said_before`: what has its captions already.
    """
    return _Table(spoken, heard, said_before, late_s, enough).cheapest()


class _Table:
    """Costs of the cheapest way to explain the first i utterances and the first j captions."""

    def __init__(
        self,
        spoken: Sequence[Spoken],
        heard: Sequence[Caption],
        said_before: Sequence[Words],
        late_s: float,
        enough: float,
    ) -> None:
        self._spoken, self._heard = spoken, heard
        self._late_s, self._enough = late_s, enough
        self._said = [words_of(each.text) for each in spoken]
        self._read = [words_of(each.text) for each in heard]
        self._echoes = [self._echoes_of(index, said_before) for index in range(len(heard))]
        self._rests = [any(self._is_rest(i, j) for i in range(len(spoken))) for j in range(len(heard))]

    def cheapest(self) -> list[Block]:
        rows, columns = len(self._spoken) + 1, len(self._heard) + 1
        cost = [[_NEVER] * columns for _ in range(rows)]
        came: list[list[Block | None]] = [[None] * columns for _ in range(rows)]
        cost[0][0] = 0.0
        for i in range(rows):
            for j in range(columns):
                here = cost[i][j]
                for price, block in self._next(i, j):  # of equal prices, the first: losses before captions
                    k, n = i + block.spoken, j + block.heard
                    if here + price < cost[k][n]:
                        cost[k][n], came[k][n] = here + price, block
        blocks: list[Block] = []
        i, j = rows - 1, columns - 1
        while (last := came[i][j]) is not None:
            blocks.append(last)
            i, j = i - last.spoken, j - last.heard
        return self._by_time(blocks[::-1])

    def _by_time(self, blocks: Sequence[Block]) -> list[Block]:
        """Of utterances and captions that have nothing to do with each other, what was first goes first."""
        ordered: list[Block] = []
        i = j = 0
        for alone, run in groupby(blocks, key=lambda block: block.how in (How.LOST, How.SPARE)):
            several = list(run)
            until_i, until_j = i + sum(each.spoken for each in several), j + sum(each.heard for each in several)
            if not alone:
                ordered += several
                i, j = until_i, until_j
            while i < until_i or j < until_j:
                is_lost = j == until_j or (i < until_i and self._spoken[i].last <= self._heard[j].at)
                ordered.append(_LOST if is_lost else _SPARE)
                i, j = i + is_lost, j + (not is_lost)
        return ordered

    def _next(self, i: int, j: int) -> Iterator[tuple[float, Block]]:
        """What may come next when the first i utterances and j captions are explained, and its price."""
        if i < len(self._spoken):
            yield (LOST if self._spoken[i].delivered >= self._enough else UNSENT), _LOST
        if j < len(self._heard):
            yield self._spare(i, j), _SPARE
            if i < len(self._spoken) and self._in_time(i, j):
                if self._heard[j].is_mark:
                    yield from self._marked(i, j)
                else:
                    yield from self._captioned(i, j)

    def _spare(self, i: int, j: int) -> float:
        if self._heard[j].is_mark:
            return SPARE_MARK
        return REPEATED if self._echoes[j][i] >= ECHO and not self._rests[j] else STRANGE

    def _marked(self, i: int, j: int) -> Iterator[tuple[float, Block]]:
        for end in range(i, len(self._spoken)):
            if not self._in_time(end, j):
                return
            count = end - i + 1
            yield MARK + MARKED * count, Block(How.MARKED, count, 1)

    def _captioned(self, i: int, j: int) -> Iterator[tuple[float, Block]]:
        said, caption = self._spoken[i], self._heard[j]
        alike = likeness(self._said[i], self._read[j])
        if self._is_part(i, j):
            alike = max(alike, LIKE)
        if alike >= LIKE:
            better = 0.0 if self._is_rest(i, j) else max(0.0, self._echoes[j][-1] - alike)
            yield 2 * (1 - alike) + BETTER * better, _ONE
        elif said.last <= caption.at <= said.last + UNLIKE_S:
            is_overtaken = i + 1 < len(self._spoken) and self._spoken[i + 1].last <= caption.at
            yield UNLIKE + OVERTAKEN * is_overtaken, _WRONG
        if alike == 1.0:
            return
        for whole, parts, block in (*self._splits(i, j), *self._joins(i, j)):
            alike = likeness(whole, together(parts))
            if alike >= LIKE and _all_present(parts, whole):
                yield (1 + len(parts)) * (1 - alike) + EXTRA * (len(parts) - 1), block

    def _is_part(self, i: int, j: int) -> bool:
        return share(self._read[j], self._said[i]) >= FRAGMENT

    def _is_rest(self, i: int, j: int) -> bool:
        """Of an utterance that came torn: no more of it can be shown, and its words may have been a caption before."""
        return self._is_torn(i, j) and self._in_time(i, j) and self._is_part(i, j)

    def _is_torn(self, i: int, j: int) -> bool:
        """It was delivered in part, or readers were told so: a mark in its time, just before these words."""
        return self._spoken[i].delivered < TORN or (j > 0 and self._heard[j - 1].is_mark and self._in_time(i, j - 1))

    def _splits(self, i: int, j: int) -> Iterator[tuple[Words, list[Words], Block]]:
        whole = self._said[i]
        for end in range(j, min(j + PIECES, len(self._heard))):
            if not self._in_time(i, end) or share(self._read[end], whole) < PRESENT:  # so is a mark
                return
            if end > j:
                yield whole, self._read[j : end + 1], Block(How.LIKE, 1, end - j + 1)

    def _joins(self, i: int, j: int) -> Iterator[tuple[Words, list[Words], Block]]:
        whole = self._read[j]
        for end in range(i, min(i + JOINED, len(self._spoken))):
            if not self._in_time(end, j) or share(self._said[end], whole) < PRESENT:
                return
            if end > i:
                if self._spoken[end].first - self._spoken[end - 1].last > JOIN_PAUSE_S:
                    return
                yield whole, self._said[i : end + 1], Block(How.LIKE, end - i + 1, 1)

    def _in_time(self, i: int, j: int) -> bool:
        return self._spoken[i].first <= self._heard[j].at <= self._spoken[i].last + self._late_s

    def _echoes_of(self, j: int, said_before: Sequence[Words]) -> list[float]:
        """How much the caption is like anything of the first i utterances that was said until it came, or before."""
        read, at = self._read[j], self._heard[j].at
        echoes = [max((likeness(words, read) for words in said_before), default=0.0)]
        for words, each in zip(self._said, self._spoken, strict=True):
            echoes.append(max(echoes[-1], likeness(words, read) if each.first <= at else 0.0))
        return echoes


_LOST: Final = Block(How.LOST, 1, 0)
_SPARE: Final = Block(How.SPARE, 0, 1)
_ONE: Final = Block(How.LIKE, 1, 1)
_WRONG: Final = Block(How.UNLIKE, 1, 1)


def _all_present(parts: Sequence[Words], whole: Words) -> bool:
    """Each part has words in the whole that the others do not account for."""
    return all(
        share(part, without(whole, [*parts[:index], *parts[index + 1 :]])) >= PRESENT
        for index, part in enumerate(parts)
    )
