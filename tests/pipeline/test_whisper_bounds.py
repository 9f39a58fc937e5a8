"""How much of a request is heard, and how much may be written and searched for it."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline import Kind, whisper
from pipeline.audio import samples
from pipeline.guards import Rule, Verdict
from pipeline.languages import token_density
from pipeline.whisper import MAX_TOKENS, SPARE_TOKENS, TOKENS_PER_S, token_cap
from tests.pipeline.voices import downsampled, nothing
from tests.support.recognisers import AMIABLE, Recorder, hear, load, request, words

pytestmark = pytest.mark.model


class Babbler(Recorder):
    """One that never comes to an end by itself."""

    END = 50_256

    def __init__(self, model):
        super().__init__(model)
        self.written = []  # how many tokens each time

    def generate(self, encoded, prompts, **options):
        options["suppress_tokens"] = [*options["suppress_tokens"], self.END]
        results = super().generate(encoded, prompts, **options)
        self.written += [len(each.sequences_ids[0]) for each in results]
        return results


@pytest.fixture(scope="module")
def babbling():
    return load(Babbler)


@pytest.fixture
def written(babbling):
    """How many tokens are written from now on."""
    _, babbler = babbling
    babbler.written.clear()
    return babbler.written


@pytest.mark.parametrize("hints", ["", "Elinor, Marianne, " * 100], ids=["no hints", "many hints"])
@pytest.mark.parametrize("length_s", [0.5, 4.0, 30.0])
def test_no_more_tokens_are_written_than_somebody_could_say(babbling, written, length_s, hints):
    hear(babbling[0], nothing(length_s), Kind.PARTIAL, hints=hints)
    assert written == [SPARE_TOKENS + int(TOKENS_PER_S * length_s)]


@pytest.mark.parametrize(
    "spoken", ["en 34", "de 42", "ja 81", "el 99", "th 126", "hi 195", "te 294", "km 401", "ka 425", "my 726"]
)
def test_where_a_language_takes_more_tokens_more_may_be_written(spoken):
    """Tokens of article 1 of the Universal Declaration of Human Rights, which takes about 12 s."""
    language, tokens = spoken.split()
    assert token_cap(12.0, language) == SPARE_TOKENS + int(TOKENS_PER_S * token_density(language) * 12.0)
    assert int(tokens) < token_cap(12.0, language) < int(tokens) * 2


@pytest.mark.parametrize("hints", ["", "Elinor, Marianne, " * 100], ids=["no hints", "many hints"])
def test_no_more_are_written_than_the_model_has_places_for(babbling, written, monkeypatch, hints):
    monkeypatch.setattr(whisper, "token_cap", lambda *_: 10 * MAX_TOKENS)
    recogniser, babbler = babbling
    babbler.questions.clear()
    hear(recogniser, nothing(), Kind.PARTIAL, hints=hints)
    (((prompt,), _),) = babbler.questions
    assert written == [MAX_TOKENS - len(prompt)]


@pytest.fixture
def narrow(monkeypatch):
    """The cap is too low for what is said."""
    monkeypatch.setattr(whisper, "token_cap", lambda *_: 6)


@pytest.mark.usefixtures("narrow")
def test_a_final_that_the_cap_cut_off_is_decoded_once_more_with_a_higher_one(short):
    hypothesis = hear(short, downsampled("austen-0930"))
    assert (words(hypothesis), hypothesis.full_window) == (AMIABLE, True)


@pytest.mark.usefixtures("narrow")
def test_even_if_it_was_heard_in_the_full_window(wide):
    assert words(hear(wide, downsampled("austen-0930"))) == AMIABLE


@pytest.mark.usefixtures("narrow")
def test_a_partial_may_be_cut_off(short):
    hypothesis = hear(short, downsampled("austen-0930"), Kind.PARTIAL)
    assert AMIABLE.startswith(words(hypothesis))
    assert not hypothesis.full_window


def test_where_the_model_has_no_more_places_a_higher_cap_is_not_tried(babbling, written, monkeypatch):
    monkeypatch.setattr(whisper, "token_cap", lambda *_: MAX_TOKENS)
    monkeypatch.setattr(whisper, "judge", lambda _: Verdict(text="words"))
    assert not hear(babbling[0], nothing(), beam=1).full_window
    assert len(written) == 1


@pytest.mark.usefixtures("narrow")
def test_what_was_cut_off_stays_if_the_second_decode_has_no_words(short, monkeypatch):
    verdicts = iter([Verdict(text="he might"), Verdict(text="", rule=Rule.COMPRESSION)])
    monkeypatch.setattr(whisper, "judge", lambda _: next(verdicts))
    hypothesis = hear(short, downsampled("austen-0930"))
    assert (hypothesis.text, hypothesis.suppressed) == ("he might", "")


@pytest.mark.usefixtures("narrow")
def test_a_loop_was_not_cut_off(short, recorded, monkeypatch):
    monkeypatch.setattr(whisper, "judge", lambda _: Verdict(text="you", trimmed=True))
    assert not hear(short, downsampled("austen-0930")).full_window
    assert len(recorded.windows) == 1


def test_the_widest_search_of_a_batch_is_made_for_all(short, recorded):
    short.transcribe([request(nothing(), Kind.PARTIAL, beam=beam) for beam in (1, 3)])
    ((_, options),) = recorded.questions
    assert options["beam_size"] == 3


def test_what_is_longer_than_thirty_seconds_is_heard_as_far_as_that(short):
    pcm = np.concatenate((downsampled("austen-0930"), nothing(40.0)))
    assert len(pcm) > samples(30.0)
    assert AMIABLE in words(hear(short, pcm, Kind.PARTIAL))
