"""Which words of an open utterance will not change any more: local agreement between successive decodes.

A word is committed when successive hypotheses have it in the same place (LocalAgreement-2, or -n). What is committed
stays, letter by letter, whatever is heard later; only the final may correct it. Pure: one hypothesis in, what to show
out. Words are compared by `word_key`, and shown as the newest hypothesis spelled them when they were committed.
"""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from .languages import join_words, split_words

TAIL: Final = 30  # committed words that a hypothesis is aligned with, when it differs earlier than that
MAX_PERIOD: Final = 12  # words that a loop goes through
SLACK: Final = 15  # how far, in words, a hypothesis may have shifted against what is committed

# One number holds two counts, so that of the alignments with the fewest edits one with the fewest lost words wins.
_EDIT: Final = 1 << 32
_INSERTED: Final = _EDIT
_LOST: Final = _EDIT + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What readers see of an open utterance: words that stay, then words that may still change."""

    committed: tuple[str, ...] = field(repr=False)
    tentative: tuple[str, ...] = field(repr=False)
    language_code: str

    @property
    def text(self) -> str:
        return join_words(self.committed + self.tentative, self.language_code)

    @property
    def stable(self) -> int:
        """How many characters of `text`, from its start, are committed."""
        return len(join_words(self.committed, self.language_code))


class Agreement:
    """The partials of one open utterance.

    `agree` successive hypotheses must have a word for it to be committed. The last `hold_back` words of a hypothesis
    are never committed by it: its audio may end in mid-word. Nor is what its end says again: short audio makes models
    loop, and decode after decode agrees. Raises `ValueError` if `agree` < 1 or `hold_back` < 0.

    Holds the words of `agree` hypotheses; what is committed outgrows the longest hypothesis by `TAIL + SLACK` at most.
    """

    def __init__(self, language_code: str, *, agree: int = 2, hold_back: int = 1) -> None:
        if agree < 1 or hold_back < 0:
            raise ValueError(f"agree must be at least 1 and hold_back at least 0, not {agree} and {hold_back}")
        self._code = language_code
        self._agree = agree
        self._hold_back = hold_back
        self._committed: list[str] = []
        self._committed_keys: list[str] = []
        self._earlier: deque[list[str]] = deque(maxlen=agree - 1)  # keys that followed what is committed

    @property
    def committed_text(self) -> str:
        return join_words(self._committed, self._code)

    def update(self, text: str) -> Shown:
        """Take the newest hypothesis of the whole utterance. An empty one commits nothing and breaks agreement."""
        words = split_words(text, self._code)
        keys = [word_key(word) for word in words]
        split = _end_of_committed(self._committed_keys, keys)
        agreed = self._agreed(keys[split:], hold_back=max(self._hold_back, _said_again(keys)))
        self._committed += words[split : split + agreed]
        self._committed_keys += keys[split : split + agreed]
        for earlier in self._earlier:
            del earlier[:agreed]
        self._earlier.append(keys[split + agreed :])
        return Shown(
            committed=tuple(self._committed), tentative=tuple(words[split + agreed :]), language_code=self._code
        )

    def _agreed(self, tentative: list[str], *, hold_back: int) -> int:
        if len(self._earlier) < self._agree - 1:
            return 0
        agreed = max(0, len(tentative) - hold_back)
        return min([agreed, *(_common_prefix(earlier, tentative) for earlier in self._earlier)])


def word_key(word: str) -> str:
    """By what a word is compared: without case, punctuation and space. Nothing is left of one of punctuation only."""
    # Not `isalnum`: the vowel signs of Hindi or Thai are no letters to Python, but they tell words apart.
    return "".join(each for each in word.strip() if not unicodedata.category(each).startswith("P")).casefold()


def changes(before: Sequence[str], after: Sequence[str]) -> int:
    """How many words of `before` are not kept in `after`: deleted or substituted, in an alignment with fewest edits.

    What `after` inserts or appends is not counted.
    """
    return _costs(_keys(before), _keys(after))[-1] % _EDIT


def corrected(committed: Sequence[str], final_words: Sequence[str]) -> int:
    """How many committed words the final text corrected: `changes` against that prefix of it which matches best."""
    before, after = _keys(committed), _keys(final_words)
    same = _common_prefix(before, after)
    # A longer prefix cannot match best: it has more insertions than `before` has words to lose.
    rest, reach = before[same:], after[same : same + 2 * (len(before) - same)]
    return min(_costs(rest, reach)) % _EDIT


def _end_of_committed(committed: Sequence[str], hypothesis: Sequence[str]) -> int:
    """How many words of the hypothesis stand for the committed ones; both are keys.

    The split with the fewest edits wins; among equals the one that loses the fewest committed words, then the one that
    takes the hypothesis to have as many words as are committed, or nearest to that.
    """
    expected, same = len(committed), _common_prefix(committed, hypothesis)
    if same == expected:
        return expected
    begin, low = same, same
    if anywhere := expected - same > TAIL:  # too much to align it all: find where the last words went
        begin = expected - TAIL
        low = min(max(same, begin - SLACK), len(hypothesis))
    costs = _costs(committed[begin:], hypothesis[low : expected + SLACK], anywhere=anywhere)
    # The longer one of two equally near: a word shown one partial later is better than one shown twice.
    return max(range(len(costs)), key=lambda n: (-costs[n], -abs(low + n - expected), n)) + low


def _costs(before: Sequence[str], after: Sequence[str], *, anywhere: bool = False) -> list[int]:
    """The edit distance of `before` to each prefix of `after`; `anywhere`: to the best of its ends."""
    row = [0 if anywhere else n * _INSERTED for n in range(len(after) + 1)]
    for word in before:
        diagonal, row[0] = row[0], row[0] + _LOST
        for n, other in enumerate(after, 1):
            kept = diagonal if word == other else diagonal + _LOST
            diagonal = row[n]
            row[n] = min(kept, diagonal + _LOST, row[n - 1] + _INSERTED)
    return row


def _said_again(keys: Sequence[str]) -> int:
    """How many words at the end repeat the words right before them; fewer than two are no repeat."""
    longest = 0
    for period in range(2, min(MAX_PERIOD, len(keys) - 2) + 1):
        same = 0
        while same < len(keys) - period and keys[-1 - same] == keys[-1 - same - period]:
            same += 1
        if same >= 2:
            longest = max(longest, same)
    return longest


def _common_prefix(one: Sequence[str], other: Sequence[str]) -> int:
    same = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        same += 1
    return same


def _keys(words: Sequence[str]) -> list[str]:
    return [word_key(word) for word in words]
