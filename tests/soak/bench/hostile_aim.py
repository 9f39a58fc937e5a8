"""Somebody to attack."""

from __future__ import annotations

from random import Random

from soak.bench.hostile_attack import Aim, Draw

SECRET = "0123456789abcdef" * 2
APP_SECRET = "fedcba9876543210" * 2
ROOMS = (("room-a", "reader-a"), ("room-b", "reader-b"))
AIM = Aim(secret=SECRET, app_secret=APP_SECRET, app_id="live_transcription", rooms=ROOMS)


def drawing(seed=0):
    return Draw(Random(seed), AIM)


def drawn(kind, count=300):
    """So many of one kind."""
    draw = drawing()
    return [kind(draw) for _ in range(count)]


def sent(attack):
    return b"".join(attack.parts)


def body_of(attack):
    return sent(attack).partition(b"\r\n\r\n")[2]
