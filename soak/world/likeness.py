"""How much two texts are alike, as a recogniser's words are like those that were said. Pure.

Texts are compared as bags of trigrams of their words: a wrong letter costs a little, a wrong word costs that word, and
what is said of two texts can be added up to what is said of both together. Case and punctuation do not count; numbers
are digits, however they are written.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

TEXTS: Final = 4096  # whose words are kept: of the phrases of a soak, all
PAIRS: Final = 65_536  # whose likeness is kept
GRAM: Final = 3  # characters

_WORD: Final = re.compile(r"[^\W_]+")
_UNITS: Final = """zero one two three four five six seven eight nine ten
    eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"""
_TENS: Final = "thirty forty fifty sixty seventy eighty ninety"
_NUMBERS: Final = {word: str(number) for number, word in enumerate(_UNITS.split())} | {
    word: f"{number}0" for number, word in enumerate(_TENS.split(), 3)
}


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """The words of a text, in the form in which they are compared. `size` is the number of trigrams."""

    grams: Counter[str] = field(repr=False)
    size: int

    def __bool__(self) -> bool:
        return self.size > 0


@lru_cache(maxsize=TEXTS)
def words_of(text: str) -> Words:
    grams: Counter[str] = Counter()
    for word in _WORD.findall(text.lower().replace("'", "").replace("’", "")):
        padded = f" {_NUMBERS.get(word, word)} "
        grams.update(padded[at : at + GRAM] for at in range(len(padded) - GRAM + 1))
    return Words(grams, grams.total())


def together(parts: Iterable[Words]) -> Words:
    """The words of texts that follow each other."""
    grams: Counter[str] = Counter()
    for part in parts:
        grams.update(part.grams)
    return Words(grams, grams.total())


def without(whole: Words, parts: Iterable[Words]) -> Words:
    """What is left of `whole` when the words of `parts` are taken away."""
    grams = Counter(whole.grams)
    for part in parts:
        grams -= part.grams
    return Words(grams, grams.total())


def shared(one: Words, other: Words) -> int:
    """Trigrams that both have."""
    few, many = (one, other) if len(one.grams) <= len(other.grams) else (other, one)
    return sum(min(count, many.grams[gram]) for gram, count in few.grams.items() if gram in many.grams)


@lru_cache(maxsize=PAIRS)
def likeness(one: Words, other: Words) -> float:
    """1: the same words; 0: nothing alike, as texts without words are to all. (Dice's coefficient.)"""
    if not one or not other:
        return 0.0
    return 1.0 if one is other else 2 * shared(one, other) / (one.size + other.size)


def share(part: Words, whole: Words) -> float:
    """How much of `part` is in `whole`: 0…1."""
    return shared(part, whole) / part.size if part else 0.0
