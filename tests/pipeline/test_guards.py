from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.guards import (
    LOGPROB_BAD,
    LOGPROB_DOUBTFUL,
    LOGPROB_WORST,
    LOOP_TOKENS_PER_S,
    MAX_CHARACTERS_PER_S,
    MAX_COMPRESSION,
    MAX_WORDS_PER_S,
    NO_SPEECH_LIKELY,
    NO_SPEECH_SURE,
    PHRASE_LOGPROB,
    PHRASE_NO_SPEECH,
    SILENCE_PHRASES,
    Decoded,
    Rule,
    Verdict,
    compression,
    judge,
    trim_repeats,
)
from pipeline.languages import NAMES, NO_SPACES, split_words

A_LITTLE = 0.01
CONFIDENT = max(LOGPROB_DOUBTFUL, PHRASE_LOGPROB) / 2
NO_SILENCE = min(PHRASE_NO_SPEECH, NO_SPEECH_LIKELY) / 2
LOOP_RATE = LOOP_TOKENS_PER_S * 1.5
TRUE_RATE = LOOP_TOKENS_PER_S * 0.75


def decoded(text, *, silence=NO_SILENCE, logprob=CONFIDENT, rate=TRUE_RATE, language="en"):
    """A decode with `rate` tokens a second, a token a word."""
    tokens = max(1, len(text.split()))
    return Decoded(
        text=text,
        language=language,
        tokens=tokens,
        duration_s=tokens / rate,
        no_speech_prob=silence,
        avg_logprob=logprob,
    )


def shown(text, **numbers):
    return judge(decoded(text, **numbers)).text


def rule(text, **numbers):
    return judge(decoded(text, **numbers)).rule


#: Article 1 of the Universal Declaration of Human Rights, which takes about 12 s to read, and its length in tokens of
#: Whisper's multilingual vocabulary.
ARTICLE_S = 12.0
ARTICLE = {
    "en": (
        34,
        "All human beings are born free and equal in dignity and rights. They are endowed "
        "with reason and conscience and should act towards one another in a spirit of "
        "brotherhood.",
    ),
    "zh": (
        50,
        "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心,并应以兄弟关系的精神互相对待。",
    ),
    "ja": (
        81,
        "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。人間は、理性と良心とを授けられており、互いに同胞の精神を"
        "もって行動しなければならない。",
    ),
    "th": (
        126,
        "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ ต่างมีเหตุผลและมโนธรรม และควรปฏิบัติต่อกันด้วยเจตนารมณ์แห่งภราดรภาพ",
    ),
    "hi": (
        195,
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त "
        "है। उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव "
        "से बर्ताव करना चाहिए।",
    ),
    "ta": (
        200,
        "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்; அவர்கள் மதிப்பிலும், "
        "உரிமைகளிலும் சமமானவர்கள், அவர்கள் நியாயத்தையும் மனச்சாட்சியையும் இயற்பண்பாகப் "
        "பெற்றவர்கள். அவர்கள் ஒருவருடனொருவர் சகோதர உணர்வுப் பாங்கில் நடந்துகொள்ளல் வேண்டும்.",
    ),
    "te": (
        294,
        "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులును సమానులును నగుదురు. "
        "వారు వివేదన-అంతఃకరణ సంపన్నులగుటచే పరస్పరము భ్రాతృభావముతో వర్తింపవలయును.",
    ),
    "km": (
        401,
        "មនុស្សទាំងអស់ កើតមកមានសេរីភាព និងសមភាព ក្នុងផ្នែកសេចក្ដីថ្លៃថ្នូរនិងសិទ្ធិ ។ មនុស្ស "
        "មានវិចារណញ្ញាណនិងសតិសម្បជញ្ញៈជាប់ពីកំណើត ហើយគប្បីប្រព្រឹត្ដចំពោះគ្នាទៅវិញទៅមក "
        "ក្នុងស្មារតីភាតរភាពជាបងប្អូន ។",
    ),
    "ka": (
        425,
        "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით. მათ "
        "მინიჭებული აქვთ გონება და სინდისი და ერთმანეთის მიმართ უნდა იქცეოდნენ ძმობის "
        "სულისკვეთებით.",
    ),
    "my": (
        726,
        "လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် လည်းကောင်း၊ တူညီလွတ်လပ်သော "
        "အခွင့်အရေးများဖြင့် လည်းကောင်း၊ မွေးဖွားလာသူများ ဖြစ်သည်။ ထိုသူတို့၌ ပိုင်းခြား "
        "ဝေဖန်တတ်သော ဉာဏ်နှင့် ကျင့်ဝတ် သိတတ်သော စိတ်တို့ရှိကြ၍ ထိုသူတို့သည် အချင်းချင်း "
        "မေတ္တာထား၍ ဆက်ဆံကျင့်သုံးသင့်၏။",
    ),
}


