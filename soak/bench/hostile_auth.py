"""Hostile requests of callers who do not know the secret, or show it wrongly. Each would hurt if it were granted."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final

from .hostile_attack import GUARDED, OPEN, TRANSCRIBE, Attack, Draw, Header, app_api, signed, written


def _attempt(draw: Draw, headers: list[Header]) -> Attack:
    if draw.rng.random() < 0.3:
        return Attack(parts=(draw.http("GET", draw.one(*GUARDED), headers=headers),))
    path, body = draw.harm()
    return Attack(parts=(draw.http("POST", path, body=body, headers=headers),))


def no_secret(draw: Draw) -> Attack:
    return _attempt(draw, [])


def wrong_bearer(draw: Draw) -> Attack:
    secret = draw.aim.secret
    shown = draw.one(
        "",
        "Bearer",
        "Bearer ",
        "Bearer null",
        f"Bearer {secret[:-1]}",
        f"Bearer {secret}0",
        f"Bearer {secret[::-1]}x",
        f"Bearer {draw.word(len(secret))}",
        f"Bearer {secret} {secret}",
        f"Bearer {secret},{secret}",
        f'Bearer "{secret}"',
        f"Basic {_base64(':' + secret)}",
        f"Token {secret}",
        secret,
        b"Bearer \xff\xfe\x80",
        "Bearer " + "A" * draw.rng.randrange(1000, 7000),
        "Bearer =?utf-8?b?AAAA?=",
    )
    return _attempt(draw, [("Authorization", shown)])


def wrong_app_api(draw: Draw) -> Attack:
    aim = draw.aim
    right = app_api(aim.app_id, aim.app_secret)
    lacking = draw.rng.randrange(len(right))
    emptied: list[Header] = [(name, "" if at == lacking else value) for at, (name, value) in enumerate(right)]
    shown: Header = (
        "AUTHORIZATION-APP-API",
        draw.one(
            "",
            "=",
            "not base64!",
            b"\xff\xff",
            _base64(aim.app_secret),
            _base64(":"),
            _base64("admin:"),
            _base64(f"{aim.app_secret}:admin"),
            _base64(f"admin:{aim.app_secret}x"),
            _base64(f"admin:{aim.app_secret[:-1]}"),
            _base64("admin:\x00" + aim.app_secret),
            _base64("x" * 4000 + ":" + draw.word(64)),
        ),
    )
    return _attempt(
        draw,
        draw.one(
            right[:lacking] + right[lacking + 1 :],
            emptied,
            app_api("spreed", aim.app_secret),
            app_api(aim.app_id.upper(), aim.app_secret),
            [*right[:3], shown],
            [*right[:3], shown],
        ),
    )


def wrong_checksum(draw: Draw) -> Attack:
    aim, random = draw.aim, draw.word(64)
    path, body = draw.harm()
    right = signed(random, body, aim.secret)
    headers = draw.one(
        signed("0" * 31, body, aim.secret),
        signed("", body, aim.secret),
        signed(random, body, ""),
        signed(random, body, aim.secret[:-1]),
        signed(random, body + b" ", aim.secret),
        signed(random, b"", aim.secret),
        right[:1],
        right[1:],
        [("Roomscribe-Random", draw.word(64)), right[1]],
        [right[0], ("Roomscribe-Checksum", "")],
        [right[0], ("Roomscribe-Checksum", "0" * 64)],
        [right[0], ("Roomscribe-Checksum", str(right[1][1])[:-1])],
        [right[0], ("Roomscribe-Checksum", b"\xc3\xa9" * 32)],
        [right[0], ("Roomscribe-Checksum", "z" * 5000)],
        [("Roomscribe-Random", b"\xff" * 64), right[1]],
    )
    return Attack(parts=(draw.http("POST", path, body=body, headers=headers),))


def replayed(draw: Draw) -> Attack:
    """A request that somebody overheard, sent again. Here, the first one is sent by the attacker as well."""
    body = written(draw.stranger())
    proof = signed(draw.word(64), body, draw.aim.secret)
    first = draw.http("POST", TRANSCRIBE, body=body, headers=proof, closing=False)
    return Attack(parts=(first, draw.http("POST", TRANSCRIBE, body=body, headers=proof)), refused=False, once=True)


def around_the_guard(draw: Draw) -> Attack:
    """Through what is open to what is not."""
    start = draw.one("/pages/", "/healthz/", "/demo/", "/.", "//", "/%2e/", "/pages%2f", "/PAGES/")
    back = draw.one("../", "%2e%2e/", "..%2f", "%2e%2e%2f", "..;/", "..%5c", ".%00./", "%252e%252e/", "..\\")
    path = start + back * draw.rng.randrange(1, 4) + draw.one(*GUARDED)[1:]
    return Attack(parts=(draw.http("GET", draw.one(path, path.upper(), path + "/healthz", "/." + path)),))


def foreign_page(draw: Draw) -> Attack:
    """What a page of another server in an operator's browser can send."""
    origin = draw.one(
        "https://evil.example",
        "null",
        "file://",
        "http://localhost.evil.example",
        "",
        "http://[",
        b"\xff",
        "http://:99999",
    )
    forged: list[Header] = [
        ("Origin", origin),
        draw.one(
            ("X-Forwarded-For", "127.0.0.1"),
            ("X-Forwarded-Host", "localhost"),
            ("X-Original-URL", "/healthz"),
            ("X-HTTP-Method-Override", "GET"),
            ("Forwarded", "for=127.0.0.1;host=localhost"),
            ("Cookie", "nc_session_id=" + draw.word(32)),
            ("Sec-Fetch-Site", "same-origin"),
        ),
    ]
    if draw.rng.random() < 0.5:
        return Attack(parts=(draw.http("GET", draw.one(*OPEN), headers=forged),))
    path, body = draw.harm()
    kind = draw.one("text/plain", "application/x-www-form-urlencoded", "application/json")
    return Attack(parts=(draw.http("POST", path, body=body, headers=forged, content_type=kind),))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


KINDS: Final[dict[str, Callable[[Draw], Attack]]] = {
    "no secret": no_secret,
    "wrong bearer": wrong_bearer,
    "wrong AppAPI": wrong_app_api,
    "wrong checksum": wrong_checksum,
    "replayed": replayed,
    "around the guard": around_the_guard,
    "foreign page": foreign_page,
}
