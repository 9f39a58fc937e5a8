"""Who shows a secret, in whatever bytes it or its counterfeit comes."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http import auth
from api.http.auth import Auth

SECRET, OTHER, APP = "hunter2 ünïcödé", "the next one", "what AppAPI gave"
RANDOM = "r" * 32
BODY = b'{"roomToken": "abc"}'


@pytest.fixture
def door():
    return Auth(secrets=(SECRET, OTHER), app_secret=APP, app_id="live_transcription")


def app_api(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def app_headers(shown=f"alice:{APP}", **changed):
    headers = {"AA-VERSION": "5", "EX-APP-ID": "live_transcription", "EX-APP-VERSION": "9"}
    return {**headers, "AUTHORIZATION-APP-API": app_api(shown), **changed}


def signed(secret=SECRET, *, random=RANDOM, body=BODY):
    checksum = hmac.new(secret.encode(), random.encode() + body, hashlib.sha256).hexdigest()
    return {"Roomscribe-Random": random, "Roomscribe-Checksum": checksum}


@pytest.mark.parametrize(
    ("headers", "caller"),
    [
        ({"Authorization": f"Bearer {SECRET}"}, "secret 1"),
        ({"Authorization": f"bearer  {SECRET}"}, "secret 1"),
        ({"Authorization": f"Bearer {OTHER}"}, "secret 2"),
        (app_headers(), "AppAPI"),
        (app_headers(f":{APP}"), "AppAPI"),
        (signed(), "secret 1"),
        (signed(OTHER), "secret 2"),
        ({**signed(), "Roomscribe-Checksum": signed()["Roomscribe-Checksum"].upper()}, "secret 1"),
    ],
    ids=[
        "bearer",
        "any case",
        "the other secret",
        "AppAPI",
        "AppAPI, nobody's",
        "signed",
        "by the other",
        "in capitals",
    ],
)
def test_who_shows_a_secret_is_known_by_it(door, headers, caller):
    assert door.caller(headers, BODY) == caller


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": f"Bearer {APP}"},
        {"Authorization": "Bearer hünter2"},
        {"Authorization": "Bearer hunter\udcff"},
        {"AUTHORIZATION-APP-API": app_api(f"alice:{APP}")},
        app_headers(f"alice:{SECRET}"),
        app_headers(APP),
        app_headers("alice:"),
        app_headers(b"alice:\xff\xfe"),
        app_headers(**{"EX-APP-ID": "another_app"}),
        app_headers(**{"AA-VERSION": ""}),
        app_headers(**{"EX-APP-VERSION": ""}),
        app_headers(**{"AUTHORIZATION-APP-API": "not base64"}),
        app_headers(**{"AUTHORIZATION-APP-API": "é"}),
        signed("another"),
        signed(APP),
        signed(body=b"another"),
        signed(random="too short"),
        signed(random="r" * 256),
        {"Roomscribe-Random": RANDOM},
        {**signed(), "Roomscribe-Random": "s" * 32},
        {**signed(), "Roomscribe-Checksum": "é"},
    ],
    ids=str,
)
def test_whatever_else_is_shown_is_nobodys(door, headers):
    assert door.caller(headers, BODY) == ""


def test_a_signed_request_is_good_once(door):
    assert door.caller(signed(), BODY)
    assert door.caller(signed(), BODY) == ""
    assert door.caller(signed(random="s" * 32), BODY)


def test_what_is_remembered_of_signed_requests_is_bounded(door, monkeypatch):
    monkeypatch.setattr(auth, "MAX_SEEN", 3)
    for n in range(10):
        assert door.caller(signed(random=f"{n:032}"), BODY)

    assert len(door._seen) == 3
    assert door.caller(signed(random=f"{9:032}"), BODY) == ""


def test_a_secret_that_is_no_text_can_be_shown_too():
    # what `os.environ` makes of bytes that are not UTF-8, and what aiohttp makes of them in a header
    door = Auth(secrets=("hunter\udcff",))

    assert door.caller({"Authorization": "Bearer hunter\udcff"}, b"")
    assert not door.caller({"Authorization": "Bearer hunter"}, b"")


def test_without_any_secret_none_is_required_and_none_is_known():
    door = Auth(secrets=("", ""))

    assert not door.required
    for headers in ({"Authorization": "Bearer "}, app_headers(":"), signed("")):
        assert door.caller(headers, BODY) == ""


def test_the_secret_of_the_app_is_enough():
    assert Auth(app_secret=APP, app_id="live_transcription").required


def test_secrets_can_be_replaced(door):
    assert door.replace(("new",))

    assert door.caller({"Authorization": "Bearer new"}, b"")
    assert not door.caller({"Authorization": f"Bearer {SECRET}"}, b"")
    assert door.caller(app_headers(), b"") == "AppAPI"


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/readyz", "/heartbeat", "/openapi.json", "/reference", "/pages/a.css"]
)
def test_what_shows_nothing_by_itself_is_open(path):
    assert auth.is_open(path)


@pytest.mark.parametrize("path", ["/metrics", "/api/v1/rooms", "/enabled", "/init", "/healthz/", "/heartbeat/x"])
def test_everything_else_is_not(path):
    assert not auth.is_open(path)


HEADERS = st.dictionaries(
    st.sampled_from(["Authorization", "AUTHORIZATION-APP-API", "AA-VERSION", "EX-APP-ID", "Roomscribe-Random"])
    | st.just("Roomscribe-Checksum"),
    st.text(max_size=80),
)


@given(HEADERS, st.binary(max_size=80))
def test_no_header_does_anything_but_fail(headers, body):
    assert Auth(secrets=(SECRET,), app_secret=APP, app_id="x").caller(headers, body) == ""
