import numpy as np
import pytest

from pipeline import FinalTranscript, Kind, PartialTranscript
from pipeline.agreement import Shown
from pipeline.guards import Decoded, Verdict
from pipeline.request import DecodeRequest, Hypothesis
from pipeline.scheduler import Job

WHO = {"speaker": "ada", "utterance": 1, "language_id": "en", "start": 0, "end": 1, "heard_at": 0.0}
PCM = np.zeros(1, dtype=np.int16)


@pytest.mark.parametrize(
    "said",
    [
        FinalTranscript(text="a secret", **WHO),
        PartialTranscript(text="a secret", revision=1, **WHO),
        Hypothesis(text="a secret", language="en", decode_s=0.1),
        DecodeRequest(kind=Kind.FINAL, language="en", pcm=PCM, hints="a secret"),
        Job(kind=Kind.FINAL, speaker="ada", language="en", due=0.0, cut=lambda: PCM, hints="a secret"),
        Decoded(text="a secret", language="en", tokens=2, duration_s=1.0, no_speech_prob=0.0, avg_logprob=0.0),
        Verdict(text="a secret"),
        Shown(committed=("a", "secret"), tentative=("secret",), language_code="en"),
    ],
    ids=lambda said: type(said).__name__,
)
def test_words_do_not_show_when_they_are_logged(said):
    assert "secret" not in repr(said)
