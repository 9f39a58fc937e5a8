"""Hostile requests that are no HTTP, or too much of it, or two readings of it, or only the begin of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Final

from .hostile_attack import (
    GUARDED,
    OPEN,
    SHORT_S,
    TRANSCRIBE,
    Attack,
    Draw,
    Header,
    head,
    written,
)

LANGUAGES: Final = "/api/v1/languages"
TLS_HELLO: Final = bytes.fromhex("1603010200010001fc0303") + bytes(range(200))
MOST_PIPELINED: Final = 50


def _raw(sent: bytes, *, refused: bool = True) -> Attack:
    """The service may wait for more of it, and nobody will send that."""
    return Attack(parts=(sent,), patience_s=SHORT_S, refused=refused)


def bad_request_line(draw: Draw) -> Attack:
    end = b"\r\nHost: x\r\nConnection: close\r\n\r\n"
    line = draw.one(
        b"GET",
        b"GET /",
        b"GET /healthz",
        b"GET / HTTP/9.9",
        b"GET / HTTP/1.1 x",
        b"GET / http/1.1",
        b"GET  /  HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /\xff\xfe HTTP/1.1",
        b"GET\t/\tHTTP/1.1",
        b" GET / HTTP/1.1",
        b"/ GET HTTP/1.1",
        b"GET / HTTP/1.1\x00",
        b"GET / HTTP/-1.1",
        b"GET / HTTP/11",
        b"GET / HTTP/1.",
        b"GET / HTTP/2.0",
        b"\x00" * 50,
        b"HTTP/1.1 200 OK",
        b"GET http:// HTTP/1.1",
        b"GET http://[::1 HTTP/1.1",
        b"GET //:99999/ HTTP/1.1",
        b"\n" * 500,
        b"GET /" + b"a" * draw.rng.randrange(9_000, 70_000) + b" HTTP/1.1",
        b"G" * 20_000,
        b"GET ? HTTP/1.1",
        b"GET http://u:p@127.0.0.1:99999/ HTTP/1.1",
        b"GET a HTTP/1.1",
        b"GET :// HTTP/1.1",
        b"",
        b"\r",
    )
    binary = draw.one(
        TLS_HELLO,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-x\r\n",
        b"\x05\x01\x00",
        b"\x04\x01\x00\x50" + b"\x00" * 9,
        draw.rng.randbytes(400),
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"EHLO x\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"\x00",
    )
    return _raw(draw.one(line + end, line + end, binary), refused=False)


def bad_header(draw: Draw) -> Attack:
    bad = draw.one(
        b"no colon here",
        b": no name",
        b"Na me: x",
        b"Name : x",
        b" folded: x",
        b"Name: a\x00b",
        b"Name: a\rb",
        b"Name: a\nX: y",
        b"N\xc3\xa4me: x",
        b"Name: \xff\xfe",
        b"Name\x00: x",
        b"Content-Length: -1",
        b"Content-Length: +5",
        b"Content-Length: 0x5",
        b"Content-Length: 5, 6",
        b"Content-Length: " + b"9" * 400,
        b"Content-Length: 1\r\nContent-Length: 2",
        b"Content-Length: ",
        b"Content-Length: \xc2\xb2",
        b"Content-Length: 1_0",
        b"Transfer-Encoding: " + b"x" * 3000,
        b"Connection: \x01, close",
        b"Host: a\r\nHost: b",
        b"Host: " + b"a" * 5000,
        b"Host: [::1",
        b"Host: a:b:c",
        b"Host: \x7f",
        b"Expect: 200-maybe",
        b"Range: bytes=0-" + b"9" * 90,
        b"If-Modified-Since: yesterday",
        b"Cookie: " + b"a=b; " * 1200,
        b"Accept: " + b"*/*," * 900,
        b"Name: x\r\n continued: y",
        b"Upgrade: \xff",
        b"Content-Encoding: \x01",
        b"Name: " + b"\t" * 4000,
    )
    first = b"%s %s HTTP/1.1\r\nHost: %s\r\n" % (
        draw.one(b"GET", b"POST"),
        draw.one(*GUARDED).encode(),
        draw.aim.host.encode(),
    )
    return _raw(first + bad + b"\r\nConnection: close\r\n\r\n")


def header_flood(draw: Draw) -> Attack:
    many: list[Header] = draw.one(
        [(f"X-{n}", "x") for n in range(draw.rng.randrange(200, 3000))],
        [("X", "y" * draw.rng.randrange(9_000, 200_000))],
        [("X" * draw.rng.randrange(9_000, 60_000), "y")],
        [("Cookie", f"a{n}={n}") for n in range(2000)],
        [("Authorization", f"Bearer {n}") for n in range(1500)],
        [(f"X-{n}", "z" * 8000) for n in range(60)],
        [("Roomscribe-Random", draw.word(32)) for _ in range(500)],
        [("Accept-Language", "a," * 4000)],
    )
    return Attack(parts=(draw.http("GET", draw.one(*GUARDED), headers=many),))


def smuggled(draw: Draw) -> Attack:
    """Two readings of where the body ends. Only the first would show a secret."""
    path, hidden = draw.harm()
    inner = draw.http("POST", path, body=hidden)
    transfer: Header = (
        draw.one(
            "Transfer-Encoding",
            "Transfer-Encoding",
            "transfer-encoding ",
            "Transfer-Encoding\t",
            "X\r\nTransfer-Encoding",
        ),
        draw.one(
            "chunked", "identity, chunked", "xchunked", "\x0bchunked", "chunked, identity", "chunked\x00", "Chunked;q=1"
        ),
    )
    lengths: list[Header] = [("Content-Length", str(draw.one(4, 0, len(inner))))]
    headers = [("Host", draw.aim.host), *draw.proof(), ("Content-Type", "application/json")]
    headers += draw.one(
        [*lengths, transfer], [transfer, *lengths], [*lengths, *lengths, transfer], [transfer, transfer, *lengths]
    )
    method, body = draw.one(("POST", b"0\r\n\r\n"), ("GET", b""), ("POST", b"1\r\nx\r\n0\r\n\r\n"))
    return _raw(head(method, draw.one(LANGUAGES, TRANSCRIBE), headers) + body + inner, refused=method != "GET")


def bad_chunk(draw: Draw) -> Attack:
    body = written(draw.stranger())
    broken = draw.one(
        b"zz\r\n" + body,
        b"-5\r\n" + body,
        b"FFFFFFFFFFFFFFFFF\r\n" + body,
        b"\r\n\r\n" + body,
        b"0x5\r\n" + body,
        b" 5\r\n" + body,
        b"%x\r\n%s" % (len(body), body) + b"XX0\r\n\r\n",
        b"%x\n%s\n0\n\n" % (len(body), body),
        b"1" * 5000 + b"\r\n" + body,
        b"%x\r\n%s" % (len(body) - 3, body) + b"\r\n0\r\n\r\n",
        b"7fffffffffffffff\r\n" + body,
        b"%x;" % len(body) + b"\x00\r\n" + body,
    )
    return _raw(_chunked_head(draw, body) + broken)


def odd_chunks(draw: Draw) -> Attack:
    """These are correct, if unkind."""
    body = written(draw.stranger())
    singles = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    whole = b"%x\r\n%s\r\n" % (len(body), body)
    sent = draw.one(
        singles + b"0\r\n\r\n",
        b"%x;%s\r\n%s\r\n0\r\n\r\n" % (len(body), b"e=" + b"x" * draw.one(10, 60_000), body),
        whole + b"0\r\n" + b"".join(b"X-%d: y\r\n" % n for n in range(draw.one(1, 3000))) + b"\r\n",
        b"0000000000000000%x\r\n%s\r\n0\r\n\r\n" % (len(body), body),
    )
    return _raw(_chunked_head(draw, body) + sent, refused=False)


def half_sent(draw: Draw) -> Attack:
    path, body = draw.harm()
    whole = draw.http("POST", path, body=body, proven=True)
    cut = draw.rng.randrange(1, len(whole))
    return Attack(parts=(whole[:cut],), hangs_up=True, reset=draw.rng.random() < 0.5)


def walked_away(draw: Draw) -> Attack:
    """Whole requests, and nobody stays for the answer."""
    path, closing = draw.one(*GUARDED, *OPEN), draw.rng.random() < 0.5
    whole = draw.http("GET", path, proven=True, closing=closing) * draw.one(1, 1, 20)
    return Attack(parts=(whole,), hangs_up=True, reset=draw.rng.random() < 0.5)


def silent(draw: Draw) -> Attack:
    return Attack(parts=(), hangs_up=True, reset=draw.rng.random() < 0.5)


def in_pieces(draw: Draw) -> Attack:
    body = written(draw.stranger())
    whole = draw.http("POST", TRANSCRIBE, body=body, proven=True)
    cuts = sorted(draw.rng.sample(range(1, len(whole)), draw.rng.randrange(2, 12)))
    edges = [0, *cuts, len(whole)]
    return Attack(parts=tuple(whole[a:b] for a, b in itertools.pairwise(edges)), refused=False)


def pipelined(draw: Draw) -> Attack:
    count = draw.rng.randrange(2, MOST_PIPELINED)
    body = written(draw.stranger())
    several = [
        draw.one(
            draw.http("GET", draw.one(*GUARDED, *OPEN), proven=True, closing=False),
            draw.http("POST", TRANSCRIBE, body=body, proven=True, closing=False),
            draw.http("POST", TRANSCRIBE, body=b"{", proven=True, closing=False),
            draw.http("GET", "/nowhere", closing=False),
        )
        for _ in range(count)
    ]
    return Attack(parts=(b"".join(several) + draw.http("GET", "/healthz"),), refused=False)


def expectant(draw: Draw) -> Attack:
    body = written(draw.stranger())
    expects = [("Expect", draw.one("100-continue", "100-Continue", "200-ok", "", "100-continue, 100-continue", "\xe9"))]
    return Attack(parts=(draw.http("POST", TRANSCRIBE, body=body, headers=expects, proven=True),), refused=False)


def upgrade(draw: Draw) -> Attack:
    headers: list[Header] = [
        ("Upgrade", draw.one("websocket", "h2c", "TLS/1.0", "websocket, h2c", "x")),
        ("Connection", draw.one("Upgrade", "Upgrade, HTTP2-Settings", "upgrade, close")),
        ("Sec-WebSocket-Key", draw.one("dGhlIHNhbXBsZSBub25jZQ==", "", "x" * 2000)),
        ("Sec-WebSocket-Version", draw.one("13", "99", "x")),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
    ]
    sent = draw.http("GET", draw.one(*GUARDED, *OPEN), headers=headers, closing=False)
    return _raw(sent + draw.rng.randbytes(30), refused=False)


def _chunked_head(draw: Draw, body: bytes) -> bytes:
    headers = [
        ("Host", draw.aim.host),
        *draw.proof(body),
        ("Content-Type", "application/json"),
        ("Connection", "close"),
    ]
    return head("POST", TRANSCRIBE, [*headers, ("Transfer-Encoding", "chunked")])


KINDS: Final[dict[str, Callable[[Draw], Attack]]] = {
    "bad request line": bad_request_line,
    "bad header": bad_header,
    "header flood": header_flood,
    "smuggled request": smuggled,
    "bad chunk": bad_chunk,
    "odd chunks": odd_chunks,
    "half sent": half_sent,
    "walked away": walked_away,
    "nothing said": silent,
    "in pieces": in_pieces,
    "pipelined": pipelined,
    "Expect": expectant,
    "upgrade": upgrade,
}
