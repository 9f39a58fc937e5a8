"""Values of Nextcloud's own captions app, in our terms."""

from __future__ import annotations

import pytest

from api.settings.aliases import base_url, device, harp_socket, started_by_app_api, verifies


@pytest.mark.parametrize(
    "url", ["https://cloud", "https://cloud/", "https://cloud/index.php", "https://cloud/index.php/"]
)
def test_the_start_page_of_the_chat_server_is_no_part_of_its_base_url(url):
    assert base_url(url) == "https://cloud"


def test_a_base_url_may_have_a_path():
    assert base_url("https://example.org/cloud/index.php") == "https://example.org/cloud"


@pytest.mark.parametrize(("text", "ours"), [("CPU", "cpu"), ("CUDA", "cuda"), ("cuda", "cuda")])
def test_a_device_is_one_of_ours(text, ours):
    assert device(text) == ours


def test_a_device_that_nothing_here_runs_on_is_refused_with_those_that_are_good():
    with pytest.raises(ValueError, match="expected CPU or CUDA, got 'ROCM'"):
        device("ROCM")


@pytest.mark.parametrize(
    ("skip", "ours"), [("true", "off"), ("True", "off"), ("1", "off"), ("yes", "off"), ("false", "on"), ("maybe", "on")]
)
def test_certificates_are_checked_unless_skipping_is_clearly_meant(skip, ours):
    assert verifies(skip) == ours


def test_a_key_of_harp_means_its_socket_and_is_not_in_it():
    assert harp_socket("hunter2") == "unix:/tmp/exapp.sock"


@pytest.mark.parametrize(
    ("environment", "started"),
    [
        ({}, False),
        ({"APP_ID": "live_transcription"}, False),
        ({"APP_ID": "live_transcription", "APP_SECRET": ""}, False),
        ({"APP_ID": "live_transcription", "APP_SECRET": "hunter2"}, True),
        ({"APP_ID": "live_transcription", "APP_SECRET_FILE": "/run/secret"}, True),
    ],
)
def test_app_api_has_started_us_if_it_has_told_us_id_and_secret(environment, started):
    assert started_by_app_api(environment) is started
