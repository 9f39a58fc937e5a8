"""Callers without the secret never show a right one by chance."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

import pytest

from soak.bench.hostile_auth import KINDS, foreign_page, replayed, wrong_app_api, wrong_bearer, wrong_checksum

from .hostile_aim import AIM, APP_SECRET, SECRET, body_of, drawn, sent


def header(attack, name):
    found = re.search(rb"\r\n" + name.encode() + rb": ([^\r]*)\r\n", sent(attack))
    return found[1] if found else b""


def test_what_is_replayed_is_the_same_request_again():
    for attack in drawn(replayed, 20):
        first, second = attack.parts
        assert attack.once
        assert second.replace(b"Connection: close\r\n", b"") == first


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"replayed"}))
def test_each_must_be_refused(kind):
    assert all(attack.refused for attack in drawn(KINDS[kind], 50))


def test_no_bearer_is_the_secret():
    shown = {header(attack, "Authorization").strip() for attack in drawn(wrong_bearer)}
    assert len(shown) > 10
    assert f"Bearer {SECRET}".encode() not in shown


def test_no_appapi_request_is_complete_and_right():
    for attack in drawn(wrong_app_api):
        names = ("AA-VERSION", "EX-APP-ID", "EX-APP-VERSION", "AUTHORIZATION-APP-API")
        version, app, app_version, shown = (header(attack, name) for name in names)
        right = base64.b64encode(f"admin:{APP_SECRET}".encode())
        assert not (version and app_version and app == AIM.app_id.encode() and shown == right)


def test_no_checksum_is_right_for_its_body():
    for attack in drawn(wrong_checksum):
        random = header(attack, "Roomscribe-Random")
        right = hmac.new(SECRET.encode(), random + body_of(attack), hashlib.sha256).hexdigest().encode()
        assert len(random) < 32 or header(attack, "Roomscribe-Checksum") != right


def test_every_foreign_page_says_so():
    assert all(b"\r\nOrigin:" in sent(attack) for attack in drawn(foreign_page))
