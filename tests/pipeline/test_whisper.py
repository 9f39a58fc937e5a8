"""Speech becomes words and noise becomes nothing, in short windows and in full ones. Bounds: test_whisper_bounds.py."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipeline import Kind, whisper
from pipeline.audio import seconds
from pipeline.whisper import FULL_WINDOW, MAX_HINT_TOKENS, MIN_FRAMES, WindowSettings
from tests.pipeline.voices import beeps, downsampled, hiss, nothing, tones, typing
from tests.support.recognisers import AMIABLE, SHORT, Recorder, hear, load, request, words

pytestmark = pytest.mark.model

NOISES = {
    "silence": nothing(),
    "a moment of silence": nothing(0.5),
    "nothing at all": nothing(0.0),
    "white noise": hiss(),
    "a hum": tones(50, amplitude=12_000),
    "a keyboard": typing(),
    "beeps": beeps(2.0),
}


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


class Polyglot(Recorder):
    """One that speaks several languages, and takes all it hears for German, or else English."""

    is_multilingual = True

    def detect_language(self, encoded):
        return [[("<|de|>", 0.5), ("<|en|>", 0.3), ("<|nl|>", 0.2)]] * encoded.shape[0]


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


def last_prompt(recogniser, recorded):
    """In the words of the model's vocabulary."""
    return [recogniser._whisper.hf_tokenizer.id_to_token(token) for token in prompts(recorded)[-1]]


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


# Translations


def test_a_translation_is_asked_for_from_the_language_that_is_spoken():
    recogniser, model = load(Polyglot)
    transcript = hear(recogniser, nothing(), Kind.PARTIAL, language="de")
    assert last_prompt(recogniser, model) == ["<|startoftranscript|>", "<|de|>", "<|transcribe|>", "<|notimestamps|>"]
    translation = hear(recogniser, nothing(), Kind.PARTIAL, language="de", translate=True)
    assert last_prompt(recogniser, model) == ["<|startoftranscript|>", "<|de|>", "<|translate|>", "<|notimestamps|>"]
    assert (transcript.language, translation.language) == ("de", "en")


def test_what_is_to_be_translated_from_an_unknown_language_is_detected_first():
    recogniser, model = load(Polyglot)
    hear(recogniser, nothing(), Kind.PARTIAL, language="", translate=True)
    assert last_prompt(recogniser, model)[1:3] == ["<|de|>", "<|translate|>"]


def test_transcripts_and_translations_are_decoded_together():
    recogniser, model = load(Polyglot)
    model.questions.clear()
    pcm = downsampled("austen-0930")
    both = recogniser.transcribe([request(pcm, language="de"), request(pcm, language="de", translate=True)])
    assert len(model.questions[0][0]) == 2
    assert [each.language for each in both] == ["de", "en"]


def test_a_translation_may_have_as_many_words_as_english_speech():
    """Not as many as the language that is spoken: its text takes more tokens, up to a dozen times as many."""
    recogniser, model = load(Polyglot)
    pcm = downsampled("austen-0930")
    hear(recogniser, pcm, Kind.PARTIAL, language="am", translate=True)
    assert model.questions[-1][1]["max_length"] == 2 * whisper.token_cap(seconds(len(pcm)), "en")


@pytest.mark.parametrize(
    ("folder", "can"),
    [
        ("models/small", True),
        ("models--Systran--faster-whisper-large-v3/snapshots/0a1b", True),
        ("models--mobiuslabsgmbh--faster-whisper-large-v3-turbo/snapshots/0a1b", False),
        ("models--Systran--faster-distil-whisper-large-v3/snapshots/0a1b", False),
        ("models/Whisper-Large-V3-Turbo", False),
        ("turbo/models/medium", True),
        ("models/distillery", True),
    ],
)
def test_models_that_were_trained_to_transcribe_only_are_known_by_their_names(tmp_path, folder, can):
    assert whisper.translates(tmp_path / folder) is can


@pytest.mark.parametrize(
    ("heads", "can"),
    [
        ([[2, 4], [2, 11], [3, 3], [3, 14]], False),  # turbo's
        ([[1, 0], [1, 19]], False),  # distil's
        ([[2, 2], [3, 0], [3, 5]], True),  # tiny's
        ([[7, 0], [25, 6]], True),  # large-v3's
        ([], True),
        (None, True),
        ([[1]], True),
        (["a"], True),
    ],
)
def test_a_decoder_that_was_cut_down_only_transcribes_whatever_its_name(tmp_path, heads, can):
    (tmp_path / "config.json").write_text(json.dumps({"alignment_heads": heads}), encoding="utf-8")
    assert whisper.translates(tmp_path) is can


def test_a_name_that_leads_elsewhere_does_not_hide_what_it_leads_to(tmp_path):
    (tmp_path / "large-v3-turbo").mkdir()
    (tmp_path / "current").symlink_to(tmp_path / "large-v3-turbo")
    assert whisper.translates(tmp_path / "current") is False


def test_only_a_multilingual_model_translates(short):
    assert (short.translations, load(Polyglot)[0].translations) == ([], ["en"])


def test_no_language_is_offered_that_the_vocabulary_lacks():
    languages = load(Polyglot)[0].languages
    assert {"de", "en", "haw"} <= set(languages)
    assert "yue" not in languages
