"""Hostile requests without end: every kind comes again and again, and the same seed draws the same ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Final

from . import hostile_auth, hostile_bodies, hostile_rooms, hostile_wire
from .hostile_attack import TRANSCRIBE, Aim, Attack, Draw

KINDS: Final[dict[str, Callable[[Draw], Attack]]] = {
    **hostile_auth.KINDS,
    **hostile_bodies.KINDS,
    **hostile_rooms.KINDS,
    **hostile_wire.KINDS,
}
FLOOD: Final = "another room"
FLOOD_SHARE: Final = 8  # times as often as each other kind: rooms come by the thousand
ROUND: Final = len(KINDS) + FLOOD_SHARE - 1


def attacks(seed: int, aim: Aim) -> Iterator[Attack]:
    """Endless, in rounds of `ROUND`: each kind comes in each round."""
    rng = Random(seed)
    draw = Draw(rng, aim)
    turn = [*KINDS, *[FLOOD] * (FLOOD_SHARE - 1)]
    while True:
        rng.shuffle(turn)
        for kind in turn:
            yield replace(KINDS[kind](draw), kind=kind)


def dribbles(seed: int, aim: Aim) -> Iterator[bytes]:
    """Endless. Requests for whoever sends a byte at a time, and never the last one: of heads, of bodies, of chunks."""
    draw = Draw(Random(seed + 1), aim)  # not those of `attacks`, whose randoms are good once
    while True:
        whole = draw.http("POST", TRANSCRIBE, body=b"{" + b" " * 4000, proven=True)
        yield draw.one(
            draw.http("GET", "/healthz")[:-2] + b"X: y\r\n" * 500,
            whole[:20] + b"X: y\r\n" * 500,
            whole,
            whole[: whole.index(b"\r\n\r\n") + 5],
            b"",
        )
