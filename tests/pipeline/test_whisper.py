from __future__ import annotations

import numpy as np
import pytest

from pipeline import Kind, whisper
from pipeline.audio import samples, seconds
from pipeline.guards import Rule, Verdict
from pipeline.languages import token_density
from pipeline.model import find_model
from pipeline.request import DecodeRequest
from pipeline.whisper import (
    FULL_WINDOW,
    MAX_HINT_TOKENS,
    MAX_TOKENS,
    MIN_FRAMES,
    SPARE_TOKENS,
    TOKENS_PER_S,
    FasterWhisper,
    WindowSettings,
    token_cap,
)
from tests.pipeline.voices import beeps, downsampled, hiss, nothing, tones, typing

pytestmark = pytest.mark.model

AMIABLE = "he might even have been made amiable himself"
SHORT = WindowSettings()
NOISES = {
    "silence": nothing(),
    "a moment of silence": nothing(0.5),
    "nothing at all": nothing(0.0),
    "white noise": hiss(),
    "a hum": tones(50, amplitude=12_000),
    "a keyboard": typing(),
    "beeps": beeps(2.0),
}


class Recorder:
    """A model that keeps what it was asked."""

    def __init__(self, model):
        self.model = model
        self.windows = []  # frames
        self.questions = []  # prompts and options

    def encode(self, features, **options):
        self.windows.append(features.shape[2])
        return self.model.encode(features, **options)

    def generate(self, encoded, prompts, **options):
        self.questions.append((prompts, options))
        return self.model.generate(encoded, prompts, **options)

    def __getattr__(self, name):
        return getattr(self.model, name)


class OldModel(Recorder):
    """One that refuses anything but thirty seconds."""

    def encode(self, features, **options):
        if features.shape[2] < FULL_WINDOW:
            raise ValueError(f"Invalid input features shape: expected {FULL_WINDOW} frames")
        return super().encode(features, **options)


class PaddingModel(Recorder):
    """One that makes thirty seconds of anything."""

    def encode(self, features, **options):
        pcm = np.zeros((*features.shape[:2], FULL_WINDOW), np.float32)
        return super().encode(whisper.ctranslate2.StorageView.from_array(pcm), **options)


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


class Polyglot(Recorder):
    """One that speaks several languages, and takes all it hears for German, or else English."""

    is_multilingual = True

    def detect_language(self, encoded):
        return [[("<|de|>", 0.5), ("<|en|>", 0.3), ("<|nl|>", 0.2)]] * encoded.shape[0]


def load(kind=Recorder, window=SHORT):
    """A recogniser, and its model, which is of that kind."""
    library, models = whisper.WhisperModel, []

    def loaded(*args, **options):
        model = library(*args, **options)
        model.model = kind(model.model)
        models.append(model.model)
        return model

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(whisper, "WhisperModel", loaded)
        recogniser = FasterWhisper(
            find_model("tiny.en", cache_dir=None, download=False),
            device="cpu",
            compute_type="int8",
            workers=1,
            window=window,
        )
    return recogniser, models[0]


@pytest.fixture(scope="module")
def loaded():
    return load()


@pytest.fixture
def short(loaded):
    return loaded[0]


@pytest.fixture
def recorded(loaded):
    """What is asked of the model from now on."""
    _, recorder = loaded
    recorder.windows.clear()
    recorder.questions.clear()
    return recorder


@pytest.fixture(scope="module")
def babbling():
    return load(Babbler)


@pytest.fixture
def written(babbling):
    """How many tokens are written from now on."""
    _, babbler = babbling
    babbler.written.clear()
    return babbler.written


@pytest.fixture(scope="module")
def wide():
    return load(window=WindowSettings(margin_s=0.0))[0]


def request(pcm, kind=Kind.FINAL, **details):
    return DecodeRequest(kind=kind, pcm=pcm, **{"language": "en", "beam": 5 if kind is Kind.FINAL else 1, **details})


def hear(recogniser, pcm, kind=Kind.FINAL, **details):
    (hypothesis,) = recogniser.transcribe([request(pcm, kind, **details)])
    return hypothesis


def words(hypothesis):
    kept = "".join(each for each in hypothesis.text.lower() if each.isalnum() or each == " ")
    return " ".join(kept.split())


# Words


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
def test_speech_becomes_its_words(short, kind):
    hypothesis = hear(short, downsampled("austen-0930"), kind)
    assert words(hypothesis) == AMIABLE
    assert (hypothesis.language, hypothesis.language_probability, hypothesis.suppressed) == ("en", 1.0, "")
    assert -1.0 < hypothesis.avg_logprob < 0.0
    assert hypothesis.decode_s > 0


def test_the_full_window_hears_the_same_words(wide):
    hypothesis = hear(wide, downsampled("austen-0930"))
    assert (words(hypothesis), hypothesis.full_window) == (AMIABLE, False)


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.value)
@pytest.mark.parametrize("noise", NOISES)
def test_a_noise_becomes_nothing(short, noise, kind):
    assert hear(short, NOISES[noise], kind).text == ""


def test_several_requests_at_once_are_heard_as_one_by_one(short):
    pcms = [downsampled(name) for name in ("austen-0930", "austen-0890", "austen-0920")]
    together = short.transcribe([request(pcm) for pcm in [*pcms, nothing()]])
    assert [words(each) for each in together] == [*(words(hear(short, pcm)) for pcm in pcms), ""]
    assert words(together[0]) == AMIABLE


def test_the_time_of_a_batch_is_shared(short):
    pcms = [downsampled("command-goforward")] * 2
    one, other = short.transcribe([request(pcm, Kind.PARTIAL) for pcm in pcms])
    assert one.decode_s == pytest.approx(other.decode_s, abs=0.02)


