"""Hostile requests of callers who know the secret, whose bodies are not what the endpoints take, or too much of it."""

from __future__ import annotations

import functools
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any, Final

from .hostile_attack import (
    POSTED,
    SET_LANGUAGE,
    SET_TARGET,
    SHORT_S,
    TRANSCRIBE,
    Attack,
    Draw,
    Header,
    head,
    written,
)

BODY_LIMIT: Final = 64 * 1024
MOST_KEYS: Final = 7000  # that fit into one
BOMB_BYTES: Final = 16 << 20  # once it is unpacked
TEXTS: Final = ("roomToken", "ncSessionId", "langId")
LONGEST: Final = {"roomToken": 255, "ncSessionId": 1024, "langId": 32}


def _post(draw: Draw, body: bytes, path: str = TRANSCRIBE, **more: Any) -> Attack:
    return Attack(parts=(draw.http("POST", path, body=body, proven=True),), **more)


def _post_by_name(draw: Draw, body: bytes) -> Attack:
    """Of a caller who is held to the letter. Of AppAPI's, fields that we do not know are passed over."""
    return Attack(parts=(draw.http("POST", TRANSCRIBE, body=body, headers=draw.bearer()),))


def malformed_json(draw: Draw) -> Attack:
    body = written(draw.victim())
    text = body.decode()
    broken = draw.one(
        b"",
        b" ",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b"}",
        b"{}{}",
        b"\x00",
        b"\xff\xfe\xfa",
        body[:-1],
        body + b"}",
        body + body,
        body + b"\x00",
        body[: draw.rng.randrange(1, len(body))],
        text[:-1].encode() + b",}",
        text.replace('"', "'").encode(),
        text.replace("false", "False").encode(),
        text.replace("false", "NaN").encode(),
        text.replace("false", "-Infinity").encode(),
        text.replace(":", "=").encode(),
        text.encode("utf-16"),
        text.encode("utf-32"),
        b"/* note */" + body,
        b"[" + body + b"]",
        body.replace(b"roomToken", b"room\xc0\xafToken"),
        body.replace(b": false", b": false\x0b"),
        b"roomToken=x&enable=false",
    )
    return _post(draw, broken, draw.one(*POSTED))


