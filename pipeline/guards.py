"""Guards against invented text: what a decode says of itself, and what a person could have said in that time.

Whisper writes words for any sound. Pure: one decode in, a verdict out. The thresholds were fitted on thirteen kinds of
noise and four hundred utterances of speech; each rule has a name, under which it is counted.

    rule              the decode is withheld when
    no_letters        nothing in it is a letter or a digit
    no_speech         the model is sure of silence and unsure of its words
    low_confidence    the words are hardly more than guesses
    compression       the text repeats itself so much that it compresses like a loop
    too_fast          nobody speaks so many words in the time
    silence_phrase    it is what the model is known to say to silence, and it is unsure (last straw)
"""

from __future__ import annotations

import enum
import re
import zlib
from dataclasses import dataclass, field
from typing import Final

from .languages import NO_SPACES, is_mark, split_words, token_density

NO_SPEECH_SURE: Final = 0.6
NO_SPEECH_LIKELY: Final = 0.4
LOGPROB_DOUBTFUL: Final = -0.6
LOGPROB_BAD: Final = -1.2
LOGPROB_WORST: Final = -1.5
MAX_COMPRESSION: Final = 2.4  # of zlib; text that no loop produced stays below
MAX_WORDS_PER_S: Final = 7.0  # a fast reader speaks four; short utterances get one word more
MAX_CHARACTERS_PER_S: Final = 16.0  # of scripts without spaces
LOOP_TOKENS_PER_S: Final = 3.5  # in English; true repeats ("never, never, never") have 2…2.6, loops 4…8
REPEAT_WORDS: Final = 3  # fewer are said twice for emphasis …
REPEAT_COPIES: Final = 4  # … but hardly so often
AFRESH_WORDS: Final = 2  # enough where a sentence ended
CHARACTERS_PER_WORD: Final = 2  # of scripts without spaces, where characters stand for words
PHRASE_NO_SPEECH: Final = 0.25
PHRASE_LOGPROB: Final = -0.8

#: What Whisper is known to write for silence, per language, compared without case and punctuation.
SILENCE_PHRASES: Final[dict[str, frozenset[str]]] = {
    "en": frozenset(
        {"you", "thank you", "thanks for watching", "thank you for watching", "bye", "the", "so", "oh", "beep"}
    ),
    "de": frozenset({"vielen dank", "untertitel der amara org community", "untertitelung des zdf", "danke"}),
    "fr": frozenset({"merci", "sous titres réalisés par la communauté d amara org", "merci d avoir regardé"}),
    "es": frozenset({"gracias", "subtítulos realizados por la comunidad de amara org", "gracias por ver el video"}),
    "ru": frozenset({"продолжение следует", "субтитры сделал dimatorzok", "спасибо"}),
    "ja": frozenset({"ご視聴ありがとうございました", "ありがとうございました"}),
    "zh": frozenset({"谢谢", "谢谢观看", "请不吝点赞订阅转发打赏支持明镜与点点栏目"}),
}

_STOPS: Final = ".!?…。！？।؟۔"
_PAUSES: Final = _STOPS + ",;:、，،"
_WORD: Final = re.compile(rf"[^\s{_PAUSES}]+")  # not \w, which is without the vowel signs of Hindi


class Rule(enum.Enum):
    NO_LETTERS = "no_letters"
    NO_SPEECH = "no_speech"
    LOW_CONFIDENCE = "low_confidence"
    COMPRESSION = "compression"
    TOO_FAST = "too_fast"
    SILENCE_PHRASE = "silence_phrase"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What the model gave for `duration_s` of audio. `avg_logprob` is per token, `tokens` without the end."""

    text: str = field(repr=False)
    language: str
    tokens: int
    duration_s: float
    no_speech_prob: float
    avg_logprob: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`text` is empty when `rule` withholds it. `trimmed`: a loop at the end was cut off."""

    text: str = field(repr=False)
    rule: Rule | None = None
    trimmed: bool = False


def judge(decoded: Decoded) -> Verdict:
    """The words that may be shown."""
    raw = decoded.text.strip()
    if not any(each.isalnum() for each in raw):
        return Verdict(text="", rule=Rule.NO_LETTERS if raw else None)
    rule = _doubt(decoded, raw)
    if rule is not None:
        return Verdict(text="", rule=rule)
    text, trimmed = raw, False
    if decoded.tokens >= LOOP_TOKENS_PER_S * token_density(decoded.language) * max(decoded.duration_s, 0.02):
        text, trimmed = trim_repeats(raw, decoded.language)
    if compression(text) > MAX_COMPRESSION:
        return Verdict(text="", rule=Rule.COMPRESSION, trimmed=trimmed)
    if _too_fast(text, decoded):
        return Verdict(text="", rule=Rule.TOO_FAST, trimmed=trimmed)
    return Verdict(text=text, trimmed=trimmed)