def test_requests_with_hints_of_different_lengths_are_heard_in_one_go(short, recorded):
    pcms = [downsampled(name) for name in ("austen-0930", "austen-0890", "austen-0920")]
    alone = [words(hear(short, pcm)) for pcm in pcms]
    recorded.windows.clear()
    hints = ["", "Elinor, Marianne", ""]
    together = short.transcribe([request(pcm, hints=hint) for pcm, hint in zip(pcms, hints, strict=True)])
    assert [words(each) for each in together][::2] == alone[::2]
    assert words(together[1])
    assert len(recorded.windows) == 2


def prompts(recorded):
    return [prompt for questions, _ in recorded.questions for prompt in questions]


def test_names_that_are_likely_are_no_words_that_were_said(short, recorded):
    heard = [hear(short, downsampled("austen-0930"), hints=hints) for hints in ("", "Elinor, Marianne")]
    assert [words(each) for each in heard] == [AMIABLE, AMIABLE]
    without, informed = prompts(recorded)
    assert informed[-len(without) :] == without
    assert len(informed) > len(without) + 2


def test_however_many_names_there_are_the_prompt_stays_short(short, recorded):
    for hints in ("", "Elinor, Marianne, " * 100):
        hear(short, downsampled("austen-0930"), Kind.PARTIAL, hints=hints)
    without, informed = prompts(recorded)
    assert len(informed) <= len(without) + 1 + MAX_HINT_TOKENS


# Windows


def test_only_speech_and_a_margin_are_encoded(short, recorded):
    pcm = downsampled("austen-0930")
    assert short.short_inputs
    hear(short, pcm)
    (frames,) = recorded.windows
    assert 0 <= frames / 100 - (seconds(len(pcm)) + SHORT.margin_s) <= 0.02


@pytest.mark.parametrize(
    ("length_s", "window", "frames"),
    [
        (0.0, WindowSettings(margin_s=0.1), MIN_FRAMES),
        (1.0, WindowSettings(margin_s=0.1, floor_s=8.0), 800),
        (29.9, SHORT, FULL_WINDOW),
        (1.0, WindowSettings(margin_s=0.0, floor_s=8.0), FULL_WINDOW),
    ],
    ids=["never less than a second", "never less than the floor", "never more than thirty", "or always thirty"],
)
def test_a_window_has_its_bounds(length_s, window, frames):
    recogniser, model = load(window=window)
    hear(recogniser, nothing(length_s), Kind.PARTIAL)
    assert model.windows[-1] == frames


@pytest.mark.parametrize("kind", [OldModel, PaddingModel], ids=["refuses", "pads"])
def test_where_short_inputs_are_not_to_be_had_the_full_window_does(kind):
    recogniser, _ = load(kind)
    assert not recogniser.short_inputs
    recogniser.warm_up()
    if kind is OldModel:
        assert words(hear(recogniser, downsampled("austen-0930"))) == AMIABLE


def test_a_final_that_is_suspected_is_decoded_once_more_in_the_full_window(short, recorded):
    hypothesis = hear(short, beeps())
    assert (hypothesis.full_window, bool(hypothesis.suppressed)) == (True, True)
    assert [frames == FULL_WINDOW for frames in recorded.windows] == [False, True]


def test_a_partial_is_not_worth_it(short, recorded):
    hypothesis = hear(short, beeps(), Kind.PARTIAL)
    assert (hypothesis.full_window, bool(hypothesis.suppressed)) == (False, True)
    assert len(recorded.windows) == 1


def test_nor_is_what_was_heard_in_the_full_window(wide):
    hypothesis = hear(wide, beeps())
    assert (hypothesis.full_window, bool(hypothesis.suppressed)) == (False, True)


def test_of_a_batch_only_what_is_suspected_is_decoded_once_more(short, recorded):
    speech, noise = short.transcribe([request(downsampled("austen-0930")), request(beeps())])
    assert (words(speech), noise.text) == (AMIABLE, "")
    assert (speech.full_window, noise.full_window) == (False, True)
    assert len(recorded.windows) == 2


# Bounds


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


# Languages


def test_an_english_model_claims_english_only_and_detects_nothing_else(short):
    assert short.languages == ["en"]
    hypothesis = hear(short, nothing(), Kind.PARTIAL, language="")
    assert (hypothesis.language, hypothesis.language_probability) == ("en", 1.0)


@pytest.mark.parametrize(
    ("allowed", "language", "probability"),
    [
        ((), "de", 0.5),
        (("en", "nl"), "en", 0.6),
        (("nl",), "nl", 1.0),
        (("fr",), "de", 0.5),
    ],
    ids=["any language", "the likelier of two", "the only one", "none that was heard"],
)
def test_the_likeliest_of_the_languages_that_are_allowed_is_taken(allowed, language, probability):
    recogniser, _ = load(Polyglot)
    hypothesis = hear(recogniser, nothing(), Kind.PARTIAL, language="", allowed=allowed)
    assert hypothesis.language == language
    assert hypothesis.language_probability == pytest.approx(probability)


def test_a_language_that_was_asked_for_is_not_detected():
    hypothesis = hear(load(Polyglot)[0], nothing(), Kind.PARTIAL, language="nl")
    assert (hypothesis.language, hypothesis.language_probability) == ("nl", 1.0)


def test_no_language_is_offered_that_the_vocabulary_lacks():
    languages = load(Polyglot)[0].languages
    assert {"de", "en", "haw"} <= set(languages)
    assert "yue" not in languages
