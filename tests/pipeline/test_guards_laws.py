"""What holds of the guards, whatever a model may write."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.guards import Decoded, judge, trim_repeats
from pipeline.languages import NAMES

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
