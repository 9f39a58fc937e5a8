"""The text of a final as readers get it: tidied up, and in pieces that fit Talk's caption panel. Pure.

The panel shows four lines of about 50 characters and scrolls by one line each 2 s: a longer text passes half read.
"""

from __future__ import annotations

import enum
import itertools
import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from .languages import NO_SPACES, belongs, one_word

CAPTION_CHARACTERS: Final = 160  # three lines and a bit: words do not fill the lines

# The costs of a way to cut a text; the cheapest way is taken. A sentence end wins over a mere space in the middle until
# one piece is four times as long as the other; and no boundary is worth a stump.
PIECE: Final = 1.0
UNEVEN: Final = 4.0  # by the square of a piece's distance from the mean, in means
STUMP: Final = 8.0  # of a piece shorter than a quarter of the limit: less than a line

CONJUNCTIONS: Final = frozenset({"and", "but", "or", "because", "so", "which", "that", "when", "while", "if"})
#: After these a full stop ends no sentence, even before a capital.
ABBREVIATIONS: Final = frozenset({"mr.", "mrs.", "ms.", "dr.", "prof.", "st.", "vs.", "e.g.", "i.e."})
#: What a sentence begins with where it is not simply the first letter in upper case.
CAPITALS: Final[dict[str, tuple[str, str]]] = {"tr": ("i", "İ"), "az": ("i", "İ"), "nl": ("ij", "IJ")}

_CLOSING: Final = "\"'”’»)]}」』）"
_SENTENCE_END: Final = ".!?…。！？؟۔।།။។።։"
_CLAUSE_END: Final = ",;:–—、，；：،؛၊"
# Not the sign of "-5" nor the point of ".NET", but all of "...and".
_LEADING: Final = re.compile(r"(?:\.{2,}|\.(?!\w)|[-–](?!\.?\d)|[—―…,;:!?]|>{2,}|\s)+")
_FIRST_WORD: Final = re.compile(r"\w+")
_LOWER_I: Final = re.compile(r"(?<![\w.'’/@&-])i(?=(?:['’](?:m|ll|ve|d))?(?![\w'’/@&]|[-.]\w))")


class Boundary(enum.Enum):
    """Where a text may be cut, and what it costs."""

    SENTENCE = 0.0
    CLAUSE = 1.0
    CONJUNCTION = 2.0
    SPACE = 3.0
    CHARACTER = 4.0  # of a script without spaces
    AWKWARD = 6.0  # in a foreign word there, before punctuation, after an opening bracket


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The left piece ends at `end`, the right one begins at `begin`: between them is what joining puts back."""

    end: int
    begin: int
    boundary: Boundary


def polish(text: str, *, code: str, continues: bool) -> str:
    """Tidy up a final. `continues`: the utterance before was cut in mid-sentence, so this is no beginning.

    Loses no word. Letters that have no case stay as they are.
    """
    tidy = " ".join(text.split())
    if leading := _LEADING.match(tidy):
        tidy = tidy[leading.end() :]
    if code == "en":
        tidy = _LOWER_I.sub("I", tidy)
    return tidy if continues else _capitalised(tidy, code)


def _capitalised(text: str, code: str) -> str:
    first = _FIRST_WORD.search(text)
    if not first or any(each.isupper() for each in first.group()):  # "iPhone", "eBay" are spelled so
        return text
    small, capital = CAPITALS.get(code, ("", ""))
    at = first.start()
    if small and text.startswith(small, at):
        return text[:at] + capital + text[at + len(small) :]
    # Title case, not upper: Georgian has capitals that never begin a sentence.
    letter = text[at].title() if text[at].islower() else text[at]
    return text[:at] + letter + text[at + 1 :]


def ends_sentence(text: str) -> bool:
    """Whether it looks complete: a sign says so, and no abbreviation nor the dots of a broken-off thought."""
    words = text.split()
    if not words or words[-1].lower() in ABBREVIATIONS or words[-1].endswith(("...", "…")):
        return False
    return _last_mark(words[-1]) in _SENTENCE_END


def split_caption(text: str, *, code: str, limit: int = CAPTION_CHARACTERS) -> list[str]:
    """Cut `text` into pieces of at most `limit` characters, of about the same length, where it reads best.

    Joined with the language's separator they are the text again, its whitespace collapsed. A word that is longer than
    the limit is a piece of its own. Raises `ValueError` if `limit` < 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    text = " ".join(text.split())
    if len(text) <= limit:
        return [text] if text else []
    cuts = _cuts_between_characters(text) if code in NO_SPACES else _cuts_between_words(text, code)
    chosen = _cheapest(cuts, len(text), limit)
    begins = [0, *(cut.begin for cut in chosen)]
    ends = [*(cut.end for cut in chosen), len(text)]
    return [text[begin:end] for begin, end in zip(begins, ends, strict=True)]


