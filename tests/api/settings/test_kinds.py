"""What a value may be: each kind takes what its range says, and tells the range to whoever is outside."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from api.settings.kinds import (
    MAX_SECRETS,
    KeylessAddress,
    Kind,
    ListenAddress,
    Number,
    OneOf,
    Secret,
    Secrets,
    Switch,
    Text,
    WebAddress,
    Whole,
    Word,
    without_user,
)
from api.settings.own_kinds import LanguageId, Languages, MediaAddresses, SignalingAddress

KINDS = (
    Number(low=0.5, high=2, unit="seconds"),
    Whole(low=1, high=9),
    OneOf(words=("cpu", "cuda")),
    Switch(),
    Text(what="a name"),
    Word(what="an id"),
    Word(what="a key", hidden=True),
    Secret(),
    Secrets(),
    LanguageId(),
    Languages(),
    MediaAddresses(),
    ListenAddress(),
    WebAddress(example="http://box"),
    SignalingAddress(example="http://box"),
    KeylessAddress(example="http://box", key="KEY"),
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
@given(text=st.text(max_size=60))
@example("\udcff")
@example("nan")
@example("²")
@example("http://[::1")
@example("unix:/\x00")
def test_any_text_is_a_value_or_is_refused_with_the_range_and_nothing_else_happens(kind: Kind, text):
    refused = None
    try:
        kind(text)
    except ValueError as error:
        refused = error
    if refused is not None:
        assert str(refused).startswith(f"expected {kind.range}, got ")
        assert str(refused).isprintable()
        assert refused.__cause__ is refused.__context__ is None


@pytest.mark.parametrize("kind", [Secret(), Secrets(), Word(what="a key", hidden=True)])
@pytest.mark.parametrize("text", ["hunter2 schlüssel", "hunter2\x00", "hunter2\x7f x", "hunter2" * 1000])
def test_what_is_wrong_with_a_secret_is_said_without_it(kind, text):
    with pytest.raises(ValueError, match="ASCII") as refused:
        kind(text)

    assert str(refused.value).endswith("got (not shown)")
    assert "hunter2" not in str(refused.value)


def test_a_long_value_is_repeated_in_part_only():
    with pytest.raises(ValueError, match=r"x{100}'$"):
        Whole(low=1, high=2)("x" * 10_000)


@given(st.integers(-100, 100), st.integers(0, 100), st.integers(-300, 300))
def test_a_number_is_taken_between_its_bounds_and_nowhere_else(low, width, number):
    kind = Whole(low=low, high=low + width)
    if low <= number <= low + width:
        assert kind(str(number)) == number
    else:
        with pytest.raises(ValueError, match=f"from {low} to {low + width}"):
            kind(str(number))


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e9", "", "1,5", "0x1"])
def test_what_is_no_number_of_the_range_is_refused(text):
    with pytest.raises(ValueError, match="a number from 0 to 5 \\(seconds\\)"):
        Number(low=0, high=5, unit="seconds")(text)


def test_words_are_taken_in_capitals_too_and_come_out_as_the_table_has_them():
    assert OneOf(words=("DEBUG", "info"))("debug") == "DEBUG"
    assert (Switch()("ON"), Switch()("off")) == (True, False)


def test_secrets_stand_with_white_space_between_them_and_no_more_than_are_compared_with_each_request():
    assert Secrets()("one\ntwo\t three  one") == ("one", "two", "three")
    assert Secrets()("") == ()
    assert len(Secrets()(" ".join(map(str, range(MAX_SECRETS))))) == MAX_SECRETS
    with pytest.raises(ValueError, match=f"at most {MAX_SECRETS} secrets"):
        Secrets()(" ".join(map(str, range(MAX_SECRETS + 1))))


@pytest.mark.parametrize("text", ["en", "de", "pt_BR", "pt-BR", "zh_Hant", "haw", "auto", "EN"])
def test_a_language_id_is_kept_as_it_came(text):
    assert LanguageId()(text) == text


@pytest.mark.parametrize("text", ["", "english", "tlh", "en_", "en_B R", "auto_DE", "en\n"])
def test_what_no_model_knows_is_no_language_id(text):
    with pytest.raises(ValueError, match="a Whisper language code such as de"):
        LanguageId()(text)


@pytest.mark.parametrize("text", ["127.0.0.1", "::", "fe80::1", "localhost", "box.lan", "unix:/tmp/exapp.sock"])
def test_a_server_may_listen_on_an_address_a_name_or_a_socket(text):
    assert ListenAddress()(text) == text


@pytest.mark.parametrize("text", ["", "[::1]", "box:80", "a b", "unix:", "unix:here", "unix:/" + "x" * 107, "*"])
def test_it_may_listen_nowhere_else(text):
    with pytest.raises(ValueError, match="an IP address, a host name, or unix: and the absolute path of a socket"):
        ListenAddress()(text)


@pytest.mark.parametrize("text", ["https://cloud/hpb", "wss://cloud/hpb/", "https://cloud/hpb/spreed"])
def test_a_signaling_servers_address_becomes_that_of_its_websocket(text):
    assert SignalingAddress(example="")(text) == "wss://cloud/hpb/spreed"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://cloud", "https://cloud"),
        ("https://ada:hunter2@cloud", "https://…@cloud"),
        ("https://cloud/?token=hunter2", "https://cloud/"),
        ("https://cloud/#hunter2", "https://cloud/"),
    ],
)
def test_an_address_is_shown_without_what_may_be_private_in_it(text, shown):
    assert WebAddress(example="")(text) == text
    assert WebAddress(example="").shown(text) == shown


def test_whatever_stands_before_an_at_sign_may_be_a_password():
    assert without_user("https:/ada:hunt/er2@x@cloud") == "https:/…@cloud"