def article(language, *, text="", times=1, duration_s=ARTICLE_S):
    """It, or another text, as if it had been written with the tokens of `times` articles."""
    tokens, written = ARTICLE[language]
    return Decoded(
        text=text or written,
        language=language,
        tokens=tokens * times,
        duration_s=duration_s,
        no_speech_prob=0.0,
        avg_logprob=CONFIDENT,
    )


# What is withheld, and what is not

FENCE = "Tear down the fence, tear down the fence, and go home."
NEVER = "Never, never, never give up."


@pytest.mark.parametrize(
    "text",
    [
        "He might even have been made amiable himself.",
        "Yes.",
        "Thank you.",
        "You know what I mean, you know?",
        "We, we, we have to go, to go there.",
        "Ha ha ha.",
        "Call 555 555 0123.",
        FENCE,
        NEVER,
        "Row, row, row your boat.",
        "A",
        "4",
    ],
)
def test_speech_passes_as_it_is(text):
    assert shown(f" {text} ") == text


@pytest.mark.parametrize(
    ("text", "language"),
    [("Über den Wolken.", "de"), ("今日は雨です。", "ja"), ("我们今天回来了", "zh"), ("नमस्ते दुनिया", "hi")],
)
def test_speech_of_other_languages_passes_too(text, language):
    assert shown(text, language=language) == text


@pytest.mark.parametrize("text", [". . . .", "...", "♪♪", "¶", "-", "[!]"])
def test_what_has_neither_letter_nor_digit_is_no_speech(text):
    assert rule(text) is Rule.NO_LETTERS


@pytest.mark.parametrize("text", ["", "  \n"])
def test_nothing_is_nothing_and_no_rule_is_counted_for_it(text):
    verdict = judge(decoded(text))
    assert (verdict.text, verdict.rule, verdict.trimmed) == ("", None, False)


WORDS = "I was not there."


@pytest.mark.parametrize(
    ("silence", "logprob", "expected"),
    [
        (NO_SPEECH_SURE + A_LITTLE, CONFIDENT, None),
        (NO_SPEECH_SURE + A_LITTLE, LOGPROB_DOUBTFUL - A_LITTLE, Rule.NO_SPEECH),
        (NO_SPEECH_SURE, LOGPROB_DOUBTFUL - A_LITTLE, None),
        (NO_SPEECH_LIKELY + A_LITTLE, LOGPROB_BAD + A_LITTLE, None),
        (NO_SPEECH_LIKELY + A_LITTLE, LOGPROB_BAD - A_LITTLE, Rule.NO_SPEECH),
        (NO_SPEECH_LIKELY, LOGPROB_BAD - A_LITTLE, None),
        (NO_SILENCE, LOGPROB_WORST, None),
        (NO_SILENCE, LOGPROB_WORST - A_LITTLE, Rule.LOW_CONFIDENCE),
    ],
    ids=[
        "sure of silence, and of its words",
        "sure of silence, in doubt of its words",
        "not quite so sure of silence",
        "silence is likely, its words are doubtful",
        "silence is likely, its words are bad",
        "silence is not quite so likely",
        "speech, badly understood",
        "speech, hardly more than guessed",
    ],
)
def test_the_model_is_taken_at_its_own_word(silence, logprob, expected):
    assert rule(WORDS, silence=silence, logprob=logprob) is expected


