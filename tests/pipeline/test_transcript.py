import pytest

from pipeline import FinalTranscript, PartialTranscript
from pipeline.request import Hypothesis

WHO = {"speaker": "ada", "utterance": 1, "language_id": "en", "start": 0, "end": 1, "heard_at": 0.0}


@pytest.mark.parametrize(
    "said",
    [
        FinalTranscript(text="a secret", **WHO),
        PartialTranscript(text="a secret", revision=1, **WHO),
        Hypothesis(text="a secret", language="en", decode_s=0.1),
    ],
    ids=lambda said: type(said).__name__,
)
def test_words_do_not_show_when_a_transcript_is_logged(said):
    assert "secret" not in repr(said)
