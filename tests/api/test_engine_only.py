from __future__ import annotations

import pytest

from api import SettingsError
from api.engine_only import load_engine_only


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    """No setting of whoever runs the tests."""
    for name in ("HPB_URL", "HPB_SECRET", "NEXTCLOUD_URL", "HTTP_HOST", "MODEL", "WORKERS", "ASR_URL"):
        monkeypatch.delenv(f"ROOMSCRIBE_{name}", raising=False)


def test_nothing_of_a_chat_server_is_required():
    assert load_engine_only().engine.model.model == "tiny.en"


def test_what_is_wrong_with_the_service_is_in_nobodys_way(monkeypatch):
    for name, value in {
        "HPB_URL": "nonsense",
        "HPB_SECRET_FILE": "/nowhere",
        "HTTP_SECRET_FILE": "/nowhere",
        "APP_SECRET_FILE": "/nowhere",
        "HTTP_HOST": "0.0.0.0",
        "HTTP_PORT": "none",
        "ICE_ADDRESSES": "nonsense",
    }.items():
        monkeypatch.setenv(f"ROOMSCRIBE_{name}", value)
    assert load_engine_only()


def test_settings_of_recognition_count_and_wrong_ones_are_named(monkeypatch):
    monkeypatch.setenv("ROOMSCRIBE_MODEL", "base")
    monkeypatch.setenv("ROOMSCRIBE_MAX_UTTERANCE_S", "10")
    settings = load_engine_only()
    assert settings.engine.model.model == "base"
    assert settings.rooms.speaker.segmenter.max_length == 160_000
    assert load_engine_only(model="small").engine.model.model == "small"

    monkeypatch.setenv("ROOMSCRIBE_WORKERS", "many")
    with pytest.raises(SettingsError, match="ROOMSCRIBE_WORKERS"):
        load_engine_only()


def test_a_model_that_is_asked_for_decodes_even_where_a_server_usually_does(monkeypatch):
    monkeypatch.setenv("ROOMSCRIBE_ASR_URL", "http://box:8000")
    assert load_engine_only().engine.remote is not None
    engine = load_engine_only(model="small").engine
    assert (engine.remote, engine.model.model) == (None, "small")
