import pytest

from signaling.embedded import EmbeddedSettings

GOOD = {"internal_secret": "the secret", "backend_url": "http://127.0.0.1:8080"}


@pytest.mark.parametrize(
    "bad",
    [
        {"backend_url": "nowhere"},
        {"port": 65536},
        {"hello_timeout_s": 0},
        {"ping_interval_s": -1},
        {"ticket_ttl_s": 0},
        {"resume_window_s": -1},
        {"max_message_bytes": 0},
        {"max_sessions": 0},
        {"max_rooms": 0},
        {"max_buffered_messages": -1},
    ],
)
def test_impossible_settings_are_refused(bad):
    with pytest.raises(ValueError):
        EmbeddedSettings(**GOOD | bad)


def test_the_secret_is_not_shown():
    assert "the secret" not in repr(EmbeddedSettings(**GOOD))
