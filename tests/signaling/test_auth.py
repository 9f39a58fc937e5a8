"""What a hello proves, and what nobody may read in it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling import InternalCredentials, TicketCredentials
from signaling.auth import MIN_RANDOM_LENGTH

FOX = "The quick brown fox jumps over the lazy dog"
BACKEND = "https://cloud.example/nextcloud"


def internal(secret="key"):
    return InternalCredentials(secret=secret, backend=BACKEND)


def test_the_token_is_the_lowercase_hex_hmac_of_the_random_string():
    auth = internal("key").hello_auth(FOX)

    # The well-known vector HMAC_SHA256("key", FOX).
    assert auth["params"]["token"] == "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    assert auth["params"]["random"] == FOX
    assert auth["type"] == "internal"


def test_the_backend_is_the_base_url_without_a_path_of_the_signaling_api():  # D25
    assert internal().hello_auth(FOX)["params"]["backend"] == BACKEND


@pytest.mark.parametrize("length", [0, 1, MIN_RANDOM_LENGTH - 1])
def test_a_random_string_that_the_server_would_refuse_is_never_sent(length):
    with pytest.raises(ValueError, match=f"at least {MIN_RANDOM_LENGTH} characters, got {length}"):
        internal().hello_auth("r" * length)


def test_the_shortest_random_string_that_the_server_takes_is_taken():
    assert internal().hello_auth("r" * MIN_RANDOM_LENGTH)


@given(secret=st.text(st.characters(exclude_categories=["Cs"])), first=st.text(min_size=32, alphabet="abc"))
def test_another_random_string_gives_another_token(secret, first):
    tokens = {internal(secret).hello_auth(random)["params"]["token"] for random in (first, first + "x")}

    assert len(tokens) == 2
    assert all(len(token) == 64 and token == token.lower() for token in tokens)


def test_the_secret_is_neither_sent_nor_shown():
    credentials = internal("a very secret secret")

    assert "very secret" not in json.dumps(credentials.hello_auth(FOX))
    assert "very secret" not in f"{credentials!r} {credentials}"


def test_an_ordinary_participant_shows_its_ticket():
    credentials = TicketCredentials(ticket="ticket 7", backend=BACKEND)

    assert credentials.hello_auth("whatever") == {"url": BACKEND, "params": {"ticket": "ticket 7"}}


def test_a_ticket_does_not_show_in_what_is_printed():
    assert "ticket 7" not in repr(TicketCredentials(ticket="ticket 7", backend=BACKEND))
