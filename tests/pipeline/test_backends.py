"""The settings choose who decodes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline import EngineSettings, make_backend
from pipeline.fallback import FallbackBackend
from pipeline.local import LocalBackend
from pipeline.remote import RemoteBackend
from pipeline.remote_policy import RemoteSettings


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        (None, LocalBackend),
        (RemoteSettings(url="http://box:8000"), RemoteBackend),
        (RemoteSettings(url="http://box:8000", fallback=True), FallbackBackend),
    ],
)
def test_the_settings_choose_who_decodes(remote, expected):
    assert type(make_backend(EngineSettings(remote=remote))) is expected


def test_a_server_takes_as_many_requests_as_it_was_set_to():
    remote = RemoteSettings(url="http://box:8000", slots=12)
    assert make_backend(EngineSettings(remote=remote)).slots == 12
    assert make_backend(EngineSettings(remote=replace(remote, fallback=True))).slots == 12
