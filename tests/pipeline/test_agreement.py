"""What is shown is drawn as readers see it: the words that stay, a bar, the words that may still change."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.agreement import SLACK, TAIL, Agreement, Shown, word_key
from pipeline.languages import join_words, split_words


def picture(shown):
    return f"{join_words(shown.committed, 'en')} | {join_words(shown.tentative, 'en')}".strip()


def hear(*hypotheses, code="en", **settings):
    """What was shown after each hypothesis."""
    agreement = Agreement(code, **settings)
    return [agreement.update(text) for text in hypotheses]


def last(*hypotheses, **settings):
    return picture(hear(*hypotheses, **settings)[-1])


def test_nothing_is_committed_by_the_first_hypothesis():
    assert last("the quick brown fox") == "| the quick brown fox"


def test_words_that_two_hypotheses_in_a_row_have_are_committed():
    assert last("the quick brown", "the quick brown fox jumps") == "the quick brown | fox jumps"


def test_from_the_first_word_on_that_differs_all_is_tentative():
    assert last("the quick crown fox jumps", "the quick brown fox jumps") == "the quick | brown fox jumps"


def test_the_last_word_is_held_back_because_the_audio_may_end_in_it():
    assert last("the under", "the under") == "the | under"
    assert last("the under", "the under", "the understanding of") == "the | understanding of"


@pytest.mark.parametrize(("hold_back", "shown"), [(0, "a b c |"), (1, "a b | c"), (2, "a | b c"), (9, "| a b c")])
def test_how_many_words_are_held_back_can_be_set(hold_back, shown):
    assert last("a b c", "a b c", hold_back=hold_back) == shown


@pytest.mark.parametrize(
    ("agree", "shown"),
    [
        (1, ["a b | c", "a b c | d", "a b c d | e"]),
        (2, ["| a b c", "a b c | d", "a b c d | e"]),
        (3, ["| a b c", "| a b c d", "a b c | d e"]),
    ],
)
def test_how_many_hypotheses_must_agree_can_be_set(agree, shown):
    assert [picture(each) for each in hear("a b c", "a b c d", "a b c d e", agree=agree)] == shown


def test_hypotheses_that_agree_must_follow_each_other():
    assert last("a b c", "x y z", "a b c") == "| a b c"
    assert last("a b c", "a b c", "a b x", "a b c d", agree=3) == "a b | c d"


def test_the_newest_spelling_is_committed_and_stays():
    first, second, third = hear("hello. there", "Hello there, my", "HELLO THERE my friend")
    assert picture(first) == "| hello. there"
    assert picture(second) == "Hello there, | my"
    assert picture(third) == "Hello there, my | friend"


def test_what_is_committed_stays_although_a_later_hypothesis_has_other_words():
    assert last("we sea it now", "we sea it now", "we see it now and then") == "we sea it now | and then"


@pytest.mark.parametrize(
    ("hypothesis", "shown"),
    [
        ("he swim in water", "he cannot swim | in water"),
        ("uh he cannot swim in water", "he cannot swim | in water"),
        ("and then", "he cannot swim |"),
        ("he cannot", "he cannot swim |"),
    ],
    ids=[
        "a word was dropped",
        "a word was put in front",
        "another beginning altogether",
        "less than is committed",
    ],
)
def test_a_hypothesis_that_differs_in_what_is_committed_is_aligned_to_it(hypothesis, shown):
    assert last("he cannot swim far", "he cannot swim far", hypothesis) == shown


def test_if_two_alignments_are_equally_good_the_one_that_keeps_more_committed_words_is_taken():
    assert last("he may swim far", "he may swim far", "he can not swim too") == "he may swim | too"


def test_an_utterance_longer_than_the_aligned_tail_is_aligned_too():
    words = [f"w{n}" for n in range(3 * TAIL)]
    dropped = [*words[3:], "and", "more"]
    assert hear(" ".join(words), " ".join(words), " ".join(dropped), hold_back=0)[-1].tentative == ("and", "more")


def test_an_empty_hypothesis_shows_what_is_committed_and_commits_nothing():
    shown = hear("a b c", "a b c", "", " ", "a b c d")
    assert [picture(each) for each in shown[2:]] == ["a b |", "a b |", "a b | c d"]


def test_a_script_without_spaces_agrees_character_by_character():
    *_, shown = hear("今日は良い", "今日は 晴れです", code="ja")
    assert (shown.committed, shown.text, shown.stable) == (("今", "日", "は"), "今日は 晴れです", 3)


def test_a_space_between_characters_tells_no_words_apart():
    *_, shown = hear("今日は 晴れです", "今日は晴れです", code="ja", hold_back=0)
    assert (shown.text, shown.tentative) == ("今日は晴れです", ())


def test_a_character_is_committed_with_its_signs():
    *_, shown = hear("ที่นี", "ที่นี่", code="th", hold_back=0)
    assert (shown.committed, shown.tentative) == (("ที่",), ("นี่",))


def test_the_stable_part_is_counted_in_characters():
    shown = hear("the quick brown", "the quick brown")[-1]
    assert (shown.text, shown.text[: shown.stable]) == ("the quick brown", "the quick")


def test_the_committed_text_can_be_asked_for():
    agreement = Agreement("en")
    assert agreement.committed_text == ""
    agreement.update("Hello, there you")
    agreement.update("Hello, there you are")
    assert agreement.committed_text == "Hello, there you"


def test_words_are_not_in_the_representation():
    assert "secret" not in repr(hear("secret secret", "secret secret")[-1])


@pytest.mark.parametrize("settings", [{"agree": 0}, {"hold_back": -1}])
def test_settings_that_make_no_sense_are_refused(settings):
    with pytest.raises(ValueError, match="must be at least"):
        Agreement("en", **settings)


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("Hello,", "hello"),
        ("don’t", "dont"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("—", ""),
        ("कि", "कि"),
        (" 雨", "雨"),
    ],
)
def test_a_word_is_compared_without_case_and_punctuation(word, key):
    assert word_key(word) == key


# Laws, for any sequence of hypotheses

CODES = st.sampled_from(["en", "ja"])
WORDS = st.sampled_from(["a", "A,", "b", "B.", "c", "–", "dd"])
SETTINGS = st.fixed_dictionaries({"agree": st.integers(1, 4), "hold_back": st.integers(0, 3)})


@st.composite
def growing(draw):
    """As a recogniser writes: some words, and each time a few more, some changed, dropped or put in."""
    words, texts = [], []
    for _ in range(draw(st.integers(1, 8))):
        words = words + draw(st.lists(WORDS, max_size=6))
        for _ in range(draw(st.integers(0, 2))):
            at = draw(st.integers(0, len(words)))
            words = words[:at] + draw(st.lists(WORDS, max_size=2)) + words[at + draw(st.integers(0, 2)) :]
        texts.append(" ".join(words))
    return texts


TEXTS = st.one_of(growing(), st.lists(st.text(max_size=30), max_size=8), st.lists(st.text("ab ,", max_size=150)))


@given(TEXTS, CODES, SETTINGS)
def test_what_is_committed_never_changes_and_never_shrinks(texts, code, settings):
    before = Shown(committed=(), tentative=(), language_code=code)
    for shown in hear(*texts, code=code, **settings):
        assert shown.committed[: len(before.committed)] == before.committed
        assert shown.text[: before.stable] == before.text[: before.stable]
        before = shown


@given(TEXTS, CODES, SETTINGS)
def test_what_is_shown_is_what_is_committed_and_then_the_end_of_the_hypothesis(texts, code, settings):
    agreement = Agreement(code, **settings)
    for text in texts:
        shown, words = agreement.update(text), split_words(text, code)
        assert shown.text == join_words(shown.committed + shown.tentative, code)
        assert shown.text[: shown.stable] == agreement.committed_text == join_words(shown.committed, code)
        assert list(shown.tentative) == words[len(words) - len(shown.tentative) :]


@given(TEXTS, CODES, SETTINGS)
def test_a_committed_word_stood_in_its_place_in_as_many_hypotheses_as_must_agree(texts, code, settings):
    told = hear(*texts, code=code, **settings)
    committed = 0
    for at, shown in enumerate(told):
        place = slice(committed, len(shown.committed))
        new = [word_key(word) for word in shown.committed[place]]
        if new:
            agreeing = told[at - settings["agree"] + 1 : at + 1]
            assert len(agreeing) == settings["agree"]
            assert all(
                [word_key(word) for word in (each.committed + each.tentative)[place]] == new for each in agreeing
            )
        committed = len(shown.committed)


@given(TEXTS, CODES, SETTINGS)
def test_what_is_newly_committed_is_spelled_as_in_the_newest_hypothesis(texts, code, settings):
    committed = 0
    for text, shown in zip(texts, hear(*texts, code=code, **settings), strict=True):
        new = shown.committed[committed:] + shown.tentative
        words = split_words(text, code)
        assert list(new) == words[len(words) - len(new) :]
        committed = len(shown.committed)


@given(TEXTS, CODES, SETTINGS)
def test_the_last_words_of_a_hypothesis_are_never_committed_by_it(texts, code, settings):
    committed = 0
    for shown in hear(*texts, code=code, **settings):
        if len(shown.committed) > committed:
            assert len(shown.tentative) >= settings["hold_back"]
        committed = len(shown.committed)


@given(TEXTS, CODES, SETTINGS, st.sampled_from(["", " ", "\n\t"]))
def test_nothing_heard_shows_what_is_committed_and_no_more(texts, code, settings, nothing):
    agreement = Agreement(code, **settings)
    for text in texts:
        agreement.update(text)
    committed = agreement.committed_text
    shown = agreement.update(nothing)
    assert (shown.text, shown.tentative, agreement.committed_text) == (committed, (), committed)


@given(st.lists(WORDS, max_size=60), CODES, SETTINGS)
def test_a_hypothesis_said_often_enough_is_committed_but_for_what_is_held_back(words, code, settings):
    words = list({word_key(word): word for word in words}.values())  # nothing is said again
    text = join_words(words, code)
    shown = hear(*[text] * settings["agree"], code=code, **settings)[-1]
    words = split_words(text, code)
    assert list(shown.committed) == words[: max(0, len(words) - settings["hold_back"])]
    assert shown.text == text


@given(TEXTS, SETTINGS)
@example(["a b c d " * 30, "a b c d " * 30] + ["c a d b " * 30] * 9, {"agree": 2, "hold_back": 0})
def test_what_is_committed_is_bounded_by_the_longest_hypothesis(texts, settings):
    longest = max((len(text.split()) for text in texts), default=0)
    for shown in hear(*texts, **settings):
        assert len(shown.committed) <= longest + TAIL + SLACK


# Loops


def test_what_a_hypothesis_says_again_at_its_end_is_not_committed():
    agreement = Agreement("en", agree=2)
    for _ in range(3):
        shown = agreement.update("The gut and the gut and the gut")
    assert shown.committed == ("The", "gut", "and")
    assert shown.tentative == ("the", "gut", "and", "the", "gut")


def test_a_true_repeat_is_committed_once_something_follows_it():
    agreement = Agreement("en", agree=2)
    agreement.update("in the house in the")
    agreement.update("in the house in the")
    shown = agreement.update("in the house in the garden")
    assert shown.committed == ("in", "the", "house", "in", "the")


def test_a_word_said_twice_is_no_loop():
    agreement = Agreement("en", agree=2)
    for _ in range(2):
        shown = agreement.update("No no wait")
    assert shown.committed == ("No", "no")