def _doubt(decoded: Decoded, raw: str) -> Rule | None:
    """What the model's own numbers say, before the trimmer makes "you you you" an innocent "you"."""
    silence, confidence = decoded.no_speech_prob, decoded.avg_logprob
    if silence > NO_SPEECH_SURE and confidence < LOGPROB_DOUBTFUL:
        return Rule.NO_SPEECH
    if silence > NO_SPEECH_LIKELY and (confidence < LOGPROB_BAD or compression(raw) > MAX_COMPRESSION):
        return Rule.NO_SPEECH
    if confidence < LOGPROB_WORST:
        return Rule.LOW_CONFIDENCE
    once, _ = trim_repeats(raw, decoded.language)  # "Beep beep beep beep" is said to silence as "Beep" is
    phrases = map(_letters, SILENCE_PHRASES.get(decoded.language, ()))
    unsure = silence > PHRASE_NO_SPEECH or confidence < PHRASE_LOGPROB
    if unsure and _letters(once) in phrases:
        return Rule.SILENCE_PHRASE
    return None


def _letters(text: str) -> str:
    """By what phrases are compared: an apostrophe is written in many ways, or as a space."""
    return "".join(each for each in text.casefold() if each.isalnum() or is_mark(each))


def _too_fast(text: str, decoded: Decoded) -> bool:
    per_s = MAX_CHARACTERS_PER_S if decoded.language in NO_SPACES else MAX_WORDS_PER_S
    words = filter(_letters, split_words(text, decoded.language))
    return sum(1 for _ in words) > 2 + per_s * decoded.duration_s


def compression(text: str) -> float:
    """How many times smaller zlib makes `text` (as in Whisper's own decoding rule), of one byte a character.

    In UTF-8 all letters of a script have their first bytes in common: any text of some would look like a loop. Seven
    bits of their numbers tell them apart.
    """
    data = bytes(ord(each) if each.isascii() else 128 + ord(each) % 128 for each in text)
    return len(data) / len(zlib.compress(data)) if data else 0.0


def trim_repeats(text: str, code: str = "en") -> tuple[str, bool]:
    """Cut repeats off the end of `text`, all but the first copy; True when there was something to cut.

    A repeat is three words or more said again, up to the end; or one or two words said four times; or the words after a
    pause, begun once more after another and broken off. What is repeated in mid-text stays, as does all that follows.
    """
    words = _keys_with_ends(text, code)
    keys = [key for key, _ in words]
    word = CHARACTERS_PER_WORD if code in NO_SPACES else 1
    said_again = 0
    for period in range(1, len(keys)):
        same = 0
        while same < len(keys) - period and keys[-1 - same] == keys[-1 - same - period]:
            same += 1
        begin, again = len(keys) - period - same, len(keys) - same
        if period < REPEAT_WORDS * word:
            loops = same >= (REPEAT_COPIES - 1) * period
        else:
            afresh = begin == 0 and _has_mark(text, words[again - 1], _STOPS)
            enough = (AFRESH_WORDS if afresh else REPEAT_WORDS) * word
            starts = begin == 0 or _has_mark(text, words[begin - 1], _PAUSES)
            restarts = starts and _has_mark(text, words[again - 1], _PAUSES)
            loops = same >= period or (restarts and same >= enough)
        if loops:
            said_again = max(said_again, same)
    if not said_again:
        return text, False
    return _with_punctuation(text, words[-1 - said_again][1]), True


def _keys_with_ends(text: str, code: str) -> list[tuple[str, int]]:
    """The words of `text` as they are compared, and where each ends."""
    words, at = [], 0
    for word in split_words(text, code) if code in NO_SPACES else _WORD.findall(text):
        bare = word.strip()
        at = text.index(bare, at) + len(bare)
        if any(map(str.isalnum, bare)):
            words.append((_letters(bare), at))
    return words


def _has_mark(text: str, word: tuple[str, int], marks: str) -> bool:
    """Whether one of `marks` follows the word, which is not the last."""
    _, end = word
    return text[end : end + 1] in marks


def _with_punctuation(text: str, end: int) -> str:
    while end < len(text) and text[end] in _PAUSES:
        end += 1
    return text[:end]
