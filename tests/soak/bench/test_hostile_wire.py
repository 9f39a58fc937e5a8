"""What is no HTTP, or only a part of it."""

from __future__ import annotations

from soak.bench.hostile_attack import SHORT_S
from soak.bench.hostile_wire import (
    bad_chunk,
    bad_header,
    half_sent,
    header_flood,
    in_pieces,
    odd_chunks,
    pipelined,
    silent,
    smuggled,
    walked_away,
)

from .hostile_aim import SECRET, drawn, sent


def test_whoever_is_not_answered_rightly_does_not_wait_for_long():
    for kind in (bad_header, bad_chunk, odd_chunks, smuggled):
        assert {attack.patience_s for attack in drawn(kind, 20)} == {SHORT_S}


def test_some_hang_up_well_and_some_break_off():
    for kind in (half_sent, walked_away, silent):
        made = drawn(kind)
        assert all(attack.hangs_up for attack in made)
        assert {attack.reset for attack in made} == {True, False}


def test_pieces_are_one_request_together():
    for attack in drawn(in_pieces):
        assert len(attack.parts) > 2
        assert all(attack.parts)
        head, _, body = sent(attack).partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head


def test_the_request_that_is_smuggled_shows_no_secret():
    for attack in drawn(smuggled):
        _, _, hidden = sent(attack).partition(b"\r\n\r\n")
        assert b"POST /api/v1/" in hidden
        assert SECRET.encode() not in hidden
        assert b"Roomscribe-" not in hidden
        assert b"AUTHORIZATION-APP-API" not in hidden


def test_only_the_last_of_many_in_a_row_ends_the_connection():
    for attack in drawn(pipelined, 50):
        whole = sent(attack)
        assert whole.count(b"HTTP/1.1\r\n") > 2
        assert whole.count(b"Connection: close") == 1


def test_floods_of_headers_carry_no_proof():
    assert all(SECRET.encode() not in sent(attack) for attack in drawn(header_flood, 50))
