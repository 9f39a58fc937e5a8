from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import Language
from pipeline.guards import Rule
from pipeline.language_lock import AGREE, DOUBTFUL_LOGPROB, DOUBTS, SURE, LanguageLock
from pipeline.request import Hypothesis

AUTO = Language(id="auto", code="")
GERMAN = Language(id="de_AT", code="de")
UNSURE = SURE / 2
TRUE, DOUBTFUL = DOUBTFUL_LOGPROB / 2, DOUBTFUL_LOGPROB * 1.5


def final(language, *, sure=UNSURE, logprob=TRUE, text="words", suppressed=""):
    return Hypothesis(
        text=text,
        language=language,
        decode_s=0.1,
        language_probability=sure,
        avg_logprob=logprob,
        suppressed=suppressed,
    )


def withheld(rule, language="de"):
    return final(language, sure=1.0, text="", suppressed=rule.value)


def after(*finals, language=AUTO):
    lock = LanguageLock(language)
    for each in finals:
        lock.heard(each)
    return lock


def test_the_language_of_the_room_is_the_language_of_the_speaker():
    assert after(language=GERMAN).code == "de"


def test_nothing_that_is_heard_changes_the_language_of_a_room():
    lock = after(*[final("en", sure=1.0, logprob=DOUBTFUL)] * 10, language=GERMAN)
    assert (lock.code, lock.language) == ("de", GERMAN)


def test_in_a_room_of_many_languages_the_language_is_detected_at_first():
    assert after().code == ""


def test_a_language_the_model_is_sure_of_is_kept_at_once():
    assert after(final("de", sure=SURE)).code == "de"


def test_a_language_it_is_unsure_of_is_kept_when_it_comes_again():
    finals = [final("de")] * AGREE
    assert after(*finals[:-1]).code == ""
    assert after(*finals).code == "de"


def test_two_languages_by_turns_agree_on_nothing():
    assert after(*[final("de"), final("nl")] * 5).code == ""


@pytest.mark.parametrize("noise", [final("nl", text=""), final("de", text="")], ids=lambda noise: noise.language)
def test_where_no_word_was_heard_no_language_was(noise):
    assert after(*[noise] * AGREE).code == ""
    assert after(*[final("de"), noise] * AGREE).code == "de"


def test_a_kept_language_survives_a_doubt():
    finals = [*[final("de", logprob=DOUBTFUL)] * (DOUBTS - 1), final("de")]
    assert after(final("de", sure=1.0), *finals * 5).code == "de"


def test_after_successive_doubts_the_language_is_detected_again():
    lock = after(final("de", sure=1.0), *[final("de", logprob=DOUBTFUL)] * DOUBTS)
    assert lock.code == ""
    lock.heard(final("en", sure=1.0))
    assert lock.code == "en"


def test_what_was_agreed_on_before_the_doubts_counts_no_more():
    finals = [final("de")] * AGREE
    doubted = [*finals, *[final("de", logprob=DOUBTFUL)] * DOUBTS]
    assert after(*doubted, *finals[:-1]).code == ""
    assert after(*doubted, *finals).code == "de"


def test_an_empty_final_is_no_doubt():
    noises = [final("de", logprob=DOUBTFUL, text="")] * DOUBTS
    assert after(final("de", sure=1.0), *noises).code == "de"


@pytest.mark.parametrize("rule", [Rule.LOW_CONFIDENCE, Rule.COMPRESSION, Rule.TOO_FAST])
def test_speech_whose_text_is_withheld_is_a_doubt(rule):
    lock = after(final("de", sure=1.0), *[withheld(rule)] * (DOUBTS - 1))
    assert lock.code == "de"
    lock.heard(withheld(rule))
    assert lock.code == ""


@pytest.mark.parametrize("rule", [Rule.NO_LETTERS, Rule.NO_SPEECH, Rule.SILENCE_PHRASE])
def test_what_was_no_speech_is_no_doubt(rule):
    assert after(final("de", sure=1.0), *[withheld(rule)] * DOUBTS * 2).code == "de"


@pytest.mark.parametrize("rule", Rule)
def test_no_language_is_detected_by_what_is_withheld(rule):
    assert after(*[withheld(rule)] * DOUBTS * 2).code == ""


def test_nothing_that_is_withheld_changes_the_language_of_a_room():
    assert after(*[withheld(Rule.TOO_FAST)] * DOUBTS, language=GERMAN).code == "de"


# Laws

finals = st.lists(
    st.builds(
        final,
        st.sampled_from(["de", "en", "nl"]),
        sure=st.floats(0.0, 1.0),
        logprob=st.sampled_from([TRUE, DOUBTFUL]),
        text=st.sampled_from(["words", ""]),
    )
    | st.builds(withheld, st.sampled_from(Rule)),
    max_size=30,
)


@given(finals)
def test_a_language_is_kept_only_if_it_was_heard(heard):
    assert after(*heard).code in {"", *(each.language for each in heard if each.text)}


@given(finals)
def test_a_kept_language_never_flips_to_another_at_once(heard):
    lock = LanguageLock(AUTO)
    for each in heard:
        before = lock.code
        lock.heard(each)
        assert not before or lock.code in (before, "")


@given(finals)
def test_where_the_model_believes_its_words_the_first_sure_language_stays(heard):
    first = final("de", sure=SURE)
    believed = [final(each.language, sure=each.language_probability, text=each.text) for each in heard]
    assert not any(each.suppressed for each in believed)
    assert after(first, *believed).code == "de"
