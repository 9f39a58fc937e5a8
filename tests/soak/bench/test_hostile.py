"""The stream of hostile requests: all kinds, always the same ones, and nothing in them that harms by being granted."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from soak.bench.hostile import FLOOD, FLOOD_SHARE, KINDS, ROUND, attacks, dribbles

from .hostile_aim import AIM, ROOMS, sent

MOST_BYTES = 1_000_000


def first(count, seed=3):
    return list(islice(attacks(seed, AIM), count))


def test_every_kind_comes_in_every_round():
    some = first(3 * ROUND)
    for begin in range(0, len(some), ROUND):
        assert {attack.kind for attack in some[begin : begin + ROUND]} == set(KINDS)


def test_rooms_come_more_often_than_anything_else():
    counted = Counter(attack.kind for attack in first(5 * ROUND))
    assert counted.pop(FLOOD) == 5 * FLOOD_SHARE
    assert set(counted.values()) == {5}


def test_the_same_seed_draws_the_same_requests_and_another_seed_others():
    assert first(2 * ROUND) == first(2 * ROUND)
    assert first(2 * ROUND) != first(2 * ROUND, seed=4)


def test_thousands_of_requests_name_thousands_of_rooms():
    opened = {attack.opens[0] for attack in first(20 * ROUND) if attack.opens}
    assert len(opened) >= 20 * FLOOD_SHARE


def test_whatever_may_be_granted_leaves_the_captioned_rooms_alone():
    for attack in first(20 * ROUND):
        quiet = attack.refused or not any(token.encode() in sent(attack) for token, _ in ROOMS)
        reads = b'"enable": true' in sent(attack) or sent(attack).startswith((b"GET ", b"HEAD "))
        unproven = attack.hangs_up or attack.kind == "smuggled request"  # it is not whole, or shows no secret
        assert quiet or reads or unproven, attack.kind


def test_no_request_is_so_large_that_the_attacker_is_what_is_measured():
    assert max(len(sent(attack)) for attack in first(20 * ROUND)) < MOST_BYTES


def test_slow_callers_never_send_a_whole_request_in_an_hour():
    for whole in islice(dribbles(1, AIM), 50):
        head, _, body = whole.partition(b"\r\n\r\n")
        length = next(
            (int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0
        )
        assert not head.endswith(b"\r\n\r\n")
        assert b"\r\n\r\n" not in whole or len(whole) > 3600 or len(body) < length