def _cheapest(cuts: list[Cut], length: int, limit: int) -> list[Cut]:
    """The cuts that cost least in all, found from the left: what is cheapest up to a cut holds for all after it."""
    mean = length / -(-length // limit)

    def piece(size: int) -> float:
        return PIECE + UNEVEN * ((size - mean) / mean) ** 2 + (STUMP if 4 * size < limit else 0.0)

    prices = [piece(size) for size in range(limit + 1)]
    begins = [0, *(cut.begin for cut in cuts)]
    ends = [*(cut.end for cut in cuts), length]
    costs, before = [0.0], [0]  # up to each begin; and which begin is best before it
    for n, end in enumerate(ends):
        first = n  # this one always: if it is too long already, it is a word that cannot be cut
        while first > 0 and end - begins[first - 1] <= limit:
            first -= 1
        cost, best = min((costs[each] + prices[min(limit, end - begins[each])], each) for each in range(first, n + 1))
        costs.append(cost + (cuts[n].boundary.value if n < len(cuts) else 0.0))
        before.append(best)
    chosen: list[Cut] = []
    at = before[-1]
    while at > 0:
        chosen.append(cuts[at - 1])
        at = before[at]
    return chosen[::-1]


def _cuts_between_words(text: str, code: str) -> list[Cut]:
    words = text.split(" ")
    cuts, at = [], 0
    for word, following in itertools.pairwise(words):
        at += len(word)
        cuts.append(Cut(end=at, begin=at + 1, boundary=_between_words(word, following, code)))
        at += 1
    return cuts


def _between_words(word: str, following: str, code: str) -> Boundary:
    mark = _last_mark(word)
    if mark == ".":
        initial = len(word) == 2 and word[0].isupper() and word != "I."  # "J. Smith"
        goes_on = initial or following[0].islower() or word.lower() in ABBREVIATIONS
        return Boundary.SPACE if goes_on else Boundary.SENTENCE
    if mark in _SENTENCE_END:
        return Boundary.SENTENCE
    if mark in _CLAUSE_END or word == "-":
        return Boundary.CLAUSE
    if code == "en" and _plain(following) in CONJUNCTIONS and _plain(word) not in CONJUNCTIONS:  # not in "so that"
        return Boundary.CONJUNCTION
    return Boundary.SPACE


def _last_mark(word: str) -> str:
    """What the word ends with, inside of quotes and brackets."""
    return (word.rstrip(_CLOSING) or word)[-1]


def _plain(word: str) -> str:
    return word.strip(_CLOSING + _CLAUSE_END + _SENTENCE_END + "“‘«([").lower()


def _cuts_between_characters(text: str) -> list[Cut]:
    """Any place but within a character and its signs, or before a space: that stays with the left piece."""
    return [
        Cut(end=at, begin=at, boundary=_between_characters(text, at))
        for at in range(1, len(text))
        if text[at] != " " and not belongs(text, at)
    ]


def _between_characters(text: str, at: int) -> Boundary:
    left, right = text[at - 1], text[at]
    if one_word(left, right) or (left.isascii() and right.isascii() and left != " "):
        return Boundary.AWKWARD
    if unicodedata.category(right) in ("Pe", "Pf", "Po", "Pd") or unicodedata.category(left) in ("Ps", "Pi"):
        return Boundary.AWKWARD
    mark = _last_mark(text[max(0, at - 4) : at].rstrip())
    if mark in _SENTENCE_END:
        return Boundary.SENTENCE
    if mark in _CLAUSE_END:
        return Boundary.CLAUSE
    return Boundary.SPACE if left == " " else Boundary.CHARACTER
