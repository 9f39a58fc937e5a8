"""What all hostile requests are made of is right, so that only what is meant to be wrong is wrong."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from soak.bench.hostile_attack import POSTED, app_api, head, signed

from .hostile_aim import AIM, APP_SECRET, ROOMS, SECRET, drawing


def test_a_request_has_its_headers_and_its_body():
    made = drawing().http("POST", "/path", body=b"{}")
    assert made.startswith(b"POST /path HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n")
    assert made.endswith(b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")


def test_bytes_that_are_no_text_go_out_as_they_are():
    assert head("GET", "/\udcff", [("X", b"\xfe")]) == b"GET /\xff HTTP/1.1\r\nX: \xfe\r\n\r\n"


def test_a_checksum_covers_the_random_text_and_the_body():
    random, checksum = (value for _, value in signed("r" * 32, b"body", SECRET))
    assert random == "r" * 32
    assert checksum == hmac.new(SECRET.encode(), b"r" * 32 + b"body", hashlib.sha256).hexdigest()


def test_appapi_shows_user_and_secret():
    shown = dict(app_api("an_app", APP_SECRET))
    assert base64.b64decode(shown["AUTHORIZATION-APP-API"]).decode() == f"admin:{APP_SECRET}"
    assert shown["EX-APP-ID"] == "an_app"


def test_all_three_proofs_occur():
    draw = drawing()
    names = {draw.proof(b"")[0][0] for _ in range(60)}
    assert names == {"Authorization", "AA-VERSION", "Roomscribe-Random"}


def test_harm_is_done_to_a_captioned_room():
    draw = drawing()
    done = [draw.harm() for _ in range(100)]
    assert {path for path, _ in done} == set(POSTED)
    assert {json.loads(body)["roomToken"] for _, body in done} == {token for token, _ in ROOMS}


def test_nobody_prints_the_secrets_by_accident():
    assert SECRET not in repr(AIM)
    assert APP_SECRET not in repr(AIM)
