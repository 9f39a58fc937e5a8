"""Hostile requests for rooms and readers without number, and for paths, methods and queries that there are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .hostile_attack import GUARDED, LEAVE, OPEN, POSTED, SET_LANGUAGE, TRANSCRIBE, Attack, Draw, written

CROWDED: Final = "the-room-that-everybody-reads"
METHODS: Final = (
    "PUT",
    "DELETE",
    "PATCH",
    "PROPFIND",
    "CONNECT",
    "TRACE",
    "OPTIONS",
    "FOO",
    "get",
    "Post",
    "M" * 300,
    "BREW",
    "PURGE",
    "LOCK",
    "SEARCH",
    "DEBUG",
    "TRACK",
    "MKCOL",
    "UNSUBSCRIBE",
    "\xc3\xa9",
    "G-E_T",
    "QUERY",
    "SOURCE",
)


def _enabled(draw: Draw, token: str, session: str) -> Attack:
    body = written({"roomToken": token, "ncSessionId": session, "enable": True, "langId": "en"})
    return Attack(parts=(draw.http("POST", TRANSCRIBE, body=body, proven=True),), refused=False, opens=(token, session))


def another_room(draw: Draw) -> Attack:
    return _enabled(draw, draw.word(draw.rng.randrange(4, 250)), draw.word(64))


def strange_token(draw: Draw) -> Attack:
    """Nothing is wrong with these, but somebody may have built a path, a query or a pattern of them."""
    odd = draw.one(
        "../../{}",
        "{}/../x",
        "%2e%2e%2f{}",
        "{}%00",
        "' OR '1'='1 {}",
        "${{jndi:ldap://x/{}}}",
        "<script>{}</script>",
        "{}?a=b#c",
        "\u202e{}",
        "😀{}",
        "{}\u0301",
        "\ufeff{}",
        "{}\u2028",
        "a\u200d{}",
        "{} .*+[]^$",
        "-{}",
        "{{{{{}}}}}",
    )
    return _enabled(draw, odd.format(draw.word()), odd.format(draw.word(32)))


def another_reader(draw: Draw) -> Attack:
    """Many who were never in the room, all of one room that has nobody in it."""
    return _enabled(draw, CROWDED, draw.word(draw.rng.randrange(8, 1000)))


def no_such_room(draw: Draw) -> Attack:
    someone = draw.stranger()
    path, fields = draw.one(
        (TRANSCRIBE, someone),
        (SET_LANGUAGE, {"roomToken": someone["roomToken"], "langId": "en"}),
        (LEAVE, {"roomToken": someone["roomToken"]}),
        ("/api/v1/rooms/" + someone["roomToken"], None),
        ("/api/v1/rooms/" + draw.one("%00", "%ff", "..%2f", "%F0%9F%98%80", "a" * 4000, "<script>"), None),
    )
    if fields is None:
        return Attack(parts=(draw.http("GET", path, proven=True),), refused=False)
    return Attack(parts=(draw.http("POST", path, body=written(fields), proven=True),), refused=False)


def unknown_path(draw: Draw) -> Attack:
    path = draw.one(
        "/admin",
        "/.env",
        "/.git/config",
        "/wp-login.php",
        "/api",
        "/api/v1",
        "/api/v2/call/transcribe",
        "/API/V1/LANGUAGES",
        "/api//v1/languages",
        "//api/v1/languages",
        "/api/v1/languages/",
        "/api/v1/call/transcribe/",
        "/server-status",
        "/healthz.json",
        "/metrics/",
        "/metrics;a=b",
        "/debug/pprof",
        "/actuator/env",
        "/" + "a/" * 2000,
        "/" + "%41" * 2000,
        "/\u00e9",
        "/%",
        "/%zz",
        "/*",
        "/favicon.ico",
        "/index.php",
        "/" + draw.word(64),
        "/api/v1/call",
        "/api/v1/rooms//x",
    )
    method = draw.one("GET", "GET", "POST")
    body = written(draw.stranger()) if method == "POST" else None
    return Attack(parts=(draw.http(method, path, body=body, proven=draw.rng.random() < 0.7),))


def traversal(draw: Draw) -> Attack:
    """To a file of this machine, or of the program."""
    up = draw.one(
        "../", "%2e%2e/", "..%2f", "%2e%2e%2f", "..%5c", "..\\", "%252e%252e%252f", "..%c0%af", "%uff0e%uff0e/"
    )
    end = draw.one(
        "etc/passwd", "proc/self/environ", "app.py", "api/settings/load.py", "../__init__.py", "etc/passwd%00.html"
    )
    start = draw.one("/pages/", "/", "/demo/", "/api/v1/rooms/", "/pages/captions.js/")
    path = draw.one(
        start + up * draw.rng.randrange(1, 12) + end,
        "/pages//" + end,
        "/pages/" + end,
        "/pages/file:///" + end,
        "http://127.0.0.1/" + up * 3 + end,
        "file:///" + end,
        "/pages/captions.html%00",
        "/pages/captions.py",
        "/pages/__init__.py",
    )
    return Attack(parts=(draw.http("GET", path, proven=draw.rng.random() < 0.5),))


def unknown_method(draw: Draw) -> Attack:
    method = draw.one(*METHODS, *[draw.word().upper()] * len(METHODS))
    path = draw.one(*POSTED, *GUARDED, *OPEN, "/api/v1/rooms/" + draw.word(), "*", "127.0.0.1:80")
    body = draw.one(None, None, written(draw.stranger()))
    return Attack(parts=(draw.http(method, path, body=body, proven=draw.rng.random() < 0.5),))


def head_only(draw: Draw) -> Attack:
    path = draw.one(*GUARDED, *OPEN, *POSTED)
    proven = draw.rng.random() < 0.5
    return Attack(parts=(draw.http("HEAD", path, proven=proven),), bodiless=True, refused=False)


def query_string(draw: Draw) -> Attack:
    token, session = draw.rng.choice(draw.aim.rooms)
    query = draw.one(
        f"roomToken={token}&roomToken=x",
        f"roomToken={token}&ncSessionId={session}&enable=false",
        "roomToken=" + "a" * draw.rng.randrange(300, 7000),
        "&".join(f"a{n}={n}" for n in range(900)),
        "a[" * 500 + "]" * 500,
        "roomToken=%00",
        "roomToken=%ff%fe",
        "roomToken=%",
        "%" * 500,
        "=&=&&&;;",
        "?" * 300,
        "name[]=collect[]=x&name[]=y",
        "format=json&callback=alert(1)",
        "roomToken=\xe9\x80",
        "roomToken=' UNION SELECT 1--",
        "a=" + "x" * draw.rng.randrange(8_000, 60_000),
        "enabled=maybe",
    )
    path = draw.one(*GUARDED, *OPEN, "/openapi.json", "/heartbeat", "/enabled", "/api/v1/rooms")
    sent = draw.http("GET", f"{path}?{query}", proven=draw.rng.random() < 0.7)
    return Attack(parts=(sent,), refused=False, translates="translation" in path)


def taken_back(draw: Draw, token: str, session: str) -> bytes:
    """What whoever opened a room owes: nobody reads there any more."""
    body: dict[str, Any] = {"roomToken": token, "ncSessionId": session, "enable": False}
    return draw.http("POST", TRANSCRIBE, body=written(body), headers=draw.bearer())


KINDS: Final[dict[str, Callable[[Draw], Attack]]] = {
    "another room": another_room,
    "strange token": strange_token,
    "another reader": another_reader,
    "no such room": no_such_room,
    "unknown path": unknown_path,
    "path traversal": traversal,
    "unknown method": unknown_method,
    "HEAD": head_only,
    "query string": query_string,
}
