"""What the doctor makes of a trial of media: how far it came decides what is told, and what is advised."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.doctor.checks import judge_media
from api.doctor.findings import Status
from bot.media_check import MediaTrial

HEARD = MediaTrial(
    entered=True, answered=True, way="host", certificate="EC secp256r1", connected_s=0.05, sockets=1, heard_s=0.2
)


def judged(trial):
    return {each.check: each.status for each in judge_media(trial)}


def test_media_that_comes_back_is_three_good_answers():
    assert judged(HEARD) == {"media server": Status.OK, "certificate": Status.OK, "audio": Status.OK}
    assert "host" in judge_media(HEARD)[0].answer


def test_an_rsa_certificate_is_named_with_what_to_do():
    trial = replace(HEARD, certificate="RSA 2048", heard_s=None, problem="the DTLS handshake failed")
    _, certificate, audio = judge_media(trial)

    assert (certificate.status, audio.status) == (Status.FAIL, Status.FAIL)
    assert "RSA" in certificate.answer
    assert "janus.jcfg" in certificate.advice


def test_an_rsa_certificate_with_which_audio_comes_is_fine():
    assert judged(replace(HEARD, certificate="RSA 2048"))["certificate"] is Status.OK


@pytest.mark.parametrize(
    ("trial", "advice"),
    [
        (MediaTrial(problem="no room"), "signaling server"),
        (MediaTrial(entered=True, problem="refused", refusal="processing_failed"), "Janus"),
        (MediaTrial(entered=True, answered=True, problem="not reached"), "ROOMSCRIBE_ICE_ADDRESSES"),
    ],
)
def test_how_far_it_came_decides_what_is_advised(trial, advice):
    server, certificate, audio = judge_media(trial)
    assert (server.status, certificate.status, audio.status) == (Status.FAIL, Status.SKIPPED, Status.SKIPPED)
    assert server.answer == trial.problem
    assert advice in server.advice


def test_audio_that_does_not_come_back_is_a_failure_though_all_is_connected():
    trial = replace(HEARD, heard_s=None, problem="no audio came")
    assert judged(trial) == {"media server": Status.OK, "certificate": Status.OK, "audio": Status.FAIL}


@given(
    trial=st.builds(
        MediaTrial,
        entered=st.booleans(),
        answered=st.booleans(),
        certificate=st.sampled_from(["", "EC secp256r1", "RSA 2048", "Ed25519"]),
        connected_s=st.none() | st.floats(0, 10),
        heard_s=st.none() | st.floats(0, 10),
        problem=st.text(),
    )
)
def test_whatever_came_of_it_has_three_answers_and_failures_have_advice(trial):
    findings = judge_media(trial)
    assert [each.check for each in findings] == ["media server", "certificate", "audio"]
    assert all(each.answer for each in findings)
    assert all(each.advice for each in findings if each.status is Status.FAIL)
