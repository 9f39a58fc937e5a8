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

from .languages import NO_SPACES, split_words

NO_SPEECH_SURE: Final = 0.6
NO_SPEECH_LIKELY: Final = 0.4
LOGPROB_DOUBTFUL: Final = -0.6
LOGPROB_BAD: Final = -1.2
LOGPROB_WORST: Final = -1.5
MAX_COMPRESSION: Final = 2.4  # of zlib; text that no loop produced stays below
MAX_WORDS_PER_S: Final = 7.0  # a fast reader speaks four; short utterances get one word more
MAX_CHARACTERS_PER_S: Final = 16.0  # of scripts without spaces
LOOP_TOKENS_PER_S: Final = 3.5  # true repeats ("never, never, never") have 2…2.6, loops 5…7
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

_WORD: Final = re.compile(r"[\w'’-]+")


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
    if decoded.tokens / max(decoded.duration_s, 0.02) >= LOOP_TOKENS_PER_S:
        text, trimmed = trim_repeats(raw)
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
    once, _ = trim_repeats(raw.lower())  # "Beep beep beep beep" is said to silence as "Beep" is
    phrase = " ".join(_WORD.findall(once)).replace("'", " ").replace("-", " ")
    unsure = silence > PHRASE_NO_SPEECH or confidence < PHRASE_LOGPROB
    if unsure and phrase in SILENCE_PHRASES.get(decoded.language, frozenset()):
        return Rule.SILENCE_PHRASE
    return None


def _too_fast(text: str, decoded: Decoded) -> bool:
    per_s = MAX_CHARACTERS_PER_S if decoded.language in NO_SPACES else MAX_WORDS_PER_S
    return len(split_words(text, decoded.language)) > 2 + per_s * decoded.duration_s


def compression(text: str) -> float:
    """How many times smaller zlib makes `text` (as in Whisper's own decoding rule)."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def trim_repeats(text: str) -> tuple[str, bool]:
    """Cut `text` where it begins to repeat itself; True when there was something to cut.

    A repeat is three words or more said again at once, wholly or up to the end; or one or two words said four times; or
    the first words of all, after the end of a sentence, up to the end.
    """
    words = [(match.group().lower(), match.end()) for match in _WORD.finditer(text)]
    keys = [key for key, _ in words]
    for begin in range(len(keys)):
        for length in range(1, len(keys) - begin):
            again = begin + length
            same = 0
            while again + same < len(keys) and keys[begin + same] == keys[again + same]:
                same += 1
            to_the_end = again + same == len(keys)
            afresh = begin == 0 and same >= 2 and text[words[again - 1][1]] in ".!?"
            long_loop = length >= 3 and (same >= length or (to_the_end and (same >= 3 or afresh)))
            short_loop = length < 3 and same >= 3 * length
            if long_loop or short_loop:
                return _with_punctuation(text, words[again - 1][1]), True
    return text, False


def _with_punctuation(text: str, end: int) -> str:
    while end < len(text) and text[end] in ".!?,":
        end += 1
    return text[:end]
