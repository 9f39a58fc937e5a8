"""What a soak does, by profile: who comes, how long they stay, what they say, what goes wrong. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Churn:
    """How people come and go; seconds are means, and 0 means: not at all.

    A speaker stays for `stay_s`, and comes back after `away_s`; a room is closed after `room_s`, and another one is
    opened; a guest reads for `guest_s`. Before an utterance, a speaker mutes with a chance of `mute`.
    """

    stay_s: float
    away_s: float = 1.0
    room_s: float = 0.0
    guest_s: float = 0.0
    mute: float = 0.0


CHURN: Final[Mapping[str, Churn]] = {
    "none": Churn(stay_s=0.0),
    "calm": Churn(stay_s=600.0, away_s=30.0, room_s=3600.0, guest_s=300.0, mute=0.1),
    "lively": Churn(stay_s=45.0, away_s=3.0, room_s=180.0, guest_s=20.0, mute=0.05),
    "fast": Churn(stay_s=9.0, away_s=0.5, room_s=60.0, guest_s=8.0, mute=0.03),
}


ARRIVE_S: Final = 4.0
ARRIVALS_A_SECOND: Final = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What a fast-forward has to get done in its time; 0: it does not matter."""

    subscriptions: int = 0
    reconnects: int = 0
    utterances: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`seconds` in all: a load of `load_s` and a rest, in which everybody has left, in turns; what comes in the first
    `warm_up_s` is no part of a trend. Of the `speakers` of each room, a share of `talking` talk, with pauses of
    `pause_s`, one at a time or all at once. `cut_each_s`: between two cuts of all signaling connections; 0: none.
    """

    name: str
    text: str
    seconds: float
    rooms: int
    speakers: int
    talking: float = 1.0
    guests: int = 0
    short: bool = False
    pause_s: tuple[float, float] = (0.8, 2.4)
    in_turns: bool = False
    churn: Churn = field(default_factory=lambda: CHURN["none"])
    load_s: float = 1740.0
    warm_up_s: float = 60.0
    cut_each_s: float = 0.0
    stand_in: bool = False
    trace_heap: bool = True
    faults: str = "none"
    trend: bool = True  # is whether memory is flat a question of this profile?
    slack: float = 1.0  # times what else passes for flat: minutes prove less than hours
    goal: Goal = field(default_factory=Goal)

    @property
    def arrive_s(self) -> float:
        """In which all have come: within seconds, but not hundreds at once."""
        return max(ARRIVE_S, self.rooms * self.speakers / ARRIVALS_A_SECOND)


PROFILES: Final[Mapping[str, Profile]] = {
    each.name: each
    for each in (
        Profile(
            name="smoke",
            text="Five minutes: everything once, fast; for every change of the code.",
            seconds=300.0,
            rooms=4,
            speakers=4,
            guests=1,
            short=True,
            churn=replace(CHURN["fast"], room_s=24.0),
            load_s=16.0,
            warm_up_s=60.0,
            cut_each_s=11.0,
            stand_in=True,
            slack=30.0,
        ),
        Profile(
            name="week",
            text="The joins, reconnects and utterances of a week in an hour.",
            seconds=3540.0,
            rooms=6,
            speakers=5,
            guests=1,
            short=True,
            pause_s=(0.7, 1.8),
            churn=CHURN["fast"],
            load_s=50.0,
            warm_up_s=420.0,
            cut_each_s=22.0,
            stand_in=True,
            goal=Goal(subscriptions=5_000, reconnects=500, utterances=20_000),
        ),
        Profile(
            name="overload",
            text="Three times as many talk as the recogniser can follow; then it is quiet again.",
            seconds=480.0,
            rooms=6,
            speakers=18,
            pause_s=(0.8, 1.6),
            load_s=150.0,
            warm_up_s=0.0,
            trace_heap=False,
            trend=False,
        ),
        Profile(
            name="chaos",
            text="Everything that can break is broken, one after another, and each promise is checked.",
            seconds=1500.0,
            rooms=4,
            speakers=2,
            pause_s=(1.0, 2.5),
            churn=replace(CHURN["none"]),
            load_s=1500.0,
            warm_up_s=0.0,
            trace_heap=False,
            faults="all",
            trend=False,
        ),
        Profile(
            name="live",
            text="Meetings in real time: people talk in turns, mute, leave and come back.",
            seconds=3600.0,
            rooms=2,
            speakers=4,
            guests=1,
            pause_s=(0.6, 4.0),
            in_turns=True,
            churn=CHURN["calm"],
            load_s=870.0,
            warm_up_s=900.0,
        ),
    )
}


class UnknownProfile(Exception):
    """There is no profile, or no kind of churn, of this name. The message lists those that there are."""

    component = "soak.world.profile"


def find(name: str) -> Profile:
    """Raises `UnknownProfile`."""
    if name not in PROFILES:
        raise UnknownProfile(f"--profile: {name!r} is not known; use one of {', '.join(PROFILES)}")
    return PROFILES[name]


def find_churn(name: str) -> Churn:
    """Raises `UnknownProfile`."""
    if name not in CHURN:
        raise UnknownProfile(f"--churn: {name!r} is not known; use one of {', '.join(CHURN)}")
    return CHURN[name]