@pytest.mark.parametrize(
    ("phrase", "language"), [(phrase, code) for code, phrases in SILENCE_PHRASES.items() for phrase in sorted(phrases)]
)
def test_what_the_model_says_to_silence_is_withheld_when_it_is_unsure_and_only_then(phrase, language):
    numbers = {"language": language, "rate": LOOP_TOKENS_PER_S / 4}
    assert shown(phrase, **numbers) == phrase
    assert rule(phrase, silence=PHRASE_NO_SPEECH + A_LITTLE, **numbers) is Rule.SILENCE_PHRASE
    assert rule(phrase, logprob=PHRASE_LOGPROB - A_LITTLE, **numbers) is Rule.SILENCE_PHRASE


@pytest.mark.parametrize("text", ["Thank you.", " thank you! ", "THANK YOU", "Thanks for watching!", "Bye.", "You"])
def test_case_and_punctuation_do_not_save_a_silence_phrase(text):
    assert rule(text, silence=0.5) is Rule.SILENCE_PHRASE


@pytest.mark.parametrize("text", ["Merci d'avoir regardé.", "Merci d’avoir regardé !", "merci d avoir regardé"])
def test_an_apostrophe_is_one_however_it_is_written(text):
    assert rule(text, language="fr", silence=0.5) is Rule.SILENCE_PHRASE


def test_spaces_do_not_save_a_silence_phrase_of_a_script_without():
    assert (
        rule("请不吝点赞 订阅 转发 打赏支持明镜与点点栏目", language="zh", silence=0.5, rate=1) is Rule.SILENCE_PHRASE
    )


def test_a_silence_phrase_within_a_sentence_is_speech():
    assert shown("Thank you for the soup.", silence=0.5) == "Thank you for the soup."


def test_a_silence_phrase_of_another_language_is_speech():
    assert shown("Merci.", silence=0.5) == "Merci."


@pytest.mark.parametrize("times", [4, 6, 8])
@pytest.mark.parametrize("text", ["Beep", "Thank you", "you"])
def test_a_silence_phrase_that_loops_is_withheld_too(text, times):
    assert rule(" ".join([text] * times), silence=0.5, rate=LOOP_RATE) is not None


def test_a_text_that_compresses_like_a_loop_is_withheld():
    text = "one two three four " * 12 + "five"
    assert compression(text) > MAX_COMPRESSION
    assert rule(text) is Rule.COMPRESSION


def test_a_loop_over_silence_is_no_speech_before_it_is_anything_else():
    text = "a word or two " * 12
    assert compression(text) > MAX_COMPRESSION
    assert rule(text, silence=NO_SPEECH_LIKELY + A_LITTLE, rate=LOOP_RATE) is Rule.NO_SPEECH


def test_nobody_speaks_so_many_words_in_the_time():
    text = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike"
    assert rule(text, rate=MAX_WORDS_PER_S * 0.9) is None
    assert rule(text, rate=MAX_WORDS_PER_S * 1.5) is Rule.TOO_FAST


def test_a_script_without_spaces_is_measured_by_its_characters():
    text = "我们昨天去了北京今天回来了"

    def said_in(duration_s):
        return judge(
            Decoded(
                text=text, language="zh", tokens=9, duration_s=duration_s, no_speech_prob=0.0, avg_logprob=CONFIDENT
            )
        )

    assert said_in(len(text) / MAX_CHARACTERS_PER_S).text == text
    assert said_in(len(text) / MAX_CHARACTERS_PER_S / 3).rule is Rule.TOO_FAST


def test_the_signs_of_a_character_are_not_counted_for_it():
    _, text = ARTICLE["th"]
    assert len(text) > 2 + MAX_CHARACTERS_PER_S * ARTICLE_S * 0.6
    assert judge(article("th", duration_s=ARTICLE_S * 0.6)).text == text


@pytest.mark.parametrize("language", ARTICLE)
def test_a_text_in_any_script_passes_as_it_is(language):
    verdict = judge(article(language))
    assert (verdict.text, verdict.trimmed) == (ARTICLE[language][1], False)