def deep_nesting(draw: Draw) -> Attack:
    depth = draw.rng.randrange(60, 30_000)
    nested = draw.one(b"[" * depth + b"]" * depth, b"[" * depth, b'{"a":' * (depth // 3) + b"1" + b"}" * (depth // 3))
    where = draw.one(*TEXTS, "enable", "translationTargetLangId", "more")
    body = written(draw.victim() | {where: "@"}).replace(b'"@"', nested)
    return _post_by_name(draw, draw.one(body, nested)[:BODY_LIMIT])


def huge_number(draw: Draw) -> Attack:
    digits = b"9" * draw.rng.randrange(20, 60_000)
    number = draw.one(
        digits, b"-" + digits, b"1e999999999", b"-1e999999999", b"1." + digits, b"0e" + digits, b"007", b"+1"
    )
    body = written(draw.victim() | {draw.one(*TEXTS, "enable"): "@"}).replace(b'"@"', number)
    return _post(draw, body)


def duplicate_key(draw: Draw) -> Attack:
    fields = draw.victim() | {"langId": "en"}
    if draw.rng.random() < 0.2:  # the last of thousands: whoever compares each with each takes long
        return _post(draw, b"{" + b"".join(b'"%x":0,' % n for n in range(MOST_KEYS)) + b'"%x":1}' % (MOST_KEYS - 1))
    name = draw.one(*fields)
    again = json.dumps({name: draw.one(fields[name], not fields["enable"], draw.word())})[1:-1]
    text = json.dumps(fields)[1:-1]
    escaped = again.replace(name, f"\\u{ord(name[0]):04x}{name[1:]}", 1)
    body = draw.one("{%s, %s}" % (text, again), "{%s, %s}" % (again, text), "{%s, %s}" % (text, escaped))  # noqa: UP031
    return _post(draw, body.encode())


def control_character(draw: Draw) -> Attack:
    name = draw.one(*TEXTS)
    fields = draw.victim() | {"langId": "en"}
    sign = chr(draw.one(0, 0, 1, 7, 8, 9, 10, 13, 27, 31, 127, 128, 155, 159))
    value = str(fields[name])
    at = draw.rng.randrange(len(value) + 1)
    fields[name] = value[:at] + sign + value[at:]
    raw = json.dumps(fields, ensure_ascii=False).encode()
    if ord(sign) < 32 and draw.rng.random() < 0.5:  # unescaped, which JSON forbids
        raw = raw.replace(json.dumps(sign)[1:-1].encode(), sign.encode())
    return _post(draw, draw.one(raw, written(fields)))


def lone_surrogate(draw: Draw) -> Attack:
    fields = draw.victim() | {"langId": "en"}
    name = draw.one(*TEXTS)
    fields[name] = draw.one("%s\ud800", "\udfff%s", "\ud800\ud800%s", "%s\udc00\ud800") % str(fields[name])
    body = written(fields)
    return _post(draw, draw.one(body, json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass")))


def wrong_type(draw: Draw) -> Attack:
    fields = draw.victim() | {"langId": "en"}
    name = draw.one(*TEXTS, "enable", "translationTargetLangId")
    wrong = [0, 1, -1, 1.5, [], {}, ["x"], {"a": 1}, [None]]
    if name == "enable":
        wrong += ["false", "0", "", None]
    elif name == "translationTargetLangId":
        wrong += [True]
    else:
        wrong += [True, None]
    fields[name] = draw.rng.choice(wrong)
    return _post(draw, written(fields))


def missing_field(draw: Draw) -> Attack:
    fields = draw.victim()
    del fields[draw.one("roomToken", "ncSessionId")]
    return _post(draw, draw.one(written(fields), b"{}", written({"roomtoken": "x", "ncsessionid": "y"})))


def unknown_field(draw: Draw) -> Attack:
    names = (
        "__proto__",
        "constructor",
        "",
        "RoomToken",
        "room_token",
        "admin",
        "$where",
        "a" * 5000,
        "\x00",
        "enable ",
    )
    extra = {draw.one(*names): draw.one(True, None, {}, "x" * 1000)}
    many = {f"k{n}": n for n in range(draw.one(0, 0, 4000))}
    return _post_by_name(draw, written(draw.victim() | extra | many)[:BODY_LIMIT])


def long_value(draw: Draw) -> Attack:
    name = draw.one(*TEXTS)
    longest = LONGEST[name]
    length = draw.one(longest + 1, longest * 2, 20_000, 15_000)
    value = draw.one("a", "é", "漢", "😀")[:1] * length
    fields = draw.victim() | {"langId": "en", name: draw.one(value, value, "", " ")}
    return _post(draw, json.dumps(fields, ensure_ascii=False).encode()[:BODY_LIMIT])


def too_large(draw: Draw) -> Attack:
    """More than 64 KiB; some only say so."""
    size = draw.rng.randrange(BODY_LIMIT + 1, 4 * BODY_LIMIT)
    body = (written(draw.victim())[:-1] + b', "more": "').ljust(size - 2, b"x") + b'"}'
    common: list[Header] = [("Host", draw.aim.host), *draw.proof(body), ("Content-Type", "application/json")]
    way = draw.rng.randrange(4)
    if way == 0:
        return _post(draw, body)
    if way == 1:
        chunks = b"".join(_chunk(body[at : at + 8000]) for at in range(0, len(body), 8000))
        sent = head("POST", TRANSCRIBE, [*common, ("Transfer-Encoding", "chunked")]) + chunks + b"0\r\n\r\n"
        return Attack(parts=(sent,), patience_s=SHORT_S * 4)
    if way == 2:  # a body that ends with the connection is none in a request
        return Attack(parts=(head("POST", TRANSCRIBE, common) + body,), patience_s=SHORT_S * 4)
    says = str(draw.one(10**10, 2**31, 2**63, 2**64, 10**30))
    return Attack(parts=(head("POST", TRANSCRIBE, [*common, ("Content-Length", says)]) + body,), patience_s=SHORT_S * 4)


def wrong_content_type(draw: Draw) -> Attack:
    kind = draw.one(
        None,
        "",
        "text/plain",
        "text/html",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/jsonx",
        "json",
        "*/*",
        "application/",
        "/json",
        "application/octet-stream",
        "text/json; charset=utf-8",
        b"\xff/\xff",
        "multipart/form-data",
        "a" * 4000,
    )
    body = written(draw.victim())
    return Attack(parts=(draw.http("POST", draw.one(*POSTED), body=body, proven=True, content_type=kind),))


def packed(draw: Draw) -> Attack:
    """Bodies that say they are compressed: bombs, and such as are not."""
    body, encoding = draw.one(
        (_bomb("gzip"), "gzip"),
        (_bomb("deflate"), "deflate"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"garbage", "gzip"),
        (b"garbage", "deflate"),
        (b"garbage", "br"),
        (b"garbage", "zstd"),
        (_bomb("gzip"), "gzip, gzip"),
        (b"{}", "unknown"),
    )
    return Attack(
        parts=(draw.http("POST", TRANSCRIBE, body=body, proven=True, headers=[("Content-Encoding", encoding)]),)
    )


def unknown_language(draw: Draw) -> Attack:
    language = draw.one(
        "xx",
        "klingon",
        "english",
        "e",
        "../../en",
        "en/../de",
        "en;de",
        "' OR 1=1 --",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "%s%n",
        "\u202een",
        "😀",
        "zz_ZZ",
        "0",
        "-1",
        "null",
        "<script>alert(1)</script>",
    )
    wanted = draw.victim() | {"enable": True, "langId": language}
    if draw.rng.random() < 0.3:
        return _post(draw, written({"roomToken": wanted["roomToken"], "langId": language}), SET_LANGUAGE)
    return _post(draw, written(wanted))


def odd_region(draw: Draw) -> Attack:
    """A language that there is, and a region that there is not: whether that is taken is a matter of taste."""
    language = "en" + draw.one("-" + "x" * 28, "_\u0130", "-<b>", "_../../x", "-\u202e", "_😀", "-", "__", "-en-en-en")
    return _post(draw, written(draw.victim() | {"enable": True, "langId": language}), refused=False)


def unknown_translation(draw: Draw) -> Attack:
    language = draw.one("xx", "klingon", "../../en", "zz_ZZ", "😀", "en\u202e", "%00", "tlh", "' OR 1=1 --")
    if draw.rng.random() < 0.5:
        return _post(
            draw, written(draw.victim() | {"enable": True, "translationTargetLangId": language}), translates=True
        )
    room = draw.one(draw.victim(), draw.stranger())
    fields = {"roomToken": room["roomToken"], "ncSessionId": room["ncSessionId"], "langId": language}
    return _post(draw, written(fields), SET_TARGET, translates=True)


def _chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


@functools.cache
def _bomb(way: str) -> bytes:
    pack = gzip.compress if way == "gzip" else zlib.compress
    return pack(b'{"roomToken": "' + b"0" * BOMB_BYTES + b'"}')


KINDS: Final[dict[str, Callable[[Draw], Attack]]] = {
    "malformed JSON": malformed_json,
    "deep nesting": deep_nesting,
    "huge number": huge_number,
    "duplicate key": duplicate_key,
    "control character": control_character,
    "lone surrogate": lone_surrogate,
    "wrong type": wrong_type,
    "missing field": missing_field,
    "unknown field": unknown_field,
    "long value": long_value,
    "too large": too_large,
    "wrong content type": wrong_content_type,
    "packed body": packed,
    "unknown language": unknown_language,
    "odd region": odd_region,
    "unknown translation": unknown_translation,
}