@pytest.mark.parametrize("language", ARTICLE)
def test_true_speech_is_far_from_a_loop_in_any_script_and_a_loop_is_one_in_any(language):
    _, text = ARTICLE[language]
    assert compression(text) < MAX_COMPRESSION * 0.7
    assert compression(text[:40] * 5) > MAX_COMPRESSION * 1.4


def test_english_is_compressed_as_whisper_does_it():
    _, text = ARTICLE["en"]
    assert compression(text) == len(text) / len(zlib.compress(text.encode()))


def test_a_short_word_may_take_no_time():
    assert judge(
        Decoded(text="Oh no", language="en", tokens=2, duration_s=0.0, no_speech_prob=0.0, avg_logprob=CONFIDENT)
    ).text


# Loops


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (f"{WORDS} {WORDS}", WORDS),
        (f"{WORDS} {WORDS} {WORDS}", WORDS),
        (f"{WORDS} I was not", WORDS),
        ("You thought me so silly. You thought", "You thought me so silly."),
        ("He said so, and then he left, and then he left", "He said so, and then he left,"),
        ("you you you you you", "you"),
        ("go home go home go home go home", "go home"),
        ("The end. The end. The end. The end.", "The end."),
        ("well I-I I-I I-I I-I", "well I-I"),
    ],
)
def test_a_loop_is_cut_where_it_begins_again(text, kept):
    assert trim_repeats(text) == (kept, True)


@pytest.mark.parametrize(
    "text",
    [
        "I don't think, mister. I don't think, mister hell. You have done quite right in this.",
        "No, no, no, no, don't delete the production database!",
        "What we need is what we need is more time before the release.",
        "Because we didn't we didn't we didn't get the approval in time.",
        "My number is 5 5 5 5 1 2 3 4.",
        "you you you you you you you you all right",
    ],
)
def test_what_follows_a_repeat_is_never_lost(text):
    assert trim_repeats(text) == (text, False)
    assert judge(decoded(text, rate=MAX_WORDS_PER_S * 0.95)).text == text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("First this. Then it was done. Then it was", "First this. Then it was done."),
        ("It was done, and I know that it was done", None),
        ("You know it. You know", "You know it."),
        ("It is, as you know it is", None),
    ],
    ids=["after a pause", "in mid-sentence", "the first words after a sentence", "the first words within it"],
)
def test_a_repeat_that_breaks_off_is_one_only_where_speech_can_begin(text, kept):
    assert trim_repeats(text) == ((kept, True) if kept else (text, False))


@pytest.mark.parametrize(
    ("language", "text", "kept"),
    [
        ("zh", "今天天气很好我们去公园吧。今天天气很好我们去公园吧。", "今天天气很好我们去公园吧。"),
        ("ja", "今日は雨ですね。今日は雨ですね。今日は", "今日は雨ですね。"),
        ("zh", "好的好的好的好的", "好的"),
        ("th", "สวัสดีครับทุกคน สวัสดีครับทุกคน", "สวัสดีครับทุกคน"),
        ("hi", "नदी के किनारे चलते हैं। नदी के किनारे चलते हैं।", "नदी के किनारे चलते हैं।"),
        ("hi", "नदी के किनारे चलते हैं। नदी के", "नदी के किनारे चलते हैं।"),
        ("ar", "هل أنت هنا الآن؟ هل أنت", "هل أنت هنا الآن؟"),
    ],
)
def test_a_loop_is_one_in_any_script(language, text, kept):
    assert trim_repeats(text, language) == (kept, True)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("hi", "नदी के किनारे किनारे"),
        ("hi", "नदी के किनारे किनारे चलते हुए हम गाँव पहुँचे।"),
        ("hi", "की का कि के"),
        ("zh", "看看"),
        ("zh", "研究研究"),
        ("th", "เร็ว ๆ เร็ว ๆ"),
    ],
)
def test_reduplication_is_no_loop(language, text):
    assert trim_repeats(text, language) == (text, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "one",
        "no no no",
        NEVER,
        "go home go home go home",
        "one two, one two",
        "It is what it is.",
        "to be or not to be",
        "a b c d a b",
    ],
)
def test_what_people_say_twice_is_no_loop(text):
    assert trim_repeats(text) == (text, False)


def test_a_repeat_is_trimmed_only_when_it_comes_faster_than_speech():
    text = f"{WORDS} {WORDS}"
    slow, fast = judge(decoded(text, rate=TRUE_RATE)), judge(decoded(text, rate=LOOP_RATE))
    assert (slow.text, slow.trimmed) == (text, False)
    assert (fast.text, fast.trimmed) == (WORDS, True)


def test_one_word_may_be_said_four_times_but_not_in_no_time():
    assert shown("Be Be Be Be", rate=TRUE_RATE) == "Be Be Be Be"
    assert shown("Be Be Be Be", rate=LOOP_RATE) == "Be"


@pytest.mark.parametrize("language", ARTICLE)
def test_how_dense_speech_can_be_depends_on_the_language(language):
    _, text = ARTICLE[language]
    words = split_words(text, language)[:6]
    once = ("" if language in NO_SPACES else " ").join(words)
    twice = f"{once} {once}"
    assert judge(article(language, text=twice)).text == twice
    assert judge(article(language, text=twice, times=3, duration_s=ARTICLE_S * 0.9)).trimmed


@pytest.mark.parametrize(
    ("language", "text", "tokens"),
    [("zh", "今天天气很好我们去公园吧。", 12), ("ja", "本日はお忙しい中ありがとうございます。", 17)],
)
def test_an_utterance_that_is_written_twice_is_shown_once_without_spaces_too(language, text, tokens):
    twice = Decoded(
        text=text * 2,
        language=language,
        tokens=tokens * 2,
        duration_s=len(text) / 5,
        no_speech_prob=0.0,
        avg_logprob=CONFIDENT,
    )
    assert judge(twice) == Verdict(text=text, trimmed=True)


def test_what_is_trimmed_is_judged_without_its_loop():
    text = " ".join([WORDS] * 12)
    assert rule(text, rate=TRUE_RATE) is Rule.COMPRESSION
    assert shown(text, rate=LOOP_RATE) == WORDS


# Laws, for whatever a model may write

texts = st.one_of(
    st.text(max_size=120),
    st.lists(st.sampled_from(["you", "Beep", "so,", "it", "is", "I'm", "...", "end."]), max_size=40).map(" ".join),
)
anything = st.builds(
    Decoded,
    text=texts,
    language=st.sampled_from(sorted(NAMES)),
    tokens=st.integers(0, 448),
    duration_s=st.floats(0.0, 30.0),
    no_speech_prob=st.floats(0.0, 1.0),
    avg_logprob=st.floats(-20.0, 0.0),
)


@given(anything)
def test_no_word_is_shown_that_the_model_did_not_write(written):
    verdict = judge(written)
    assert written.text.strip().startswith(verdict.text)
    assert verdict.trimmed or verdict.rule or verdict.text == written.text.strip()


@given(anything)
def test_nothing_is_withheld_without_a_rule_and_nothing_is_shown_against_one(written):
    verdict = judge(written)
    assert bool(verdict.text) == (verdict.rule is None and bool(written.text.strip()))


@given(texts)
def test_trimming_cuts_at_the_end_of_a_word_and_leaves_some(text):
    kept, trimmed = trim_repeats(text)
    assert text.startswith(kept)
    assert trimmed == (kept != text)
    assert not trimmed or any(each.isalnum() for each in kept)


@given(st.lists(st.sampled_from(["you", "Beep", "so,", "it", "is", "end."]), max_size=20))
def test_what_is_cut_off_was_said_just_before(words):
    kept, _ = trim_repeats(" ".join(words))
    said = [word.strip(",.") for word in words]
    length = len(kept.split())
    assert length == len(said) or any(
        said[length:] == said[length - period : len(said) - period] for period in range(1, length + 1)
    )
